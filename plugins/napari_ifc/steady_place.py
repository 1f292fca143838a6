"""Layers whose pixels change often and whose place hardly ever does.

napari works out a layer's place in the world anew whenever the layer shows other pixels, and once
more with each painting of the canvas, because every slice brings along a transform of its own, the
same as before. Where it is the same, what was worked out from it holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Layer
from napari.utils.transforms import Affine, TransformChain

from napari_ifc.picture_place import PicturePlace


class _SteadyChain(TransformChain):
    """A chain that takes note only of transforms that change something."""

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, int) and _is_same(self[key], value):
            return
        super().__setitem__(key, value)


def keep_place(layer: Layer) -> None:
    """Have a layer work out its place only when that changes.

    napari's own way of slicing, drawing and picking stays as it is; where a version of napari keeps
    transforms in another way, nothing happens.

    Args:
        layer: A layer that is in no viewer yet.
    """
    chain = getattr(layer, "_transforms", None)
    if type(chain) is TransformChain:
        layer._transforms = _SteadyChain(list(chain))


def hold_place(layer: Layer, place: PicturePlace) -> None:
    """Lay a layer over the picture, to stay there whatever is done with napari's *Transform*.

    Else strokes would go where the layer was, beside what is seen under the brush.

    Args:
        layer: A layer whose own scale and translation count pixels of the picture.
        place: Where the picture lies.
    """
    still = place.affine(layer.ndim)

    def put_back(event: Any) -> None:
        if not np.array_equal(event.source.affine.affine_matrix, still):
            event.source.affine = still

    layer.affine = still
    layer.events.affine.connect(put_back)


def _is_same(one: Any, other: Any) -> bool:
    return (
        isinstance(one, Affine)
        and isinstance(other, Affine)
        and (one.name, one.units, one.axis_labels) == (other.name, other.units, other.axis_labels)
        and np.array_equal(one.affine_matrix, other.affine_matrix)
    )
