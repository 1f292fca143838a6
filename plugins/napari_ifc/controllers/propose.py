"""A propose run: asked of the engine, staged as it comes, accepted as one edit at its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from ifc_core.annotation import (
    EditResult,
    Project,
    RunInfo,
    Scope,
    StagedInstance,
    StagedMask,
    VideoEntry,
    edits,
)
from ifc_core.annotation.proposal_runs import PROPOSE, SCOPE_KEY, limits_of, scope_of
from ifc_core.annotation.records import WHOLE
from ifc_core.engine.protocol import JobEnd, JobEvent, JobStatus
from ifc_core.errors import DeviceMemoryError, EditError, EngineLostError, IFCError
from ifc_core.inference.results import FrameResult, InstanceSummary
from ifc_core.inference.settings import ProposeSettings
from ifc_core.jobs import Progress
from ifc_core.structures.palette import track_color
from napari_ifc.controllers.engine import Deliver, Engine, Job
from napari_ifc.controllers.run_words import progress_view
from napari_ifc.controllers.same_tracks import same_tracks
from napari_ifc.journal_text import note_text
from napari_ifc.language import tr
from napari_ifc.rows import Lane, RunView, Span, SpanKind, Spans, TrackRow

KIND = PROPOSE


@dataclass(slots=True)
class _Instance:
    """What is known of one provisional instance so far.

    Of a run that goes on the class is known by its name until the engine speaks of the instance.
    """

    label: int = 0
    score: float = 0.0
    frames: list[int] = field(default_factory=list)
    name_before: str = ""


class ProposeController:
    """At most one run at a time; answers of an earlier one are dropped by their generation.

    Args:
        project: Where results are staged and accepted.
        entry: The video.
        engine: Runs it.
        deliver: Wraps the callback so that it is called in the thread of this object.
        apply: Makes an edit and tells the rest of the window.
        on_state: Called with a :class:`RunView` whenever it changes.
        on_frame: Called with each frame that got provisional masks.
        on_end: Called once a run with ``"succeeded"``, ``"failed"``, ``"cancelled"`` or
            ``"paused"`` and a sentence (which may be empty).
        on_measured: Called with the frames and seconds of a run that succeeded.
    """

    def __init__(
        self,
        project: Project,
        entry: VideoEntry,
        engine: Engine,
        deliver: Deliver,
        apply: Callable[[edits.Edit], EditResult],
        on_state: Callable[[RunView], None],
        on_frame: Callable[[int], None],
        on_end: Callable[[str, str], None],
        on_measured: Callable[[int, float], None] = lambda frames, seconds: None,
    ) -> None:
        self._project = project
        self._entry = entry
        self._engine = engine
        self._deliver = deliver
        self._apply = apply
        self._on_state = on_state
        self._on_frame = on_frame
        self._on_end = on_end
        self._on_measured = on_measured
        self._job: Job | None = None
        self._generation = 0
        self._run_id: int | None = None
        self._settings = ProposeSettings()
        self._scope = WHOLE
        self._instances: dict[int, _Instance] = {}
        self._final: tuple[InstanceSummary, ...] = ()
        self._categories: tuple[str, ...] = ()
        self._notices: list[str] = []
        self._first_done: Progress | None = None
        self._pausing = False
        self._has_checkpoint = False
        self._view = RunView()

    @property
    def generation(self) -> int:
        """Another number with each run; the ids of dropped ones are given anew."""
        return self._generation

    @property
    def is_running(self) -> bool:
        """Whether a run is going on."""
        return self._run_id is not None

    @property
    def run_id(self) -> int | None:
        """The run in progress."""
        return self._run_id

    @property
    def view(self) -> RunView:
        """The run as the window shows it."""
        return self._view

    def start(
        self,
        settings: ProposeSettings,
        source: Mapping[str, Any],
        frames: Callable[[int], Any] | None = None,
        scope: Scope = WHOLE,
    ) -> None:
        """Start a run; returns at once.

        Args:
            settings: How.
            source: Where the engine finds the frames: parameters of the request.
            frames: Gives frames that are not in a file.
            scope: Only these frames are changed; a clip's length around them is looked at.

        Raises:
            EngineError: The engine cannot be started.
        """
        settings_json = settings.to_json()
        kept = settings_json if scope.is_whole else {**settings_json, SCOPE_KEY: limits_of(scope)}
        run_id = self._project.begin_run(KIND, self._entry.id, kept, settings.model)
        self._begin(run_id, settings, scope)
        try:
            self._ask({**source, "settings": settings_json}, frames)
        except IFCError:
            self.abandon()
            raise

    def resume(
        self,
        run: RunInfo,
        source: Mapping[str, Any],
        frames: Callable[[int], Any] | None = None,
    ) -> None:
        """Go on with a run that was paused or cut off; returns at once.

        Args:
            run: One of the project's open runs.
            source: As in :meth:`start`.
            frames: As in :meth:`start`.

        Raises:
            EditError: It cannot go on: too little of it was kept.
            EngineError: The engine cannot be started; the run stays as it was.
        """
        checkpoint = self._project.run_checkpoint(run.id)
        if checkpoint is None or not run.settings:
            raise EditError(
                tr("Too little is known of this run to go on; keep what it found or discard it."),
                path=self._project.folder,
            )
        values = {name: value for name, value in run.settings.items() if name != SCOPE_KEY}
        settings, scope = ProposeSettings.from_json(values), scope_of(run)
        self._project.take_up_run(run.id)
        self._begin(run.id, settings, scope)
        for instance_id, staged in self._project.staged_frames(run.id).items():
            self._instances[instance_id] = _Instance(frames=staged)
        for kept in self._project.staged_instances(run.id):
            known = self._instances.setdefault(kept.instance_id, _Instance())
            known.score, known.name_before = kept.score, kept.label
        try:
            self._ask({**source, "settings": settings.to_json(), "resume": checkpoint}, frames)
        except IFCError:
            self.abandon()
            raise

    def _begin(self, run_id: int, settings: ProposeSettings, scope: Scope) -> None:
        self._generation += 1
        self._scope = scope
        self._settings = settings
        self._instances.clear()
        self._final = ()
        self._categories = ()
        self._notices.clear()
        self._first_done = None
        self._pausing = False
        self._has_checkpoint = self._project.run_checkpoint(run_id) is not None
        self._run_id = run_id

    def _ask(self, params: Mapping[str, Any], frames: Callable[[int], Any] | None) -> None:
        generation = self._generation
        on_event = self._deliver(lambda event: self._take(generation, event))
        self._show(
            RunView(True, tr("Starting the engine"), tr("This takes a few seconds the first time."))
        )
        self._job = self._engine.request(
            KIND, {**params, **self._limits()}, on_event, frames=frames
        )

    def _limits(self) -> dict[str, int]:
        """Frames that the engine looks at, where it is not all of them."""
        if self._scope.is_whole:
            return {}
        first, last = self._scope.bounds(self._entry.num_frames)
        around = self._settings.clip_length * self._settings.frame_step
        step = self._settings.frame_step
        start = max(0, first - around) // step * step  # the same frames as a run from the start
        return {"start": start, "stop": min(self._entry.num_frames, last + 1 + around)}

    def cancel(self) -> None:
        """Ask the run to stop; nothing of it is kept."""
        self._stop(pausing=False)

    def pause(self) -> None:
        """Ask the run to stop; what it found is kept, and :meth:`resume` goes on from there."""
        self._stop(pausing=True)

    def _stop(self, *, pausing: bool) -> None:
        if self._job is not None and self._run_id is not None:
            self._pausing = pausing
            view, text = self._view, tr("Pausing") if pausing else tr("Stopping")
            self._show(RunView(True, text, view.detail, view.fraction, stopping=True))
            self._job.cancel()

    @property
    def can_go_on_later(self) -> bool:
        """Whether a run is going on that can go on after a pause, and was not cancelled."""
        cancelled = self._view.stopping and not self._pausing
        return self.is_running and self._has_checkpoint and not cancelled

    def why_not_pause(self) -> str:
        """Why a pause would keep nothing of the run, or an empty string."""
        if not self.is_running:
            return tr("No run is going on.")
        if self._has_checkpoint:
            return ""
        if self._settings.tiles:
            return tr("A run with tiles cannot be paused, as it could not go on later.")
        return tr("Too little of the run is known yet to go on later; wait a little.")

    def abandon(self) -> None:
        """Let go of the run at once: pause it if it can go on later, or forget it."""
        if self._job is not None:
            self._job.cancel()
        if self._run_id is not None:
            with suppress(IFCError):  # as on a full disk; what it is let go for goes on
                self._let_go(self._run_id, keep=self.can_go_on_later)
            self._reset()

    def _let_go(self, run_id: int, *, keep: bool) -> None:
        self._generation += 1
        if keep:
            self._project.pause_run(run_id)
        else:
            self._project.discard_run(run_id)

    # Answers of the engine

    def _take(self, generation: int, event: JobEvent | JobEnd) -> None:
        if generation != self._generation or self._run_id is None:
            return
        try:
            self._take_in(event, self._run_id)
        except IFCError as error:  # what comes cannot be stored, as where the disk is full
            if self._run_id is None:
                raise
            self._break_off(str(error))

    def _take_in(self, event: JobEvent | JobEnd, run_id: int) -> None:
        if isinstance(event, JobEnd):
            self._take_end(event, run_id)
        elif event.name == "progress":
            self._take_progress(event.data)
        elif event.name == "frame":
            self._take_frame(event.data, run_id)
        elif event.name == "checkpoint":
            self._stage_instances(run_id)
            self._project.save_checkpoint(run_id, event.data)
            self._has_checkpoint = True
            self._show(self._view)
        elif event.name == "instances":
            self._final = tuple(event.data)
        elif event.name == "categories":
            self._categories = tuple(str(name) for name in event.data)
        elif event.name == "status" and not self._view.stopping:
            self._show(RunView(True, str(event.data), self._view.detail, self._view.fraction))
        elif event.name == "notice":
            self._notices.append(str(event.data))

    def _take_progress(self, progress: Progress) -> None:
        if progress.done > 0 and self._first_done is None:
            self._first_done = progress
        if not self._view.stopping:
            self._show(progress_view(progress, self._first_done))

    def _take_frame(self, result: FrameResult, run_id: int) -> None:
        staged = []
        for mask in result.masks:
            known = self._instances.setdefault(mask.instance_id, _Instance())
            known.label, known.score, known.name_before = mask.label, mask.score, ""
            if not known.frames or result.frame_index > known.frames[-1]:
                known.frames.append(result.frame_index)
            staged.append(
                StagedMask(
                    mask.instance_id,
                    mask.rle,
                    mask.score,
                    mask.uncertainty,
                    mask.link_score,
                    mask.quality,
                )
            )
        self._project.stage(run_id, result.frame_index, staged)
        self._on_frame(result.frame_index)

    def _take_end(self, end: JobEnd, run_id: int) -> None:
        stopped = end.status is JobStatus.CANCELLED or self._view.stopping  # done before it heard
        if isinstance(end.error, EngineLostError | DeviceMemoryError) and self.can_go_on_later:
            self._break_off(str(end.error))  # hours of work may be staged
            return
        if end.status is JobStatus.FAILED:
            self._project.discard_run(run_id)
            outcome, sentence = "failed", str(end.error or tr("The engine failed."))
        elif stopped and not self._pausing:
            self._project.discard_run(run_id)
            outcome, sentence = "cancelled", tr("The run was cancelled; nothing is kept.")
        elif end.status is JobStatus.CANCELLED:
            outcome, sentence = self._keep_for_later(run_id)
        else:
            outcome, sentence = self._accept(run_id, end.result)
            if end.result.get("seconds") and end.result.get("num_frames"):
                self._on_measured(int(end.result["num_frames"]), float(end.result["seconds"]))
        self._reset()
        self._on_end(outcome, sentence)

    def _break_off(self, sentence: str) -> None:
        """Let go of a run that cannot go on now, as it stands on disk."""
        keep = self.can_go_on_later
        self.abandon()
        self._on_end("paused" if keep else "failed", sentence)

    def _stage_instances(self, run_id: int) -> None:
        """Note what is known of the instances so far, should the run be kept as it stands."""
        known = sorted(self._instances.items())
        self._project.stage_instances(
            run_id, [StagedInstance(n, self._name_of(i), i.score) for n, i in known]
        )

    def _keep_for_later(self, run_id: int) -> tuple[str, str]:
        if not self._has_checkpoint:
            self._project.discard_run(run_id)
            sentence = tr("Too little was known of the run to go on later; nothing is kept.")
            return "cancelled", sentence
        self._stage_instances(run_id)
        self._project.pause_run(run_id)
        return "paused", ""

    def _accept(self, run_id: int, result: Mapping[str, Any]) -> tuple[str, str]:
        self._categories = tuple(result.get("categories", self._categories))
        kept = self._final
        if not kept:
            self._project.discard_run(run_id)
            chosen = self._settings.score_threshold
            least = (
                tr("what the model asks for")
                if chosen is None
                else tr("{chosen:.2f} or more").format(chosen=chosen)
            )
            return "succeeded", (
                tr(
                    "No object scored {least}; choose a lower min. score under More settings and "
                    "propose again, or draw the first mask yourself."
                ).format(least=least)
            )
        same = same_tracks(self._project, self._entry, run_id, self._scope)
        staged = [
            StagedInstance(
                i.instance_id, self._class_name(i.label), i.score, same.get(i.instance_id)
            )
            for i in kept
        ]
        try:
            self._project.stage_instances(run_id, staged)
            self._project.finish_run(run_id)
            if self._pausing:  # complete, and offered
                return "paused", ""
            ids = tuple(i.instance_id for i in kept)
            accepted = self._apply(edits.AcceptRun(run_id, instance_ids=ids, scope=self._scope))
        except IFCError as error:  # complete, and offered
            with suppress(IFCError):
                self._project.pause_run(run_id)
            return "paused", str(error)
        found = tr("1 object was found.") if len(kept) == 1 else tr("{count} objects were found.")
        parts = [found.format(count=len(kept))]
        if (shots := int(result.get("num_shots", 1))) > 1:
            parts.append(tr("{shots} shots were told apart.").format(shots=shots))
        told = " ".join((*parts, note_text(accepted.note), *self._notices))
        return "succeeded", told.strip()

    def _name_of(self, known: _Instance) -> str:
        return known.name_before or self._class_name(known.label)

    def _class_name(self, label: int) -> str:
        if 0 <= label < len(self._categories):
            return self._categories[label]
        return "object"

    def _show(self, view: RunView) -> None:
        if view.active:
            view = replace(view, why_not_pause=self.why_not_pause())
            if view == self._view:  # another checkpoint changes nothing of it
                return
        self._view = view
        self._on_state(view)

    def _reset(self) -> None:
        self._job = None
        self._run_id = None
        self._instances.clear()
        self._show(RunView())

    # What is provisional

    def provisional_at(self, frame_index: int) -> list[StagedMask]:
        """Provisional masks of one frame."""
        if self._run_id is None:
            return []
        return self._project.staged_masks_at(self._run_id, frame_index)

    def num_provisional(self, frames: range) -> int:
        """How many provisional masks lie on some frames, beside those that are only looked at."""
        first, last = self._scope.bounds(self._entry.num_frames)
        to_come = range(max(first, frames.start), min(last + 1, frames.stop))
        return sum(i in to_come for known in self._instances.values() for i in known.frames)

    def rows(self) -> list[TrackRow]:
        """Lines of the table for provisional instances; their ids are negative."""
        return [
            TrackRow(
                track_id=provisional_id(instance_id),
                color_rgb=track_color(instance_id),
                class_name=self._name_of(known),
                score=known.score,
                num_frames=len(known.frames),
                first_frame=known.frames[0] if known.frames else None,
                last_frame=known.frames[-1] if known.frames else None,
                state=tr("in run"),
                provisional=True,
            )
            for instance_id, known in sorted(self._instances.items())
        ]

    def lanes(self) -> list[Lane]:
        """Lanes of the timeline for provisional instances."""
        step = self._settings.frame_step
        return [
            Lane(
                provisional_id(instance_id),
                track_color(instance_id),
                f"~{instance_id + 1}",
                Spans.of(_provisional_spans(known.frames, step)),
            )
            for instance_id, known in sorted(self._instances.items())
        ]


def provisional_id(instance_id: int) -> int:
    """Number under which a provisional instance stands beside the tracks."""
    return -(instance_id + 1)


def _provisional_spans(frames: list[int], step: int) -> list[Span]:
    spans: list[Span] = []
    for index in frames:
        if spans and index - (spans[-1].stop - 1) <= step:
            spans[-1] = Span(spans[-1].start, index + 1, SpanKind.PROVISIONAL)
        else:
            spans.append(Span(index, index + 1, SpanKind.PROVISIONAL))
    return spans
