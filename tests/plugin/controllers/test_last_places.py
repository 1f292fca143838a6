"""Where projects were left, in a file that nothing depends on."""

import shutil

import pytest

from ifc_core.jobs import JobContext
from napari_ifc.controllers.last_places import LastPlace, LastPlaces
from napari_ifc.controllers.session import open_session
from napari_ifc.controllers.videos import adding, look_through


def test_each_project_has_its_own_place(tmp_path):
    places = LastPlaces(tmp_path / "home" / "places.json")
    assert places.of(tmp_path / "a") == LastPlace()
    places.keep(tmp_path / "a", LastPlace("one", {"one": 7, "two": 3}))
    places.keep(tmp_path / "b", LastPlace("other", {"other": 1}))
    places.keep(tmp_path / "a", LastPlace("two", {"one": 8, "two": 3}))
    again = LastPlaces(tmp_path / "home" / "places.json")
    assert again.of(tmp_path / "a") == LastPlace("two", {"one": 8, "two": 3})
    assert again.of(tmp_path / "b" / ".." / "b") == LastPlace("other", {"other": 1})


def test_those_left_longest_ago_are_forgotten(tmp_path):
    places = LastPlaces(tmp_path / "places.json")
    for number in range(101):
        places.keep(tmp_path / f"p{number}", LastPlace("v", {"v": number}))
    assert places.of(tmp_path / "p0") == LastPlace()
    assert places.of(tmp_path / "p1").frames == {"v": 1}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"%s": 3}', '{"%s": {"frames": {"v": "x"}}}'])
def test_a_damaged_file_says_nothing_and_is_written_anew(tmp_path, text):
    file = tmp_path / "places.json"
    file.write_text(text.replace("%s", str(tmp_path / "a")))
    places = LastPlaces(file)
    assert places.of(tmp_path / "a") == LastPlace()
    places.keep(tmp_path / "a", LastPlace("v", {"v": 2}))
    assert places.of(tmp_path / "a") == LastPlace("v", {"v": 2})


def test_a_file_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "home").write_text("a file, where a folder would be")
    places = LastPlaces(tmp_path / "home" / "places.json")
    places.keep(tmp_path / "a", LastPlace("v", {"v": 2}))
    assert places.of(tmp_path / "a") == LastPlace()


def test_a_project_opens_with_the_video_that_was_shown_last(session, clip, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(clip, other)
    sorted(other.iterdir())[-1].unlink()
    edit, _ = adding(session.project, look_through([other], JobContext()))
    session.project.apply(edit)
    folder, (first, second) = session.project.folder, session.project.videos()
    session.project.close()

    def opened():
        again = open_session(folder)
        again.close()
        return again.entry.id

    assert opened() == first.id
    LastPlaces().keep(folder, LastPlace(second.fingerprint))
    assert opened() == second.id
    shutil.rmtree(other)  # it is not there now
    assert opened() == first.id
