"""A version fine-tuned by the real engine process, in a few iterations."""

from pathlib import Path

import numpy as np
import pytest

from ifc_core.annotation import Project, Scope
from ifc_core.annotation.edits import ApproveFrames, NewTrack, SetCategory, SetMask
from ifc_core.annotation.snapshot import make_snapshot
from ifc_core.engine.client import EngineClient
from ifc_core.engine.protocol import JobEnd, JobEvent, JobStatus
from ifc_core.errors import FormatError
from ifc_core.io.video import open_video
from ifc_core.jobs import Progress
from ifc_core.models.checkpoint import read_checkpoint
from ifc_core.structures import Category, RLEMask
from ifc_core.training.finetune_settings import FinetuneSettings

WAIT = 240.0
FRAMES = range(6)


@pytest.fixture
def project_folder(tmp_path: Path, clip_folder: Path) -> Path:
    """A project with the moving square approved on six frames, and the snapshot of run r1."""
    with Project.create(tmp_path / "squares.ifcproj", name="squares") as project:
        with open_video(clip_folder) as reader:
            video_id = project.add_video(reader.video)
        project.apply(SetCategory(Category(1, "fox")))
        masks = []
        for t in FRAMES:
            mask = np.zeros((48, 80), np.bool_)
            mask[12:32, 6 * t : 6 * t + 20] = True
            masks.append(RLEMask.from_array(mask))
        track = project.apply(NewTrack(video_id, 1, 0, masks[0])).tracks_added[0]
        for t in FRAMES:
            project.apply(SetMask(track, t, masks[t]))
            project.apply(ApproveFrames(video_id, Scope.this_frame(t)))
        make_snapshot(project, project.folder / "runs" / "r1")
        return project.folder


def test_a_version_comes_with_its_losses_and_its_verdict(
    engine: EngineClient, project_folder: Path, tiny_model_file: Path
) -> None:
    chosen = FinetuneSettings(
        "r1", model=str(tiny_model_file), short_side=64, device="cpu", iterations=2
    )
    params = {"project": str(project_folder), "settings": chosen.to_json()}
    events: list[JobEvent | JobEnd] = []
    end = engine.request("finetune", params, events.append).wait(WAIT)
    assert end.status is JobStatus.SUCCEEDED, end.error
    data: dict[str, list[object]] = {}
    for event in events:
        if isinstance(event, JobEvent):
            data.setdefault(event.name, []).append(event.data)
    assert len(data["started"]) == 1
    assert len(data["step"]) == 2
    assert all(isinstance(told, Progress) for told in data["progress"])
    path = Path(str(end.result["path"]))
    assert path.parent == project_folder / "models"
    assert read_checkpoint(path).info.sha256 == end.result["sha256"]
    assert end.result["parent"] == tiny_model_file.stem
    assert end.result["metrics"]


def test_a_run_without_its_snapshot_is_one_error(
    engine: EngineClient, project_folder: Path, tiny_model_file: Path
) -> None:
    chosen = FinetuneSettings("r2", model=str(tiny_model_file), device="cpu", iterations=2)
    params = {"project": str(project_folder), "settings": chosen.to_json()}
    end = engine.request("finetune", params, lambda event: None).wait(WAIT)
    assert end.status is JobStatus.FAILED
    assert isinstance(end.error, FormatError)
