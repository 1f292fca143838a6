"""What painting over another track's mask means."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from ifc_core.structures import MaskRecord, RLEMask, Track
from napari_ifc.controllers.mask_shapes import encode_mask
from napari_ifc.mask_crops import crop_mask


class PaintOver(StrEnum):
    """What happens where a painted mask comes to lie over another."""

    KEEP = "keep"  # both have the pixels; the order of tracks says which one is seen
    TOP = "top"  # the painted track comes to lie above those it overlaps
    BELOW = "below"  # the painted track comes to lie below those it overlaps
    FORBID = "forbid"  # pixels of another track are not painted


def without_others(rle: RLEMask, before: RLEMask | None, others: Sequence[MaskRecord]) -> RLEMask:
    """A painted mask less the new pixels that belong to other tracks.

    Args:
        rle: The mask as painted.
        before: The mask before; what it had already is kept.
        others: Masks of the other tracks on the frame.
    """
    touched = overlapped(rle, others)
    if not touched:
        return rle
    mask = np.ascontiguousarray(rle.to_array())
    kept = None if before is None else before.to_array()
    for other in touched:
        _erase(mask, kept, other)
    return encode_mask(mask)


def _erase(
    mask: npt.NDArray[np.bool_], kept: npt.NDArray[np.bool_] | None, other: MaskRecord
) -> None:
    crop = None if other.rle is None else crop_mask(other.rle)
    if crop is None:
        return
    left, top, inside = crop
    window = (slice(top, top + inside.shape[0]), slice(left, left + inside.shape[1]))
    taken = inside != 0
    if kept is not None:
        taken &= ~kept[window]
    mask[window] &= ~taken


def overlapped(rle: RLEMask, others: Sequence[MaskRecord]) -> list[MaskRecord]:
    """Those of the masks that share a pixel with a mask."""
    x, y, w, h = rle.bbox_xywh
    near = []
    for other in others:
        if other.rle is None:
            continue
        ox, oy, ow, oh = other.rle.bbox_xywh
        if x < ox + ow and ox < x + w and y < oy + oh and oy < y + h:
            near.append(other)
    return [other for other in near if other.rle is not None and other.rle.iou(rle) > 0]


def order_for(
    tracks: Sequence[Track], track_id: int, overlapped_ids: set[int], rule: PaintOver
) -> tuple[int, ...] | None:
    """The order of tracks, bottom first, in which a track lies above or below others.

    Args:
        tracks: All tracks of the video, bottom first.
        track_id: The painted track.
        overlapped_ids: Tracks that it overlaps.
        rule: ``TOP`` or ``BELOW``; the others change nothing.

    Returns:
        The new order, or ``None`` where it is right already.
    """
    ids = [track.id for track in tracks]
    places = [ids.index(i) for i in overlapped_ids if i in ids]
    here = ids.index(track_id)
    if not places or rule not in (PaintOver.TOP, PaintOver.BELOW):
        return None
    if rule is PaintOver.TOP and max(places) > here:
        ids.insert(max(places), ids.pop(here))
    elif rule is PaintOver.BELOW and min(places) < here:
        ids.insert(min(places), ids.pop(here))
    else:
        return None
    return tuple(ids)
