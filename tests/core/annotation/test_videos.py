"""Videos of a project: paths, names, and finding what was moved."""

import os
import shutil
import unicodedata
from dataclasses import replace

import numpy as np
import pytest

from ifc_core.annotation import Project
from ifc_core.annotation.edits import NewTrack, RemoveVideo, SetCategory, SetVideo
from ifc_core.annotation.locating import same_video, same_videos
from ifc_core.errors import EditError, ProjectError
from ifc_core.io.video import open_video
from ifc_core.structures import Category, RLEMask, Video

from .conftest import video


@pytest.fixture
def real(tmp_path, clip_file):
    """A project beside a folder with one real clip."""
    clips = tmp_path / "footage" / "clips"
    clips.mkdir(parents=True)
    path = clips / "square.mp4"
    shutil.copyfile(clip_file, path)
    with Project.create(tmp_path / "footage" / "p.ifcproj") as project:
        with open_video(path) as reader:
            project.add_video(reader.video)
        yield project


def test_paths_are_relative_and_posix(real):
    entry = real.videos()[0]
    assert entry.stored_path == "../clips/square.mp4"
    assert entry.path == real.folder.parent / "clips" / "square.mp4"
    assert real.locate_video(1) == entry.path


def test_project_and_clips_moved_together(real, tmp_path):
    real.close()
    (tmp_path / "footage").rename(tmp_path / "elsewhere")
    with Project.open(tmp_path / "elsewhere" / "p.ifcproj") as project:
        expected = tmp_path / "elsewhere" / "clips" / "square.mp4"
        assert project.videos()[0].path == expected
        assert project.locate_video(1) == expected


def test_project_moved_alone(real, tmp_path):
    real.close()
    real.folder.rename(tmp_path / "q.ifcproj")
    with Project.open(tmp_path / "q.ifcproj") as project:
        assert project.locate_video(1) == tmp_path / "footage" / "clips" / "square.mp4"
        assert project.videos()[0].stored_path == "../footage/clips/square.mp4"


def test_clip_moved_and_renamed_is_known_by_its_fingerprint(real, tmp_path):
    clip = real.videos()[0].path
    (clip.parent / "square.mp4").rename(tmp_path / "other.mp4")
    assert real.locate_video(1) is None
    assert real.locate_video(1, search=[tmp_path]) == tmp_path / "other.mp4"
    assert real.locate_video(1) == tmp_path / "other.mp4"
    assert real.undo_label == "Add video square"  # finding it is no edit


def test_another_file_of_the_same_name_is_not_taken(real):
    clip = real.videos()[0].path
    clip.write_bytes(b"something else" * 1000)
    assert real.locate_video(1) is None
    with pytest.raises(ProjectError, match="is not the video"):
        real.relink_video(1, clip)


def test_relinking_is_an_edit(real, tmp_path):
    clip = real.videos()[0].path
    clip.rename(tmp_path / "moved.mp4")
    real.relink_video(1, tmp_path / "moved.mp4")
    assert real.videos()[0].path == tmp_path / "moved.mp4"
    real.undo()
    assert real.videos()[0].path == clip


@pytest.fixture
def cut_short(tmp_path, clip_file):
    """A project that knows frames 0 to 3 of a video by its annotations alone, and the video."""
    with open_video(clip_file) as reader:
        whole = reader.video
    part = Video(tmp_path / "no" / "square.mp4", 4, *whole.size, 30.0, whole.fingerprint)
    with Project.create(tmp_path / "p.ifcproj") as project:
        project.add_video(part)
        yield project, whole


def test_relinking_makes_a_video_whole(cut_short, clip_file):
    project, whole = cut_short
    project.relink_video(1, clip_file)
    assert project.video(1).video == whole
    assert whole.num_frames == 9
    project.undo()
    assert (project.video(1).num_frames, project.video(1).fps) == (4, 30.0)
    project.redo()
    assert project.video(1).video == whole


def test_an_opened_file_makes_its_video_whole_once(cut_short):
    project, whole = cut_short
    assert project.complete_video(1, whole).num_frames == 9
    label = project.undo_label
    assert project.complete_video(1, whole).video == whole
    project.undo()
    assert label == "Locate video square"
    assert project.undo_label == "Add video square"  # the second time there was nothing to do
    assert project.complete_video(1, Video(whole.path, 9, *whole.size, 25.0, "9-x")).num_frames == 4


def shown(project, whole):
    """Show the video; returns how many frames the project gives it."""
    return project.complete_video(1, whole, is_edit=False).num_frames


