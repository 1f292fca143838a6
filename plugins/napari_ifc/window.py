"""Docks, keys and the end of the window: the studio's ties to napari's main window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QApplication, QDockWidget, QWidget

from napari_ifc.canvas_context import CanvasContext
from napari_ifc.canvas_keys import CanvasKeys, napari_key
from napari_ifc.held_keys import HeldKeys, RepeatedKeys
from napari_ifc.language import tr
from napari_ifc.views.dialogs import ask_to_close
from napari_ifc.views.focus import leave

if TYPE_CHECKING:
    import napari
    from qtpy.QtWidgets import QMainWindow

    from napari_ifc.actions import Action
    from napari_ifc.studio import Studio
    from napari_ifc.views.panel import StudioPanel
    from napari_ifc.views.transport import TimelinePanel

_NAPARI_DOCKS = ("layer list", "layer controls")


class WindowHooks(QObject):
    """Docks the panels, binds the keys, and tells the studio when the window closes.

    Keys are bound on our own layers and inside our own panels only, so that they mean what
    they always did everywhere else in napari.

    Args:
        viewer: The viewer.
        panel: The side panel.
        timeline: The strip under the canvas.
        studio: Whose actions are bound and who is closed.
        dock_panel: Whether to dock the panel here.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        panel: StudioPanel,
        timeline: TimelinePanel,
        studio: Studio,
        *,
        dock_panel: bool,
    ) -> None:
        super().__init__(studio)
        self._studio = studio
        self._window = viewer.window
        self._main: QMainWindow | None = None
        self._context: CanvasContext | None = None
        self._held = HeldKeys(self)
        self._canvas_keys: CanvasKeys | None = None
        self._last_widget: QWidget = panel
        self._closing = False
        self.docks: dict[str, QDockWidget] = {}
        window = viewer.window
        if dock_panel:
            self.docks["studio"] = window.add_dock_widget(
                panel, name="IFC Studio", area="right", add_vertical_stretch=False
            )
        self._dock("timeline", timeline, "Timeline", "bottom")
        self._timeline_px = timeline.sizeHint().height()
        self._corner = Qt.DockWidgetArea.BottomDockWidgetArea
        self._watch(viewer, self.docks["timeline"])
        self._widgets: tuple[QWidget, ...] = (panel, timeline)
        self._parts: tuple[QObject, ...] = (panel, timeline, studio)
        self.end_with(panel)
        self._shortcuts: list[QShortcut] = []
        self.bind_shortcuts()

    def _watch(self, viewer: napari.Viewer, dock: QDockWidget) -> None:
        main = dock.window()
        self._main = main
        self._context = CanvasContext(viewer, main)
        if self._context.canvas is not None:
            self._context.canvas.setAccessibleName(tr("Picture with masks"))
            RepeatedKeys(self._context.canvas, self._repeats_on_canvas, self)
        center = main.centralWidget()
        if center is not None:
            self._canvas_keys = CanvasKeys(center, self._is_ours, self)
        main.installEventFilter(self)
        # The panel keeps its full height; the timeline lies under the canvas alone.
        self._corner = main.corner(Qt.Corner.BottomRightCorner)
        main.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self._studio.close)

    def end_with(self, widget: QWidget) -> None:
        """Close the studio once a widget is taken out of the window, in place of the panel."""
        self._last_widget.removeEventFilter(self)
        self._last_widget = widget
        widget.installEventFilter(self)
        self._ask_first()

    def _ask_first(self) -> None:
        """Let napari's cross on the dock that the studio ends with ask as the window's does."""
        dock: Any = self._last_widget.parent()
        if not isinstance(dock, QDockWidget):
            return

        hooks = ref(self)  # the dock would hold the studio beyond its end

        def close() -> None:
            this = hooks()
            if (this is None or this._may_end(dock)) and isalive(dock):
                type(dock).destroyOnClose(dock)

        dock.installEventFilter(self)  # napari's eye on it hides it
        dock.destroyOnClose = close  # type: ignore[attr-defined]

    def _may_end(self, dock: QDockWidget) -> bool:
        """Whether a dock may go for good: the studio does not end with it, or may end."""
        goes_on = self._studio.is_closed or self._last_widget.parent() is not dock
        return goes_on or self.may_close()

    def add_dock(self, name: str, widget: QWidget, title: str, area: str) -> None:
        """Dock a widget of a feature, hidden at first, with the actions' keys inside it."""
        self._dock(name, widget, title, area).hide()
        self._parts = (widget, *self._parts)
        self.add_keys(widget)

    def _dock(self, name: str, widget: QWidget, title: str, area: str) -> QDockWidget:
        """Dock what the studio goes on with: napari's cross on it hides it, to be shown again.

        napari makes the cross anew whenever the dock floats or moves, so that it is
        not the button that is changed but what each of them calls.
        """
        dock = self._window.add_dock_widget(
            widget, name=title, area=area, add_vertical_stretch=False
        )
        dock.destroyOnClose = dock.close
        dock.installEventFilter(self)
        self.docks[name] = dock
        return dock

    def is_shown(self, name: str) -> bool:
        """Whether a dock of the studio has its place in the window."""
        dock = self.docks.get(name)
        return dock is not None and not dock.isHidden()

    def show_dock(self, name: str, shown: bool) -> None:
        """Show or hide a dock of the studio."""
        dock = self.docks.get(name)
        if dock is not None:
            dock.setVisible(shown)

    def add_keys(self, widget: QWidget) -> None:
        """Let the actions' keys mean inside a widget what they mean in the panels."""
        self._widgets = (*self._widgets, widget)
        self.bind_shortcuts()

    def bind_shortcuts(self) -> None:
        """Bind the actions' keys in the panels and canvas, in place of those that were bound."""
        for shortcut in self._shortcuts:
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._shortcuts = [
            self._shortcut(widget, action)
            for widget in self._widgets
            for action in self._studio.actions
            if action.shortcut
        ]
        if self._canvas_keys is not None:
            center = self._canvas_keys.center
            made = [self._shortcut(center, a) for a in self._studio.actions if a.shortcut]
            self._canvas_keys.use(made)
            self._shortcuts += made

    def _shortcut(self, widget: QWidget, action: Action) -> QShortcut:
        shortcut = QShortcut(QKeySequence(action.shortcut), widget)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.setAutoRepeat(action.repeats)
        shortcut.activated.connect(lambda: self._on_key(widget, action))
        return shortcut

    def _on_key(self, widget: QWidget | None, action: Action) -> None:
        if widget is not None:
            self._held.watch(widget)
        if QApplication.activePopupWidget() is not None:
            return  # a key for an open menu or list, which Qt offers to what is behind it, too
        if "Num+" not in action.shortcut:  # a key of the number pad types what others do
            action = self._typed() or action
        if action.repeats or not self._held.is_held:
            self._studio.run_action(action.id)

    def _typed(self) -> Action | None:
        """The action of the sign that was typed, which goes before what else the key stands for.

        Qt takes the 8 of a German keyboard for itself, too, where AltGr makes it a bracket.
        """
        pressed = self._held.pressed.toString(QKeySequence.SequenceFormat.PortableText)
        return self._studio.actions.holder_of(pressed) if len(pressed) == 1 else None

    def bind_keys(self) -> None:
        """Bind the actions' keys on the studio's layers."""
        self._studio.layers.bind_keys(
            {
                key: lambda a=action: self._on_key(self._main, a)
                for action in self._studio.actions
                if action.shortcut and (key := napari_key(action.shortcut)) is not None
            }
        )

    def _is_ours(self) -> bool:
        """Whether the canvas' keys mean the studio's actions: one of its layers is chosen."""
        return self._studio.viewer.layers.selection.active in self._studio.layers.layers

    def _repeats_on_canvas(self, pressed: QKeySequence) -> bool:
        """Whether a key that is held on the canvas means an action that repeats."""
        actions = self._studio.actions if self._is_ours() else ()
        return any(a.repeats and pressed == QKeySequence(a.shortcut) for a in actions)

    @property
    def is_closing(self) -> bool:
        """Whether napari's window is going, so that nothing in it is seen any more."""
        return self._closing

    def may_close(self) -> bool:
        """Whether the window may close: nothing goes on, or the person says so."""
        work = self._studio.work_going_on()
        return not work or ask_to_close(work, self._studio.panel)

    def _napari_docks(self) -> list[QDockWidget]:
        main = self._main
        docks = [] if main is None else main.findChildren(QDockWidget)
        return [dock for dock in docks if dock.objectName() in _NAPARI_DOCKS]

    @property
    def napari_panels_shown(self) -> bool:
        """Whether napari's layer list or layer controls are shown."""
        return any(dock.isVisible() for dock in self._napari_docks())

    def show_napari_panels(self, shown: bool) -> None:
        """Show or hide napari's layer list, its layer controls and its slider of frames."""
        for dock in self._napari_docks():
            dock.setVisible(shown)
        if self._main is not None:
            for widget in self._main.findChildren(QWidget):
                if type(widget).__name__ == "QtDims":  # our timeline does the same and more
                    widget.setVisible(shown)

    def drop_titles(self) -> None:
        """Take the title bars off our docks, where they are the window and not guests in it."""
        for dock in self.docks.values():
            dock.setFeatures(QDockWidget.DockWidgetFeature.NoDockWidgetFeatures)
            dock.setTitleBarWidget(QWidget(dock))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Close the studio with its panel, or once the window has really closed.

        A dock that is hidden hands its keys over, before Qt gives them to a field of napari's.

        A person may refuse to have the window closed; the panel is out of it when we hear of it.
        """
        if watched is self._last_widget:
            if event.type() == QEvent.Type.ParentChange:
                if self._last_widget.parent() is None:
                    self._studio.close()
                else:
                    self._ask_first()  # napari has docked what stands in place of the panel
        elif watched is self._main:
            if event.type() == QEvent.Type.Close:
                if event.spontaneous() and not self.may_close():
                    event.ignore()
                    return True
                self._closing = True
                if not self._main.isVisible():
                    self._studio.close()
            elif event.type() == QEvent.Type.Hide and self._closing and not event.spontaneous():
                self._studio.close()
            elif event.type() == QEvent.Type.Show:
                self._closing = False
                QTimer.singleShot(0, self._size_timeline)
        elif (
            event.type() == QEvent.Type.Hide
            and isinstance(watched, QDockWidget)
            and watched.isHidden()
        ):
            leave(watched)  # a dock by itself; with the window it would be shown again
        return False

    def _size_timeline(self) -> None:
        """Give the timeline its height once; Qt takes no heights before the window is shown."""
        dock = self.docks.get("timeline")
        if self._main is not None and dock is not None and self._timeline_px:
            height, self._timeline_px = self._timeline_px, 0
            self._main.resizeDocks([dock], [height], Qt.Orientation.Vertical)

    def close(self) -> None:
        """Let go of the window; the panels are taken out of it if it stays open.

        What the studio shows and it itself are deleted once Qt comes to it: until then each
        signal of theirs would hold what hears it, and so all of the studio.
        """
        if isalive(self._last_widget):
            self._last_widget.removeEventFilter(self)
        if self._context is not None:
            self._context.close()
            self._context = None
        if self._canvas_keys is not None and isalive(self._canvas_keys.center):
            self._canvas_keys.center.removeEventFilter(self._canvas_keys)
        if self._main is not None:
            self._main.removeEventFilter(self)
            self._main.setCorner(Qt.Corner.BottomRightCorner, self._corner)
            self._main = None
        if not self._closing:
            for dock in filter(isalive, self.docks.values()):  # a person may have closed some
                QDockWidget.setWidget(dock, None)  # it goes with the dock, not styled anew
                self._window.remove_dock_widget(dock)
        self.docks.clear()
        for part in filter(isalive, (*self._shortcuts, *self._parts)):
            part.deleteLater()
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.disconnect(self._studio.close)
