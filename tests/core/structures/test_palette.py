"""Colours that are told apart."""

import math

from ifc_core.structures.palette import OKABE_ITO, _oklab, track_color, unlike_color


def test_a_new_colour_is_unlike_those_of_another_palette():
    person = (242, 150, 36)  # nearly the palette's orange
    assert unlike_color([person]) == (0, 114, 178)


def test_the_hues_come_first_then_their_forms_and_at_last_any():
    used = []
    for _ in range(21):
        used.append(unlike_color(used))
    assert set(used[:7]) == set(OKABE_ITO)
    assert set(used) == {track_color(index) for index in range(21)}
    assert unlike_color(used) in used


def test_distances_are_those_of_oklab():
    white, black, red = (255, 255, 255), (0, 0, 0), (255, 0, 0)
    assert math.isclose(math.dist(_oklab(white), _oklab(black)), 1, abs_tol=1e-4)
    expected = (0.62796, 0.22486, 0.12585)  # as published
    assert all(math.isclose(a, b, abs_tol=1e-4) for a, b in zip(_oklab(red), expected, strict=True))
