"""The layer that lays a heat map over a frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from napari.layers import Image

from napari_ifc.picture_place import PicturePlace
from napari_ifc.views.heat_colors import heat_colormap

HEAT = "Attention"


def heat_layer(
    values: npt.NDArray[np.float32], size: tuple[int, int], place: PicturePlace
) -> Image:
    """A heat map as a layer.

    Args:
        values: (h, w) in 0 to 1.
        size: (height, width) in pixels of the frame that it is stretched over.
        place: Where the frame lies.
    """
    scale = tuple(whole / part for whole, part in zip(size, values.shape, strict=True))
    return Image(
        values,
        name=HEAT,
        colormap=heat_colormap(),
        contrast_limits=(0.0, 1.0),
        scale=scale,
        translate=tuple((s - 1) / 2 for s in scale),
        affine=place.affine(2),
        interpolation2d="linear",
        blending="translucent_no_depth",
        metadata={"ifc": HEAT},
    )
