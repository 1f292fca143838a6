"""Fine-tuning from the window: what there is to learn from, the run, versions, roll-back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ifc_core.annotation import Project, ProjectReader, ReaderView, view_project
from ifc_core.annotation.locating import Nearby
from ifc_core.annotation.schema import STATE_CODE
from ifc_core.annotation.snapshot import make_snapshot, unclear_frames
from ifc_core.engine.protocol import JobEnd, JobEvent, JobStatus
from ifc_core.errors import IFCError
from ifc_core.jobs import JobContext, Progress
from ifc_core.structures import FrameState, TrackKind
from ifc_core.training.base_model import base_model
from ifc_core.training.entering import clean_up_entered, enter_kept, enter_version
from ifc_core.training.outcome import memory_sentence, seen_sentence, unseen_sentence
from ifc_core.training.run_files import remove_run, write_settings
from ifc_core.training.stopped_runs import StoppedRun, discard_run, ready_to_go_on, stopped_runs
from napari_ifc.controllers.engine import Deliver, Engine, Job
from napari_ifc.controllers.finetune_outcome import outcome_of, outcome_text
from napari_ifc.controllers.propose_choices import base_text
from napari_ifc.controllers.run_words import brief_duration_text, duration_text
from napari_ifc.finetune_state import FinetuneView, Material
from napari_ifc.language import tr
from napari_ifc.material_words import absent_text

KIND = "finetune"
_TRAINING = "training"  # what the trainer says of itself with each iteration
PRESETS = ("quick", "balanced", "thorough")
_MASKS = [STATE_CODE[state] for state in (FrameState.CORRECTED, FrameState.APPROVED)]
_TAUGHT = [*_MASKS, STATE_CODE[FrameState.ABSENT]]


class Submit(Protocol):
    """Has something done in one background thread, in order (``worker.Worker.submit``)."""

    def __call__(
        self,
        work: Callable[[], Material],
        take: Callable[[Material], None],
        fail: Callable[[Exception], None],
    ) -> None:
        """See :class:`napari_ifc.worker.Worker`."""


def _at_once(
    work: Callable[[], Material],
    take: Callable[[Material], None],
    fail: Callable[[Exception], None],
) -> None:
    take(work())


class FinetuneController:
    """At most one fine-tuning at a time, in a process of its own.

    Args:
        project: That is learned from and that gets the new version.
        engine: Starts jobs in the training process.
        release: Called before a run, to let go of the GPU here.
        deliver: Wraps a callback so that it is called in the thread of this object.
        on_view: Called with each new view.
        on_end: Called once a run with ``"succeeded"``, ``"failed"`` or ``"cancelled"`` and a
            sentence.
        on_models: Called after the versions or the active one changed.
        submit: Has the annotations counted, in a background thread.

    Attributes:
        project: The project.
        view: What is shown now.
    """

    def __init__(
        self,
        project: Project,
        engine: Engine,
        release: Callable[[], None],
        deliver: Deliver,
        on_view: Callable[[FinetuneView], None],
        on_end: Callable[[str, str], None],
        on_models: Callable[[], None],
        submit: Submit = _at_once,
    ) -> None:
        self.project = project
        self._engine = engine
        self._release = release
        self._deliver = deliver
        self._on_view = on_view
        self._on_end = on_end
        self._on_models = on_models
        self._submit = submit
        self._counting = JobContext()
        self._job: Job | None = None
        self._run_folder: Path | None = None
        self._may_go_on = False  # there is something of the run to go on with
        self._generation = 0
        self._losses: list[tuple[int, float]] = []
        self._scores: list[tuple[int, float]] = []
        self._notice = ""  # what memory allowed, while it trains
        self._result: Mapping[str, Any] | None = None  # of the run that ended last
        self.view = FinetuneView()

    @property
    def is_running(self) -> bool:
        """Whether a run is going on."""
        return self._job is not None

    def refresh(self) -> None:
        """Read the versions, and have it counted what there is to learn from.

        Every annotation is looked at, so it is for when the page is in front.
        """
        self.finish_ended()
        models = tuple(sorted(self.project.models(), key=lambda m: -m.created_at))
        reason = self._why_not_write()
        stopped = () if reason or self.is_running else stopped_runs(self.project)
        base = base_text(self.project)
        view = replace(self.view, counting=True, models=models, base=base, why_not_use=reason)
        if self._result is not None:  # another model may be in use by now
            view = replace(view, outcome=outcome_of(self._result, self.project))
        words = tuple(_words(run) for run in stopped)
        self._show(replace(view, resumable=bool(words), stopped=words))
        self._count()

    def left_unfinished(self) -> str:
        """Which run can go on, the one that was begun last, in words; empty where there is none."""
        if self.is_running or self._why_not_write():
            return ""
        stopped = stopped_runs(self.project)
        return _words(stopped[0]) if stopped else ""

    def finish_ended(self) -> None:
        """Enter versions that were trained while the project was in use, and clean up after runs.

        What cannot be entered is kept, and told of when its run is to go on.
        """
        if self.is_running or self.project.read_only:
            return
        clean_up_entered(self.project)
        with suppress(IFCError):
            self._enter_kept()

    def _enter_kept(self) -> bool:
        entered = enter_kept(self.project)
        for result in entered:
            self._tell(result)
        return bool(entered)

    def _tell(self, result: Mapping[str, Any]) -> None:
        """Show what came of a run whose version is entered."""
        self._result = result
        self._show(replace(self.view, outcome=outcome_of(result, self.project)))
        self._on_models()

    def _count(self) -> None:
        self._counting.cancel()  # what is being counted is not what there is now
        context = self._counting = JobContext()
        folder = self.project.folder

        def work() -> Material:
            context.raise_if_cancelled()
            with view_project(folder, ReaderView.COPY) as reader:
                return material_of(reader, context)

        def take(material: Material) -> None:
            if not context.is_cancelled:
                self._show(replace(self.view, material=material, counting=False))

        def fail(error: Exception) -> None:
            if not context.is_cancelled:
                self._show(replace(self.view, text=str(error), counting=False))

        self._submit(work, take, fail)

    def why_not_start(self) -> str:
        """Why no fine-tuning can be started now."""
        if self.view.running:
            return tr("A fine-tuning is going on; wait for it or stop it.")
        if reason := self._why_not_write():
            return reason
        if self.view.material.masks == 0 and self.view.counting:
            return tr("Counting what there is to learn from…")
        if self.view.material.masks == 0 and self.view.material.absent:
            return absent_text(self.view.material)
        if self.view.material.masks == 0:
            return tr("Correct or approve masks on some frames first.")
        return ""

    def _why_not_write(self) -> str:
        return tr("The project is read-only.") if self.project.read_only else ""

    def start(
        self,
        preset: str,
        *,
        keep_object: bool = True,
        device: str = "auto",
        minutes: float | None = None,
        model: str = "",
    ) -> None:
        """Take a snapshot and start a run; returns at once.

        Args:
            preset: One of :data:`PRESETS`.
            keep_object: Whether the class "object" stays beside the project's classes.
            device: Where to train.
            minutes: Time for the training instead of the preset's.
            model: Name or file of the model to begin with; empty for the version in use. Without
                one in use it is what Propose shows, and a better version takes its place.

        Raises:
            IFCError: There is nothing to learn from, or the process cannot be started.
        """
        run_id = f"finetune-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 1000:03d}"
        folder = self.project.folder / "runs" / run_id
        make_snapshot(self.project, folder)
        settings = {
            "run_id": run_id,
            "preset": preset,
            "object_class": "keep" if keep_object else "drop",
            "device": device,
            "minutes": minutes,
            "model": model,
            "base": base_model(self.project) if self.project.active_model() is None else None,
        }
        write_settings(folder, settings)
        self._may_go_on = False
        self._run(folder, settings)

    def resume(self) -> None:
        """Go on with the run that was stopped last, or cut off by a crash.

        One that only had to be entered is entered.

        Raises:
            IFCError: There is none, a video of it is not found, or the process cannot be started.
        """
        if self._enter_kept():
            self.refresh()
            return
        run = self._stopped_last()
        settings = ready_to_go_on(self.project, run)
        self._may_go_on = True
        self._run(run.folder, settings)

    def discard(self) -> None:
        """Delete the run that :meth:`resume` would go on with.

        Raises:
            IFCError: There is none, or it cannot be deleted.
        """
        discard_run(self.project, self._stopped_last())
        self.refresh()

    def _stopped_last(self) -> StoppedRun:
        stopped = stopped_runs(self.project)
        if not stopped:
            raise IFCError(tr("There is no stopped fine-tuning to go on with."))
        return stopped[0]

    def stop(self) -> None:
        """Ask the run to stop; it can be resumed."""
        if self._job is not None:
            self._show(replace(self.view, stopping=True, text=tr("Stopping")))
            self._job.cancel()

    def abandon(self) -> None:
        """Stop the run without waiting, when the project is being closed."""
        self._generation += 1
        self._counting.cancel()
        job, self._job = self._job, None
        if job is not None:
            job.cancel()

    def use(self, name: str | None) -> None:
        """Choose the version that Propose uses; ``None`` for the bundled model."""
        self.project.set_active_model(name)
        self._on_models()
        self.refresh()

    def roll_back(self) -> None:
        """Use the version that was in use before."""
        self.project.roll_back_model()
        self._on_models()
        self.refresh()

    # The run

    def _run(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._generation += 1
        generation = self._generation
        self._run_folder = folder
        self._notice, self._result = "", None
        self._losses.clear()
        self._scores.clear()
        self._release()
        self._show(
            replace(
                self.view,
                running=True,
                stopping=False,
                resumable=False,
                stopped=(),
                text=tr("Starting the training process"),
                detail="",
                notes=(),
                fraction=None,
                losses=(),
                scores=(),
                outcome=None,
            )
        )
        params = {"project": str(self.project.folder), "settings": dict(settings)}
        on_event = self._deliver(lambda event: self._take(generation, event))
        try:
            self._job = self._engine.request(KIND, params, on_event)
        except IFCError:
            self._forget_unless_begun()
            self._rest("")
            raise

    def _take(self, generation: int, event: JobEvent | JobEnd) -> None:
        if generation != self._generation:
            return
        if isinstance(event, JobEnd):
            self._take_end(event)
        elif event.name == "progress":
            self._take_progress(event.data)
        elif event.name == "started":
            self._take_started(event.data)
        elif event.name == "step":
            self._take_step(event.data)
        elif event.name == "validation":
            self._take_score(int(event.data["iteration"]), event.data["score"])

    def _take_progress(self, progress: Progress) -> None:
        if self.view.stopping or not progress.message or progress.message.startswith(_TRAINING):
            return  # the steps themselves say how far it is
        detail = "" if self._losses else self.view.detail  # no time is left of the training
        if progress.total:
            detail = tr("{done} of {total} frames").format(done=progress.done, total=progress.total)
        text = tr(progress.message).capitalize()
        fraction = progress.fraction
        self._show(replace(self.view, text=text, detail=detail, fraction=fraction, left=""))

    def _take_started(self, data: Mapping[str, Any]) -> None:
        self._may_go_on = True
        frames, held_out = int(data["num_training_frames"]), int(data["num_held_out_frames"])
        words = tr("{frames} frames to learn from, {held_out} kept to judge by, on {data}")
        if frames == 1:
            words = tr("1 frame to learn from, {held_out} kept to judge by, on {data}")
        detail = words.format(frames=frames, held_out=held_out, data=data["device"])
        seen = [seen_sentence(int(data["num_seen"]))] if data.get("num_seen") else []
        unseen = [unseen_sentence(*data["unseen"])] if data.get("unseen") else []
        notes = tuple(tr(note.text).format(**note.values) for note in (*seen, *unseen))
        self._notice = ""
        if data.get("fallback"):
            told = memory_sentence(*data["fallback"])
            self._notice = tr(told.text).format(**told.values)
        text = self._notice or tr("Training")
        self._show(replace(self.view, text=text, detail=detail, notes=notes))

    def _take_step(self, data: Mapping[str, Any]) -> None:
        done, total = int(data["iteration"]) + 1, int(data["iterations"])
        self._losses.append((done, float(data["loss"])))
        detail, left = tr("{done} of {total} iterations").format(done=done, total=total), ""
        if data.get("eta_seconds") is not None:
            left = brief_duration_text(float(data["eta_seconds"]))
            detail += tr(" · {duration_text} left").format(
                duration_text=duration_text(float(data["eta_seconds"]))
            )
        if data.get("skipped"):
            detail += tr(" · {count} skipped").format(count=int(data["skipped"]))
        text = tr("Stopping") if self.view.stopping else self._notice or tr("Training")
        self._show(
            replace(
                self.view,
                text=text,
                left=left,
                detail=detail,
                fraction=done / max(1, total),
                losses=tuple(self._losses),
            )
        )

    def _take_score(self, iteration: int, score: Mapping[str, Any]) -> None:
        mean_j = score.get("mean_j")
        if mean_j is not None:
            known = dict(self._scores)  # a run that goes on begins with the parent's once more
            self._scores = sorted((known | {iteration: float(mean_j)}).items())
            self._show(replace(self.view, scores=tuple(self._scores)))

    def _take_end(self, end: JobEnd) -> None:
        self._job = None
        if end.status is JobStatus.SUCCEEDED:
            outcome, sentence = self._entered(end.result)
        elif end.status is JobStatus.CANCELLED:
            outcome, sentence = "cancelled", tr("The fine-tuning was stopped; it can be resumed.")
        else:
            self._forget_unless_begun()
            outcome = "failed"
            sentence = str(end.error) if end.error is not None else tr("The fine-tuning failed.")
        self._rest(sentence)
        self._on_end(outcome, sentence)

    def _entered(self, result: Mapping[str, Any]) -> tuple[str, str]:
        """Outcome and sentence of a training that went well; its version may not fit in."""
        try:
            return "succeeded", self._enter(result)
        except (IFCError, ValueError) as error:
            text = tr("The fine-tuning went well, but its version cannot be entered: {error}")
            return "failed", text.format(error=error)

    def _enter(self, result: Mapping[str, Any]) -> str:
        """Enter the new version into the project."""
        folder = self._run_folder
        if folder is None:
            raise ValueError("there is a result, but no run")
        known = enter_version(self.project, folder.name, result)
        self._tell(known)
        return outcome_text(known)

    def _rest(self, text: str) -> None:
        ended = replace(self.view, running=False, stopping=False, text=text)
        self._show(replace(ended, detail="", notes=(), fraction=None))
        self.refresh()

    def _forget_unless_begun(self) -> None:
        """Leave nothing of a run that failed before it trained: Resume would meet it for ever."""
        if self._run_folder is not None and not self._may_go_on:
            with suppress(OSError):
                remove_run(self._run_folder)

    def _show(self, view: FinetuneView) -> None:
        self.view = view
        self._on_view(view)


def material_of(reader: ProjectReader, context: JobContext | None = None) -> Material:
    """Count what people have said in a project, track by track, where its frames can be read.

    Args:
        reader: Of the project.
        context: To stop early.

    Raises:
        JobCancelled: It was not wanted any more.
    """
    context = context or JobContext()
    names = {category.id: category.name for category in reader.categories()}
    num_frames = exhaustive = 0
    classes: Counter[str] = Counter()
    absent, nearby = [], Nearby(context)
    for entry in reader.videos():
        seen = np.zeros(entry.num_frames, dtype=np.bool_)
        unclear, masks = set[int](), Counter[str]()
        for track in reader.tracks(entry.id, include_rejected=False):
            context.raise_if_cancelled()
            columns = reader.track_columns(track.id)
            unclear.update(unclear_frames(track, columns))
            if track.kind is not TrackKind.OBJECT:  # a region is not learnt, as in a snapshot
                continue
            seen[columns.frame_index[np.isin(columns.state, _TAUGHT)]] = True
            count = int(np.isin(columns.state, _MASKS).sum())
            if count:
                masks[names.get(track.category_id, "object")] += count
        done = [f for f in reader.exhaustive_frames(entry.id) if f not in unclear]
        seen[done] = True
        if seen.any() and reader.find_video_file(entry.id, nearby=nearby) is None:
            absent.append(entry.name)
            continue
        classes.update(masks)
        exhaustive += len(done)
        num_frames += int(seen.sum())
    ranked = tuple(sorted(classes.items(), key=lambda pair: (-pair[1], pair[0])))
    return Material(num_frames, sum(classes.values()), exhaustive, ranked, tuple(absent))


def _words(run: StoppedRun) -> str:
    """Which stopped run it is, in the person's language."""
    words = run.words
    return tr(words.text).format(**words.values)
