"""Candidates for a click or a box: asked of the engine, the latest question counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ifc_core.annotation import Project, StagedInstance, StagedMask, VideoEntry, edits
from ifc_core.engine.protocol import JobEnd, JobEvent, JobStatus
from ifc_core.errors import EditError, IFCError
from ifc_core.structures import RLEMask
from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.engine import Deliver, Engine, Job
from napari_ifc.correction_state import CandidateView
from napari_ifc.journal_text import note_text
from napari_ifc.language import tr

KIND = "candidate"
_NEVER_MATCH = 2.0  # no IoU reaches it: a candidate always begins a track of its own
Point = tuple[float, float]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class MaskCandidate:
    """One answer to a click or a box.

    Attributes:
        masks: Frame index -> mask, ``None`` where the object is not to be seen.
        source: ``network`` or ``colour``.
        score: 0 to 1.
        category: Name of its class, or empty.
    """

    masks: Mapping[int, RLEMask | None]
    source: str
    score: float
    category: str = ""


class PromptController:
    """Candidates on one video; see :class:`DrawnQuestions` for boxes and scribbles.

    Args:
        project: The project.
        entry: The video.
        editor: Makes the edits; says which track and frame are meant.
        engine: Answers.
        deliver: Wraps a callback so that it is called in the thread of this object.
        on_view: Called with the :class:`CandidateView` whenever it changes.
        on_done: Called with a sentence (which may be empty) when an answer was taken in or
            cannot be, and whether it is an error.
    """

    def __init__(
        self,
        project: Project,
        entry: VideoEntry,
        editor: EditController,
        engine: Engine,
        deliver: Deliver,
        on_view: Callable[[CandidateView], None],
        on_done: Callable[[str, bool], None],
    ) -> None:
        self._project = project
        self._entry = entry
        self._editor = editor
        self._engine = engine
        self._deliver = deliver
        self._on_view = on_view
        self._on_done = on_done
        self._job: Job | None = None
        self._generation = 0
        self._found: list[MaskCandidate] = []
        self._place = 0
        self._view = CandidateView()

    @property
    def is_asking(self) -> bool:
        """Whether an answer is on its way."""
        return self._job is not None

    @property
    def view(self) -> CandidateView:
        """The candidates as the window shows them."""
        return self._view

    @property
    def shown(self) -> MaskCandidate | None:
        """The candidate that is shown."""
        return self._found[self._place] if self._found else None

    @property
    def found(self) -> tuple[MaskCandidate, ...]:
        """All candidates, best first."""
        return tuple(self._found)

    def mask_at(self, frame_index: int) -> RLEMask | None:
        """Mask of the shown candidate on a frame."""
        return None if self.shown is None else self.shown.masks.get(frame_index)

    # Candidates

    def ask_candidates(self, source: Mapping[str, Any], *, place: Point | Box) -> None:
        """Ask for what the model has at a point (x, y) or in a box (x0, y0, x1, y1).

        Raises:
            EngineError: The engine cannot be started.
        """
        self.dismiss()
        name = "point_xy" if len(place) == 2 else "box_xyxy"
        self._show(CandidateView(True, tr("Looking for masks here…")))
        params = {**source, "frame_index": self._editor.frame_index}
        params[name] = [float(v) for v in place]
        try:
            self._ask("candidates", params, self._take_candidates)
        except IFCError:
            self.dismiss()
            raise

    def next(self, by: int = 1) -> None:
        """Show the next candidate, or with -1 the one before; after the last comes the first."""
        if self._found:
            self._place = (self._place + by) % len(self._found)
            self._show_candidate()

    def accept(self, *, into_current: bool = False) -> None:
        """Make the shown candidate a track over its clip, or part of the current one.

        It is one edit. In a track that is there already, corrected and approved frames stay.

        Raises:
            EditError: It cannot be taken in; nothing was changed.
        """
        candidate = self.shown
        if candidate is None:
            raise EditError(tr("There is no candidate to accept."), path=self._project.folder)
        track_id = self._editor.current if into_current else None
        if into_current and track_id is None:
            raise EditError(tr("Select a track first."), path=self._project.folder)
        number = 0 if track_id is None else track_id
        label = candidate.category or self._editor.default_class()
        kind = KIND if track_id is None else f"propagate {KIND}"
        run_id = self._project.begin_run(kind, self._entry.id, {}, "")
        for frame_index, rle in candidate.masks.items():
            self._project.stage(run_id, frame_index, [StagedMask(number, rle, candidate.score)])
        instance = StagedInstance(number, label, candidate.score, track_id)
        try:
            self._project.stage_instances(run_id, [instance])
            self._project.finish_run(run_id)
            edit = self._edit_of(run_id, track_id)
            self.dismiss()
            result = self._editor.apply(edit, select_added=track_id is None)
        except IFCError:
            self._project.discard_run(run_id)
            raise
        self._on_done(note_text(result.note), False)

    @staticmethod
    def _edit_of(run_id: int, track_id: int | None) -> edits.Edit:
        if track_id is not None:
            return edits.AcceptPropagation(run_id)
        new = edits.AcceptRun(run_id, replace_proposals=False, match_iou=_NEVER_MATCH)
        return edits.Batch((new,), label="Accept a candidate as a new track")

    def dismiss(self) -> None:
        """Drop the question and what was found."""
        self._generation += 1
        if self._job is not None:
            self._job.cancel()
            self._job = None
        self._found = []
        self._place = 0
        if self._view.active:
            self._show(CandidateView())

    # Answers

    def _ask(
        self, kind: str, params: Mapping[str, Any], take: Callable[[Mapping[str, Any]], None]
    ) -> None:
        self._generation += 1
        generation = self._generation

        def on_event(event: JobEvent | JobEnd) -> None:
            if generation != self._generation or not isinstance(event, JobEnd):
                return
            self._job = None
            if event.status is JobStatus.SUCCEEDED:
                take(event.result)
            else:
                self.dismiss()
                failed = event.status is JobStatus.FAILED
                self._on_done(str(event.error) if failed else "", failed)

        self._job = self._engine.request(kind, params, self._deliver(on_event))

    def _take_candidates(self, result: Mapping[str, Any]) -> None:
        self._found = [_candidate(item) for item in result["candidates"]]
        self._place = 0
        if self._found:
            self._show_candidate()
            return
        self.dismiss()
        self._on_done(tr("The model has nothing there; draw a box or paint it."), False)

    def _show_candidate(self) -> None:
        candidate = self._found[self._place]
        what = candidate.category or (tr("by colour") if candidate.source == "colour" else "object")
        count = tr("{place} of {count}").format(place=self._place + 1, count=len(self._found))
        text = tr("{count}: {what}, {score:.2f}").format(
            count=count, what=what, score=candidate.score
        )
        self._show(CandidateView(True, text, self._place, len(self._found)))

    def _show(self, view: CandidateView) -> None:
        self._view = view
        self._on_view(view)


def _candidate(item: Mapping[str, Any]) -> MaskCandidate:
    masks = {
        int(m["frame_index"]): None if m["rle"] is None else RLEMask.from_coco(dict(m["rle"]))
        for m in item["masks"]
    }
    category = item.get("category")
    return MaskCandidate(
        masks, str(item["source"]), float(item["score"]), "" if category is None else str(category)
    )
