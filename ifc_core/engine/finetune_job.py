"""The ``finetune`` job: a project's snapshot to a new model version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ifc_core.engine.server import ServerJob

EVENT_NAMES = {
    "FinetuneStarted": "started",
    "FinetuneStep": "step",
    "FinetuneValidation": "validation",
}
"""Class of an event -> name under which it is sent."""


def finetune_model(params: dict[str, Any], job: ServerJob) -> dict[str, Any]:
    """Train a new version in this process, which the window started for it.

    Args:
        params: ``project`` (its folder) and ``settings`` (``FinetuneSettings.to_json``). The
            snapshot lies in the run's folder; the project's database is not opened.
        job: Gets ``progress`` and the events of :data:`EVENT_NAMES`, as JSON values.

    Returns:
        The fields of a :class:`ifc_core.training.finetune_settings.FinetuneResult` and its
        ``metrics``; the window enters the version into the project.

    Raises:
        JobCancelled: The job was cancelled; started again with the same run it goes on.
        IFCError: See :func:`ifc_core.training.finetune.finetune`.
    """
    from ifc_core.training.finetune import finetune
    from ifc_core.training.finetune_settings import FinetuneSettings, event_to_json

    settings = FinetuneSettings.from_json(dict(params["settings"]))
    result: dict[str, Any] = {}
    for event in finetune(Path(str(params["project"])), settings, job.context):
        values = event_to_json(event)
        kind = str(values.pop("event"))
        if kind in EVENT_NAMES:
            job.emit(EVENT_NAMES[kind], values)
        else:
            result = values
    return result
