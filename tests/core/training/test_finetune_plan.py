"""What a fine-tuning works from: the right videos, and frames to judge by that nobody learned."""

import dataclasses
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from ifc_core.annotation import Scope
from ifc_core.annotation.edits import ApproveFrames, SetCategory, SetMask
from ifc_core.annotation.snapshot import make_snapshot
from ifc_core.data.clip_source import ClipRequest
from ifc_core.data.labelled_video import FrameStore
from ifc_core.errors import ConfigError, OutputError, ProjectError
from ifc_core.models.checkpoint import read_checkpoint, write_checkpoint
from ifc_core.models.input_size import input_size
from ifc_core.models.names import DEFAULT_MODEL, model_file
from ifc_core.models.registry import find_model, user_models_dir
from ifc_core.structures import Category, RLEMask
from ifc_core.training.class_head import with_classes
from ifc_core.training.finetune import training_source
from ifc_core.training.finetune_plan import plan_finetune
from ifc_core.training.finetune_settings import FinetuneSettings, HeldOutScore
from ifc_core.training.finetune_version import write_version
from ifc_core.training.held_out import clip_output

FRAMES = range(0, 60, 10)


@pytest.fixture
def project(approved_project):
    """A cat, approved on six frames of a clip."""
    return approved_project(FRAMES)


def settings(model: Path, **changes) -> FinetuneSettings:
    return FinetuneSettings("r1", model=str(model), short_side=64, device="cpu", **changes)


@pytest.fixture
def run_folder(project):
    folder = project.folder / "runs" / "r1"
    make_snapshot(project, folder)
    return folder


def test_a_video_that_was_replaced_after_the_snapshot_is_not_learned_from(
    project, run_folder, tmp_path, tiny_model_file
):
    cv2.imwrite(str(tmp_path / "toy" / "00059.png"), np.zeros((32, 48, 3), np.uint8))
    with pytest.raises(ProjectError, match="is not the file that was annotated; locate toy"):
        plan_finetune(project.folder, settings(tiny_model_file))


def test_a_video_of_another_length_is_not_learned_from(project, run_folder, tiny_model_file):
    content = json.loads((run_folder / "snapshot.json").read_text())
    content["videos"][0]["num_frames"] = 59
    (run_folder / "snapshot.json").write_text(json.dumps(content))
    with pytest.raises(ProjectError, match=r"toy has 60 frames, but 59 were annotated"):
        plan_finetune(project.folder, settings(tiny_model_file))


def test_a_folder_of_models_that_takes_none_is_told_before_training(
    project, run_folder, tiny_model_file
):
    (project.folder / "models").rmdir()
    (project.folder / "models").write_text("a file")
    with pytest.raises(OutputError, match=r"Cannot write .*models: file exists"):
        plan_finetune(project.folder, settings(tiny_model_file))


def test_a_class_with_a_name_that_no_model_keeps_is_told_before_training(project, tiny_model_file):
    project.apply(SetCategory(Category(1, "c" * 201)))
    make_snapshot(project, project.folder / "runs" / "r1")
    with pytest.raises(ConfigError, match=r"ccc\.\.\. has a name of 201 letters; rename it"):
        plan_finetune(project.folder, settings(tiny_model_file))


@pytest.mark.parametrize("chosen", ["", "default"])
def test_where_nothing_was_chosen_the_bundled_model_is_the_parent(
    project, run_folder, tiny_model_file, chosen
):
    for folder in (project.folder / "models", user_models_dir()):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tiny_model_file, model_file(folder, DEFAULT_MODEL))
    plan = plan_finetune(
        project.folder, FinetuneSettings("r1", model=chosen, short_side=64, device="cpu")
    )
    assert plan.parent.sha256 == find_model("default").info.sha256
    assert plan.parent_name == DEFAULT_MODEL
    named = FinetuneSettings("r1", model=DEFAULT_MODEL, short_side=64, device="cpu")
    own = read_checkpoint(tiny_model_file).info.sha256
    assert plan_finetune(project.folder, named).parent.sha256 == own


@pytest.mark.parametrize(("chosen", "side"), [(None, 300), (240, 240)])
def test_a_version_proposes_at_no_smaller_size_than_its_parent_unless_one_was_chosen(
    project, run_folder, tmp_path, tiny_model_file, chosen, side
):
    checkpoint = read_checkpoint(tiny_model_file)
    preferences = dataclasses.replace(checkpoint.info.preferences, short_side=300)
    info = dataclasses.replace(checkpoint.info, preferences=preferences)
    parent = tmp_path / "large.safetensors"
    write_checkpoint(parent, info, checkpoint.state_dict)
    plan = plan_finetune(
        project.folder, FinetuneSettings("r1", model=str(parent), short_side=chosen, device="cpu")
    )
    assert plan.preset.short_side == plan.wanted_side == side
    short = dataclasses.replace(plan.preset, short_side=200)
    fallback = dataclasses.replace(plan, preset=short)  # what memory allowed
    assert (fallback.preset.short_side, fallback.wanted_side) == (200, side)
    written = version(project, plan, "large-cats")
    assert read_checkpoint(written).info.preferences.short_side == side


