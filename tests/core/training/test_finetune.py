"""Fine-tuning from a project's snapshot to a new model version, on a toy project."""

import dataclasses
import json
import shutil
import threading
from contextlib import closing

import cv2
import numpy as np
import pytest
import torch

from ifc_core.annotation import Project, Scope
from ifc_core.annotation.edits import ApproveFrames, MarkAbsent, NewTrack, SetCategory, SetMask
from ifc_core.annotation.snapshot import make_snapshot, read_snapshot
from ifc_core.data.labelled_video import FrameStore, LabelledTrack, LabelledVideo
from ifc_core.errors import CheckpointError, ConfigError, FormatError, ProjectError, VideoError
from ifc_core.io.video import open_video
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.models.checkpoint import CheckpointInfo, read_checkpoint, write_checkpoint
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.models.preferences import ModelPreferences
from ifc_core.structures import Category, RLEMask, TrackKind
from ifc_core.training import blend as blending
from ifc_core.training import finetune as finetune_job
from ifc_core.training.class_head import last_linear, with_classes
from ifc_core.training.finetune import finetune
from ifc_core.training.finetune_plan import plan_finetune
from ifc_core.training.finetune_settings import (
    FinetuneResult,
    FinetuneSettings,
    FinetuneStarted,
    FinetuneStep,
    FinetuneValidation,
    HeldOutScore,
    event_to_json,
)
from ifc_core.training.held_out import score_held_out
from ifc_core.training.nearest_class import nearest_classes
from ifc_core.training.run_files import forget_training_state
from ifc_core.training.trainer import Trainer

SIZE = (64, 96)
NUM_FRAMES = 60
LABELLED = (2, 14, 26, 38, 50)


def square(frame):
    mask = np.zeros(SIZE, dtype=np.bool_)
    mask[16:48, 4 + frame : 36 + frame] = True
    return mask


@pytest.fixture(scope="module")
def video_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips") / "toy"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for frame in range(NUM_FRAMES):
        picture = rng.integers(0, 60, size=(*SIZE, 3), dtype=np.uint8)
        picture[square(frame)] = (40, 40, 250)
        cv2.imwrite(str(folder / f"{frame:05d}.png"), picture)
    return folder


@pytest.fixture(scope="module")
def parent_model(tmp_path_factory):
    """Random weights with the class "object"."""
    torch.manual_seed(0)
    config = IFCConfig.preset("tiny", num_classes=1)
    model = IFC(config, [Category(1, "object")])
    path = tmp_path_factory.mktemp("models") / "parent.safetensors"
    info = CheckpointInfo(
        config,
        model.categories,
        ModelPreferences(
            short_side=64,
            score_threshold=0.35,
            duplicate_iou=0.7,
            continuation_score=0.2,
            lookahead=7,
            edges="fast",
        ),
    )
    write_checkpoint(path, info, model.state_dict())
    return path


@pytest.fixture
def project(tmp_path, video_folder):
    """Five approved frames of a cat, an absence, and a proposal nobody looked at."""
    with Project.create(tmp_path / "toy.ifcproj", name="my cats") as project:
        with open_video(video_folder) as reader:
            video_id = project.add_video(reader.video)
        project.apply(SetCategory(Category(1, "cat")))
        masks = {f: RLEMask.from_array(square(f)) for f in LABELLED}
        result = project.apply(NewTrack(video_id, 1, LABELLED[0], masks[LABELLED[0]]))
        track = result.tracks_added[0]
        for frame in LABELLED[1:]:
            project.apply(SetMask(track, frame, masks[frame]))
        for frame in LABELLED:
            project.apply(ApproveFrames(video_id, Scope.this_frame(frame)))
        project.apply(MarkAbsent(track, Scope.this_frame(59)))
        yield project


def settings(run_id="r1", **changes):
    values = {"iterations": 6, "short_side": 64, "device": "cpu", **changes}
    return FinetuneSettings(run_id, **values)


def test_a_snapshot_keeps_what_people_said(project):
    written = make_snapshot(project, project.folder / "runs" / "r1")
    read = read_snapshot(project.folder / "runs" / "r1")
    assert read == written
    (video,) = read.videos
    assert video.exhaustive == LABELLED
    (track,) = video.tracks
    assert sorted(track.masks) == [*LABELLED, 59]
    assert track.masks[59] is None
    np.testing.assert_array_equal(track.masks[14].to_array(), square(14))
    assert read.num_masks == 5


