"""Errors as the window tells them: short, and so that every line of them fits."""

from __future__ import annotations

import re
from pathlib import Path

_LONG = 24  # letters from which on a word may be broken
_SEAM = "\u200b"  # takes no room, and a line may end there


def told(error: Exception | str) -> tuple[str, str]:
    """An error as one sentence that names only the file, and the whole path for the tip.

    Args:
        error: The error, or a sentence that is told as it is.

    Returns:
        The sentence, and the path, empty where the sentence has none.
    """
    sentence = str(error)
    whole = str(getattr(error, "path", None) or "")
    name = Path(whole).name
    if not name or whole == name or whole not in sentence:
        return sentence, ""
    return sentence.replace(whole, f"“{name}”"), whole


def breakable(text: str) -> str:
    """A text whose long names may go on in the next line, after what parts their words."""

    def seamed(word: re.Match[str]) -> str:
        return re.sub(r"(?<=[/\\_.\-])(?=.)", _SEAM, word[0])

    return re.sub(rf"\S{{{_LONG},}}", seamed, text)