def test_frames_are_learnt_and_judged_at_sides_that_the_parent_can_divide(
    project, run_folder, tmp_path, tiny_model_file
):
    checkpoint = read_checkpoint(tiny_model_file)
    preferences = dataclasses.replace(checkpoint.info.preferences, size_multiple=32)
    info = dataclasses.replace(checkpoint.info, preferences=preferences)
    parent = tmp_path / "even.safetensors"
    write_checkpoint(parent, info, checkpoint.state_dict)
    plan = plan_finetune(project.folder, settings(parent))
    (video,) = plan.split.training
    assert input_size((video.height, video.width), 80) == (80, 120)
    plan = dataclasses.replace(plan, preset=dataclasses.replace(plan.preset, short_side=80))
    assert plan.frame_size(video) == (96, 128)
    clip = training_source(plan, FrameStore())(ClipRequest(0, 2, *plan.frame_size(video)))
    assert clip.frames.shape[1:3] == (96, 128)
    output, _ = clip_output(plan.parent, video, video.labelled_frames[0], 80, FrameStore())
    assert output.mask_logits.shape[-2:] == (96 // 8, 128 // 8)


# ---- the models before ----------------------------------------------------------------------


def version(project, plan, name):
    """A version as a run of this plan writes it, with the parent's weights."""
    nothing = HeldOutScore(0, float("nan"), -1.0)
    named = dataclasses.replace(plan, settings=dataclasses.replace(plan.settings, name=name))
    trained = with_classes(plan.parent, plan.class_names)
    path, _ = write_version(named, trained, nothing, nothing, 1, 1.0)
    return path


def approve(project, frames):
    (track,) = project.tracks(1)
    for frame in frames:
        project.apply(SetMask(track.id, frame, RLEMask.from_array(np.ones((32, 48), np.bool_))))
        project.apply(ApproveFrames(1, Scope.this_frame(frame)))


def frames_of(videos):
    return {frame for video in videos for frame in video.labelled_frames}


def edit_provenance(path, change):
    checkpoint = read_checkpoint(path)
    provenance = dict(checkpoint.info.provenance)
    change(provenance)
    info = dataclasses.replace(checkpoint.info, provenance=provenance)
    return write_checkpoint(path, info, checkpoint.state_dict)


def test_no_generation_is_judged_by_what_one_before_was_trained_on(
    project, run_folder, tiny_model_file
):
    first = plan_finetune(project.folder, settings(tiny_model_file))
    parent = version(project, first, "first")
    approve(project, (5, 15, 25))
    make_snapshot(project, run_folder)
    second = plan_finetune(project.folder, settings(parent))
    trained_on = frames_of(first.split.training)
    assert frames_of(second.split.held_out) >= frames_of(first.split.held_out) != set()
    parent = version(project, second, "second")
    approve(project, (35, 45, 55))
    make_snapshot(project, run_folder)
    third = plan_finetune(project.folder, settings(parent))
    trained_on |= frames_of(second.split.training)
    assert not frames_of(third.split.held_out) & trained_on
    assert frames_of(third.split.held_out) >= frames_of(second.split.held_out)
    assert third.split.num_seen == 0


def test_versions_that_only_name_videos_are_asked_one_after_the_other(
    project, run_folder, tiny_model_file
):
    def forget(provenance):
        del provenance["history"]

    first = plan_finetune(project.folder, settings(tiny_model_file))
    parent = version(project, first, "first")
    edit_provenance(parent, forget)
    approve(project, (5, 15, 25))
    make_snapshot(project, run_folder)
    second = plan_finetune(project.folder, settings(parent, held_out_share=0.0))
    child = version(project, second, "second")
    edit_provenance(child, forget)
    approve(project, (35, 45, 55))
    make_snapshot(project, run_folder)
    seen = plan_finetune(project.folder, settings(child)).ancestry.seen[
        first.split.training[0].path
    ]
    assert seen.trained_on == {*FRAMES, 5, 15, 25}
    assert seen.held_out == frames_of(first.split.held_out)


def test_where_every_frame_was_trained_on_the_run_says_so(project, run_folder, tiny_model_file):
    whole = plan_finetune(project.folder, settings(tiny_model_file, held_out_share=0.0))
    parent = version(project, whole, "first")
    plan = plan_finetune(project.folder, settings(parent))
    assert plan.split.num_seen == len(frames_of(plan.split.held_out)) == 1


def test_a_version_remembers_videos_that_are_not_learned_from_now(
    project, run_folder, tiny_model_file
):
    elsewhere = {"trained_on": {"123-abc": [[0, 90, 10]]}, "held_out": {"123-abc": [95]}}
    parent = version(project, plan_finetune(project.folder, settings(tiny_model_file)), "first")
    edit_provenance(parent, lambda provenance: provenance.update(history=elsewhere))
    child = version(project, plan_finetune(project.folder, settings(parent)), "second")
    kept = read_checkpoint(child).info.provenance["history"]
    assert kept["trained_on"]["123-abc"] == [[0, 90, 10]]
    assert kept["held_out"]["123-abc"] == [95]
    assert len(kept["trained_on"]) == 2


@pytest.mark.parametrize("damaged", [[], "x", {"trained_on": [1], "held_out": {"x": 5}}])
def test_a_damaged_history_is_none(project, run_folder, tiny_model_file, damaged):
    plan = plan_finetune(project.folder, settings(tiny_model_file))
    parent = version(project, plan, "first")
    edit_provenance(parent, lambda provenance: provenance.update(history=damaged))
    again = plan_finetune(project.folder, settings(parent))
    assert again.split.held_out == plan.split.held_out
