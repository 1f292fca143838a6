"""What an import finds, tells and refuses."""

import json
import os
import shutil

import numpy as np
import pytest

from ifc_core.annotation import Project, edits
from ifc_core.annotation.annotation_files import detect_format
from ifc_core.annotation.exporting import (
    ExportFormat,
    ExportOptions,
    ExportScope,
    export_project,
)
from ifc_core.annotation.file_videos import resolve_videos
from ifc_core.annotation.importing import import_annotations
from ifc_core.annotation.known_tracks import KnownTracks
from ifc_core.annotation.rows import PALETTE
from ifc_core.errors import FormatError, OutputError
from ifc_core.io.video import open_video
from ifc_core.io.ytvis_types import YtvisVideo
from ifc_core.structures import Category, RLEMask

from .conftest import SIZE, box

EVERYTHING = ExportOptions(scope=ExportScope.EVERYTHING)


def test_import_into_the_same_project_finds_its_videos(project, tmp_path):
    target = tmp_path / "out.json"
    export_project(project, target, options=ExportOptions())
    before = project.mask(1, 2)
    report = import_annotations(project, target)
    assert (report.videos, report.tracks, report.categories) == (0, 1, 0)
    assert len(project.tracks(1)) == 2
    assert project.mask(1, 2) == before
    assert project.mask(2, 6).rle == box(11, 20)


def test_a_track_that_was_deleted_meanwhile_is_not_there_already(project):
    known = KnownTracks(project)
    masks = {2: box(1, 2), 6: box(11, 20)}
    assert known.has(1, masks)
    assert known.has(1, {6: box(11, 20)})  # some of its frames
    assert not known.has(1, {2: box(1, 2), 6: box(11, 20), 7: box(11, 20)})
    assert not known.has(1, {6: box(11, 21)})
    project.apply(edits.DeleteTracks((1,)))
    assert not known.has(1, masks)


@pytest.mark.parametrize("form", [ExportFormat.YTVIS, ExportFormat.YTVIS_RESULTS])
def test_tracks_that_are_there_already_come_in_and_are_told(project, tmp_path, form):
    target = tmp_path / "out.json"
    project.apply(edits.NewTrack(1, 1, 2, box(1, 3)))  # of the same size elsewhere
    export_project(project, target, form, EVERYTHING)
    told = "2 tracks show only masks of one that was there already"
    assert told in " ".join(import_annotations(project, target).notes)
    assert len(project.tracks(1)) == 4
    project.undo()
    project.apply(edits.SetMask(1, 6, box(11, 21)))  # as large, but not the same
    project.apply(edits.RejectTracks((2,)))
    assert "already" not in " ".join(import_annotations(project, target).notes)


def test_results_go_to_their_video_whatever_it_is_called(project, tmp_path):
    target = tmp_path / "results.json"
    project.apply(edits.SetVideo(1, name="day 1/clip.final"))
    project.apply(edits.SetVideo(2, name="a"))  # as the file of the first is called
    export_project(project, target, ExportFormat.YTVIS_RESULTS, EVERYTHING)
    assert import_annotations(project, target).videos == 0
    assert [len(project.tracks(video.id)) for video in project.videos()] == [2, 0]


def test_annotations_beside_a_clip_find_it_by_name(project, tmp_path, clip_file):
    content = {
        "videos": [{"id": 1, "height": 48, "width": 80, "length": 9}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [],
    }
    content["videos"][0]["file_names"] = [f"square/{i:05d}.jpg" for i in range(9)]
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "labels.json").write_text(json.dumps(content))
    report = import_annotations(project, folder / "labels.json")
    assert report.missing_videos == ("square",)
    entry = project.videos()[-1]
    assert project.find_video_file(entry.id) is None  # no other file is taken for it
    project.undo()
    shutil.copyfile(clip_file, folder / "square.mp4")
    assert import_annotations(project, folder / "labels.json").missing_videos == ()
    assert project.videos()[-1].path == folder / "square.mp4"


