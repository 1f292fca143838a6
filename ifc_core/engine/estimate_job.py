"""The ``estimate`` job: how long a run will take, before it is started."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from typing import Any

from ifc_core.engine.model_cache import ModelCache
from ifc_core.engine.propose_job import open_source, search_folders
from ifc_core.engine.server import ServerJob
from ifc_core.inference.settings import ProposeSettings


def estimate(params: dict[str, Any], job: ServerJob, models: ModelCache) -> dict[str, Any]:
    """Time one clip on this machine and scale it to the video.

    Args:
        params: As for :func:`ifc_core.engine.propose_job.propose`.
        job: Asked for frames and for cancellation.
        models: Where models are kept.

    Returns:
        The fields of :class:`ifc_core.inference.estimate.RunEstimate` and ``device``.

    Raises:
        DeviceMemoryError: Not even one clip fits at the smallest size.
        JobCancelled: It was cancelled, which it hears of after a clip at most.
    """
    from ifc_core.inference.estimate import estimate_run

    settings = ProposeSettings.from_json(params.get("settings", {}))
    with ExitStack() as stack:
        source = open_source(params, settings, job, stack)
        model = models.get(settings.model, settings.device, search_folders(params))
        _, frame = next(source.frames)
    job.context.raise_if_cancelled()
    # The source counts frames after the frame step, the estimate before it.
    num_frames = (source.num_frames - 1) * settings.frame_step + 1
    found = estimate_run(model, frame, settings, num_frames, context=job.context)
    return dataclasses.asdict(found) | {"device": str(model.device)}
