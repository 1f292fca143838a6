"""Masks from boxes and scribbles: each is asked of the engine in the order it was drawn.

Nothing that was drawn vanishes: what is drawn while an answer is on its way waits its turn, and
a scribble whose mask was changed meanwhile is asked again with the new mask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ifc_core.annotation import EditResult, Project, VideoEntry
from ifc_core.engine.protocol import JobEnd, JobEvent, JobStatus
from ifc_core.errors import IFCError
from ifc_core.inference.prompt_mask import Stroke, draw_strokes
from ifc_core.structures import RLEMask
from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.engine import Deliver, Engine, Job
from napari_ifc.controllers.guesses import Box, take_guess
from napari_ifc.language import tr

Point = tuple[float, float]
_SAME_SHARE = 0.5


@dataclass(slots=True, eq=False)
class _Question:
    """A box or a stroke, and where its answer goes.

    Attributes:
        kind: The engine's job.
        params: What is drawn, and the source.
        frame_index: Where it was drawn.
        track_id: The track, ``None`` for a new one.
        begun_by: The stroke before it, which begins the track that this one goes on with.
        record_id: The record that was there when it was asked.
        drawn: How it looks.
    """

    kind: str
    params: dict[str, Any]
    frame_index: int
    track_id: int | None
    drawn: RLEMask
    begun_by: _Question | None = None
    record_id: int | None = None


class DrawnQuestions:
    """Boxes and scribbles on one video, asked one after the other.

    Args:
        project: The project.
        entry: The video.
        editor: Makes the edits; says which track and frame are meant.
        engine: Answers.
        deliver: Wraps a callback so that it is called in the thread of this object.
        on_changed: Called when a question was drawn or is answered.
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
        on_changed: Callable[[], None],
        on_done: Callable[[str, bool], None],
    ) -> None:
        self._project = project
        self._entry = entry
        self._editor = editor
        self._engine = engine
        self._deliver = deliver
        self._on_changed = on_changed
        self._on_done = on_done
        self._questions: list[_Question] = []  # the first one is being answered
        self._job: Job | None = None
        self._generation = 0
        self._begun: int | None = None  # the track that a box began, which nobody selected

    @property
    def num_asked(self) -> int:
        """How many boxes and strokes have no answer yet."""
        return len(self._questions)

    def drawn_at(self, frame_index: int) -> list[RLEMask]:
        """What was drawn on a frame and has no answer yet."""
        return [q.drawn for q in self._questions if q.frame_index == frame_index]

    def ask_box(self, source: Mapping[str, Any], box_xyxy: Box) -> None:
        """Ask for the mask of the object in a box: a proposal of the current track, as one edit.

        Without a track it begins one. So does the next box beside it, without that the person
        has to deselect what they never selected; one over it is another try.

        Args:
            source: Where the engine finds frames and model.
            box_xyxy: (x0, y0, x1, y1) in pixels of the video.

        Raises:
            EngineError: The engine cannot be started.
        """
        height, width = self._entry.size
        x0, y0, x1, y1 = box_xyxy
        x0, x1 = (min(max(x, 0.0), float(width)) for x in (x0, x1))
        y0, y1 = (min(max(y, 0.0), float(height)) for y in (y0, y1))
        params = {**source, "box_xyxy": [x0, y0, x1, y1]}
        outline = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
        track_id, begun_by = self._aim_of_box((x0, y0, x1, y1))
        self._add("box", params, track_id, self._line(outline, 1.0), begun_by)

    def ask_scribble(
        self,
        source: Mapping[str, Any],
        points_xy: Sequence[Point],
        radius_px: float,
        *,
        positive: bool,
    ) -> None:
        """Ask for the mask that a stroke asks for; it becomes one edit of the current track.

        Without a track, strokes on one frame go on with the track that the first one begins.

        Args:
            source: Where the engine finds frames and model.
            points_xy: The stroke in pixels of the video.
            radius_px: Of the brush.
            positive: Whether the stroke lies on the object or beside it.

        Raises:
            EngineError: The engine cannot be started.
        """
        stroke = {"points_xy": [list(p) for p in points_xy], "radius_px": radius_px}
        params: dict[str, Any] = {**source, "positive": [], "negative": []}
        params["positive" if positive else "negative"].append(stroke)
        track_id = self._editor.current
        before = None if track_id is not None else self._last_that_begins()
        self._add("scribble", params, track_id, self._line(points_xy, radius_px), before)

    def abandon(self) -> None:
        """Forget everything that was asked, without a word."""
        self._generation += 1
        if self._job is not None:
            self._job.cancel()
        self._job = None
        self._questions = []
        self._on_changed()

    def _aim_of_box(self, box_xyxy: Box) -> tuple[int | None, _Question | None]:
        """The track that a box goes to, or the unanswered box that begins it."""
        current, last = self._editor.current, self._last_that_begins()
        if current is None:
            if last is None or last.kind != "box":
                return None, None
            is_over = _is_over(box_xyxy, tuple(last.params["box_xyxy"]))
            return None, last if is_over else None
        record = self._project.mask(current, self._editor.frame_index)
        shown = None if record is None else record.shown
        if current != self._begun or shown is None:
            return current, None
        x, y, width, height = shown.bbox_xywh
        is_over = _is_over(box_xyxy, (x, y, x + width, y + height))
        return current if is_over else None, None

    def _last_that_begins(self) -> _Question | None:
        here = self._editor.frame_index
        begins = (q for q in reversed(self._questions) if q.track_id is None)
        return next((q for q in begins if q.frame_index == here), None)

    def _line(self, points_xy: Sequence[Point], radius_px: float) -> RLEMask:
        stroke = Stroke(tuple((float(x), float(y)) for x, y in points_xy), radius_px)
        return RLEMask.from_array(draw_strokes([stroke], self._entry.size))

    # Asking

    def _add(
        self,
        kind: str,
        params: dict[str, Any],
        track_id: int | None,
        drawn: RLEMask,
        begun_by: _Question | None = None,
    ) -> None:
        frame_index = self._editor.frame_index
        params = {**params, "frame_index": frame_index}
        self._questions.append(_Question(kind, params, frame_index, track_id, drawn, begun_by))
        try:
            if self._job is None:
                self._ask_first()
        finally:
            self._on_changed()

    def _ask_first(self) -> None:
        question = self._questions[0]
        if question.track_id is None and question.begun_by is not None:
            question.track_id = question.begun_by.track_id
        params = dict(question.params)
        question.record_id, mask = self._record(question)
        if question.kind == "scribble" and mask is not None:
            params["mask"] = mask.to_coco()
        self._generation += 1
        generation = self._generation
        on_event = self._deliver(lambda event: self._take(generation, event))
        try:
            self._job = self._engine.request(question.kind, params, on_event)
        except IFCError:
            self._questions = []  # there is no engine: the others fare no better
            raise

    def _record(self, question: _Question) -> tuple[int | None, RLEMask | None]:
        if question.track_id is None:
            return None, None
        record = self._project.mask(question.track_id, question.frame_index)
        return (None, None) if record is None else (record.id, record.rle)

    # Answers

    def _take(self, generation: int, event: JobEvent | JobEnd) -> None:
        if generation != self._generation or not isinstance(event, JobEnd):
            return
        self._job = None
        question = self._questions[0]
        changed = self._record(question)[0] != question.record_id
        succeeded = event.status is JobStatus.SUCCEEDED
        if succeeded and changed and question.kind == "scribble":
            told, is_error = "", False  # asked again, with the mask that is there now
        else:
            self._questions.pop(0)
            told, is_error = self._answer(question, event, changed=changed)
        try:
            if self._questions:
                self._ask_first()
        except IFCError as error:
            told, is_error = str(error), True
        self._on_changed()
        if question not in self._questions:
            self._on_done(told, is_error)

    def _answer(self, question: _Question, end: JobEnd, *, changed: bool) -> tuple[str, bool]:
        if end.status is not JobStatus.SUCCEEDED:
            failed = end.status is JobStatus.FAILED
            return (str(end.error) if failed else ""), failed
        if changed:
            return tr("The mask was changed meanwhile, so the answer was dropped."), False
        found = end.result["rle"]
        rle = RLEMask.empty(self._entry.size) if found is None else RLEMask.from_coco(dict(found))
        selected = self._editor.selected
        if question.track_id is None:  # a new track, whatever was selected meanwhile
            self._editor.select(())
        try:
            if question.kind == "box":
                done = self._take_box(question, rle, float(end.result.get("score", 1.0)))
            else:
                done = self._take_scribble(question, rle)
        except IFCError as error:
            self._editor.select(selected)
            return str(error), True
        if done is None:
            self._editor.select(selected)
        elif question.track_id is None and done.tracks_added:
            question.track_id = done.tracks_added[0]
            self._begun = question.track_id if question.kind == "box" else None
        return self._told(question, done, area=rle.area), False

    def _take_box(self, question: _Question, rle: RLEMask, confidence: float) -> EditResult | None:
        return take_guess(
            self._project,
            self._entry,
            self._editor,
            rle,
            tuple(question.params["box_xyxy"]),
            track_id=question.track_id,
            frame_index=question.frame_index,
            confidence=confidence,
        )

    def _take_scribble(self, question: _Question, rle: RLEMask) -> EditResult | None:
        return self._editor.commit_rle(
            rle, "Scribble", track_id=question.track_id, frame_index=question.frame_index
        )

    @staticmethod
    def _told(question: _Question, done: EditResult | None, *, area: int) -> str:
        if done is None:
            if question.kind == "box" and not area:
                return tr("Nothing was found in the box; draw another one or paint it.")
            return tr("The mask stays as it is.")
        if question.kind != "box":
            return ""
        text = tr("Track {track_id} has a guess from the box here: correct it, or approve it.")
        if question.record_id is not None:
            text = tr(
                "The box gave track {track_id} another mask here; with no track selected it "
                "begins a new one."
            )
        return text.format(track_id=question.track_id)


def _is_over(first: Box, second: Box) -> bool:
    """Whether two boxes share half of the smaller one."""
    wide = min(first[2], second[2]) - max(first[0], second[0])
    high = min(first[3], second[3]) - max(first[1], second[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return max(0.0, wide) * max(0.0, high) >= _SAME_SHARE * min(areas)