def test_showing_a_video_makes_it_whole_and_leaves_the_history_alone(cut_short):
    project, whole = cut_short
    project.apply(SetVideo(1, annotation_step=5))
    project.undo()
    before = project.history()
    assert shown(project, whole) == 9
    assert project.video(1).video == whole
    assert project.history() == before
    project.redo()
    assert (project.video(1).annotation_step, project.video(1).video) == (5, whole)
    project.undo()
    assert (project.video(1).annotation_step, project.video(1).video) == (1, whole)


def test_frames_found_by_showing_are_there_however_far_one_goes_back_and_forth(cut_short):
    project, whole = cut_short
    project.apply(SetVideo(1, name="b"))
    project.apply(SetCategory(Category(1, "cat")))
    shown(project, whole)
    project.apply(NewTrack(1, 1, 7, RLEMask.from_array(np.ones(whole.size, bool))))
    while project.undo() is not None:
        pass
    assert project.videos() == []
    while project.redo() is not None:
        pass
    assert (project.video(1).video, project.video(1).name) == (whole, "b")
    assert project.mask(1, 7) is not None
    project.undo()
    project.apply(RemoveVideo(1))
    project.undo()
    assert project.video(1).video == whole


def test_a_removal_that_is_done_again_keeps_what_was_learned_in_between(cut_short):
    project, whole = cut_short
    project.apply(RemoveVideo(1))
    project.undo()
    shown(project, whole)
    project.redo()
    assert project.videos() == []
    project.undo()
    assert project.video(1).video == whole


def test_a_completion_in_the_history_can_be_taken_back_and_showing_makes_it_again(cut_short):
    project, whole = cut_short
    project.complete_video(1, whole)
    assert shown(project, whole) == 9
    project.undo()
    assert project.video(1).num_frames == 4
    assert shown(project, whole) == 9
    assert project.redo_label == "Locate video square"
    project.redo()
    assert project.video(1).video == whole


def test_a_video_known_by_name_is_found_where_its_shape_is_the_same(tmp_path, clip_file):
    with open_video(clip_file) as reader:
        whole = reader.video
    with Project.create(tmp_path / "p.ifcproj") as project:
        for length in (4, 9):
            project.add_video(Video(tmp_path / "no" / "x", length, *whole.size, 30.0, ""))
        with pytest.raises(ProjectError, match="is not the video x"):
            project.relink_video(1, clip_file)  # which four of the nine, nobody knows
        project.relink_video(2, clip_file)
        assert project.video(2).fingerprint == whole.fingerprint
        project.apply(SetVideo(1, name="y"))
        with pytest.raises(EditError, match="not the video y"):
            project.apply(SetVideo(1, found=Video(clip_file, 9, 5, 5, 30.0, "9-y")))
        with pytest.raises(EditError, match="already, as x_2"):
            project.apply(SetVideo(1, found=whole))


def test_a_place_with_another_file_is_refused_while_the_video_is_there(real, tmp_path):
    (tmp_path / "other.mp4").write_bytes(b"something else")
    with pytest.raises(ProjectError, match="is not the video"):
        real.relink_video(1, tmp_path / "other.mp4")


def test_names_are_composed_and_the_file_is_found_however_it_is_spelled(tmp_path, clip_file):
    spelled = unicodedata.normalize("NFD", "café.mp4")
    path = tmp_path / spelled
    shutil.copyfile(clip_file, path)
    with Project.create(tmp_path / "p.ifcproj") as project:
        with open_video(path) as reader:
            project.add_video(reader.video)
        assert project.videos()[0].name == unicodedata.normalize("NFC", "café")
        assert project.locate_video(1) is not None


def test_a_name_that_is_not_utf8_is_not_found_and_breaks_nothing(real):
    path = real.video(1).path
    path.rename(real.folder.parent / os.fsdecode(b"caf\xe9.mp4"))
    assert real.locate_video(1) is None
    (real.folder.parent / os.fsdecode(b"caf\xe9.mp4")).rename(real.folder.parent / "cafe.mp4")
    assert real.locate_video(1) == real.folder.parent / "cafe.mp4"


