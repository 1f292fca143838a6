"""Models kept loaded between jobs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ifc_core.models.ifc import IFC

Loader = Callable[..., Any]


class ModelCache:
    """The last few models, by file, its state and device.

    Args:
        capacity: How many are kept.
        load: Loads a model: ``load_model`` of the registry, replaced in tests.
    """

    def __init__(self, capacity: int = 2, load: Loader | None = None) -> None:
        self._capacity = capacity
        self._load = load
        self._models: OrderedDict[tuple[object, ...], IFC] = OrderedDict()

    def get(self, name: str, device: str = "auto", search: Sequence[Path] = ()) -> IFC:
        """A model in float32 on its device, in eval mode; it must not be changed.

        Args:
            name: Name or file; empty or ``default`` for the bundled one.
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
            search: Further folders of models, first of all a project's.

        Returns:
            The model.

        Raises:
            CheckpointError: There is no such model or it cannot be used.
            ConfigError: There is no such device.
        """
        from ifc_core.models.registry import load_model, locate_model, resolve_device

        target = str(resolve_device(device))
        path = locate_model(name, search)
        key = (path, path.stat().st_mtime_ns if path.is_file() else 0, target)
        if key not in self._models:
            while len(self._models) >= self._capacity:
                self._models.popitem(last=False)
            load = self._load or load_model
            self._models[key] = load(name, target, "fp32", search=search)
        self._models.move_to_end(key)
        return self._models[key]

    def clear(self) -> None:
        """Let go of every model, and of the device's cached memory."""
        import torch

        self._models.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
