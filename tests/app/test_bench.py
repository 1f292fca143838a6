"""The bench of the window runs through and measures what it says, at toy size."""

import pytest

from ifc_app.bench import run_ui
from ifc_core.errors import ConfigError

TOY = {
    "heights": "108",
    "num_tracks": "3",
    "num_frames": "6",
    "strokes": "2",
    "moves": "3",
    "timeline_tracks": "8",
    "timeline_frames": "500",
    "timeline_steps": "4",
    "queue_tracks": "3",
    "list_entries": "1000",
    "num_videos": "2",
    "open_masks": "400",
}


@pytest.mark.slow
@pytest.mark.window
def test_every_part_is_measured(qapp):
    figures = run_ui(TOY)
    canvas = figures["canvas_108p"]
    assert canvas["tracks_on_a_frame"] == 3
    assert canvas["stroke"]["strokes_stored"] == 2
    assert canvas["scrub"]["frames_per_cpu_second"] > 0
    assert figures["timeline"]["tracks"] == 8
    assert figures["timeline"]["zoom"]["cpu_p95_ms"] > 0
    assert figures["queue"]["entries"] >= 3
    assert figures["queue"]["list"]["entries"] == 1000
    assert figures["open_project"]["num_videos"] == 2


def test_an_unknown_option_is_one_sentence():
    with pytest.raises(ConfigError, match="no option 'speed'"):
        run_ui({"speed": "1"})
