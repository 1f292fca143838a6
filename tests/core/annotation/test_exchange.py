"""Projects to files and back."""

import json
import random
import shutil
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from ifc_core.annotation import Project, ProjectReader, Scope, edits
from ifc_core.annotation.annotation_files import detect_format
from ifc_core.annotation.exporting import (
    FOLDER_FORMATS,
    ExportFormat,
    ExportOptions,
    ExportScope,
    export_project,
)
from ifc_core.annotation.importing import import_annotations, iter_import
from ifc_core.annotation.packing import pack_project
from ifc_core.errors import FormatError, OutputError, VideoError
from ifc_core.io.video import open_video
from ifc_core.io.ytvis import validate_ytvis
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.structures import (
    Category,
    FrameState,
    MaskSource,
    RLEMask,
    TrackKind,
    TrackState,
)

from .conftest import NUM_FRAMES, box, fill, state_of
from .random_edits import try_edit

EVERYTHING = ExportOptions(scope=ExportScope.EVERYTHING)


def account(project: ProjectReader) -> list:
    """What an export must keep: everything but ids, rejected pixels and rejected tracks."""
    names = {c.id: (c.name, c.supercategory, c.color_rgb, c.hotkey) for c in project.categories()}
    videos = []
    for video in project.videos():
        tracks = [
            (
                names[t.category_id],
                t.score,
                t.state,
                t.color_rgb,
                t.name,
                t.kind,
                [
                    (r.frame_index, r.state, r.source, r.rle)
                    if r.state is not FrameState.REJECTED
                    else (r.frame_index, r.state, r.source)
                    for r in project.track_masks(t.id)
                ],
            )
            for t in project.tracks(video.id, include_rejected=False)
        ]
        flags = project.exhaustive_frames(video.id)
        if tracks or flags:
            facts = (video.size, video.num_frames, video.fps, video.fingerprint)
            videos.append((facts, tracks, flags))
    return videos


@given(seed=st.integers(0, 2**32), num_edits=st.integers(1, 25))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_ytvis_round_trip_keeps_masks_states_sources_and_order(seed, num_edits):
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with Project.create(place / "a.ifcproj") as project:
            fill(project)
            for _ in range(num_edits):
                try_edit(rng, project)
            report = export_project(project, place / "out.json", options=EVERYTHING)
            assert validate_ytvis(place / "out.json") == []
            expected = account(project)
        with Project.create(place / "b.ifcproj") as other:
            before = state_of(other)
            result = import_annotations(other, place / "out.json")
            assert account(other) == expected
            assert (result.tracks, result.masks) == (report.tracks, report.masks)
            assert other.check() == []
            if other.undo():
                assert state_of(other)["current"] == before["current"]
                assert other.videos() == []


def test_exported_masks_decode_to_the_masks_of_the_project(project, tmp_path):
    target = tmp_path / "out.json"
    export_project(project, target, options=EVERYTHING)
    (record,) = json.loads(target.read_text())["annotations"]
    for frame, coded in enumerate(record["segmentations"]):
        present = project.mask(1, frame)
        assert (coded is None) == (present is None)
        if coded is not None:
            assert (coco_mask.decode(coded) == present.rle.to_array()).all()
    assert record["score"] == 1.0


def test_default_scope_covers_reviewed_frames_and_reports_the_rest(project, tmp_path):
    project.apply(edits.InterpolateMasks(1, 2, 6))
    second = project.apply(edits.NewTrack(1, 2, 2, box(9, 9))).tracks_added[0]
    project.apply(edits.ApproveFrames(1, Scope.this_frame(4)))
    run = project.begin_run("propose", 1, {})
    project.finish_run(run)
    report = export_project(project, tmp_path / "out.json")
    # frame 2 is reviewed for both tracks, frame 4 approved; 6 only for the first track
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["videos"][0]["ifc_studio"]["frame_indices"] == [2, 4]
    assert content["videos"][0]["file_names"] == ["a/00002.jpg", "a/00004.jpg"]
    assert content["videos"][0]["ifc_studio"]["exhaustive"] == [[False, 1], [True, 1]]
    assert (report.frames, report.tracks, report.masks) == (2, 2, 3)
    assert (report.frames_left_out, report.tracks_left_out) == (3, 0)
    assert "3 annotated frames" in report.notes[0]
    assert second in {record["id"] for record in content["annotations"]}


