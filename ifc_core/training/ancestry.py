"""What a model and those that it came from were trained on and judged by, video by video.

A version keeps both for its whole ancestry, by fingerprint of the video (``history`` in its
provenance). Versions of earlier programs name the videos, and speak of their own training alone:
then the ones that they came from are asked too, as far as their files are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ifc_core.annotation.snapshot import Snapshot, SnapshotVideo
from ifc_core.data.labelled_video import LabelledVideo
from ifc_core.errors import CheckpointError
from ifc_core.models.checkpoint import read_checkpoint_info
from ifc_core.models.names import model_file
from ifc_core.training.frame_ranges import first_ones, frames_within, joined
from ifc_core.training.held_out_split import Seen, Split

HISTORY = "history"
"""Key of a version's provenance."""

_TRAINED_ON, _HELD_OUT = "trained_on", "held_out"
_MOST_GENERATIONS = 100
_MOST_LETTERS = 100_000  # of each of the two


@dataclass(frozen=True, slots=True)
class Ancestry:
    """What is known of the model that a training begins with, and of those before it.

    Attributes:
        generations: Provenance of the model, then of those before it as far as needed.
        fingerprints: Of the files of the videos that are learned from, by path.
        seen: What was seen of each of these videos, by path.
    """

    generations: tuple[Mapping[str, Any], ...] = ()
    fingerprints: Mapping[Path, str] = field(default_factory=dict)
    seen: Mapping[Path, Seen] = field(default_factory=dict)

    def with_split(self, split: Split) -> dict[str, Any]:
        """What a version that is trained now keeps of its ancestry, itself included.

        Args:
            split: What it is trained on and judged by.

        Returns:
            JSON values of bounded size.
        """
        keys = self.fingerprints
        learned, judged = ({key: set[int]() for key in keys.values()} for _ in range(2))
        for path, one in self.seen.items():
            learned[keys[path]] |= one.trained_on
            judged[keys[path]] |= one.held_out
        _add_frames(learned, split.training, keys)
        _add_frames(judged, split.held_out, keys)
        kept = {key: sorted(frames - learned[key]) for key, frames in judged.items()}
        trained = {key: sorted(frames) for key, frames in learned.items() if frames}
        parts = {_TRAINED_ON: trained, _HELD_OUT: {k: f for k, f in kept.items() if f}}
        return {
            part: first_ones(
                {**joined(frames, _MOST_LETTERS), **self._others(part, learned)}, _MOST_LETTERS
            )
            for part, frames in parts.items()
        }

    def _others(self, part: str, known: Mapping[str, Any]) -> dict[str, Any]:
        """What is kept of further videos, as it is stored."""
        found: dict[str, Any] = {}
        for provenance in self.generations:
            found |= _mapping(_mapping(provenance, HISTORY), part)
        return {key: list(frames) for key, frames in found.items() if key not in known}


def _add_frames(
    frames: dict[str, set[int]], videos: Sequence[LabelledVideo], keys: Mapping[Path, str]
) -> None:
    for video in videos:
        if video.path in keys:
            frames[keys[video.path]].update(video.labelled_frames)


def read_ancestry(
    provenance: Mapping[str, Any], models: Path, snapshot: Snapshot, fingerprints: Sequence[str]
) -> Ancestry:
    """Find out what a model and those before it have seen of a snapshot's videos.

    Args:
        provenance: Of the model, from a file of unknown origin.
        models: Folder of the project's versions.
        snapshot: With the videos. Those of earlier programs are not looked for, so that their
            runs go on as they began.
        fingerprints: Of the files of its videos.
    """
    generations = tuple(_generations(provenance, models))
    keys = {v.path: key for v, key in zip(snapshot.videos, fingerprints, strict=True)}
    seen = {
        video.path: _seen(generations, snapshot.project, video, keys[video.path])
        for video in snapshot.videos
        if video.fingerprint is not None
    }
    return Ancestry(generations, keys, seen)


def _generations(provenance: Mapping[str, Any], models: Path) -> Iterator[Mapping[str, Any]]:
    for _ in range(_MOST_GENERATIONS):
        yield provenance
        name = str(provenance.get("parent") or "")
        if HISTORY in provenance or not name or Path(name).name != name:
            return
        try:
            info = read_checkpoint_info(model_file(models, name))
        except CheckpointError:  # the bundled model, or a version that was deleted
            return
        if info.sha256 != provenance.get("parent_sha256"):
            return  # another one of that name
        provenance = info.provenance


def _seen(
    generations: Sequence[Mapping[str, Any]], project: str, video: SnapshotVideo, key: str
) -> Seen:
    found: dict[str, set[int]] = {_TRAINED_ON: set(), _HELD_OUT: set()}
    for provenance in generations:
        kept, name = _mapping(provenance, HISTORY), key
        if HISTORY not in provenance and provenance.get("project") == project:
            kept, name = provenance, video.name
        for part, frames in found.items():
            frames |= frames_within(_mapping(kept, part).get(name), video.num_frames)
    return Seen(*map(frozenset, found.values()))


def _mapping(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}
