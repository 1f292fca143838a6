"""Result files as nearly all programs write them, read without a Python object for each mask.

Such a file is a list of records that begin with the same key, and writes masks in one way
throughout: ``{"size": [h, w], "counts": "..."}`` or the other way round, with or without spaces.
What stands between two count strings is then the same all through a video; it is replaced by
one mark, and what is left of ``segmentations`` is what
:class:`~ifc_core.evaluation.track_iou.CodedTrack` holds. Whatever looks different in the least
ends this reader; a careful one goes on from there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from ifc_core.evaluation.track_iou import CodedTrack
from ifc_core.structures.run_lengths import NO_MASK, PAIR_END

_CHUNK_BYTES = 1 << 22
_MOST_BYTES = 1 << 28
_SPACE = b" \t\r\n"
_FIRST_RECORD = re.compile(rb"[ \t\r\n]*\[[ \t\r\n]*(\{\"[A-Za-z_]{1,40}\"[ ]?:)")
_MASKS_KEY = re.compile(rb"\"segmentations\"[ ]?:[ ]?\[")
_BACKSLASH = b"\\"


@dataclass(frozen=True, slots=True)
class PlainResult:
    """A record of a result file.

    Attributes:
        fields: Its keys; ``segmentations`` is ``None``. Nothing else is checked.
        masks: What stands under ``segmentations``. The strings may be broken.
        num_frames: Number of entries there.
    """

    fields: Mapping[str, Any]
    masks: CodedTrack
    num_frames: int


class PlainResults:
    """The records of a result file, up to the first that is not written as expected.

    Args:
        path: The file.
        sizes: Video id -> (height, width) that masks must have.

    Attributes:
        is_complete: Whether the file ended with the last record that was given; False while
            there are more.
    """

    def __init__(self, path: Path, sizes: Mapping[int, tuple[int, int]]) -> None:
        self._path = path
        self._sizes = sizes
        self.is_complete = False

    def __iter__(self) -> Iterator[PlainResult]:
        try:
            with self._path.open("rb") as file:
                for text, is_last in _split_records(file):
                    result = _parse(text, self._sizes)
                    if result is None:
                        return
                    self.is_complete = is_last
                    yield result
        except OSError:
            return  # the careful reader finds the reason


def _split_records(file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Each record as text with doubled backslashes made single, and whether the file ends there."""
    rest = file.read(_CHUNK_BYTES)
    head = _FIRST_RECORD.match(rest)
    if head is None:
        return
    # A quote in a string is escaped, so this can be nothing but the beginning of an object.
    opening = head.group(1)
    rest = rest[head.start(1) :]
    while len(rest) < _MOST_BYTES:
        more = file.read(max(_CHUNK_BYTES, len(rest)))
        rest += more
        cut = rest.rfind(opening) if more else len(rest)
        # At once for many records: each has a few, and splitting one by one takes longer.
        text = _unescaped(rest[:cut])
        rest = rest[cut:]
        if text is None:
            return
        parts = text.split(opening)[1:]
        for place, part in enumerate(parts, start=1):
            is_last = not more and place == len(parts)
            record = _without(part, b"]" if is_last else b",")
            if record is None:
                return
            yield opening + record, is_last
        if not more:
            return


def _without(text: bytes, end: bytes) -> bytes | None:
    """An object without what stands behind it; ``None`` where that is not ``end``."""
    text = text.rstrip(_SPACE)
    if not text.endswith(end):
        return None
    text = text[: -len(end)].rstrip(_SPACE)
    return text if text.endswith(b"}") else None


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _parse(text: bytes, sizes: Mapping[int, tuple[int, int]]) -> PlainResult | None:
    """Read one record, ``None`` where it is not written as expected."""
    key = _MASKS_KEY.search(text)
    if key is None:
        return None
    style = _Style.of(text, key.end())
    end = style.end_of_list(text, key.end())
    if end < 0:
        return None
    try:
        others = text[: key.end() - 1] + b"null" + text[end + 1 :]
        if _BACKSLASH in others:
            return None  # what was escaped there is not any more
        fields = _DECODER.decode(others.decode("utf-8"))
        is_whole = fields["segmentations"] is None  # else the key belongs to another object
        size = sizes[fields["video_id"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    coded = style.coded(text[key.end() : end], size) if is_whole else None
    if coded is None:
        return None
    return PlainResult(fields, CodedTrack(coded), coded.count(PAIR_END) + coded.count(NO_MASK))


@dataclass(frozen=True, slots=True)
class _Style:
    """How masks are written.

    Attributes:
        is_size_first: Whether the size stands before the counts.
        space: What stands behind commas and colons.
    """

    is_size_first: bool
    space: bytes

    @classmethod
    def of(cls, text: bytes, begin: int) -> _Style:
        """The style of the first mask after a place, any where there is none."""
        first = text.find(b"{", begin)
        is_size_first = text.startswith(b'{"size"', first)
        if first < 0:
            behind = begin + len(b"null,")
        else:
            behind = first + len(b'{"size":' if is_size_first else b'{"counts":')
        return cls(is_size_first, b" " if text[behind : behind + 1] == b" " else b"")

    def end_of_list(self, text: bytes, begin: int) -> int:
        """Where the last list of masks that begins after a place is closed, negative if nowhere."""
        end = text.rfind(b'"}]' if self.is_size_first else b"]}]", begin)
        after_none = text.rfind(b"null]", max(begin, end))
        return after_none + 4 if after_none >= 0 else end + 2 if end >= 0 else -1

    def coded(self, text: bytes, size: tuple[int, int]) -> bytes | None:
        """The entries of a list of masks with marks in place of all else; ``None`` if unsure."""
        space = self.space
        numbers = b"%b[%d,%b%d]" % (space, size[0], space, size[1])
        if self.is_size_first:
            opening = b'{"size":%b,%b"counts":%b"' % (numbers, space, space)
            closing = b'"}'
        else:
            opening = b'{"counts":%b"' % space
            closing = b'",%b"size":%b}' % (space, numbers)
        if NO_MASK in text:
            return None
        comma = b"," + space
        coded = text.replace(closing + comma + opening, PAIR_END)
        if not coded.startswith(opening) or not coded.endswith(closing) or coded.count(b"{") > 1:
            coded = _mark_missing(coded, comma, opening, closing)
        if coded.startswith(opening):
            coded = coded[len(opening) :]
        elif not coded.startswith(NO_MASK):
            return None
        if coded.endswith(closing):
            coded = coded[: -len(closing)] + PAIR_END
        elif not coded.endswith(NO_MASK):
            return None
        return None if b"{" in coded or b"}" in coded or b"," in coded else coded


def _unescaped(text: bytes) -> bytes | None:
    """Text with its doubled backslashes made single; ``None`` where others are."""
    if _BACKSLASH not in text:
        return text
    parts = text.split(_BACKSLASH)  # nothing stands between the two of a pair
    return None if len(parts) % 2 == 0 or any(parts[1::2]) else _BACKSLASH.join(parts[::2])


def _mark_missing(coded: bytes, comma: bytes, opening: bytes, closing: bytes) -> bytes:
    """Put ``NO_MASK`` where frames have none."""
    coded = coded.replace(comma + b"null", NO_MASK)
    if coded.startswith(b"null"):
        coded = NO_MASK + coded[len(b"null") :]
    coded = coded.replace(closing + NO_MASK, PAIR_END + NO_MASK)
    return coded.replace(NO_MASK + comma + opening, NO_MASK)
