"""The ``spread`` job: a person's masks of one track, taken to the frames around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ifc_core.engine.model_cache import ModelCache
from ifc_core.engine.propose_job import search_folders
from ifc_core.engine.server import ServerJob
from ifc_core.inference.settings import ProposeSettings
from ifc_core.io.video import VideoReader, open_video
from ifc_core.structures import RLEMask

if TYPE_CHECKING:
    from ifc_core.inference.correction import CorrectedMask, Evidence


def spread_correction(params: dict[str, Any], job: ServerJob, models: ModelCache) -> dict[str, Any]:
    """Spread corrections; nothing is changed by this, the client stages what comes.

    Args:
        params: ``video`` (a path); ``corrected``, a list of ``frame_index`` and ``rle`` (COCO RLE,
            ``None`` where the object is absent); ``start`` and ``stop``, the scope; at will
            ``correct`` (``CorrectSettings.to_json``) and, to let the network have its say,
            ``settings`` (``ProposeSettings.to_json``) and ``models`` (folders to search).
        job: Gets the events ``progress`` and ``mask`` (``frame_index``, ``rle``, ``confidence``).
        models: Where models are kept.

    Returns:
        ``num_masks``, how many frames got a result.
    """
    from ifc_core.inference.correction import CorrectedMask, CorrectSettings, spread

    corrected = [
        CorrectedMask(int(item["frame_index"]), _mask(item["rle"])) for item in params["corrected"]
    ]
    scope = range(int(params["start"]), int(params["stop"]))
    settings = CorrectSettings.from_json(params.get("correct", {}))
    count = 0
    with open_video(str(params["video"]), job.context) as reader:
        evidence = _evidence(params, models, reader, corrected) if "settings" in params else None
        for found in spread(reader, corrected, scope, settings, job.context, evidence):
            rle = None if found.rle is None else found.rle.to_coco()
            job.emit(
                "mask",
                {"frame_index": found.frame_index, "rle": rle, "confidence": found.confidence},
            )
            count += 1
    return {"num_masks": count}


def _mask(value: Mapping[str, Any] | None) -> RLEMask | None:
    return None if value is None else RLEMask.from_coco(dict(value))


def _evidence(
    params: dict[str, Any],
    models: ModelCache,
    reader: VideoReader,
    corrected: list[CorrectedMask],
) -> Evidence:
    from ifc_core.inference.clip_features import ClipFeatureCache
    from ifc_core.inference.mask_refit import RefitEvidence

    settings = ProposeSettings.from_json(params["settings"])
    model = models.get(settings.model, settings.device, search_folders(params))
    return RefitEvidence(ClipFeatureCache(model, reader, settings), corrected)