@pytest.mark.parametrize("is_known", [False, True])
def test_frames_of_a_folder_are_told_by_their_names(tmp_path, clip_folder, is_known):
    """YouTube-VIS keeps every fifth frame under its own number, and a file may hold some."""
    folder = tmp_path / "JPEGImages" / "v"
    folder.mkdir(parents=True)
    for index, picture in enumerate(sorted(clip_folder.iterdir())):
        shutil.copy(picture, folder / f"{5 * index + 1:05d}.png")
    masks = [RLEMask.from_array(np.eye(48, 80, n, dtype=bool)).to_coco() for n in range(2)]
    video = {"id": 1, "height": 48, "width": 80, "length": 2}
    video["file_names"] = ["v/00011.jpg", "v/00031.jpg"]
    track = {"id": 1, "video_id": 1, "category_id": 1, "iscrowd": 0, "segmentations": masks}
    content = {"videos": [video], "categories": [{"id": 1, "name": "cat"}], "annotations": [track]}
    (tmp_path / "some.json").write_text(json.dumps(content))
    with Project.create(tmp_path / "p.ifcproj") as project:
        if is_known:
            with open_video(folder) as reader:
                project.add_video(reader.video)
        report = import_annotations(project, tmp_path / "some.json")
        assert report.missing_videos == ()
        assert [frame.frame_index for frame in project.track_frames(1)] == [2, 6]


@pytest.mark.parametrize(("size", "key"), [(1 << 16, 3), ((1 << 20) - 8, 1), (3 << 20, 9)])
def test_a_long_list_of_videos_hides_no_kind(tmp_path, size, key):
    """CocoVID lists its videos first, and so does YouTube-VIS."""
    start = '{"videos": [{"id": 1, "name": "' + "x" * size + '"}],' + " " * key
    path = tmp_path / "out.json"
    path.write_text(start + '"images" : [], "annotations": [{"segmentation": []}]}')
    assert detect_format(path) is ExportFormat.COCO
    path.write_text(start + '"annotations": [{"segmentations": []}]}')
    assert detect_format(path) is ExportFormat.YTVIS
    path.write_text(start + '"annotations": []}')
    assert detect_format(path) is ExportFormat.YTVIS


def test_a_video_of_another_size_is_refused(project, tmp_path):
    target = tmp_path / "out.json"
    export_project(project, target, options=EVERYTHING)
    content = json.loads(target.read_text())
    content["videos"][0].update(height=SIZE[0] + 1)
    content["annotations"] = []
    target.write_text(json.dumps(content))
    with pytest.raises(FormatError, match="30x21"):
        import_annotations(project, target, video_map={"a": 1})


def test_what_cannot_be_imported(project, tmp_path):
    with pytest.raises(FormatError, match="cannot be read"):
        import_annotations(project, tmp_path / "nothing.json")
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(FormatError, match="no format"):
        import_annotations(project, tmp_path / "x.txt")
    with pytest.raises(OutputError):
        export_project(project, tmp_path / "no" / "folder.json", options=EVERYTHING)


def named(tmp_path, file_name, *names, key=1):
    """A file with classes of these names, a track of each."""
    mask = box(1, 2).to_coco()
    tracks = range(len(names))
    content = {
        "videos": [{"id": 1, "height": 20, "width": 30, "length": 1, "file_names": ["a/0.jpg"]}],
        "categories": [{"id": key + n, "name": names[n]} for n in tracks],
        "annotations": [
            {"id": n + 1, "video_id": 1, "category_id": key + n, "segmentations": [mask]}
            for n in tracks
        ],
    }
    (tmp_path / file_name).write_text(json.dumps(content))
    return tmp_path / file_name


def test_a_class_is_known_in_every_form_of_unicode(tmp_path):
    composed, decomposed = "K\u00e4fer", "Ka\u0308fer"
    with Project.create(tmp_path / "p.ifcproj") as project:
        import_annotations(project, named(tmp_path, "a.json", decomposed, composed))
        import_annotations(project, named(tmp_path, "b.json", f"{decomposed} "))
        assert [(c.id, c.name) for c in project.categories()] == [(1, composed)]
        assert {track.category_id for track in project.tracks(1)} == {1}


