"""The language of the window: every sentence a person reads goes through :func:`tr`.

A translation is a gettext catalogue ``LANGUAGE.po``, in ``languages/`` beside this file or in
the folder ``languages`` of the user's data. ``make strings`` writes the template
``languages/ifc-studio.pot``. The language is chosen in the settings, or by
``IFC_STUDIO_LANGUAGE``, and holds from the next start on: many sentences are made once.

Values stand in a sentence by name (``"{frames} frames"``), so that a translation may order them
anew. What a translation lacks is shown in English.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter

from ifc_core.config import data_dir, read_settings
from ifc_core.errors import ConfigError

VARIABLE = "IFC_STUDIO_LANGUAGE"
PSEUDO = "x-pseudo"
"""A language that is English in brackets, to see what was not made translatable."""

_OPEN, _CLOSE = "⟦", "⟧"
_FOLDER = Path(__file__).parent / "languages"
_LINE = re.compile(r'(?:(msgid|msgstr|msgctxt)\s+)?(".*")\s*$')


def folders() -> tuple[Path, Path]:
    """Where translations are looked for, the user's own first."""
    return data_dir() / "languages", _FOLDER


def available() -> list[str]:
    """Languages that can be chosen, English left out."""
    return sorted({file.stem for folder in folders() for file in folder.glob("*.po")})


def read_catalogue(path: Path) -> dict[str, str]:
    """Read a gettext catalogue.

    Args:
        path: A ``.po`` file.

    Returns:
        English -> translation. Left out is what is empty, fuzzy, or takes other values than the
        English does or formats them otherwise (a sentence that cannot be filled in is worse
        than an English one).
    """
    found = {}
    for entry, is_fuzzy in _entries(path.read_text(encoding="utf-8")):
        source, target = entry.get("msgid", ""), entry.get("msgstr", "")
        if source and target and not is_fuzzy and _fits(source, target):
            found[source] = target
    return found


def _entries(text: str) -> Iterator[tuple[dict[str, str], bool]]:
    for block in re.split(r"\n\s*\n", text):
        entry: dict[str, str] = {}
        key = ""
        for line in block.splitlines():
            match = _LINE.match(line.strip())
            if match is None:
                continue
            key = match[1] or key
            entry[key] = entry.get(key, "") + str(ast.literal_eval(match[2]))
        yield entry, bool(re.search(r"^#,.*\bfuzzy\b", block, re.MULTILINE))


def _fits(source: str, target: str) -> bool:
    wanted = values_in(source)
    return wanted is not None and wanted == values_in(target)


def values_in(text: str) -> set[tuple[str, str, str]] | None:
    """Values in a sentence as (name, format, conversion); ``None`` where braces do not match."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        return None
    return {(name, form or "", how or "") for _, name, form, how in parts if name is not None}


def _chosen() -> str:
    named = os.environ.get(VARIABLE)
    if named is not None:
        return named
    try:
        return read_settings().language
    except ConfigError:
        return ""  # the window tells of the settings file


def _catalogue_of(language: str) -> Mapping[str, str]:
    if re.fullmatch(r"[A-Za-z0-9_@-]+", language) is None:
        return {}
    for folder in folders():
        try:
            return read_catalogue(folder / f"{language}.po")
        except (OSError, ValueError, SyntaxError):
            continue
    return {}


_language = _chosen()
_catalogue = _catalogue_of(_language)


def is_english() -> bool:
    """Whether :func:`tr` gives every sentence as it is."""
    return _language != PSEUDO and not _catalogue


def tr(text: str) -> str:
    """A sentence in the person's language.

    Args:
        text: The English one, as a literal, so that ``make strings`` finds it; values by name
            in braces, filled in with ``format`` afterwards.
    """
    if _language == PSEUDO:
        return f"{_OPEN}{text}{_CLOSE}"
    return _catalogue.get(text, text)
