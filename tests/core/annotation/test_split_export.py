"""An export parted by video into what is trained on and what is kept to validate by."""

import json

import cv2
import numpy as np
import pytest

from ifc_core.annotation import Project, edits
from ifc_core.annotation.exporting import (
    SPLIT_FORMATS,
    ExportFormat,
    ExportOptions,
    Split,
    export_project,
)
from ifc_core.annotation.importing import import_annotations
from ifc_core.annotation.records import WHOLE, VideoEntry
from ifc_core.annotation.splitting import part_videos
from ifc_core.errors import ConfigError, FormatError, InputError, OutputError
from ifc_core.io.video import open_video
from ifc_core.io.ytvis import validate_ytvis
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.structures import Category, RLEMask

SIZE = (24, 32)
NUM_FRAMES = 4


def entry(number, fingerprint=None):
    told = f"{NUM_FRAMES}-{number:032x}" if fingerprint is None else fingerprint
    return VideoEntry(number, f"v{number}", None, "", NUM_FRAMES, *SIZE, 10.0, told)


def add_video(project, folder, number):
    """A folder of pictures with an approved track on each frame."""
    (folder / f"v{number}").mkdir()
    for frame in range(NUM_FRAMES):
        picture = np.full((*SIZE, 3), 10 * number + frame, np.uint8)
        cv2.imwrite(str(folder / f"v{number}" / f"{frame:03d}.png"), picture)
    with open_video(folder / f"v{number}") as reader:
        video_id = project.add_video(reader.video)
    bits = np.zeros(SIZE, bool)
    bits[2:8, number : number + 9] = True
    made = project.apply(edits.NewTrack(video_id, 1, 0, RLEMask.from_array(bits)))
    (track_id,) = made.tracks_added
    for frame in range(1, NUM_FRAMES):
        project.apply(edits.SetMask(track_id, frame, RLEMask.from_array(bits)))
    project.apply(edits.ApproveTracks((track_id,)))
    project.apply(edits.ApproveFrames(video_id, WHOLE))
    return video_id


@pytest.fixture
def project(tmp_path):
    with Project.create(tmp_path / "p.ifcproj") as project:
        project.apply(edits.SetCategory(Category(1, "cat")))
        project.apply(edits.SetCategory(Category(7, "dog")))
        for number in range(1, 6):
            add_video(project, tmp_path, number)
        yield project


def named(*valid_ids):
    return ExportOptions(split=Split(valid_ids=valid_ids))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("seed", [0, 3])
def test_a_video_stays_on_its_side_as_others_come(share, seed):
    videos = [entry(number) for number in range(1, 400)]
    parts = part_videos(videos, Split(share, seed))
    assert sorted(parts.train + parts.valid) == [video.id for video in videos]
    assert abs(len(parts.valid) / len(videos) - share) < 0.08
    assert parts.moved == ""
    some = part_videos(videos[::3], Split(share, seed))
    assert set(some.train) <= set(parts.train)
    assert set(some.valid) <= set(parts.valid)


def test_content_decides_then_the_name_and_another_seed_parts_otherwise():
    videos = [entry(number) for number in range(1, 60)]
    renamed = [VideoEntry(v.id + 100, "x", None, "", 9, *SIZE, 1.0, v.fingerprint) for v in videos]
    valid = part_videos(videos, Split(0.4)).valid
    assert tuple(i - 100 for i in part_videos(renamed, Split(0.4)).valid) == valid
    assert part_videos(videos, Split(0.4, seed=1)).valid != valid
    unknown = [entry(number, "") for number in range(1, 60)]
    assert len(part_videos(unknown, Split(0.4)).valid) not in (0, 59)


@pytest.mark.parametrize("share", [1e-9, 1 - 1e-9])
def test_neither_part_is_empty_and_it_is_said_what_was_moved(share):
    videos = [entry(number) for number in range(1, 4)]
    parts = part_videos(videos, Split(share))
    smaller = parts.valid if share < 0.5 else parts.train
    assert (len(smaller), len(parts.train) + len(parts.valid)) == (1, 3)
    (note,) = parts.notes()
    name, part = f"v{smaller[0]}", "valid" if share < 0.5 else "train"
    assert note.startswith(f"No video was drawn for the part {part}, so {name} was put there;")


