"""``ifc-studio propose --stream``: masks of live input as they come."""

import errno
import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ifc_core.cli import frame_stream, propose_live
from ifc_core.cli.frame_stream import FrameStream, FrameTimes
from ifc_core.inference.live_frames import LiveSource
from ifc_core.inference.results import FrameResult
from ifc_core.io.ytvis import read_ytvis, validate_ytvis
from ifc_core.structures import RLEMask

MAIN = "import sys; from ifc_core.cli import main; sys.exit(main())"


def size_of(frames: np.ndarray) -> str:
    return f"{frames.shape[2]}x{frames.shape[1]}"


def piped(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def child(model: Path, *words: str) -> subprocess.Popen[bytes]:
    options = ["--model", str(model), "--device", "cpu", "--clip-length", "3", "--keep-all"]
    options += ["--precision", "fp32", "--score-threshold", "0"]
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, "propose", "-", *words, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_the_stream_holds_the_masks_and_ids_of_the_file(
    propose: Any, clip_frames: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(monkeypatch, clip_frames.tobytes())
    output, stream = tmp_path / "live.json", tmp_path / "live.jsonl"
    stream.write_text("of an earlier run\n" * 100000)
    words = ("-", "-o", output, "--stream", stream, "--size", size_of(clip_frames), "--keep-all")
    assert propose(*words, "--score-threshold", "0") == 0
    assert validate_ytvis(output) == []
    lines = lines_of(stream.read_text())
    assert [line["frame_index"] for line in lines] == list(range(len(clip_frames)))
    streamed = {
        (track["id"], line["frame_index"]): RLEMask.from_coco(track["segmentation"])
        for line in lines
        for track in line["tracks"]
    }
    filed = {
        (track.id, index): mask
        for track in read_ytvis(output).tracks
        for index, mask in enumerate(track.segmentations)
        if mask is not None
    }
    assert filed
    assert filed == streamed
    assert lines[0]["time_seconds"] == 0
    assert sorted(line["unix_seconds"] for line in lines) == [x["unix_seconds"] for x in lines]
    assert all(line["delay_seconds"] > 0 and line["dropped"] == 0 for line in lines)
    track = lines[0]["tracks"][0]
    assert track["category"]
    assert track["category_id"] >= 1
    assert 0 <= track["score"] <= 1
    assert track["bbox"] == list(RLEMask.from_coco(track["segmentation"]).bbox_xywh)


def test_what_the_model_is_not_sure_of_is_left_out(
    propose: Any, clip_frames: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        propose_live.VideoPrediction, "is_certain", lambda run, instance_id: instance_id == 1
    )
    piped(monkeypatch, clip_frames.tobytes())
    stream = tmp_path / "live.jsonl"
    words = ("-", "--stream", stream, "--size", size_of(clip_frames), "--keep-all")
    assert propose(*words, "--score-threshold", "0") == 0
    found = [[track["id"] for track in x["tracks"]] for x in lines_of(stream.read_text())]
    assert len(found) == len(clip_frames)
    assert {2} == {number for ids in found for number in ids}


def test_a_line_is_there_before_the_input_ends(
    tiny_model_file: Path, clip_frames: np.ndarray
) -> None:
    run = child(tiny_model_file, "--size", size_of(clip_frames), "--stream", "-")
    assert run.stdin is not None
    assert run.stdout is not None
    with run, run.stdin:
        run.stdin.write(clip_frames[:6].tobytes())
        run.stdin.flush()
        first = json.loads(run.stdout.readline())  # while the pipe is still open
        run.stdin.close()
        rest = lines_of(run.stdout.read().decode())
        assert run.wait(timeout=60) == 0
        said = run.stderr.read().decode() if run.stderr else ""
    assert [line["frame_index"] for line in (first, *rest)] == list(range(6))
    assert "Wrote to standard output: " in said
    assert "6 frames came, 0 dropped" in said


def test_a_reader_that_goes_away_ends_the_input_well(
    tiny_model_file: Path, clip_frames: np.ndarray, tmp_path: Path
) -> None:
    output = tmp_path / "live.json"
    words = ("--size", size_of(clip_frames), "--stream", "-", "-o", str(output))
    run = child(tiny_model_file, *words)
    assert run.stdin is not None
    assert run.stdout is not None
    assert run.stderr is not None
    ended = threading.Event()

    def feed(pipe: Any) -> None:
        try:
            while not ended.is_set():
                pipe.write(clip_frames.tobytes())
        except BrokenPipeError:
            pass

    feeder = threading.Thread(target=feed, args=(run.stdin,))
    with run:
        feeder.start()
        json.loads(run.stdout.readline())
        run.stdout.close()
        said = run.stderr.read().decode()
        status = run.wait(timeout=60)
        ended.set()
        feeder.join()
    assert status == 0, said
    assert said.count("the reader of standard output went away, so the input ended after") == 1
    assert "Traceback" not in said
    assert "Exception" not in said
    assert validate_ytvis(output) == []


def test_a_named_pipe_without_a_file_keeps_no_masks(
    propose: Any,
    clip_frames: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pipe = tmp_path / "masks"
    os.mkfifo(pipe)
    kept: list[int] = []
    monkeypatch.setattr(propose_live.MaskSpool, "add", lambda *words: kept.append(1))
    piped(monkeypatch, clip_frames.tobytes())
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    words = ("-", "--stream", pipe, "--size", size_of(clip_frames), "--keep-all", "--json")
    assert propose(*words) == 0
    reader.join()
    assert len(lines_of(read[0])) == len(clip_frames)
    summary = json.loads(capsys.readouterr().out)
    assert (summary["output"], summary["stream"]) == (None, str(pipe))
    assert summary["videos"][0]["frames"] == len(clip_frames)
    assert kept == []


def test_a_camera_with_a_step_tells_when_frames_came(
    propose: Any, clip_frames: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def paced() -> Iterator[np.ndarray]:
        for frame in clip_frames:
            time.sleep(0.01)  # a camera takes its time
            yield frame

    height, width = clip_frames.shape[1:3]
    source = LiveSource(paced(), int(height), int(width), 100.0, "camera-0")
    monkeypatch.setattr(propose_live, "open_camera", lambda number: source)
    stream = tmp_path / "live.jsonl"
    words = ("--camera", "0", "--stream", stream, "--frame-step", "2", "--keep-all")
    began = time.time()
    assert propose(*words, "--frames", "7") == 0
    lines = lines_of(stream.read_text())
    assert [line["frame_index"] for line in lines] == [0, 2, 4, 6]
    assert lines[3]["time_seconds"] >= 0.06
    assert began <= lines[0]["unix_seconds"] <= lines[3]["unix_seconds"] <= time.time()


@pytest.mark.parametrize("has_file", [True, False])
def test_a_disk_that_is_full_is_told_of_and_costs_no_file(
    propose: Any,
    clip_frames: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    has_file: bool,
) -> None:
    write, count = os.write, 0

    def full(file: int, data: bytes) -> int:
        nonlocal count
        count += 1
        if count > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data)

    monkeypatch.setattr("ifc_core.cli.frame_stream.os.write", full)
    piped(monkeypatch, clip_frames.tobytes())
    output, stream = tmp_path / "live.json", tmp_path / "live.jsonl"
    words = ["-", "--stream", stream, "--size", size_of(clip_frames), "--keep-all"]
    words += ["-o", output] if has_file else []
    assert propose(*words, "--score-threshold", "0") == 2
    said = capsys.readouterr().err
    assert f"Cannot write {stream}: no space left on device." in said
    assert f"{stream} takes no more lines, so the input ended after" in said
    assert len(lines_of(stream.read_text())) == 2
    assert (f"What was found until then is in {output}." in said) == has_file
    assert output.exists() == has_file
    if has_file:
        assert validate_ytvis(output) == []
        assert len(read_ytvis(output).videos[0].file_names) >= 3


def test_a_disk_that_says_at_the_end_that_it_is_full_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = os.close

    def full(file: int) -> None:
        close(file)
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    stream = FrameStream(tmp_path / "live.jsonl", ())
    with monkeypatch.context() as patch, stream:  # closed first
        patch.setattr("ifc_core.cli.frame_stream.os.close", full)
    assert str(stream.failure).endswith("live.jsonl: disk quota exceeded.")
    stream.close()  # once more does nothing


@pytest.mark.parametrize("kind", [OSError(errno.EINVAL, "Invalid argument"), BrokenPipeError()])
def test_a_reader_that_went_away_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: OSError
) -> None:
    def gone(*words: Any) -> int:
        raise kind

    times = FrameTimes()
    list(times.noted(iter([np.zeros((2, 2, 3), np.uint8)])))
    monkeypatch.setattr(frame_stream, "_GONE_ERRNOS", (errno.EINVAL,))  # as on Windows
    with FrameStream(tmp_path / "live.jsonl", ()) as stream:
        monkeypatch.setattr("ifc_core.cli.frame_stream.os.write", gone)
        stream.write(FrameResult(0, ()), times, 0.1, 0)
        assert (stream.has_reader, stream.failure) == (False, None)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("clip.mp4", "-o", "out.json", "--stream", "-"), "--stream are for live input"),
        (("clip.mp4", "--estimate", "--stream", "-"), "--stream are for live input"),
        (("-", "--size", "8x8"), "Name the file to write"),
        (("-", "--size", "8x8", "--stream", "-", "--json"), "can have standard output"),
        (("-", "--size", "8x8", "--stream", "-", "--format", "ytvis-results"), "of its own"),
        (("-", "--size", "8x8", "--stream", "a.json", "-o", "a.json"), "named twice"),
        (("-", "--size", "8x8", "--stream", "live.mp4"), "called like a video"),
        (("-", "--size", "8x8", "--stream", "none/live.jsonl"), "none does not exist"),
        (("-", "--size", "8x8", "--stream", "."), "is a folder; name a place in it"),
    ],
)
def test_bad_words_end_in_one_line(
    propose: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: Any,
    hint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert propose(*words) == 2
    said = capsys.readouterr().err
    assert hint in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("word", ["--clip-length", "--clip-stride"])
@pytest.mark.parametrize("more", [(), ("--estimate",)])
def test_offline_with_clips_of_ones_own_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, more: tuple[str, ...]
) -> None:
    from ifc_core import cli

    output = tmp_path / "out.json"
    words = ["propose", "clip.mp4", "-o", str(output), "--offline", word, "1", *more]
    assert cli.main(words) == 2
    assert "--clip-length and --clip-stride are not for it" in capsys.readouterr().err
    assert not output.exists()
