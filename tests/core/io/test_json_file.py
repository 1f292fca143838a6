"""JSON files that are read at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ifc_core.errors import FormatError
from ifc_core.io import json_file
from ifc_core.io.json_file import read_json_file


def test_what_is_there_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"größe": [1, 2.5, null]}', "utf-8")
    assert read_json_file(file) == {"größe": [1, 2.5, None]}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{}", b"[" * 100_000])
def test_what_is_no_json_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(content)
    with pytest.raises(FormatError, match="is not valid JSON"):
        read_json_file(file)
    with pytest.raises(FormatError, match="is not valid JSON"):
        read_json_file(tmp_path / "nowhere.json")


def test_a_file_that_would_fill_the_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.json"
    file.write_text("[1]   ")
    monkeypatch.setattr(json_file, "_MOST_BYTES", 6)
    assert read_json_file(file) == [1]
    monkeypatch.setattr(json_file, "_MOST_BYTES", 5)
    with pytest.raises(FormatError, match="MiB, too much for a file that is read at once"):
        read_json_file(file)
