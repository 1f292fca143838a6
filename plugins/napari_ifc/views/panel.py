"""The studio's side panel: head, messages, run, tools and pages."""

from __future__ import annotations

from itertools import pairwise
from typing import Protocol, runtime_checkable

from qtpy.QtCore import QEvent, QSize, Qt, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_ifc.language import tr
from napari_ifc.views.banner import Banner
from napari_ifc.views.focus import KeyHome
from napari_ifc.views.header import Header, RunStrip
from napari_ifc.views.history_list import HistoryList
from napari_ifc.views.icons import icon
from napari_ifc.views.propose_panel import ProposePanel
from napari_ifc.views.theme import Palette, style_sheet
from napari_ifc.views.tools import ToolRow
from napari_ifc.views.track_table import TrackTable

_NARROWEST_PX = 362  # all tabs and tools in one line, at the usual size of text
_WIDEST_PX = 560  # the picture is to keep its room
_SPARE_PX = 10
_LOWEST_PX = 480
_LOWEST_PAGE_PX = 180
_LOW_PX = 680  # below it runs at the foot take a line each, so that they leave a page its own
_LISTS = frozenset({"tracks", "history", "review"})  # pages that are a list above all


@runtime_checkable
class Themed(Protocol):
    """A page that draws in the theme's colours itself."""

    def apply_palette(self, palette: Palette) -> None:
        """Take the theme's colours."""
        ...


