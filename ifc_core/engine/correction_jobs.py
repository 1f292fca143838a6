"""The jobs behind clicks, boxes and scribbles; see also :mod:`ifc_core.engine.spread_job`.

Each works without a model at hand, by colour and flow, and its result says in ``used`` what took
part (``network``, ``colour``, ``flow``) and in ``notices`` why something did not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ifc_core.engine.asked_reader import open_reader
from ifc_core.engine.correction_cache import CorrectionCache
from ifc_core.engine.propose_job import search_folders
from ifc_core.engine.server import ServerJob
from ifc_core.errors import ConfigError
from ifc_core.structures import RLEMask

if TYPE_CHECKING:
    from ifc_core.inference.candidates import ClipCandidate

DEFAULT_LIMIT = 9


def find_candidates(
    params: dict[str, Any], job: ServerJob, caches: CorrectionCache
) -> dict[str, Any]:
    """Masks to choose from for a click or a box, over the clip around the frame.

    Args:
        params: ``video`` or ``frames``; ``frame_index``; ``point_xy`` or ``box_xyxy``; at will
            ``limit``, and ``settings`` (``ProposeSettings.to_json``) with ``models`` (folders) to
            ask the network, which need not have been run before.
        job: Asked for cancellation.
        caches: Where features are kept.

    Returns:
        ``candidates``, best first: ``source`` (``network`` or ``colour``), ``score``,
        ``category`` (a name or ``None``) and ``masks`` (``frame_index``, ``rle``); and ``used``,
        ``notices``.
    """
    from ifc_core.inference.candidates import box_candidates, click_candidates
    from ifc_core.inference.correction import CorrectSettings

    frame_index = int(params["frame_index"])
    limit = int(params.get("limit", DEFAULT_LIMIT))
    with ExitStack() as stack:
        reader = open_reader(params, job, stack)
        features, notices = caches.features(reader, params, search_folders(params))
        flow = caches.flow(reader, CorrectSettings().short_side)
        rest = (features, limit, job.context, flow)
        if "point_xy" in params:
            x, y = _numbers(params["point_xy"], 2, "point_xy")
            found = click_candidates(reader, frame_index, (x, y), *rest)
        elif "box_xyxy" in params:
            x0, y0, x1, y1 = _numbers(params["box_xyxy"], 4, "box_xyxy")
            found = box_candidates(reader, frame_index, (x0, y0, x1, y1), *rest)
        else:
            raise ConfigError("Click or draw a box.", name="point_xy", value=None)
        names = [] if features is None else features.category_names
    sources = {c.source for c in found}
    used = [str(word) for word in ("network", "colour") if word in sources]
    used += ["flow"] if "colour" in sources else []
    listed = [_encode_candidate(c, names) for c in found]
    return {"candidates": listed, "used": used, "notices": notices}


def mask_in_box(params: dict[str, Any], job: ServerJob, caches: CorrectionCache) -> dict[str, Any]:
    """The best mask for a box: what stands out from an even ground, a candidate that fits, GrabCut.

    Args:
        params: As :func:`find_candidates`, with ``box_xyxy``.
        job: Asked for cancellation.
        caches: Where features are kept.

    Returns:
        ``rle`` on the frame, ``source``, ``score``, ``category``, ``masks`` over the clip,
        ``used`` and ``notices``.
    """
    if "box_xyxy" not in params:
        raise ConfigError("Draw a box.", name="box_xyxy", value=None)
    answer = find_candidates({**params, "limit": 2}, job, caches)
    best = answer["candidates"][0]
    frame_index = int(params["frame_index"])
    rle = next(m["rle"] for m in best["masks"] if m["frame_index"] == frame_index)
    used = ["network"] if best["source"] == "network" else ["colour", "flow"]
    return {**best, "rle": rle, "used": used, "notices": answer["notices"]}


def mask_from_scribbles(
    params: dict[str, Any], job: ServerJob, caches: CorrectionCache
) -> dict[str, Any]:
    """The mask on a frame that positive and negative strokes ask for.

    Args:
        params: ``video`` or ``frames``; ``frame_index``; ``positive`` and ``negative``, lists of
            strokes: ``points_xy`` with ``radius_px``, or ``rle``; at will ``mask`` (the RLE so
            far) and ``settings`` with ``models`` to ask the network.
        job: Asked for cancellation.
        caches: Where features are kept.

    Returns:
        ``rle`` (``None`` if nothing is left), ``used`` and ``notices``.
    """
    from ifc_core.inference.prompt_mask import mask_from_strokes

    frame_index = int(params["frame_index"])
    with ExitStack() as stack:
        reader = open_reader(params, job, stack)
        size = reader.video.size
        positive, negative = (_drawn(params.get(n, ()), size) for n in ("positive", "negative"))
        known = _array(params.get("mask"), size)
        features, notices = caches.features(reader, params, search_folders(params))
        opinion = None
        if features is not None:
            from ifc_core.inference.mask_refit import stroke_logits

            opinion = stroke_logits(features, frame_index, positive, negative)
        frame = reader.read(frame_index)
        mask = mask_from_strokes(frame, positive, negative, known, opinion)
    rle = RLEMask.from_array(mask).to_coco() if mask.any() else None
    used = ["colour"] if opinion is None else ["network", "colour"]
    return {"rle": rle, "used": used, "notices": notices}


def _numbers(values: Any, count: int, name: str) -> tuple[float, ...]:
    """The coordinates of a click, a box or a stroke's point."""
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != count or not all(math.isfinite(number) for number in numbers):
        raise ConfigError(f"{name} must hold {count} numbers of pixels.", name=name, value=values)
    return numbers


def _drawn(strokes: Sequence[Mapping[str, Any]], size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    from ifc_core.inference.prompt_mask import Stroke, draw_strokes

    lines = [
        Stroke(
            tuple((x, y) for x, y in (_numbers(p, 2, "points_xy") for p in stroke["points_xy"])),
            *_numbers([stroke.get("radius_px", 3.0)], 1, "radius_px"),
        )
        for stroke in strokes
        if "points_xy" in stroke
    ]
    drawn = draw_strokes(lines, size)
    for stroke in strokes:
        painted = _array(stroke.get("rle"), size)
        if painted is not None:
            drawn |= painted
    return drawn


def _array(value: Mapping[str, Any] | None, size: tuple[int, int]) -> npt.NDArray[np.bool_] | None:
    rle = fitting_mask(value, size)
    return None if rle is None else rle.to_array()


def fitting_mask(value: Mapping[str, Any] | None, size: tuple[int, int]) -> RLEMask | None:
    """A mask of a request, which must be as large as the frame.

    Args:
        value: COCO RLE, or ``None``.
        size: Of the video's frames.

    Raises:
        ConfigError: It is of another size.
    """
    if value is None:
        return None
    rle = RLEMask.from_coco(dict(value))
    if rle.size != size:
        raise ConfigError(
            f"A mask of {rle.size[1]} by {rle.size[0]} pixels does not fit a frame of "
            f"{size[1]} by {size[0]}.",
            name="mask",
            value=rle.size,
        )
    return rle


def _encode_candidate(candidate: ClipCandidate, names: Sequence[str]) -> dict[str, Any]:
    label = candidate.label
    known = label is not None and label < len(names)
    return {
        "source": candidate.source,
        "score": candidate.score,
        "category": names[label] if known and label is not None else None,
        "masks": [
            {"frame_index": frame, "rle": None if rle is None else rle.to_coco()}
            for frame, rle in sorted(candidate.masks.items())
        ],
    }