def test_where_the_draw_is_far_from_the_share_a_seed_is_told_that_hits_it():
    videos = [entry(number) for number in range(1, 11)]
    told = 0
    for seed in range(12):
        parts = part_videos(videos, Split(0.3, seed))
        notes = parts.notes()
        assert bool(notes) == (abs(len(parts.valid) - 3) >= 1)
        if notes:
            told += 1
            assert notes[0].startswith(f"Of 10 videos {len(parts.valid)} were drawn for validation")
            assert len(part_videos(videos, Split(0.3, parts.better_seed)).valid) == 3
    assert 0 < told < 12
    assert part_videos(videos, Split(0.3, valid_ids=(1, 2, 3, 4, 5))).wished in (0, 5)


def test_what_was_named_in_vain_and_what_may_change_sides_is_told():
    videos = [entry(1), entry(2, ""), entry(3), entry(4, "")]
    parts = part_videos(videos, Split(0.4, valid_ids=(4, 5)), [entry(5), entry(6)])
    assert parts.notes()[-2:] == (
        "The file was never seen of v2: the part was drawn by name and may be another one once the "
        "file is found.",
        "Named for validation, with nothing to export: v5.",
    )
    assert part_videos(videos, Split(valid_ids=(4,))).notes() == ()  # nothing was drawn


def test_what_cannot_be_parted_is_refused():
    videos = [entry(1), entry(2)]
    assert part_videos(videos, Split(valid_ids=(2,))).valid == (2,)
    assert part_videos(videos, Split(1 - 1e-9, valid_ids=(2,))).train == (1,)
    with pytest.raises(InputError, match="v1 alone has"):
        part_videos(videos[:1], Split(0.2))
    with pytest.raises(InputError, match="none has"):
        part_videos([], Split(0.2))
    with pytest.raises(InputError, match=r"All videos with something to export .*: v1, v2"):
        part_videos(videos, Split(valid_ids=(1, 2)))
    with pytest.raises(InputError, match="for validation have nothing"):
        part_videos(videos, Split(valid_ids=(9,)))
    for share in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(ConfigError, match="between 0 and 1"):
            Split(share)


def test_both_files_have_the_same_classes_and_share_no_id(project, tmp_path):
    report = export_project(project, tmp_path / "out", options=named(2, 5))
    assert (report.videos, report.tracks, report.masks) == (5, 5, 20)
    assert [(p.name, p.videos, p.tracks, p.frames, p.masks) for p in report.parts] == [
        ("train.json", ("v1", "v3", "v4"), 3, 12, 12),
        ("valid.json", ("v2", "v5"), 2, 8, 8),
    ]
    assert report.notes == ()
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        *("train.json", "valid.json")
    ]
    train, valid = (json.loads((tmp_path / "out" / part.name).read_text()) for part in report.parts)
    assert train["categories"] == valid["categories"]
    assert [c["id"] for c in train["categories"]] == [1, 7]
    for key in ("videos", "annotations"):
        ids = [[entry["id"] for entry in file[key]] for file in (train, valid)]
        assert (len(ids[0]), len(ids[1])) == (3, 2)
        assert not set(ids[0]) & set(ids[1])
    for part in report.parts:
        assert validate_ytvis(tmp_path / "out" / part.name) == []


def test_no_picture_and_no_annotation_of_coco_is_in_both(project, tmp_path):
    report = export_project(project, tmp_path / "out", ExportFormat.COCO, named(3))
    train, valid = (json.loads((tmp_path / "out" / part.name).read_text()) for part in report.parts)
    for key, count in (("videos", 5), ("images", 20), ("annotations", 20)):
        ids = [entry["id"] for file in (train, valid) for entry in file[key]]
        assert len(ids) == len(set(ids)) == count
    for file in (train, valid):
        images = {image["id"] for image in file["images"]}
        assert {entry["image_id"] for entry in file["annotations"]} == images


