"""Text of a project file that is not UTF-8: damage, or somebody's intent."""

import pytest

from ifc_core.annotation import StagedMask, edits
from ifc_core.errors import ProjectError

from .conftest import box


def spoil(project, table, column, text=b'{"a\xff": 1}'):
    put = f"UPDATE {table} SET {column} = CAST(? AS TEXT) WHERE id = 1"  # noqa: S608
    project._db.execute(put, (text,))


@pytest.mark.parametrize("column", ["provenance", "metrics"])
def test_a_version_stays_whose_facts_nobody_can_read(project, column):
    project.add_model("v1", "v1.safetensors", sha256="aa", metrics={"ap": 1}, activate=True)
    project.add_model("v2", "v2.safetensors", provenance={"run": "r"}, metrics={"ap": 2})
    spoil(project, "models", column)
    first, second = project.models()
    assert (first.name, first.sha256, getattr(first, column)) == ("v1", "aa", {})
    assert (second.provenance, second.metrics) == ({"run": "r"}, {"ap": 2})
    assert project.active_model() == first
    assert project.check() == [f"The {column} of entry 1 in models cannot be read."]


@pytest.mark.parametrize("column", ["name", "path", "sha256", "parent"])
def test_a_version_that_is_damaged_otherwise_is_one_sentence(project, column):
    project.add_model("v1", "v1.safetensors")
    spoil(project, "models", column)
    with pytest.raises(ProjectError, match=r"Entry 1 of the models of p\.ifcproj is damaged"):
        project.models()
    assert project.check() == [f"The {column} of entry 1 in models cannot be read."]


def test_a_run_is_offered_without_settings_that_are_not_utf8(project):
    run_id = project.begin_run("propose", 1, {"a": 1})
    project.stage(run_id, 0, [StagedMask(0, box(1, 1))])
    project.pause_run(run_id)
    spoil(project, "runs", "settings")
    assert [run.settings for run in project.open_runs()] == [{}]
    assert project.check() == ["The settings of entry 1 in runs cannot be read."]


def test_a_propagation_whose_settings_are_not_utf8_still_says_where_it_lost_its_object(project):
    (track_id,) = project.apply(edits.NewTrack(1, 1, 0, box(1, 1))).tracks_added
    run_id = project.begin_run("propagate", 1, {"frames": [0, 5]})
    project.stage(run_id, 1, [StagedMask(track_id, None)])
    project.apply(edits.AcceptPropagation(run_id))
    before = project.propagation_gaps(1)[track_id]
    assert (before.lost.tolist(), before.unreached.tolist()) == ([1], [2, 3, 4, 5])
    spoil(project, "runs", "settings")
    after = project.propagation_gaps(1)[track_id]
    assert (after.lost.tolist(), after.unreached.tolist()) == ([1], [])


def test_other_text_that_is_not_utf8_is_found(project):
    assert project.check() == []
    spoil(project, "videos", "name")
    assert project.check() == ["The name of entry 1 in videos cannot be read."]