def test_scopes_classes_and_steps(project, tmp_path):
    project.apply(edits.NewTrack(1, 2, 2, box(9, 9)))
    project.apply(edits.ApproveTracks((1,)))
    target = tmp_path / "out.json"
    cats = ExportOptions(scope=ExportScope.APPROVED, category_ids=(1,))
    report = export_project(project, target, options=cats)
    assert (report.frames, report.tracks, report.tracks_left_out) == (2, 1, 1)
    approved = export_project(project, target, options=ExportOptions(ExportScope.APPROVED))
    assert (approved.frames, approved.tracks) == (2, 1)  # the dog is not approved anywhere
    project.apply(edits.RejectMasks((1,), Scope.this_frame(6)))
    approved = export_project(project, target, options=cats)
    assert approved.frames == 1  # whether the cat is on frame 6 is open
    project.undo()
    steps = ExportOptions(scope=ExportScope.EVERYTHING, frame_step=5)
    assert export_project(project, target, options=steps).frames == 3
    other = ExportOptions(scope=ExportScope.EVERYTHING, video_ids=(2,))
    report = export_project(project, target, options=other)
    assert report.videos == 0
    assert report.notes[0].startswith("1 video has nothing to export in this scope: ")
    assert validate_ytvis(target) == []


def test_export_of_approved_tracks_and_of_a_range_of_frames(project, tmp_path):
    other = project.apply(edits.NewTrack(1, 2, 6, box(0, 0))).tracks_added[0]
    project.apply(edits.ApproveTracks((1,)))
    target = tmp_path / "out.json"
    options = ExportOptions(approved_tracks_only=True)
    report = export_project(project, target, options=options)
    assert (report.tracks, report.frames, report.tracks_left_out) == (1, 2, 1)
    project.apply(edits.ApproveTracks((other,)))
    options = ExportOptions(scope=ExportScope.EVERYTHING, frame_scope=Scope(4, 7))
    report = export_project(project, target, options=options)
    assert (report.tracks, report.frames, report.masks) == (2, 4, 2)
    names = json.loads(target.read_text())["videos"][0]["file_names"]
    assert names == [f"a/{f:05d}.jpg" for f in range(4, 8)]


def test_films_show_all_frames_and_draw_what_is_exported(tmp_path, clip_file):
    with Project.create(tmp_path / "p.ifcproj") as project:
        with open_video(clip_file) as clip:
            project.add_video(clip.video)
            plain = [clip.read(frame) for frame in range(9)]
        project.apply(edits.SetCategory(Category(1, "cat")))
        mask = np.zeros((48, 80), dtype=bool)
        mask[10:40, 10:60] = True
        project.apply(edits.NewTrack(1, 1, 2, RLEMask.from_array(mask)))
        report = export_project(project, tmp_path / "out.mp4", ExportFormat.OVERLAY)
        assert (report.videos, report.tracks, report.masks) == (1, 1, 1)
        with open_video(tmp_path / "out.mp4") as film:
            assert film.video.num_frames == 9
            changed = [
                np.abs(film.read(f).astype(int) - plain[f])[14:36, 14:56].mean() for f in range(9)
            ]
        assert int(np.argmax(changed)) == 2
        assert changed[2] > 3 * sorted(changed)[-2]
        options = ExportOptions(frame_step=2, frame_scope=Scope(2, 6))
        export_project(project, tmp_path / "films", ExportFormat.OVERLAY, options)
        with open_video(tmp_path / "films" / "square.mp4") as film:
            assert film.video.num_frames == 3
            assert film.pts_seconds.tolist() == pytest.approx([0.0, 0.2, 0.4])
        with pytest.raises(OutputError, match="wider scope"):
            export_project(
                project,
                tmp_path / "no.mp4",
                ExportFormat.OVERLAY,
                ExportOptions(ExportScope.APPROVED),
            )
        with pytest.raises(FormatError, match="film"):
            import_annotations(project, tmp_path / "out.mp4", ExportFormat.OVERLAY)