def test_the_videos_of_a_project_that_was_moved_are_found(project, parent_model, video_folder):
    project.close()
    moved = project.folder.parent / "deep" / "er" / "toy.ifcproj"
    moved.parent.mkdir(parents=True)
    project.folder.rename(moved)
    with Project.open(moved) as opened:
        make_snapshot(opened, moved / "runs" / "r1")
    plan = plan_finetune(moved, settings(model=str(parent_model)))
    assert {video.path for video in plan.split.training} == {video_folder}


def test_an_ignore_region_makes_its_frames_partial(project):
    mask = RLEMask.from_array(square(0))
    project.apply(NewTrack(1, 1, LABELLED[1], mask, kind=TrackKind.IGNORE))
    snapshot = make_snapshot(project, project.folder / "runs" / "r1")
    assert len(snapshot.videos[0].tracks) == 1
    assert snapshot.videos[0].exhaustive == tuple(f for f in LABELLED if f != LABELLED[1])


def test_an_empty_project_has_nothing_to_learn_from(tmp_path):
    with (
        Project.create(tmp_path / "e.ifcproj") as empty,
        pytest.raises(ProjectError, match="nothing to learn"),
    ):
        make_snapshot(empty, empty.folder / "runs" / "r1")


def test_damaged_snapshots_are_named(project):
    folder = project.folder / "runs" / "r1"
    make_snapshot(project, folder)
    text = (folder / "snapshot.json").read_text()
    for bad in (text[:100], text.replace('"counts"', '"count"'), "[]", text.replace("64", "65")):
        (folder / "snapshot.json").write_text(bad)
        with pytest.raises(FormatError, match="snapshot"):
            read_snapshot(folder)


def test_a_run_ends_in_a_new_version_with_the_new_class(project, parent_model):
    make_snapshot(project, project.folder / "runs" / "r1")
    events = list(finetune(project.folder, settings(model=str(parent_model)), JobContext()))
    started, result = events[0], events[-1]
    assert isinstance(started, FinetuneStarted)
    assert started.classes == ("object", "cat")
    assert started.num_held_out_frames == 1
    assert sum(isinstance(event, FinetuneStep) for event in events) == 6
    assert isinstance(result, FinetuneResult)
    assert result.path == project.folder / "models" / "my-cats-1.safetensors"
    checkpoint = read_checkpoint(result.path)
    assert [c.name for c in checkpoint.categories] == ["object", "cat"]
    assert checkpoint.info.sha256 == result.sha256
    prefers = checkpoint.info.preferences
    assert prefers.duplicate_iou == 0.7  # the parent's
    assert prefers.continuation_score == 0.2
    assert prefers.lookahead == 7
    assert prefers.edges == "fast"
    assert 0.1 <= prefers.score_threshold <= 0.9
    held_out = checkpoint.info.provenance["held_out"]["toy"]
    trained_on = checkpoint.info.provenance["trained_on"]["toy"]
    assert not set(held_out) & set(trained_on)
    (state,) = (project.folder / "runs").rglob("resume.safetensors")
    forget_training_state(state.parents[1])
    assert not state.exists()
    assert result.path.exists()
    assert sorted(held_out + trained_on) == [*LABELLED, 59]
    assert result.verdict == "not enough to judge"
    assert not result.promote
    assert all(cv2.imread(str(p)).shape[1] > 3 * 200 for p in result.comparisons)
    assert result.rehearsal_after is not None
    for event in events:
        json.dumps(event_to_json(event), allow_nan=False)
    version = project.add_model(
        result.name, result.path, sha256=result.sha256, parent=result.parent,
        provenance=result.provenance, metrics=result.metrics, activate=True,
    )  # fmt: skip
    assert project.active_model() == version


def test_the_next_run_starts_from_the_active_version(project, parent_model):
    project.add_model("own", parent_model, activate=True)
    make_snapshot(project, project.folder / "runs" / "r2")
    plan = plan_finetune(project.folder, settings("r2"))
    assert plan.parent_name == "own"
    assert plan.class_names == ("object", "cat")


