"""Frames of an export are named so that they are the same frames wherever the file is read."""

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from ifc_core.annotation import Project, Scope, edits, locating
from ifc_core.annotation.exporting import ExportFormat, ExportOptions, ExportScope, export_project
from ifc_core.annotation.importing import import_annotations
from ifc_core.data.labelled_video import FrameStore
from ifc_core.data.video_source import read_ytvis_videos
from ifc_core.io.video import open_video
from ifc_core.structures import Category, RLEMask, Video

SIZE = (16, 40)
FRAMES = (4, 5, 7)
FORMATS = [
    ExportFormat.YTVIS,
    ExportFormat.COCO,
    ExportFormat.DAVIS,
    ExportFormat.MOTS,
    ExportFormat.LABELME,
]
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


def forbid(monkeypatch, folder):
    """What lies below a folder may not be looked at, as in one that may not be entered."""
    real = os.stat

    def stat(path, *args, **kwargs):
        if not isinstance(path, int) and folder in Path(os.fsdecode(path)).parents:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(Path, "stat", lambda self, **kwargs: stat(self, **kwargs))


@pytest.mark.parametrize("name", ["closed/clip", "n" * 300])
def test_a_place_that_cannot_be_looked_at_is_one_that_is_not_found(tmp_path, monkeypatch, name):
    place = tmp_path / name
    with Project.create(tmp_path / "a.ifcproj") as project:
        project.add_video(Video(place, 10, *SIZE, 30.0, "10-" + "a" * 32), "clip")
        project.apply(edits.SetCategory(Category(1, "ball")))
        project.apply(edits.NewTrack(1, 1, 4, mask(4)))
        forbid(monkeypatch, tmp_path / "closed")
        options = ExportOptions(
            scope=ExportScope.EVERYTHING, include_studio_key=False, frame_scope=Scope(4, 5)
        )
        export_project(project, tmp_path / "out.json", options=options)
        content = json.loads((tmp_path / "out.json").read_text())
        assert content["videos"][0]["file_names"] == ["clip/00004.jpg", "clip/00005.jpg"]
        content["videos"][0]["file_names"] = [f"{name}x/00004.jpg", f"{name}x/00005.jpg"]
        (tmp_path / "out.json").write_text(json.dumps(content))
        assert import_annotations(project, tmp_path / "out.json").missing_videos


def add_missing(project, count, name):
    """Videos that are nowhere, each with a mask."""
    project.apply(edits.SetCategory(Category(1, "ball")))
    for number in range(count):
        fingerprint = f"{7000 + number}-{'a' * 32}"
        project.add_video(
            Video(Path(f"/nowhere/{name.format(number)}"), 10, *SIZE, 30.0, fingerprint)
        )
        project.apply(edits.NewTrack(number + 1, 1, 4, mask(4)))


@pytest.mark.parametrize(("name", "looks"), [("v{}.mp4", 0), ("v{}", 1)])
def test_the_disk_is_searched_once_at_most(tmp_path, monkeypatch, name, looks):
    """Not at all for results and for films, whose frames have no names."""
    walks = []
    walk = locating._walk
    monkeypatch.setattr(locating, "_walk", lambda f: walks.append(f) or walk(f))
    with Project.create(tmp_path / "a.ifcproj") as project:
        add_missing(project, 6, name)
        options = ExportOptions(
            scope=ExportScope.EVERYTHING, include_studio_key=False, frame_scope=Scope(4, 5)
        )
        results = ExportFormat.YTVIS_RESULTS
        export_project(project, tmp_path / "out.json", options=options)
        assert len(walks) == looks
        export_project(project, tmp_path / "results.json", results, options)
        walks.clear()
        import_annotations(project, tmp_path / "results.json")
        assert not walks
        import_annotations(project, tmp_path / "out.json")
        assert len(walks) == 1


def test_folders_that_are_not_found_are_told(tmp_path):
    clip = make_clip(tmp_path / "clip", "img_{:04d}.png")
    with make_project(tmp_path / "a.ifcproj", clip) as project:
        assert export_project(project, tmp_path / "there.json", options=PLAIN).notes == ()
        away = clip.rename(tmp_path / "a.ifcproj" / "runs" / "deep")
        (note,) = export_project(project, tmp_path / "away.json", options=PLAIN).notes
        assert note.startswith("The folder of clip was not found, so its frames are named by")
        results = ExportFormat.YTVIS_RESULTS  # they name no frames
        assert export_project(project, tmp_path / "r.json", results, PLAIN).notes == ()
        away.rename(clip)

        def told(file):
            return " ".join(import_annotations(project, tmp_path / file).notes)

        assert "the numbers in the names alone say" not in told("there.json")
        assert "The pictures of clip have other names than in the file" in told("away.json")


def test_several_folders_that_are_not_found_are_one_sentence(tmp_path):
    with Project.create(tmp_path / "a.ifcproj") as project:
        add_missing(project, 6, "v{}")
        options = ExportOptions(scope=ExportScope.EVERYTHING)
        (note,) = export_project(project, tmp_path / "out.json", options=options).notes
    found = "The folders of 6 videos were not found (v0, v1, v2, v3, v4 and more), so their"
    assert note.startswith(found)


def test_more_zeros_are_the_same_name(tmp_path):
    clip = make_clip(tmp_path / "clip", "{:03d}.png")
    with make_project(tmp_path / "a.ifcproj", clip) as project:
        export_project(project, tmp_path / "mots", ExportFormat.MOTS)
        report = import_annotations(project, tmp_path / "mots")
        frames = [f.frame_index for f in project.track_frames(project.tracks(1)[-1].id)]
    assert not any("alone say" in note for note in report.notes)
    assert frames == list(FRAMES)


def test_the_key_does_not_move_masks_in_pictures_that_an_export_wrote(tmp_path):
    """There frame 4 of the key's video is the third picture."""
    clip = make_clip(tmp_path / "clip", "{:05d}.png")
    out = tmp_path / "out"
    out.mkdir()
    with make_project(tmp_path / "a.ifcproj", clip) as project:
        whole = ExportOptions(
            scope=ExportScope.EVERYTHING, frame_scope=Scope(2, 9), write_frames=True
        )
        for frame in range(2, 10):
            project.apply(edits.SetMask(1, frame, mask(frame)))
        export_project(project, out / "all.json", options=whole)
        export_project(project, out / "part.json", options=ExportOptions(frame_scope=Scope(4, 5)))
    with Project.create(out / "b.ifcproj") as other:
        import_annotations(other, out / "all.json")
        import_annotations(other, out / "part.json")
        first, second = (
            {r.frame_index: r.rle for r in other.track_masks(t.id)} for t in other.tracks(1)
        )
    assert sorted(second) == [2, 3]
    assert second == {frame: first[frame] for frame in second}