def test_a_film_has_the_colours_of_classes_where_they_are_asked_for(tmp_path, clip_folder):
    with Project.create(tmp_path / "p.ifcproj") as project:
        with open_video(clip_folder) as clip:
            project.add_video(clip.video)
        project.apply(edits.SetCategory(Category(1, "cat", color_rgb=(0, 0, 255))))
        project.apply(edits.NewTrack(1, 1, 2, RLEMask.from_array(np.ones((48, 80), bool))))
        project.apply(edits.SetTrack(1, color_rgb=(255, 0, 0)))
        seen = {}
        for color_by in ("track", "class"):
            options = ExportOptions(ExportScope.EVERYTHING, color_by=color_by)
            export_project(project, tmp_path / "out.mp4", ExportFormat.OVERLAY, options)
            with open_video(tmp_path / "out.mp4") as film:
                seen[color_by] = film.read(2)[10:40, 10:70].reshape(-1, 3).mean(axis=0)
    red, _, blue = seen["class"] - seen["track"]
    assert red < -60
    assert blue > 60


def test_a_broken_frame_ends_neither_a_film_nor_an_export_with_frames(tmp_path, clip_folder):
    folder = tmp_path / "square"
    shutil.copytree(clip_folder, folder)
    (folder / "00004.png").write_bytes(b"no picture")
    with Project.create(tmp_path / "p.ifcproj") as project:
        with open_video(folder) as clip:
            project.add_video(clip.video)
        project.apply(edits.SetCategory(Category(1, "cat")))
        project.apply(edits.NewTrack(1, 1, 2, RLEMask.from_array(np.ones((48, 80), bool))))
        options = ExportOptions(ExportScope.EVERYTHING)
        export_project(project, tmp_path / "out.mp4", ExportFormat.OVERLAY, options)
        options = ExportOptions(ExportScope.EVERYTHING, write_frames=True)
        (tmp_path / "out").mkdir()
        report = export_project(project, tmp_path / "out" / "a.json", options=options)
    with open_video(tmp_path / "out.mp4") as film:
        assert film.video.num_frames == 9
    assert "cannot be decoded (4)" in " ".join(report.notes)
    with open_video(tmp_path / "out" / "JPEGImages" / "square") as written:
        assert written.video.num_frames == 9
        np.testing.assert_array_equal(written.read(4), written.read(3))


def test_rejected_tracks_are_left_out(project, tmp_path):
    project.apply(edits.RejectTracks((1,)))
    report = export_project(project, tmp_path / "out.json", options=EVERYTHING)
    assert (report.tracks, report.tracks_left_out) == (0, 1)


def test_null_reads_as_absent_without_the_key(project, tmp_path):
    target = tmp_path / "plain.json"
    project.apply(edits.SetCategory(Category(3, "fox")))  # of the cat's colour, which says nothing
    plain = ExportOptions(scope=ExportScope.EVERYTHING, include_studio_key=False)
    export_project(project, target, options=plain)
    assert "ifc_studio" not in target.read_text()
    with Project.create(tmp_path / "b.ifcproj") as other:
        report = import_annotations(other, target)
        assert [f.state for f in other.track_frames(1)].count(FrameState.ABSENT) == 10
        assert other.mask(1, 2).rle == box(1, 2)
        assert other.mask(1, 2).state is FrameState.APPROVED
        assert other.exhaustive_frames(1) == list(range(NUM_FRAMES))
        assert report.notes[-1].startswith("1 video carries no review states")
        assert len({c.color_rgb for c in other.categories()}) == len(other.categories())
        other.undo()
        import_annotations(other, target, assume_exhaustive=False)
        assert other.exhaustive_frames(2) == []


