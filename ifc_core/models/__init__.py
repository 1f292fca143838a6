"""The IFC network, its checkpoints and what can be read off it."""
