"""The ``spread`` job: a person's masks of one track, taken to the frames around them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from ifc_core.engine.asked_reader import open_reader
from ifc_core.engine.correction_cache import CorrectionCache
from ifc_core.engine.correction_jobs import fitting_mask
from ifc_core.engine.propose_job import search_folders
from ifc_core.engine.server import ServerJob
from ifc_core.inference.correction import (
    CorrectedMask,
    CorrectSettings,
    features_help,
    spread,
)
from ifc_core.inference.spread_scope import DEFAULT_CLIP_LENGTH, scope_frames
from ifc_core.io.readable_frames import StandInReader


def spread_correction(
    params: dict[str, Any], job: ServerJob, caches: CorrectionCache
) -> dict[str, Any]:
    """Spread corrections; nothing is changed by this, the client stages what comes.

    To pause, cancel; to go on, ask again with ``skip`` holding the frames that came.

    Args:
        params: ``video`` (a path) or ``frames``; ``corrected``, a list of ``frame_index`` and
            ``rle`` (COCO RLE, ``None`` where the object is absent) for every frame of the track
            that a person corrected or approved; the scope, ``scope`` (``clip``, ``forward``,
            ``backward``, ``both``, ``next``, ``gap``) with ``frame_index``, or ``start`` and
            ``stop``; with ``gap`` also ``annotated``, the frames on which the track has something.
            At will: ``fixed`` and ``skip`` (frames that get no result); ``avoid``, a list of
            ``frame_index`` and ``rle`` of pixels that are not the object, such as other tracks
            that a person made; ``correct`` (``CorrectSettings.to_json``); and, to let the
            network have its say, ``settings`` (``ProposeSettings.to_json``) and ``models``
            (folders to search).
        job: Gets the events ``progress``, ``notice`` (a sentence) and ``mask``
            (``frame_index``, ``rle``, ``confidence``), frame by frame.
        caches: Where features and flow are kept.

    Returns:
        ``num_masks``, how many frames got a result (those that cannot be decoded get none);
        ``used``, what took part (``network``, ``colour``, ``flow``); ``notices``.
    """
    settings = CorrectSettings.from_json(params.get("correct", {}))
    count = 0
    with ExitStack() as stack:
        reader = open_reader(params, job, stack)
        size = reader.video.size
        corrected, avoid = (_masks(params.get(n, ()), size) for n in ("corrected", "avoid"))
        scope = _scope(params, reader.video.num_frames, corrected)
        helps = settings.method == "fused" and features_help(len(corrected), len(scope))
        wanted = params if helps else {}
        features, notices = caches.features(reader, wanted, search_folders(params))
        for notice in notices:
            job.emit("notice", notice)
        evidence = None
        if features is not None:
            from ifc_core.inference.mask_refit import RefitEvidence

            evidence = RefitEvidence(features, corrected)
        kept = ("fixed", "skip", *(("annotated",) if params.get("scope") == "gap" else ()))
        skip = {int(f) for name in kept for f in params.get(name, ())}
        found_masks = spread(
            reader,
            corrected,
            scope,
            settings,
            job.context,
            evidence,
            features=features,
            avoid=avoid,
            skip=skip,
            store=caches.flow(reader, settings.short_side),
        )
        looked = reader if settings.method in ("fused", "flow") else None
        for found in found_masks:
            if isinstance(looked, StandInReader) and found.frame_index in looked.stands:
                continue  # it was carried over another frame's picture
            rle = None if found.rle is None else found.rle.to_coco()
            job.emit(
                "mask",
                {"frame_index": found.frame_index, "rle": rle, "confidence": found.confidence},
            )
            count += 1
        if isinstance(looked, StandInReader) and looked.notice:
            notices.append(looked.notice)
            job.emit("notice", looked.notice)
    return {"num_masks": count, "used": _used(settings, features is not None), "notices": notices}


def _scope(params: dict[str, Any], num_frames: int, corrected: list[CorrectedMask]) -> range:
    if "scope" not in params:
        return range(int(params["start"]), int(params["stop"]))
    proposing = params.get("settings") or {}
    fixed = {int(f) for f in params.get("fixed", ())} | {c.frame_index for c in corrected}
    return scope_frames(
        str(params["scope"]),
        int(params["frame_index"]),
        num_frames,
        fixed,
        int(proposing.get("clip_length", DEFAULT_CLIP_LENGTH)),
        int(proposing.get("frame_step", 1)),
        {int(f) for f in params.get("annotated", ())},
    )


def _masks(values: list[Mapping[str, Any]], size: tuple[int, int]) -> list[CorrectedMask]:
    return [CorrectedMask(int(v["frame_index"]), fitting_mask(v["rle"], size)) for v in values]


def _used(settings: CorrectSettings, network: bool) -> list[str]:
    if settings.method in ("copy", "interpolate"):
        return []
    looks = ["network", "colour"] if network else ["colour"]
    return ([] if settings.method == "flow" else looks) + ["flow"]
