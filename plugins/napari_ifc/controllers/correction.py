"""Propagating a correction: asked of the engine, staged as it comes, accepted as one edit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ifc_core.annotation import (
    EditResult,
    Project,
    RunState,
    StagedInstance,
    StagedMask,
    VideoEntry,
    edits,
)
from ifc_core.annotation.propagation_gaps import ASKED_KEY, KIND
from ifc_core.engine.protocol import JobEnd, JobEvent, JobStatus
from ifc_core.errors import EditError, IFCError
from ifc_core.structures import RLEMask
from napari_ifc.controllers.engine import Deliver, Engine, Job
from napari_ifc.controllers.run_words import brief_duration_text
from napari_ifc.controllers.spread_astray import Compared, compare, frames_astray
from napari_ifc.controllers.spread_frames import (
    SpreadFrames,
    SpreadRequest,
    changed_between,
    no_anchor_text,
    nothing_left_text,
    nothing_wanted_text,
)
from napari_ifc.correction_state import SpreadView
from napari_ifc.journal_text import note_text
from napari_ifc.language import tr

__all__ = ["SpreadController", "SpreadRequest"]

JOB = "spread"


@dataclass(slots=True)
class _Run:
    """A propagation in progress."""

    id: int
    request: SpreadRequest
    source: Mapping[str, Any]
    wanted: list[int]  # frames that may get a result, ascending
    quiet: bool
    began_from: dict[int, int]  # frame -> id of the record there that it is made from
    done: set[int] = field(default_factory=set)
    found: set[int] = field(default_factory=set)  # of those the ones on which it is seen
    compared: dict[int, Compared] = field(default_factory=dict)  # with proposals, as they came
    notices: list[str] = field(default_factory=list)


class SpreadController:
    """At most one propagation at a time; late answers are dropped by their generation.

    Pausing lets the engine go (so that other tools can use it) and keeps what has come;
    resuming asks for the frames that are missing.

    Args:
        project: Where results are staged and accepted.
        entry: The video.
        engine: Runs it.
        deliver: Wraps a callback so that it is called in the thread of this object.
        apply: Makes an edit and tells the rest of the window.
        on_state: Called with a :class:`SpreadView` whenever it changes.
        on_frame: Called with each frame that got a provisional mask, and at the end of a run
            with each frame that lost one.
        on_end: Called once a run with ``"succeeded"``, ``"failed"``, ``"cancelled"`` or
            ``"offered"`` (it waits for :meth:`keep`) and a sentence (which may be empty).
    """

    def __init__(
        self,
        project: Project,
        entry: VideoEntry,
        engine: Engine,
        deliver: Deliver,
        apply: Callable[[edits.Edit], EditResult],
        on_state: Callable[[SpreadView], None],
        on_frame: Callable[[int], None],
        on_end: Callable[[str, str], None],
    ) -> None:
        self._project = project
        self._entry = entry
        self._engine = engine
        self._deliver = deliver
        self._apply = apply
        self._on_state = on_state
        self._on_frame = on_frame
        self._on_end = on_end
        self._job: Job | None = None
        self._generation = 0
        self._run: _Run | None = None
        self._offered: _Run | None = None
        self._left: tuple[int, tuple[int, ...]] | None = None  # a run, and where it gave way
        self._view = SpreadView()
        self._frames = SpreadFrames(project, entry)

    # What is going on

    @property
    def is_running(self) -> bool:
        """Whether a run is going on, paused or not."""
        return self._run is not None

    @property
    def is_paused(self) -> bool:
        """Whether the run waits for :meth:`resume`."""
        return self._run is not None and self._job is None

    @property
    def is_quiet(self) -> bool:
        """Whether the run was started without being asked for by the person."""
        return self._run is not None and self._run.quiet

    @property
    def track_id(self) -> int | None:
        """The track that is being propagated."""
        return None if self._run is None else self._run.request.track_id

    @property
    def view(self) -> SpreadView:
        """The run as the window shows it."""
        return self._view

    @property
    def staged_frames(self) -> frozenset[int]:
        """Frames that have a provisional mask."""
        return frozenset() if self._run is None else frozenset(self._run.done)

    @property
    def generation(self) -> int:
        """Another number with each propagation; the ids of dropped runs are given anew."""
        return self._generation

    def provisional_at(self, frame_index: int) -> list[StagedMask]:
        """Provisional masks of one frame; their instance id is the track's."""
        if self._run is None or frame_index not in self._run.done:
            return []
        return self._project.staged_masks_at(self._run.id, frame_index)

    def why_not(self, request: SpreadRequest | None) -> str:
        """Why a propagation cannot be started, or an empty string.

        Args:
            request: What is asked for; ``None`` where no track is selected.
        """
        if self._project.read_only:
            return tr("The project is open for reading only.")
        if request is None:
            return tr("Select a track first.")
        if self.is_running and not self.is_quiet:  # a quiet one gives way
            return tr("A propagation is going on; wait for it or cancel it.")
        plan = self._frames.plan(request)
        if not plan.anchors:
            return no_anchor_text()
        if not plan.wanted:
            return nothing_wanted_text(request)
        return ""

    # Running

    def start(
        self, request: SpreadRequest, source: Mapping[str, Any], *, quiet: bool = False
    ) -> None:
        """Start a propagation; returns at once.

        Args:
            request: What, how and how far.
            source: Where the engine finds frames and model: parameters of the job.
            quiet: Nobody asked for this one: it is dropped without a word when it is late.

        Raises:
            EditError: It is not possible, see :meth:`why_not`.
            EngineError: The engine cannot be started.
        """
        reason = self.why_not(request)
        if reason:
            raise EditError(reason, path=self._project.folder)
        self.abandon()
        self._generation += 1
        plan = self._frames.plan(request)
        asked = plan.scope
        note = {
            "scope": request.scope,
            **_settings(request),
            "track": request.track_id,
            ASKED_KEY: [asked.start, asked.stop - 1],
        }
        run_id = self._project.begin_run(KIND, self._entry.id, note, "")
        began_from = self._frames.record_ids(request.track_id, plan.anchors)
        self._run = _Run(run_id, request, source, plan.wanted, quiet, began_from)
        self._show(SpreadView(True, self._title(), tr("Preparing")))
        try:
            self._ask(self._run)
        except IFCError:
            self._drop()
            raise

    def pause(self) -> None:
        """Let the engine go and keep what has come; one that was cancelled stays so."""
        if self._run is None or self._job is None or self._view.stopping:
            return
        self._generation += 1
        self._job.cancel()
        self._job = None
        count = tr("{done} of {total} frames").format(
            done=len(self._run.done), total=len(self._run.wanted)
        )
        self._show(SpreadView(True, tr("Propagation paused"), count, self._fraction(), paused=True))

    def resume(self) -> None:
        """Go on with the frames that are missing, from the corrections as they are now.

        Frames beside a correction that came, went or was changed meanwhile are asked for anew.

        Raises:
            EditError: No correction is left to go out from; the run stays paused.
            EngineError: The engine cannot be started; the run stays paused.
        """
        run = self._run
        if run is None or self._job is not None:
            return
        self._catch_up(run)
        self._show(SpreadView(True, self._title(), self._view.detail, self._fraction()))
        self._ask(run)

    def _catch_up(self, run: _Run) -> None:
        """Begin from what the track shows now; what was made from something else is dropped."""
        anchors = self._frames.record_ids(
            run.request.track_id, self._frames.anchor_frames(run.request)
        )
        if not anchors:
            raise EditError(no_anchor_text(), path=self._project.folder)
        run.wanted = self._frames.wanted(run.request)
        stale = changed_between(run.done, run.began_from, anchors) | run.done.difference(run.wanted)
        run.began_from = anchors
        run.done -= stale
        run.found -= stale
        run.compared = {f: seen for f, seen in run.compared.items() if f not in stale}
        for frame_index in sorted(stale):
            self._project.stage(run.id, frame_index, ())
            self._on_frame(frame_index)

    def cancel(self) -> None:
        """Stop; it is as if the run had never been."""
        if self._run is None:
            return
        if self._job is None:
            self._end("cancelled", tr("The propagation was cancelled; nothing is kept."))
            return
        view = self._view
        self._show(SpreadView(True, tr("Stopping"), view.detail, view.fraction, stopping=True))
        self._job.cancel()

    def abandon(self) -> None:
        """Forget the run at once and without a word: it is stale, or the project closes."""
        if self._job is not None:
            self._job.cancel()
        if self._run is not None:
            self._drop()
        offered, self._offered, self._left = self._offered, None, None
        if offered is not None:
            self._discard(offered)

    @property
    def is_offered(self) -> bool:
        """Whether a run has ended that is taken in only where the person says so."""
        return self._offered is not None

    def keep(self) -> None:
        """Take in the run that is offered.

        Raises:
            EditError: There is none, or it cannot be taken in.
        """
        if self._offered is None:
            raise EditError(tr("No propagation waits to be kept."), path=self._project.folder)
        self._accept(self._offered)
        self._offered = None

    @property
    def has_left(self) -> bool:
        """Whether the last propagation left proposals that :meth:`take_left` would replace.

        Not while it is undone: then there is nothing to take, until it is done again.
        """
        if self._left is None:
            return False
        return self._project.run_state(self._left[0]) is RunState.ACCEPTED

    def take_left(self) -> None:
        """Take the masks of the last propagation where it left proposals, too.

        Raises:
            EditError: There are none, or it cannot be done any more.
        """
        if self._left is None or not self.has_left:
            raise EditError(nothing_left_text(), path=self._project.folder)
        self._apply(edits.TakePropagated(*self._left))
        self._left = None

    # The engine

    def _ask(self, run: _Run) -> None:
        self._generation += 1
        generation = self._generation
        request, scope = run.request, self._frames.scope(run.request)
        params = {
            **run.source,
            "corrected": self._frames.anchors(request),
            "avoid": self._frames.avoided(request),
            "correct": _settings(request),
            "start": scope.start,
            "stop": scope.stop,
            "fixed": sorted(f for f in self._frames.kept(request) if f in scope),
            "skip": sorted(run.done),
        }
        on_event = self._deliver(lambda event: self._take(generation, event))
        self._job = self._engine.request(JOB, params, on_event)

    def _take(self, generation: int, event: JobEvent | JobEnd) -> None:
        run = self._run
        if generation != self._generation or run is None:
            return
        try:
            self._take_in(event, run)
        except IFCError as error:  # what comes cannot be stored, as where the disk is full
            if self._run is not run:
                raise
            if self._job is not None:
                self._job.cancel()
            self._end("failed", str(error))

    def _take_in(self, event: JobEvent | JobEnd, run: _Run) -> None:
        if isinstance(event, JobEnd):
            self._job = None
            self._take_end(event, run)
        elif event.name == "mask":
            self._take_mask(event.data, run)
        elif event.name == "progress" and not self._view.stopping:
            self._show_progress(event.data.eta_seconds)
        elif event.name == "notice":
            run.notices.append(str(event.data))
        elif event.name == "status" and not self._view.stopping:
            self._show(SpreadView(True, str(event.data), self._view.detail, self._fraction()))

    def _take_mask(self, data: Mapping[str, Any], run: _Run) -> None:
        frame_index = int(data["frame_index"])
        if frame_index not in run.wanted or frame_index in run.done:
            return
        rle = None if data["rle"] is None else RLEMask.from_coco(dict(data["rle"]))
        confidence = min(1.0, max(0.0, float(data["confidence"])))
        staged = StagedMask(run.request.track_id, rle, confidence, 1.0 - confidence)
        self._project.stage(run.id, frame_index, [staged])
        run.done.add(frame_index)
        if rle is not None and rle.area:
            run.found.add(frame_index)
        seen = compare(self._project, run.request, frame_index, rle, confidence)
        if seen is not None:
            run.compared[frame_index] = seen
        self._on_frame(frame_index)

    def _take_end(self, end: JobEnd, run: _Run) -> None:
        if end.status is JobStatus.FAILED:
            self._end("failed", str(end.error or tr("The engine failed.")))
        elif end.status is JobStatus.CANCELLED or self._view.stopping:
            # The engine may have been done before it heard that it shall stop.
            self._end("cancelled", tr("The propagation was cancelled; nothing is kept."))
        else:
            self._finish(run)

    def _finish(self, run: _Run) -> None:
        track_id = run.request.track_id
        if not run.done:
            self._end("succeeded", tr("There was nothing to propagate to."))
            return
        try:
            self._project.stage_instances(run.id, [StagedInstance(track_id, "", 1.0, track_id)])
            self._project.finish_run(run.id)
            if self._frames.record_ids(track_id, run.began_from) != run.began_from:
                self._offer(run)
                return
            frames = self._forget()
            accepted = self._accept(run)
        except IFCError as error:
            self._discard(run)
            self._forget()
            self._on_end("failed", str(error))
            return
        for frame_index in frames:
            self._on_frame(frame_index)
        taken = _taken_text(run, accepted.changed_frames.get(track_id, ()))
        beyond = self._frames.beyond(run.request, list(run.began_from))
        said = [taken, note_text(accepted.note)]
        if self.has_left:  # the button beside the message is about that
            said.reverse()
        told = filter(None, (*said, beyond, *run.notices))
        self._on_end("succeeded", "" if run.quiet else " ".join(told))

    def _accept(self, run: _Run) -> EditResult:
        """Take a finished run in, less the masks that came astray."""
        lost, began = run.done - run.found, list(run.began_from)
        astray = frames_astray(
            self._project, run.request, run.id, run.found, lost, began, run.compared
        )
        accepted = self._apply(edits.AcceptPropagation(run.id, astray=astray))
        self._left = (run.id, astray) if astray else None
        return accepted

    def _offer(self, run: _Run) -> None:
        """What a run began from was undone or drawn anew: the person says if it is wanted."""
        frames = self._forget()
        for frame_index in frames:
            self._on_frame(frame_index)
        self._offered = run
        text = tr(
            "A mask from which track {track_id} was propagated was changed meanwhile, so what was "
            "made from it is not taken in."
        )
        self._on_end("offered", text.format(track_id=run.request.track_id))

    def _end(self, outcome: str, sentence: str) -> None:
        quiet = self.is_quiet and outcome != "failed"
        frames = self._drop()
        for frame_index in frames:
            self._on_frame(frame_index)
        self._on_end(outcome, "" if quiet else sentence)

    def _drop(self) -> list[int]:
        """Discard the run; gives the frames that had provisional masks."""
        assert self._run is not None  # noqa: S101
        self._discard(self._run)
        return self._forget()

    def _discard(self, run: _Run) -> None:
        with suppress(IFCError):  # on a full disk it stays, and is offered at the next opening
            self._project.discard_run(run.id)

    def _forget(self) -> list[int]:
        frames = [] if self._run is None else sorted(self._run.done)
        self._generation += 1
        self._job = None
        self._run = None
        self._show(SpreadView())
        return frames

    # Telling

    def _title(self) -> str:
        return tr("Propagating track {track_id}").format(track_id=self.track_id)

    def _fraction(self) -> float | None:
        run = self._run
        return None if run is None else len(run.done) / max(1, len(run.wanted))

    def _show_progress(self, eta_seconds: float | None) -> None:
        run = self._run
        assert run is not None  # noqa: S101
        detail = count = tr("{done} of {total}").format(done=len(run.done), total=len(run.wanted))
        if eta_seconds is not None and len(run.done) > 2:
            left = brief_duration_text(eta_seconds)
            # What is cut in a narrow strip is the count, which the bar shows as well.
            detail = tr("{duration_text} left · {count}").format(duration_text=left, count=count)
        self._show(SpreadView(True, self._title(), detail, self._fraction()))

    def _show(self, view: SpreadView) -> None:
        self._view = view
        self._on_state(view)


def _settings(request: SpreadRequest) -> dict[str, str]:
    return {"method": "fused" if request.method == "light" else request.method}


def _taken_text(run: _Run, changed: Iterable[int]) -> str:
    """Where a track was taken to: a frame without a mask, or one that was kept, does not count.

    Args:
        run: What was found.
        changed: Frames on which the track shows something else now.
    """
    found = len(run.found.intersection(changed))
    count = tr("1 frame") if found == 1 else tr("{count} frames").format(count=found)
    text = tr("Track {track_id} was taken to {count}.")
    if not run.found:
        text = tr("Track {track_id} was not seen on any other frame.")
    elif run.found != run.done:
        text = tr("Track {track_id} was found on {count}; on the others it was not seen.")
    return text.format(track_id=run.request.track_id, count=count)
