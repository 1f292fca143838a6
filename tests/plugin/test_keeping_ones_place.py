"""What the window says of an approval, and where one is after deleting tracks and going far."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.window


def test_approving_a_frame_and_taking_it_back_are_both_told(desk):
    desk.studio.layers.go_to(4)
    assert desk.studio.run_action("frame.approve")
    assert desk.said == "Frame 4 is approved."
    assert desk.studio.run_action("frame.approve")
    assert desk.said == "The approval of frame 4 was taken back."
    assert not desk.editor.frame_is_approved()
