"""Ties propagation, candidates, boxes and scribbles to a studio."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from ifc_core.errors import IFCError
from napari_ifc.actions import Action
from napari_ifc.controllers.correction import SpreadController, SpreadRequest
from napari_ifc.controllers.drawn_questions import DrawnQuestions
from napari_ifc.controllers.prompts import PromptController
from napari_ifc.controllers.spread_frames import RANGE, nothing_left_text
from napari_ifc.correction_state import SCOPES, CandidateView, SpreadView
from napari_ifc.feature import NOTHING_OPEN, Feature
from napari_ifc.features.candidate_actions import candidate_actions
from napari_ifc.features.correction_masks import masks_of_correction
from napari_ifc.features.pointer_tools import PointerTools
from napari_ifc.features.question_turn import QuestionTurn
from napari_ifc.language import tr
from napari_ifc.views.spread_strip import SpreadStrip

if TYPE_CHECKING:
    from ifc_core.annotation import EditResult
    from napari_ifc.rows import FrameRange
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace

GROUP = tr("Correct")
_WORDS = {
    "both": tr("Propagate both ways"),
    "forward": tr("Propagate forward"),
    "backward": tr("Propagate backward"),
    "next": tr("Propagate to the next reviewed frames"),
    "gap": tr("Propagate into the gap"),
    "clip": tr("Propagate over this clip"),
}
_AUTO_DELAY_MS = 700
_REASON_DELAY_MS = 120  # looking for what can be propagated takes a while on a long track
_STROKES = ("SetMask", "PatchMask", "NewTrack")


class CorrectionSignals(QObject):
    """What happens in the correction tools.

    Attributes:
        spread_finished: Emitted once a propagation ended: ``"succeeded"``, ``"failed"``,
            ``"cancelled"`` or ``"offered"``.
        answered: Emitted once an answer to a click, a box or scribbles was taken in, with
            whether that went well.
    """

    spread_finished = Signal(str)
    answered = Signal(bool)


class Correction(Feature):
    """Correct once, fix the track.

    Attributes:
        signals: What happens.
        strip: Scope, method and the run in progress, under the tools.
        spreader: Propagates on the open video.
        prompts: Candidates on the open video.
        questions: Boxes and scribbles on it.
        told_track: The track that was propagated last.
    """

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.spreader: SpreadController | None = None
        self.prompts: PromptController | None = None
        self.questions: DrawnQuestions | None = None
        self.signals = CorrectionSignals(studio)
        self.strip = SpreadStrip()
        studio.panel.add_strip(self.strip)
        self.strip.action_requested.connect(studio.run_action)
        self.strip.changed.connect(self.actions_changed)
        self._turn = QuestionTurn(studio, lambda: self.spreader)
        self._pointer = PointerTools(
            studio,
            lambda: self.prompts,
            lambda: self.questions,
            self._source,
            on_asked=self._turn.asked,
        )
        studio.presenter.drawings.append(lambda frame: masks_of_correction(self, frame))
        self._auto_timer = self.soon(self._start_auto, _AUTO_DELAY_MS)
        self._reason_timer = self.soon(self._show_reason, _REASON_DELAY_MS)
        self._auto_track: int | None = None
        self.told_track: int | None = None
        self._own_edit = False

    # What can be done

    def actions(self) -> Iterable[Action]:
        """Propagation and the choice among candidates."""
        yield Action(
            "correct.propagate",
            tr("Propagate the correction"),
            lambda: self.propagate(),
            shortcut="T",
            group=GROUP,
            why_not=self._why_not_chosen,
            tip=tr(
                "Take the corrected masks of the track to the other frames of the scope. Propagate "
                "above a marked range stays within it."
            ),
        )
        for scope, _, tip in SCOPES:
            yield Action(
                f"correct.propagate_{scope}",
                _WORDS[scope],
                lambda scope=scope: self.propagate(scope),
                group=GROUP,
                why_not=lambda scope=scope: self.why_not_propagate(scope),
                tip=tip + ".",
            )
        yield Action(
            "correct.auto",
            tr("Propagate after each correction"),
            self.strip.auto.toggle,
            shortcut="Shift+T",
            group=GROUP,
            why_not=self.studio.why_not_open,
            tip=tr("Each stroke is taken to the other frames in the background."),
            checked=self.strip.auto.isChecked,
        )
        yield Action(
            "correct.pause",
            tr("Pause or go on with the propagation"),
            self._pause_or_resume,
            shortcut="Ctrl+T",
            group=GROUP,
            why_not=self._why_not_running,
        )
        yield Action(
            "correct.cancel",
            tr("Cancel the propagation"),
            lambda: self._of_spreader(lambda s: s.cancel()),
            shortcut="Ctrl+Shift+T",
            group=GROUP,
            why_not=self._why_not_running,
            tip=tr("It will be as if it had never been."),
        )
        yield Action(
            "correct.keep",
            tr("Keep the propagation that was not taken in"),
            self._keep,
            group=GROUP,
            why_not=self._why_not_keep,
            tip=tr("It was made from a mask that was changed meanwhile."),
        )
        yield Action(
            "correct.take_left",
            tr("Take the propagated masks where proposals were kept"),
            self._take_left,
            group=GROUP,
            why_not=self._why_not_left,
            tip=tr("The last propagation kept proposals that its masks hardly overlap."),
        )
        yield from candidate_actions(self, GROUP)

    # Propagating

    def propagate(self, scope: str | None = None, marked: FrameRange | None = None) -> bool:
        """Start a propagation from the current frame; returns at once.

        Args:
            scope: A word of ``SCOPES``; the one chosen in the strip if ``None``.
            marked: Only these frames, of the track on whose lane they are marked.

        Returns:
            Whether it was started. If not, the window shows why.
        """
        request = self._request(scope, marked)
        if request is None or self.spreader is None:
            self.studio.fail(self.why_not_propagate(scope, marked))
            return False
        self.studio.layers.flush()
        self.studio.panel.banner.clear()
        return self._start(request, quiet=False)

    def _start(self, request: SpreadRequest, *, quiet: bool) -> bool:
        assert self.spreader is not None  # noqa: S101 - callers have looked
        self.told_track = request.track_id
        try:
            self.spreader.start(request, self._source(request.method), quiet=quiet)
        except IFCError as error:
            self.studio.fail(error)
            return False
        return True

    def why_not_propagate(self, scope: str | None = None, marked: FrameRange | None = None) -> str:
        """Why no propagation can be started now."""
        workspace = self.studio.workspace
        if workspace is None or self.spreader is None:
            return NOTHING_OPEN
        request = self._request(scope, marked)
        if request is None and marked is not None and len(marked.track_ids) > 1:
            return tr("Mark the range on the lane of one track, or select that track.")
        return self.spreader.why_not(request)

    def _why_not_chosen(self) -> str:
        return self.why_not_propagate()

    def _request(self, scope: str | None, marked: FrameRange | None = None) -> SpreadRequest | None:
        workspace = self.studio.workspace
        if workspace is None:
            return None
        editor, (chosen, method) = workspace.editor, self.strip.chosen()
        track_id, frame_index = editor.current, editor.frame_index
        frames = None
        if marked is not None:
            scope, frames = RANGE, range(marked.first, marked.last + 1)
            frame_index = min(max(frame_index, marked.first), marked.last)
            if marked.track_ids and track_id not in marked.track_ids:
                track_id = marked.track_ids[0] if len(marked.track_ids) == 1 else None
        if track_id is None:
            return None
        settings = self.studio.panel.propose.settings()
        return SpreadRequest(
            track_id,
            frame_index,
            scope or chosen,
            method,
            settings.clip_length,
            settings.frame_step,
            frames,
        )

    def _source(self, method: str = "fused") -> dict[str, Any]:
        """Where the engine finds frames and, unless it shall do without, the model."""
        session = self.workspace.session
        source: dict[str, Any] = {"video": str(session.reader.video.path)}
        if method == "fused":  # "light" and the plain tools do without the model
            source["models"] = [str(session.project.folder / "models")]
            source["settings"] = self.studio.panel.propose.settings().to_json()
        return source

    def _why_not_running(self) -> str:
        running = self.spreader is not None and self.spreader.is_running
        return "" if running else tr("No propagation is going on.")

    def _why_not_keep(self) -> str:
        offered = self.spreader is not None and self.spreader.is_offered
        return "" if offered else tr("No propagation waits to be kept.")

    def _keep(self) -> None:
        self.studio.panel.banner.clear()
        self._of_spreader(lambda s: s.keep())

    def _why_not_left(self) -> str:
        left = self.spreader is not None and self.spreader.has_left
        return "" if left else nothing_left_text()

    def _take_left(self) -> None:
        self.studio.panel.banner.clear()
        self._of_spreader(lambda s: s.take_left())

    def _pause_or_resume(self) -> None:
        self._of_spreader(lambda s: s.resume() if s.is_paused else s.pause())

    def _of_spreader(self, change: Callable[[SpreadController], object]) -> None:
        if self.spreader is not None:
            change(self.spreader)

    # After each correction

    def project_changed(self, result: EditResult) -> None:
        """A stroke on a track begins its propagation anew, in a moment."""
        workspace = self.studio.workspace
        spreader = self.spreader
        if workspace is None or spreader is None:
            return
        if spreader.is_quiet and spreader.track_id in result.tracks and not self._own_edit:
            spreader.abandon()  # it began from what has just been changed
        stroke = result.direction == "do" and result.kind in (*_STROKES, "Batch")
        if self.strip.auto.isChecked() and stroke and result.num_masks == 1:
            self._auto_track = next(iter(result.changed_frames), None)
            self._auto_timer.start()

    def _start_auto(self) -> None:
        workspace, spreader = self.studio.workspace, self.spreader
        if workspace is None or spreader is None or workspace.editor.current != self._auto_track:
            return
        if self.studio.layers.is_drawing:
            self._auto_timer.start()
            return
        if spreader.is_running and not spreader.is_quiet:
            return  # what was asked for goes first
        request = self._request(None)
        if request is not None and not spreader.why_not(request):
            self._start(request, quiet=True)
        else:
            spreader.abandon()

    # The life of what is open

    def opened(self, workspace: Workspace) -> None:
        """Make the controllers of the video."""
        session, studio = workspace.session, self.studio
        self.spreader = SpreadController(
            session.project,
            session.entry,
            studio.engine,
            studio.deliver,
            self._apply_own,
            on_state=self._on_state,
            on_frame=self._on_frame,
            on_end=self._on_end,
        )
        self.prompts = PromptController(
            session.project,
            session.entry,
            workspace.editor,
            studio.engine,
            studio.deliver,
            on_view=self._on_view,
            on_done=self._on_done,
        )
        self.questions = DrawnQuestions(
            session.project,
            session.entry,
            workspace.editor,
            studio.engine,
            studio.deliver,
            on_changed=self._on_drawn,
            on_done=self._on_done,
        )
        self.actions_changed()

    def _apply_own(self, edit: Any) -> EditResult:
        self._own_edit = True
        try:
            return self.workspace.editor.apply(edit)
        finally:
            self._own_edit = False

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """Forget what runs."""
        for timer in (self._auto_timer, self._reason_timer):
            timer.stop()
        if self.spreader is not None:
            self.spreader.abandon()
        if self.prompts is not None:
            self.prompts.dismiss()
        if self.questions is not None:
            self.questions.abandon()
        self.spreader = self.prompts = self.questions = None

    def busy(self) -> str:
        """A propagation that was asked for and goes on."""
        spreader = self.spreader
        running = spreader is not None and spreader.is_running and not spreader.is_quiet
        return tr("Propagating a correction; nothing of it is kept") if running else ""

    def close(self) -> None:
        """Take the sheet off the canvas."""
        for timer in (self._auto_timer, self._reason_timer):
            timer.stop()
        self._pointer.close()

    def frame_changed(self, frame_index: int) -> None:
        """A candidate is of a clip: it stays while its frames are shown.

        The answer to a box or scribbles knows the frame that it belongs to.
        """
        prompts = self.prompts
        if prompts is None or not prompts.view.active:
            return
        shown = prompts.shown
        if shown is None or frame_index not in shown.masks:
            prompts.dismiss()

    # Controllers -> screen

    def _on_state(self, view: SpreadView) -> None:
        if self.prompts is None or not self.prompts.view.active:
            self.strip.show_run(view)
        self.actions_changed()

    def _on_frame(self, frame_index: int) -> None:
        if frame_index == self.studio.layers.frame_index:
            self.studio.presenter.canvas()
        self.studio.presenter.lists_soon()  # the lane of the track shows how far it is

    def _on_end(self, outcome: str, sentence: str) -> None:
        if outcome == "failed":
            self.studio.fail(sentence)
        elif outcome == "offered":
            banner = self.studio.panel.banner
            banner.show_message(sentence, "warning", tr("Keep it"), "correct.keep")
        elif outcome == "succeeded" and sentence:
            self._tell_taken(sentence)
        elif sentence:
            self.studio.inform(sentence)
        self.studio.presenter.actions()
        self.signals.spread_finished.emit(outcome)

    def _tell_taken(self, sentence: str) -> None:
        """What came of a propagation, until it is closed: it may have taken minutes."""
        session = self.workspace.session
        gaps = session.project.propagation_gaps(session.entry.id).get(self.told_track or 0)
        lost = 0 if gaps is None else len(gaps.lost)
        words = tr("Lost on 1 frame: Look") if lost == 1 else tr("Lost on {count:,} frames: Look")
        look = (words.format(count=lost), "review.lost") if lost else ("", "")
        if not self._why_not_left():
            look = (tr("Take the new ones"), "correct.take_left")
        self.studio.panel.banner.show_message(sentence, "done", *look)

    def _on_view(self, view: CandidateView) -> None:
        run = SpreadView() if self.spreader is None else self.spreader.view
        self.strip.show_candidate(view, run)
        self.studio.layers.hold_keys(
            {
                key: lambda action_id=action_id: self.studio.run_action(action_id)
                for key, action_id in (
                    ("Enter", "candidate.accept"),
                    ("Shift-Enter", "candidate.into"),
                    ("Escape", "candidate.dismiss"),
                )
            }
            if view.active
            else {}
        )
        self.studio.presenter.canvas()
        if view.count or not view.active:
            self._answered()

    @property
    def _num_asked(self) -> int:
        return 0 if self.questions is None else self.questions.num_asked

    def _on_drawn(self) -> None:
        """What waits for an answer stays in sight, and the strip counts it."""
        self.strip.show_asked(self._num_asked)
        self.studio.presenter.canvas()
        self._answered()

    def _answered(self) -> None:
        prompts, drawn = self.prompts, self.questions
        if prompts is None or drawn is None or prompts.is_asking or drawn.num_asked:
            return
        self._turn.answered()

    def _on_done(self, sentence: str, is_error: bool) -> None:
        self._answered()
        if is_error:
            self.studio.fail(sentence)
        elif sentence:
            self.studio.inform(sentence)
        self.studio.presenter.actions()
        self.signals.answered.emit(not is_error)

    def actions_changed(self) -> None:
        """Say in a moment whether a propagation is possible."""
        if not self.studio.is_closed:  # its widgets may be gone before the moment is over
            self._reason_timer.start()

    def _show_reason(self) -> None:
        action = self.studio.actions["correct.propagate"]
        tip = action.keyed(tr("Take the corrected masks of the track to the other frames"))
        self.strip.show_reason(self.why_not_propagate(), tip)

    def started(self) -> None:
        """Show the keys, also after they were changed."""
        self._show_keys()
        self.studio.shortcuts_changed.connect(self._show_keys)

    def _show_keys(self) -> None:
        actions = self.studio.actions
        keys = (actions[i].shortcut for i in ("tool.candidates", "candidate.previous"))
        self.strip.show_keys(*keys)
        self.actions_changed()

    def selection_changed(self, track_ids: tuple[int, ...]) -> None:
        """Another track may be possible to propagate."""
        self.actions_changed()