class StudioPanel(KeyHome):
    """Everything beside the canvas. Further pages are added with :meth:`add_page`.

    What comes and goes by itself has a place of its own: messages in the head, runs at the foot.
    So nothing moves away from under the pointer.

    Attributes:
        header: What is open.
        banner: Messages, in the head.
        run: The run in progress.
        task: Long work beside it: opening, importing, exporting.
        training: A fine-tuning, while its page is not in front.
        tools: Drawing tools.
        tracks: The page of tracks.
        propose: The page of Propose.
        history: The page of the journal.
        menu_button: Opens the menu of all actions.
        status: Device, memory and speed in one line.
        page_changed: Emitted with the name of the page that came to the front.
    """

    page_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("ifcPanel")
        self.setMinimumWidth(_NARROWEST_PX)
        # All of the height: a dock of napari's leaves room below what does not ask for it.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.banner = Banner()
        self.header = Header(self.banner)
        self.run = RunStrip(can_pause=True)
        self.task = RunStrip()
        self.training = RunStrip(stop_text=tr("Stop"))
        self.tools = ToolRow()
        self.tracks = TrackTable()
        self.propose = ProposePanel()
        self.history = HistoryList()
        self.status = QPushButton()
        self.menu_button = QToolButton()
        self._pages: dict[str, QWidget] = {}
        self._themed: list[QWidget] = []
        self._tabs = QTabWidget()
        self._tabs.setDocumentMode(True)
        self._tabs.tabBar().setDrawBase(False)
        self._tabs.tabBar().setExpanding(True)
        self._tabs.tabBar().setAccessibleName(tr("Pages"))
        self._tabs.setMinimumHeight(_LOWEST_PAGE_PX)  # a run may take some of a page's height
        self._build()

    def sizeHint(self) -> QSize:  # noqa: N802, D102
        return QSize(self.minimumWidth() + _SPARE_PX, 640)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """Always the same: a dock of napari's never asks for less than it once had to.

        With what a run and a message need for a while it would outgrow a low screen for good.
        """
        return QSize(super().minimumSizeHint().width(), _LOWEST_PX)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """A run takes less of a low panel."""
        super().resizeEvent(event)
        for strip in (self.run, self.training, self.task):
            strip.show_low(low=self.height() < _LOW_PX)

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.header.add_corner(self.menu_button)
        self.menu_button.setToolTip(tr("Everything that can be done, by group"))
        self.menu_button.setAccessibleName(tr("Menu of all actions"))
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        column.addWidget(self.header)
        column.addWidget(self.tools)
        self._strips = QVBoxLayout()
        column.addLayout(self._strips)
        column.addWidget(self._tabs, 1)
        for widget in (
            self.run,
            self.training,
            self.task,
        ):  # at the foot, so that nothing above moves for them
            column.addLayout(_inset(widget))
        self.status.setProperty("role", "status")
        self.status.setToolTip(tr("Device, memory and speed; click for the system and its logs"))
        self.status.setAccessibleName(tr("System"))
        column.addLayout(_inset(self.status))
        self.add_page("tracks", tr("Tracks"), self.tracks)
        self.add_page("propose", tr("Propose"), self.propose)
        self.add_page("history", tr("History"), self.history)
        self._tabs.currentChanged.connect(lambda _: self.page_changed.emit(self.current_page))

    def add_page(self, name: str, title: str, widget: QWidget) -> None:
        """Add a page behind the others."""
        self._pages[name] = widget
        self._tabs.addTab(widget, title)

    def add_strip(self, widget: QWidget, *, inset: bool = True) -> None:
        """Add a line between the tools and the pages.

        Args:
            widget: The line; told of the theme like a page.
            inset: Whether it keeps off the panel's edges.
        """
        self._themed.append(widget)
        if inset:
            self._strips.addLayout(_inset(widget))
        else:
            self._strips.addWidget(widget)

    def order_focus(self) -> None:
        """Let Tab go from top to bottom, in whatever order strips and pages were added.

        Qt's chain is not asked for: PySide takes what ``nextInFocusChain`` returns for a child of
        the widget that was asked, and so keeps it for good.
        """
        strips = [self._strips.itemAt(i) for i in range(self._strips.count())]
        parts = [self.header, self.menu_button, self.tools]
        parts += [item.widget() or item.layout().itemAt(0).widget() for item in strips]
        stops = [stop for part in parts for stop in _stops(part)]
        stops += [self._tabs, self._tabs.tabBar()]  # the first hands the focus to the second
        feet = (self.run, self.training, self.task, self.status)
        for part in (*self._pages.values(), *feet):
            stops += _stops(part)
        for before, after in pairwise(stops):
            QWidget.setTabOrder(before, after)

    def focus_page(self) -> None:
        """Put the focus into the page in front: on what is listed there, or on its first field."""
        name = self.current_page
        page = self._pages[name]
        stops = [stop for stop in _stops(page) if stop.isVisible() and stop.isEnabled()]
        lists = [stop for stop in stops if isinstance(stop, QAbstractItemView)]
        for stop in (lists if lists and name in _LISTS else stops)[:1]:
            stop.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def page_titles(self) -> dict[str, str]:
        """Titles of all pages by name, in order."""
        texts = (self._tabs.tabText(self._tabs.indexOf(page)) for page in self._pages.values())
        return dict(zip(self._pages, texts, strict=True))

    def page_names(self) -> tuple[str, ...]:
        """Names of all pages in order."""
        return tuple(self._pages)

    def show_page(self, name: str) -> None:
        """Bring a page to the front."""
        self._tabs.setCurrentWidget(self._pages[name])

    @property
    def current_page(self) -> str:
        """Name of the page in front."""
        return next(n for n, w in self._pages.items() if w is self._tabs.currentWidget())

    def apply_palette(self, palette: Palette) -> None:
        """Take the theme's colours."""
        self.setStyleSheet(style_sheet(palette))
        self.tools.apply_palette(palette)
        for page in (*self._pages.values(), *self._themed):
            if isinstance(page, Themed):
                page.apply_palette(palette)
        self.menu_button.setIcon(icon("menu", palette.text))
        self.banner.close_button.setIcon(icon("close", palette.muted))
        self._fit_tabs()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802, D102
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit_tabs()

    def _fit_tabs(self) -> None:
        """Be as wide as all tabs are in one line, also where text is large or words are long."""
        bar = self._tabs.tabBar()
        bar.ensurePolished()
        wanted = min(bar.sizeHint().width(), _WIDEST_PX)
        self.setMinimumWidth(max(_NARROWEST_PX, wanted))
        self.updateGeometry()


def _stops(part: QWidget) -> list[QWidget]:
    """What of a widget Tab stops at, in the order in which it was put together."""
    inside = [part, *part.findChildren(QWidget)]
    same = [w for w in inside if w.window() is part.window()]  # menus are windows
    return [w for w in same if w.focusPolicy() & Qt.FocusPolicy.TabFocus]


def _inset(widget: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(10, 0, 10, 0)
    row.addWidget(widget)
    return row
