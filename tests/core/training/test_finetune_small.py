"""Fine-tuning on objects that whole frames do not show: learnt and judged close up, and told."""

import cv2
import numpy as np
import pytest
import torch

from ifc_core.annotation import Project, Scope
from ifc_core.annotation.edits import ApproveFrames, NewTrack, SetCategory, SetMask
from ifc_core.annotation.snapshot import make_snapshot
from ifc_core.io.video import open_video
from ifc_core.models.checkpoint import CheckpointInfo, write_checkpoint
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.models.preferences import ModelPreferences
from ifc_core.structures import Category, RLEMask
from ifc_core.training.blend import most_frames
from ifc_core.training.close_views import close_views, judged_parts
from ifc_core.training.finetune import finetune
from ifc_core.training.finetune_plan import plan_finetune
from ifc_core.training.finetune_settings import FinetuneSettings, FinetuneStarted
from ifc_core.training.outcome import notice_sentences, unseen_sentence

SIZE = (720, 1280)
FRAMES = range(0, 60, 6)


def disc(frame, place):
    rows, columns = np.ogrid[: SIZE[0], : SIZE[1]]
    y, x = (120, 200 + 3 * frame) if place == 0 else (560, 1000 - 3 * frame)
    return (rows - y) ** 2 + (columns - x) ** 2 <= 100


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A folder of 60 pictures of two red discs on noise, little packed: they are read often."""
    folder = tmp_path_factory.mktemp("clips") / "toy"
    folder.mkdir()
    ground = np.random.default_rng(0).integers(0, 60, size=(*SIZE, 3), dtype=np.uint8)
    for frame in range(60):
        picture = ground.copy()
        picture[disc(frame, 0) | disc(frame, 1)] = (40, 40, 250)
        packing = [cv2.IMWRITE_PNG_COMPRESSION, 0]
        cv2.imwrite(str(folder / f"{frame:05d}.png"), picture, packing)
    return folder


@pytest.fixture
def project_folder(tmp_path, clip):
    """Two red discs of 20 pixels, approved on ten frames; at 64 rows they have two pixels."""
    with Project.create(tmp_path / "toy.ifcproj") as project:
        with open_video(clip) as reader:
            video_id = project.add_video(reader.video)
        project.apply(SetCategory(Category(1, "cell")))
        for place in range(2):
            masks = {f: RLEMask.from_array(disc(f, place)) for f in FRAMES}
            added = project.apply(NewTrack(video_id, 1, FRAMES[0], masks[FRAMES[0]]))
            for frame in FRAMES[1:]:
                project.apply(SetMask(added.tracks_added[0], frame, masks[frame]))
        for frame in FRAMES:
            project.apply(ApproveFrames(video_id, Scope.this_frame(frame)))
        make_snapshot(project, project.folder / "runs" / "r1")
        yield project.folder


@pytest.fixture
def parent(tmp_path):
    torch.manual_seed(0)
    model = IFC(IFCConfig.preset("tiny", num_classes=1), [Category(1, "object")])
    path = tmp_path / "parent.safetensors"
    preferences = ModelPreferences(short_side=64)
    info = CheckpointInfo(model.config, model.categories, preferences)
    write_checkpoint(path, info, model.state_dict())
    return path


def run(project_folder, parent, iterations):
    chosen = FinetuneSettings(
        "r1",
        model=str(parent),
        short_side=64,
        device="cpu",
        iterations=iterations,
        held_out_share=0.4,
    )
    return list(finetune(project_folder, chosen))


def test_small_objects_are_judged_close_up_and_told(project_folder, parent):
    events = run(project_folder, parent, 2)
    (started,) = (event for event in events if isinstance(event, FinetuneStarted))
    result = events[-1]
    assert started.unseen == result.unseen == (12, 64, 21)
    assert result.before.num_masks == result.after.num_masks == 8
    assert result.before.mean_j < 0.1
    assert len(set(result.comparisons)) == len(result.comparisons) == 6
    told = notice_sentences({"unseen": list(result.unseen)})
    assert str(told[0]).startswith("12 masks are too small to be seen with a short side of 64")
    assert str(unseen_sentence(1, 64, 21)).startswith("1 mask is")


@pytest.mark.slow
def test_small_objects_are_learnt_close_up(project_folder, parent):
    result = run(project_folder, parent, 300)[-1]
    assert result.after.num_masks == 8
    assert result.before.mean_j < 0.1
    assert result.after.mean_j > 0.4
    assert result.verdict == "better"
    assert len(set(result.comparisons)) == len(result.comparisons) == 6


def test_frames_with_objects_that_are_seen_are_judged_as_a_whole(project_folder, parent):
    plan = plan_finetune(
        project_folder, FinetuneSettings("r1", model=str(parent), short_side=64, device="cpu")
    )
    videos = plan.split.held_out
    assert close_views(videos, 720) == videos
    views = close_views(videos, 64)
    frames = [frame for video in videos for frame in video.labelled_frames]
    assert len(frames) >= 2
    assert [view.labelled_frames for view in views] == [(f,) for f in frames for _ in range(2)]
    assert len(judged_parts(videos, 3, 64)) == 3
    learnt_from = sum(len(video.labelled_frames) for video in plan.split.training)
    assert most_frames(plan) == 5 * min(16, 2 * learnt_from)  # as progress is told
    assert all(view.exhaustive == set(view.labelled_frames) for view in views)
