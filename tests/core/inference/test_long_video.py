"""Memory over a long video (the long version runs with ``make test-full``)."""

import sys
from pathlib import Path

import pytest

from ifc_core.inference.predictor import predict_video
from ifc_core.inference.settings import ProposeSettings

PAGE_BYTES = 4096


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(sys.platform != "linux", reason="reads the resident size from /proc")
def test_resident_memory_of_20000_frames_is_that_of_500(tiny_model, scene):
    settings = ProposeSettings(clip_length=5, precision="fp32", score_threshold=0.0)
    frames = ((i, scene[i % len(scene)]) for i in range(20_000))
    after_500 = 0
    count = 0
    for result in predict_video(tiny_model, frames, settings):
        count += 1
        if result.frame_index == 500:
            after_500 = resident_bytes()
    assert count == 20_000
    assert resident_bytes() - after_500 < 300_000_000
