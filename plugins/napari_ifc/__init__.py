"""IFC Studio inside napari: propose, correct, export and learn from video masks.

Importing this package loads neither Qt nor napari nor torch; the pieces load what they
need when they are used.
"""

from ifc_core.version import __version__

__all__ = ["__version__"]
