"""IFC Studio's engine."""
