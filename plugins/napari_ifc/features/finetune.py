"""Ties the fine-tune page to a studio: its project, a second engine process, its messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ifc_core.errors import IFCError
from napari_ifc.actions import Action
from napari_ifc.controllers.finetune import FinetuneController
from napari_ifc.feature import Feature
from napari_ifc.finetune_state import FinetuneView
from napari_ifc.language import tr
from napari_ifc.outcome_words import end_text
from napari_ifc.rows import RunView
from napari_ifc.views.dialogs import ask_to_discard
from napari_ifc.views.finetune_page import FinetunePage
from napari_ifc.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from ifc_core.annotation import EditResult
    from ifc_core.engine.client import EngineClient
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace

PAGE = "finetune"
_COUNT_DELAY_MS = 300
_HEAD_MS = 1000  # iterations follow each other faster than the head is to change


class TrainerLink(Feature):
    """The fine-tune page of a studio.

    Args:
        studio: The studio; its panel gets the page.
    """

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._client: EngineClient | None = None
        self.controller: FinetuneController | None = None
        self.page = FinetunePage()
        self._view = FinetuneView()
        self._told = ""  # of a run that has ended or is unfinished, until somebody has looked
        self._worker = Worker(studio.deliver, "material")
        self._count_timer = self.soon(self._refresh, _COUNT_DELAY_MS)
        self._head_timer = self.soon(studio.presenter.head, _HEAD_MS)
        studio.presenter.hints.append(self.hint)
        studio.panel.add_page(PAGE, tr("Fine-tune"), self.page)
        self._connect()

    def actions(self) -> Iterable[Action]:
        """The way to the page."""
        studio = self.studio
        yield Action(
            "model.finetune",
            tr("Fine-tune the model…"),
            lambda: studio.panel.show_page(PAGE),
            group=tr("Propose"),
            why_not=studio.why_not_open,
            tip=tr("Teach the model what you corrected and approved."),
        )

    def _connect(self) -> None:
        studio, page = self.studio, self.page
        studio.panel.page_changed.connect(self._on_page)
        studio.panel.propose.changed.connect(self._show_parent)
        studio.panel.training.cancel_requested.connect(lambda: self._call(lambda c: c.stop()))
        page.start_requested.connect(self._start)
        page.stop_requested.connect(lambda: self._call(lambda c: c.stop()))
        page.resume_requested.connect(lambda: self._call(lambda c: c.resume()))
        page.discard_requested.connect(self._discard)
        page.use_requested.connect(lambda name: self._call(lambda c: c.use(name)))
        page.roll_back_requested.connect(lambda: self._call(lambda c: c.roll_back()))

    # Request -> controller

    def request(self, kind: str, params: Any = None, on_event: Any = None) -> Any:
        """Start a job in the training process, which is started with the first one."""
        if self._client is None:
            self._client = self.studio.trainer_factory()
        return self._client.request(kind, params, on_event)

    def opened(self, workspace: Workspace) -> None:
        """Take the project, unless only another video of it is shown."""
        project = workspace.session.project
        if self.controller is not None and self.controller.project is project:
            return
        self.put_down()
        self.controller = FinetuneController(
            project,
            self,
            self.studio.engine.release_device,
            self.studio.deliver,
            self._show,
            self._on_end,
            self._on_models,
            self._worker.submit,
        )
        if self.studio.panel.current_page == PAGE:
            self._refresh()
        else:
            self.controller.finish_ended()
            self._tell_unfinished(self.controller.left_unfinished())

    def busy(self) -> str:
        """A training that goes on."""
        running = self.controller is not None and self.controller.is_running
        return tr("Fine-tuning; it can be resumed later") if running else ""

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """Stop what runs, with the project."""
        if not keep_project:
            self.put_down()

    def put_down(self) -> None:
        """Stop what runs; the project is being closed."""
        self._count_timer.stop()
        self._head_timer.stop()
        controller, self.controller = self.controller, None
        if controller is not None:
            controller.abandon()
        self._untell()
        self._show(FinetuneView())

    def close(self) -> None:
        """Stop what runs and end the training process."""
        self.put_down()
        self._worker.close()
        if self._client is not None:
            self._client.close()
            self._client = None

    def _start(self, preset: str, keep_object: bool) -> None:
        def start(controller: FinetuneController) -> None:
            active = controller.project.active_model()
            model = self.studio.panel.propose.model
            if active is not None and model == active.path:
                model = ""  # the snapshot names it
            controller.start(preset, keep_object=keep_object, model=model)

        self._call(start)

    def _show_parent(self) -> None:
        is_open = self.controller is not None
        self.page.show_parent(self.studio.panel.propose.model_text if is_open else "")

    def _discard(self) -> None:
        """Delete the stopped run, once the person has said so."""
        stopped = () if self.controller is None else self.controller.view.stopped
        if stopped and ask_to_discard(stopped[0], self.studio.panel):
            self._call(lambda c: c.discard())

    def _call(self, change: Callable[[FinetuneController], None]) -> None:
        if self.controller is None:
            return
        try:
            change(self.controller)
        except IFCError as error:
            self.studio.fail(error)

    # Controller -> page

    def _show(self, view: FinetuneView) -> None:
        reason = tr("Open a video first.")
        if self.controller is not None:
            reason = self.controller.why_not_start()
        self.page.show_view(view, reason)
        self._show_parent()
        began_or_ended = view.running != self._view.running
        self._view = view
        self._show_strip()
        if began_or_ended:
            self.studio.presenter.head()
        elif view.running and not self._head_timer.isActive():
            self._head_timer.start()

    def _show_strip(self) -> None:
        """Show the run at the foot of the panel, unless its page is in front."""
        view, panel = self._view, self.studio.panel
        away = view.running and panel.current_page != PAGE
        detail = view.detail or view.text
        panel.training.show_view(
            RunView(away, tr("Fine-tuning"), detail, view.fraction, view.stopping, left=view.left)
        )

    def hint(self) -> str:
        """What the head says while the model is trained."""
        if not self._view.running:
            return ""
        if not self._view.detail:
            return tr("The model is being fine-tuned; meanwhile you can go on working.")
        words = tr("Fine-tuning, {how_far}; meanwhile you can go on working.")
        return words.format(how_far=self._view.detail)

    def _on_end(self, outcome: str, sentence: str) -> None:
        client, self._client = self._client, None
        if client is not None:
            self.studio.trainer_factory.let_go(client)
        if outcome == "failed":
            self.studio.fail(sentence)
        elif outcome == "succeeded" and self.studio.panel.current_page != PAGE:
            self._tell_end(sentence)
        else:
            self.studio.inform(sentence)
        self.studio.finetune_finished.emit(outcome)

    def _tell_end(self, sentence: str) -> None:
        """Say that there is a new version, until somebody looks at it on its page."""
        self._untell()
        outcome = self._view.outcome
        self._told = ("" if outcome is None else end_text(outcome)) or sentence
        banner = self.studio.panel.banner
        look = tr("Look")
        banner.show_message(self._told, "done", look, "model.finetune", tip=sentence, stands=True)

    def _tell_unfinished(self, run: str) -> None:
        """Remind of a training that the window's end, or a crash, has cut off."""
        if not run or self._told:
            return
        self._told = tr("Not finished: {run}. It can go on.").format(run=run)
        self.studio.panel.banner.show_in_turn(self._told, tr("Look"), "model.finetune")

    def _untell(self) -> None:
        self.studio.panel.banner.withdraw(self._told)
        self._told = ""

    def _on_models(self) -> None:
        """Another version is there or in use: Propose offers it, and a step may be done."""
        self.studio.refresh_models()
        self.studio.presenter.head()

    def _on_page(self, name: str) -> None:
        self._show_strip()
        if name == PAGE:
            self._untell()  # it is looked at
            self._refresh()

    def project_changed(self, result: EditResult) -> None:
        """Count what can be learned from, in a moment."""
        if self.studio.panel.current_page == PAGE:
            self._count_timer.start()

    def _refresh(self) -> None:
        if self.controller is not None:
            self.controller.refresh()
