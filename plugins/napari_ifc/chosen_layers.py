"""Layers come and go without taking the pointer from the one that a person works in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def choice_kept(layers: Any) -> Iterator[None]:
    """The chosen ones of napari's layers stay so; napari makes each new one active."""
    chosen = set(layers.selection)
    with layers.selection.events.active.blocker():
        yield
        layers.selection = chosen & set(layers)
