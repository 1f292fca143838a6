"""Proposing that is stopped or cut off: what stays behind, and how it goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ifc_core.cli import propose_run, reporting
from ifc_core.cli.mask_spool import MaskSpool
from ifc_core.cli.propose_state import ProposeState, VideoState
from ifc_core.config import cache_dir
from ifc_core.errors import InputError, OutputError
from ifc_core.inference.predictor import VideoPrediction
from ifc_core.inference.results import FrameMask, FrameResult
from ifc_core.inference.settings import ProposeSettings
from ifc_core.io.video_file import FileReader
from ifc_core.jobs import Progress
from ifc_core.structures import RLEMask

MAIN = "import sys; from ifc_core.cli import main; sys.exit(main())"


def interrupt(words: Sequence[str], number: int) -> subprocess.Popen[str]:
    """Start a command, wait for its first progress, send it a signal, let it end."""
    child = subprocess.Popen(
        [sys.executable, "-c", MAIN, *words],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    assert "Proposing" in child.stderr.readline()
    os.kill(child.pid, number)
    deadline = time.monotonic() + 60
    child.communicate(timeout=deadline - time.monotonic())
    return child


@pytest.fixture
def long_clip(tmp_path: Path) -> Path:
    """A file that nobody waits for the end of."""
    import av

    clip = tmp_path / "long.mp4"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        grey = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")
        for _ in range(3000):
            container.mux(stream.encode(grey))
        container.mux(stream.encode())
    return clip


def test_ctrl_c_leaves_nothing(tiny_model_file: Path, long_clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    words = ["propose", str(long_clip), "-o", str(target / "o.json")]
    words += ["--model", str(tiny_model_file), "--device", "cpu", "--precision", "fp32"]
    child = interrupt(words, signal.SIGINT)
    assert child.returncode == 130
    assert list(target.iterdir()) == []


def test_a_wish_to_end_leaves_nothing(
    propose: Any, long_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    target.mkdir()
    line, wishes = reporting.plain_line, iter([signal.SIGTERM])

    def end(label: str, progress: Progress) -> str:
        for number in wishes:
            os.kill(os.getpid(), number)
        return line(label, progress)

    monkeypatch.setattr(reporting, "plain_line", end)
    assert propose(long_clip, "-o", target / "o.json") == 130
    assert list(target.iterdir()) == []


class _Killed(BaseException):
    """Ends a process where it stands."""


def _cut_off(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Keep the state with every frame, and end the run after some frames were kept."""
    monkeypatch.setattr(propose_run, "STATE_SECONDS", 0.0)
    save = ProposeState.save
    left = iter(range(after))

    def cut(self: ProposeState, number: int, state: VideoState) -> None:
        save(self, number, state)
        if next(left, None) is None:
            raise _Killed

    monkeypatch.setattr(ProposeState, "save", cut)


def _plain(path: Path) -> Any:
    """What a file says but for scores, whose last digits depend on the size of a batch."""
    file = json.loads(path.read_text())
    for annotation in file["annotations"]:
        annotation["score"] = round(annotation["score"], 4)
    return file


