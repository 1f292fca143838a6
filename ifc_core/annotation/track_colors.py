"""Whose colours tracks are seen in: their own, those of classes, or a hue for each lineage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from ifc_core.annotation.lineage import linked
from ifc_core.annotation.reading import ProjectReader
from ifc_core.structures import Track
from ifc_core.structures.palette import (
    NO_FAMILY,
    NUM_FAMILY_HUES,
    NUM_SHADES,
    RGB,
    family_color,
    family_hue,
)


def colors_of(reader: ProjectReader, video_id: int, color_by: str) -> dict[int, RGB]:
    """The colours of a video's tracks, also of those that are not exported.

    Args:
        reader: The project.
        video_id: The video.
        color_by: ``track`` for their own, ``class`` for those of their classes, or ``lineage`` for
            :func:`lineage_colors`; where no track has a mother these are their own.
    """
    tracks = reader.tracks(video_id, include_rejected=False)
    own = {track.id: track.color_rgb for track in tracks}
    if color_by == "lineage":
        return own | lineage_colors(tracks)
    if color_by == "class":
        colors = {category.id: category.color_rgb for category in reader.categories()}
        return {track.id: colors.get(track.category_id, track.color_rgb) for track in tracks}
    return own


def lineage_colors(tracks: Iterable[Track]) -> dict[int, RGB]:
    """Colours in which all that descend from one founder have a hue in common.

    A daughter differs in lightness from her mother, and from her sisters as far as there are
    shades. A founder's hue is that of her own colour, if no more lineages have it than any other.

    Args:
        tracks: The tracks of a video.

    Returns:
        Track -> colour: a grey for those that have neither mother nor daughter here, and nothing
        at all where none has.
    """
    known = {track.id: track for track in tracks}
    parents = {i: t.parent_id for i, t in known.items() if t.parent_id in known}
    links = {i: p for i, p in parents.items() if p is not None}
    family = linked(links)
    if not family:
        return {}
    colors = dict.fromkeys(known, NO_FAMILY)
    daughters: dict[int, list[int]] = {}
    for child in sorted(links):
        daughters.setdefault(links[child], []).append(child)
    used = Counter[int]()
    for founder in sorted(family - links.keys()):
        own = family_hue(known[founder].color_rgb)
        hue = min(range(NUM_FAMILY_HUES), key=lambda i: (used[i], i != own))
        used[hue] += 1
        for track_id, shade in _shades(founder, daughters):
            colors[track_id] = family_color(hue, shade)
    return colors


def _shades(founder: int, daughters: Mapping[int, list[int]]) -> Iterator[tuple[int, int]]:
    """The tracks of a lineage, each with a shade that its mother has not."""
    waiting = [(founder, 0)]
    while waiting:
        mother, shade = waiting.pop()
        yield mother, shade
        others = [other for other in range(NUM_SHADES) if other != shade]
        for place, daughter in enumerate(daughters.get(mother, ())):
            waiting.append((daughter, others[place % len(others)]))
