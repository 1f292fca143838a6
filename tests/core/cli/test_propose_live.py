"""``ifc-studio propose -`` and ``--camera``: live input from the command line."""

import io
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ifc_core import cli
from ifc_core.cli import propose_live, reporting
from ifc_core.cli.mask_spool import MaskSpool
from ifc_core.errors import OutputError
from ifc_core.inference.live_frames import LiveSource
from ifc_core.inference.predictor import VideoPrediction
from ifc_core.io.ytvis import read_ytvis, validate_ytvis
from ifc_core.jobs import Progress


@pytest.fixture
def propose(tiny_model_file: Path) -> Any:
    def run(*words: str | Path) -> int:
        options = ["--model", str(tiny_model_file), "--device", "cpu", "--precision", "fp32"]
        options += ["--clip-length", "3", "--score-threshold", "0"]
        return cli.main(["propose", *map(str, words), *options])

    return run


def piped(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def test_a_pipe_gives_the_same_as_the_file(
    propose: Any,
    clip_folder: Path,
    clip_frames: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    filed, live = tmp_path / "file.json", tmp_path / "live.json"
    assert propose(clip_folder, "-o", filed) == 0
    piped(monkeypatch, clip_frames.tobytes())
    height, width = clip_frames.shape[1:3]
    capsys.readouterr()
    words = ("-", "-o", live, "--size", f"{width}x{height}", "--fps", "25", "--keep-all", "--json")
    assert propose(*words) == 0
    assert validate_ytvis(live) == []
    first, second = read_ytvis(filed), read_ytvis(live)
    assert [t.segmentations for t in first.tracks] == [t.segmentations for t in second.tracks]
    (video,) = json.loads(capsys.readouterr().out)["videos"]
    assert (video["captured"], video["dropped"], video["frames"]) == (9, 0, 9)
    assert video["max_delay_seconds"] >= video["mean_delay_seconds"] > 0
    assert second.videos[0].details.fps == 25.0


def test_a_pipe_that_breaks_off_keeps_what_came(
    propose: Any,
    clip_frames: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    piped(monkeypatch, clip_frames.tobytes()[:-100])
    height, width = clip_frames.shape[1:3]
    output = tmp_path / "live.json"
    assert propose("-", "-o", output, "--size", f"{width}x{height}", "--keep-all") == 0
    assert "ended inside frame 8" in capsys.readouterr().err
    assert read_ytvis(output).videos[0].length == 8


def test_a_pipe_without_a_frame_is_told_of_and_writes_nothing(
    propose: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    piped(monkeypatch, b"")
    assert propose("-", "-o", tmp_path / "live.json", "--size", "64x48") == 2
    assert "No frame came from" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_camera_and_a_limit(
    propose: Any, clip_frames: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def camera(number: int) -> LiveSource:
        assert number == 2
        size = (int(clip_frames.shape[1]), int(clip_frames.shape[2]))
        return LiveSource(iter(clip_frames), *size, 30.0, "camera-2")

    monkeypatch.setattr(propose_live, "open_camera", camera)
    output = tmp_path / "live.json"
    assert propose("--camera", "2", "-o", output, "--frames", "6") == 0
    (video,) = read_ytvis(output).videos
    assert video.length <= 6
    assert video.file_names[0].startswith("camera-2/")


def test_the_first_ctrl_c_ends_the_input_and_writes_what_was_found(
    propose: Any, clip_frames: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless() -> Iterator[np.ndarray]:
        for number in itertools.count():
            if number == 5:
                os.kill(os.getpid(), signal.SIGINT)
            yield clip_frames[number % len(clip_frames)]

    size = (int(clip_frames.shape[1]), int(clip_frames.shape[2]))
    source = LiveSource(endless(), *size, 30.0, "camera-0")
    monkeypatch.setattr(propose_live, "open_camera", lambda number: source)
    output = tmp_path / "live.json"
    assert propose("--camera", "0", "-o", output, "--keep-all") == 0
    assert read_ytvis(output).videos[0].length >= 1


def test_a_ctrl_c_that_comes_while_progress_is_shown_ends_well_too(
    propose: Any, clip_frames: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, signals = reporting.plain_line, iter([signal.SIGINT])

    def interrupted(label: str, progress: Progress) -> str:
        for number in signals:
            os.kill(os.getpid(), number)
        return line(label, progress)

    monkeypatch.setattr(reporting, "plain_line", interrupted)
    piped(monkeypatch, clip_frames.tobytes())
    height, width = clip_frames.shape[1:3]
    output = tmp_path / "live.json"
    assert propose("-", "-o", output, "--size", f"{width}x{height}", "--keep-all") == 0
    assert next(signals, None) is None
    assert read_ytvis(output).videos[0].length >= 1


def test_ctrl_c_at_a_pipe_that_stays_open_and_silent_ends_well(
    tiny_model_file: Path, clip_frames: np.ndarray, tmp_path: Path
) -> None:
    output = tmp_path / "live.json"
    height, width = clip_frames.shape[1:3]
    words = ["propose", "-", "--size", f"{width}x{height}", "-o", str(output), "--keep-all"]
    words += ["--model", str(tiny_model_file), "--device", "cpu", "--clip-length", "3"]
    main = "import sys; from ifc_core.cli import main; sys.exit(main())"
    child = subprocess.Popen(
        [sys.executable, "-c", main, *words], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stderr is not None
    with child, child.stdin:
        child.stdin.write(clip_frames[0].tobytes())  # then it waits for a second one
        child.stdin.flush()
        said = child.stderr.readline()
        assert b"Proposing" in said
        child.send_signal(signal.SIGINT)
        status = child.wait(timeout=60)  # while the pipe is still open
        said += child.stderr.read()
    assert status == 0, said.decode()
    assert validate_ytvis(output) == []


def test_a_run_whose_masks_cannot_be_kept_is_closed(
    propose: Any,
    clip_frames: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    closed = []
    monkeypatch.setattr(VideoPrediction, "close", lambda run: closed.append(run))

    def full(spool: MaskSpool, *words: Any) -> None:
        raise OutputError("The disk is full.", path=tmp_path)

    monkeypatch.setattr(MaskSpool, "add", full)
    piped(monkeypatch, clip_frames.tobytes())
    height, width = clip_frames.shape[1:3]
    assert propose("-", "-o", tmp_path / "live.json", "--size", f"{width}x{height}") == 2
    assert "The disk is full." in capsys.readouterr().err
    assert len(closed) == 1


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("-",), "--size"),
        (("-", "--size", "80by48"), "WIDTHxHEIGHT"),
        ((), "video files"),
        (("clip.mp4", "--size", "8x8"), "live input"),
        (("clip.mp4", "--camera", "0"), "not both"),
        (("-", "--size", "8x8", "--overlay", "x.mp4"), "record the stream"),
        (("-", "--size", "8x8", "--tiles", "auto"), "record the stream"),
        (("-", "--size", "8x8", "--offline"), "Offline mode keeps every frame"),
        (("--camera", "0", "--offline"), "record the stream"),
        (("--camera", "-1"), "--camera"),
        (("--camera", "0", "--fps", "30"), "a camera has its own"),
        (("-", "--size", "8x8", "--fps", "nan"), "a number above 0, not nan"),
        (("-", "--size", "8x8", "--fps", "-25"), "a number above 0, not -25.0"),
        (("-", "--size", "8x8", "--fps", "0"), "a number above 0, not 0.0"),
        (("-", "--size", "8x8", "--fps", "inf"), "a number above 0, not inf"),
        (("clip.mp4", "--fps", "30"), "live input"),
        (("clip.mp4", "--estimate", "--fps", "30"), "live input"),
        (("clip.mp4", "--estimate", "--keep-all"), "live input"),
        (("--camera", "0", "--estimate"), "An estimate needs video files"),
        (("--camera", "0", "--restart"), "--restart is for video files"),
        (("clip.mp4", "--tiles", "9by9"), "ROWSxCOLUMNS"),
        (("clip.mp4", "--edges", "sharp"), "fast"),
    ],
)
def test_bad_words_end_in_one_line(
    propose: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: Any, hint: str
) -> None:
    assert propose(*words, "-o", tmp_path / "out.json") == 2
    assert hint in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
