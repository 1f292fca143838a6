"""Problems of annotation files: raised one by one, or listed."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from ifc_core.errors import FormatError

MAX_PROBLEMS = 1000
MAX_NAME_LETTERS = 1000
"""Of a class or an object; what a model keeps of it is less."""
_MOST_LISTED = 5  # names in a sentence
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE | re.DOTALL)

# C0 and C1, and the marks that end a line or turn its direction around; joiners are letters' own.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with an annotation file.

    Attributes:
        where: Its place, such as ``annotations[3].segmentations[7]``.
        message: What is wrong, as a sentence.
    """

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class TooManyProblems(Exception):  # noqa: N818 - it ends a listing, it is not an error
    """The listing of problems is full."""


class Reporter:
    """Raises at the first problem, or notes them all.

    Args:
        path: The file.
        problems: Where to note problems; without it they are raised.
    """

    def __init__(self, path: Path, problems: list[Problem] | None = None) -> None:
        self.path = path
        self.problems = problems

    @property
    def is_strict(self) -> bool:
        """Whether a problem raises."""
        return self.problems is None

    def __call__(
        self, where: str, message: str, expected: object = None, actual: object = None
    ) -> None:
        """Deal with a problem.

        Args:
            where: Its place in the file.
            message: A sentence.
            expected: What the format asks for.
            actual: What was found.

        Raises:
            FormatError: If strict.
            TooManyProblems: If the listing is full.
        """
        if self.problems is None:
            raise FormatError(
                f"{self.path.name}, {where}: {message}"
                if where
                else f"{self.path.name}: {message}",
                path=self.path,
                where=where,
                expected=expected,
                actual=actual,
            )
        self.problems.append(Problem(where, message))
        if len(self.problems) >= MAX_PROBLEMS:
            raise TooManyProblems


def is_int(value: object) -> TypeGuard[int]:
    """Whether a JSON value is an integer (true and false are not)."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_finite(value: object) -> TypeGuard[int | float]:
    """Whether a JSON value is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 1 << 63 and math.isfinite(value)


def is_text(value: object) -> TypeGuard[str]:
    """Whether a value is text that UTF-8 can hold: JSON and file names may have half characters."""
    if not isinstance(value, str):
        return False
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def has_controls(text: str) -> bool:
    """Whether a text holds characters that command a terminal, break lines or turn them around."""
    return _CONTROLS.search(text) is not None


def printable(text: str) -> str:
    """Text for people, with ``?`` for what UTF-8 cannot hold and for what commands a terminal."""
    return _CONTROLS.sub("?", text.encode("utf-8", "replace").decode("utf-8"))


def for_terminal(text: str) -> str:
    """One or more lines as a terminal may get them, whatever names are in them."""
    return _CONTROLS.sub(lambda found: found[0] if found[0] in "\n\t" else "?", text)


def why_no_file(path: Path) -> str:
    """Why what lies at a path cannot be read as files and folders are, as a sentence; else empty.

    Opening a pipe may wait for ever, and no pipe can be read twice. What is not there is left to
    the caller.

    Args:
        path: What a person named.
    """
    if path.is_file() or path.is_dir() or not path.exists():
        return ""
    return f"{path} is a pipe or a device, and files are read more than once; save it first."


def why_not_named(name: str, most: int) -> str:
    """Why a text is no name of a class or an object, as the end of a sentence; else empty.

    Args:
        name: The text.
        most: Letters that it may have.
    """
    if has_controls(name):
        return "holds control characters or line breaks"
    return f"has {len(name):,} letters, and {most} are the most" if len(name) > most else ""


def as_name(text: str) -> str:
    """A text as a name that :func:`why_not_named` lets pass: one of an older project, say."""
    return printable(text)[:MAX_NAME_LETTERS]


def no_device(name: str) -> str:
    """A file name, with ``_`` before it where Windows would take it for a device (``aux.mp4``)."""
    return f"_{name}" if _DEVICE.fullmatch(name) else name


def listed(names: Sequence[object]) -> str:
    """The first five names with commas between them, and whether there are more."""
    return ", ".join(map(str, names[:_MOST_LISTED])) + (
        " and more" if len(names) > _MOST_LISTED else ""
    )


def shown(value: object) -> str:
    """A value for a message, cut short."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
