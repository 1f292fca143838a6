import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from ifc_core import cli
from ifc_core.cli import propose_run, reporting
from ifc_core.cli.propose_state import ProposeState, VideoState
from ifc_core.config import cache_dir
from ifc_core.errors import ConfigError, InputError, OutputError
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.settings import ProposeSettings
from ifc_core.io.video import open_video
from ifc_core.io.ytvis import iter_ytvis_results, read_ytvis, read_ytvis_header, validate_ytvis
from ifc_core.jobs import Progress
from ifc_core.models.ifc import IFC
from ifc_core.models.registry import load_model
from ifc_core.structures import FrameState

MAIN = "import sys; from ifc_core.cli import main; sys.exit(main())"


def _words(model: Path) -> list[str]:
    options = ["--device", "cpu", "--precision", "fp32", "--clip-length", "3"]
    return ["propose", "--model", str(model), *options]


@pytest.fixture
def propose(tiny_model_file: Path) -> Any:
    def run(*words: str | Path) -> int:
        return cli.main([*_words(tiny_model_file), *map(str, words)])

    return run


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_holds_what_the_predictor_gives(
    propose: Any, tiny_model_file: Path, clip_folder: Path, clip_frames: np.ndarray, tmp_path: Path
) -> None:
    output = tmp_path / "out.json"
    assert propose(clip_folder, "-o", output, "--score-threshold", "0.2") == 0
    assert left_in(tmp_path) == ["out.json"]
    assert validate_ytvis(output) == []
    file = read_ytvis(output)
    (video,) = file.videos
    assert (video.height, video.width, video.length) == (48, 80, 9)
    assert video.file_names[:2] == ("square/00000.png", "square/00001.png")
    assert [c.name for c in file.categories] == ["cat", "dog", "fox"]
    settings = ProposeSettings(clip_length=3, score_threshold=0.2, precision="fp32")
    run = predict_video(load_model(tiny_model_file), enumerate(clip_frames), settings)
    frames = list(run)
    assert len(file.tracks) == len(run.instances) > 0
    scores = [annotation["score"] for annotation in json.loads(output.read_text())["annotations"]]
    for track, score, instance in zip(file.tracks, scores, run.instances, strict=True):
        assert score == pytest.approx(instance.score, abs=1e-5)
        assert track.category_id == (1, 2, 5)[instance.label]
        assert track.details is not None
        for position, mask in enumerate(track.segmentations):
            wanted = {m.instance_id: m.rle for m in frames[position].masks}
            assert mask == wanted.get(instance.instance_id)
            state = None if mask is None else FrameState.PROPOSED
            assert track.details.states[position] == state


