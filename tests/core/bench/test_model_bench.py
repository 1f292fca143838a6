"""The model bench: its baselines, its judging, and a run over a small labelled folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ifc_core.bench import model as bench
from ifc_core.data.synthetic.validation import FROZEN_HASHES
from ifc_core.inference.settings import ProposeSettings
from ifc_core.io.ytvis import YtvisTrack, YtvisVideo
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.structures import Category, RLEMask


@pytest.fixture(scope="module")
def tiny() -> IFC:
    return IFC(IFCConfig.preset("tiny", num_classes=1), (Category(1, "object"),)).eval()


def _square(x: int, y: int, side: int = 20) -> RLEMask:
    mask = np.zeros((60, 100), dtype=np.bool_)
    mask[y : y + side, x : x + side] = True
    return RLEMask.from_array(mask)


def _truth() -> tuple[YtvisVideo, YtvisTrack]:
    video = YtvisVideo(1, 60, 100, 4, tuple(f"v/{i}.jpg" for i in range(4)))
    return video, YtvisTrack(3, 1, 1, (_square(10, 10), _square(20, 10), _square(30, 10), None))


def _found(score: float, masks: bench.Masks) -> bench.FoundTrack:
    return bench.FoundTrack(score, masks, certainty=score)


def _judge(found: list[bench.FoundTrack], threshold: float = 0.3) -> bench.ObjectFigures:
    video, track = _truth()
    return bench._judge("v", track, range(4), found, threshold, video)


def test_a_perfect_track_scores_one_and_absent_frames_do_not_count() -> None:
    masks = {0: _square(10, 10), 1: _square(20, 10), 2: _square(30, 10), 3: _square(70, 10)}
    figures = _judge([_found(0.9, masks)])
    assert (figures.best_j, figures.best_f) == (1.0, 1.0)
    assert figures.switches == 0


def test_the_boundary_of_the_best_track_is_judged() -> None:
    off = {0: _square(14, 10), 1: _square(24, 10), 2: _square(34, 10)}
    figures = _judge([_found(0.9, off), _found(0.8, {0: _square(70, 30)})])
    assert 0 < figures.best_f < 1
    assert figures.best_j > 0.5


def test_the_threshold_hides_a_track_from_best_but_not_from_any() -> None:
    masks = {0: _square(10, 10), 1: _square(20, 10), 2: _square(30, 10)}
    figures = _judge([_found(0.2, masks)])
    assert (figures.best_j, figures.best_f, figures.any_j) == (0.0, 0.0, 1.0)


def test_a_missed_frame_lowers_the_mean_and_two_halves_are_one_switch() -> None:
    first = _found(0.9, {0: _square(10, 10)})
    second = _found(0.8, {1: _square(20, 10), 2: _square(30, 10)})
    figures = _judge([first, second])
    assert figures.best_j == pytest.approx(2 / 3, abs=1e-3)
    assert figures.switches == 1


def test_only_the_ten_best_tracks_that_are_there_compete() -> None:
    good = _found(0.31, {i: m for i, m in enumerate(_truth()[1].segmentations) if m})
    elsewhere = [_found(0.9, {3: _square(0, 0)}) for _ in range(20)]
    assert _judge([*elsewhere, good]).best_j == 1.0
    wrong = [_found(0.9, {0: _square(70, 30)}) for _ in range(10)]
    assert _judge([*wrong, good]).best_j == 0.0


def test_thirty_ellipses_of_which_one_is_the_centre() -> None:
    ellipses = bench.fixed_ellipses(60, 100)
    assert len({e.counts for e in ellipses}) == 30
    middle = ellipses[0].to_array()
    assert middle[30, 50]
    assert not middle[0, 0]


def test_masks_of_frames_are_counted_by_the_best_assignment() -> None:
    _, track = _truth()
    counts = bench.MaskCounts()
    shifted = {0: _square(14, 10), 1: _square(20, 10), 3: _square(70, 10)}
    counts.add([track], [shifted, {0: _square(10, 10)}, {1: _square(60, 30)}], 4)
    assert (counts.wanted, counts.found, counts.right) == (3, 5, 2)
    assert counts.to_json() == {"mask_precision": 0.4, "mask_recall": 0.6667}
    assert bench.MaskCounts().to_json() == {"mask_precision": 0.0, "mask_recall": 0.0}


def test_a_model_of_cells_is_measured_on_cells() -> None:
    model = IFC(IFCConfig.preset("tiny", num_classes=1), (Category(1, "cell"),)).eval()
    model.provenance = {"world": "cells"}
    settings = ProposeSettings(short_side=64, clip_length=3, score_threshold=0.0)
    assert bench.run(model, None, settings, synthetic_clips=1)["synthetic"]["world"] == "cells"
    asked = bench.run(model, None, settings, synthetic_clips=1, world="things")
    assert asked["synthetic"]["world"] == "things"
    easy = asked["synthetic"]["easy"]  # one clip of 20
    assert easy["hash"] not in FROZEN_HASHES["things"]["easy"]
    assert easy["is_frozen_set"] is False


def test_a_whole_run_gives_finite_figures(tiny: IFC, labelled_folder: Path) -> None:
    settings = ProposeSettings(short_side=64, clip_length=3, score_threshold=0.0)
    report = bench.run(tiny, labelled_folder, settings, synthetic_clips=1)
    json.dumps(report)
    real = report["real"]
    assert real["objects"] == len(real["per_object"]) >= 1
    assert real["frames"] == 8
    assert 0 < real["mean_ellipses_j"] <= 1
    assert 0 <= real["mean_best_j"] <= real["mean_any_j"] <= 1
    assert set(report["synthetic"]) == {"easy", "medium", "hard", "mean", "world"}
    assert report["synthetic"]["world"] == "things"
    assert len(report["synthetic"]["hard"]["hash"]) == 64


def test_the_frame_step_thins_out_the_labels(tiny: IFC, labelled_folder: Path) -> None:
    settings = ProposeSettings(short_side=64, clip_length=2, frame_step=2)
    assert bench.bench_real(tiny, labelled_folder, settings).frames == 4


def test_a_cancel_is_heard_within_a_video(tiny: IFC, labelled_folder: Path) -> None:
    context = JobContext()
    read = 0

    def frames() -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
        nonlocal read
        for index in range(1000):
            read += 1
            if index == 3:
                context.cancel()
            yield index, np.zeros((32, 48, 3), dtype=np.uint8)

    with pytest.raises(JobCancelled):
        bench.find_tracks(tiny, frames(), ProposeSettings(), context)
    assert read < 100


def test_a_project_beside_a_clip_is_not_taken_for_it(tmp_path: Path) -> None:
    video, _ = _truth()
    (tmp_path / f"{video.name}.ifcproj").mkdir()
    film = tmp_path / f"{video.name}.mp4"
    film.write_bytes(b"film")
    assert bench.clip_path(tmp_path, video) == film
    (tmp_path / video.name).mkdir()
    assert bench.clip_path(tmp_path, video) == tmp_path / video.name
