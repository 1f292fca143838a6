"""Identity switches."""

from __future__ import annotations

import numpy as np

from ifc_core.evaluation.identity import IdentitySwitch, identity_switches
from ifc_core.io.ytvis import YtvisTrack
from ifc_core.structures import RLEMask


def _track(identity: int, places: list[int | None]) -> YtvisTrack:
    masks = []
    for place in places:
        array = np.zeros((20, 200), dtype=bool)
        if place is not None:
            array[5:15, place : place + 10] = True
        masks.append(None if place is None else RLEMask.from_array(array))
    return YtvisTrack(identity, 1, 1, tuple(masks))


def test_tracks_that_follow_their_instances_have_none() -> None:
    truth = [_track(1, [10, 12, 14, 16]), _track(2, [90, 88, None, 84])]
    found = [_track(7, [11, 12, 13, 17]), _track(8, [90, 88, None, 84])]
    assert identity_switches(found, truth) == []


def test_swapped_identities_are_two_switches() -> None:
    truth = [_track(1, [10, 12, 14, 16]), _track(2, [90, 88, 86, 84])]
    found = [_track(7, [10, 12, 86, 84]), _track(8, [90, 88, 14, 16])]
    assert identity_switches(found, truth) == [
        IdentitySwitch(1, 2, 7, 8),
        IdentitySwitch(2, 2, 8, 7),
    ]


def test_a_change_during_an_absence_counts_when_seen_again() -> None:
    truth = [_track(1, [10, None, 14, 16])]
    found = [_track(7, [10, None, None, None]), _track(8, [None, None, 14, 16])]
    assert identity_switches(found, truth) == [IdentitySwitch(1, 2, 7, 8)]


def test_a_better_second_track_does_not_take_over() -> None:
    truth = [_track(1, [10, 12, 14])]
    found = [_track(7, [10, 13, 16]), _track(8, [None, 12, 14])]
    assert identity_switches(found, truth) == []


def test_weak_overlap_is_no_match() -> None:
    truth = [_track(1, [10, 12])]
    found = [_track(7, [10, 50]), _track(8, [50, 19])]
    assert identity_switches(found, truth) == []


def test_nothing() -> None:
    assert identity_switches([], []) == []