def test_frame_folders_are_known_again(tmp_path, clip_folder):
    folder = tmp_path / "frames"
    shutil.copytree(clip_folder, folder)
    with Project.create(tmp_path / "p.ifcproj") as project:
        with open_video(folder) as reader:
            project.add_video(reader.video)
        assert project.locate_video(1) == folder
        folder.rename(tmp_path / "sub")
        assert project.locate_video(1) == tmp_path / "sub"  # beside the project, renamed
        (tmp_path / "here").mkdir()
        (tmp_path / "sub").rename(tmp_path / "here" / "other")
        assert project.locate_video(1) is None
        decoy = tmp_path / "here" / "frames"
        shutil.copytree(clip_folder, decoy)
        (decoy / "00000.png").write_bytes((decoy / "00001.png").read_bytes())
        assert project.locate_video(1, [tmp_path / "here"]) == tmp_path / "here" / "other"


def test_the_same_video_twice_is_refused_and_names_stay_apart(empty):
    with pytest.raises(EditError, match="already, as a"):
        empty.add_video(video("copy.mp4", "1-aa"))
    other = Video(video("a.mp4", "").path, 5, 4, 4, 1.0, "1-cc")
    assert empty.video(empty.add_video(other)).name == "a_2"
    empty.apply(SetVideo(1, annotation_step=5))
    assert empty.video(1).annotation_step == 5
    with pytest.raises(EditError, match="step"):
        empty.apply(SetVideo(1, annotation_step=0))


def test_an_unseen_video_is_found_by_name_size_and_length_and_nothing_less(tmp_path, clip_file):
    with open_video(clip_file) as reader:
        whole = reader.video
    with Project.create(tmp_path / "p.ifcproj") as project:
        for length in (whole.num_frames, 4):
            project.add_video(Video(tmp_path / "no" / "x", length, *whole.size, 30.0, ""))
        beside = tmp_path / "x.mp4"
        shutil.copyfile(clip_file, beside)
        assert project.find_video_file(1) == beside
        assert project.find_video_file(2) is None
        assert same_video(project.videos(), replace(whole, path=beside)) == project.video(1)
        assert same_video(project.videos(), replace(whole, path=tmp_path / "y.mp4")) is None
        shown = project.complete_video(1, replace(whole, path=beside), is_edit=False)
        assert shown.fingerprint == whole.fingerprint
        assert project.undo_label == "Add video x_2"  # no edit of a person


@pytest.fixture
def benchmark(tmp_path, clip_folder):
    """Three folders of one name, shape and length, a/img1 to c/img1, and what is in them."""
    videos = {}
    for number, name in enumerate("abc"):
        folder = tmp_path / "elsewhere" / name / "img1"
        shutil.copytree(clip_folder, folder)
        first, other = folder / "00000.png", folder / f"0000{number}.png"
        first.write_bytes(other.read_bytes())
        with open_video(folder) as reader:
            videos[name] = reader.video
    return videos


def unseen(like, *names):
    return [replace(like, path=like.path.parents[2] / n, fingerprint="") for n in names]


def test_of_unseen_videos_of_one_name_the_folders_above_decide(tmp_path, benchmark):
    with Project.create(tmp_path / "p.ifcproj") as project:
        for video in unseen(benchmark["a"], "a/img1", "b/img1"):
            project.add_video(video)
        a, b = project.videos()
        assert same_video([a, b], benchmark["b"]) == b
        assert same_video([b, a], benchmark["a"]) == a
        assert same_video([a, b], benchmark["c"]) is None  # either could be meant
        assert same_videos([a, b], [benchmark[n] for n in "cba"]) == [None, b, a]
        assert same_videos([b], [benchmark["c"], benchmark["b"]]) == [None, b]  # the better one
        assert same_videos([b], [benchmark["c"], benchmark["a"]]) == [None, None]  # alike
        copied = replace(benchmark["b"], path=tmp_path / "copy" / "x")
        assert same_videos([b], [copied, benchmark["b"], copied]) == [b, b, b]
        project.relink_video(1, benchmark["a"].path)
        assert same_video(project.videos(), benchmark["c"]) is None  # as it was before


def test_what_lies_near_is_not_taken_for_one_of_several_unseen_videos(tmp_path, benchmark):
    shutil.copytree(benchmark["c"].path, tmp_path / "img1")
    with Project.create(tmp_path / "p.ifcproj") as project:
        for video in unseen(benchmark["a"], "no/a/img1", "no/b/img1"):
            project.add_video(video)
        assert [project.find_video_file(i) for i in (1, 2)] == [None, None]
        places = [project.find_video_file(i, [tmp_path / "elsewhere"]) for i in (1, 2)]
        assert places == [benchmark["a"].path, benchmark["b"].path]
