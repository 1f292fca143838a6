"""Reading and writing: videos, annotation formats, overlays. One module a format, no torch."""
