import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

from ifc_core import cli
from ifc_core.cli import proposal_files, propose_run
from ifc_core.errors import ConfigError, OutputError
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.settings import ProposeSettings
from ifc_core.io.video import open_video
from ifc_core.io.ytvis import iter_ytvis_results, read_ytvis, read_ytvis_header, validate_ytvis
from ifc_core.models.ifc import IFC
from ifc_core.models.registry import load_model
from ifc_core.structures import FrameState


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


def test_no_track_goes_over_a_cut_and_the_summary_counts_them(
    propose: Any, clip_frames: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "film"
    film.mkdir()
    for index, image in enumerate([*clip_frames[:5], *(255 - clip_frames[:4])]):
        cv2.imwrite(str(film / f"{index:05d}.png"), image)
    output, both = tmp_path / "out.json", {}
    for word in ("--shot-cuts", "--no-shot-cuts"):
        assert propose(film, "-o", output, "--score-threshold", "0", "--json", word) == 0
        (video,) = json.loads(capsys.readouterr().out)["videos"]
        over = [
            track.segmentations[4] is not None and track.segmentations[5] is not None
            for track in read_ytvis(output).tracks
        ]
        both[word] = (video["shot_starts"], any(over))
    assert both == {"--shot-cuts": ([0, 5], False), "--no-shot-cuts": ([0], True)}
    assert propose(film, "-o", output) == 0
    assert " in 9 frames with 1 cut, " in capsys.readouterr().out


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

    monkeypatch.setattr(proposal_files, "write_ytvis_tracks", fail)
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


@pytest.mark.skipif(sys.platform != "linux", reason="names are always Unicode there")
@pytest.mark.parametrize("more", [(), ("--estimate",)])
def test_names_that_no_json_holds_are_told_of_before_the_work(
    propose: Any,
    clip_file: Path,
    clip_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    more: tuple[str, ...],
) -> None:
    monkeypatch.setattr(propose_run, "ModelCache", None)  # the work would begin with it
    film = shutil.copy(clip_file, tmp_path / os.fsdecode(b"caf\xe9.mp4"))
    folder = Path(shutil.copytree(clip_folder, tmp_path / "pictures"))
    (folder / "00004.png").rename(folder / os.fsdecode(b"\xe9.png"))
    for video, name in ((film, "caf?.mp4"), (folder, "?.png")):
        before = left_in(tmp_path)
        assert propose(clip_file, video, "-o", tmp_path / "out.json", *more) == 2
        sentence = f"The name of {name} is not UTF-8, so a file of annotations cannot keep it"
        assert sentence in capsys.readouterr().err
        assert left_in(tmp_path) == before


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["-o", "{tmp}/none/out.json"], "none"),
        (["-o", "-"], "not to standard output"),
        (["-o", "{tmp}"], "folder"),
        (["-o", "{clip}"], "named twice"),
        (["-o", "{tmp}/out.MP4"], "called like a video, but masks are written as JSON"),
        (["-o", "{model}"], "named twice"),
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
    places = {"tmp": tmp_path, "clip": clip_file, "model": tiny_model_file}
    filled = [word.format(**places) for word in words]
    before = [clip_file.read_bytes(), tiny_model_file.read_bytes()]
    assert cli.main(["propose", str(clip_file), "--model", str(tiny_model_file), *filled]) == 2
    err = capsys.readouterr().err
    assert part in err
    assert err.count("\n") == 1
    assert left_in(tmp_path) == []
    assert [clip_file.read_bytes(), tiny_model_file.read_bytes()] == before


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
    assert propose(clip_file, "--estimate") == 0
    assert left_in(tmp_path) == []
    assert propose("-", "-o", tmp_path / "out.json", "--estimate") == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Name the file to write: --output FILE.json."),
        (("--estimate", "--overlay", "film.mp4"), "--overlay and --restart are not for it"),
        (("--estimate", "--restart"), "--overlay and --restart are not for it"),
    ],
)
def test_words_that_do_not_go_with_an_estimate_or_without_one(
    propose: Any, clip_file: Path, capsys: pytest.CaptureFixture[str], words: Any, sentence: str
) -> None:
    assert propose(clip_file, *words) == 2
    assert sentence in capsys.readouterr().err


def test_an_estimate_says_what_cannot_be_read(
    propose: Any, clip_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(clip_folder, tmp_path / "pictures"))
    (folder / "00004.png").write_bytes(b"")
    assert propose(folder, "-o", tmp_path / "out.json", "--estimate", "--json") == 0
    captured = capsys.readouterr()
    (row,) = json.loads(captured.out)["videos"]
    assert ["1 of 9 pictures" in notice for notice in row["notices"]] == [True]
    assert captured.err == f"ifc-studio: note: pictures: {row['notices'][0]}\n"


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
