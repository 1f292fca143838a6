"""`ifc-studio project set` and `project new --um-per-px`: what a pixel and a frame come to."""

import json

import numpy as np
import pytest

from ifc_core.annotation import Project, edits
from ifc_core.structures import Category, RLEMask


@pytest.fixture
def both(tmp_path, clip_folder, clip_file, run):
    """A project of a folder of pictures and a film."""
    place = tmp_path / "p.ifcproj"
    assert run("new", place, clip_folder, clip_file)[0] == 0
    return place


def measures(run, place):
    videos = json.loads(run("info", place, "--json")[1])["videos"]
    return {video["name"]: (video["given_fps"], video["um_per_px"]) for video in videos}


def test_a_scale_comes_with_all_videos_and_is_shown(tmp_path, clip_folder, clip_file, run):
    place = tmp_path / "p.ifcproj"
    words = ("--um-per-px", "0.65", "--fps", "4")
    code, out, _ = run("new", place, clip_folder, clip_file, *words)
    assert code == 0
    assert list(measures(run, place).values()) == [(4, 0.65), (None, 0.65)]
    assert "0.65 um a pixel, 4 frames a second" in out
    code, _, err = run("new", tmp_path / "q.ifcproj", "--um-per-px", "0.65")
    assert (code, "none is named" in err) == (2, True)
    assert not (tmp_path / "q.ifcproj").exists()


@pytest.mark.parametrize(
    ("value", "reason"),
    [("0", "0.001 nm at least"), ("-1", "a number above 0"), ("1e13", "1,000 km"), ("nan", "nan")],
)
def test_what_is_no_scale_is_refused_and_leaves_no_project(
    tmp_path, clip_folder, run, value, reason
):
    place = tmp_path / "q.ifcproj"
    code, _, err = run("new", place, clip_folder, "--um-per-px", value)
    assert (code, err.count("\n")) == (2, 1)
    assert reason in err
    assert not place.exists()


def test_set_names_videos_or_means_all_and_is_one_step(both, run):
    code, out, _ = run("set", both, "--um-per-px", "2.5", "--fps", "12")
    assert (code, out.splitlines()) == (
        0,
        [
            "square: 2.5 um a pixel, 12 frames a second",
            "square_2: 2.5 um a pixel",
            "2 videos changed.",
        ],
    )
    with Project.open(both) as project:
        first = project.history()[0]
        assert first.label == "Set the scale and the frames per second of 2 videos"
        project.undo()
    assert set(measures(run, both).values()) == {(None, None)}
    code, out, _ = run("set", both, "square_2", "--um-per-px", "7", "--json")
    assert json.loads(out)["changed"] == ["square_2"]
    assert measures(run, both) == {"square": (None, None), "square_2": (None, 7)}


def test_zero_takes_away_and_what_is_so_already_is_no_edit(both, run):
    assert run("set", both, "square", "--fps", "5")[0] == 0
    edits_before = json.loads(run("info", both, "--json")[1])["edits"]
    assert run("set", both, "square", "--fps", "5")[1].endswith("0 videos changed.\n")
    assert json.loads(run("info", both, "--json")[1])["edits"] == edits_before
    code, out, _ = run("set", both, "square", "--fps", "0")
    assert (code, out.splitlines()[0]) == (0, "square: no scale and no rate")
    assert measures(run, both)["square"] == (None, None)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "Say what to set"),
        (("nobody", "--fps", "5"), "There is no video called nobody; there is: square, square_2."),
        (("square_2", "--fps", "5"), "square_2 tells its times itself"),
        (("--fps", "1e9"), "up to 1,000,000"),
        (("--um-per-px", "-2"), "0 takes it away"),
    ],
)
def test_what_cannot_be_set_is_said_and_changes_nothing(both, run, words, reason):
    code, _, err = run("set", both, *words)
    assert (code, err.count("\n")) == (2, 1)
    assert reason in err
    assert set(measures(run, both).values()) == {(None, None)}


def test_films_alone_need_no_rate(tmp_path, clip_file, run):
    place = tmp_path / "films.ifcproj"
    assert run("new", place, clip_file)[0] == 0
    code, _, err = run("set", place, "--fps", "25")
    assert (code, "other videos tell their times" in err) == (2, True)
    empty = tmp_path / "empty.ifcproj"
    assert run("new", empty)[0] == 0
    assert "has no videos" in run("set", empty, "--um-per-px", "1")[2]


def test_tables_follow(both, tmp_path, run):
    with Project.open(both) as project:
        project.apply(edits.SetCategory(Category(1, "cat")))
        bits = np.zeros(project.video(1).size, dtype=bool)
        bits[10:20, 20:40] = True
        project.apply(edits.NewTrack(1, 1, 0, RLEMask.from_array(bits)))
        project.apply(edits.SetMask(1, 1, RLEMask.from_array(np.roll(bits, 3, axis=1))))
    assert run("set", both, "square", "--um-per-px", "2", "--fps", "10")[0] == 0
    table = tmp_path / "t.csv"
    assert run("export", both, "-o", table, "--format", "csv-tracks")[0] == 0
    names, line = (row.split(",") for row in table.read_text("utf-8").splitlines())
    row = dict(zip(names, line, strict=True))
    assert (row["mean_area_um2"], row["path_um"], row["mean_speed_um_s"]) == (
        "800.0",
        "6.0",
        "60.0",
    )
