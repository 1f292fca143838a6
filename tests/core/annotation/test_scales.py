"""The scale and the rate that a person gives a video."""

import math

import pytest

from ifc_core.annotation.edits import AddVideo, SetVideo
from ifc_core.errors import EditError

from .conftest import state_of, video


def test_they_are_steps_that_can_be_undone(project):
    before = state_of(project)
    project.apply(SetVideo(1, um_per_px=25_000.0))
    project.apply(SetVideo(1, given_fps=12.5))
    entry = project.video(1)
    assert (entry.um_per_px, entry.given_fps) == (25_000.0, 12.5)
    assert project.video(2).um_per_px is None
    labels = [entry.label for entry in project.history()[:2]]
    assert labels == ["Set the frames per second of a", "Set the scale of a"]
    project.apply(SetVideo(1, um_per_px=0.0))
    assert project.video(1).um_per_px is None
    project.undo()
    assert project.video(1).um_per_px == 25_000.0
    project.undo()
    project.undo()
    assert state_of(project) == before


def test_other_changes_of_a_video_leave_them(project):
    project.apply(SetVideo(1, um_per_px=2.0, given_fps=10.0))
    project.apply(SetVideo(1, name="kitchen", annotation_step=3))
    entry = project.video(1)
    assert (entry.name, entry.um_per_px, entry.given_fps) == ("kitchen", 2.0, 10.0)


def test_a_video_can_come_with_its_rate(empty):
    result = empty.apply(AddVideo(video("c", "1-cc"), given_fps=4.0, um_per_px=0.65))
    entry = empty.video(result.videos_changed[0])
    assert (entry.given_fps, entry.um_per_px) == (4.0, 0.65)
    with pytest.raises(EditError, match="a number above 0"):
        empty.apply(AddVideo(video("d", "1-dd"), um_per_px=1e-12))


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, 1e13])
@pytest.mark.parametrize("name", ["um_per_px", "given_fps"])
def test_what_is_no_measure_is_refused(project, name, value):
    before = state_of(project)
    with pytest.raises(EditError, match="a number above 0"):
        project.apply(SetVideo(1, **{name: value}))
    assert state_of(project) == before


def test_a_scale_that_no_microscope_has_is_none(project):
    with pytest.raises(EditError, match=r"0\.001 nm at least"):
        project.apply(SetVideo(1, um_per_px=1e-9))
    project.apply(SetVideo(1, um_per_px=1e-6))
    assert project.video(1).um_per_px == 1e-6


@pytest.mark.parametrize("value", ["'much'", "-3", "9e999", "x'00'"])
def test_what_stands_in_a_strange_file_in_their_place_is_none(project, value):
    query = f"UPDATE videos SET um_per_px = {value}, given_fps = {value}"  # noqa: S608
    project._db.execute(query)
    entry = project.video(1)
    assert (entry.um_per_px, entry.given_fps) == (None, None)


def test_the_rate_is_what_a_person_gave_of_pictures_and_a_films_own(project):
    project.apply(SetVideo(1, given_fps=12.5))
    assert (project.video(1).rate, project.video(2).rate) == (10.0, 10.0)
    for name, fingerprint in (("folder", "12-ab"), ("clip.mp4", "12-cd"), ("stack.tif", "99-ef")):
        added = project.apply(AddVideo(video(name, fingerprint), given_fps=4.0)).videos_changed[0]
        assert project.video(added).rate == 4.0
        project.apply(SetVideo(added, given_fps=0.0))
        assert project.video(added).rate == 10.0
