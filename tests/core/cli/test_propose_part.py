"""``ifc-studio propose`` on a part: of the frames of a video, and of each frame."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ifc_core.annotation import Project
from ifc_core.annotation.importing import import_annotations
from ifc_core.cli import propose_run
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.settings import ProposeSettings
from ifc_core.io.video import open_video
from ifc_core.io.ytvis import read_ytvis
from ifc_core.models.registry import load_model


def test_a_range_of_frames_gives_what_the_predictor_gives_on_it(
    propose: Any, tiny_model_file: Path, clip_folder: Path, clip_frames: np.ndarray, tmp_path: Path
) -> None:
    output = tmp_path / "out.json"
    words = ("-o", output, "--score-threshold", "0", "--frame-range", "2:6")
    assert propose(clip_folder, *words) == 0
    file = read_ytvis(output)
    (video,) = file.videos
    assert video.details is not None
    assert video.details.frame_indices == (2, 3, 4, 5, 6)
    assert [Path(name).stem for name in video.file_names] == [f"{f:05d}" for f in range(2, 7)]
    settings = ProposeSettings(clip_length=3, score_threshold=0.0, precision="fp32")
    part = ((index, clip_frames[index]) for index in range(2, 7))
    run = predict_video(load_model(tiny_model_file), part, settings)
    frames = list(run)
    assert len(file.tracks) == len(run.instances) > 0
    for track, instance in zip(file.tracks, run.instances, strict=True):
        wanted = [
            {m.instance_id: m.rle for m in frame.masks}.get(instance.instance_id)
            for frame in frames
        ]
        assert list(track.segmentations) == wanted


def test_a_beginning_is_a_part_of_its_video_too(
    propose: Any, clip_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.json"
    words = ("--score-threshold", "0", "--frame-range", "0-0:00.3", "--frame-step", "2")
    film = tmp_path / "out.mp4"
    assert propose(clip_file, "-o", output, *words, "--overlay", film) == 0
    assert json.loads(output.read_text())["videos"][0]["ifc_studio"]["frame_indices"] == [0, 2]
    with open_video(film) as made:
        assert made.video.num_frames == 2
    with Project.create(tmp_path / "p.ifcproj") as project:
        with open_video(clip_file) as reader:
            project.add_video(reader.video)
        import_annotations(project, output)
        assert len(project.videos()) == 1
        shown = {f.frame_index for t in project.tracks(1) for f in project.track_frames(t.id)}
        assert shown <= {0, 2}
        assert shown


def test_a_region_keeps_masks_inside_it(propose: Any, clip_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    words = ("--score-threshold", "0", "--region", "20, 10,40,30")
    assert propose(clip_file, "-o", output, *words) == 0
    masks = [m for t in read_ytvis(output).tracks for m in t.segmentations if m is not None]
    assert masks
    for mask in masks:
        rows, columns = np.nonzero(mask.to_array())
        assert 20 <= columns.min() <= columns.max() < 60
        assert 10 <= rows.min() <= rows.max() < 40


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--region", "1,2,3"), "must be X,Y,WIDTH,HEIGHT in pixels"),
        (("--region", "0,0,4,4"), "at least 8 by 8"),
        (("--region", "0,0,4000,40"), "does not lie in a frame"),
        (("--frame-range", "1:05"), "may be a time"),
        (("--frame-range", "20:30"), "lies beyond the end of square.mp4, whose last frame is 8"),
        (("--frame-range", "5:2"), "ends before it begins"),
    ],
)
def test_a_part_that_is_none_is_refused(
    propose: Any,
    clip_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    sentence: str,
) -> None:
    assert propose(clip_file, "-o", tmp_path / "out.json", *words) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.glob("out.json"))


def test_an_estimate_and_live_input_know_of_ranges(
    propose: Any, clip_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert propose(clip_file, "--estimate", "--frame-range", "2:6") == 0
    assert "GB for 3 clips" in capsys.readouterr().out  # 7 of all nine frames
    assert propose("-", "--size", "80x48", "-o", "x.json", "--frame-range", "2:6") == 2
    assert "Live input has no range of frames" in capsys.readouterr().err


def test_a_stopped_range_goes_on_and_no_other_range_takes_it_up(
    propose: Any,
    clip_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [clip_file, "-o", tmp_path / "out.json", "--score-threshold", "0", "--frame-range"]
    assert propose(*words, "1:7") == 0
    whole = json.loads((tmp_path / "out.json").read_text())
    (tmp_path / "out.json").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(propose_run, "STATE_SECONDS", 0.0)
        read, count = propose_run.ReadableFrames.__next__, iter(range(sys.maxsize))

        def stop_after_six(frames: Any) -> Any:
            if next(count) == 6:
                raise KeyboardInterrupt
            return read(frames)

        patch.setattr(propose_run.ReadableFrames, "__next__", stop_after_six)
        assert propose(*words, "1:7") == 130
    capsys.readouterr()
    assert propose(*words, "2:7") == 0
    assert "going on with the run" not in capsys.readouterr().err
    (tmp_path / "out.json").unlink()
    assert propose(*words, "1:7") == 0
    assert "going on with the run that was stopped" in capsys.readouterr().err
    assert json.loads((tmp_path / "out.json").read_text())["annotations"] == whole["annotations"]