def test_results_are_proposals(project, tmp_path):
    target = tmp_path / "results.json"
    export_project(project, target, ExportFormat.YTVIS_RESULTS, EVERYTHING)
    assert detect_format(target) is ExportFormat.YTVIS_RESULTS
    import_annotations(project, target)
    track = project.tracks(1)[1]
    assert track.state is TrackState.PROPOSED
    frame = project.track_frames(track.id)[0]
    assert (frame.state, frame.source) == (FrameState.PROPOSED, MaskSource.MODEL)
    assert project.exhaustive_frames(1) == []


def test_results_hold_objects_on_every_frame_of_their_video(project, tmp_path):
    for kind in (TrackKind.CROWD, TrackKind.IGNORE):
        project.apply(edits.NewTrack(1, 1, 0, box(1, 1), kind=kind))
    target = tmp_path / "results.json"
    report = export_project(project, target, ExportFormat.YTVIS_RESULTS)
    (result,) = json.loads(target.read_text())
    shown = [n for n, coded in enumerate(result["segmentations"]) if coded is not None]
    assert (len(result["segmentations"]), shown) == (NUM_FRAMES, [2, 6])
    assert (report.tracks, report.frames, report.masks, report.tracks_left_out) == (1, 2, 2, 2)
    assert "crowds" in " ".join(report.notes)
    import_annotations(project, target)  # fits the project it came from
    assert [f.frame_index for f in project.track_frames(project.tracks(1)[-1].id)] == [2, 6]


READ_FOLDERS = sorted({*FOLDER_FORMATS} - {ExportFormat.YOLO})


@pytest.mark.parametrize("form", [ExportFormat.COCO, *READ_FOLDERS])
def test_other_formats_bring_the_masks_back(project, tmp_path, form):
    project.apply(edits.NewTrack(1, 2, 2, box(3, 4)))  # lies over track 1
    target = tmp_path / f"out-{form.value}"
    report = export_project(project, target, form, EVERYTHING)
    assert detect_format(target) is form
    is_whole = form in (ExportFormat.COCO, ExportFormat.LABELME)
    assert report.hidden_pixels == (0 if is_whole else 3 * 4)
    with Project.create(tmp_path / "b.ifcproj") as other:
        import_annotations(other, target)
        names = {c.id: c.name for c in other.categories()}
        lanes = {names[t.category_id]: t.id for t in other.tracks(1)}
        if not is_whole:
            seen = project.mask(1, 2).rle.to_array() & ~box(3, 4).to_array()
            assert (other.mask(lanes["cat"], 2).rle.to_array() == seen).all()
        else:
            assert other.mask(lanes["cat"], 2).rle == box(1, 2)
        assert other.mask(lanes["cat"], 6).rle == box(11, 20)
        assert other.mask(lanes["dog"], 2).rle == box(3, 4)
        exhaustive = other.exhaustive_frames(1)
        assert exhaustive == (
            [] if form in (ExportFormat.DAVIS, ExportFormat.CTC) else list(range(NUM_FRAMES))
        )


def test_crowd_and_ignore_regions_come_back(empty, tmp_path):
    for kind in TrackKind:
        empty.apply(edits.NewTrack(1, 1, 0, box(1, 1), kind=kind))
    export_project(empty, tmp_path / "out.json", options=EVERYTHING)
    records = json.loads((tmp_path / "out.json").read_text())["annotations"]
    assert [record["iscrowd"] for record in records] == [0, 1, 1]
    import_annotations(empty, tmp_path / "out.json")
    assert [t.kind for t in empty.tracks(1)] == [*TrackKind, *TrackKind]


