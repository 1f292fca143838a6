"""The bench of cells that divide: its truth, what it does to tracks, and a run."""

import numpy as np
import pytest

from ifc_core.bench.divisions import (
    Case,
    Division,
    DivisionsOptions,
    figures,
    lingering,
    renamed,
    run_divisions,
    true_divisions,
)
from ifc_core.bench.spoiled_tracks import spoiled
from ifc_core.data.synthetic.cells import CellLineage
from ifc_core.errors import ConfigError
from ifc_core.inference.divisions import SuspectedDivision
from ifc_core.structures import RLEMask


def family(*seen):
    """A mother (row 1) and two daughters beside another cell, on the frames given for each."""
    masks = np.zeros((4, 6, 8, 8), bool)
    for row, frames in enumerate((range(6), *seen)):
        masks[row, list(frames), row, :4] = True
    return CellLineage(masks, np.array([-1, -1, 1, 1]))


def test_a_division_is_one_whose_mother_and_daughters_are_seen_around_it():
    whole = family(range(3), range(3, 6), range(3, 6))
    assert true_divisions(whole) == {Division(3, 1, (2, 3))}
    assert true_divisions(family(range(3), range(3, 6), range(4, 6))) == set()
    assert true_divisions(family(range(6), (), ())) == set()


def test_one_daughter_goes_on_under_the_mothers_number():
    rows = [{1: "m"}, {2: "a", 3: "b"}, {2: "c"}]
    kinds = set()
    for seed in range(8):
        changed, true = renamed(rows, [Division(1, 1, (2, 3))], np.random.default_rng(seed))
        (division,) = true
        other = division.daughter_ids[1]
        kinds.add(other)
        assert division == Division(1, 1, (1, other))
        assert changed[1] == {1: "ab"[3 - other], other: "ab"[other - 2]}
    assert kinds == {2, 3}
    assert rows == [{1: "m"}, {2: "a", 3: "b"}, {2: "c"}]


def test_found_are_those_with_the_right_frame_mother_and_daughters():
    true = frozenset({Division(3, 1, (2, 3)), Division(4, 5, (5, 6))})
    suspected = [
        SuspectedDivision(3, 1, (2, 3), 0.75),
        SuspectedDivision(3, 5, (5, 6), 0.65),
        SuspectedDivision(2, 8, (9, 10), 0.45),
    ]
    rows = {row["threshold"]: row for row in figures([Case(10, true, suspected)])}
    assert (rows[0.4]["found"], rows[0.4]["wrong"]) == (1, 2)
    assert (rows[0.6]["recall"], rows[0.6]["precision"]) == (0.5, 0.5)
    assert rows[0.6]["wrong_per_500_frames"] == 50
    assert (rows[0.7]["precision"], rows[0.8]["precision"]) == (1, None)
    assert figures([Case(10, frozenset(), [])])[0]["recall"] is None


def test_tracks_are_spoiled_as_said_and_the_spared_ones_left_alone():
    def disc(place):
        y, x = np.mgrid[:20, :400]
        return RLEMask.from_array(np.hypot(y - 10, x - 20 * place - 10) < 8)

    rows = [{i: disc(i) for i in range(20)} for _ in range(8)]
    made = spoiled(rows, np.random.default_rng(3), spared=(0, 1))
    assert rows == [{i: disc(i) for i in range(20)} for _ in range(8)]
    assert all(row[i] == disc(i) for row in made for i in (0, 1))
    assert made[0] == rows[0]
    changed = {i for i in range(20) if any(row.get(i) != disc(i) for row in made)}
    new = {i for row in made for i in row} - set(range(20))
    assert 3 <= len(changed) <= 17
    assert new
    shown = [np.any([mask.to_array() for mask in row.values()], axis=0) for row in made]
    assert all((ground <= shown[0]).all() for ground in shown)  # nothing new is covered


def test_mothers_linger_where_they_were_seen_last():
    disc = [RLEMask.from_array(np.eye(9, k=k, dtype=bool)) for k in range(3)]
    rows = [{1: disc[0]}, {2: disc[1], 3: disc[2]}, {2: disc[1]}, {2: disc[1]}]
    lengths = set()
    for seed in range(20):
        changed = lingering(rows, [Division(1, 1, (2, 3))], np.random.default_rng(seed))
        shown = [n for n, row in enumerate(changed) if row.get(1) == disc[0]]
        lengths.add(len(shown))
        assert shown == list(range(len(shown)))
        assert [{i: m for i, m in row.items() if i != 1} for row in changed[1:]] == rows[1:]
    assert lengths == {2, 3}


def test_it_runs():
    size = {"num_frames": 8, "height": 64, "width": 96}
    measured = run_divisions(DivisionsOptions(2, 2, 1, first_seed=2003, **size))
    in_use = [row for row in measured["cells"] if row["threshold"] == measured["in_use"]]
    assert [row["tracks"] for row in in_use] == [
        "true",
        "true, renamed",
        "true, lingering",
        "spoiled",
        "spoiled, renamed",
        "spoiled, lingering",
    ]
    assert [(row["clips"], row["frames"]) for row in in_use] == [*[(2, 16)] * 3, *[(4, 32)] * 3]
    assert measured["things"][0]["frames"] == 8


def test_clips_of_one_frame_are_refused():
    with pytest.raises(ConfigError, match="two frames"):
        run_divisions(DivisionsOptions(num_frames=1))
