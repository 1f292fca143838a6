"""A propose job that was stopped goes on from its last checkpoint."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ifc_core.engine import propose_job
from ifc_core.engine.model_cache import ModelCache
from ifc_core.errors import ConfigError
from ifc_core.inference.settings import ProposeSettings
from ifc_core.jobs import JobCancelled, JobContext


class Job:
    """Collects events; asks itself to stop after some frames."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.context = JobContext()
        self.events: dict[str, list[Any]] = {}
        self.stop_after = stop_after

    def emit(self, name: str, data: Any) -> None:
        self.events.setdefault(name, []).append(json.loads(json.dumps(data, default=str)))
        if name == "frame" and len(self.events["frame"]) == self.stop_after:
            self.context.cancel()


@pytest.fixture
def params(clip_folder: Path, tiny_model_file: Path) -> dict[str, Any]:
    settings = ProposeSettings(
        model=str(tiny_model_file),
        clip_length=3,
        device="cpu",
        precision="fp32",
        score_threshold=0.0,
    )
    return {"video": str(clip_folder), "settings": settings.to_json()}


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propose_job, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(propose_job, "_CHECKPOINT_SHARE", float("inf"))


def stopped(params: dict[str, Any], models: ModelCache, after: int) -> Job:
    job = Job(after)
    with pytest.raises(JobCancelled):
        propose_job.propose(params, job, models)  # type: ignore[arg-type]
    return job


def test_the_frames_and_the_table_are_those_of_one_run(params: dict[str, Any]) -> None:
    models, whole = ModelCache(), Job()
    propose_job.propose(params, whole, models)  # type: ignore[arg-type]
    first = stopped(params, models, 4)
    state = first.events["checkpoint"][-1]
    assert state["next_position"] == 4
    rest = Job()
    result = propose_job.propose(params | {"resume": state}, rest, models)  # type: ignore[arg-type]
    assert first.events["frame"] + rest.events["frame"] == whole.events["frame"]
    assert rest.events["instances"] == whole.events["instances"]
    assert result["num_frames"] == 5


def test_other_weights_are_refused(params: dict[str, Any]) -> None:
    models = ModelCache()
    state = stopped(params, models, 3).events["checkpoint"][-1] | {"model_sha256": "0" * 64}
    with pytest.raises(ConfigError, match="other weights"):
        propose_job.propose(params | {"resume": state}, Job(), models)  # type: ignore[arg-type]


def test_frames_of_the_client_are_asked_from_the_restart_on(
    params: dict[str, Any], clip_frames: np.ndarray
) -> None:
    models = ModelCache()
    state = stopped(params, models, 6).events["checkpoint"][-1]
    asked: list[int] = []

    class Asked(Job):
        def ask(self, name: str, data: dict[str, Any]) -> dict[str, Any]:
            asked.extend(data["indices"])
            return {"frames": [clip_frames[i] for i in data["indices"]]}

    count, height, width = clip_frames.shape[:3]
    shape = {"count": count, "height": height, "width": width}
    job = Asked()
    request = {"frames": shape, "settings": params["settings"], "resume": state}
    propose_job.propose(request, job, models)  # type: ignore[arg-type]
    assert asked == list(range(state["restart_frame"], count))
    assert [frame["frame_index"] for frame in job.events["frame"]] == list(range(6, count))
