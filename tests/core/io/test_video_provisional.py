"""Files without an index open at once, are exact as far as they are read, and end up exact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ifc_core.errors import VideoError
from ifc_core.io import packet_decoder, provisional_video, video_scan
from ifc_core.io.provisional_video import ProvisionalReader
from ifc_core.io.video import open_video
from ifc_core.jobs import JobCancelled, JobContext

NUM_FRAMES = 160
OPTIONS = {"preset": "ultrafast", "x264-params": "bframes=3:b-adapt=0:scenecut=0"}


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small clips count as long ones, and nothing is remembered of them."""
    monkeypatch.setattr(provisional_video, "_QUICK_BYTES", 0)
    monkeypatch.setattr(provisional_video, "_FIRST_PACKETS", 40)
    monkeypatch.setattr(packet_decoder, "_FIRST_PART", 50)
    monkeypatch.setattr(video_scan, "_remembered", type(video_scan._remembered)())


@pytest.mark.parametrize("suffix", ["ts", "h264"])
def test_the_first_frames_are_exact_and_so_are_all_in_the_end(
    suffix: str, tmp_path: Path, write_clip, read_number
) -> None:
    path = write_clip(tmp_path / f"clip.{suffix}", "libx264", NUM_FRAMES, options=OPTIONS)
    with open_video(path, provisional=True) as reader:
        assert reader.is_provisional
        assert 8 <= reader.num_indexed <= 40
        assert reader.num_indexed < reader.video.num_frames
        assert [read_number(p) for _, p in reader.iter_frames()] == list(range(reader.num_indexed))
        with pytest.raises(VideoError, match="not indexed yet"):
            reader.read(reader.num_indexed)
        seen = [reader.num_indexed]

        def look(_: object) -> None:
            if reader.num_indexed > seen[-1] and reader.is_provisional:
                seen.append(reader.num_indexed)
                for frame in (0, seen[-1] // 2, seen[-1] - 1):
                    assert read_number(reader.read(frame)) == frame

        reader.finish_index(JobContext(on_progress=look))
        assert not reader.is_provisional
        assert reader.video.num_frames == reader.num_indexed == NUM_FRAMES
        assert len(seen) > 1 or suffix == "ts"
        for frame in (NUM_FRAMES - 1, 3, 90, 91, 20):
            assert read_number(reader.read(frame)) == frame
        reader.finish_index()
    with open_video(path) as exact:
        assert exact.video == reader.video
        assert np.array_equal(exact.pts_seconds, reader.pts_seconds)


def test_indexing_can_be_given_up_and_taken_up_again(tmp_path: Path, write_clip) -> None:
    path = write_clip(tmp_path / "clip.h264", "libx264", NUM_FRAMES, options=OPTIONS)
    with ProvisionalReader(path) as reader:
        context = JobContext()
        context.cancel()
        with pytest.raises(JobCancelled):
            reader.finish_index(context)
        assert reader.is_provisional
        reader.read(0)
        reader.finish_index()
        assert reader.video.num_frames == NUM_FRAMES


def test_files_with_an_index_open_exactly(tmp_path: Path, write_clip) -> None:
    path = write_clip(tmp_path / "clip.mp4", "libx264", NUM_FRAMES, options=OPTIONS)
    with open_video(path, provisional=True) as reader:
        assert not reader.is_provisional
        assert reader.video.num_frames == NUM_FRAMES
        reader.finish_index()


def test_what_is_no_video_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "noise.ts"
    path.write_bytes(bytes(range(256)) * 400)
    with pytest.raises(VideoError):
        open_video(path, provisional=True)