def test_classes_that_were_called_the_same_before_keep_their_ids(empty, tmp_path):
    """Earlier versions could make two; neither is written over."""
    empty._db.execute("UPDATE categories SET name = 'cat'")
    import_annotations(empty, named(tmp_path, "a.json", "fox", key=2))
    import_annotations(empty, named(tmp_path, "b.json", "cat", key=7))
    assert [(c.id, c.name) for c in empty.categories()] == [(1, "cat"), (2, "cat"), (3, "fox")]


@pytest.mark.parametrize(
    ("names", "key", "expected"),
    [
        (["fox"], 2, {"fox": 3}),  # the file's id is the removed one
        (["fox"], 1, {"fox": 3}),  # the file's id is taken
        (["fox", "owl"], 2, {"owl": 3, "fox": 4}),  # one of the file keeps its own
        (["fox"], 9, {"fox": 9}),
    ],
)
def test_an_import_gives_no_class_the_id_of_one_that_was_removed(
    empty, tmp_path, names, key, expected
):
    empty.apply(edits.RemoveCategory(2))
    import_annotations(empty, named(tmp_path, "a.json", *names, key=key))
    found = {category.name: category.id for category in empty.categories()}
    assert found == {"cat": 1, **expected}
    assert [track.category_id for track in empty.tracks(1)] == [found[name] for name in names]


def test_classes_of_a_file_keep_their_ids_in_a_new_project_in_any_order(tmp_path):
    file = named(tmp_path, "a.json", "cat", "dog", "fox", key=4)
    content = json.loads(file.read_text())
    content["categories"].reverse()
    file.write_text(json.dumps(content))
    with Project.create(tmp_path / "p.ifcproj") as project:
        import_annotations(project, file)
        found = [(category.id, category.name) for category in project.categories()]
        assert found == [(4, "cat"), (5, "dog"), (6, "fox")]


def test_new_classes_of_a_file_get_colours_that_no_class_of_the_project_has(tmp_path):
    names = [f"kind {number}" for number in range(20)]
    with Project.create(tmp_path / "p.ifcproj") as project:
        project.apply(edits.SetCategory(Category(1, "object", color_rgb=PALETTE[0])))
        project.apply(edits.SetCategory(Category(2, "kind 3", color_rgb=PALETTE[2])))
        import_annotations(project, named(tmp_path, "a.json", *names, key=4))
        colors = {c.name: c.color_rgb for c in project.categories()}
    assert (colors["object"], colors["kind 3"]) == (PALETTE[0], PALETTE[2])
    assert colors["kind 0"] == PALETTE[1]
    assert len(colors) == len(set(colors.values())) == 21


def test_a_file_whose_name_is_not_utf8_is_imported(tmp_path):
    file = named(tmp_path, os.fsdecode(b"caf\xe9.json"), "cat")
    with Project.create(tmp_path / "p.ifcproj") as project:
        import_annotations(project, file)
        assert project.history()[0].label == "Import 1 track from caf?.json"


class _TooMany(tuple):
    """Names of so many pictures that they are better not looked through."""

    def __iter__(self):
        raise AssertionError("looked through")


def test_a_longer_video_is_known_for_another_one_without_its_names(project, tmp_path):
    entry = project.video(1)
    many = entry.num_frames + 1
    names = _TooMany([f"{entry.name}/{number:06d}.jpg" for number in range(many)])
    found = resolve_videos(project, [YtvisVideo(7, *SIZE, many, names)], tmp_path, {})[7]
    assert found.is_missing
    assert found.frames == tuple(range(many))
    fitting = YtvisVideo(7, *SIZE, 2, (f"{entry.name}/3.jpg", f"{entry.name}/5.jpg"))
    found = resolve_videos(project, [fitting], tmp_path, {})[7]
    assert (found.place, found.frames) == (1, (3, 5))
