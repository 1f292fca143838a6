"""Colours that are told apart."""

import itertools
import math

import numpy as np

from ifc_core.structures.palette import (
    NUM_FAMILY_HUES,
    NUM_SHADES,
    OKABE_ITO,
    _oklab,
    family_color,
    family_hue,
    track_color,
    unlike_color,
)


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


def as_seen(color, without):
    """A colour as people see it who lack a receptor. Source: Machado et al. (2009)."""
    matrices = {
        "red": ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052)),
        "green": ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969)),
    }
    shares = np.array(color) / 255
    light = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    light = (np.array(matrices[without]) @ light).clip(0, 1) if without else light
    back = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return _oklab(tuple(255 * back))


def test_families_and_their_shades_are_told_apart_also_without_red_or_green():
    def apart(first, second, without=""):
        return math.dist(
            as_seen(family_color(*first), without), as_seen(family_color(*second), without)
        )

    each = [(hue, shade) for hue in range(NUM_FAMILY_HUES) for shade in range(NUM_SHADES)]
    pairs = list(itertools.combinations(each, 2))
    cousins = [pair for pair in pairs if pair[0][0] == pair[1][0]]
    strangers = [pair for pair in pairs if pair[0][0] != pair[1][0]]
    assert min(apart(*pair) for pair in cousins) > 0.06
    assert min(apart(*pair) for pair in strangers) > 0.07
    for without in ("red", "green"):
        assert min(apart(*pair, without) for pair in strangers) > 0.04


def test_a_family_has_the_hue_most_like_a_colour():
    for hue in range(NUM_FAMILY_HUES):
        assert family_hue(family_color(hue, 0)) == hue
    assert family_color(family_hue((0, 114, 178)), 0) == (86, 180, 233)  # blue is the sky's
