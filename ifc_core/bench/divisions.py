"""``ifc-studio bench divisions``: whether cells that divide are found from their masks.

True masks of generated clips of cells, which say who came from whom: as they are; with one
daughter under the mother's number, as trackers go on; with the mother's last mask for one or two
frames beside both daughters; and all with the tracks of other cells spoiled. A division is found
where mother, daughters and frame are right; all else is wrong. Generated things never divide.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ifc_core.bench.machine import machine_facts
from ifc_core.bench.spoiled_tracks import Rows, spoiled
from ifc_core.data.synthetic import DIFFICULTIES, ClipSpec, render_clip
from ifc_core.data.synthetic.cells import CellLineage, cell_lineage
from ifc_core.data.synthetic.spec import World
from ifc_core.errors import ConfigError
from ifc_core.inference.divisions import THRESHOLD, SuspectedDivision, suspected_divisions
from ifc_core.inference.identity_swaps import TrackedMask
from ifc_core.structures import RLEMask

THRESHOLDS = (0.4, 0.5, 0.6, 0.7, 0.8)

_MOST_CELLS = {"easy": 30, "medium": 30, "hard": 120}
_MOST_THINGS = 30


@dataclass(frozen=True, slots=True)
class DivisionsOptions:
    """What is measured.

    Attributes:
        clips: Generated clips of cells: easy, medium and hard ones in turn.
        spoilings: Times that the tracks of each are spoiled, every time otherwise.
        things: Generated clips of things, easy, medium and hard ones in turn.
        first_seed: Of both.
        num_frames: Of a clip, at least 2.
        height: Of the clips in pixels.
        width: Of the clips in pixels.
    """

    clips: int = 90
    spoilings: int = 4
    things: int = 60
    first_seed: int = 2000
    num_frames: int = 16
    height: int = 192
    width: int = 256


@dataclass(frozen=True, slots=True)
class Division:
    """Who divides, from which frame on there are daughters, and who they are, ascending."""

    frame_index: int
    parent_id: int
    daughter_ids: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Case:
    """The frames of a clip, the divisions that are in its tracks, and those that are suspected."""

    num_frames: int
    true: frozenset[Division]
    suspected: Sequence[SuspectedDivision]


def run_divisions(options: DivisionsOptions) -> dict[str, Any]:
    """Measure.

    Returns:
        ``cells``: a row for each kind of tracks and threshold; ``things``: a row for each
        threshold.

    Raises:
        ConfigError: The clips are too short or too small.
    """
    if options.num_frames < 2:
        raise ConfigError(
            "Nothing divides in clips of less than two frames.",
            name="num_frames",
            value=options.num_frames,
        )
    cases: dict[str, list[Case]] = {}
    for seed in range(options.first_seed, options.first_seed + options.clips):
        lineage = cell_lineage(seed, _spec(seed, "cells", options))
        for kind, case in _cases(lineage, seed, options.spoilings):
            cases.setdefault(kind, []).append(case)
    things = []
    for seed in range(options.first_seed, options.first_seed + options.things):
        masks = render_clip(seed, _spec(seed, "things", options)).masks
        things.append(_case(_rows(masks), frozenset()))
    return {
        "machine": machine_facts(),
        "options": asdict(options),
        "in_use": THRESHOLD,
        "cells": [
            {"tracks": kind} | row for kind, of_kind in cases.items() for row in figures(of_kind)
        ],
        "things": figures(things) if things else [],
    }


def figures(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """A row for each threshold; recall and precision are ``None`` where they are of nothing."""
    table = []
    frames = sum(case.num_frames for case in cases)
    divisions = sum(len(case.true) for case in cases)
    for threshold in THRESHOLDS:
        found = wrong = 0
        for case in cases:
            named = {
                Division(s.frame_index, s.parent_id, s.daughter_ids)
                for s in case.suspected
                if s.score >= threshold
            }
            found += len(named & case.true)
            wrong += len(named - case.true)
        table.append(
            {
                "threshold": threshold,
                "clips": len(cases),
                "frames": frames,
                "divisions": divisions,
                "found": found,
                "wrong": wrong,
                "recall": found / divisions if divisions else None,
                "precision": found / (found + wrong) if found + wrong else None,
                "wrong_per_500_frames": 500 * wrong / frames,
            }
        )
    return table


def true_divisions(lineage: CellLineage) -> frozenset[Division]:
    """Divisions of which a frame shows the mother and the next one both daughters."""
    there = np.asarray(lineage.masks.any(axis=(2, 3)))  # (N, T)
    divisions = []
    for mother in sorted(set(lineage.mothers.tolist()) - {-1}):
        daughters = np.flatnonzero(lineage.mothers == mother)
        frame = int(np.flatnonzero(there[mother])[-1]) + 1
        if len(daughters) == 2 and frame < there.shape[1] and there[daughters, frame].all():
            first, second = daughters.tolist()
            divisions.append(Division(frame, mother, (first, second)))
    return frozenset(divisions)


def renamed(
    rows: Sequence[Mapping[int, RLEMask]],
    divisions: Collection[Division],
    rng: np.random.Generator,
) -> tuple[Rows, frozenset[Division]]:
    """Let the mother's number go on on one of her daughters.

    Returns:
        New rows, and the divisions in them.
    """
    changed = [dict(row) for row in rows]
    renumbered = []
    for division in sorted(divisions, key=lambda d: d.parent_id):
        mother, which = division.parent_id, int(rng.integers(2))
        daughter, other = division.daughter_ids[which], division.daughter_ids[1 - which]
        for row in changed:
            if daughter in row:
                row[mother] = row.pop(daughter)
        first, second = sorted((mother, other))
        renumbered.append(Division(division.frame_index, mother, (first, second)))
    return changed, frozenset(renumbered)


def lingering(
    rows: Sequence[Mapping[int, RLEMask]],
    divisions: Collection[Division],
    rng: np.random.Generator,
) -> Rows:
    """Let each mother's last mask stay where it was for one or two frames beside her daughters."""
    changed = [dict(row) for row in rows]
    for division in sorted(divisions, key=lambda d: d.parent_id):
        last = changed[division.frame_index - 1][division.parent_id]
        for row in changed[division.frame_index :][: int(rng.integers(1, 3))]:
            row[division.parent_id] = last
    return changed