@pytest.mark.parametrize("form", sorted({*SPLIT_FORMATS} - {ExportFormat.YOLO}))
def test_both_parts_come_back_with_their_pictures(project, tmp_path, form):
    options = ExportOptions(split=Split(valid_ids=(1, 4)), write_frames=True)
    report = export_project(project, tmp_path / "out", form, options)
    assert [len(part.videos) for part in report.parts] == [3, 2]
    pictures = list((tmp_path / "out").rglob("*.jpg"))
    assert len(pictures) == 20
    with Project.create(tmp_path / "q.ifcproj") as again:
        for part in report.parts:
            root = None if (tmp_path / "out" / part.name).is_dir() else tmp_path / "out"
            import_annotations(again, tmp_path / "out" / part.name, form, video_root=root)
        assert {video.name for video in again.videos()} == {f"v{n}" for n in range(1, 6)}
        masks = [len(again.track_frames(t.id)) for v in again.videos() for t in again.tracks(v.id)]
        assert masks == [NUM_FRAMES] * 5


def test_what_has_nothing_to_export_is_on_no_side(project, tmp_path):
    project.apply(edits.DeleteTracks((1,)))
    project.apply(edits.UnapproveFrames(1, WHOLE))
    report = export_project(project, tmp_path / "out", options=named(1, 2))
    assert [part.videos for part in report.parts] == [("v3", "v4", "v5"), ("v2",)]
    with pytest.raises(InputError, match="for validation have nothing"):
        export_project(project, tmp_path / "no", options=named(1))
    assert not (tmp_path / "no").exists()


def test_a_folder_comes_whole_or_not_at_all(project, tmp_path):
    context = JobContext(on_progress=lambda progress: context.cancel())
    before = sorted(tmp_path.iterdir())
    with pytest.raises(JobCancelled):
        export_project(project, tmp_path / "out", options=named(2), context=context)
    assert sorted(tmp_path.iterdir()) == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("mine")
    with pytest.raises(OutputError, match="choose a new folder"):
        export_project(project, tmp_path / "mine", options=named(2))
    with pytest.raises(OutputError, match="destroy"):
        export_project(project, project.folder, options=named(2))
    assert project.check() == []


@pytest.mark.parametrize("form", sorted(set(ExportFormat) - set(SPLIT_FORMATS)))
def test_what_nobody_trains_on_is_not_parted(project, tmp_path, form):
    with pytest.raises(ConfigError, match="is not parted into training and validation"):
        export_project(project, tmp_path / "out", form, named(2))


def test_yolo_gets_one_dataset_over_both_parts(project, tmp_path):
    options = ExportOptions(split=Split(valid_ids=(1, 4)), write_frames=True)
    report = export_project(project, tmp_path / "out", ExportFormat.YOLO, options)
    assert not [note for note in report.notes if "same frames" in note or "YOLO" in note]
    dataset = (tmp_path / "out" / "data.yaml").read_text()
    assert dataset == (
        'train: "train/images"\nval: "valid/images"\nnames:\n  0: "cat"\n  1: "dog"\n'
    )
    for part, names in (("train", ("v2", "v3", "v5")), ("valid", ("v1", "v4"))):
        root = tmp_path / "out" / part
        pictures = sorted((root / "images").rglob("*.jpg"))
        assert {picture.parent.name for picture in pictures} == {*names}
        texts = [root / "labels" / p.parent.name / f"{p.stem}.txt" for p in pictures]
        assert len(pictures) == NUM_FRAMES * len(names)
        assert [text.read_text()[:2] for text in texts] == ["0 "] * len(texts)
        assert not (root / "data.yaml").exists()


def test_what_is_missing_for_yolo_is_told(project, tmp_path):
    report = export_project(project, tmp_path / "out", ExportFormat.YOLO)
    assert [note.split()[0] for note in report.notes] == ["YOLO", "The"]
    assert (tmp_path / "out" / "data.yaml").is_file()
    for form in (ExportFormat.YOLO, None):
        with pytest.raises(FormatError, match="a dataset of YOLO, which knows no tracks"):
            import_annotations(project, tmp_path / "out", form)
