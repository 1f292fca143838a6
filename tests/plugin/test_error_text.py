"""Errors in the window: short, their paths in the tip, and no line that does not fit."""

from pathlib import Path

import pytest

from ifc_core.errors import IFCError, VideoError
from napari_ifc.error_text import breakable, told
from napari_ifc.views.banner import Banner

DEEP = Path("/data/a_rather_deep_folder_of_the_lab/raw_recordings/mouse-A_topview_camera3.mp4")


def test_a_sentence_names_the_file_and_the_tip_its_place():
    error = VideoError(f"{DEEP} is not a video that can be read.", path=DEEP)
    assert told(error) == (
        "“mouse-A_topview_camera3.mp4” is not a video that can be read.",
        str(DEEP),
    )
    assert told(VideoError("It is cut off.", path=DEEP)) == ("It is cut off.", "")
    assert told(VideoError("clip.mp4 is cut off.", path="clip.mp4")) == ("clip.mp4 is cut off.", "")
    assert told(VideoError("/ is no video.", path="/")) == ("/ is no video.", "")
    assert told(IFCError("No.")) == told("No.") == ("No.", "")


def test_long_names_may_be_broken_and_are_what_they_were():
    text = f"{DEEP} is short-lived."
    seamed = breakable(text)
    assert seamed.replace("\u200b", "") == text
    assert max(len(part) for part in seamed.replace("\u200b", " ").split()) <= 12
    assert seamed.endswith(" is short-lived.")  # short words stay whole


def test_the_banner_says_what_it_was_given_and_breaks_its_names(qtbot):
    banner = Banner()
    qtbot.addWidget(banner)
    name = "2026-11-03_cage_07_mouse_A_vs_mouse_B_habituation_session_2_topview_camera3.mp4"
    banner.show_message(f"{name} is no video.", "error", tip=str(DEEP))
    assert banner.text == f"{name} is no video."
    assert banner._text.toolTip() == str(DEEP)
    banner.setFixedWidth(300)
    needed = banner._text.fontMetrics().horizontalAdvance(banner.text)
    assert needed > 300
    assert banner.minimumSizeHint().width() < 200
    banner.show()
    lines = banner._text.text().split("\n")
    assert len(lines) == 2
    for line in lines:
        assert banner._text.fontMetrics().horizontalAdvance(line) <= banner._text.width()
    banner.show_message("Another one.")
    assert not banner._text.toolTip()


@pytest.mark.window
def test_a_file_that_cannot_be_opened_is_named_without_its_folders(desk, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    assert not desk.studio.open_path(bad)
    assert desk.said.startswith("“bad.mp4” ")
    assert desk.studio.panel.banner._text.toolTip() == str(bad)
