"""IFC Studio's engine.

``load_model`` is resolved on first use, so that importing the package leaves torch unloaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ifc_core.version import __version__

if TYPE_CHECKING:
    from ifc_core.models.registry import load_model

__all__ = ["__version__", "load_model"]


def __getattr__(name: str) -> Any:
    if name == "load_model":
        from ifc_core.models.registry import load_model

        return load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