def test_pycocotools_decodes_the_masks(propose: Any, clip_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    assert propose(clip_file, "-o", output, "--score-threshold", "0") == 0
    raw = json.loads(output.read_text())
    areas = 0
    for annotation in raw["annotations"]:
        for rle, area in zip(annotation["segmentations"], annotation["areas"], strict=True):
            assert (rle is None) == (area is None)
            if rle is not None:
                assert coco_mask.decode(rle).sum() == area
                areas += area
    assert areas > 0
    assert raw["videos"][0]["file_names"][3] == "square/00003.jpg"


def test_several_videos_go_into_one_file_and_a_summary(
    propose: Any,
    clip_file: Path,
    clip_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "out.json"
    assert propose(clip_file, clip_folder, "-o", output, "--frame-step", "4", "--json") == 0
    captured = capsys.readouterr()
    summary = json.loads(captured.out)
    assert [video["name"] for video in summary["videos"]] == ["square", "square-2"]
    assert [video["frames"] for video in summary["videos"]] == [3, 3]
    assert "\x1b" not in captured.err
    file = read_ytvis(output)
    assert [video.id for video in file.videos] == [1, 2]
    assert file.videos[0].details is not None
    assert file.videos[0].details.frame_indices == (0, 4, 8)
    assert file.videos[1].file_names == tuple(f"square-2/{i:05d}.png" for i in (0, 4, 8))
    assert {track.video_id for track in file.tracks} == {1, 2}
    assert len({track.id for track in file.tracks}) == len(file.tracks)


def test_masks_that_overlap_are_one_thing_where_asked(
    propose: Any, clip_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, counts = tmp_path / "out.json", []
    for overlap in ("1", "0.3"):
        words = ("-o", output, "--score-threshold", "0.2", "--duplicate-iou", overlap)
        assert propose(clip_folder, *words) == 0
        counts.append(len(read_ytvis(output).tracks))
    assert counts == [4, 1]
    capsys.readouterr()
    assert propose(clip_folder, "-o", output, "--duplicate-iou", "0") == 2
    assert "The duplicate IoU must lie between 0.1 and 1, not 0.0." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "impossible", "sentence"),
    [
        (
            "continuation_score",
            0.05,
            "2",
            "The continuation score must lie between 0 and 1, not 2.0.",
        ),
        ("lookahead", 16, "300", "The lookahead must lie between 0 and 200, not 300."),
    ],
)
def test_how_tracks_are_linked_reaches_the_run(
    option: str,
    value: float,
    impossible: str,
    sentence: str,
    propose: Any,
    clip_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given: list[ProposeSettings] = []

    def make_run(videos: list[Path], settings: ProposeSettings, *rest: Any) -> None:
        given.append(settings)
        raise ConfigError("Enough.", name=option, value=None)

    monkeypatch.setattr("ifc_core.cli.propose._make_run", make_run)
    words = ("-o", tmp_path / "out.json", "--" + option.replace("_", "-"))
    assert propose(clip_folder, *words, str(value)) == 2
    assert getattr(given[0], option) == value
    capsys.readouterr()
    assert propose(clip_folder, *words, impossible) == 2
    assert sentence in capsys.readouterr().err


def test_results_have_a_row_for_each_class(propose: Any, clip_folder: Path, tmp_path: Path) -> None:
    plain, results = tmp_path / "plain.json", tmp_path / "results.json"
    assert propose(clip_folder, "-o", plain, "--score-threshold", "0.01") == 0
    assert propose(clip_folder, "-o", results, "--format", "ytvis-results") == 0
    header = read_ytvis_header(plain)
    rows = list(iter_ytvis_results(results, header))
    tracks = read_ytvis(plain).tracks
    assert len(rows) > len(tracks) > 0
    assert all(row.score is not None and row.score > 0.01 for row in rows)
    best = {(t.segmentations, t.category_id) for t in tracks}
    assert best <= {(row.segmentations, row.category_id) for row in rows}


def test_overlays_have_the_frames_of_the_clips_and_show_the_masks(
    propose: Any, clip_file: Path, clip_folder: Path, clip_frames: np.ndarray, tmp_path: Path
) -> None:
    words = ["-o", tmp_path / "o.json", "--overlay", tmp_path / "film.mp4"]
    assert propose(clip_folder, clip_file, *words, "--score-threshold", "0.2") == 0
    assert left_in(tmp_path) == ["film-square-2.mp4", "film-square.mp4", "o.json"]
    tracks = [track for track in read_ytvis(tmp_path / "o.json").tracks if track.video_id == 1]
    masks = [track.segmentations[4] for track in tracks if track.segmentations[4] is not None]
    inside = np.logical_or.reduce([mask.to_array() for mask in masks])
    with open_video(tmp_path / "film-square.mp4") as film:
        assert film.video.num_frames == 9
        assert film.video.size == (48, 80)
        change = np.abs(film.read(4).astype(int) - clip_frames[4]).mean(axis=2)
    assert inside.any()
    assert change[inside].mean() > 20


def test_a_failure_after_the_films_leaves_none(
    propose: Any, clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise OutputError("The disk is full.", path=tmp_path)

    monkeypatch.setattr(propose_run, "write_ytvis_tracks", fail)
    words = ["-o", tmp_path / "o.json", "--overlay", tmp_path / "film.mp4"]
    assert propose(clip_folder, *words, "--frame-step", "4") == 2
    assert left_in(tmp_path) == []


def bad_inputs(folder: Path) -> dict[str, Path]:
    """Everything that is no video."""
    import av

    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("hello")
    (folder / "folder").mkdir()
    with av.open(str(folder / "sound.m4a"), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
        )
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return {
        "missing": folder / "none.mp4",
        "empty": folder / "empty.mp4",
        "text": folder / "text.mp4",
        "no pictures": folder / "folder",
        "audio": folder / "sound.m4a",
    }


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "no pictures", "audio", "cut"])
def test_bad_input_gets_one_sentence_and_leaves_nothing(
    propose: Any, clip_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    inputs = bad_inputs(tmp_path)
    inputs["cut"] = tmp_path / "cut.mp4"
    inputs["cut"].write_bytes(clip_file.read_bytes()[:600])
    target = tmp_path / "out"
    target.mkdir()
    assert propose(clip_file, inputs[kind], "-o", target / "out.json") == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1, captured.err
    assert inputs[kind].name in captured.err
    assert left_in(target) == []


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["-o", "{tmp}/none/out.json"], "none"),
        (["-o", "{tmp}"], "folder"),
        (["-o", "{clip}"], "named twice"),
        (["-o", "{tmp}/out.json", "--overlay", "{tmp}/out.json"], "named twice"),
        (["-o", "{tmp}/out.json", "--overlay", "{tmp}/film.txt"], "film.txt"),
        (["-o", "{tmp}/out.json", "--format", "coco"], "ytvis-results"),
        (["-o", "{tmp}/out.json", "--clip-length", "0"], "clip length"),
        (["-o", "{tmp}/out.json", "--clip-stride", "9"], "clip stride"),
        (["-o", "{tmp}/out.json", "--device", "tpu"], "tpu"),
        (["-o", "{tmp}/out.json", "--clip-length", "many"], "--clip-length"),
        ([], "--output"),
    ],
)
def test_targets_and_options_are_checked_before_the_work(
    clip_file: Path,
    tiny_model_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    part: str,
) -> None:
    filled = [word.format(tmp=tmp_path, clip=clip_file) for word in words]
    before = clip_file.read_bytes()
    assert cli.main(["propose", str(clip_file), "--model", str(tiny_model_file), *filled]) == 2
    err = capsys.readouterr().err
    assert part in err
    assert err.count("\n") == 1
    assert left_in(tmp_path) == []
    assert clip_file.read_bytes() == before


