"""Reading large JSON files piece by piece, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TextIO

from ifc_core.errors import FormatError

_CHUNK_CHARS = 1 << 22
_MAX_VALUE_CHARS = 1 << 29
_SPACE = " \t\n\r"


class _ForbiddenNumberError(ValueError):
    """A number that JSON does not have."""


def _refuse_constant(name: str) -> NoReturn:
    raise _ForbiddenNumberError(name)


class JsonScanner:
    """Walks over a JSON text that is read in chunks.

    Args:
        file: Where to read.
        path: Its path, for messages.
    """

    def __init__(self, file: TextIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._buffer = ""
        self._position = 0
        self._is_complete = False
        self._lines = 0  # before what is held
        self._decoder = json.JSONDecoder(parse_constant=_refuse_constant)

    def fail(self, message: str, where: str = "") -> FormatError:
        """An error of this file."""
        place = f" at {where}" if where else ""
        return FormatError(f"{self._path.name}{place}: {message}", path=self._path, where=where)

    def _not_json(self, position: int, where: str) -> FormatError:
        """Text that is no JSON: the place is told by its line, which any editor shows."""
        line = self._lines + self._buffer.count("\n", 0, position) + 1
        text = f"{self._path.name}: the text is not valid JSON, or is cut off, in line {line}."
        return FormatError(text, path=self._path, where=where)

    def _fill(self, size: int) -> None:
        try:
            more = self._file.read(size)
        except UnicodeDecodeError as error:
            raise self.fail("the file is not UTF-8 text.") from error
        except OSError as error:
            raise self.fail(f"the file cannot be read ({error.strerror}).") from error
        self._is_complete = not more
        self._lines += self._buffer.count("\n", 0, self._position)
        self._buffer = self._buffer[self._position :] + more
        self._position = 0

    def peek(self) -> str:
        """The next character that is not space, empty at the end."""
        while True:
            while self._position < len(self._buffer):
                character = self._buffer[self._position]
                if character not in _SPACE:
                    return character
                self._position += 1
            if self._is_complete:
                return ""
            self._fill(_CHUNK_CHARS)

    def take(self, expected: str, where: str) -> str:
        """Step over one of the ``expected`` characters and return it."""
        character = self.peek()
        if not character or character not in expected:
            found = f"{character!r}" if character else "the end of the file"
            raise self.fail(f"expected {' or '.join(expected)!s} but found {found}.", where)
        self._position += 1
        return character

    def value(self, key: str, index: int = -1) -> Any:
        """Read one whole value; its key and index are for messages."""
        self.peek()
        while True:
            problem: json.JSONDecodeError | None = None
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._position)
                if end < len(self._buffer) or self._is_complete:
                    self._position = end
                    return value
            except _ForbiddenNumberError as error:
                message = f"{error} is not a number that JSON has."
                raise self.fail(message, _place(key, index)) from error
            except RecursionError as error:
                raise self.fail("the data is nested too deeply.", _place(key, index)) from error
            except json.JSONDecodeError as error:
                problem = error
            except ValueError as error:
                raise self.fail("a number has too many digits.", _place(key, index)) from error
            held = len(self._buffer) - self._position
            if self._is_complete and problem is not None:
                raise self._not_json(problem.pos, _place(key, index)) from problem
            if held > _MAX_VALUE_CHARS:
                message = "one entry is larger than 512 MiB, or never ends."
                raise self.fail(message, _place(key, index))
            self._fill(max(_CHUNK_CHARS, held))


def _place(key: str, index: int) -> str:
    return key if index < 0 else f"{key}[{index}]"


def iter_entries(path: Path, arrays: frozenset[str]) -> Iterator[tuple[str, int, Any]]:
    """Entries of a JSON file in file order.

    Args:
        path: The file.
        arrays: Top-level keys whose arrays are given entry by entry.

    Yields:
        ``(key, index, entry)`` for each entry of those arrays, after a mark ``(key, -1, [])``
        for the array itself; ``(key, -1, value)`` for any other key. A file that is one array
        has the key ``""``.

    Raises:
        FormatError: The file cannot be read or is not JSON.
    """
    try:
        file = path.open(encoding="utf-8-sig")
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise FormatError(f"{path} cannot be read: {reason}.", path=path) from error
    with file:
        scanner = JsonScanner(file, path)
        if scanner.peek() == "[":
            yield from _iter_array(scanner, "")
        else:
            yield from _iter_object(scanner, arrays)
        if scanner.peek():
            raise scanner.fail("there is more text after the end of the data.")


def _iter_object(scanner: JsonScanner, arrays: frozenset[str]) -> Iterator[tuple[str, int, Any]]:
    scanner.take("{", "")
    seen: set[str] = set()
    while scanner.peek() != "}":
        if seen:
            scanner.take(",", "")
        if scanner.peek() != '"':
            raise scanner.fail("expected the name of a key.")
        key = scanner.value("")
        if key in seen:
            raise scanner.fail(f"the key {key[:80]!r} occurs twice.")
        seen.add(key)
        scanner.take(":", key[:80])
        if key in arrays and scanner.peek() == "[":
            yield from _iter_array(scanner, key)
        else:
            yield key, -1, scanner.value(key[:80])
    scanner.take("}", "")


def _iter_array(scanner: JsonScanner, key: str) -> Iterator[tuple[str, int, Any]]:
    scanner.take("[", key)
    yield key, -1, []
    index = 0
    while scanner.peek() != "]":
        if index:
            scanner.take(",", key)
        yield key, index, scanner.value(key, index)
        index += 1
    scanner.take("]", key)
