"""Ties Propose to a studio: the form, the estimate, the run, and a run that was stopped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from ifc_core.annotation import RunInfo, Scope, edits
from ifc_core.annotation.records import WHOLE
from ifc_core.engine.protocol import QUICK_KINDS, JobEnd, JobEvent, JobStatus
from ifc_core.errors import IFCError
from napari_ifc.actions import Action
from napari_ifc.controllers.open_runs import is_offered, kept_scope, open_run_text
from napari_ifc.controllers.propose import KIND, ProposeController
from napari_ifc.controllers.propose_choices import chosen_before, judges_masks
from napari_ifc.controllers.run_words import estimate_text
from napari_ifc.feature import Feature
from napari_ifc.features.bulk import UNLIKELY_BELOW, BulkEdits
from napari_ifc.features.system import System
from napari_ifc.language import tr
from napari_ifc.region_layer import RegionLayer
from napari_ifc.views.focus import leave
from napari_ifc.views.transport import propose_text

if TYPE_CHECKING:
    from ifc_core.inference.settings import ProposeSettings
    from napari_ifc.controllers.editing import EditController
    from napari_ifc.controllers.session import Session
    from napari_ifc.rows import RunView
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace

PAGE = "propose"
GROUP = tr("Propose")
_START = tr("Propose tracks")
_LEAVE_REGION = tr("Do not draw a region")
_HINT = tr("Drag a rectangle on the frame; Esc leaves it.")
_ESTIMATE = "estimate"
_ESTIMATE_DELAY_MS = 900


class ProposeLink(Feature):
    """Proposing in a studio.

    Args:
        studio: The studio.
    """

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._estimating: Any = None
        self._estimates = 0
        self._timer = self.soon(self._ask_estimate, _ESTIMATE_DELAY_MS)
        self._region = RegionLayer(
            studio.viewer,
            studio.layers,
            on_picked=studio.panel.propose.show_region,
            on_ended=self._on_region_ended,
        )
        studio.engine.on_asked = self._make_way
        panel = studio.panel
        panel.propose.region_requested.connect(self._draw_region)
        panel.propose.propose_requested.connect(lambda: studio.run_action("propose.start"))
        panel.propose.changed.connect(self._on_changed)
        panel.page_changed.connect(self._on_page)
        panel.run.cancel_requested.connect(lambda: studio.run_action("propose.cancel"))
        panel.run.pause_requested.connect(lambda: studio.run_action("propose.pause"))

    def actions(self) -> Iterable[Action]:
        """Start, pause and cancel a run; go on with, keep or drop one that was stopped."""
        yield Action(
            "propose.start",
            _START,
            self._start_shown,
            shortcut="Shift+P",
            group=GROUP,
            why_not=self.why_not,
            tip=tr(
                "Let the model find and follow the objects. Corrected frames are never touched. "
                "A marked range without masks is looked at alone."
            ),
            text_now=self._start_text,
        )
        yield Action(
            "propose.cancel",
            tr("Cancel the run"),
            lambda: self.workspace.proposer.cancel(),
            group=GROUP,
            why_not=self._why_not_cancel,
            tip=tr("Stop the run; nothing of it is kept."),
        )
        yield Action(
            "propose.pause",
            tr("Pause the run"),
            lambda: self.workspace.proposer.pause(),
            group=GROUP,
            why_not=self._why_not_pause,
            tip=tr("Stop for now and free the processor; go on later, also after a restart."),
        )
        yield Action(
            "run.continue",
            tr("Continue the stopped run"),
            self.continue_cut_off_run,
            group=GROUP,
            why_not=self._why_not_continue,
            tip=tr("Go on where the run was paused or cut off."),
        )
        yield Action(
            "run.keep",
            tr("Keep the stopped run"),
            self.keep_cut_off_run,
            group=GROUP,
            why_not=self._why_not_cut_off,
            tip=tr("Accept what a run had found when it was paused or cut off."),
        )
        yield Action(
            "run.discard",
            tr("Discard the stopped run"),
            self.discard_cut_off_run,
            group=GROUP,
            why_not=self._why_not_cut_off,
        )

        yield Action(
            "propose.leave_region",
            _LEAVE_REGION,
            self._region.leave,
            group=GROUP,
            why_not=lambda: "" if self._region.is_picking else tr("No region is being drawn."),
            text_now=lambda: _LEAVE_REGION if self._region.is_picking else "",
        )

    def _why_not_cancel(self) -> str:
        workspace = self.studio.workspace
        running = workspace is not None and workspace.proposer.is_running
        return "" if running else tr("No run is going on.")

    def _why_not_pause(self) -> str:
        return self._why_not_cancel() or self.workspace.proposer.why_not_pause()

    def _why_not_cut_off(self) -> str:
        return "" if self.cut_off_run() is not None else tr("No run was stopped.")

    def _why_not_continue(self) -> str:
        run, project = self.cut_off_run(), self.studio.project
        if run is None or project is None:
            return tr("No run was stopped.")
        if run.kind != KIND or project.run_checkpoint(run.id) is None:
            return tr("This run cannot go on; keep what it found or discard it.")
        return self._why_not_run()

    def controller(self, session: Session, editor: EditController) -> ProposeController:
        """The controller of runs on a video that is being opened."""
        return ProposeController(
            session.project,
            session.entry,
            self.studio.engine,
            self.studio.deliver,
            editor.apply,
            on_state=self._on_state,
            on_frame=self._on_frame,
            on_end=self._on_end,
            on_measured=self.studio.run_measured.emit,
        )

    def opened(self, workspace: Workspace) -> None:
        """A video was opened: offer a run that was cut off, and estimate one."""
        self._show_choices(workspace.session)
        self._offer_cut_off_run()
        self._forget_estimate()
        self._timer.start()

    def _show_choices(self, session: Session) -> None:
        """What the project's last run was made with; device and precision are this machine's."""
        form, chosen = self.studio.panel.propose, chosen_before(session.project)
        if chosen is not None:
            form.show_settings(replace(chosen, precision=form.precision))

    def busy(self) -> str:
        """A run that goes on."""
        workspace = self.studio.workspace
        if workspace is None or not workspace.proposer.is_running:
            return ""
        if workspace.proposer.can_go_on_later:
            return tr("Proposing tracks; the run can go on later where it was")
        return tr("Proposing tracks; nothing of it is kept if you stop now")

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """Ask for nothing more; another video gets no region of this one."""
        self._region.clear()
        self.studio.panel.propose.blockSignals(True)
        self.studio.panel.propose.show_region(None)
        self.studio.panel.propose.blockSignals(False)
        self._forget_estimate()

    # The run

    def start(self, settings: ProposeSettings | None = None, scope: Scope = WHOLE) -> bool:
        """Start a run; returns at once.

        Args:
            settings: How; the form's settings if ``None``.
            scope: Only these frames are changed.

        Returns:
            Whether it was started. If not, the window shows why.
        """
        reason = self.why_not(scope)
        workspace = self.studio.workspace
        if reason or workspace is None:
            self.studio.fail(reason)
            return False
        self.studio.layers.flush()
        self._forget_estimate(keep_text=True)
        try:
            chosen = settings or self.studio.panel.propose.settings()
            self.studio.panel.banner.clear()
            workspace.proposer.start(chosen, self._source(workspace.session), scope=scope)
        except IFCError as error:
            self.studio.fail(error)
            self._estimate_if_unknown()
            return False
        return True

    def continue_cut_off_run(self) -> None:
        """Go on with a run that was paused or cut off."""
        run, workspace = self.cut_off_run(), self.studio.workspace
        if run is None or workspace is None:
            return
        self.studio.layers.flush()
        self._forget_estimate(keep_text=True)
        self.studio.panel.banner.clear()
        try:
            workspace.proposer.resume(run, self._source(workspace.session))
        except IFCError as error:
            self.studio.fail(error)
            self._estimate_if_unknown()

    def why_not(self, scope: Scope | None = None) -> str:
        """Why no run can be started now, or why it would be in vain.

        Args:
            scope: Only these frames are meant; what the button names if ``None``.
        """
        return self._why_not_run() or self.why_in_vain(
            self._shown_scope if scope is None else scope
        )

    @property
    def _shown_scope(self) -> Scope:
        """What button and key mean: a marked range in which nothing is yet, or all frames."""
        marked = self.studio.timeline_panel.to_propose()
        return WHOLE if marked is None else Scope(marked.first, marked.last)

    def _start_text(self) -> str:
        marked = self.studio.timeline_panel.to_propose()
        return _START if marked is None else propose_text(marked)

    def _start_shown(self) -> None:
        scope = self._shown_scope
        settings = self.studio.panel.propose.settings()
        self.start(settings if scope.is_whole else replace(settings, offline=False), scope)

    def why_in_vain(self, scope: Scope = WHOLE) -> str:
        """Why a run on the open video would change nothing: approved frames take nothing from it.

        Args:
            scope: Only these frames are meant.
        """
        first, last = scope.bounds(self.workspace.session.num_frames)
        if not self.workspace.index.is_approved(first, last):
            return ""
        if first == last:
            return tr("The frame is approved; proposing would change nothing.")
        words = tr("All {count:,} frames are approved; proposing would change nothing.")
        if not scope.is_whole:
            words = tr("All {count:,} marked frames are approved; proposing would change nothing.")
        return words.format(count=last - first + 1)

    def _why_not_run(self) -> str:
        workspace = self.studio.workspace
        if workspace is None:
            return tr("Open a video first.")
        if workspace.proposer.is_running:
            return tr("A run is going on; wait for it or cancel it.")
        return workspace.editor.why_not_write() or self.studio.panel.propose.fault()

    @staticmethod
    def _source(session: Session) -> dict[str, Any]:
        return {
            "video": str(session.reader.video.path),
            "models": [str(session.project.folder / "models")],
        }

    def _on_state(self, view: RunView) -> None:
        self.studio.panel.run.show_view(view)
        self.studio.run_changed.emit(view)
        self.studio.presenter.propose(self.why_not())
        self.studio.presenter.lists_soon()  # the head says that it goes on

    def _on_frame(self, frame_index: int) -> None:
        if frame_index == self.studio.layers.frame_index:
            self.studio.presenter.canvas()
        self.studio.presenter.lists_soon()

    def _on_end(self, outcome: str, sentence: str) -> None:
        self._estimate_if_unknown()
        self.studio.refresh()
        if outcome == "failed":
            self.studio.fail(sentence)
        elif outcome == "succeeded":
            self._tell_found(sentence)
        elif sentence:
            self.studio.inform(sentence)
        if outcome != "failed":  # its sentence stands in the same place
            self._offer_cut_off_run()  # this one, or one that was stopped before it
        self.studio.run_finished.emit(outcome)

    def _tell_found(self, sentence: str) -> None:
        """What a run found, and the way to what of it is probably nothing."""
        low = len(self.studio.feature(BulkEdits).unlikely())
        if not low or not judges_masks(self.studio.panel.propose.settings()):
            self.studio.inform(sentence)
            return
        words = tr("1 track has a score below {score} and is probably nothing.")
        if low > 1:
            words = tr("{count} tracks have a score below {score} and are probably nothing.")
        words = words.format(count=low, score=UNLIKELY_BELOW)
        self.studio.panel.banner.show_message(
            f"{sentence} {words}", "info", tr("Look"), "bulk.unlikely"
        )

    # The region

    def _draw_region(self) -> None:
        reason = self.studio.why_not_open()
        if reason:
            self.studio.inform(reason)
            return
        leave(self.studio.panel)  # the canvas is to hear Escape
        self._region.pick()
        banner = self.studio.panel.banner
        banner.show_message(_HINT, "info", tr("Cancel"), "propose.leave_region", stands=True)

    def _on_region_ended(self) -> None:
        """The rectangle that was there before is seen again, unless another one comes now."""
        self.studio.panel.banner.withdraw(_HINT)
        self._show_region()

    def _show_region(self) -> None:
        """The rectangle is seen while the page is in front."""
        panel = self.studio.panel
        if self._region.is_picking:
            return
        shown = self.studio.workspace is not None and panel.current_page == PAGE
        self._region.show(panel.propose.region_xywh if shown else None)

    # What it will take

    def _on_changed(self) -> None:
        self._show_region()
        self._forget_estimate()
        self.studio.presenter.propose(self.why_not())
        self._timer.start()

    def _forget_estimate(self, *, keep_text: bool = False) -> None:
        self._timer.stop()
        self._estimates += 1  # answers that are on their way are of an earlier number
        if self._estimating is not None:
            self._estimating.cancel()
            self._estimating = None
        if not keep_text:
            self.studio.presenter.estimate = ""

    def _estimate_if_unknown(self) -> None:
        """Ask for the estimate that gave way to a run."""
        if not self.studio.presenter.estimate:
            self._timer.start()

    def _make_way(self, kind: str) -> None:
        """An estimate takes the engine for seconds; what a person asks for does not wait for it."""
        if self._estimating is not None and kind not in {_ESTIMATE, *QUICK_KINDS}:
            self._forget_estimate()
            self._timer.start()

    def _ask_estimate(self) -> None:
        """Ask also where a run would be in vain now: an undo changes that and asks for nothing."""
        workspace = self.studio.workspace
        if workspace is None or self._why_not_run():
            return
        number = self._estimates
        settings = self.studio.panel.propose.settings()
        params = {**self._source(workspace.session), "settings": settings.to_json()}

        def take(event: JobEvent | JobEnd) -> None:
            if number == self._estimates and isinstance(event, JobEnd):
                self._take_estimate(event)

        try:
            self._estimating = self.studio.ask_engine(_ESTIMATE, params, take)
        except IFCError as error:
            self.studio.fail(error)

    def _take_estimate(self, end: JobEnd) -> None:
        self._estimating = None
        if end.status is JobStatus.SUCCEEDED and "seconds" in end.result:
            self.studio.presenter.estimate = estimate_text(end.result)
        elif end.error is not None:
            self.studio.presenter.estimate = str(end.error)
        self.studio.presenter.propose(self.why_not())

    def _on_page(self, name: str) -> None:
        self._show_region()
        system = self.studio.feature(System)
        if name == PAGE and self.studio.workspace is not None and not system.report:
            system.ask()

    # A run that was paused or that a crash left behind

    def _offer_cut_off_run(self) -> None:
        run, project = self.cut_off_run(), self.studio.project
        if run is None or project is None or project.read_only:
            return
        banner = self.studio.panel.banner
        stopped = open_run_text(run)
        if said := banner.passing_text:  # by the project itself, such as after a crash
            stopped = f"{said} {stopped}"
        if self._why_not_continue() and run.masks_staged:
            banner.show_message(
                tr("{stopped} Keep what it found?").format(stopped=stopped),
                "warning",
                tr("Keep"),
                "run.keep",
            )
        else:
            banner.show_message(
                tr("{stopped} Go on?").format(stopped=stopped),
                "warning",
                tr("Continue"),
                "run.continue",
            )

    def cut_off_run(self) -> RunInfo | None:
        """A run of this video that a crash left behind, if there is one."""
        workspace = self.studio.workspace
        if workspace is None or workspace.proposer.is_running:
            return None
        session = workspace.session
        runs = (r for r in session.project.open_runs() if is_offered(r))
        return next((r for r in runs if r.video_id == session.entry.id), None)

    def keep_cut_off_run(self) -> None:
        """Accept what a cut-off run found, as one edit."""
        run, workspace = self.cut_off_run(), self.studio.workspace
        if run is not None and workspace is not None:
            project = workspace.session.project
            staged = chain.from_iterable(project.staged_frames(run.id).values())
            accept: edits.Edit = edits.AcceptPropagation(run.id)
            if run.kind == KIND:
                scope = kept_scope(run, staged)
                if not run.masks_staged or scope is None:
                    words = tr("The run had not come to its range yet; continue or discard it.")
                    if not run.masks_staged:
                        words = tr("The run had found nothing yet; continue or discard it.")
                    self.studio.inform(words)
                    return
                accept = edits.AcceptRun(run.id, scope=scope)
            workspace.editor.apply(accept)
            project.finish_run(run.id)  # afterwards: one that was stopped did not come to its end
            self.studio.panel.banner.clear()

    def discard_cut_off_run(self) -> None:
        """Drop what a cut-off run found."""
        run, project = self.cut_off_run(), self.studio.project
        if run is not None and project is not None:
            project.discard_run(run.id)
            self.studio.panel.banner.clear()
