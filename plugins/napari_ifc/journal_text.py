"""What the core says, in the person's language: steps of the journal, and notes.

The journal itself is stored in English, and the core knows no language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from string import Formatter

from napari_ifc.core_words import LISTS, NOTES, PARTS, QUALITY, REPORTS, STEPS, TOOLS
from napari_ifc.language import is_english, tr

_KINDS = {
    **dict.fromkeys(("count", "first", "frame", "last", "number"), "[0-9,]+"),
    "numbers": "[0-9, ]+",
}
_SENTENCE_END = re.compile(r"(?<=\.) ")
_NESTED = frozenset({"part", "other", "scope"})
_DRAWN = re.compile(
    rf"(?P<tool>{'|'.join(sorted(TOOLS, key=len, reverse=True))}) (?P<part>track .+), "
    r"(?P<scope>frame \d+)",
    re.DOTALL,
)


def step_text(label: str) -> str:
    """A line of the journal as the window shows it; as it is where its form is not known.

    Args:
        label: The line as it is stored.
    """
    return label if is_english() else _translated(label)


def note_text(note: str) -> str:
    """What an edit says besides, as the window shows it: its sentences one by one.

    Args:
        note: As ``EditResult`` has it.
    """
    if is_english() or not note:
        return note
    return " ".join(_first(part, NOTES) or part for part in _SENTENCE_END.split(note))


def report_note_text(note: str) -> str:
    """A note of an import or an export, as the window shows it.

    Args:
        note: As ``ImportReport`` or ``ExportReport`` has it.
    """
    return note if is_english() else _first(note, REPORTS) or note


def quality_note_text(note: str) -> str:
    """A note on how the proposals were judged, as the window shows it.

    Args:
        note: As ``ProjectQuality`` has it.
    """
    return note if is_english() else _first(note, QUALITY) or note


@lru_cache(maxsize=1 << 16)  # the whole journal is shown after each edit
def _translated(label: str) -> str:
    drawn = _DRAWN.fullmatch(label)
    if drawn is not None:
        part, scope = (_first(drawn[name], PARTS) for name in ("part", "scope"))
        if part is not None and scope is not None:
            return f"{tr(drawn['tool'])} {part}, {scope}"
    return _first(label, STEPS) or label


def _first(text: str, templates: Iterable[str]) -> str | None:
    return next((s for t in templates if (s := _filled(text, t)) is not None), None)


def _filled(text: str, template: str) -> str | None:
    """A text in the words of a translated template; ``None`` where it is not of its form."""
    match = _pattern(template).fullmatch(text)
    if match is None:
        return None
    values: dict[str, str] = {}
    for name, value in match.groupdict().items():
        shown = _first(value, PARTS) if name in _NESTED else value
        if name == "names":
            shown = _first(value, LISTS) or value
        if shown is None:
            return None
        values[name] = shown
    return tr(template).format(**values)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    # A part is spelt out: in "Trim track 1 to frames 0 to 5" only its form tells where it ends.
    nested = "|".join(_source(part, grouped=False) for part in PARTS)
    return re.compile(_source(template, grouped=True, nested=nested), re.DOTALL)


def _source(template: str, *, grouped: bool, nested: str = "") -> str:
    parts = []
    for literal, name, _, _ in Formatter().parse(template):
        parts.append(re.escape(literal))
        if name is not None:
            kind = _KINDS.get(name) or (nested if name in _NESTED else ".+")
            parts.append(f"(?P<{name}>{kind})" if grouped else f"(?:{kind})")
    return "".join(parts)
