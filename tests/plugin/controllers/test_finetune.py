"""Fine-tuning's logic in the window, with a training process that answers when told to. No Qt."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_trainer import STARTED, Bench, result

from ifc_core.annotation import Project, Scope, edits
from ifc_core.annotation.snapshot import make_snapshot, read_snapshot
from ifc_core.engine.protocol import JobEvent, JobStatus
from ifc_core.errors import CheckpointError, EditError, EngineError, IFCError
from ifc_core.jobs import JobCancelled, Progress
from ifc_core.structures import Category, RLEMask, TrackKind
from ifc_core.training import outcome, stopped_runs
from ifc_core.training.run_files import keep_result
from napari_ifc.controllers.finetune import FinetuneController, material_of
from napari_ifc.core_words import WORDS
from napari_ifc.finetune_state import Material


@pytest.fixture
def bench(session) -> Bench:
    """A project in which a person painted two masks of one track and approved a frame."""
    project, entry = session.project, session.entry
    mask = np.zeros(entry.size, bool)
    mask[10:30, 10:40] = True
    project.apply(edits.SetCategory(Category(1, "square")))
    project.apply(edits.NewTrack(entry.id, 1, 0, RLEMask.from_array(mask)))
    (track,) = project.tracks(entry.id)
    project.apply(edits.SetMask(track.id, 4, RLEMask.from_array(mask)))
    project.apply(edits.ApproveFrames(entry.id, Scope.this_frame(4)))
    return Bench(project)


def test_what_would_be_learned_from_is_counted(bench: Bench) -> None:
    material = material_of(bench.project)
    assert (material.frames, material.masks, material.exhaustive) == (2, 2, 1)
    assert material.classes == (("square", 2),)


def test_what_is_counted_is_what_a_snapshot_takes(bench: Bench, tmp_path: Path) -> None:
    """Approved tracks teach their masks alone, and regions nothing."""
    project, video = bench.project, bench.project.videos()[0]
    mask = project.mask(1, 0).rle
    other = project.apply(edits.NewTrack(video.id, 1, 2, mask)).tracks_added[0]
    project.apply(edits.ApproveTracks((1, other)))
    project.apply(edits.NewTrack(video.id, 1, 4, mask, kind=TrackKind.IGNORE))
    project.apply(edits.NewTrack(video.id, 1, 6, mask, kind=TrackKind.CROWD))
    material = material_of(project)
    (copied,) = make_snapshot(project, tmp_path / "run").videos
    assert material.frames == len(copied.reviewed_frames) == 3
    assert material.masks == sum(len(track.masks) for track in copied.tracks) == 3
    assert material.exhaustive == len(copied.exhaustive) == 0


def test_a_run_gets_a_snapshot_and_the_device_is_let_go_first(bench: Bench) -> None:
    bench.start()
    assert bench.released == 1
    assert bench.trainer.params["project"] == str(bench.project.folder)
    assert read_snapshot(bench.run_folder).num_masks == 2
    assert bench.controller.is_running
    assert "going on" in bench.controller.why_not_start()


def test_a_run_is_told_which_model_to_begin_with(bench: Bench) -> None:
    bench.controller.start("quick", model="ifc-r18-cells")
    settings = bench.trainer.params["settings"]
    assert (settings["model"], settings["base"]) == ("ifc-r18-cells", "")


def test_beside_a_version_in_use_a_run_takes_no_place(bench: Bench) -> None:
    bench.add_version("own")
    bench.project.set_active_model("own")
    bench.controller.start("quick", model="ifc-r18-cells")
    assert bench.trainer.params["settings"]["base"] is None


def test_losses_and_scores_grow_into_curves(bench: Bench) -> None:
    bench.start()
    bench.trainer.tell("started", **STARTED)
    for i, loss in enumerate((9.0, 7.0, 5.0)):
        bench.trainer.tell("step", iteration=i, iterations=10, loss=loss, eta_seconds=70 - i)
    bench.trainer.tell("validation", iteration=3, score={"mean_j": 0.5})
    view = bench.views[-1]
    assert view.losses == ((1, 9.0), (2, 7.0), (3, 5.0))
    assert view.scores == ((3, 0.5),)
    bench.trainer.tell("validation", iteration=0, score={"mean_j": 0.4})
    bench.trainer.tell("validation", iteration=3, score={"mean_j": 0.6})  # the run went on
    assert bench.views[-1].scores == ((0, 0.4), (3, 0.6))
    assert view.fraction == pytest.approx(0.3)
    assert "3 of 10 iterations" in view.detail
    assert "1 min 08 s left" in view.detail


def test_what_memory_allowed_is_said_as_long_as_it_trains(bench: Bench) -> None:
    bench.start()
    bench.trainer.tell("started", **STARTED | {"notice": "English", "fallback": [1, 144]})
    bench.trainer.tell("step", iteration=0, iterations=10, loss=1.0)
    assert "a batch of 1 and a short side of 144 pixels" in bench.views[-1].text
    bench.trainer.end(JobStatus.SUCCEEDED, result(bench, fallback=[1, 144], skipped=3))
    outcome = bench.views[-1].outcome
    assert outcome is not None
    memory, skipped = outcome.notices
    assert "144 pixels" in memory
    assert skipped.startswith("3 iterations were skipped")
    assert memory in bench.ends[0][1]


def test_a_better_version_is_entered_and_used(bench: Bench) -> None:
    bench.start()
    (plan,) = (bench.project.folder / "runs").glob("finetune-*/window.json")
    state = plan.parent / "train" / "resume.safetensors"
    state.parent.mkdir()
    state.write_bytes(b"weights and moments")
    bench.trainer.end(JobStatus.SUCCEEDED, result(bench))
    (model,) = bench.project.models()
    assert not state.exists()
    assert model.name == "clip-1"
    assert model.active
    assert model.parent == "ifc-r18-objects"
    assert bench.ends == [
        (
            "succeeded",
            "clip-1 is better on 9 held-out masks. Gained: mean J 0.40 before, 0.80 after; AP 0.10 "
            "before, 0.60 after. Forgotten: mean J on generated clips 0.50 before, 0.45 after. "
            "The project uses it from now on.",
        )
    ]
    outcome = bench.views[-1].outcome
    assert outcome is not None
    assert outcome.rehearsal == (0.5, 0.45)
    assert outcome.in_use
    assert not bench.controller.is_running


def test_a_model_that_was_chosen_during_the_training_stays(bench: Bench) -> None:
    bench.add_version("other")
    bench.start()
    bench.project.set_active_model("other")
    bench.trainer.end(JobStatus.SUCCEEDED, result(bench))
    outcome = bench.views[-1].outcome
    assert outcome is not None
    assert (outcome.verdict, outcome.in_use) == ("better", False)
    bench.start()
    bench.trainer.end(JobStatus.SUCCEEDED, result(bench, parent="other"))
    models = [(model.name, model.active) for model in bench.project.models()]
    assert models == [("other", False), ("clip-1", False), ("clip-1-2", True)]
    assert bench.ends[0][1].endswith(
        "It was compared with ifc-r18-objects, but the project uses another model and keeps it "
        "until you choose."
    )
    assert bench.ends[1][1].endswith("The project uses it from now on.")


def test_the_end_says_which_model_is_in_use_whatever_is_chosen_after_it(bench: Bench) -> None:
    bench.add_version("other")
    bench.start()
    bench.trainer.end(JobStatus.SUCCEEDED, result(bench))

    def shown() -> tuple[bool, str, bool]:
        outcome = bench.views[-1].outcome
        assert outcome is not None
        return outcome.in_use, outcome.used, outcome.parent_in_use

    assert shown() == (True, "clip-1", False)
    bench.controller.use("other")
    assert shown() == (False, "other", False)
    bench.controller.use(None)
    assert shown() == (False, "the bundled model", True)
    bench.controller.roll_back()
    assert shown() == (False, "other", False)
    bench.controller.use("clip-1")
    assert shown() == (True, "clip-1", False)
    bench.start()
    bench.controller.use(None)
    assert bench.views[-1].outcome is None  # there is another run now


def test_every_sentence_about_the_outcome_can_be_translated() -> None:
    assert {*outcome.TEXTS, *stopped_runs.TEXTS} <= {*WORDS}


def test_a_worse_version_is_entered_but_not_used(bench: Bench) -> None:
    bench.start()
    worse = result(bench, verdict="not better", promote=False)
    bench.trainer.end(JobStatus.SUCCEEDED, worse)
    (model,) = bench.project.models()
    assert not model.active
    assert bench.project.active_model() is None
    assert "keeps its model" in bench.ends[0][1]


def test_too_few_held_out_masks_leave_the_choice_to_the_person(bench: Bench) -> None:
    bench.start()
    few = {"num_masks": 2, "mean_j": 0.9, "ap": 0.5}
    open_end = result(bench, verdict="not enough to judge", promote=False, after=few)
    bench.trainer.end(JobStatus.SUCCEEDED, open_end)
    assert "keeps its model until you choose" in bench.ends[0][1]
    assert "mean J 0.40 before, 0.90 after" in bench.ends[0][1]
    bench.controller.use("clip-1")
    active = bench.project.active_model()
    assert active is not None
    assert active.name == "clip-1"
    bench.controller.roll_back()
    assert bench.project.active_model() is None


def test_a_stopped_run_can_go_on_even_in_another_window(bench: Bench) -> None:
    bench.start()
    first = dict(bench.trainer.params["settings"])
    bench.controller.stop()
    assert bench.trainer.cancelled == 1
    assert bench.views[-1].stopping
    bench.trainer.end(JobStatus.CANCELLED)
    assert bench.ends[0][0] == "cancelled"
    assert bench.views[-1].resumable
    second = bench.make()
    second.refresh()
    assert second.view.resumable
    second.resume()
    assert bench.trainer.params["settings"] == first


def test_a_finished_run_is_not_offered_again(bench: Bench) -> None:
    bench.start()
    bench.trainer.end(JobStatus.SUCCEEDED, result(bench))
    assert not bench.views[-1].resumable
    with pytest.raises(IFCError, match="no stopped fine-tuning"):
        bench.controller.resume()


def test_the_death_of_the_process_is_one_sentence_and_resumable(bench: Bench) -> None:
    bench.start()
    bench.trainer.tell("started", **STARTED)
    bench.trainer.end(JobStatus.FAILED, error=EngineError("The engine was killed."))
    assert bench.ends == [("failed", "The engine was killed.")]
    assert bench.views[-1].resumable


def test_a_process_that_cannot_be_started_leaves_nothing_running(bench: Bench) -> None:
    bench.trainer.broken = True
    bench.controller.refresh()
    with pytest.raises(EngineError):
        bench.controller.start("quick")
    assert not bench.controller.is_running
    assert not bench.views[-1].running


@pytest.mark.parametrize("broken", [False, True])
def test_a_run_that_cannot_begin_hides_no_stopped_one(bench: Bench, broken: bool) -> None:
    bench.start()
    bench.trainer.end(JobStatus.CANCELLED)
    stopped, folder = dict(bench.trainer.params["settings"]), bench.run_folder
    bench.trainer.broken = broken
    if broken:
        with pytest.raises(EngineError):
            bench.controller.start("quick")
    else:
        bench.controller.start("quick")
        bench.trainer.end(JobStatus.FAILED, error=CheckpointError("No such model.", path="x"))
    assert [run.name for run in folder.parent.iterdir()] == [folder.name]
    bench.trainer.broken = False
    bench.controller.resume()
    assert bench.trainer.params["settings"] == stopped
    bench.trainer.end(JobStatus.FAILED, error=CheckpointError("No such model.", path="x"))
    assert bench.views[-1].resumable  # what was stopped before is there still


def test_without_corrections_it_says_what_to_do(session) -> None:
    bench = Bench(session.project)
    bench.controller.refresh()
    assert bench.controller.why_not_start() == "Correct or approve masks on some frames first."
    with pytest.raises(IFCError, match="nothing to learn from"):
        bench.controller.start("quick")


def test_answers_after_the_project_was_closed_are_dropped(bench: Bench) -> None:
    bench.start()
    bench.controller.abandon()
    count = len(bench.views)
    bench.trainer.end(JobStatus.SUCCEEDED, result(bench))
    assert len(bench.views) == count
    assert bench.project.models() == []


def test_judging_is_said_before_and_after_the_training(bench: Bench) -> None:
    bench.controller.start("quick")
    tell = bench.trainer.on_event

    def progress(done: int, total: int | None, message: str) -> None:
        tell(JobEvent(1, "progress", Progress(done, total, message, 1.0, None, "iterations")))

    progress(0, None, "judging the present model")
    assert bench.controller.view.text == "Judging the present model"
    bench.trainer.tell("step", iteration=29, iterations=30, loss=1.0, terms={}, eta_seconds=0.0)
    progress(30, 30, "training")
    assert bench.controller.view.text == "Training"
    assert bench.controller.view.detail == "30 of 30 iterations · 0 s left"
    progress(12, 40, "judging the new model")
    assert bench.controller.view.text == "Judging the new model"
    assert bench.controller.view.detail == "12 of 40 frames"
    assert bench.controller.view.fraction == 0.3
    bench.trainer.tell("step", iteration=29, iterations=30, loss=1.0, terms={}, skipped=4)
    assert bench.controller.view.detail == "30 of 30 iterations · 4 skipped"


def test_a_version_whose_name_was_taken_meanwhile_gets_another(bench: Bench) -> None:
    bench.add_version("clip-1")
    bench.start()
    bench.trainer.end(JobStatus.SUCCEEDED, result(bench))
    assert bench.ends[0][1].startswith("clip-1-2 is better")
    made = bench.project.models()[-1]
    assert (made.name, Path(made.path).name) == ("clip-1-2", "clip-1-2.safetensors")
    assert Path(made.path).is_file()


def test_a_run_cut_off_after_its_version_was_entered_is_not_offered(bench: Bench) -> None:
    bench.start()
    settings = bench.run_folder / "window.json"
    kept = settings.read_text()
    bench.trainer.end(JobStatus.SUCCEEDED, result(bench))
    settings.write_text(kept)  # as if it had been killed before it was deleted
    again = bench.make()
    again.refresh()
    assert not again.view.resumable
    assert not settings.exists()
    assert len(bench.project.models()) == 1


def test_a_version_that_cannot_be_entered_ends_the_run_all_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: Any, **named: Any) -> None:
        raise EditError("The disk holds no clip-1.", path="x")

    monkeypatch.setattr(Project, "add_model", refuse)
    bench.start()
    bench.trainer.end(JobStatus.SUCCEEDED, result(bench))
    ((outcome, sentence),) = bench.ends
    assert outcome == "failed"
    assert "its version cannot be entered" in sentence
    assert "clip-1" in sentence
    view = bench.views[-1]
    assert not view.running
    assert view.resumable
    assert bench.controller.why_not_start() == ""


@pytest.mark.parametrize("left", ["", "[]", "{}", "{"])
def test_a_run_of_which_a_crash_left_nothing_is_not_offered(bench: Bench, left: str) -> None:
    bench.start()
    bench.trainer.end(JobStatus.CANCELLED)
    first = dict(bench.trainer.params["settings"])
    newer = bench.project.folder / "runs" / "finetune-99990101-000000-000"
    newer.mkdir()
    (newer / "window.json").write_text(left)
    bench.controller.resume()
    assert bench.trainer.params["settings"] == first
    bench.trainer.end(JobStatus.SUCCEEDED, result(bench))
    assert not bench.views[-1].resumable


def test_it_is_counted_beside_the_window_and_the_latest_count_is_shown(bench: Bench) -> None:
    waiting: list[Any] = []
    controller = FinetuneController(
        bench.project,
        bench.trainer,
        bench._release,
        lambda callback: callback,
        bench.views.append,
        lambda outcome, sentence: None,
        lambda: None,
        lambda work, take, fail: waiting.append((work, take)),
    )
    controller.refresh()
    assert bench.views[-1].counting
    assert controller.why_not_start() == "Counting what there is to learn from…"
    (track,) = bench.project.tracks(1)
    bench.project.apply(edits.MarkAbsent(track.id, Scope.this_frame(7)))
    controller.refresh()
    (early, take_early), (late, take_late) = waiting
    with pytest.raises(JobCancelled):
        early()
    take_late(late())
    material = controller.view.material
    assert (material.frames, material.masks, controller.view.counting) == (3, 2, False)
    take_early(Material())
    assert controller.view.material == material
    assert controller.why_not_start() == ""


def test_one_frame_to_learn_from_is_told_as_one(bench: Bench) -> None:
    bench.start()
    bench.trainer.tell("started", **STARTED | {"num_training_frames": 1})
    assert bench.views[-1].detail.startswith("1 frame to learn from, ")


def test_frames_that_the_parent_has_seen_are_told_of(bench: Bench) -> None:
    bench.start()
    bench.trainer.tell("started", **STARTED | {"num_seen": 3})
    told = "3 of the held-out frames were seen by the model it began with"
    (note,) = bench.views[-1].notes
    assert told in note
    bench.trainer.end(JobStatus.SUCCEEDED, result(bench, num_seen=3))
    card = bench.views[-1].outcome
    assert card is not None
    assert told in card.notices[0]
    assert told in bench.ends[0][1]


def test_notes_stay_beside_the_line_of_counts_until_the_training_ends(bench: Bench) -> None:
    bench.start()
    bench.trainer.tell("started", **STARTED | {"num_seen": 3, "unseen": [2, 144, 9]})
    seen, unseen = bench.views[-1].notes
    assert seen.startswith("3 of the held-out frames were seen")
    assert unseen.startswith("2 masks are too small to be seen")
    assert bench.views[-1].detail == "4 frames to learn from, 1 kept to judge by, on cpu"
    bench.trainer.tell("step", iteration=0, iterations=10, loss=1.0)
    assert bench.views[-1].notes == (seen, unseen)
    assert bench.views[-1].detail == "1 of 10 iterations"
    bench.trainer.end(JobStatus.CANCELLED)
    assert bench.views[-1].notes == ()
    bench.controller.resume()
    bench.trainer.tell("started", **STARTED)
    assert bench.views[-1].notes == ()


def test_in_a_project_that_is_read_only_no_version_is_chosen(bench: Bench) -> None:
    bench.controller.refresh()
    assert bench.views[-1].why_not_use == ""
    with Project.open(bench.project.folder) as second:  # the first one holds it
        assert second.read_only
        reading = Bench(second)
        reading.controller.refresh()
        assert reading.views[-1].why_not_use == "The project is read-only."
        assert reading.controller.why_not_start() == "The project is read-only."


def stopped_bench(bench: Bench, count: int = 1) -> None:
    for _ in range(count):
        bench.start()
        bench.trainer.end(JobStatus.CANCELLED)


def test_stopped_runs_are_told_of_and_discarded_one_by_one(bench: Bench) -> None:
    stopped_bench(bench, 2)
    runs = bench.project.folder / "runs"
    older, newer = sorted(run.name for run in runs.iterdir())
    first, second = bench.views[-1].stopped
    assert first.startswith("the fine-tuning of 20")
    assert first.endswith("(quick, nothing trained yet)")
    bench.controller.discard()
    assert [run.name for run in runs.iterdir()] == [older]
    assert bench.views[-1].stopped == (second,)
    bench.controller.discard()
    assert not bench.views[-1].resumable
    with pytest.raises(IFCError, match="no stopped fine-tuning"):
        bench.controller.discard()
    assert newer != older


def test_a_run_goes_on_with_its_video_where_that_is_now(bench: Bench) -> None:
    stopped_bench(bench)
    file = bench.run_folder / "snapshot.json"
    written = json.loads(file.read_text())
    path = written["videos"][0]["path"]
    written["videos"][0]["path"] = "/nowhere/clip.mp4"
    file.write_text(json.dumps(written))
    bench.controller.resume()
    assert str(read_snapshot(bench.run_folder).videos[0].path) == path


def test_a_version_that_was_trained_while_the_project_was_in_use_is_entered(bench: Bench) -> None:
    stopped_bench(bench)
    keep_result(bench.run_folder, result(bench, path="/moved/since/models/clip-1.safetensors"))
    reading = Project.open(bench.project.folder)  # another one holds it
    Bench(reading).controller.finish_ended()
    assert reading.models() == []
    reading.close()
    again = bench.make()
    again.finish_ended()
    (model,) = bench.project.models()
    assert (model.name, model.active) == ("clip-1", True)
    assert Path(model.path).is_file()
    assert again.view.outcome is not None
    again.refresh()
    assert not again.view.resumable
    assert not (bench.run_folder / "result.json").exists()
