"""The main window of the desktop program: napari's, with our menus, start page and drops."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import napari
import numpy as np
import numpy.typing as npt
from napari.settings import get_settings
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QAction, QDropEvent, QIcon, QKeySequence, QShortcut
from qtpy.QtWidgets import QFileDialog, QMainWindow, QMenu, QWidget

import ifc_resources
from ifc_app.drops import Drops
from ifc_app.layout import (
    LAYOUT_FILE,
    bound_minimum,
    keep_layout,
    place_first,
    restore_layout,
)
from ifc_app.panel_width import PanelWidth
from ifc_app.recent import RecentList
from ifc_app.start_page import StartPage
from ifc_core.annotation.annotation_files import ANNOTATION_SUFFIXES
from ifc_core.config import data_dir
from ifc_core.errors import IFCError
from napari_ifc.controllers.sample import sample_path
from napari_ifc.features.files import VIDEO_FILES
from napari_ifc.features.preferences import PreferencesFeature
from napari_ifc.language import tr
from napari_ifc.studio import Studio
from napari_ifc.views.action_menus import fill_menu, show_state
from napari_ifc.views.theme import palette_for

if TYPE_CHECKING:
    from ifc_core.engine.client import EngineClient
    from ifc_core.structures import Video
    from napari_ifc.controllers.session import Session


KEYS = {
    "file.open": "Ctrl+O",
    "file.open_folder": "Ctrl+Shift+O",
    "file.save": "Ctrl+S",
    "file.close": "Ctrl+W",
    "edit.settings": "Ctrl+,",
    "edit.redo_too": "Ctrl+Y",
}
"""Keys that in an ordinary napari mean something of napari's."""
_NAPARI_TURNS = (
    *("toggle_ndisplay", "roll_axes", "transpose_axes", "rotate_layers", "toggle_grid"),
    *("focus_axes_up", "focus_axes_down", "show_only_layer_above", "show_only_layer_below"),
    "delete_selected_layers",
)
"""Functions of napari that turn, hide or drop what a video is seen by; they have no key here."""
_HIDE_MENUS = "Ctrl+M"
_QUIT = "Ctrl+Q"
_CANVAS = "#26272b"
"""Around the picture, in every theme: neither glare nor black beside what is judged."""