def test_frames_are_written_and_found_again(tmp_path, clip_file):
    from ifc_core.io.video import open_video

    target = tmp_path / "out" / "train.json"
    target.parent.mkdir()
    with Project.create(tmp_path / "a.ifcproj") as project:
        with open_video(clip_file) as reader:
            video_id = project.add_video(reader.video, name="my clip/1")
        project.apply(edits.SetCategory(Category(1, "cat")))
        size = project.video(video_id).size
        project.apply(edits.NewTrack(video_id, 1, 4, box(1, 1).empty(size)))
        project.apply(edits.ApproveFrames(video_id, Scope(0, 6)))
        options = ExportOptions(frame_step=2, write_frames=True, include_studio_key=False)
        report = export_project(project, target, options=options)
        assert report.frames == 4
        folder = target.parent / "JPEGImages" / "my_clip_1"
        names = [f"{i:05d}.jpg" for i in (0, 2, 4, 6)]
        assert sorted(p.name for p in folder.iterdir()) == names
        picture = cv2.imread(str(folder / "00004.jpg"))[..., ::-1].astype(int)
        with open_video(clip_file) as reader:
            distances = [abs(picture - reader.read(f)).mean() for f in range(9)]
        assert distances.index(min(distances)) == 4
        assert distances[4] < 4
        export_project(project, target, options=options)  # a second time replaces the folders
        assert sorted(p.name for p in folder.parent.iterdir()) == ["my_clip_1"]
    with Project.create(tmp_path / "b.ifcproj") as other:
        report = import_annotations(other, target)
        assert report.missing_videos == ()
        assert other.videos()[0].path == folder
        assert other.videos()[0].num_frames == 4
        assert other.find_video_file(1) == folder


@pytest.fixture
def own_videos(tmp_path, clip_file, clip_folder):
    """A project of a file and of a folder of frames, laid out as YouTube-VIS has it."""
    film = Path(shutil.copy(clip_file, tmp_path / "film.mp4"))
    frames = Path(shutil.copytree(clip_folder, tmp_path / "JPEGImages" / "frames"))
    with Project.create(tmp_path / "p.ifcproj") as project:
        project.apply(edits.SetCategory(Category(1, "cat")))
        for video_id, path in enumerate((film, frames), start=1):
            with open_video(path) as reader:
                project.add_video(reader.video)
                mask = RLEMask.from_array(np.ones(reader.video.size, dtype=bool))
            project.apply(edits.NewTrack(video_id, 1, 1, mask))
        yield project, film, frames


@pytest.mark.parametrize("is_moved", [False, True])
def test_an_export_never_replaces_a_video_of_the_project(own_videos, tmp_path, is_moved):
    project, film, frames = own_videos
    if is_moved:
        film = film.rename(tmp_path / "moved.mp4")
        frames = frames.rename(tmp_path / "JPEGImages" / "frames_2")
        project.apply(edits.SetVideo(2, name="frames_2"))  # its folder in an export
    before = (film.read_bytes(), sorted(frames.iterdir()))
    one = ExportOptions(scope=ExportScope.EVERYTHING, video_ids=(1,))
    with_frames = ExportOptions(scope=ExportScope.EVERYTHING, video_ids=(2,), write_frames=True)
    with pytest.raises(OutputError, match="destroy the video film"):
        export_project(project, film, ExportFormat.OVERLAY, one)
    with pytest.raises(OutputError, match="destroy the video frames"):
        export_project(project, tmp_path / "train.json", options=with_frames)
    with pytest.raises(OutputError, match="destroy the video film"):
        pack_project(project, film)
    with pytest.raises(OutputError, match="destroy the project"):
        export_project(project, project.folder / "project.sqlite", options=one)
    assert (film.read_bytes(), sorted(frames.iterdir())) == before
    assert not (tmp_path / "train.json").exists()


