"""Pipes and devices in the place of files: a sentence at once, and nothing waits for ever."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ifc_core import cli

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pipes among files")


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A named pipe that nobody writes into."""
    place = tmp_path / "pipe.mp4"
    os.mkfifo(place)
    return place


@pytest.mark.parametrize(
    "words",
    [
        ["validate", "{pipe}"],
        ["validate", "{file}", "--gt", "{pipe}"],
        ["evaluate", "--gt", "{pipe}", "--pred", "{file}"],
        ["evaluate", "--gt", "{file}", "--pred", "{pipe}"],
        ["project", "new", "{tmp}/new.ifcproj", "{pipe}"],
        ["project", "new", "{tmp}/new.ifcproj", "--from", "{pipe}"],
        ["project", "import", "{tmp}/p.ifcproj", "{pipe}"],
        ["models", "import", "{pipe}"],
        ["propose", "{pipe}", "-o", "{tmp}/out.json"],
        ["attention", "{pipe}", "-o", "{tmp}/attention"],
    ],
    ids=" ".join,
)
def test_a_pipe_is_told_of_before_it_is_opened(
    pipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    file = tmp_path / "file.json"
    file.write_text("[]")
    assert cli.main(["project", "new", str(tmp_path / "p.ifcproj")]) == 0
    before = sorted(tmp_path.iterdir())
    capsys.readouterr()
    places = {"pipe": pipe, "tmp": tmp_path, "file": file}
    assert cli.main([word.format(**places) for word in words]) == 2
    captured = capsys.readouterr()
    assert f"{pipe} is a pipe or a device" in captured.err
    assert captured.err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
