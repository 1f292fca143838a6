"""Values of a project file that no edit writes: one sentence, whichever command meets them."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ifc_core import cli
from ifc_core.annotation import Project, ProjectReader
from ifc_core.errors import ProjectError

SPOILT: dict[tuple[str, str], Any] = {
    ("videos", "name"): b"\x01",
    ("videos", "stored_path"): "a\0b",
    ("videos", "num_frames"): "many",
    ("videos", "height"): -4,
    ("videos", "annotation_step"): "x",
    ("videos", "um_per_px"): b"\xff",
    ("categories", "color"): "red",
    ("tracks", "state"): "done",
    ("tracks", "kind"): b"\x02",
    ("tracks", "z_order"): float("inf"),
    ("tracks", "score"): "high",
    ("tracks", "category_id"): 99,
    ("current", "state"): "x",
    ("current", "mask_id"): "x",
    ("sqlite_sequence", "seq"): "x",
}


@pytest.fixture
def spoilt(project: Project, tmp_path: Path) -> Any:
    """Puts a value into a column of a copy of the project."""
    project.close()

    def put(table: str, column: str, value: Any) -> Path:
        folder = Path(shutil.copytree(project.folder, tmp_path / "spoilt.ifcproj"))
        db = sqlite3.connect(folder / "project.sqlite")
        db.execute(f"UPDATE {table} SET {column} = ?", (value,))  # noqa: S608
        db.commit()
        db.close()
        return folder

    return put


@pytest.mark.parametrize("place", SPOILT, ids=".".join)
def test_no_command_fails_for_what_is_in_the_file(
    spoilt: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: tuple[str, str]
) -> None:
    folder, table = spoilt(*place, SPOILT[place]), tmp_path / "out.csv"
    everything = ["--scope", "everything", "-o"]
    for words in (
        ["project", "info", folder],
        ["project", "export", folder, *everything, tmp_path / "out.json"],
        ["project", "export", folder, *everything, table],
        ["project", "set", folder, "--um-per-px", "0.5"],
        ["project", "pack", folder, "-o", tmp_path / "out.ifcpack"],
        ["evaluate", "--project", folder],
    ):
        assert cli.main([str(word) for word in words]) in (0, 2), words
        told = capsys.readouterr().err
        assert "The program failed" not in told
    assert cli.main(["project", "check", str(folder)]) == 2
    found = capsys.readouterr().out
    assert "cannot be used" in found or "has no category" in found


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("videos", "name", "a\0b"),
        ("categories", "name", "a\0b"),
        ("categories", "hotkey", "\0"),
        ("tracks", "name", "a\0b"),
        ("videos", "annotation_step", 1 << 40),
    ],
)
def test_what_an_edit_wrote_once_is_no_damage(
    spoilt: Any, tmp_path: Path, table: str, column: str, value: Any
) -> None:
    folder = spoilt(table, column, value)
    assert cli.main(["project", "check", str(folder)]) == 0
    for output in ("out.json", "out.csv"):
        words = ["--scope", "everything", "-o", str(tmp_path / output)]
        assert cli.main(["project", "export", str(folder), *words]) == 0


def test_a_picture_with_a_long_side_is_no_damage(tmp_path: Path) -> None:
    lines, folder = tmp_path / "lines", tmp_path / "p.ifcproj"
    lines.mkdir()
    cv2.imwrite(str(lines / "0.png"), np.zeros((2, 70_000), np.uint8))
    assert cli.main(["project", "new", str(folder), str(lines)]) == 0
    assert cli.main(["project", "check", str(folder)]) == 0


def test_the_sentence_names_the_entry(spoilt: Any) -> None:
    folder = spoilt("tracks", "state", "done")
    with pytest.raises(ProjectError) as told, ProjectReader.open(folder) as reader:
        reader.tracks(1)
    assert str(told.value) == (
        "spoilt.ifcproj is damaged: the state of entry 1 in tracks cannot be used; "
        "`ifc-studio project check` lists all of it."
    )
    assert isinstance(told.value.__cause__, ValueError)


def test_an_error_of_ours_in_a_sound_project_stays_what_it_is(project: Project) -> None:
    with pytest.raises(ValueError, match="of ours"), ProjectReader.open(project.folder):
        raise ValueError("of ours")


def test_a_description_of_tables_that_is_not_utf8_is_one_sentence(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    project.close()
    file = project.folder / "project.sqlite"
    content = file.read_bytes()
    made, spoilt = b"CREATE INDEX tracks_by_category", b"CREATE IN\xc4EX tracks_by_category"
    assert made in content
    file.write_bytes(content.replace(made, spoilt))
    for words in (["info"], ["check"], ["set", "--um-per-px", "1"]):
        assert cli.main(["project", words[0], str(project.folder), *words[1:]]) == 2, words
        told = capsys.readouterr().err
        assert told == (
            "ifc-studio: p.ifcproj is damaged: its tables cannot be read; go back to a copy.\n"
        )


@pytest.mark.parametrize("time", [1e300, float("-inf"), "later", b"\xff"])
def test_a_time_that_no_clock_shows_is_none(project: Project, time: Any) -> None:
    project.add_model("cats", "cats.safetensors", activate=True)
    for table in ("journal", "models", "model_activations"):
        project._db.execute(f"UPDATE {table} SET created_at = ?", (time,))  # noqa: S608
    assert {entry.created_at for entry in project.history()} == {0.0}
    assert [model.created_at for model in project.models()] == [0.0]
    assert project.active_model_since() == 0.0
