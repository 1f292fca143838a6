"""What cannot be read gets one clear sentence; what can be read is read."""

from __future__ import annotations

import random
from collections.abc import Iterable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ifc_core.errors import VideoError
from ifc_core.io.readable_frames import ReadableFrames, StandInReader, nearest_readable
from ifc_core.io.video import VideoReader, open_video
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.structures import Video

FASTSTART = {"movflags": "+faststart"}


def _fails(path: Path, words: str) -> None:
    with pytest.raises(VideoError, match=words) as caught:
        open_video(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    assert path.name in message


def test_missing_file(tmp_path: Path) -> None:
    _fails(tmp_path / "none.mp4", "no file")


def test_folder_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    _fails(tmp_path, "no pictures")


@pytest.mark.parametrize("content", [b"", b"hello world\n" * 50, b"\x00" * 4096, b"\xff\xd8\xff"])
def test_not_a_video(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file.mp4"
    path.write_bytes(content)
    _fails(path, "not a video|no video|no frame")


def test_playlists_are_not_followed(tmp_path: Path, write_clip) -> None:
    write_clip(tmp_path / "real.ts", "mpeg2video", 5)
    for name, text in {
        "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nreal.ts\n#EXT-X-ENDLIST\n",
        "list.txt": "ffconcat version 1.0\nfile real.ts\n",
    }.items():
        (tmp_path / name).write_text(text)
        _fails(tmp_path / name, "not a video")


def test_names_that_look_like_addresses_are_local_files(tmp_path: Path, write_clip) -> None:
    path = write_clip(tmp_path / "clip.mp4", "mpeg4", 5)
    odd = path.rename(tmp_path / "http:a%20b #1.mp4")
    with open_video(odd) as reader:
        assert reader.video.num_frames == 5


def test_sound_only(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 44100), dtype=np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    _fails(path, "sound but no picture")


def test_cover_picture_of_a_sound_file_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=44100)
        cover = container.add_stream("mjpeg", rate=25)
        cover.height, cover.width, cover.pix_fmt = 48, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 44100), dtype=np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 44100
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
        picture = cv2.imencode(".jpg", np.zeros((48, 64, 3), dtype=np.uint8))[1].tobytes()
        packet = av.Packet(picture)
        packet.stream, packet.time_base = cover, Fraction(1, 25)
        packet.pts = packet.dts = 0
        container.mux(packet)
    _fails(path, "sound but no picture")


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_no_frames(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"empty.{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 176, "yuv420p"
        container.start_encoding()
    _fails(path, "no frames|not a video|no video")


@pytest.mark.parametrize(
    ("suffix", "options"), [("mp4", FASTSTART), ("mkv", {}), ("avi", {}), ("ts", {})]
)
def test_cut_off_file_is_read_up_to_the_cut(
    suffix: str, options: dict[str, str], tmp_path: Path, read_number, write_clip
) -> None:
    codec = "mpeg4" if suffix == "avi" else "libx264"
    whole = write_clip(tmp_path / f"whole.{suffix}", codec, 60, container_options=options)
    data = whole.read_bytes()
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(data[: len(data) * 6 // 10])
    with open_video(cut) as reader:
        num_frames = reader.video.num_frames
        assert 5 < num_frames < 60
        if suffix == "mp4":
            assert f"{num_frames} of about 60 frames" in reader.warning
        numbers = [read_number(frame) for _, frame in reader.iter_frames()]
        # The very last picture may be half there.
        assert numbers[:-1] == list(range(num_frames - 1))


def _packets(path: Path) -> list[tuple[int, int]]:
    """Place and size of each packet in a file."""
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.video[0])
        return [(packet.pos, packet.size) for packet in packets if packet.size]


def _damage(path: Path, packets: Iterable[int]) -> None:
    data = bytearray(path.read_bytes())
    places = _packets(path)
    for number in packets:
        begin, size = places[number]
        data[begin + 4 : begin + size] = bytes(size - 4)
    path.write_bytes(data)


_REORDERED = {"bf": "2", "x264-params": "bframes=2:b-adapt=0:scenecut=0"}
_SINGLE = pytest.mark.parametrize(
    ("suffix", "codec", "options", "first"),
    [
        ("mp4", "libx264", {}, 6),
        ("mkv", "libx264", {}, 6),
        ("mp4", "mpeg4", {}, 1),
        ("avi", "mjpeg", {}, 1),
        ("avi", "mpeg4", _REORDERED, 1),
        ("avi", "libx264", _REORDERED, 6),
    ],
)


@_SINGLE
def test_a_damaged_head_leaves_every_other_frame_its_number(
    suffix: str,
    codec: str,
    options: dict[str, str],
    first: int,
    tmp_path: Path,
    read_number,
    write_clip,
) -> None:
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    chosen = {name: value for name, value in options.items() if codec == "libx264" or name == "bf"}
    name = tmp_path / f"clip.{suffix}"
    path = write_clip(name, codec, 20, gop=6, pix_fmt=pix_fmt, options=chosen)
    _damage(path, [0])
    with open_video(path) as reader:
        assert reader.video.num_frames == 20
        assert f"frame {first} is the first that can be read" in reader.warning
        with pytest.raises(VideoError, match=r"Frame 0 of .* cannot be decoded") as caught:
            reader.read(0)
        assert caught.value.frame_index == 0
        assert read_number(reader.read(7)) == 7
        assert nearest_readable(reader)[0] == first
        assert read_number(reader.read(19)) == 19
        frames = ReadableFrames(reader, step=2)
        shown = [(index, read_number(frame)) for index, frame in frames]
    assert [index for index, _ in shown] == list(range(0, 20, 2))
    assert frames.broken == set(range(0, first, 2))
    assert shown[3:] == [(index, index) for index in range(6, 20, 2)]
    assert "cannot be decoded" in frames.notice


def test_frames_broken_in_the_middle_are_stood_in_for(
    tmp_path: Path, read_number, write_clip
) -> None:
    path = write_clip(tmp_path / "clip.mp4", "libx264", 30, gop=6)
    _damage(path, range(12, 18))
    with open_video(path) as reader:
        frames = ReadableFrames(reader)
        shown = [read_number(frame) for _, frame in frames]
        later = ReadableFrames(reader, start=14)
        assert read_number(next(later)[1]) == 11, "goes on as if it had come from the beginning"
        for start in (0, 10, 15):  # between 10 and 15 a step leaves out 11, the nearest one
            stepped = dict(ReadableFrames(reader, start=start, step=5))
            assert read_number(stepped[15]) == 11
    assert shown == [*range(12), *[11] * 6, *range(18, 30)]
    assert frames.notice == (
        "6 frames of clip.mp4 between 12 and 17 cannot be decoded; they got no masks."
    )


def test_any_frame_has_a_picture_and_the_broken_ones_are_known(
    tmp_path: Path, read_number, write_clip
) -> None:
    path = write_clip(tmp_path / "clip.mp4", "libx264", 30, gop=6)
    _damage(path, range(12, 18))
    with StandInReader(open_video(path)) as reader:
        in_order = [read_number(frame) for _, frame in ReadableFrames(open_video(path))]
        asked = [17, 3, 14, 20, 13, 14]
        assert [read_number(reader.read(f)) for f in asked] == [in_order[f] for f in asked]
        assert reader.stands == {17: 11, 14: 11, 13: 11}
        assert reader.notice.startswith("3 frames of clip.mp4 between 13 and 17 cannot be decoded")
        with pytest.raises(VideoError, match="there is no frame 30"):
            reader.read(30)
    with pytest.raises(VideoError):
        reader.read(3)


def test_the_stand_in_of_a_neighbour_is_taken_without_looking_again() -> None:
    broken = _MostlyBroken(600, 500)
    reader = StandInReader(broken)
    for frame_index in (20, 21, 19, 20):
        assert reader.read(frame_index)[0, 0, 0] == 500 % 256
    assert reader.stands == {20: 500, 21: 500, 19: 500}
    broken.has_rate = False
    assert not StandInReader(broken).has_rate
    broken.asked.clear()
    assert StandInReader(broken, reader.stands).read(20)[0, 0, 0] == 500 % 256
    assert broken.asked == [500]
    with pytest.raises(VideoError, match="No frame"):
        StandInReader(_MostlyBroken(20, 20)).read(4)


def test_a_file_none_of_whose_frames_decodes_fails_in_one_sentence(
    tmp_path: Path, write_clip
) -> None:
    path = write_clip(tmp_path / "clip.mp4", "libx264", 12, gop=6)
    _damage(path, range(12))
    _fails(path, "No frame of .* can be decoded")


class _MostlyBroken(VideoReader):
    """A video of which frames from ``good`` on can be read; notes what was asked for."""

    def __init__(self, num_frames: int, good: int) -> None:
        self.video = Video(Path("broken.mp4"), num_frames, 4, 6, 25.0, "none")
        self.pts_seconds = np.arange(num_frames) / 25.0
        self.asked: list[int] = []
        self._good = good

    def read(self, frame_index: int) -> np.ndarray:
        self.asked.append(frame_index)
        if frame_index < self._good:
            raise VideoError("Broken.", path=self.video.path, frame_index=frame_index)
        return np.full((4, 6, 3), frame_index % 256, np.uint8)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("num_frames", "start", "words"),
    [
        (5000, 0, r"^No frame of broken\.mp4 within 300 of frame 0 can be decoded\.$"),
        (5000, 2000, r"^No frame of broken\.mp4 within 300 of frame 2000 can be decoded\.$"),
        (40, 20, r"^No frame of broken\.mp4 can be decoded\.$"),
        (1, 0, r"^No frame of broken\.mp4 can be decoded\.$"),
    ],
)
def test_a_search_for_a_picture_ends(num_frames: int, start: int, words: str) -> None:
    reader = _MostlyBroken(num_frames, num_frames)
    with pytest.raises(VideoError, match=words) as caught:
        nearest_readable(reader, start)
    assert caught.value.frame_index == start
    assert len(reader.asked) == len(set(reader.asked)) <= 601
    assert min(reader.asked) == max(0, start - 299)
    assert max(reader.asked) == min(num_frames - 1, start + 300)


def test_a_run_searches_all_of_the_video_and_passes_over_a_known_head() -> None:
    reader = _MostlyBroken(2000, 1500)
    assert next(ReadableFrames(reader))[1][0, 0, 0] == 1500 % 256
    reader.asked.clear()
    reader.first_readable = 1500
    assert nearest_readable(reader)[0] == 1500
    assert nearest_readable(reader, 1499)[0] == 1500
    assert nearest_readable(reader, 1600)[0] == 1600
    assert reader.asked == [1500, 1500, 1600]


def test_a_long_file_with_a_damaged_head_opens_at_once_too(
    tmp_path: Path, monkeypatch, read_number, write_clip
) -> None:
    monkeypatch.setattr("ifc_core.io.provisional_video.takes_long", lambda path: True)
    monkeypatch.setattr("ifc_core.io.provisional_video._FIRST_PACKETS", 12)
    path = write_clip(tmp_path / "clip.mp4", "libx264", 30, gop=6)
    _damage(path, [0])
    with open_video(path, provisional=True) as reader:
        assert reader.is_provisional
        assert read_number(reader.read(7)) == 7
        reader.finish_index()
        assert reader.video.num_frames == 30
        assert read_number(reader.read(7)) == 7
        assert read_number(reader.read(29)) == 29
    _damage(path, range(1, 18))  # nothing of what is looked at first
    with open_video(path, provisional=True) as reader:
        assert not reader.is_provisional
        assert reader.video.num_frames == 30
        assert read_number(reader.read(20)) == 20


def test_file_without_its_index_says_so(tmp_path: Path, write_clip) -> None:
    whole = write_clip(tmp_path / "whole.mp4", "libx264", 30)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[:-200])
    _fails(cut, "cut off")


