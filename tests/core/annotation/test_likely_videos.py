"""Masks of a video that is found nowhere go to the only one that it may be."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from ifc_core.annotation import Project
from ifc_core.annotation.exporting import ExportFormat, ExportOptions, ExportScope, export_project
from ifc_core.annotation.file_videos import Likely, resolve_videos
from ifc_core.annotation.importing import import_annotations
from ifc_core.io.label_images import write_label_tiff
from ifc_core.io.ytvis_types import VideoDetails, YtvisVideo
from ifc_core.structures import RLEMask, Video

from .conftest import NUM_FRAMES, SIZE, state_of, video

EVERYTHING = ExportOptions(scope=ExportScope.EVERYTHING)


@pytest.fixture
def one(tmp_path):
    """A project of one video, ``c54.tif``."""
    with Project.create(tmp_path / "p.ifcproj") as project:
        project.add_video(video("c54.tif", "1-aa"))
        yield project


def challenge(root, *names, length=NUM_FRAMES):
    """Truth of one cell in videos of such names."""
    labels = np.zeros(SIZE, np.uint16)
    labels[5:12, 5:12] = 8
    for name in names:
        folder = root / f"{name}_GT" / "TRA"
        folder.mkdir(parents=True)
        for number in range(length):
            write_label_tiff(labels, folder / f"man_track{number:03d}.tif")
        (folder / "man_track.txt").write_text(f"8 0 {length - 1} 0\n")
    return root


def shaped(number, name, length=NUM_FRAMES, details=None):
    names = tuple(f"{name}/{frame:06d}.tif" for frame in range(length))
    return YtvisVideo(number, *SIZE, length, names, details)


def told(report):
    return [note for note in report.notes if "were put on" in note]


def test_truth_of_another_name_goes_to_the_only_video_as_one_edit(one, tmp_path):
    before = state_of(one)
    report = import_annotations(one, challenge(tmp_path / "z", "01") / "01_GT")
    assert (report.videos, report.missing_videos, report.masks) == (0, (), NUM_FRAMES)
    assert told(report) == [
        "The masks of 01 were put on c54, the only video of 30 x 20 pixels and 12 frames; "
        "undo if they belong elsewhere."
    ]
    assert [len(one.tracks(entry.id)) for entry in one.videos()] == [1]
    assert one.exhaustive_frames(1) == list(range(NUM_FRAMES))
    one.undo()
    after = state_of(one)
    assert (after["videos"], after["current"]) == (before["videos"], before["current"])


def test_a_folder_may_end_before_the_video_does_and_a_file_with_names_may_not(one, tmp_path):
    report = import_annotations(one, challenge(tmp_path / "z", "01", length=4))
    assert "30 x 20 pixels and at least 4 frames;" in told(report)[0]
    assert [f.frame_index for f in one.track_frames(1)] == [0, 1, 2, 3]
    one.undo()
    for length, missing in ((NUM_FRAMES, ()), (NUM_FRAMES - 1, ("ghost",))):
        mask = RLEMask.from_array(np.eye(*SIZE, dtype=bool)).to_coco()
        shape = {"height": SIZE[0], "width": SIZE[1], "length": length}
        names = [f"ghost/{n:05d}.jpg" for n in range(length)]
        track = {"id": 1, "video_id": 1, "category_id": 1, "iscrowd": 0}
        content = {
            "videos": [{"id": 1, "file_names": names, **shape}],
            "categories": [{"id": 1, "name": "cat"}],
            "annotations": [{**track, "segmentations": [mask] * length}],
        }
        (tmp_path / "a.json").write_text(json.dumps(content))
        report = import_annotations(one, tmp_path / "a.json")
        assert (report.missing_videos, bool(told(report))) == (missing, not missing)
        one.undo()


def test_what_may_be_several_is_not_guessed(one, tmp_path):
    report = import_annotations(one, challenge(tmp_path / "z", "01", "02"))
    assert (report.missing_videos, told(report)) == (("01", "02"), [])  # either may be it
    one.undo()
    one.add_video(video("d54.tif", "1-bb"))
    report = import_annotations(one, challenge(tmp_path / "y", "01"))
    assert (report.missing_videos, told(report)) == (("01",), [])  # it may be either


def test_a_video_that_another_one_of_the_file_is_called_by_is_not_taken(one, tmp_path):
    report = import_annotations(one, challenge(tmp_path / "z", "01", "c54"))
    assert (report.missing_videos, told(report)) == (("01",), [])
    assert [len(one.tracks(entry.id)) for entry in one.videos()] == [1, 1]


def test_of_two_videos_of_other_sizes_each_goes_to_its_own(one, tmp_path):
    other = Video(tmp_path / "e.tif", NUM_FRAMES, SIZE[1], SIZE[0], 10.0, "1-cc")
    one.add_video(other)
    turned = YtvisVideo(2, SIZE[1], SIZE[0], NUM_FRAMES, shaped(2, "02").file_names)
    likely = Likely({1, 2})
    found = resolve_videos(one, [shaped(1, "01"), turned], tmp_path, {}, likely)
    assert [found[number].place for number in (1, 2)] == [1, 2]
    assert all(found[number].guess for number in (1, 2))
    found = resolve_videos(one, [shaped(1, "01"), turned], tmp_path, {}, Likely({2}))
    assert [place.is_missing for place in found.values()] == [True, False]
    found = resolve_videos(one, [shaped(1, "01")], tmp_path, {})
    assert found[1].is_missing


def test_another_content_is_another_video(one, tmp_path):
    details = VideoDetails(fingerprint="1-zz")
    found = resolve_videos(one, [shaped(1, "01", details=details)], tmp_path, {}, Likely({1}))
    assert found[1].is_missing
    nameless = VideoDetails(exhaustive=(True,) * NUM_FRAMES)
    found = resolve_videos(one, [shaped(1, "01", details=nameless)], tmp_path, {}, Likely({1}))
    assert found[1].place == 1


def test_a_video_that_was_never_seen_is_no_guess_for_another_one(tmp_path):
    with Project.create(tmp_path / "q.ifcproj") as project:
        assert import_annotations(project, challenge(tmp_path / "z", "01")).videos == 1
        report = import_annotations(project, challenge(tmp_path / "y", "02"))
        assert (report.missing_videos, told(report)) == (("02",), [])


def test_frames_that_are_there_are_added_as_before(one, tmp_path, clip_frames, clip_folder):
    root = tmp_path / "z"
    labels = np.zeros(clip_frames[0].shape[:2], np.uint16)
    labels[5:12, 5:12] = 8
    (root / "01_RES").mkdir(parents=True)
    for number in range(len(clip_frames)):
        write_label_tiff(labels, root / "01_RES" / f"mask{number:03d}.tif")
    one.add_video(Video(tmp_path / "x.tif", len(clip_frames), *labels.shape, 10.0, "1-xx"))
    report = import_annotations(one, root)
    assert len(told(report)) == 1
    one.undo()
    shutil.copytree(clip_folder, root / "01")
    report = import_annotations(one, root)
    assert (report.videos, told(report)) == (1, [])


def test_pictures_one_by_one_are_one_video_of_another_name(one, tmp_path):
    target = tmp_path / "coco" / "labels.json"
    target.parent.mkdir()
    pictures = [{"id": n + 1, "file_name": f"{n:03d}.png"} for n in range(NUM_FRAMES)]
    size = {"height": SIZE[0], "width": SIZE[1]}
    mask = RLEMask.from_array(np.eye(*SIZE, dtype=bool)).to_coco()
    content = {
        "images": [{**picture, **size} for picture in pictures],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"id": 1, "image_id": 3, "category_id": 1, "segmentation": mask}],
    }
    target.write_text(json.dumps(content))
    report = import_annotations(one, target, ExportFormat.COCO)
    assert told(report)[0].startswith("The masks of coco were put on c54,")
    assert [r.frame_index for r in one.track_masks(1) if r.rle is not None] == [2]


def test_an_export_of_another_project_comes_back_to_the_same_video(one, tmp_path):
    import_annotations(one, challenge(tmp_path / "z", "01"))
    export_project(one, tmp_path / "out", ExportFormat.MOTS, EVERYTHING)
    with Project.create(tmp_path / "q.ifcproj") as other:
        other.add_video(video("renamed.tif", "1-qq"))
        report = import_annotations(other, tmp_path / "out")
        assert told(report)[0].startswith("The masks of c54 were put on renamed,")
        assert len(other.tracks(1)) == 1
