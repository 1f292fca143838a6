"""``ifc-studio propose`` with a tiny model, quick enough to run many times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ifc_core import cli


@pytest.fixture(scope="session")
def propose(tiny_model_file: Path) -> Any:
    """Runs the command with further words; gives its exit status."""
    options = ["--device", "cpu", "--precision", "fp32", "--clip-length", "3"]

    def run(*words: str | Path) -> int:
        return cli.main(["propose", "--model", str(tiny_model_file), *options, *map(str, words)])

    return run


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a `project` command; gives (exit status, standard output, standard error)."""

    def call(*words: str | Path) -> tuple[int, str, str]:
        code = cli.main(["project", *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
