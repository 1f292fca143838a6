"""Translations: reading catalogues, the template that is current, and a window without gaps."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import napari_ifc.language as language

ROOT = Path(__file__).parents[2]


@pytest.fixture
def extract(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "plugins"))
    return importlib.import_module("extract_strings")


def test_a_catalogue_gives_what_is_whole_and_fits(tmp_path):
    file = tmp_path / "de.po"
    file.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
        '#: a.py\n#, python-brace-format\nmsgid "{count} tracks"\nmsgstr "{count} Spuren"\n\n'
        'msgid ""\n"Two "\n"lines"\nmsgstr "Zwei "\n"Zeilen"\n\n'
        '#, fuzzy\nmsgid "Brush"\nmsgstr "Besen"\n\n'
        'msgid "Frame {frame}"\nmsgstr "Bild {bild}"\n\n'
        'msgid "Eraser"\nmsgstr ""\n'
    )
    assert language.read_catalogue(file) == {
        "{count} tracks": "{count} Spuren",
        "Two lines": "Zwei Zeilen",
    }


@pytest.mark.parametrize(
    ("source", "target", "fits"),
    [
        ("{fps:.3g} fps, {count}", "{count}, {fps:.3g} B/s", True),
        ("{fps:.3g} fps", "{fps:d} B/s", False),
        ("{fps:.3g} fps", "{fps} B/s", False),
        ("{name!r} is gone", "{name} ist weg", False),
        ("{count} of {count}", "{count}", True),
        ("{count tracks", "{count Spuren", False),
        ("{count} tracks", "{count Spuren", False),
        ("50 }", "50 }", False),
    ],
)
def test_a_translation_takes_the_same_values_in_the_same_formats(tmp_path, source, target, fits):
    file = tmp_path / "de.po"
    file.write_text(f'msgid "{source}"\nmsgstr "{target}"\n')
    assert language.read_catalogue(file) == ({source: target} if fits else {})


def test_without_a_translation_it_is_english():
    assert language.tr("Brush") == "Brush"


def test_a_chosen_translation_is_used_from_the_next_start_on(tmp_path):
    folder = tmp_path / "data" / "languages"
    folder.mkdir(parents=True)
    (folder / "de.po").write_text('msgid "Brush"\nmsgstr "Pinsel"\n')
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "settings.toml").write_text('language = "de"\n')
    program = "from napari_ifc.language import available, tr; print(tr('Brush'), available())"
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "IFC_STUDIO_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == "Pinsel ['de']"


def test_the_template_is_current(extract):
    written = extract.TEMPLATE.read_text(encoding="utf-8")
    assert written == extract.template(), "run `make strings`"


def test_only_literals_are_translated(extract, tmp_path):
    file = tmp_path / "made.py"
    file.write_text('tr(f"{count} tracks")\n')
    with pytest.raises(ValueError, match=r"made\.py:1"):
        list(extract.literals(file))


def test_every_value_in_a_sentence_has_a_name(extract):
    for source in extract.SOURCES:
        for file in source.rglob("*.py"):
            for text, line in extract.literals(file):
                values = language.values_in(text)
                assert values is not None, f"{file}:{line}"
                assert "" not in {name for name, _, _ in values}, f"{file}:{line}"


@pytest.mark.window
def test_every_sentence_of_the_window_is_translated(qapp, tmp_path):
    answer = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("pseudo_window.py")), str(tmp_path)],
        env={
            **os.environ,
            "IFC_STUDIO_HOME": str(tmp_path / "home"),
            "IFC_STUDIO_LANGUAGE": language.PSEUDO,
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    report = json.loads(answer.stdout)
    assert report["seen"] > 1000
    assert report["untranslated"] == []
