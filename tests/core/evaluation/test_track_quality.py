"""J, F and identity switches of whole files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ifc_core.cli import main
from ifc_core.evaluation.track_quality import track_quality_files
from ifc_core.io.ytvis import (
    YtvisFile,
    YtvisTrack,
    YtvisVideo,
    write_ytvis,
    write_ytvis_results,
)
from ifc_core.structures import Category, RLEMask

SIZE = (40, 60)


def _box(x: int, y: int = 10, w: int = 12, h: int = 12) -> RLEMask:
    mask = np.zeros(SIZE, dtype=bool)
    mask[y : y + h, x : x + w] = True
    return RLEMask.from_array(mask)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    videos = tuple(
        YtvisVideo(i, *SIZE, 3, tuple(f"v{i}/{f:05d}.jpg" for f in range(3))) for i in (1, 2)
    )
    truth = (
        YtvisTrack(1, 1, 1, (_box(2), _box(4), None)),
        YtvisTrack(2, 1, 1, (_box(40), _box(42), _box(44))),
        YtvisTrack(3, 1, 1, (_box(20),) * 3, is_crowd=True),
    )
    found = (
        YtvisTrack(1, 1, 1, (_box(2), _box(42), None), score=0.9),  # takes the other's second
        YtvisTrack(2, 1, 1, (_box(40), _box(4), _box(44)), score=0.8),
        YtvisTrack(3, 1, 1, (_box(2), _box(4), None), score=0.1),  # scores too little
    )
    gt, pred = tmp_path / "gt.json", tmp_path / "pred.json"
    write_ytvis(YtvisFile(videos, (Category(1, "a"),), truth), gt)
    write_ytvis_results(found, pred)
    return gt, pred


def test_tracks_are_judged_frame_by_frame(files: tuple[Path, Path]) -> None:
    figures = track_quality_files(*files)
    first, second = figures["videos"][0]["tracks"]
    assert first["annotation_id"] == 1
    assert first["result"] == 0
    assert first["J_per_frame"] == [1.0, 0.0, None]
    assert first["J"] == 0.5
    assert second["J_per_frame"] == [1.0, 0.0, 1.0]
    assert second["F_per_frame"][0] == 1.0
    assert second["F_per_frame"][1] == 0.0
    assert figures["J"] == pytest.approx((0.5 + 2 / 3) / 2)
    assert figures["identity_switches"] == 3
    assert figures["videos"][1] == {
        "video_id": 2,
        "J": -1.0,
        "F": -1.0,
        "identity_switches": 0,
        "tracks": [],
    }


def test_results_of_low_score_count_when_asked(files: tuple[Path, Path]) -> None:
    assert track_quality_files(*files, min_score=0.0)["videos"][0]["tracks"][0]["J"] == 1.0


def test_nothing_found_is_zero(files: tuple[Path, Path]) -> None:
    figures = track_quality_files(*files, min_score=1.0)
    assert figures["J"] == figures["F"] == 0.0


def test_command_line(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gt, pred = map(str, files)
    out = tmp_path / "out.json"
    assert main(["evaluate", "--gt", gt, "--pred", pred, "--tracks", "--json", str(out)]) == 0
    assert "identity switches 3" in capsys.readouterr().out
    assert json.loads(out.read_text())["tracks"]["identity_switches"] == 3