def test_object_can_be_dropped(project, parent_model, monkeypatch):
    make_snapshot(project, project.folder / "runs" / "r1")
    judged, score = [], finetune_job.score_held_out

    def noted(model, *rest, **named):
        judged.append([category.name for category in model.categories])
        return score(model, *rest, **named)

    monkeypatch.setattr(finetune_job, "score_held_out", noted)
    chosen = settings(model=str(parent_model), object_class="drop", iterations=1)
    *_, result = finetune(project.folder, chosen, JobContext())
    assert [c.name for c in read_checkpoint(result.path).categories] == ["cat"]
    assert judged == [["object"], ["cat"]]  # what is judged is what is written


def test_a_cancelled_run_goes_on_and_ends_as_if_it_had_not_been(project, parent_model):
    for run in ("whole", "parts"):
        make_snapshot(project, project.folder / "runs" / run)
    whole = [*finetune(project.folder, settings("whole", model=str(parent_model)))]
    flag = threading.Event()
    job = JobContext(cancelled=flag)
    losses, chosen = [], settings("parts", model=str(parent_model))
    events = finetune(project.folder, chosen, job)
    for event in events:
        if isinstance(event, FinetuneStep):
            losses.append(event.loss)
            if len(losses) == 3:
                flag.set()
                break
    with pytest.raises(JobCancelled):
        next(events)
    assert not list((project.folder / "models").glob("*parts*"))
    resumed = [*finetune(project.folder, chosen, JobContext())]
    assert resumed[0].first_iteration == 3
    losses += [event.loss for event in resumed if isinstance(event, FinetuneStep)]
    assert losses == [event.loss for event in whole if isinstance(event, FinetuneStep)]
    first, second = (read_checkpoint(run[-1].path).state_dict for run in (whole, resumed))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_parent_is_judged_at_the_size_that_it_proposes_at(project, parent_model, monkeypatch):
    make_snapshot(project, project.folder / "runs" / "r1")
    judged, score = [], finetune_job.score_held_out

    def noted(model, videos, names, short_side, *rest, **named):
        judged.append(short_side)
        return score(model, videos, names, short_side, *rest, **named)

    monkeypatch.setattr(finetune_job, "score_held_out", noted)
    chosen = settings(model=str(parent_model), iterations=1, short_side=80)
    *_, result = finetune(project.folder, chosen)
    assert (judged[0], judged[-1]) == (64, 80)
    assert read_checkpoint(result.path).info.preferences.short_side == 80


def test_timing_the_machine_can_be_stopped(project, parent_model, monkeypatch):
    make_snapshot(project, project.folder / "runs" / "r1")
    job, done, iterate = JobContext(), [], Trainer._iterate

    def stopped_meanwhile(self, *given):
        job.cancel()
        done.append(self.iteration)
        return iterate(self, *given)

    monkeypatch.setattr(Trainer, "_iterate", stopped_meanwhile)
    with pytest.raises(JobCancelled):
        list(finetune(project.folder, settings(model=str(parent_model), iterations=None), job))
    assert done == [0]


def test_training_learns_the_object_and_is_promoted(project, parent_model):
    """More labels, so that eight masks can be held out; a toy network learns a red square."""
    track = project.tracks(1)[0].id
    for frame in range(0, 58, 2):
        project.apply(SetMask(track, frame, RLEMask.from_array(square(frame))))
        project.apply(ApproveFrames(1, Scope.this_frame(frame)))
    make_snapshot(project, project.folder / "runs" / "r1")
    chosen = settings(model=str(parent_model), iterations=80, held_out_share=0.3)
    events = list(finetune(project.folder, chosen, JobContext()))
    result = events[-1]
    curve = [(e.iteration, e.score) for e in events if isinstance(e, FinetuneValidation)]
    assert curve[0] == (0, result.before)
    assert curve[-1] == (result.iterations, result.after)
    assert len(curve) > 2
    assert result.after.num_masks >= 8
    assert result.after.mean_j > 0.5
    assert (result.verdict, result.promote) == ("better", True)


