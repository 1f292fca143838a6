"""Letters on pictures, as far as the OpenCV that is installed has them."""

from __future__ import annotations

import unicodedata

import cv2

_HAS_ALL_LETTERS = int(cv2.__version__.partition(".")[0]) >= 5  # before, ASCII alone


def drawable(text: str, *, has_all_letters: bool = _HAS_ALL_LETTERS) -> str:
    """A text as ``cv2.putText`` can draw it.

    Args:
        text: The text; line breaks and the like become spaces.
        has_all_letters: Whether letters beyond ASCII can be drawn. Where not they lose their
            accents, and what is then still no ASCII becomes a question mark.
    """
    line = "".join(c if c.isprintable() else " " for c in text)
    if has_all_letters:
        return line
    parted = unicodedata.normalize("NFKD", line)
    bare = "".join(c for c in parted if not unicodedata.combining(c))
    return bare.encode("ascii", "replace").decode("ascii")
