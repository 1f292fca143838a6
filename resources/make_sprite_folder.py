"""Make a folder of sprites for training from the pictures of an emoji set.

The generator pastes them as objects (``ClipSpec.sprite_dir``). Any folder of WebP or PNG pictures
with transparency will do; this script picks those of an emoji set, named by code points, that show
things, people, animals, vehicles, plants and food, and leaves out flags, signs, faces and scenery::

    python resources/make_sprite_folder.py FOLDER_OF_PICTURES OUTPUT_FOLDER

The bundled model used the "3D" pictures of Fluent Emoji (MIT licence), which are not shipped.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2

_SIDE = 144
_MIN_COVER, _MAX_COVER = 0.12, 0.8
_WANTED = (
    (0x1F32D, 0x1F382), (0x1F392, 0x1F393), (0x1F399, 0x1F39B), (0x1F3A0, 0x1F3A3),
    (0x1F3A4, 0x1F3A5), (0x1F3A7, 0x1F3A9), (0x1F3AE, 0x1F3BB), (0x1F3BD, 0x1F3CE),
    (0x1F3F9, 0x1F3FA), (0x1F400, 0x1F43F), (0x1F451, 0x1F462), (0x1F466, 0x1F478),
    (0x1F47D, 0x1F47E), (0x1F481, 0x1F484), (0x1F486, 0x1F487), (0x1F490, 0x1F490),
    (0x1F4A3, 0x1F4A3), (0x1F4BA, 0x1F4BD), (0x1F4DE, 0x1F4E1), (0x1F4F7, 0x1F4FB),
    (0x1F526, 0x1F52E), (0x1F54A, 0x1F54A), (0x1F577, 0x1F57A), (0x1F5DC, 0x1F5DD),
    (0x1F680, 0x1F6A4), (0x1F6B2, 0x1F6B6), (0x1F6CB, 0x1F6CB), (0x1F6D2, 0x1F6D2),
    (0x1F6E5, 0x1F6FC), (0x1F930, 0x1F93E), (0x1F94A, 0x1F96F), (0x1F97C, 0x1F9AF),
    (0x1F9B8, 0x1F9B9), (0x1F9BA, 0x1F9BD), (0x1F9C1, 0x1F9CF), (0x1F9D1, 0x1F9DF),
    (0x1F9E2, 0x1F9EF), (0x1F9F0, 0x1F9FF), (0x1FA70, 0x1FA8F), (0x1FA90, 0x1FABF),
    (0x1FACE, 0x1FADF), (0x26F5, 0x26F5), (0x26F9, 0x26F9), (0x2708, 0x2708),
)  # fmt: skip
_JOINER = "200d"
_ACTIVE = (
    (0x1F3C2, 0x1F3CC), (0x1F483, 0x1F483), (0x1F57A, 0x1F57A), (0x1F6A3, 0x1F6B6),
    (0x1F938, 0x1F93E), (0x1F9CD, 0x1F9CF), (0x1F9D7, 0x1F9DF), (0x26F9, 0x26F9),
)  # fmt: skip
_SKIN_TONES = {"1f3fb", "1f3fc", "1f3fd", "1f3fe", "1f3ff"}
_ONE_TONE = "1f3fe"


def is_wanted(name: str) -> bool:
    """Whether a picture named by its code points, such as ``1f6b4-200d-2640-fe0f``, is taken."""
    points = name.lower().split("-")
    first = int(points[0], 16)
    active = any(low <= first <= high for low, high in _ACTIVE)
    tones = _SKIN_TONES.intersection(points[1:])
    if tones and not (active and tones == {_ONE_TONE}):
        return False
    if _JOINER in points and not active and first not in (0x1F468, 0x1F469, 0x1F9D1):
        return False
    return any(low <= first <= high for low, high in _WANTED)


def main(source: Path, output: Path) -> int:
    """Write the chosen pictures, reduced.

    Returns:
        How many there are.
    """
    output.mkdir(parents=True, exist_ok=True)
    count = 0
    for file in sorted(source.glob("*.webp")) + sorted(source.glob("*.png")):
        picture = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        if not is_wanted(file.stem) or picture is None or picture.shape[-1] != 4:
            continue
        if not _MIN_COVER <= (picture[..., 3] > 127).mean() <= _MAX_COVER:
            continue
        factor = _SIDE / max(picture.shape[:2])
        small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(output / f"{file.stem}.webp"), small, [cv2.IMWRITE_WEBP_QUALITY, 85])
        count += 1
    return count


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.stdout.write(f"{main(Path(sys.argv[1]), Path(sys.argv[2]))} pictures\n")
