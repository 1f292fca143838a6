"""Where the studio's layers lie among a person's own: above images, below all the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from napari.layers import Image

if TYPE_CHECKING:
    from napari.components import LayerList


class LayerOrder:
    """The order that a viewer's layers should have.

    Images that are open when a video comes would hide it, and so lie below it; labels, shapes
    and points stay above. An image that a person lifts above all of ours later stays there.

    Args:
        layers: The viewer's.
    """

    def __init__(self, layers: LayerList) -> None:
        self._layers = layers
        self._below: list[Any] = []

    def begin(self) -> None:
        """A video comes, none of our layers being in the viewer: images go below it."""
        self._below = [layer for layer in self._layers if isinstance(layer, Image)]

    def end(self) -> None:
        """Let go of a person's layers."""
        self._below.clear()

    def wanted(self, ours: Sequence[Any]) -> list[Any]:
        """All layers in the order they should have, ours next to each other.

        Args:
            ours: Our layers, from below; all are in the viewer.
        """
        order = list(self._layers)
        top = max(order.index(layer) for layer in ours)
        lifted = order[top + 1 :] if self._are_together(order, ours) else []
        self._below = [x for x in self._below if x in order and x not in lifted]
        others = [layer for layer in order if layer not in ours]
        place = max((others.index(layer) + 1 for layer in self._below), default=0)
        return [*others[:place], *ours, *others[place:]]

    @staticmethod
    def _are_together(order: Sequence[Any], ours: Sequence[Any]) -> bool:
        """Whether ours lie as they should among themselves, so that another one was moved."""
        first = order.index(ours[0])
        return list(order[first : first + len(ours)]) == list(ours)
