"""Scopes of a correction."""

import pytest

from ifc_core.errors import ConfigError
from ifc_core.inference.spread_scope import scope_frames, within_reach


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("forward", range(10, 30)),
        ("backward", range(11)),
        ("both", range(30)),
        ("next", range(4, 17)),
        ("clip", range(8, 13)),
    ],
)
def test_scopes_hold_the_corrected_frame(scope, expected):
    found = scope_frames(scope, 10, 30, fixed=(17, 3, 10, 25))
    assert found == expected
    assert 10 in found


def test_next_without_neighbours_is_the_whole_video():
    assert scope_frames("next", 5, 12) == range(12)


def test_a_gap_ends_where_anything_is_annotated():
    annotated, fixed = (0, 1, 2, 9, 10), (7,)
    for here in (3, 5, 6):
        assert scope_frames("gap", here, 12, fixed, annotated=annotated) == range(3, 7)
    assert scope_frames("gap", 11, 12, annotated=annotated) == range(11, 12)
    assert scope_frames("gap", 5, 12) == range(12)


def test_a_gap_beside_an_annotated_frame_is_its_own():
    assert scope_frames("gap", 2, 12, annotated=(0, 1, 2, 9)) == range(2, 9)
    assert scope_frames("gap", 4, 12, annotated=(1, 4, 6)) == range(2, 6)
    assert scope_frames("gap", 1, 12, annotated=(0, 1, 2)) == range(1, 2)


def test_a_clip_with_a_frame_step_spans_its_frames():
    assert scope_frames("clip", 13, 60, clip_length=3, frame_step=5) == range(3, 14)


@pytest.mark.parametrize(("scope", "frame"), [("sideways", 3), ("both", 30), ("both", -1)])
def test_what_does_not_exist_is_refused(scope, frame):
    with pytest.raises(ConfigError):
        scope_frames(scope, frame, 30)


def test_frames_near_enough_to_a_correction_are_reached():
    assert within_reach(range(20), (12, 3), 2) == [1, 2, 4, 5, 10, 11, 13, 14]
    assert within_reach([0, 19, 3], [3], 16) == [0, 19]
    assert within_reach(range(1000), [0]) == list(range(1, 151))
    assert within_reach(range(5), []) == []