def test_an_unknown_model_is_named(
    clip_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["propose", str(clip_file), "-o", str(tmp_path / "o.json"), "--model", "nonsense"]
    assert cli.main(words) == 2
    assert "nonsense" in capsys.readouterr().err


def test_an_existing_output_is_replaced_only_by_a_whole_one(
    propose: Any, clip_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.json"
    output.write_text("old")
    assert propose(tmp_path / "none.mp4", "-o", output) == 2
    assert output.read_text() == "old"
    assert propose(clip_file, "-o", output) == 0
    assert validate_ytvis(output) == []


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
    assert left_in(target) == []


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
    assert left_in(target) == []


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
    tiny_model_file: Path,
    clip_file: Path,
    clip_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    """What a run on both clips gives that nobody cut off."""
    output = tmp_path_factory.mktemp("whole") / "out.json"
    words = [*_words(tiny_model_file), str(clip_file), str(clip_folder), "-o", str(output)]
    assert cli.main(words) == 0
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
    assert left_in(tmp_path) == []
    assert "--restart begins anew" in capsys.readouterr().err
    assert propose(*words, output) == 0
    said = capsys.readouterr().err
    assert f"going on with the run that was stopped, at frame {after % 9 + 1} of 9" in said or (
        "done in the run that was stopped" in said
    )
    assert _plain(output) == uninterrupted
    assert list((cache_dir() / "propose").iterdir()) == []


def test_another_command_or_restart_begins_anew(
    propose: Any, clip_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.json"
    with pytest.MonkeyPatch.context() as patch:
        _cut_off(patch, 3)
        with pytest.raises(_Killed):
            propose(clip_file, "-o", output)
    capsys.readouterr()
    assert propose(clip_file, "-o", tmp_path / "other.json") == 0
    assert propose(clip_file, "-o", output, "--clip-stride", "2") == 0
    assert propose(clip_file, "-o", output, "--restart") == 0
    assert "going on" not in capsys.readouterr().err
    assert list((cache_dir() / "propose").iterdir()) == []


def test_one_command_runs_once_and_damage_is_no_hindrance(tmp_path: Path) -> None:
    facts = (tmp_path / "out.json", ProposeSettings(), "sha", ["print"])
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


def test_an_estimate_writes_nothing(
    propose: Any, clip_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [clip_file, "-o", tmp_path / "out.json", "--estimate"]
    assert propose(*words) == 0
    said = capsys.readouterr().out
    assert "GB for 7 clips" in said
    assert propose(*words, "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)["videos"]
    assert row["seconds"] > 0
    assert row["memory_bytes"] > 1000
    assert left_in(tmp_path) == []
    assert propose("-", "-o", tmp_path / "out.json", "--estimate") == 2


def test_running_out_of_memory_is_said_when_it_happens(
    propose: Any, clip_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encode = IFC.encode_frames
    failures = iter([1])

    def scarce(self: IFC, *args: Any) -> Any:
        if next(failures, None):
            raise MemoryError
        return encode(self, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IFC, "encode_frames", scarce)
        assert propose(clip_file, "-o", tmp_path / "out.json", "--short-side", "160", "--json") == 0
    streams = capsys.readouterr()
    assert streams.err.count("Memory ran out, so frames are now looked at in") == 1
    assert json.loads(streams.out)["videos"][0]["notices"]


def test_frames_that_cannot_be_decoded_get_no_masks_and_are_named(
    propose: Any, clip_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "square"
    shutil.copytree(clip_folder, folder)
    for broken in (0, 5):
        (folder / f"{broken:05d}.png").write_bytes(b"no picture")
    output = tmp_path / "out.json"
    overlay = tmp_path / "out.mp4"
    words = ("-o", output, "--overlay", overlay, "--score-threshold", "0")
    assert propose(folder, *words, "--json") == 0
    (video,) = json.loads(capsys.readouterr().out)["videos"]
    assert video["frames"] == 9
    assert video["notices"] == [
        "2 of 9 pictures in square cannot be read; the first is 00000.png.",
        "2 frames of square between 0 and 5 cannot be decoded; they got no masks.",
    ]
    tracks = read_ytvis(output).tracks
    seen = {n for track in tracks for n, mask in enumerate(track.segmentations) if mask is not None}
    assert seen
    assert not seen & {0, 5}
    with open_video(overlay) as reader:
        assert reader.video.num_frames == 9


def test_the_estimate_of_a_video_whose_first_frame_is_broken(
    propose: Any, clip_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "square"
    shutil.copytree(clip_folder, folder)
    (folder / "00000.png").write_bytes(b"no picture")
    assert propose(folder, "-o", tmp_path / "out.json", "--estimate", "--json") == 0
    assert json.loads(capsys.readouterr().out)
