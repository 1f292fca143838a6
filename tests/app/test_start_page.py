"""The start page offers what can be opened."""

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QMainWindow, QPushButton, QToolButton

from ifc_app.recent import RecentItem, RecentList
from ifc_app.start_page import StartPage, progress_text
from napari_ifc.rows import RunView
from napari_ifc.views.theme import palette_for


@pytest.fixture
def covered(qtbot, tmp_path):
    clip = tmp_path / "run.mp4"
    clip.write_bytes(b"x")
    recent = RecentList(tmp_path / "data")
    recent.add(clip, 42)
    window = QMainWindow()
    qtbot.addWidget(window)
    window.menuBar().addMenu("File")
    window.resize(1000, 640)
    page = StartPage(recent, window)
    window.show()
    page.show()
    return window, page, clip


def test_it_covers_all_but_the_menus_and_follows_the_window(covered, qtbot):
    window, page, _ = covered
    window.resize(1200, 700)
    qtbot.waitUntil(lambda: page.width() == 1200)
    assert page.geometry().top() == window.menuBar().height()
    assert page.geometry().bottom() == window.rect().bottom()


@pytest.mark.parametrize(
    ("text", "signal"),
    [
        ("Try the sample", "sample_requested"),
        ("Open video…", "open_video_requested"),
        ("Open frames…", "open_folder_requested"),
        ("Open project…", "open_project_requested"),
    ],
)
def test_each_button_asks_for_its_thing(covered, qtbot, text, signal):
    _, page, _ = covered
    button = next(b for b in page.findChildren(QPushButton) if b.text() == text)
    with qtbot.waitSignal(getattr(page, signal)):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_recent_card_names_its_clip_and_opens_it(covered, qtbot):
    _, page, clip = covered
    (card,) = page.findChildren(QToolButton)
    assert card.text() == "run.mp4\n42 frames"
    with qtbot.waitSignal(page.recent_requested) as caught:
        qtbot.mouseClick(card, Qt.MouseButton.LeftButton)
    assert caught.args == [str(clip.resolve())]


def test_a_card_says_how_far_the_work_is(covered, qtbot):
    _, page, clip = covered
    page._recent.note_progress(clip, num_tracks=3, approved_frames=21)
    page.refresh()
    cards = [card.text() for card in page.findChildren(QToolButton)]
    assert "run.mp4\n42 frames · 3 tracks · 50% complete" in cards


def test_opening_is_shown_with_its_progress_and_can_be_cancelled(covered, qtbot):
    _, page, _ = covered
    page.show_task(RunView(True, "Opening run.mp4", "10 of 40 frames", 0.25))
    assert page._task.isVisible()
    with qtbot.waitSignal(page.cancel_requested):
        qtbot.mouseClick(page._task_cancel, Qt.MouseButton.LeftButton)
    page.show_task(RunView())
    assert not page._task.isVisible()


def test_it_takes_the_colours_of_the_theme(covered):
    _, page, _ = covered
    dark = page.styleSheet()
    page.apply_palette(palette_for("light"))
    assert page.styleSheet() != dark


def test_one_frame_is_told_as_one():
    assert progress_text(RecentItem("/a.png", 0.0, 1)) == "1 frame"
    done = RecentItem("/a.png", 0.0, 1, num_tracks=1, approved_frames=1)
    assert progress_text(done) == "1 frame · 1 track · 100% complete"


@pytest.mark.parametrize(("width", "columns"), [(700, 2), (1000, 3), (1440, 4), (1920, 6)])
def test_cards_are_as_wide_and_fill_the_rows(covered, tmp_path, qtbot, width, columns):
    window, page, _ = covered
    for number in range(7):
        clip = tmp_path / f"{'a long name of a clip ' * (number % 3)}{number}.mp4"
        clip.write_bytes(b"x")
        page._recent.add(clip, 12_000 * number)
        page._recent.note_progress(clip, num_tracks=120 * number, approved_frames=5)
    page.refresh()
    window.resize(width, 700)
    qtbot.waitUntil(lambda: page.width() == width)
    cards = page._shown_cards
    qtbot.waitUntil(lambda: len({card.x() for card in cards}) == columns)
    assert len(cards) == 8
    assert len({card.width() for card in cards}) == 1
    rows = sorted({card.y() for card in cards})
    assert len(rows) == -(-8 // columns)
    assert page._area.horizontalScrollBar().maximum() == 0
    for card in cards:
        for line in card.text().split("\n"):
            assert card.fontMetrics().horizontalAdvance(line) <= card.width() - 20
