"""The strip around the timeline, while one frame follows the other."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication, QLabel

from napari_ifc.rows import ProgressView
from napari_ifc.views.theme import palette_for
from napari_ifc.views.transport import TimelinePanel

pytestmark = pytest.mark.window


class Layouts(QObject):
    """Counts how often anything asks to be laid out anew."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def eventFilter(self, watched, event):  # noqa: N802 - Qt's name
        self.count += event.type() == QEvent.Type.LayoutRequest
        return False


@pytest.fixture
def panel(qtbot):
    made = TimelinePanel()
    qtbot.addWidget(made)
    made.apply_palette(palette_for("dark"))
    made.resize(900, 200)
    made.show()
    return made


def place_of(panel):
    return next(x for x in panel.findChildren(QLabel) if x.accessibleName() == "Frame and time")


def test_going_from_frame_to_frame_lays_nothing_out_anew(panel, qapp):
    panel.show_place(0, 2000, 30.0)
    qapp.processEvents()
    layouts = Layouts()
    QApplication.instance().installEventFilter(layouts)
    for frame_index in (1, 8, 88, 999, 1999):
        panel.show_place(frame_index, 2000, 30.0)
        qapp.processEvents()
    QApplication.instance().removeEventFilter(layouts)
    assert layouts.count == 0
    assert place_of(panel).text() == "1999 / 1999   1:06.63"


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_place_of_a_longer_video_fits(panel, theme):
    panel.show_place(3, 10, 0.0)
    panel.apply_palette(palette_for(theme))
    for frame_index in (4, 120_000, 344_444, 388_888):
        panel.show_place(frame_index, 400_000, 25.0)
        label = place_of(panel)
        assert label.sizeHint().width() <= label.width()
    assert label.text() == "388888 / 399999   4:19:15.52"


def test_a_narrow_window_squeezes_the_progress_and_not_what_is_beside_it(panel):
    panel.show_progress(ProgressView(num_frames=2000, approved_frames=70))
    panel.show_place(0, 2000, 30.0)
    assert panel.minimumSizeHint().width() < 600