class DesktopWindow(QObject):
    """The desktop program's one window.

    Args:
        recent: Where opened items are remembered; the user's data folder by default.
        engine_factory: Makes the engine's client; replaced in tests.

    Attributes:
        viewer: The napari viewer.
        studio: The studio in it.
        start_page: The page that covers the window until something is open.
    """

    def __init__(
        self,
        *,
        recent: RecentList | None = None,
        engine_factory: Callable[[], EngineClient] | None = None,
    ) -> None:
        super().__init__()
        self.viewer = napari.Viewer(title="IFC Studio", show=False)
        self.studio = Studio(self.viewer, engine_factory=engine_factory, keys=KEYS)
        self.studio.layers.flat.keeps = True
        self.viewer.canvas.background_color_override = _CANVAS
        self._use_theme(self.studio.feature(PreferencesFeature).controller.settings.theme)
        self.recent = recent or RecentList(data_dir())
        self._remembered = Path()
        self.main: QMainWindow = self.viewer.window.main_menu.window()
        self.main.setMinimumSize(960, 600)
        self.main.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # Tab would stop where nothing shows it
        self.main.statusBar().hide()  # the panel says what there is to say
        self.main.setWindowIcon(QIcon(str(ifc_resources.path("icons/ifc-studio.svg"))))
        self._build_menus()
        self.start_page = self._build_start_page()
        self._panel_width = PanelWidth(self.main, self.studio.docks["studio"])
        self._free_keys()
        self._keep_video_in_sight()
        self.studio.window.add_keys(self.start_page)
        self._follow_theme()
        self.viewer.events.theme.connect(self._follow_theme)
        self._take_drops()
        self.studio.show_napari_panels(False)
        self.studio.window.drop_titles()
        self.studio.opened.connect(self._on_opened)
        self._drops = Drops(self.studio)
        self.studio.preview_shown.connect(self.start_page.hide)
        self.studio.theme_requested.connect(self._use_theme)
        self.studio.shortcuts_changed.connect(self._show_shortcuts)
        self.studio.closing.connect(self._note_progress)
        self.studio.closed.connect(self._keep_layout)
        self.studio.project_closed.connect(self._show_start_page)
        self.studio.failed.connect(self.start_page.show_problem)

    # --- opening ------------------------------------------------------------------------------

    def open_path(self, path: str | Path) -> bool:
        """Open a video, frame folder, project or YTVIS file.

        Returns:
            Whether it was opened; if not, the window shows why.
        """
        self.start_page.show_problem("")
        return self.studio.open_path(path)

    def begin_open(self, path: str | Path) -> None:
        """Open without waiting for it: long files take a while, with progress and cancel."""
        self.start_page.show_problem("")
        self.studio.begin_open(path)

    def open_sample(self) -> bool:
        """Open the clip that ships with the program."""
        return self.open_path(self._sample())

    def _sample(self) -> Path:
        return sample_path(self.studio.settings.projects_folder)

    def ask_for_video(self) -> None:
        """Let the person choose a video file."""
        chosen, _ = QFileDialog.getOpenFileName(self.main, tr("Open video"), "", VIDEO_FILES)
        if chosen:
            self.begin_open(chosen)

    def ask_for_folder(self, title: str = "") -> None:
        """Let the person choose a folder: frames or a project."""
        chosen = QFileDialog.getExistingDirectory(self.main, title or tr("Open a folder of frames"))
        if chosen:
            self.begin_open(chosen)

    def ask_for_project(self) -> None:
        """Let the person choose a project folder."""
        self.ask_for_folder(tr("Open a project (a folder NAME.ifcproj)"))

    def _on_opened(self, video: Video) -> None:
        self.start_page.hide()
        session = self.studio.open_workspace().session
        name = (session.source or video.path).name
        self.viewer.title = tr("{name} - IFC Studio").format(name=name)
        if session.source is not None:  # else another video of what is remembered already
            self._remember(session, session.source)

    def _remember(self, session: Session, path: Path) -> None:
        """Put what is open on the list, as that what opens the same project again.

        Several videos are only to be had as a project, and annotations would be imported anew.

        Args:
            session: What is open.
            path: What it was opened as.
        """
        project, self._remembered = session.project, path
        with contextlib.suppress(IFCError):  # a convenience; the open video matters more
            found = project.progress()
            several = found.num_videos > 1 or path.suffix.lower() in ANNOTATION_SUFFIXES
            self._remembered = project.folder if several else path
            picture = self._picture_shown()
            self.recent.add(self._remembered, found.num_frames, picture, instead_of=path)

    def _picture_shown(self) -> npt.NDArray[np.uint8] | None:
        """The picture on the canvas, decoded already; ``None`` where it is a blank one."""
        workspace, shown = self.studio.workspace, self.studio.layers.picture_index
        return None if workspace is None or shown < 0 else workspace.cache.get(shown)

    def _keep_layout(self) -> None:
        keep_layout(self.main, data_dir() / LAYOUT_FILE)

    def _note_progress(self) -> None:
        workspace, path = self.studio.workspace, self._remembered
        if workspace is None:
            return
        project = workspace.session.project
        with contextlib.suppress(IFCError):  # a convenience, as above
            found = project.progress()
            if found.num_videos > 1 and path != project.folder:  # some came since it was opened
                self._remember(workspace.session, path)
            self.recent.note_progress(self._remembered, found.num_tracks, found.exhaustive)

    def _show_start_page(self) -> None:
        self.viewer.title = "IFC Studio"
        self.start_page.refresh()
        self.start_page.show()

    # --- construction -------------------------------------------------------------------------

    def _build_menus(self) -> None:
        """Our actions by group; napari's own menus move into one."""
        window = self.viewer.window
        self._napari_menus: tuple[QMenu, ...] = (
            *(window.file_menu, window.layers_menu, window.view_menu),
            *(window.plugins_menu, window.window_menu, window.help_menu),
        )
        bar = window.main_menu
        bar.clear()
        file_menu = bar.addMenu(tr("&File"))
        sample = file_menu.addAction(tr("Open the sample clip"))
        sample.triggered.connect(lambda _=False: self.begin_open(self._sample()))
        self._recent_menu = file_menu.addMenu(tr("Open recent"))
        self._recent_menu.aboutToShow.connect(self._fill_recent_menu)
        file_menu.addSeparator()
        menus = {tr("File"): file_menu}
        filled: list[QMenu] = []
        for group, sections in self.studio.actions.by_group():
            if group not in menus:
                menus[group] = bar.addMenu(group)
            filled += fill_menu(menus[group], sections, self.studio.run_action)
        self._menus = tuple(filled)
        for menu in self._menus:
            menu.aboutToShow.connect(lambda menu=menu: show_state(menu, self.studio.actions))
        file_menu.addSeparator()
        leave = file_menu.addAction(tr("Quit"))
        leave.setShortcut(_QUIT)
        self.studio.actions.reserved[_QUIT] = leave.text()
        leave.triggered.connect(self._quit)
        advanced = QMenu("napari", bar)
        bar.insertMenu(menus[tr("Help")].menuAction(), advanced)
        for menu in self._napari_menus:
            advanced.addMenu(menu)

    def _free_keys(self) -> None:
        """Take the keys from napari's menus that ours have, or that go past the studio.

        Two holders of one key would make it mean nothing, and napari's own Open or Save would
        bring layers instead of a project.
        """
        ours = {_QUIT, *(action.shortcut for action in self.studio.actions)}
        past_us = self._napari_menus[:2]
        for menu in self._napari_menus:
            for entry in _entries(menu):
                key = _portable(entry.shortcut())
                if key and (key in ours or menu in past_us):
                    entry.setShortcut(QKeySequence())

    def _keep_video_in_sight(self) -> None:
        """Take the keys from functions of napari by which the video or the menus would go."""
        keys = get_settings().shortcuts.shortcuts
        for name in _NAPARI_TURNS:
            for key in keys.get(f"napari:{name}", ()):
                self.viewer.bind_key(key, _nothing, overwrite=True)
        for menu in self._napari_menus:
            for entry in _entries(menu):
                if _portable(entry.shortcut()) == _HIDE_MENUS:
                    entry.setVisible(False)  # without its key nothing brings them back
                    entry.setShortcut(QKeySequence())
        for shortcut in self.main.findChildren(QShortcut):
            if shortcut.parent() is self.main and _portable(shortcut.key()) == _HIDE_MENUS:
                shortcut.setEnabled(False)

    def _quit(self) -> None:
        if self.studio.window.may_close():
            self.main.close()

    def _show_shortcuts(self) -> None:
        self._free_keys()
        for menu in self._menus:
            for entry in menu.actions():
                if entry.data():
                    entry.setText(self.studio.actions[entry.data()].menu_text())

    def _use_theme(self, name: str) -> None:
        self.viewer.theme = name

    def _follow_theme(self, event: object = None) -> None:
        self.start_page.apply_palette(palette_for(str(self.viewer.theme)))

    def _fill_recent_menu(self) -> None:
        self._recent_menu.clear()
        for item in self.recent.items():
            entry = self._recent_menu.addAction(item.name)
            entry.setToolTip(item.path)
            entry.triggered.connect(lambda _=False, path=item.path: self.begin_open(path))
        self._recent_menu.setEnabled(True)
        if self._recent_menu.isEmpty():
            self._recent_menu.addAction(tr("Nothing was opened yet")).setEnabled(False)

    def _build_start_page(self) -> StartPage:
        page = StartPage(self.recent, self.main)
        page.sample_requested.connect(lambda: self.begin_open(self._sample()))
        page.open_video_requested.connect(self.ask_for_video)
        page.open_folder_requested.connect(self.ask_for_folder)
        page.open_project_requested.connect(self.ask_for_project)
        page.recent_requested.connect(self.begin_open)
        page.cancel_requested.connect(self.studio.tasks.cancel)
        self.studio.task_changed.connect(page.show_task)
        return page

    def _take_drops(self) -> None:
        """Make the whole window a target, before napari's own handling of drops."""
        self.main.setAcceptDrops(True)
        self.start_page.setAcceptDrops(True)
        for widget in (self.main, *self.main.findChildren(QWidget)):
            if widget.acceptDrops():
                widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Open what is dropped."""
        kind = event.type()
        if kind in (QEvent.Type.DragEnter, QEvent.Type.DragMove, QEvent.Type.Drop):
            assert isinstance(event, QDropEvent)  # noqa: S101 - what Qt sends for these types
            local = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
            if local:
                event.setDropAction(Qt.DropAction.CopyAction)
                event.accept()
                if kind == QEvent.Type.Drop:
                    self.start_page.show_problem("")
                    self._drops.take([Path(name) for name in local])
                return True
        return False

    def show(self) -> None:
        """Show the window, with the start page if nothing is open."""
        self.viewer.window.show()
        bound_minimum(self.main)
        if restore_layout(self.main, data_dir() / LAYOUT_FILE):
            self._panel_width.restored()
        else:
            place_first(self.main)
        if self.start_page.isHidden() and not self.viewer.layers:
            self._show_start_page()
        if self.start_page.isVisible():
            self.start_page.setFocus()  # napari gives it to the canvas behind


def _nothing(viewer: napari.Viewer) -> None:
    """What a key of napari's does in this window."""


def _portable(key: QKeySequence) -> str:
    return key.toString(QKeySequence.SequenceFormat.PortableText)


def _entries(menu: QMenu) -> Iterator[QAction]:
    """What a menu and the menus in it do."""
    for entry in menu.actions():
        inner = entry.menu()
        if inner is None:
            yield entry
        else:
            yield from _entries(inner)
