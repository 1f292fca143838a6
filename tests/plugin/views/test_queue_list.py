"""The rows of the review queue in a width."""

import pytest
from qtpy.QtGui import QFont, QFontMetrics

from napari_ifc.rows import QueueRow
from napari_ifc.views.queue_list import QueueModel, fitted_title

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
