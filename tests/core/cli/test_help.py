"""Help reads well on a terminal of 80 columns, whichever command it is of."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from ifc_core import cli
from ifc_core.cli import application
from ifc_core.training.config import preset_names

WORDS = [
    *([name] for name in application.COMMANDS),
    *(
        [group, name]
        for group in application.GROUPS
        for name in application.load_command(group).commands
    ),
]


@pytest.fixture
def help_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> object:
    monkeypatch.setenv("COLUMNS", "80")

    def read(words: list[str]) -> str:
        assert cli.main([*words, "--help"]) == 0
        return capsys.readouterr().out

    return read


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_names_are_whole_and_arguments_are_written_once(help_of, words: list[str]) -> None:
    text = help_of(words)
    assert "Example" in text
    assert "…" not in text  # a name that is cut off cannot be typed
    usage = next(line for line in text.splitlines() if "Usage:" in line)
    assert "[[" not in usage, usage
    assert "...}" not in usage, usage
    assert "...]" not in usage.replace("[ARGS]...", ""), usage
    assert not re.search(r"\{[a-z]+\}", usage), usage  # arguments are in capitals everywhere


def test_paragraphs_break_where_the_terminal_ends(help_of) -> None:
    lines = [line.rstrip() for line in help_of(["propose"]).splitlines()]
    start = next(i for i, line in enumerate(lines) if line.startswith(" Runs near-online"))
    paragraph = lines[start : lines.index("", start)]
    assert len(paragraph) > 3
    for line, following in pairwise(paragraph):
        assert len(line) + 1 + len(following.split()[0]) > 78, line


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["train"], preset_names()),
        (["bench"], ("infer", "finetune-look", "ui")),
        (["models", "info", "default"], ("name", "preferred continuation score")),
    ],
)
def test_what_is_listed_stands_in_columns(
    capsys: pytest.CaptureFixture[str], words: list[str], names: tuple[str, ...]
) -> None:
    assert cli.main(words) == 0
    out = capsys.readouterr().out
    second = {
        re.match(r" +", line[len(name) :]).end() + len(name)
        for name in names
        for line in out.splitlines()
        if line.startswith(f"{name} ")
    }
    assert len(second) == 1, out
    assert "ifc_app" not in out  # what a bench does, not where it is
