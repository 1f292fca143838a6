"""The bench of pairs on a tiny labelled clip."""

from pathlib import Path

import numpy as np
import pytest

from ifc_core.bench.effort_pairs import (
    Evidence,
    PairsOptions,
    cases_of,
    fitted_weights,
    run_pairs,
    summary,
)
from ifc_core.errors import ConfigError
from ifc_core.inference.fusion import CUES
from ifc_core.io.ytvis import write_ytvis
from ifc_core.io.ytvis_types import YtvisFile, YtvisTrack, YtvisVideo
from ifc_core.structures import Category, RLEMask


@pytest.fixture
def data(clip_folder: Path, clip_frames: np.ndarray) -> Path:
    """The folder of the clip, with the moving square labelled."""
    count, height, width = clip_frames.shape[:3]
    masks: list[RLEMask | None] = []
    for t in range(count):
        mask = np.zeros((height, width), bool)
        mask[12:32, 6 * t : 6 * t + 20] = True
        masks.append(RLEMask.from_array(mask))
    names = tuple(f"square/{t:05d}.png" for t in range(count))
    file = YtvisFile(
        (YtvisVideo(1, height, width, count, names),),
        (Category(1, "square"),),
        (YtvisTrack(1, 1, 1, tuple(masks)),),
        {},
    )
    write_ytvis(file, clip_folder.parent / "square_ytvis.json")
    return clip_folder.parent


def test_each_part_is_judged_by_distance(data: Path, tiny_model_file: Path) -> None:
    found = run_pairs(
        PairsOptions(data, distances=(1, 3), starts=2, gaps=(4,), model=str(tiny_model_file))
    )
    rows = found["rows"]
    names = ("without", "features", "far match", "network")
    assert set(rows) == {"flow", "without", "network", *(f"{n}, fitted" for n in names)}
    for row in rows.values():
        assert list(row) == ["1", "3", "mean", "gap 4", "gaps"]
        assert all(0 <= j <= 1 for j in row.values())
        assert row["mean"] == pytest.approx((row["1"] + row["3"]) / 2, abs=1e-3)
    assert rows["without"]["1"] > 0.8
    weights = found["weights"]
    assert all(len(w) == len(CUES) for w in weights.values())
    far, features = CUES.index("far match x far"), CUES.index("features x far")
    assert weights["without"][far] == weights["without"][features] == 0
    assert weights["features"][far] == 0 != weights["features"][features]
    assert weights["far match"][features] == 0
    assert set(found["objects"]["flow"]) == {"square#1"}


def test_cases_lie_where_the_object_is() -> None:
    options = PairsOptions(distances=(2, 9), starts=2, gaps=(4,))
    single, other, *double = cases_of(range(5, 16), options)
    assert single.corrected == (5,)
    assert single.judged == {7: "2", 14: "9"}
    assert other.judged == {13: "2", 6: "9"}
    assert [c.corrected for c in double] == [(5, 9)]
    assert double[0].judged == {6: "gap 4", 7: "gap 4", 8: "gap 4"}


def test_weights_tell_a_cue_that_knows_from_one_that_does_not() -> None:
    rng = np.random.default_rng(0)
    cues = rng.normal(size=(400, len(CUES))).astype(np.float32)
    cues[:, 0] = 1
    truth = cues[:, 5] + 0.2 * rng.normal(size=400) > 0
    weights = fitted_weights([Evidence([cues], [truth])], "network")
    assert weights[5] > 5 * np.abs(np.delete(weights, 5)).max()


def test_pairs_count_alike_whatever_object_they_are_of() -> None:
    judged = [{(0, 1, "1"): 1.0, (0, 2, "1"): 0.5}, {(0, 1, "1"): 0.0, (1, 9, "gap 4"): 0.25}]
    assert summary(judged) == {"1": 0.5, "mean": 0.5, "gap 4": 0.25, "gaps": 0.25}


def test_unknown_parts_and_nothing_to_measure_are_said() -> None:
    with pytest.raises(ConfigError, match="magic"):
        PairsOptions(parts=("magic",))
    with pytest.raises(ConfigError, match="no labelled object"):
        run_pairs(PairsOptions(None))
