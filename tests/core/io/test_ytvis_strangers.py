"""Names and scores that are none, and what merely follows from a fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ifc_core.io.ytvis import (
    iter_ytvis_results,
    read_ytvis,
    read_ytvis_header,
    validate_ytvis,
    validate_ytvis_results,
    write_ytvis,
)

from .test_ytvis_validation import A, V, _set, _sound, _write

FAULTS = {
    "name escape": (
        _set(*V, "file_names", 1, value="v/\x1b[2J.jpg"),
        "videos[0].file_names[1]",
        "control characters",
    ),
    "name long": (
        _set(*V, "file_names", 1, value="v/" + "x" * 5000),
        "videos[0].file_names[1]",
        "5,002 letters",
    ),
    "name of long parts": (
        _set(*V, "file_names", 1, value=("x" * 200 + "/") * 21 + "1.jpg"),
        "videos[0].file_names[1]",
        "4,226 letters",
    ),
    "class escape": (
        _set("categories", 0, "name", value="a\x1bc"),
        "categories[0].name",
        "control",
    ),
    "class lines": (_set("categories", 0, "name", value="a\nb"), "categories[0].name", "line"),
    "class turned": (
        _set("categories", 0, "name", value="a\u202eb"),
        "categories[0].name",
        "control",
    ),
    "class long": (
        _set("categories", 0, "name", value="x" * 100_000),
        "categories[0].name",
        "100,000 letters",
    ),
    "supercategory escape": (
        _set("categories", 0, "supercategory", value="\x9b"),
        "categories[0].supercategory",
        "control",
    ),
    "track escape": (
        _set(*A, "ifc_studio", "name", value="Rex\x1b"),
        "annotations[1].ifc_studio.name",
        "control",
    ),
    "score huge": (_set(*A, "score", value=1e9), "annotations[1].score", "0 to 1"),
    "score negative": (_set(*A, "score", value=-5), "annotations[1].score", "0 to 1"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found_in_its_place_and_no_other(name: str, tmp_path: Path) -> None:
    change, where, words = FAULTS[name]
    data = _sound()
    change(data)
    (problem,) = validate_ytvis(_write(tmp_path / "a.json", data))
    assert problem.where == where
    assert words in problem.message


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (_set(*V, "height", value=0), "videos[0].height"),
        (_set("categories", 0, "name", value=""), "categories[0].name"),
    ],
)
def test_what_refers_to_a_fault_is_no_fault_of_its_own(
    change: Callable[[dict[str, Any]], None], where: str, tmp_path: Path
) -> None:
    data = _sound()
    change(data)
    unknown = "category_id" if where.startswith("videos") else "video_id"
    data["annotations"][0][unknown] = 77
    places = {p.where for p in validate_ytvis(_write(tmp_path / "a.json", data))}
    assert places == {where, f"annotations[0].{unknown}"}


def test_letters_of_names_that_join_are_no_controls(tmp_path: Path) -> None:
    data = _sound()
    data["categories"][0]["name"] = "\u0645\u06cc\u200c\u062e \U0001f469\u200d\U0001f52c"
    data["videos"][0]["file_names"][0] = "bëd ünï/0\u200c.jpg"
    assert validate_ytvis(_write(tmp_path / "a.json", data)) == []


def test_evaluation_takes_any_scores_and_a_check_does_not(tmp_path: Path) -> None:
    data = _sound()
    header = read_ytvis_header(_write(tmp_path / "gt.json", data))
    result = {k: data["annotations"][0][k] for k in ("video_id", "category_id", "segmentations")}
    path = _write(tmp_path / "r.json", [{**result, "score": 7.5}])
    assert [track.score for track in iter_ytvis_results(path, header)] == [7.5]
    (problem,) = validate_ytvis_results(path, header)
    assert (problem.where, "from 0 to 1" in problem.message) == ("result 0.score", True)


def test_the_box_of_a_mask_with_runs_of_nothing_is_an_empty_one(tmp_path: Path) -> None:
    data = _sound()
    track = data["annotations"][0]
    track["segmentations"][0] = {"size": [6, 8], "counts": [48, 0]}
    track["areas"][0], track["bboxes"][0] = 0, [0, 0, 0, 0]
    path = _write(tmp_path / "a.json", data)
    assert validate_ytvis(path) == []
    write_ytvis(read_ytvis(path), tmp_path / "b.json")
    again = json.loads((tmp_path / "b.json").read_text(encoding="utf-8"))
    assert again["annotations"][0]["bboxes"] == [[0, 0, 0, 0], None]
