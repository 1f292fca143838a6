"""Frames of an export are named so that they are the same frames wherever the file is read."""

import json
import shutil

import cv2
import numpy as np
import pytest

from ifc_core.annotation import Project, Scope, edits
from ifc_core.annotation.exporting import ExportFormat, ExportOptions, export_project
from ifc_core.annotation.importing import import_annotations
from ifc_core.data.labelled_video import FrameStore
from ifc_core.data.video_source import read_ytvis_videos
from ifc_core.io.video import open_video
from ifc_core.structures import Category, RLEMask

SIZE = (16, 40)
FRAMES = (4, 5, 7)
FORMATS = [ExportFormat.YTVIS, ExportFormat.COCO, ExportFormat.DAVIS, ExportFormat.MOTS]
PLAIN = ExportOptions(include_studio_key=False)
NAMINGS = {
    "from 1": "{:05d}.png",
    "from 1, six digits": "{:06d}.png",
    "with a word": "frame_{:02d}.png",
    "without numbers": "{:02d}a.png",
}


def grey(frame: int) -> int:
    return 20 + 20 * frame


def mask(frame: int) -> RLEMask:
    picture = np.zeros(SIZE, dtype=bool)
    picture[4:9, frame : frame + 5] = True
    return RLEMask.from_array(picture)


def add_clip(project, folder):
    """The folder as a video and a class."""
    with open_video(folder) as reader:
        project.add_video(reader.video)
    project.apply(edits.SetCategory(Category(1, "ball")))


def make_project(place, clip):
    """A project with an object on some approved frames, each where its number says."""
    project = Project.create(place)
    add_clip(project, clip)
    project.apply(edits.NewTrack(1, 1, FRAMES[0], mask(FRAMES[0])))
    for frame in FRAMES[1:]:
        project.apply(edits.SetMask(1, frame, mask(frame)))
    for frame in FRAMES:
        project.apply(edits.ApproveFrames(1, Scope.this_frame(frame)))
    return project


def make_clip(folder, name):
    """Ten pictures, counted from 1, whose grey is that of their frame."""
    folder.mkdir()
    for frame in range(10):
        picture = np.full((*SIZE, 3), grey(frame), dtype=np.uint8)
        cv2.imwrite(str(folder / name.format(frame + 1)), picture)
    return folder


@pytest.fixture(params=NAMINGS)
def clip(request, tmp_path):
    return make_clip(tmp_path / "clip", NAMINGS[request.param])


@pytest.mark.parametrize("is_moved", [False, True])
@pytest.mark.parametrize("form", FORMATS)
def test_annotations_of_a_folder_come_back_on_their_frames(tmp_path, clip, form, is_moved):
    target = tmp_path / "out"
    with make_project(tmp_path / "a.ifcproj", clip) as project:
        export_project(project, target, form, PLAIN)
    with Project.create(tmp_path / "b.ifcproj") as other:
        add_clip(other, clip)
        if is_moved:  # beside the project it is known again, which no path says yet
            clip.rename(tmp_path / "renamed")
        import_annotations(other, target, form)
        (track,) = other.tracks(1)
        shown = {r.frame_index: r.rle for r in other.track_masks(track.id) if r.rle is not None}
        assert shown == {frame: mask(frame) for frame in FRAMES}
        approved = () if form is ExportFormat.DAVIS else FRAMES
        assert tuple(other.exhaustive_frames(1)) == approved


@pytest.mark.parametrize("with_frames", [False, True])
@pytest.mark.parametrize("plain", [False, True])
def test_training_sees_the_pictures_that_were_annotated(tmp_path, clip, plain, with_frames):
    options = ExportOptions(include_studio_key=not plain, write_frames=with_frames)
    with make_project(tmp_path / "a.ifcproj", clip) as project:
        export_project(project, tmp_path / "train.json", options=options)
    root = tmp_path / "JPEGImages" if with_frames else tmp_path
    (video,), _ = read_ytvis_videos(tmp_path / "train.json", root)
    store = FrameStore()
    greys = [int(store.read(video, n, SIZE).mean()) for n in range(len(FRAMES))]
    assert greys == pytest.approx([grey(frame) for frame in FRAMES], abs=2)


def test_names_are_those_of_the_pictures_and_of_what_is_written(tmp_path):
    clip = make_clip(tmp_path / "clip", "{:05d}.png")
    with make_project(tmp_path / "a.ifcproj", clip) as project:
        export_project(project, tmp_path / "named.json", options=PLAIN)
        written = ExportOptions(write_frames=True)
        export_project(project, tmp_path / "written.json", options=written)
        export_project(project, tmp_path / "davis", ExportFormat.DAVIS, written)
        export_project(project, tmp_path / "mots", ExportFormat.MOTS, written)
        clip.rename(tmp_path / "a.ifcproj" / "runs" / "deep")  # where nobody looks
        export_project(project, tmp_path / "unknown.json", options=PLAIN)
    numbers = [frame + 1 for frame in FRAMES]

    def names(file):
        return json.loads((tmp_path / file).read_text())["videos"][0]["file_names"]

    def stems(folder):
        return sorted(path.stem for path in (tmp_path / folder).iterdir())

    assert names("named.json") == [f"clip/{n:05d}.png" for n in numbers]
    assert names("written.json") == [f"clip/{n:05d}.jpg" for n in numbers]
    assert names("unknown.json") == [f"clip/{n:05d}.jpg" for n in FRAMES]
    five = [f"{n:05d}" for n in numbers]
    assert stems("JPEGImages/clip") == five
    assert stems("davis/Annotations/Full-Resolution/clip") == five
    assert stems("davis/JPEGImages/Full-Resolution/clip") == five
    assert stems("mots/instances/clip") == stems("mots/images/clip")
    assert stems("mots/images/clip") == [f"{n:06d}" for n in numbers]


def test_pictures_that_differ_by_their_suffix_alone_are_named_by_index(tmp_path):
    clip = make_clip(tmp_path / "clip", "{:05d}.png")
    shutil.copy(clip / "00001.png", clip / "00001.bmp")
    with make_project(tmp_path / "a.ifcproj", clip) as project:
        export_project(project, tmp_path / "named.json", options=PLAIN)
    (video,) = json.loads((tmp_path / "named.json").read_text())["videos"]
    assert video["file_names"] == [f"clip/{n:05d}.jpg" for n in FRAMES]


@pytest.mark.parametrize("is_text", [False, True])
def test_mots_of_a_film_stays_on_its_frames(tmp_path, clip_file, is_text):
    with Project.create(tmp_path / "a.ifcproj") as project:
        add_clip(project, clip_file)
        picture = RLEMask.from_array(np.eye(*project.video(1).size, dtype=bool))
        project.apply(edits.NewTrack(1, 1, 4, picture))
        project.apply(edits.ApproveFrames(1, Scope(4, 6)))
        options = ExportOptions(write_frames=True)
        export_project(project, tmp_path / "mots", ExportFormat.MOTS, options)
        if is_text:
            shutil.rmtree(tmp_path / "mots" / "instances")
            shutil.rmtree(tmp_path / "mots" / "images")
        project.undo()
        project.apply(edits.DeleteTracks((1,)))
        import_annotations(project, tmp_path / "mots")
        (track,) = project.tracks(1)
        assert [f.frame_index for f in project.track_frames(track.id) if f.area_px] == [4]
        assert project.exhaustive_frames(1) == [4, 5, 6]