def test_an_export_beside_the_videos_replaces_an_earlier_one(own_videos, tmp_path):
    project, _, frames = own_videos
    options = ExportOptions(scope=ExportScope.EVERYTHING, video_ids=(1,), write_frames=True)
    for _ in range(2):
        export_project(project, tmp_path / "train.json", options=options)
    assert len(list((tmp_path / "JPEGImages" / "film").iterdir())) == project.video(1).num_frames
    assert frames.is_dir()


@pytest.mark.parametrize("form", [ExportFormat.YTVIS, ExportFormat.DAVIS])
def test_wanted_frames_of_a_missing_video_are_an_error(project, tmp_path, form):
    options = ExportOptions(scope=ExportScope.EVERYTHING, write_frames=True)
    with pytest.raises(VideoError, match="not where it was"):
        export_project(project, tmp_path / "out", form, options)
    assert not (tmp_path / "out").exists()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


class Stopping(JobContext):
    """Asks to stop after some reports."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._left = after

    def advance(self, *args, **kwargs):
        self._left -= 1
        if self._left <= 0:
            self.cancel()
        return super().advance(*args, **kwargs)


def test_a_cancelled_export_leaves_no_file(project, tmp_path):
    with pytest.raises(JobCancelled):
        export_project(project, tmp_path / "out.json", options=EVERYTHING, context=Stopping(1))
    assert [p.name for p in tmp_path.iterdir()] == ["p.ifcproj"]


@pytest.mark.parametrize(
    ("form", "pictures"),
    [
        (ExportFormat.DAVIS, "JPEGImages/Full-Resolution"),
        (ExportFormat.MOTS, "images"),
        (ExportFormat.CTC, "."),
        (ExportFormat.LABELME, "."),
        (ExportFormat.YOLO, "images"),
    ],
)
def test_a_folder_comes_with_its_frames_or_not_at_all(own_videos, tmp_path, form, pictures):
    project, *_ = own_videos
    options = ExportOptions(scope=ExportScope.EVERYTHING, write_frames=True)
    before = sorted(tmp_path.iterdir())
    for after in (5, 30):  # among the pictures, among the masks
        with pytest.raises(JobCancelled):
            export_project(project, tmp_path / "out", form, options, Stopping(after))
        assert sorted(tmp_path.iterdir()) == before
    export_project(project, tmp_path / "out", form, options)
    for name in ("film", "frames"):
        with open_video(tmp_path / "out" / pictures / name) as written:
            assert written.video.num_frames == 9
    taken = Stopping(1)
    with pytest.raises(OutputError, match="exists already"):
        export_project(project, tmp_path / "out", form, options, taken)
    assert not taken.is_cancelled  # nothing was begun


def test_a_cancelled_or_broken_import_leaves_nothing(project, tmp_path):
    target = tmp_path / "out.json"
    export_project(project, target, options=EVERYTHING)
    records = project._db.execute("SELECT count(*) FROM masks").fetchone()
    before, history = state_of(project), project.history()
    with pytest.raises(JobCancelled):
        import_annotations(project, target, context=Stopping(1))
    content = json.loads(target.read_text())
    content["annotations"].append({"id": 9})
    target.write_text(json.dumps(content))
    with pytest.raises(FormatError):
        import_annotations(project, target)
    assert state_of(project) == before
    assert project.history() == history
    assert project._db.execute("SELECT count(*) FROM masks").fetchone() == records


def test_edits_between_the_steps_of_an_import_do_not_disturb_it(project, tmp_path):
    target = tmp_path / "out.json"
    project.apply(edits.NewTrack(1, 2, 3, box(9, 9)))
    export_project(project, target, options=EVERYTHING)
    expected = account(project)
    with Project.create(tmp_path / "b.ifcproj") as other:
        fill(other)
        steps = iter_import(other, target)
        for _ in steps:
            other.apply(edits.NewTrack(2, 1, 0, box(1, 1)))
        assert account(other)[0] == expected[0]
        assert other.check() == []
