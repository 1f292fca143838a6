"""Parents that an import would leave out are told when a file is checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ifc_core.annotation.lineage import ancestors
from ifc_core.io.ytvis import read_ytvis, validate_ytvis


def write_links(path: Path, links: dict[int, int | None], videos: dict[int, int]) -> Path:
    """A file of annotations without masks, in the order of ``links``."""
    data = {
        "videos": [
            {"id": n, "height": 4, "width": 4, "length": 1, "file_names": [f"{n}/0.jpg"]}
            for n in (1, 2)
        ],
        "categories": [{"id": 1, "name": "cell"}],
        "annotations": [
            {
                "id": track,
                "video_id": videos.get(track, 1),
                "category_id": 1,
                "segmentations": [None],
                "ifc_studio": {"parent": parent, "states": [[None, 1]], "sources": [[None, 1]]},
            }
            for track, parent in links.items()
        ],
    }
    path.write_text(json.dumps(data))
    return path


def told(path: Path) -> list[tuple[str, str]]:
    return [(problem.where, problem.message) for problem in validate_ytvis(path)]


def place(number: int) -> str:
    return f"annotations[{number}].ifc_studio.parent"


def test_sound_kin_are_no_problem(tmp_path: Path) -> None:
    links = {5: None, 3: 5, 4: 5, 9: 3, 2: 9}
    assert told(write_links(tmp_path / "a.json", links, {})) == []


def test_a_parent_of_another_video_is_told(tmp_path: Path) -> None:
    links = {1: 2, 2: None, 3: 3, 4: 8}
    path = write_links(tmp_path / "a.json", links, {2: 2})
    assert told(path) == [
        (place(0), "2 is an annotation of another video."),
        (place(2), "3 is the id of no other annotation."),
        (place(3), "8 is the id of no other annotation."),
    ]
    assert [track.parent_id for track in read_ytvis(path).tracks] == [2, None, 3, 8]


def test_a_ring_is_told_once_and_what_hangs_on_it_is_not(tmp_path: Path) -> None:
    links = {7: 1, 3: 2, 1: 3, 2: 1, 8: 7, 5: 4, 4: 5}
    assert told(write_links(tmp_path / "a.json", links, {})) == [
        (place(3), "1 descends from this annotation itself."),
        (place(6), "5 descends from this annotation itself."),
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(1, 8)), min_size=8, max_size=8))
def test_those_that_an_import_leaves_out_are_told(
    tmp_path_factory: pytest.TempPathFactory, parents: list[int | None]
) -> None:
    tmp_path = tmp_path_factory.mktemp("kin")
    links = {n + 1: parent for n, parent in enumerate(parents)}
    kept: dict[int, int] = {}
    left_out = []
    for child, parent in links.items():  # as edits.lineage.link_all does
        if parent is None:
            continue
        if child in (parent, *ancestors(kept, parent)):
            left_out.append(place(child - 1))
        else:
            kept[child] = parent
    problems = told(write_links(tmp_path / "a.json", links, {}))
    assert sorted(where for where, _ in problems) == sorted(left_out)


def test_a_long_line_of_descent_is_followed_once(tmp_path: Path) -> None:
    count = 5_000
    links = {n: n + 1 for n in range(1, count)} | {count: 1}
    assert told(write_links(tmp_path / "a.json", links, {})) == [
        (place(count - 1), "1 descends from this annotation itself.")
    ]