@pytest.fixture(scope="module")
def uninterrupted(
    propose: Any, clip_file: Path, clip_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    """What a run on both clips gives that nobody cut off."""
    output = tmp_path_factory.mktemp("whole") / "out.json"
    assert propose(clip_file, clip_folder, "-o", output) == 0
    return _plain(output)


@pytest.mark.parametrize("after", [0, 2, 5, 9, 12])
def test_a_run_that_was_cut_off_goes_on(
    after: int,
    propose: Any,
    uninterrupted: Any,
    clip_file: Path,
    clip_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "out.json"
    words = [clip_file, clip_folder, "-o"]
    with pytest.MonkeyPatch.context() as patch:
        _cut_off(patch, after)
        with pytest.raises(_Killed):
            propose(*words, output)
    assert list(tmp_path.iterdir()) == []
    assert "--restart begins anew" in capsys.readouterr().err
    assert propose(*words, output) == 0
    said = capsys.readouterr().err
    assert f"going on with the run that was stopped, at frame {after % 9 + 1} of 9" in said or (
        "done in the run that was stopped" in said
    )
    assert _plain(output) == uninterrupted
    assert list((cache_dir() / "propose").iterdir()) == []


def _kill(patch: pytest.MonkeyPatch, propose: Any, clip_file: Path, output: Path) -> None:
    """Begin a run that is cut off after a few frames."""
    _cut_off(patch, 3)
    with pytest.raises(_Killed):
        propose(clip_file, "-o", output)


def test_another_command_or_restart_begins_anew(
    propose: Any, clip_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.json"
    with pytest.MonkeyPatch.context() as patch:
        _kill(patch, propose, clip_file, output)
    capsys.readouterr()
    assert propose(clip_file, "-o", tmp_path / "other.json") == 0
    assert propose(clip_file, "-o", output, "--clip-stride", "2") == 0
    assert propose(clip_file, "-o", output, "--restart") == 0
    assert "going on" not in capsys.readouterr().err
    assert list((cache_dir() / "propose").iterdir()) == []


def test_what_began_with_other_edge_weights_begins_anew(
    propose: Any, clip_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(propose_run, "bundled_edges_sha256", lambda: "of another release")
        _kill(patch, propose, clip_file, output)
    capsys.readouterr()
    assert propose(clip_file, "-o", output) == 0
    assert "going on" not in capsys.readouterr().err


def test_one_command_runs_once_and_damage_is_no_hindrance(tmp_path: Path) -> None:
    facts = (tmp_path / "out.json", ProposeSettings(), ["sha"], ["print"])
    first = ProposeState(*facts)
    with pytest.raises(InputError, match="running already"):
        ProposeState(*facts)
    first.save(1, VideoState(1, 0.5))
    first.close(is_done=False)
    again = ProposeState(*facts)
    assert again.videos == {1: VideoState(1, 0.5)}
    again.close(is_done=False)
    again.path.write_bytes(b"no database" * 100)
    damaged = ProposeState(*facts)
    assert damaged.videos == {}
    damaged.close(is_done=True)
    assert not damaged.path.exists()


def _masks(position: int) -> FrameResult:
    picture = np.random.default_rng(position).random((20, 30)) < 0.5
    return FrameResult(position, (FrameMask(0, RLEMask.from_array(picture), 0.1, 0.2, 0.9, 0),))


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("first_page", [1, 2, 5], ids=["masks", "states", "far inside"])
def test_a_file_with_lost_pages_begins_anew(tmp_path: Path, first_page: int, restart: bool) -> None:
    facts = (tmp_path / "out.json", ProposeSettings(), ["sha"], ["print"])
    state = ProposeState(*facts)
    for position in range(90):
        state.spool.add(1, position, _masks(position))
    state.save(1, VideoState(90, 0.5))
    state.close(is_done=False)
    data = bytearray(state.path.read_bytes())
    begin = first_page * 4096
    assert len(data) > begin + 4096
    data[begin : begin + 4096] = bytes(4096)
    state.path.write_bytes(data)
    for wanted in ({}, {1: VideoState(1, 0.5)}):  # the second time what the first one kept
        again = ProposeState(*facts, restart=restart and not wanted)
        assert again.videos == wanted
        if not wanted:
            again.spool.add(1, 0, _masks(0))
            again.save(1, VideoState(1, 0.5))
        again.close(is_done=bool(wanted))
    assert list((cache_dir() / "propose").iterdir()) == []


def test_restart_does_not_take_the_file_from_a_running_command(tmp_path: Path) -> None:
    facts = (tmp_path / "out.json", ProposeSettings(), ["sha"], ["print"])
    first = ProposeState(*facts)
    with pytest.raises(InputError, match="running already"):
        ProposeState(*facts, restart=True)
    first.close(is_done=True)


def test_a_state_that_cannot_be_read_now_is_not_taken_for_a_running_command(
    tmp_path: Path,
) -> None:
    facts = (tmp_path / "out.json", ProposeSettings(), ["sha"], ["print"])
    first = ProposeState(*facts)
    first.save(1, VideoState(1, 0.5))
    first.close(is_done=False)

    def full(spool: MaskSpool) -> None:
        raise OutputError("The disk is full.", path=tmp_path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MaskSpool, "states", full)
        with pytest.raises(OutputError, match="disk is full") as kept:  # its frames stay alive
            ProposeState(*facts)
    again = ProposeState(*facts)
    assert again.videos == {1: VideoState(1, 0.5)}
    again.close(is_done=True)
    del kept


def test_a_run_whose_masks_cannot_be_kept_ends_before_its_video_is_closed(
    propose: Any, clip_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    for kind, name in ((VideoPrediction, "run"), (FileReader, "video")):

        def close(self: Any, before: Any = kind.close, name: str = name) -> None:
            ended.append(name)
            before(self)

        monkeypatch.setattr(kind, "close", close)

    def full(spool: MaskSpool, *words: Any) -> None:
        ended.clear()  # of what looked at the video before
        raise OutputError("The disk is full.", path=tmp_path)

    monkeypatch.setattr(MaskSpool, "add", full)
    assert propose(clip_file, "-o", tmp_path / "out.json") == 2
    assert ended == ["run", "video"]


def test_in_tiles_a_video_begins_anew_and_finished_ones_stay(
    propose: Any, clip_file: Path, clip_folder: Path, tmp_path: Path, capsys: Any
) -> None:
    words = [clip_file, clip_folder, "-o", tmp_path / "out.json", "--tiles", "1x2"]
    with pytest.MonkeyPatch.context() as patch:
        _cut_off(patch, 0)  # the first state is that of a finished video
        with pytest.raises(_Killed):
            propose(*words)
    assert propose(*words) == 0
    said = capsys.readouterr().err
    assert said.count("done in the run that was stopped") == 1
    assert "going on with" not in said
