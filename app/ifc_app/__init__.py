"""The desktop program: a napari window around the plugin, a start page, and headless use."""
