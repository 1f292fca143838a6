"""Which videos of an export are trained on and which are kept to validate by."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from ifc_core.annotation.records import VideoEntry
from ifc_core.errors import ConfigError, InputError
from ifc_core.io.problems import listed

TRAIN, VALID = "train", "valid"
"""What the parts are called, as YouTube-VIS has it."""
_PARTS = 2
_MOST_SEEDS = 200  # that are tried; of a hundred videos about every tenth draws as many as wished


@dataclass(frozen=True, slots=True)
class Split:
    """How videos are parted. A video is in one part as a whole.

    Attributes:
        share: Part of the videos for validation, 0 to 1 without the ends; 0 takes the named ones
            alone.
        seed: Another one parts them otherwise.
        valid_ids: Videos that are for validation in any case.
    """

    share: float = 0.0
    seed: int = 0
    valid_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check the share."""
        if not 0 <= self.share < 1 or (self.share == 0 and not self.valid_ids):
            raise ConfigError(
                "The share of videos for validation lies between 0 and 1, such as 0.2.",
                name="share",
                value=self.share,
            )


@dataclass(frozen=True, slots=True)
class Parts:
    """The videos of both parts, in the order in which they came.

    Attributes:
        train: Ids of those to train on.
        valid: Ids of those to validate by.
        moved: Name of the one that was put on the other side, since else a part were empty; or "".
        moved_to: The part that it was put into.
        by_name: Names of those whose side was drawn by their name, since their content is unknown.
        idle: Names of those that were named for validation and have nothing to export.
        wished: How many of the share were wished for validation, where a video or more away from
            those that were drawn; else 0.
        better_seed: A seed that draws as many as wished, where there is one.
    """

    train: tuple[int, ...]
    valid: tuple[int, ...]
    moved: str = ""
    moved_to: str = ""
    by_name: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()
    wished: int = 0
    better_seed: int | None = None

    def notes(self) -> tuple[str, ...]:
        """Sentences on what is not as one would expect."""
        found = []
        if self.moved:
            found.append(
                f"No video was drawn for the part {self.moved_to}, so {self.moved} was put there; "
                "this may change as videos are added."
            )
        if self.wished and self.better_seed is not None:
            found.append(
                f"Of {len(self.train) + len(self.valid)} videos {len(self.valid)} were drawn for "
                f"validation, where the share means {self.wished}; on the command line "
                f"--split-seed {self.better_seed} draws as many."
            )
        if self.by_name:
            found.append(
                f"The file was never seen of {listed(self.by_name)}: the part was drawn by name and"
                " may be another one once the file is found."
            )
        if self.idle:
            found.append(f"Named for validation, with nothing to export: {listed(self.idle)}.")
        return tuple(found)


def part_videos(
    videos: Sequence[VideoEntry], split: Split, others: Sequence[VideoEntry] = ()
) -> Parts:
    """Decide on which side each video is.

    A number between 0 and 1 follows from the seed and the video's content (its name where the
    content is not known yet); below the share it is for validation. So each video stays on its
    side as others come, are taken out, or are moved to another project. As few are drawn, their
    number is near the share only: where it is a video or more away a note names a seed that hits
    it. Of two videos or more each part gets one at least.

    Args:
        videos: Those with something to export.
        split: How they are parted.
        others: Those of the project that have nothing to export.

    Raises:
        InputError: There are fewer than two videos, or one part would be empty although the
            other one was named.
    """
    if len(videos) < _PARTS:
        have = f"{videos[0].name} alone has" if videos else "none has"
        raise InputError(
            f"Training and validation need two videos with something to export; {have}."
        )
    drawn = {video.id: _number(video, split.seed) for video in videos}
    valid = _drawn_for_validation(videos, split, split.seed)
    free = sorted(set(drawn) - set(split.valid_ids), key=drawn.__getitem__)
    names, moved, moved_to = {video.id: video.name for video in videos}, "", ""
    if split.share and not valid:
        moved, moved_to = names[free[0]], VALID
        valid.add(free[0])
    elif split.share and free and len(valid) == len(videos):
        moved, moved_to = names[free[-1]], TRAIN
        valid.remove(free[-1])
    if not valid:
        raise InputError("The videos for validation have nothing to export.")
    if len(valid) == len(videos):
        named = listed(list(names.values()))
        raise InputError(f"All videos with something to export are for validation: {named}.")
    return Parts(
        tuple(video.id for video in videos if video.id not in valid),
        tuple(video.id for video in videos if video.id in valid),
        moved,
        moved_to,
        tuple(v.name for v in videos if split.share and v.id in free and not v.fingerprint),
        tuple(v.name for v in others if v.id in split.valid_ids),
        *((0, None) if moved else _wish(videos, split, len(valid))),
    )


def _drawn_for_validation(videos: Sequence[VideoEntry], split: Split, seed: int) -> set[int]:
    """Ids of those that are below the share, or named."""
    return {v.id for v in videos if v.id in split.valid_ids or _number(v, seed) < split.share}


def _wish(videos: Sequence[VideoEntry], split: Split, count: int) -> tuple[int, int | None]:
    """How many were wished where it is another number, and a seed that draws them."""
    exact = split.share * len(videos)
    wished = min(max(round(exact), 1, len(split.valid_ids)), len(videos) - 1)
    if not split.share or abs(count - exact) < 1 or count == wished:
        return 0, None
    for seed in range(_MOST_SEEDS):
        if len(_drawn_for_validation(videos, split, seed)) == wished:
            return wished, seed
    return wished, None


def _number(video: VideoEntry, seed: int) -> float:
    """From 0 to below 1, the same for the same content."""
    told = f"{seed}\0{video.fingerprint or video.name}".encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(told, digest_size=6).digest()) / (1 << 48)
