"""`ifc-studio project new --fps`: the rate of pictures, and what follows from it."""

import json
import shutil

import numpy as np
import pytest
import tifffile

from ifc_core.annotation import Project, edits
from ifc_core.io.video import open_video
from ifc_core.structures import Category, RLEMask


@pytest.fixture
def timed(tmp_path, clip_folder, run):
    """A project of pictures that follow each other ten times a second, all approved."""
    place = tmp_path / "p.ifcproj"
    assert run("new", place, clip_folder, "--fps", "10")[0] == 0
    with Project.open(place) as project:
        project.apply(edits.SetCategory(Category(1, "cat")))
        picture = np.zeros(project.video(1).size, dtype=bool)
        picture[10:25, 20:40] = True
        project.apply(edits.NewTrack(1, 1, 0, RLEMask.from_array(picture)))
        project.apply(edits.ExtendTrack(1, 8))
        project.apply(edits.ApproveTracks((1,)))
    return place


def test_the_rate_is_stored_with_pictures_alone(tmp_path, clip_folder, clip_file, timed, run):
    (video,) = json.loads(run("info", timed, "--json")[1])["videos"]
    assert video["given_fps"] == 10
    assert run("new", tmp_path / "q.ifcproj", clip_folder, clip_file, "--fps", "4")[0] == 0
    videos = json.loads(run("info", tmp_path / "q.ifcproj", "--json")[1])["videos"]
    assert [video["given_fps"] for video in videos] == [4, None]


def test_a_film_of_pictures_runs_at_their_rate(tmp_path, timed, run):
    film = tmp_path / "out.mp4"
    assert run("export", timed, "-o", film)[0] == 0
    with open_video(film) as reader:
        assert reader.video.fps == pytest.approx(10, rel=0.02)
        assert reader.pts_seconds == pytest.approx(np.arange(9) / 10, abs=1e-3)


def test_a_range_of_pictures_with_a_rate_can_be_given_by_times(tmp_path, timed, run):
    table = tmp_path / "out.csv"
    assert run("export", timed, "-o", table, "--frame-range", "0:00.2-0:00.4")[0] == 0
    lines = table.read_text(encoding="utf-8").splitlines()[1:]
    assert [line.split(",")[1] for line in lines] == ["2", "3", "4"]


@pytest.mark.parametrize("fps", ["0", "-3", "nan", "1e9"])
def test_what_is_no_rate_is_refused_and_leaves_no_project(tmp_path, clip_folder, run, fps):
    code, _, err = run("new", tmp_path / "q.ifcproj", clip_folder, "--fps", fps)
    assert (code, err.count("\n")) == (2, 1)
    assert "a number above 0" in err
    assert not (tmp_path / "q.ifcproj").exists()


def test_a_film_needs_no_rate(tmp_path, clip_file, run):
    code, _, err = run("new", tmp_path / "q.ifcproj", clip_file, "--fps", "25")
    assert code == 2
    assert "other videos tell their times" in err


@pytest.fixture
def own(tmp_path, clip_folder, timed):
    """Pictures that can be moved, and the same project of them."""
    pictures = shutil.copytree(clip_folder, tmp_path / "own")
    with Project.open(timed) as project:
        project.relink_video(1, pictures)
    return pictures


def test_a_range_by_times_means_the_same_wherever_the_pictures_lie(tmp_path, own, timed, run):
    table = tmp_path / "out.csv"
    words = ("export", timed, "-o", table, "--frame-range", "0:00.2-0:00.4")
    moved = own.rename(tmp_path / "elsewhere")
    for _ in range(2):
        assert run(*words)[0] == 0
        lines = table.read_text(encoding="utf-8").splitlines()[1:]
        assert [line.split(",")[1] for line in lines] == ["2", "3", "4"]
        shutil.rmtree(moved, ignore_errors=True)


def test_pictures_without_a_rate_have_no_times_wherever_they_lie(tmp_path, own, timed, run):
    with Project.open(timed) as project:
        project.apply(edits.SetVideo(1, given_fps=0.0))
    words = ("export", timed, "-o", tmp_path / "out.csv", "--frame-range", "0:00.2-0:00.4")
    for place in (tmp_path / "own", tmp_path / "elsewhere"):
        own = own.rename(place)
        code, _, err = run(*words)
        assert (code, "Nobody knows the times of" in err) == (2, True)
    shutil.rmtree(own)
    code, _, err = run(*words)
    assert (code, "Nobody knows the times of" in err) == (2, True)


@pytest.mark.parametrize(("given", "frames"), [(None, ["2", "3"]), (2.0, ["4", "5", "6"])])
def test_a_stack_that_tells_its_times_takes_a_range_by_them(tmp_path, run, given, frames):
    stack, place = tmp_path / "a.tif", tmp_path / "p.ifcproj"
    told = {"axes": "TYX", "finterval": 1.0}
    tifffile.imwrite(stack, np.zeros((8, 40, 60), np.uint16), imagej=True, metadata=told)
    words = ("--fps", given) if given else ()
    assert run("new", place, stack, *words)[0] == 0
    with Project.open(place) as project:
        project.apply(edits.SetCategory(Category(1, "cat")))
        picture = np.ones((40, 60), dtype=bool)
        project.apply(edits.NewTrack(1, 1, 0, RLEMask.from_array(picture)))
        project.apply(edits.ExtendTrack(1, 7))
        project.apply(edits.ApproveTracks((1,)))
    table = tmp_path / "out.csv"
    assert run("export", place, "-o", table, "--frame-range", "0:02-0:03")[0] == 0
    lines = table.read_text(encoding="utf-8").splitlines()[1:]
    assert [line.split(",")[1] for line in lines] == frames
