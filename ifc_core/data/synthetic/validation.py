"""The frozen validation set: seeds, settings and the hash of what they render."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from ifc_core.data.sample import ClipSample
from ifc_core.data.synthetic.scene import render_clip
from ifc_core.data.synthetic.spec import DIFFICULTIES, ClipSpec, Difficulty, World

FIRST_SEED = 9_000_000_000
"""Training draws its seeds from all of 63 bits, so meeting one of these is out of the question."""

CLIPS_PER_DIFFICULTY = 20
NUM_FRAMES = 8
FRAME_GAP = 1.5
FROZEN_OPENCV = "5.0.0"
"""OpenCV under which the hashes were taken; other builds may round differently."""

FROZEN_HASHES: dict[World, dict[Difficulty, tuple[str, ...]]] = {
    "things": {
        "easy": ("289748ac47c379228c74c3cae2bc4e04937da639725cf05a15110a23ef2fa9d4",),
        "medium": ("28568d241ff8fe249ce72e0013ff59b3841145e137bd1a0635290d9465053812",),
        "hard": ("9ceeaec25250035cfd3042bc23cc993a062c006bb20a5a357767574de9bf0b10",),
    },
    "cells": {
        "easy": (
            "425fdfc838fa84f8ecb3907b6f949ac102f77f558c13bd868542e808c18c7df5",
            "8c2ff3d93ffb4acb0e6fb78fa9079031e52cf94b48239022a04e27fff25c0eb2",
        ),
        "medium": (
            "88017108d6e1aaa5c57bc913075e7aa758157fe4fb48f4cb2a4cb8327a4d1c7e",
            "a09fa32124f6c9f8bef13667d3125d559b346aaf7e67af35e32a7aca038d4343",
        ),
        "hard": (
            "b6c4710b749183fa7b5d0d27a454397c053fe6386ad3e621d7b39055bf229068",
            "47c1bcba516f76ad84e226c25738ea1c51235d6ae1a6a0e21d8e7215bfb4a52d",
        ),
    },
}
"""What :func:`rendered_hash` gives for all clips of a difficulty. The first of each was taken
before the first model of that world was trained, on a processor with AVX-512. The second is of the
same clips on one without, where NumPy rounds exp, sin and the like the other way in the last bit:
one pixel in some ten thousand differs, by a grey level or two."""
_SIZES: dict[World, tuple[int, int]] = {"things": (192, 336), "cells": (240, 240)}


@dataclass(frozen=True, slots=True)
class ValidationClip:
    """One clip of the set.

    Attributes:
        seed: Of the generator.
        spec: Its settings: procedural only, no photographs of any folder.
        difficulty: As in ``spec``.
    """

    seed: int
    spec: ClipSpec
    difficulty: Difficulty

    def render(self) -> ClipSample:
        """The pixels and masks."""
        return render_clip(self.seed, self.spec)


def validation_clips(
    difficulty: Difficulty, count: int = CLIPS_PER_DIFFICULTY, world: World = "things"
) -> tuple[ValidationClip, ...]:
    """The first ``count`` validation clips of a difficulty and a world.

    Nothing outside the package enters them (no cut-outs, no photographs), so that they can be
    rendered anywhere.
    """
    height, width = _SIZES[world]
    spec = ClipSpec(
        height=height,
        width=width,
        num_frames=NUM_FRAMES,
        difficulty=difficulty,
        photographs=False,
        real_fraction=0.0,
        frame_gap=FRAME_GAP,
        world=world,
    )
    start = FIRST_SEED + 1_000_000 * DIFFICULTIES.index(difficulty)
    return tuple(ValidationClip(start + i, spec, difficulty) for i in range(count))


def rendered_hash(clips: Iterator[ValidationClip] | tuple[ValidationClip, ...]) -> str:
    """SHA-256 over frames and masks of clips, in order, hexadecimal."""
    digest = hashlib.sha256()
    for clip in clips:
        sample = clip.render()
        digest.update(repr(sample.masks.shape).encode())
        digest.update(sample.frames.tobytes())
        digest.update(sample.masks.tobytes())
    return digest.hexdigest()
