"""The text of tracks of the Cell Tracking Challenge, and how it agrees with the masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ifc_core.errors import FormatError
from ifc_core.io.ctc_folders import TEXTS, TRUTH, video_of
from ifc_core.io.problems import listed


class Line(NamedTuple):
    """What the text says of a label."""

    label: int
    begin: int
    end: int
    parent: int


def read_text(folder: Path) -> list[Line] | None:
    """The lines of a folder's text; ``None`` where there is no text.

    Outlines have that of the truth beside them.

    Raises:
        FormatError: It is broken.
    """
    truth = folder.parent.parent / f"{video_of(folder)}{TRUTH}" / "TRA"
    for path in (*(folder / text for text in TEXTS), truth / TEXTS[1]):
        if path.is_file():
            return _parse_all(path)
    return None


def _parse_all(path: Path) -> list[Line]:
    found: dict[int, Line] = {}
    for number, line in _lines(path):
        if not line.strip():
            continue
        parsed = _parse(line, path, number)
        if parsed.label in found:
            raise FormatError(
                f"{path}, line {number}: the label {parsed.label} is listed twice.",
                path=path,
                where=f"line {number}",
            )
        found[parsed.label] = parsed
    return list(found.values())


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="ascii") as file:
            yield from enumerate(file, start=1)
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path} is not a text of tracks.", path=path) from error


def _parse(line: str, path: Path, number: int) -> Line:
    fields = line.split()
    if len(fields) != 4 or not all(f.isdecimal() and len(f) < 10 for f in fields):
        raise FormatError(
            f"{path}, line {number}: expected 'label begin end parent'.",
            path=path,
            where=f"line {number}",
        )
    return Line(*(int(f) for f in fields))


def first_pieces(lines: Sequence[Line]) -> dict[int, int]:
    """Label -> label of the first piece of its track, where it goes on with one after a gap."""
    ends = {line.label: line.end for line in lines}
    children = Counter(line.parent for line in lines)
    first_of: dict[int, int] = {}
    for label, begin, _, parent in sorted(lines, key=lambda line: line.begin):
        goes_on = children[parent] == 1 and ends.get(parent, begin) < begin - 1
        first_of[label] = first_of.get(parent, parent) if goes_on else label
    return first_of


def disagreement(
    name: str, lines: Iterable[Line], seen: Mapping[int, tuple[int, int]]
) -> list[str]:
    """A sentence on how a text differs from the masks, if it does.

    Args:
        name: Of the video.
        lines: Of its text.
        seen: Label -> first and last frame on which it has a mask.
    """
    by_label = {line.label: line for line in lines}
    both = by_label.keys() & seen.keys()
    kinds = {
        "label of the masks is not listed": seen.keys() - by_label.keys(),
        "listed label has no mask": by_label.keys() - seen.keys(),
        "label begins or ends on another frame than is listed": {
            label for label in both if seen[label] != (by_label[label].begin, by_label[label].end)
        },
        "label has a mother without masks": {
            label for label in both if by_label[label].parent and by_label[label].parent not in seen
        },
    }
    told = [_counted(kind, labels) for kind, labels in kinds.items() if labels]
    if not told:
        return []
    return [
        f"The text of tracks of {name} does not agree with its masks, which are what counts: "
        f"{'; '.join(told)}. Divisions may be missing."
    ]


_MANY = {
    "label of the masks is not listed": "labels of the masks are not listed",
    "listed label has no mask": "listed labels have no mask",
    "label begins or ends on another frame than is listed": "labels begin or end on other frames "
    "than are listed",
    "label has a mother without masks": "labels have a mother without masks",
}


def _counted(kind: str, labels: Collection[int]) -> str:
    what = kind if len(labels) == 1 else _MANY[kind]
    return f"{len(labels)} {what} ({listed(sorted(labels))})"
