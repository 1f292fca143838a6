"""The studio: project, engine, layers and panels wired together for one napari viewer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from ifc_core.annotation import EditResult, Project
from ifc_core.annotation.exporting import ExportOptions, ExportReport, ExportScope
from ifc_core.errors import IFCError
from napari_ifc.actions import ActionTable
from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.session import Session
from napari_ifc.controllers.tasks import Tasks
from napari_ifc.controllers.tracks import TrackIndex
from napari_ifc.engine_bridge import EngineBridge
from napari_ifc.engine_link import PATIENCE_SECONDS, EngineLink, Trainers, close_together
from napari_ifc.error_text import told
from napari_ifc.feature import NOTHING_OPEN
from napari_ifc.features import FEATURES
from napari_ifc.features.files import Files
from napari_ifc.features.imports import Imports
from napari_ifc.features.opening import Opening
from napari_ifc.features.videos import Videos
from napari_ifc.frame_cache import FrameCache
from napari_ifc.journal_text import note_text, step_text
from napari_ifc.language import tr
from napari_ifc.layers import LayerStack
from napari_ifc.lazy_video import LazyVideo
from napari_ifc.overlay import OverlayStyle
from napari_ifc.presenter import Presenter
from napari_ifc.rows import RunView
from napari_ifc.settings import StudioSettings, user_settings
from napari_ifc.studio_features import StudioFeatures
from napari_ifc.views.panel import StudioPanel
from napari_ifc.views.transport import TimelinePanel
from napari_ifc.window import WindowHooks
from napari_ifc.workspace import Workspace

if TYPE_CHECKING:
    import napari

    from ifc_core.engine.client import EngineClient, JobHandle
    from ifc_core.engine.protocol import JobEnd, JobEvent
    from ifc_core.inference.settings import ProposeSettings
    from ifc_core.jobs import JobContext


class Studio(StudioFeatures):
    """One studio for one viewer. GUI thread only.

    Args:
        viewer: The napari viewer whose window gets the panels.
        engine_factory: Makes the client of the engine process when it is first needed;
            replaced in tests.
        trainer_factory: The same for the process that fine-tunes.
        settings: What the person has set.
        dock_panel: Whether to dock the panel; napari docks it itself when it asked for it.
        keys: Usual key sequences by action, where the window leaves them to the studio.

    Attributes:
        panel: The side panel; further pages are added with ``panel.add_page``.
        timeline_panel: The strip under the canvas.
        timeline: Its lanes.
        layers: The canvas.
        presenter: Brings what is open onto the screen.
        engine: The way to the engine process; see also :meth:`ask_engine`.
        trainer_factory: Makes the client of the process that fine-tunes.
        deliver: Wraps a callback so that, called in any thread, it runs in the GUI thread.
        tasks: Long work in worker threads, with progress and cancel.
        window: Docks, keys and the end of the window.
        docks: Dock widgets by name: ``"studio"`` and ``"timeline"``.
        keys: The usual key sequences that the window leaves to the studio.
        actions: Everything a person can do, as a searchable table.
        workspace: What is open, or ``None``.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        *,
        engine_factory: Callable[[], EngineClient] | None = None,
        trainer_factory: Callable[[], EngineClient] | None = None,
        settings: StudioSettings | None = None,
        dock_panel: bool = True,
        keys: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self.viewer = viewer
        self.settings = settings or user_settings()
        self.keys = keys
        self.trainer_factory = Trainers(trainer_factory)
        self.workspace: Workspace | None = None
        self.engine = EngineLink(engine_factory)
        self._closed = False
        self._told_selection: tuple[int, ...] = ()
        self._bridge = EngineBridge(lambda: self.layers.is_drawing)
        self.deliver = self._bridge.deliver
        self.tasks = Tasks(self.deliver, lambda call: QTimer.singleShot(0, call), self._on_task)
        self.actions = ActionTable(on_refused=self.inform)
        self.panel = StudioPanel()
        self.timeline_panel = TimelinePanel()
        self.timeline = self.timeline_panel.timeline
        self.layers = self._make_layers()
        self.layers.on_rest = self._bridge.let_go
        self.presenter = Presenter(
            self.panel,
            self.timeline_panel,
            self.layers,
            on_lists=lambda: self._tell("refresh"),
            on_actions=lambda: self._tell("actions_changed"),
        )
        self.panel.banner.action_requested.connect(self.run_action)
        self.panel.task.cancel_requested.connect(self.tasks.cancel)
        self._features = tuple(make(self) for make in FEATURES)
        for feature in self._features:
            for action in feature.actions():
                self.actions.add(action)
        for action_id, key in keys.items():
            self.actions.set_shortcut(action_id, key)
        self.window = WindowHooks(
            viewer, self.panel, self.timeline_panel, self, dock_panel=dock_panel
        )
        self.docks = self.window.docks
        self._apply_theme()
        viewer.events.theme.connect(self._apply_theme)
        self._tell("started")
        self.refresh()

    def _make_layers(self) -> LayerStack:
        style = OverlayStyle(
            self.settings.overlay_opacity,
            self.settings.contour_width_px,
            self.settings.show_ids,
            self.settings.color_by,
        )
        return LayerStack(
            self.viewer,
            style,
            on_frame=self._on_frame,
            on_drawn=lambda mask, tool, aim: self._tell("drawn", mask, tool, aim),
            on_mode=lambda: self._tell("tool_changed"),
            on_told=self.inform,
            on_waiting=self._on_waiting,
            on_failed=self.fail,
            deliver=self.deliver,
        )

    def _apply_theme(self, event: Any = None) -> None:
        self.presenter.apply_theme(str(self.viewer.theme))

    def _on_task(self, view: RunView) -> None:
        self.panel.task.show_view(view)
        self.task_changed.emit(view)

    # Messages

    def inform(self, text: str, kind: str = "info") -> None:
        """Show one sentence in the panel, without blocking anything."""
        self.panel.banner.show_message(text, kind)

    def fail(self, error: Exception | str, besides: str = "") -> None:
        """Show an error as one sentence, with what is told besides, and emit ``failed``."""
        sentence, path = told(error)
        sentence = f"{sentence} {besides}".strip()
        self.panel.banner.show_message(sentence, "error", tip=path)
        self.failed.emit(sentence)

    def run_action(self, action_id: str) -> bool:
        """Do an action; errors are shown.

        Returns:
            Whether it was done.
        """
        try:
            self.layers.flush()
            done = self.actions.run(action_id)
        except IFCError as error:
            self.fail(error)
            done = False
        self.presenter.actions()
        return done

    def why_not_open(self) -> str:
        """Why an action on the open video is not possible."""
        return "" if self.workspace is not None else NOTHING_OPEN

    # Opening and closing

    def open_path(self, path: str | Path) -> bool:
        """Open a video file, a frame folder, a ``*.ifcproj`` project or a YTVIS file.

        What was open before is closed first (everything in it is already saved).

        Returns:
            Whether it was opened. If not, the sentence was shown and ``failed`` emitted.
        """
        return self.feature(Opening).open_now(Path(path))

    def begin_open(self, path: str | Path) -> None:
        """Open like :meth:`open_path`, in a worker; ``opened`` or ``failed`` tells the end."""
        self.feature(Videos).begin_open([Path(path)])

    def show_video(self, video_id: int) -> bool:
        """Show another video of the open project.

        Returns:
            Whether it is shown now.
        """
        return self.feature(Opening).show_now(video_id)

    def take_up(self, session: Session) -> None:
        """Show what was opened; for features. Nothing else may be open."""
        size = session.entry.size
        cache = FrameCache(
            session.reader, session.num_frames, max_bytes=self.settings.frame_cache_bytes
        )
        project, entry = session.project, session.entry
        index = TrackIndex(project, entry.id)
        editor = EditController(project, entry, index, self._on_edited)
        proposer = self.proposing.controller(session, editor)
        self.workspace = Workspace(session, cache, index, editor, proposer)
        self.panel.banner.clear()
        source, path = LazyVideo(cache, session.num_frames, size), session.reader.video.path
        self.layers.show_video(source, entry.name, path)
        editor.go_to(self.layers.frame_index)  # not 0 where the first frames are broken
        self.layers.set_editable(not project.read_only)
        self.window.bind_keys()
        self.presenter.use(self.workspace)
        self.refresh()
        if session.notices:
            kind = "warning" if project.notice else "info"
            self.inform(" ".join(session.notices), kind)
        self._tell("opened", self.workspace)
        self._tell_selection()
        if self.layers.frame_index:
            self._on_frame(self.layers.frame_index)
        self.opened.emit(session.reader.video)

    def put_down(self, *, emit: bool = True, keep_project: bool = False) -> None:
        """Let go of what is open; for features.

        Args:
            emit: Whether ``project_closed`` tells of it.
            keep_project: Whether another video of the project follows.
        """
        self.layers.flush()
        workspace = self.workspace
        if workspace is None:
            return
        self.closing.emit()
        self._tell("closing", workspace, keep_project=keep_project)
        self.workspace = None
        self.presenter.use(None)
        self.layers.clear()
        workspace.close(keep_project=keep_project)
        self.refresh()
        if emit:
            self.project_closed.emit()

    def close_project(self) -> None:
        """Close what is open; everything in it is already saved."""
        self.put_down()

    def close(self) -> None:
        """Stop the run, the processes and every thread, and close the project.

        Everything is asked to stop first, then waited for, so that it takes no longer than what
        takes longest: a process is given :data:`~napari_ifc.engine_link.PATIENCE_SECONDS`. Safe
        to call twice; called when the viewer's window closes, which is hidden by then.
        """
        if self._closed:
            return
        self._closed = True
        self.closed.emit()
        self.viewer.events.theme.disconnect(self._apply_theme)
        self.layers.flush()
        wait = close_together(self.engine.begin_close(), self.trainer_factory.begin_close())
        self.tasks.close(PATIENCE_SECONDS)
        self.put_down(emit=False)
        self.layers.close()
        self._tell("close")
        self._bridge.close()
        self.window.close()
        wait()

    def open_workspace(self) -> Workspace:
        """What is open.

        Raises:
            IFCError: Nothing is.
        """
        if self.workspace is None:
            raise IFCError(NOTHING_OPEN)
        return self.workspace

    def work_going_on(self) -> list[str]:
        """What would stop if the window closed now, each in a few words."""
        busy = [feature.busy() for feature in self._features]
        return [text for text in (*busy, *self.tasks.texts) if text]

    @property
    def is_closed(self) -> bool:
        """Whether the studio was closed; it cannot be used again."""
        return self._closed

    @property
    def project(self) -> Project | None:
        """The open project."""
        return None if self.workspace is None else self.workspace.session.project

    def refresh_models(self) -> None:
        """Show the model versions of the project anew, after one came or was chosen."""
        if self.workspace is not None:
            self.presenter.models(self.workspace)

    def ask_engine(
        self,
        kind: str,
        params: Mapping[str, Any],
        on_event: Callable[[JobEvent | JobEnd], None],
        *,
        frames: Callable[[int], Any] | None = None,
    ) -> JobHandle:
        """Start a job in the engine, which is started with the first one.

        Args:
            kind: What to do.
            params: JSON values.
            on_event: Called in the GUI thread with each event and, last, with the end; not
                called any more once the studio is closed.
            frames: Gives frames that are not in a file.

        Raises:
            EngineError: The engine cannot be started.
        """
        return self.engine.request(kind, params, self._bridge.deliver(on_event), frames=frames)

    # Proposing

    def propose(self, settings: ProposeSettings | None = None) -> bool:
        """Start proposing tracks for the open video; returns at once.

        Args:
            settings: How; the panel's settings if ``None``.

        Returns:
            Whether a run was started; ``run_finished`` tells its end.
        """
        return self.proposing.start(settings)

    def why_not_propose(self) -> str:
        """Why no run can be started now."""
        return self.proposing.why_not()

    # Selecting and seeking

    def select(self, track_ids: tuple[int, ...]) -> None:
        """Select tracks, the current one first."""
        if self.workspace is None:
            return
        self.layers.flush()
        self.workspace.editor.select(track_ids)
        self._tell_selection(always=True)
        self.presenter.canvas()
        self.presenter.actions()

    def _tell_selection(self, *, always: bool = False) -> None:
        """Tell of the selection where it is another one than was told last."""
        selected = () if self.workspace is None else self.workspace.editor.selected
        if always or selected != self._told_selection:
            self._told_selection = selected
            self._tell("selection_changed", selected)
            self.selection_changed.emit(selected)

    def jump_to_track(self, track_id: int) -> None:
        """Show the frame nearest to the current one on which a track has a mask."""
        if self.workspace is None:
            return
        for row in self.workspace.proposer.rows():
            if row.track_id == track_id and row.first_frame is not None:
                self.layers.go_to(row.first_frame)
        if track_id in self.workspace.index:
            nearest = self.workspace.index.nearest_frame(track_id, self.layers.frame_index)
            if nearest is not None:
                self.layers.go_to(nearest)

    def show_busiest_frame(self) -> None:
        """Show the first of the frames with the most masks."""
        self.layers.go_to(self.open_workspace().index.busiest_frame())

    def _on_frame(self, frame_index: int) -> None:
        if self.workspace is None:
            return
        self.workspace.editor.go_to(frame_index)
        self.presenter.canvas()
        self._tell("frame_changed", frame_index)
        self.presenter.actions()
        self.frame_changed.emit(frame_index)

    def _on_waiting(self) -> None:
        if self.workspace is not None:
            asked, shown = self.layers.frame_index, self.layers.picture_index
            failed = self.layers.has_failed
            awaited = asked if self.layers.is_waiting else None
            self.workspace.editor.wait_for(awaited, in_vain=failed)
            self.timeline_panel.show_waiting(asked, shown, failed=failed)
            self._tell("tool_changed")
            if failed:
                self.presenter.actions()  # they say why

    # Editing

    def _on_edited(self, result: EditResult) -> None:
        self.refresh()
        self._tell_selection()  # an edit may begin the track that is selected now, or end it
        self.panel.banner.outdate()
        told = [self._step_back_or_forth(result)]
        if result.kind != "AcceptRun":
            told.append(note_text(result.note))
        if any(told):
            self.inform(" ".join(filter(None, told)))
        self._tell("project_changed", result)
        self.project_changed.emit(result)

    @staticmethod
    def _step_back_or_forth(result: EditResult) -> str:
        """What was undone or redone, which may lie on a frame that is not seen."""
        if result.direction == "do":
            return ""
        undone = result.direction == "undo"
        text = tr("Undone: {step}.") if undone else tr("Done again: {step}.")
        return text.format(step=step_text(result.label))

    def relabel(self, class_name: str) -> None:
        """Give the selected tracks a class, which is made if it is new."""
        try:
            self.open_workspace().editor.relabel(class_name)
        except IFCError as error:
            self.fail(error)

    # Importing and exporting; the File menu does the same without waiting

    def import_annotations(self, path: str | Path) -> bool:
        """Bring annotations of the open project's videos in, as one edit.

        Returns:
            Whether they were imported; if not, the window shows why.
        """
        return self.feature(Imports).import_now(Path(path))

    def export_ytvis(
        self, path: str | Path, *, everything: bool = False, options: ExportOptions | None = None
    ) -> ExportReport:
        """Write the open project as a YTVIS file.

        Args:
            path: The file.
            everything: Proposals too, not only what was reviewed.
            options: What to export; overrides ``everything``.

        Returns:
            The report: what was written and what was left out.

        Raises:
            IFCError: The file cannot be written, or nothing is open.
        """
        scope = ExportScope.EVERYTHING if everything else ExportScope.REVIEWED
        return self.feature(Files).export_now(Path(path), options or ExportOptions(scope=scope))

    def export_overlay(self, path: str | Path, context: JobContext | None = None) -> None:
        """Write the open video with its masks drawn on it, as an MP4.

        Args:
            path: The file.
            context: Asked whether to stop.

        Raises:
            IFCError: The file cannot be written, or nothing is open.
            JobCancelled: It was asked to stop; no file is left.
        """
        self.feature(Files).film_now(Path(path), context)

    def refresh(self) -> None:
        """Show everything anew."""
        self.presenter.everything(self.why_not_propose())

    def show_napari_panels(self, shown: bool) -> None:
        """Show or hide napari's own layer list and layer controls."""
        self.window.show_napari_panels(shown)