def _cases(lineage: CellLineage, seed: int, spoilings: int) -> Iterator[tuple[str, Case]]:
    """The tracks of one clip as they are and spoiled, each as they are and with one renamed."""
    mothers, true, rows = lineage.mothers, true_divisions(lineage), _rows(lineage.masks)
    families = {*np.flatnonzero(mothers >= 0).tolist(), *mothers[mothers >= 0].tolist()}
    kinds = [("true", rows)]
    for turn in range(spoilings):
        kinds.append(("spoiled", spoiled(rows, np.random.default_rng([seed, turn]), families)))
    for kind, tracks in kinds:
        yield kind, _case(tracks, true)
        yield f"{kind}, renamed", _case(*renamed(tracks, true, np.random.default_rng(seed)))
        late = lingering(tracks, true, np.random.default_rng(seed))
        yield f"{kind}, lingering", _case(late, true)


def _case(rows: Rows, true: frozenset[Division]) -> Case:
    frames = (
        (t, [TrackedMask(track, mask) for track, mask in row.items()]) for t, row in enumerate(rows)
    )
    return Case(len(rows), true, suspected_divisions(frames, min(THRESHOLDS)))


def _rows(masks: npt.NDArray[np.bool_]) -> Rows:
    return [
        {i: RLEMask.from_array(mask) for i, mask in enumerate(masks[:, t]) if mask.any()}
        for t in range(masks.shape[1])
    ]


def _spec(seed: int, world: World, options: DivisionsOptions) -> ClipSpec:
    difficulty = DIFFICULTIES[seed % len(DIFFICULTIES)]
    most = _MOST_CELLS[difficulty] if world == "cells" else _MOST_THINGS
    size = (options.height, options.width, options.num_frames)
    return ClipSpec(*size, difficulty, most, world=world)
