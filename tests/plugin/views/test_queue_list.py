"""The rows of the review queue in a width."""

from dataclasses import replace

import pytest
from qtpy.QtCore import QModelIndex, QRect
from qtpy.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter
from qtpy.QtWidgets import QStyle, QStyleOptionViewItem, QWidget

from napari_ifc.rows import QueueRow
from napari_ifc.views import line_height
from napari_ifc.views.queue_list import QueueDelegate, QueueModel, fitted_title
from napari_ifc.views.theme import palette_for
from napari_ifc.views.video_list import VideoModel, _VideoDelegate

LONG = "recording of the second morning 0007.mp4"


def row(title, video=""):
    return QueueRow(title, "frame 0", "Unsure", "Accept.", "label", 0.5, False, video=video)


@pytest.fixture
def metrics(qapp):
    font = QFont()
    font.setPointSizeF(9)
    font.setBold(True)
    return QFontMetrics(font)


def test_a_long_name_of_a_video_is_shortened_once_and_keeps_its_number(metrics):
    entry = row("Track 12", LONG)
    whole = f"Track 12, in {LONG}"
    assert fitted_title(entry, metrics, metrics.horizontalAdvance(whole)) == whole
    for share in (0.5, 0.7, 0.95):
        room = round(metrics.horizontalAdvance(whole) * share)
        short = fitted_title(entry, metrics, room)
        assert short.startswith("Track 12, in rec")
        assert short.endswith("7.mp4")
        assert short.count("…") == 1
        assert metrics.horizontalAdvance(short) <= room
        assert room - metrics.horizontalAdvance(short) < 3 * metrics.horizontalAdvance("m")


def test_a_title_without_a_video_keeps_its_beginning(metrics):
    entry = row("Track 12 · mitotic cell of the third kind")
    assert fitted_title(entry, metrics, 10_000) == entry.title
    short = fitted_title(entry, metrics, metrics.horizontalAdvance(entry.title) // 2)
    assert short.startswith("Track 12")
    assert short.endswith("…")


def test_the_tip_of_a_row_has_the_whole_name_of_its_video(qapp):
    model = QueueModel()
    model.set_rows(1, lambda place: row("Track 12", LONG))
    said = model.data(model.index(0))
    assert said == f"Track 12, in {LONG}, frame 0: Unsure. Need 50%."


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_no_word_of_the_chosen_row_is_muted(theme, qtbot):
    colors, home, model = palette_for(theme), QWidget(), QueueModel()
    qtbot.addWidget(home)
    delegate = QueueDelegate(home)
    delegate.apply_palette(colors)
    model.set_rows(1, lambda place: replace(row("Track 12"), urgent=True))

    def inks(state):
        option, picture = QStyleOptionViewItem(), QImage(300, 34, QImage.Format.Format_RGB32)
        option.rect, option.state = QRect(0, 0, 300, 34), state
        picture.fill(QColor(colors.surface))
        painter = QPainter(picture)
        delegate.paint(painter, option, model.index(0))
        painter.end()
        return {picture.pixelColor(x, y).name() for x in range(32, 290) for y in range(34)}

    assert colors.muted in inks(QStyle.StateFlag.State_Enabled)
    chosen = inks(QStyle.StateFlag.State_Selected)
    assert colors.muted not in chosen
    assert colors.text in chosen


@pytest.mark.parametrize("points", [9, 14])
def test_rows_are_as_high_as_their_lines_where_text_is_large(points, qtbot, monkeypatch):
    home, font = QWidget(), QFont()
    qtbot.addWidget(home)
    monkeypatch.setattr(line_height, "ROW_PT", points)
    font.setPointSizeF(points)
    font.setBold(True)
    line = QFontMetrics(font).height()
    queue, videos = QueueDelegate(home), _VideoDelegate(VideoModel(), home)
    option = QStyleOptionViewItem()
    heights = [each.sizeHint(option, QModelIndex()).height() for each in (queue, videos)]
    assert all(high >= 2 * line for high in heights)
    if points == 9:
        assert heights == [34, 54]