@pytest.mark.parametrize(
    ("lost", "share"), [((), 0.35), ((0.35,), 0.5), ((0.65,), 0.8), ((0.8, 0.35), 1.0)]
)
def test_blending_goes_back_while_the_new_objects_stay(
    project, parent_model, monkeypatch, lost, share
):
    make_snapshot(project, project.folder / "runs" / "r1")
    plan = plan_finetune(project.folder, settings(model=str(parent_model)))
    trained = with_classes(plan.parent, plan.class_names)
    tried = []

    def scored(model, videos, *others):
        judging = {f for v in plan.split.held_out for f in v.labelled_frames}
        assert judging
        assert not judging & {f for v in videos for f in v.labelled_frames}
        tried.append(model)
        is_lost = len(tried) > 1 and blending.SHARES[len(tried) - 2] in lost
        return HeldOutScore(5, 0.6 if is_lost else 0.78, 0.5)

    monkeypatch.setattr(blending, "score_held_out", scored)
    with closing(FrameStore()) as store:
        model, kept = blending.keep_old_task(plan, trained, store, JobContext())
    assert kept == share
    assert model is (tried[0] if share == 1.0 else tried[blending.SHARES.index(share) + 1])


def snapshot_with_video_at(project, path):
    folder = project.folder / "runs" / "r1"
    make_snapshot(project, folder)
    content = json.loads((folder / "snapshot.json").read_text())
    content["videos"][0] |= {"path": str(path), "fingerprint": None}  # as older ones are
    (folder / "snapshot.json").write_text(json.dumps(content))


def test_a_missing_video_is_named(project, parent_model):
    snapshot_with_video_at(project, "/nowhere/clip.mp4")
    with pytest.raises(ProjectError, match="locate it"):
        plan_finetune(project.folder, settings(model=str(parent_model)))


