"""The page of the review queue."""

from dataclasses import replace
from functools import partial

import pytest
from qtpy.QtCore import QPoint, QRect, Qt
from qtpy.QtWidgets import QApplication, QFrame, QPushButton

from napari_ifc.actions import Action, ActionTable
from napari_ifc.rows import (
    ProgressView,
    QueueRow,
)
from napari_ifc.views.review_page import ReviewPage
from napari_ifc.views.theme import palette_for, style_sheet

ORANGE = (230, 159, 0)


class TestReviewPage:
    @pytest.fixture
    def page(self, qtbot):
        made = ReviewPage(("Everything", "Suspected swaps"))
        qtbot.addWidget(made)
        made.apply_palette(palette_for("dark"))
        made.resize(360, 700)
        made.show()
        return made

    def test_a_hundred_thousand_entries_are_made_only_when_seen(self, page):
        asked = set()

        def row_at(place):
            asked.add(place)
            return QueueRow(f"Track {place}", "frame 0", "Unsure", "Accept.", "label", 0.5, True)

        page.show_queue(100_000, row_at, 50_000, 100_000, "")
        page.view.viewport().grab()
        assert 50_000 in asked
        assert len(asked) < 100
        assert page.model.rowCount() == 100_000

    def test_clicking_an_entry_asks_for_it_but_showing_does_not(self, page, qtbot):
        def row_at(place):
            return QueueRow(f"Track {place}", "frame 0", "Unsure", "Accept.", "label", 0.5, False)

        with qtbot.assertNotEmitted(page.entry_requested):
            page.show_queue(3, row_at, 0, 3, "")
        place = page.view.visualRect(page.model.index(2)).center()
        with qtbot.waitSignal(page.entry_requested) as asked:
            qtbot.mouseClick(page.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert asked.args == [2]
        text = page.model.data(page.model.index(1), Qt.ItemDataRole.AccessibleTextRole)
        assert text == "Track 1, frame 0: Unsure. Need 50%."

    def test_an_empty_queue_says_what_comes_next(self, page):
        def nothing(place):
            raise AssertionError(place)

        page.show_queue(0, nothing, -1, 0, "")
        page.show_progress(ProgressView())
        assert page._empty_title.text() == "No tracks yet"
        page.show_progress(ProgressView(1, 80, 80, 11, 11))
        assert page._empty_title.text() == "All reviewed"
        assert "Export" in page._empty_text.text()
        assert page._why.text() == "There is nothing to decide."
        page.show_queue(0, nothing, -1, 3, "")
        assert page._empty_title.text() == "Nothing of this kind"
        page.show_queue(0, nothing, -1, 0, "Reading masks")
        page.show_progress(ProgressView(1, 80, 80, 11, 11))
        assert page._empty_title.text() == "Reading masks"

    def test_where_nothing_is_shown_the_key_begins_and_skips_nothing(self, page):
        def row_at(place):
            return QueueRow(f"Track {place}", "frame 0", "Unsure", "Accept.", "label", 0.5, False)

        actions = ActionTable()
        for name, key in (("accept", "Space"), ("fix", "Y"), ("reject", "U"), ("next", "K")):
            actions.add(Action(f"review.{name}", name, lambda: None, shortcut=key))
        page.bind_actions(actions)
        page.show_queue(2, row_at, -1, 2, "")
        assert page._buttons["review.next"].text() == "Start  K"
        assert page._why.text().startswith("Start (K) shows the first entry")
        page.show_queue(2, row_at, 0, 2, "")
        assert page._buttons["review.next"].text() == "Skip  K"

    def test_buttons_say_what_they_do_with_the_entry(self, page):
        meant = {
            "review.accept": ("Link", "Links them."),
            "review.fix": ("", ""),
            "review.reject": ("Not a division", "Leaves them."),
        }

        def row_at(place):
            row = QueueRow(f"Track {place}", "frame 0", "Unsure", "Accept.", "label", 0.5, False)
            return replace(row, decisions=meant) if place else row

        actions, reasons = ActionTable(), {"reject": ""}
        for name, key in (("accept", ""), ("fix", "Y"), ("reject", "U"), ("next", "Q")):
            why_not = partial(reasons.get, name, "")
            tip = f"{name} tip"
            actions.add(Action(f"review.{name}", name, print, key, why_not=why_not, tip=tip))
        page.bind_actions(actions)
        page.setStyleSheet(style_sheet(palette_for("dark")))
        buttons = [page._buttons[f"review.{name}"] for name in ("accept", "fix", "reject", "next")]
        accept, fix, reject, skip = buttons
        page.show_queue(2, row_at, 0, 2, "")
        QApplication.processEvents()
        plain = ["Accept  Space", "Fix  Y", "Reject  U", "Skip  Q"]
        assert [b.text() for b in buttons if b.isVisible()] == plain
        page.show_queue(2, row_at, 1, 2, "")
        QApplication.processEvents()
        shown = [b.text() for b in buttons if b.isVisible()]
        assert shown == ["Link  Space", "Not a division  U", "Skip  Q"]
        assert (accept.toolTip(), accept.accessibleName()) == ("Links them.", "Link")
        assert reject.toolTip() == "Leaves them."
        assert skip.toolTip() == "next tip"
        for button in (accept, reject, skip):
            assert page.rect().contains(QRect(button.mapTo(page, QPoint(0, 0)), button.size()))
            assert button.width() >= button.minimumSizeHint().width()
        assert accept.x() + accept.width() < reject.x()
        reasons["reject"] = "Not now."
        page.refresh_actions()
        assert reject.toolTip() == "Not now."
        page.show_queue(2, row_at, 0, 2, "")
        QApplication.processEvents()
        assert [b.text() for b in buttons if b.isVisible()] == plain
        assert accept.accessibleName() == "accept"
        assert accept.x() + accept.width() < fix.x()

    @pytest.mark.parametrize("height", [170, 200, 230, 260, 400])
    @pytest.mark.parametrize("count", [0, 12])
    @pytest.mark.parametrize("place", [-1, 0])
    def test_decisions_and_words_are_never_cut(self, page, height, count, place):
        advice = "Look whether the outline follows the object, and correct it where it does not."

        def row_at(place):
            return QueueRow(
                "Track 1", "frame 0", "Area changes by 2.4×", advice, "label", 0.5, True
            )

        holder = QFrame()  # gives the page less than it asks for, as a low window does
        page.setParent(holder)
        page.setStyleSheet(style_sheet(palette_for("dark")))
        page.setGeometry(0, 0, 370, height)
        page.show_queue(count, row_at, place if count else -1, count, "")
        holder.show()
        QApplication.processEvents()
        shown = [page._why, page._empty_title if not count else page.view, *page._buttons.values()]
        for part in shown:
            box = QRect(part.mapTo(page, QPoint(0, 0)), part.size())
            assert page.rect().contains(box), part
            if isinstance(part, QPushButton):
                assert box.height() >= part.minimumSizeHint().height()
        why = page._why
        assert why.height() >= why.heightForWidth(why.width()) if why.wordWrap() else True
        assert why.fontMetrics().height() <= why.height()
        if not why.wordWrap():
            assert why.fontMetrics().horizontalAdvance(why.text()) <= why.width()
            told = {"Start shows the first entry.", "There is nothing to decide."}
            assert why.text() in told or why.toolTip().endswith(advice)
        page.setParent(None)

    def test_a_low_page_shows_several_entries_and_says_all_in_the_tip(self, page):
        def row_at(place):
            return QueueRow(f"Track {place}", "frame 0", "Unsure", "Accept.", "label", 0.5, False)

        page.resize(342, 400)  # as in a window of 1280 by 800
        page.show_queue(12, row_at, 0, 34, "")
        page.show_progress(ProgressView(1, 80, 3, 11, 1))
        assert (
            page.view.viewport().height() >= 6 * page.view.visualRect(page.model.index(0)).height()
        )
        assert page._count.text().startswith("1 of 12")
        tip = page._count.toolTip()
        assert tip.startswith("1 of 12 of 34 to look at\n")
        assert "3 of 80 frames complete, 1 of 11 tracks approved" in tip
        assert page._why.text() == "Unsure. Accept."

    def test_a_count_is_not_cut_in_the_middle_of_what_is_being_done(self, page):
        row = QueueRow("Track 1", "frame 0", "Unsure", "Accept.", "label", 0.5, False)
        busy = "Looking for swaps and divisions in the other videos"
        page.show_queue(78, lambda place: row, -1, 78, busy)
        assert page._count.text() == "78 to look at …"
        assert page._count.toolTip().startswith(f"78 to look at · {busy}")
        page.show_queue(78, lambda place: row, -1, 78, "")
        assert page._count.text() == "78 to look at"

    def test_the_choice_of_videos_is_read_in_full_in_a_narrow_page(self, page, qtbot):
        page.setStyleSheet(style_sheet(palette_for("dark")))
        page.show_scope(whole_project=True, possible=True)
        page.resize(290, 600)
        QApplication.processEvents()
        assert page.width() == 290
        assert page._scope.width() >= page._scope.sizeHint().width()
        assert page._filters.width() > 40