def test_random_damage_never_crashes(tmp_path: Path, write_clip) -> None:
    data = write_clip(tmp_path / "whole.mp4", "libx264", 30, gop=6).read_bytes()
    rng = random.Random(11)
    for attempt in range(25):
        broken = bytearray(data)
        for _ in range(rng.choice((1, 20, 200))):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        path = tmp_path / f"broken{attempt}.mp4"
        path.write_bytes(broken)
        with suppress(VideoError), open_video(path) as reader:
            for index in range(reader.video.num_frames):
                with suppress(VideoError):
                    assert reader.read(index).shape == (*reader.video.size, 3)


def test_frame_out_of_range(tmp_path: Path, write_clip) -> None:
    with open_video(write_clip(tmp_path / "clip.mp4", "mpeg4", 5)) as reader:
        for index in (-1, 5):
            with pytest.raises(VideoError, match="frames 0 to 4") as caught:
                reader.read(index)
            assert caught.value.frame_index == index


def test_closed_reader(tmp_path: Path, write_clip) -> None:
    reader = open_video(write_clip(tmp_path / "clip.mp4", "mpeg4", 5))
    reader.close()
    reader.close()
    with pytest.raises(VideoError, match="closed"):
        reader.read(0)


def test_fingerprint_follows_the_content_not_the_place(tmp_path: Path, write_clip) -> None:
    path = write_clip(tmp_path / "clip.mp4", "mpeg4", 5)
    with open_video(path) as reader:
        before = reader.video.fingerprint
    (tmp_path / "sub").mkdir()
    moved = path.rename(tmp_path / "sub" / "moved.mp4")
    with open_video(moved) as reader:
        assert reader.video.fingerprint == before
    other = write_clip(tmp_path / "other.mp4", "mpeg4", 6)
    with open_video(other) as reader:
        assert reader.video.fingerprint != before


def test_counting_frames_can_be_cancelled(tmp_path: Path, write_clip) -> None:
    path = write_clip(tmp_path / "clip.avi", "mpeg4", 30, options={"bf": "2"})
    context = JobContext()
    context.cancel()
    with pytest.raises(JobCancelled):
        open_video(path, context)


def test_a_file_that_changed_is_read_anew(tmp_path: Path, write_clip) -> None:
    path = write_clip(tmp_path / "clip.mp4", "mpeg4", 5)
    with open_video(path) as reader:
        assert reader.video.num_frames == 5
    with open_video(path) as again:
        assert again.video.num_frames == 5
    write_clip(path, "mpeg4", 9)
    with open_video(path) as reader:
        assert reader.video.num_frames == 9
