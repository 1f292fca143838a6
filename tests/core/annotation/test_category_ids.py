"""Ids of classes that only a version of the project still knows."""

import pytest

from ifc_core.annotation.edits import RemoveCategory


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
