"""A project remembers how its last run was made."""

import pytest

from ifc_core.inference.settings import ProposeSettings
from napari_ifc.controllers.open_runs import scope_of
from napari_ifc.controllers.propose_choices import chosen_before


def run(session, settings, kind="propose", **more):
    values = {**settings.to_json(), **more}
    session.project.begin_run(kind, session.entry.id, values, settings.model)


def test_without_a_run_nothing_was_chosen(session):
    assert chosen_before(session.project) is None
    run(session, ProposeSettings(tiles="2x2"), kind="propagate")
    assert chosen_before(session.project) is None


def test_the_latest_run_over_a_whole_video_counts(session):
    run(session, ProposeSettings(tiles="2x2"))
    latest = ProposeSettings(duplicate_iou=0.4, region_xywh=(0, 0, 20, 20))
    run(session, latest)
    run(session, ProposeSettings(clip_length=3), scope=[2, 5])
    chosen = chosen_before(session.project)
    assert chosen == ProposeSettings(duplicate_iou=0.4)


def test_settings_that_this_version_does_not_know_are_left_alone(session):
    run(session, ProposeSettings(), magic=3)
    assert chosen_before(session.project) is None


@pytest.mark.parametrize("limits", [3, "ab", [1], [5, 2], [None, "x"], {"first": 1}])
def test_a_scope_that_makes_no_sense_is_the_whole_video(session, limits):
    run(session, ProposeSettings(tiles="2x2"), scope=limits)
    assert scope_of(session.project.runs()[0]).is_whole
    assert chosen_before(session.project) is None  # "scope" is no setting
