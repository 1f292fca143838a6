"""What a fine-tuning works from: the right videos, and frames to judge by that nobody learned."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from ifc_core.annotation import Project, Scope
from ifc_core.annotation.edits import ApproveFrames, NewTrack, SetCategory, SetMask
from ifc_core.annotation.snapshot import make_snapshot
from ifc_core.errors import ProjectError
from ifc_core.io.video import open_video
from ifc_core.structures import Category, RLEMask
from ifc_core.training.finetune_plan import plan_finetune
from ifc_core.training.finetune_settings import FinetuneSettings

FRAMES = range(0, 60, 10)


@pytest.fixture
def video_folder(tmp_path):
    folder = tmp_path / "toy"
    folder.mkdir()
    for frame in range(60):
        cv2.imwrite(str(folder / f"{frame:05d}.png"), np.full((32, 48, 3), frame, np.uint8))
    return folder


@pytest.fixture
def project(tmp_path, video_folder):
    """A cat, approved on six frames of a clip."""
    with Project.create(tmp_path / "toy.ifcproj", name="toy") as project:
        with open_video(video_folder) as reader:
            video_id = project.add_video(reader.video)
        project.apply(SetCategory(Category(1, "cat")))
        mask = RLEMask.from_array(np.ones((32, 48), np.bool_))
        track = project.apply(NewTrack(video_id, 1, FRAMES[0], mask)).tracks_added[0]
        for frame in FRAMES:
            project.apply(SetMask(track, frame, mask))
            project.apply(ApproveFrames(video_id, Scope.this_frame(frame)))
        yield project


def settings(model: Path, **changes) -> FinetuneSettings:
    return FinetuneSettings("r1", model=str(model), short_side=64, device="cpu", **changes)


@pytest.fixture
def run_folder(project):
    folder = project.folder / "runs" / "r1"
    make_snapshot(project, folder)
    return folder


def test_a_video_that_was_replaced_after_the_snapshot_is_not_learned_from(
    project, run_folder, video_folder, tiny_model_file
):
    cv2.imwrite(str(video_folder / "00059.png"), np.zeros((32, 48, 3), np.uint8))
    with pytest.raises(ProjectError, match="is not the file that was annotated; locate toy"):
        plan_finetune(project.folder, settings(tiny_model_file))


def test_a_video_of_another_length_is_not_learned_from(project, run_folder, tiny_model_file):
    content = json.loads((run_folder / "snapshot.json").read_text())
    content["videos"][0]["num_frames"] = 59
    (run_folder / "snapshot.json").write_text(json.dumps(content))
    with pytest.raises(ProjectError, match=r"toy has 60 frames, but 59 were annotated"):
        plan_finetune(project.folder, settings(tiny_model_file))
