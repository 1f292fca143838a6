"""Colours by lineage: what came of one founder has a hue in common."""

import pytest

from ifc_core.annotation.edits import LinkDivision, RejectTracks
from ifc_core.annotation.track_colors import colors_of, lineage_colors
from ifc_core.structures import Track, TrackState
from ifc_core.structures.palette import (
    NO_FAMILY,
    NUM_FAMILY_HUES,
    NUM_SHADES,
    family_color,
    track_color,
)

from .test_edits import new_track

FAMILY = {
    family_color(hue, shade): hue for hue in range(NUM_FAMILY_HUES) for shade in range(NUM_SHADES)
}


def tracks_of(parents, colors=None):
    colors = colors or {}
    return [
        Track(
            *(i, 1, 1, 0.9, TrackState.PROPOSED),
            color_rgb=colors.get(i, track_color(0)),
            parent_id=parent,
        )
        for i, parent in parents.items()
    ]


def test_a_lineage_shares_a_hue_and_relatives_differ_in_lightness():
    links = {1: None, 2: 1, 3: 1, 4: 2, 5: 2, 6: 5, 7: None, 8: 7, 9: 7, 10: None}
    colors = lineage_colors(tracks_of(links))
    assert {FAMILY[colors[i]] for i in (1, 2, 3, 4, 5, 6)} != {FAMILY[colors[i]] for i in (7, 8, 9)}
    for founder, members in ((1, (1, 2, 3, 4, 5, 6)), (7, (7, 8, 9))):
        assert {FAMILY[colors[i]] for i in members} == {FAMILY[colors[founder]]}
    assert len({colors[i] for i in (1, 2, 3)}) == len({colors[i] for i in (2, 4, 5)}) == 3
    assert colors[5] != colors[6]
    assert colors[10] == NO_FAMILY
    assert NO_FAMILY not in FAMILY


def test_a_founder_keeps_her_hue_while_it_is_free():
    links = {1: None, 2: 1, 3: None, 4: 3, 5: None, 6: 5}
    colors = lineage_colors(tracks_of(links, {1: family_color(4, 0), 3: family_color(4, 1)}))
    assert colors[1] == family_color(4, 0)
    assert len({FAMILY[colors[i]] for i in (1, 3, 5)}) == 3


def test_hues_are_used_about_equally_where_there_are_more_lineages():
    links = dict.fromkeys(range(1, 20)) | {100 + i: i for i in range(1, 20)}
    colors = lineage_colors(tracks_of(links))
    hues = [FAMILY[colors[i]] for i in range(1, 20)]
    assert {hues.count(hue) for hue in range(NUM_FAMILY_HUES)} == {3, 4}
    assert all(FAMILY[colors[100 + i]] == FAMILY[colors[i]] for i in range(1, 20))


def test_links_that_make_no_sense_are_no_harm():
    assert lineage_colors(tracks_of({1: 2, 2: 1})) == {1: NO_FAMILY, 2: NO_FAMILY}  # a ring
    assert lineage_colors(tracks_of({1: 7, 2: None})) == {}  # of a mother that is not there
    assert lineage_colors([]) == {}


@pytest.fixture
def family(empty):
    for first, last, row in ((0, 3, 0), (4, 7, 6), (4, 6, 13)):
        new_track(empty, *((f, row, 2) for f in range(first, last + 1)))
    return empty


def test_colours_of_a_video(family):
    own = {t.id: t.color_rgb for t in family.tracks(1)}
    assert colors_of(family, 1, "track") == colors_of(family, 1, "lineage") == own
    cat = family.categories()[0].color_rgb
    assert colors_of(family, 1, "class") == dict.fromkeys(own, cat)
    family.apply(LinkDivision(1, (2, 3)))
    assert colors_of(family, 1, "lineage") == lineage_colors(family.tracks(1))
    assert {FAMILY[c] for c in colors_of(family, 1, "lineage").values()} == {
        FAMILY[colors_of(family, 1, "lineage")[1]]
    }
    family.apply(RejectTracks((1,)))  # no mother is seen any more
    assert colors_of(family, 1, "lineage") == {i: own[i] for i in (2, 3)}
