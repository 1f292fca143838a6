"""What a run takes from its settings and its model."""

import pytest

from ifc_core.inference.run_setup import clip_linker_for
from ifc_core.inference.settings import ProposeSettings
from ifc_core.tracking.linking import DirectLinker, LookaheadLinker
from ifc_core.tracking.video_tracker import VideoTracker


@pytest.mark.parametrize(
    ("clip_length", "clip_stride", "clips"),
    [(5, 1, 5), (5, 2, 3), (5, 3, 2), (5, 5, 1), (15, 8, 2), (1, 1, 1)],
)
def test_a_new_track_needs_as_many_sure_clips_as_see_a_frame(
    tiny_model, clip_length, clip_stride, clips
):
    settings = ProposeSettings(clip_length=clip_length, clip_stride=clip_stride, lookahead=16)
    linker = clip_linker_for(tiny_model, settings, VideoTracker(clip_length))
    assert isinstance(linker, LookaheadLinker)
    assert linker.least_clips == clips
    assert linker.lookahead * clip_stride >= 16


def test_without_a_look_ahead_clips_are_linked_as_they_come(tiny_model):
    settings = ProposeSettings(lookahead=0)
    assert isinstance(clip_linker_for(tiny_model, settings, VideoTracker(5)), DirectLinker)
