"""Times that jump, and edit lists: every frame is there once, in its order and at its time."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from ifc_core.io.provisional_video import ProvisionalReader
from ifc_core.io.time_jumps import NO_TIME, shifts_of_parts
from ifc_core.io.video import open_video

PART = 40
B_FRAMES = {"preset": "ultrafast", "x264-params": "bframes=3:b-adapt=0:scenecut=0"}


@pytest.fixture
def joined(tmp_path: Path, numbered_picture):
    """``joined(starts)``: transport streams put one behind the other by a plain copy.

    Their numbers go on, and the times of each begin at its own frame of ``starts``.
    """

    def join(starts: tuple[int, ...]) -> Path:
        parts = b""
        for place, start in enumerate(starts):
            path = tmp_path / f"part{place}.ts"
            with av.open(str(path), "w") as container:
                stream = container.add_stream("libx264", rate=25)
                stream.height, stream.width, stream.pix_fmt = 48, 176, "yuv420p"
                stream.gop_size, stream.options = 12, dict(B_FRAMES)
                for number in range(PART):
                    picture = numbered_picture(place * PART + number)
                    frame = VideoFrame.from_ndarray(picture, format="rgb24")
                    frame.pts, frame.time_base = start + number, Fraction(1, 25)
                    container.mux(stream.encode(frame))
                container.mux(stream.encode(None))
            parts += path.read_bytes()
        whole = tmp_path / "joined.ts"
        whole.write_bytes(parts)
        return whole

    return join


@pytest.mark.parametrize(
    "starts",
    [(0, 0, 0), (0, 5000, 10_000), (10_000, 5000, 0), (100, 120, 140), (0, 38, 76), (900, 50, 20)],
    ids=["anew", "gaps", "back", "overlapping", "two frames twice", "back a little"],
)
def test_recordings_put_one_behind_the_other_keep_their_order(
    starts: tuple[int, ...], joined, read_number
) -> None:
    path = joined(starts)
    num_frames = PART * len(starts)
    with open_video(path) as reader:
        assert reader.video.num_frames == num_frames
        assert reader.warning == ""
        assert reader.video.fps == pytest.approx(25, rel=1e-3)
        np.testing.assert_allclose(reader.pts_seconds, np.arange(num_frames) / 25, atol=1e-3)
        numbers = [read_number(frame) for _, frame in reader.iter_frames()]
        assert numbers == list(range(num_frames))
        reader._capacity = 1  # nothing comes from the cache
        for index in (100, 3, 59, 41, 119, 40, 0, 80):
            assert read_number(reader.read(index)) == index


def test_they_do_so_while_their_index_is_made(joined, read_number) -> None:
    with ProvisionalReader(joined((900, 50, 20))) as reader:
        early = [read_number(reader.read(index)) for index in range(reader.num_indexed)]
        assert early == list(range(len(early)))
        reader.finish_index()
        assert [read_number(reader.read(index)) for index in (119, 0, 60)] == [119, 0, 60]


def test_a_pause_of_a_few_seconds_stays_one(joined) -> None:
    with open_video(joined((100, 100 + PART + 200))) as reader:
        assert reader.pts_seconds[PART] - reader.pts_seconds[PART - 1] == pytest.approx(8.04)


def test_packets_without_a_time_go_with_their_neighbours() -> None:
    dts = np.array([NO_TIME, 0, 400, 800, NO_TIME, 0, 400, NO_TIME], dtype=np.int64)
    shifts = shifts_of_parts(dts, dts, np.zeros(8, dtype=bool), 1000.0, closes_gaps=False)
    assert (dts - shifts)[[1, 2, 3, 5, 6]].tolist() == [0, 400, 800, 1200, 1600]
    none = np.full(3, NO_TIME, dtype=np.int64)
    assert not shifts_of_parts(none, none, np.ones(3, dtype=bool), 1000.0, closes_gaps=True).any()


def _boxes(data: bytes, begin: int, end: int):
    while begin < end:
        size, kind = struct.unpack(">I4s", data[begin : begin + 8])
        yield begin, size, kind
        begin += size


def _edited(data: bytes, edits: list[tuple[int, int]], begin: int, size: int) -> bytes:
    """A box whose track gets an edit list of (duration in ms, media time)."""
    kind = data[begin + 4 : begin + 8]
    if kind not in (b"moov", b"trak"):
        return data[begin : begin + size]
    parts = []
    for place, length, inner in _boxes(data, begin + 8, begin + size):
        if inner == b"edts":
            continue
        parts.append(_edited(data, edits, place, length))
        if inner == b"tkhd":
            rows = b"".join(struct.pack(">IiI", *edit, 0x10000) for edit in edits)
            body = struct.pack(">I4sII", len(rows) + 16, b"elst", 0, len(edits)) + rows
            parts.append(struct.pack(">I4s", len(body) + 8, b"edts") + body)
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, kind) + content


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ([(600, 17)], range(17, 32)),
        ([(1000, None), (800, 0)], range(20)),
        ([(400, 5), (400, 30)], [*range(5, 15), *range(30, 40)]),
        ([(400, 30), (400, 5)], [*range(30, 40), *range(5, 15)]),
    ],
    ids=["trimmed", "begins later", "two parts", "parts in another order"],
)
def test_a_film_cut_by_its_edit_list_is_whole(
    edits: list[tuple[int, int | None]], expected, tmp_path: Path, read_number, write_clip
) -> None:
    plain = write_clip(
        tmp_path / "plain.mp4",
        "libx264",
        60,
        options={"preset": "ultrafast", "x264-params": "bframes=0"},
    )
    with av.open(str(plain)) as container:
        frame = int(Fraction(1, 25) / container.streams.video[0].time_base)
    data = plain.read_bytes()
    listed = [(length, -1 if first is None else first * frame) for length, first in edits]
    boxes = [_edited(data, listed, place, size) for place, size, _ in _boxes(data, 0, len(data))]
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(b"".join(boxes))
    with open_video(cut) as reader:
        assert reader.warning == ""
        assert [read_number(f) for _, f in reader.iter_frames()] == list(expected)
        np.testing.assert_allclose(reader.pts_seconds, np.arange(len(expected)) / 25, atol=1e-3)
