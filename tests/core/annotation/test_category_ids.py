"""Ids of classes that only a version of the project still knows."""

import json

import pytest

from ifc_core.annotation import Project
from ifc_core.annotation.edits import RemoveCategory, SetCategory
from ifc_core.annotation.exporting import ExportOptions, ExportScope, export_project
from ifc_core.annotation.importing import import_annotations
from ifc_core.structures import Category

from .conftest import SIZE, box


def test_no_category_gets_an_id_that_a_version_of_an_older_project_learnt(project):
    project.apply(RemoveCategory(2, replace_with=1))
    project._db.execute("DELETE FROM meta WHERE key = 'highest_category'")
    assert project.free_category_id() == 2
    project.add_model("v1", "v1", provenance={"category_ids": {"dog": 2, "cat": 1}})
    project.add_model("v2", "v2", provenance={"category_ids": {"cat": 1}})
    assert project.free_category_id() == 3


@pytest.mark.parametrize(
    "provenance",
    [
        "",
        "{",
        "[7]",
        "[" * 100_000,
        '{"category_ids": 7}',
        '{"category_ids": [7]}',
        '{"category_ids": {"a": true, "b": "7", "c": 7.0, "d": null, "e": [7], "f": {"g": 7}}}',
        '{"category_ids": {"a": -7, "b": 0, "c": 2147483649, "d": 1e400, "e": NaN}}',
        '{"category_ids": {"a": ' + "9" * 5000 + "}}",
        b'{"category_ids": {"\xff": -7}}',
    ],
)
def test_damaged_provenance_of_a_version_takes_no_id(project, provenance):
    project.add_model("v1", "v1", provenance={"category_ids": {"bird": 4}})
    project.add_model("v2", "v2")
    for kind in ("BLOB", "TEXT"):
        put = f"UPDATE models SET provenance = CAST(? AS {kind}) WHERE name = 'v2'"  # noqa: S608
        project._db.execute(put, (provenance,))
        assert project.free_category_id() == 5


DAMAGED = ["", "three", "-3", "3.0", "9" * 30, "9" * 5000, str((1 << 62) - 1), b"\xff", None]


@pytest.mark.parametrize("value", DAMAGED)
def test_a_damaged_note_of_the_highest_id_is_found_again(project, value):
    project.apply(SetCategory(Category(6, "fox")))
    project.apply(RemoveCategory(6))  # only the history knows it now
    put = "UPDATE meta SET value = CAST(? AS TEXT) WHERE key = 'highest_category'"
    if value is None:
        put = "UPDATE meta SET value = x'07ff' WHERE key = ?"
        value = "highest_category"
    project._db.execute(put, (value,))
    assert project.free_category_id() == 7
    project.apply(SetCategory(Category(7, "owl")))
    project.compact(keep_edits=0)
    project.apply(RemoveCategory(7))
    project.compact(keep_edits=0)
    assert project.free_category_id() == 8  # it is noted again
    assert project.check() == []


def test_a_damaged_note_is_found_again_beside_a_damaged_history(project):
    project.add_model("v1", "v1", provenance={"category_ids": {"fox": 6}})
    project._db.execute("UPDATE meta SET value = '?' WHERE key = 'highest_category'")
    project._db.execute("UPDATE journal SET delta = x'00ff'")
    assert project.free_category_id() == 7
    assert "The highest_category of the project cannot be read." in project.check()


def one_class(tmp_path, category_id):
    """A file with a video, a track and its class."""
    track = {"id": 1, "video_id": 1, "category_id": category_id}
    mask = {"size": list(SIZE), "counts": box(1, 2).to_coco()["counts"]}
    content = {
        "videos": [{"id": 1, "height": SIZE[0], "width": SIZE[1], "length": 1,
                    "file_names": ["far/0.jpg"]}],
        "categories": [{"id": category_id, "name": "fox"}],
        "annotations": [{**track, "segmentations": [mask]}],
    }  # fmt: skip
    path = tmp_path / "far.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("highest", [(1 << 62) - 1, 1 << 61, (1 << 60) - 1, 1 << 40])
def test_after_the_highest_id_of_a_file_there_are_others(project, tmp_path, highest):
    import_annotations(project, one_class(tmp_path, highest))
    for name in ("owl", "elk"):
        project.apply(SetCategory(Category(project.free_category_id(), name)))
    ids = {category.name: category.id for category in project.categories()}
    assert len(set(ids.values())) == 5
    assert (ids["fox"] == highest) == (highest < 1 << 60)
    target = tmp_path / "out.json"
    export_project(project, target, options=ExportOptions(scope=ExportScope.EVERYTHING))
    with Project.create(tmp_path / "q.ifcproj") as other:
        import_annotations(other, target)
        assert {category.name: category.id for category in other.categories()} == ids


def test_a_class_that_has_the_highest_id_by_now_leaves_others_free(project):
    project.apply(SetCategory(Category((1 << 62) - 1, "fox")))
    assert project.free_category_id() == 3
    project._db.execute("UPDATE meta SET value = ? WHERE key = 'highest_category'", (1 << 62,))
    assert project.free_category_id() == 3
