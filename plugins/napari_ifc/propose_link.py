"""Ties Propose to a studio: the form, the estimate, the run, and a run that a crash left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from ifc_core.annotation import RunInfo, edits
from ifc_core.engine.protocol import JobEnd, JobEvent, JobStatus
from ifc_core.errors import IFCError
from napari_ifc.controllers.propose import ProposeController, estimate_text

if TYPE_CHECKING:
    from ifc_core.inference.settings import ProposeSettings
    from napari_ifc.controllers.editing import EditController
    from napari_ifc.controllers.session import Session
    from napari_ifc.engine_bridge import EngineBridge
    from napari_ifc.engine_link import EngineLink
    from napari_ifc.presenter import Presenter
    from napari_ifc.rows import RunView
    from napari_ifc.studio import Studio

PAGE = "propose"
_ESTIMATE_DELAY_MS = 900


class ProposeLink:
    """Proposing in a studio.

    Args:
        studio: The studio.
        engine: Its engine.
        bridge: Carries the engine's answers into the GUI thread.
        show: Brings things onto the screen.
    """

    def __init__(
        self, studio: Studio, engine: EngineLink, bridge: EngineBridge, show: Presenter
    ) -> None:
        self._studio = studio
        self._engine = engine
        self._bridge = bridge
        self._show = show
        self._devices_known = False
        self._estimating: Any = None
        self._estimates = 0
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(_ESTIMATE_DELAY_MS)
        self._timer.timeout.connect(self._ask_estimate)
        panel = studio.panel
        panel.propose.propose_requested.connect(lambda: studio.run_action("propose.start"))
        panel.propose.changed.connect(self._on_changed)
        panel.page_changed.connect(self._on_page)
        panel.run.cancel_requested.connect(lambda: studio.run_action("propose.cancel"))

    def controller(self, session: Session, editor: EditController) -> ProposeController:
        """The controller of runs on a video that is being opened."""
        return ProposeController(
            session.project,
            session.entry,
            self._engine,
            self._bridge.deliver,
            editor.apply,
            on_state=self._on_state,
            on_frame=self._on_frame,
            on_end=self._on_end,
        )

    def opened(self) -> None:
        """A video was opened: offer a run that was cut off, and estimate one."""
        self._offer_cut_off_run()
        self._forget_estimate()
        self._timer.start()

    def close(self) -> None:
        """Ask for nothing more."""
        self._forget_estimate()

    # The run

    def start(self, settings: ProposeSettings | None = None) -> bool:
        """Start a run; returns at once.

        Args:
            settings: How; the form's settings if ``None``.

        Returns:
            Whether it was started. If not, the window shows why.
        """
        reason = self.why_not()
        workspace = self._studio.workspace
        if reason or workspace is None:
            self._studio.fail(reason)
            return False
        self._studio.layers.flush()
        self._forget_estimate(keep_text=True)
        try:
            chosen = settings or self._studio.panel.propose.settings()
            self._studio.panel.banner.clear()
            workspace.proposer.start(chosen, self._source(workspace.session))
        except IFCError as error:
            self._studio.fail(error)
            return False
        return True

    def why_not(self) -> str:
        """Why no run can be started now."""
        workspace = self._studio.workspace
        if workspace is None:
            return "Open a video first."
        if workspace.proposer.is_running:
            return "A run is going on; wait for it or cancel it."
        return workspace.editor.why_not_change() or self._studio.panel.propose.fault()

    @staticmethod
    def _source(session: Session) -> dict[str, Any]:
        return {
            "video": str(session.reader.video.path),
            "models": [str(session.project.folder / "models")],
        }

    def _on_state(self, view: RunView) -> None:
        strip = self._studio.panel.run
        if view.active:
            strip.show_run(view.text, view.detail, view.fraction, stopping=view.stopping)
        else:
            strip.hide()
        self._studio.run_changed.emit(view)
        self._show.propose(self.why_not())

    def _on_frame(self, frame_index: int) -> None:
        if frame_index == self._studio.layers.frame_index:
            self._show.canvas()
        self._show.lists_soon()

    def _on_end(self, outcome: str, sentence: str) -> None:
        self._studio.refresh()
        if outcome == "failed":
            self._studio.fail(sentence)
        elif sentence:
            self._studio.inform(sentence)
        self._studio.run_finished.emit(outcome)

    # What it will take

    def _on_changed(self) -> None:
        self._forget_estimate()
        self._show.propose(self.why_not())
        self._timer.start()

    def _forget_estimate(self, *, keep_text: bool = False) -> None:
        self._timer.stop()
        self._estimates += 1  # answers that are on their way are of an earlier number
        if self._estimating is not None:
            self._estimating.cancel()
            self._estimating = None
        if not keep_text:
            self._show.estimate = ""

    def _ask_estimate(self) -> None:
        workspace = self._studio.workspace
        if workspace is None or self.why_not():
            return
        number = self._estimates
        settings = self._studio.panel.propose.settings()
        params = {**self._source(workspace.session), "settings": settings.to_json()}

        def take(event: JobEvent | JobEnd) -> None:
            if number == self._estimates and isinstance(event, JobEnd):
                self._take_estimate(event)

        try:
            self._estimating = self._studio.ask_engine("estimate", params, take)
        except IFCError as error:
            self._studio.fail(error)

    def _take_estimate(self, end: JobEnd) -> None:
        self._estimating = None
        if end.status is JobStatus.SUCCEEDED and "seconds" in end.result:
            self._show.estimate = estimate_text(end.result)
        elif end.error is not None:
            self._show.estimate = str(end.error)
        self._show.propose(self.why_not())

    def _on_page(self, name: str) -> None:
        if name == PAGE and self._studio.workspace is not None and not self._devices_known:
            self._devices_known = True
            try:
                self._studio.ask_engine("system", {}, self._on_system)
            except IFCError as error:
                self._studio.fail(error)

    def _on_system(self, event: JobEvent | JobEnd) -> None:
        if isinstance(event, JobEnd) and event.status is JobStatus.SUCCEEDED:
            names = [str(device["name"]) for device in event.result.get("devices", ())]
            self._studio.panel.propose.set_devices(["auto", *names])

    # A run that a crash left behind

    def _offer_cut_off_run(self) -> None:
        run, project = self.cut_off_run(), self._studio.project
        if run is not None and project is not None and not project.read_only:
            self._studio.panel.banner.show_message(
                f"A run was cut off after {run.frames_staged} frames. Keep what it found?",
                "warning",
                "Keep",
                "run.keep",
            )

    def cut_off_run(self) -> RunInfo | None:
        """A run of this video that a crash left behind, if there is one."""
        workspace = self._studio.workspace
        if workspace is None or workspace.proposer.is_running:
            return None
        session = workspace.session
        runs = session.project.open_runs()
        return next((r for r in runs if r.video_id == session.entry.id), None)

    def keep_cut_off_run(self) -> None:
        """Accept what a cut-off run found, as one edit."""
        run, workspace = self.cut_off_run(), self._studio.workspace
        if run is not None and workspace is not None:
            workspace.session.project.finish_run(run.id)
            workspace.editor.apply(edits.AcceptRun(run.id))
            self._studio.panel.banner.clear()

    def discard_cut_off_run(self) -> None:
        """Drop what a cut-off run found."""
        run, project = self.cut_off_run(), self._studio.project
        if run is not None and project is not None:
            project.discard_run(run.id)
            self._studio.panel.banner.clear()
