"""Paths through the instances of clips: against every possible path, and the rules one by one."""

from itertools import pairwise, product

import numpy as np
import pytest

from ifc_core.tracking.best_paths import MOST_STEPS, Column, best_paths


def column(gains, *ious, same=None, is_known=False):
    gains = np.array(gains, float)
    same = np.eye(len(gains)) if same is None else np.array(same, float)
    parts = tuple(None if part is None else np.array(part, float) for part in ious)
    return Column(gains, parts, same, is_known)


def gain_of(columns, way):
    """What a path gains by the words of the docstring."""
    total = sum(columns[c].gains[r] for c, r in way)
    for (before, origin), (c, r) in pairwise(way):
        iou = columns[c].ious[c - before - 1][origin, r]
        total += iou - 1.0 - 0.3 * (c - before - 1) if iou >= 0.3 else -1e9
    return total


def every_way(columns):
    rows = [[None, *range(len(c.gains))] for c in columns]
    for choice in product(*rows):
        way = tuple((c, r) for c, r in enumerate(choice) if r is not None)
        if way and all(b[0] - a[0] <= MOST_STEPS for a, b in pairwise(way)):
            yield way


@pytest.mark.parametrize("seed", range(6))
def test_the_first_path_is_the_best_of_all(seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 4, 6)
    columns = [
        column(
            rng.uniform(-0.5, 0.5, n), *(rng.random((counts[i - b], n)) for b in range(1, i + 1))
        )
        for i, n in enumerate(counts)
    ]
    columns = [Column(c.gains, c.ious[:MOST_STEPS], c.same, is_known=False) for c in columns]
    best = max(every_way(columns), key=lambda way: gain_of(columns, way))
    assert best_paths(columns)[0] == best


def test_an_object_that_another_query_takes_over_stays_one_path():
    # Row 0 slides off and grows unsure while row 1 takes the object over.
    columns = [
        column([0.5]),
        column([0.4, 0.2], [[0.8, 0.6]]),
        column([-0.4, 0.5], [[0.8, 0.35], [0.3, 0.8]]),
        column([-0.4, 0.5], [[0.8, 0.3], [0.1, 0.9]]),
    ]
    paths = best_paths(columns)
    assert paths[0] == ((0, 0), (1, 1), (2, 1), (3, 1))


def test_what_tells_the_same_goes_with_the_path():
    double = [[1.0, 0.9], [0.9, 1.0]]
    columns = [
        column([0.5, 0.4], same=double),
        column([0.5, 0.4], [[0.9, 0.1], [0.1, 0.9]], same=double),
    ]
    assert best_paths(columns) == [((0, 0), (1, 0))]


def test_clips_that_miss_an_object_are_passed_over_but_not_too_many():
    def apart(gap):
        empty = [column([]) for _ in range(gap)]
        nothing = [np.zeros((0, 1))] * gap
        parts = (*nothing, [[1.0]])[:MOST_STEPS]
        return best_paths([column([0.5]), *empty, column([0.5], *parts)])

    assert apart(1) == [((0, 0), (2, 0))]
    assert apart(MOST_STEPS) == [((0, 0),), ((5, 0),)]


def test_clips_without_a_shared_frame_are_not_linked():
    columns = [column([0.5]), column([0.5], None)]
    assert best_paths(columns) == [((0, 0),), ((1, 0),)]


def test_a_track_is_continued_only_where_that_gains():
    known = column([5.0, -np.inf], is_known=True)
    better = column([0.4], [[0.9], [0.9]])
    assert best_paths([known, better]) == [((0, 0), (1, 0))]
    assert best_paths([known, column([-0.4], [[0.9], [0.9]])]) == []
    assert best_paths([known, column([-0.4], [[0.9], [0.9]]), column([0.3], [[0.9]])])[0] == (
        (2, 0),
    )


def test_a_new_path_must_gain_enough_and_a_track_need_not():
    known = column([3.0], is_known=True)
    nexts = column([0.1, 0.4], [[1.0, 0.0]])
    assert best_paths([known, nexts], [0.0, 0.5]) == [((0, 0), (1, 0))]
    assert best_paths([known, nexts], [0.0, 0.4]) == [((0, 0), (1, 0)), ((1, 1),)]


def test_what_a_new_path_must_gain_depends_on_where_it_begins():
    columns = [column([0.3]), column([0.3], [[0.0]])]
    assert best_paths(columns, [0.4, 0.2]) == [((1, 0),)]
    assert best_paths(columns, [0.2, 0.4]) == [((0, 0),)]
    joined = [column([0.3]), column([0.3], [[0.9]])]
    assert best_paths(joined, [0.6, 0.2]) == [((1, 0),)]  # not worth it from its first instance on
    assert best_paths(joined, [0.5, 0.2]) == [((0, 0), (1, 0))]


def test_nothing_gives_nothing():
    assert best_paths([]) == []
    assert best_paths([column([]), column([])]) == []