def test_a_video_of_another_shape_is_named(project, parent_model, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for frame in range(NUM_FRAMES):
        cv2.imwrite(str(other / f"{frame:05d}.png"), np.zeros((96, 64, 3), np.uint8))
    snapshot_with_video_at(project, other)
    with pytest.raises(VideoError, match=r"64 x 96 pixels.* 96 x 64;"):
        next(finetune(project.folder, settings(model=str(parent_model))))


def test_pictures_that_training_left_out_are_counted(project, parent_model, video_folder, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(video_folder, damaged)
    (damaged / "00002.png").write_bytes(b"")
    snapshot_with_video_at(project, damaged)
    *_, result = finetune(project.folder, settings(model=str(parent_model)))
    assert result.num_damaged == 1


def test_an_unknown_parent_is_named(project):
    make_snapshot(project, project.folder / "runs" / "r1")
    with pytest.raises(CheckpointError):
        plan_finetune(project.folder, settings(model="no-such-model"))


def test_memory_that_runs_out_makes_the_run_smaller(project, parent_model, monkeypatch):
    make_snapshot(project, project.folder / "runs" / "r1")
    import ifc_core.training.trainer as module

    real, sizes = module.Trainer._forward_backward, []

    def scarce(self, batch, parts, *, synchronise):
        sizes.append(len(batch.frames))
        if len(batch.frames) > 1:
            raise torch.OutOfMemoryError("out of memory")
        return real(self, batch, parts, synchronise=synchronise)

    monkeypatch.setattr(module.Trainer, "_forward_backward", scarce)
    events = list(finetune(project.folder, settings(model=str(parent_model), iterations=2)))
    notices = [event.notice for event in events if isinstance(event, FinetuneStarted)]
    assert notices[0] == ""
    assert "Memory ran out" in notices[-1]
    assert sizes[0] == 3
    assert sizes[-1] == 1


def test_a_resumed_run_is_as_small_as_memory_made_it(project, parent_model, monkeypatch):
    make_snapshot(project, project.folder / "runs" / "r1")
    real, sizes, job = Trainer._forward_backward, [], JobContext()

    def scarce(self, batch, parts, *, synchronise):
        clips, side = len(batch.frames), min(batch.frames.shape[2:4])
        sizes.append((clips, side))
        if clips > 1 or side > 150:
            raise torch.OutOfMemoryError("out of memory")
        if len(sizes) == 4:
            job.cancel()
        return real(self, batch, parts, synchronise=synchronise)

    monkeypatch.setattr(Trainer, "_forward_backward", scarce)
    chosen = settings(model=str(parent_model), iterations=3, short_side=192)
    with pytest.raises(JobCancelled):
        list(finetune(project.folder, chosen, job))
    assert sizes == [(3, 192), (1, 192), (1, 144), (1, 144)]
    sizes.clear()
    started, *_, result = finetune(project.folder, chosen)
    assert set(sizes) == {(1, 144)}
    assert "a short side of 144 pixels" in started.notice
    assert started.fallback == result.fallback == (1, 144)
    assert read_checkpoint(result.path).info.preferences.short_side == 144


def test_judging_counts_its_frames(project, parent_model):
    make_snapshot(project, project.folder / "runs" / "r1")
    told = []
    job = JobContext(lambda p: told.append(p))
    list(finetune(project.folder, settings(model=str(parent_model), iterations=1), job))
    present = [(p.done, p.total) for p in told if p.message == "judging the present model"]
    assert present == [(0, 19), (1, 19), (4, 19), (7, 19), (10, 19), (13, 19), (16, 19), (19, 19)]
    new = [p.done for p in told if p.message == "judging the new model"]
    assert new == sorted(new)
    assert len(set(new)) > 10


def test_a_parent_that_cannot_be_trained_is_named(project, parent_model, monkeypatch):
    make_snapshot(project, project.folder / "runs" / "r1")
    step = Trainer._step

    def spoilt(self):
        next(self.model.class_head.parameters()).grad.fill_(float("nan"))
        return step(self)

    monkeypatch.setattr(Trainer, "_step", spoilt)
    with pytest.raises(ConfigError, match="parent cannot be trained on these frames") as caught:
        list(finetune(project.folder, settings(model=str(parent_model))))
    assert caught.value.name == "lr"
    assert not (project.folder / "models" / "my-cats-1.safetensors").exists()


# ---- what is judged by ---------------------------------------------------------------------


def test_a_frame_that_cannot_be_decoded_is_not_judged_by(video_folder, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(video_folder, folder)
    picture = folder / "00014.png"
    picture.write_bytes(picture.read_bytes()[:200])
    model = IFC(IFCConfig.preset("tiny", num_classes=1), [Category(1, "car")]).eval()
    masks = {f: RLEMask.from_array(square(f)) for f in LABELLED}
    track = LabelledTrack(0, masks)
    video = LabelledVideo("toy", folder, NUM_FRAMES, *SIZE, (track,), frozenset(LABELLED))
    with closing(FrameStore()) as store:
        score = score_held_out(model, [video], ["car"], 64, store, JobContext())
    assert score.num_masks == len(LABELLED) - 1


# ---- the class head ---------------------------------------------------------------------


def test_new_classes_start_from_object_and_old_ones_stay(parent_model):
    model = read_checkpoint(parent_model).build()
    grown = with_classes(model, ["object", "cat", "dog"])
    assert grown.preferences == model.preferences
    assert (grown.preferences.lookahead, grown.preferences.edges) == (7, "fast")
    old, new = last_linear(model).weight, last_linear(grown).weight
    assert torch.equal(new[0], old[0])
    assert torch.equal(new[1], old[0])
    assert torch.equal(new[-1], old[-1])
    frames = np.zeros((2, 32, 32, 3), dtype=np.uint8)
    np.testing.assert_array_equal(
        model.predict_clip(frames).mask_logits, grown.predict_clip(frames).mask_logits
    )
    shrunk = with_classes(grown, ["dog"])
    assert dataclasses.replace(grown.config, num_classes=1) == shrunk.config
    assert torch.equal(last_linear(shrunk).weight[1], old[-1])


def test_without_object_a_new_class_starts_from_the_one_it_is_taken_for(video_folder):
    torch.manual_seed(0)
    categories = [Category(1, "car"), Category(2, "dog"), Category(3, "fish")]
    model = IFC(IFCConfig.preset("tiny", num_classes=3), categories).eval()
    with torch.no_grad():
        last_linear(model).bias[1] += 20  # whatever it sees, it says dog
    masks = {f: RLEMask.from_array(square(f)) for f in LABELLED}
    video = LabelledVideo(
        "toy", video_folder, NUM_FRAMES, *SIZE, (LabelledTrack(3, masks),), frozenset()
    )
    names = ["car", "dog", "fish", "cat", "nothing"]
    store = FrameStore()
    nearest = nearest_classes(model, [video], names, 64, store)
    stopped = JobContext()
    stopped.cancel()
    with pytest.raises(JobCancelled):
        nearest_classes(model, [video], names, 64, store, stopped)
    store.close()
    assert nearest == {"cat": "dog"}
    grown = with_classes(model, names, nearest=nearest)
    old, new = last_linear(model).weight, last_linear(grown).weight
    assert torch.equal(new[3], old[1])
    assert torch.allclose(new[4], old[:-1].mean(0))
