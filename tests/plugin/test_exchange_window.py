"""What the window does and says when something is imported, exported or taken out."""

from __future__ import annotations

import numpy as np
import pytest
from fake_engine import NUM_FRAMES, SIZE
from PIL import Image

from ifc_core.annotation import edits
from ifc_core.annotation.exporting import ExportFormat, ExportOptions, ExportScope
from ifc_core.io.label_images import write_label_tiff
from ifc_core.io.video import open_video
from ifc_core.structures import Category, RLEMask
from napari_ifc.features.files import Files
from napari_ifc.features.imports import Imports
from napari_ifc.rows import FrameRange
from napari_ifc.views.dialogs import ExportDialog

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


@pytest.fixture
def truth(tmp_path):
    """Truth of two cells in a video that the challenge calls 01."""
    folder = tmp_path / "z" / "01_GT" / "TRA"
    folder.mkdir(parents=True)
    for number in range(NUM_FRAMES):
        labels = np.zeros(SIZE, np.uint16)
        labels[4:12, 4:12], labels[20:30, 20:30] = 8, 300
        write_label_tiff(labels, folder / f"man_track{number:03d}.tif")
    last = NUM_FRAMES - 1
    (folder / "man_track.txt").write_text(f"8 0 {last} 0\n300 0 {last} 0\n")
    return folder.parent


@pytest.fixture
def other_size(desk, tmp_path):
    """Id of a second video of half the size."""
    folder = tmp_path / "small"
    folder.mkdir()
    for number in range(NUM_FRAMES):
        picture = Image.new("RGB", (SIZE[1] // 2, SIZE[0] // 2), (number, 0, 0))
        picture.save(folder / f"{number:03d}.png")
    with open_video(folder) as reader:
        return desk.project.add_video(reader.video)


def ended(desk, qtbot):
    qtbot.waitUntil(lambda: not desk.studio.tasks.is_running, timeout=20_000)


def kind(desk):
    return desk.studio.panel.banner.property("kind")


def test_truth_of_another_name_goes_to_the_video_that_is_shown(desk, truth, qtbot):
    desk.studio.feature(Imports).begin_import(truth)
    ended(desk, qtbot)
    assert [entry.id for entry in desk.project.videos()] == [desk.video_id]
    assert [track.name for track in desk.project.tracks(desk.video_id)] == ["8", "300"]
    assert desk.said.startswith("The masks of 01 were put on clip, the only video of 64 x 48")
    assert "all frames of 01 count as approved" in desk.said
    assert "not found" not in desk.said
    assert desk.studio.run_action("edit.undo")
    assert desk.project.tracks(desk.video_id) == []


def test_it_does_not_go_to_one_that_is_not_shown(desk, other_size, truth, qtbot):
    assert desk.studio.show_video(other_size)
    desk.studio.feature(Imports).begin_import(truth)
    ended(desk, qtbot)
    assert [entry.name for entry in desk.project.videos()] == ["clip", "small", "01"]
    assert desk.said.startswith("01 was not found and is listed without pictures; its 20 masks")


@pytest.mark.parametrize("scope", list(ExportScope))
def test_an_empty_export_is_no_success_and_says_what_to_do(desk, qtbot, tmp_path, scope):
    files = desk.studio.feature(Files)
    files.begin_export(tmp_path / "x.csv", ExportOptions(scope=scope), ExportFormat.CSV)
    ended(desk, qtbot)
    assert kind(desk) == "warning"
    assert desk.said.startswith("Wrote x.csv in ")
    assert "but it is empty: " in desk.said
    asked = {
        "reviewed": "choose “Everything”",
        "approved": "choose another",
        "everything": "tracks",
    }
    assert asked[scope.value] in desk.said
    desk.corrected()
    files.begin_export(tmp_path / "y.csv", ExportOptions(), ExportFormat.CSV)
    ended(desk, qtbot)
    assert (kind(desk), desk.said[:11]) == ("done", "Wrote y.csv")


def test_the_form_says_that_nothing_is_reviewed_yet(desk):
    assert desk.studio.run_action("file.export")
    dialog = desk.studio.panel.findChild(ExportDialog)
    assert dialog.hint.isVisible()
    assert dialog.hint.text().startswith("No mask is corrected or approved yet")
    dialog.scope.setCurrentIndex(dialog.scope.findData("everything"))
    assert not dialog.hint.isVisible()
    dialog.reject()
    dialog.setObjectName("closed")
    dialog.setParent(None)
    desk.corrected()
    assert desk.studio.run_action("file.export")
    assert not desk.studio.panel.findChild(ExportDialog).hint.isVisible()


def test_measurements_are_found_by_what_people_call_them(desk):
    for word in ("csv", "measure", "table", "spreadsheet", "intensity", "area", "excel"):
        found = [action.id for action in desk.studio.actions.search(word)]
        assert "file.export_measurements" in found, word
    assert "file.export" in [action.id for action in desk.studio.actions.search("csv")]
    assert desk.studio.run_action("file.export_measurements")
    dialog = desk.studio.panel.findChild(ExportDialog)
    assert dialog.format.currentData() == "csv"
    assert dialog.path.text().endswith("-measurements.csv")
    dialog.reject()


def test_a_table_of_tracks_is_written_from_the_form(desk, qtbot, tmp_path):
    desk.corrected()
    assert desk.studio.run_action("file.export_measurements")
    dialog = desk.studio.panel.findChild(ExportDialog)
    dialog.choose_format("csv-tracks")
    dialog.path.setText(str(tmp_path / "tracks.csv"))
    dialog.button.click()
    ended(desk, qtbot)
    assert desk.said.startswith("Wrote tracks.csv in ")
    names, *lines = (tmp_path / "tracks.csv").read_text("utf-8").splitlines()
    assert "straightness" in names.split(",")
    assert len(lines) == 1


def test_the_form_chooses_tracks_frames_classes_and_pictures(desk, qtbot, tmp_path):
    project, video_id = desk.project, desk.video_id
    for category in (Category(8, "ball"), Category(9, "player")):
        project.apply(edits.SetCategory(category))
    mask = RLEMask.from_array(np.eye(*SIZE, dtype=np.uint8))
    for first, category_id in ((0, 8), (2, 9)):
        track_id = project.apply(edits.NewTrack(video_id, category_id, first, mask)).tracks_added[0]
        for frame in range(first + 1, NUM_FRAMES):
            project.apply(edits.SetMask(track_id, frame, mask))
    project.apply(edits.ApproveTracks((1,)))
    project.apply(edits.NewTrack(video_id, 8, 1, mask))
    desk.studio.timeline.mark(FrameRange(1, 3, ()))
    assert desk.studio.run_action("file.export")
    dialog = desk.studio.panel.findChild(ExportDialog)
    choices = dialog.choices
    assert (choices.first.value(), choices.last.value()) == (1, 3)
    assert not choices.shown_only.isVisible()  # there is one video
    for action in choices._menu.actions():
        action.setChecked(False)
    dialog.path.setText(str(tmp_path / "out.json"))
    dialog.button.click()
    assert dialog.report.text() == "Choose at least one class."
    for action in choices._menu.actions():
        action.setChecked(action.text() == "ball")
    choices._show_classes()
    assert choices.classes.text() == "ball ▾"
    choices.approved_only.setChecked(True)
    choices.pictures.setChecked(True)
    dialog.button.click()
    ended(desk, qtbot)
    assert desk.said.startswith("Wrote out.json in ")
    assert ": 1 track, 3 masks on 3 frames." in desk.said
    names = sorted(file.name for file in tmp_path.glob("JPEGImages/*/*"))
    assert len(names) == 3


def test_videos_are_kept_apart_for_validation(desk, other_size, qtbot, tmp_path):
    desk.corrected()
    small = next(v for v in desk.project.videos() if v.name == "small")
    mask = RLEMask.from_array(np.eye(*small.size, dtype=np.uint8))
    desk.editor.apply(edits.NewTrack(small.id, 1, 0, mask))
    assert desk.studio.run_action("file.export")
    dialog = desk.studio.panel.findChild(ExportDialog)
    dialog.choices.split.setChecked(True)
    dialog.path.setText(str(tmp_path / "out"))
    dialog.button.click()
    ended(desk, qtbot)
    lines = desk.said.splitlines()
    assert lines[0].startswith("Wrote out in ")
    assert [line.split(":")[0] for line in lines[1:3]] == ["train.json", "valid.json"]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        *("train.json", "valid.json")
    ]


def test_what_an_export_waits_for_is_said_in_the_window(desk, qtbot, tmp_path):
    project = desk.project
    track_id = desk.corrected()
    mask = project.mask(track_id, 3).rle
    desk.editor.apply(edits.SetMask(track_id, 4, mask))
    stroke = desk.editor.apply(edits.NewTrack(desk.video_id, 1, 3, mask)).tracks_added[0]
    desk.studio.feature(Files).begin_export(tmp_path / "a.json", ExportOptions())
    ended(desk, qtbot)
    assert f"Left out: 1 frame on which track {stroke} is not reviewed." in desk.said
    desk.studio.select((track_id, stroke))
    assert desk.studio.run_action("track.approve")
    assert desk.said == "Approved 2 tracks with 3 masks."
    desk.studio.feature(Files).begin_export(tmp_path / "b.json", ExportOptions())
    ended(desk, qtbot)
    assert ": 2 tracks, 3 masks on 2 frames." in desk.said
    assert "Left out" not in desk.said
    assert desk.studio.run_action("track.approve")
    assert desk.said == "Approved 2 tracks; every mask was reviewed before."


def test_the_form_of_a_film_has_its_own_choices(desk, qtbot, tmp_path):
    desk.corrected()
    assert desk.studio.run_action("file.export_overlay")
    dialog = desk.studio.panel.findChild(ExportDialog)
    assert (dialog.format.currentData(), dialog.scope.currentData()) == ("overlay", "everything")
    assert dialog.choices.labels.isVisible()
    assert not dialog.choices.pictures.isVisible()
    dialog.choices.labels.setCurrentIndex(dialog.choices.labels.findData("class"))
    dialog.choices.last.setValue(4)
    dialog.path.setText(str(tmp_path / "film.mp4"))
    dialog.button.click()
    ended(desk, qtbot)
    assert desk.said.startswith("Wrote film.mp4 in ")
    with open_video(tmp_path / "film.mp4") as film:
        assert film.video.num_frames == 5
    assert desk.studio.run_action("file.export")
    form = desk.studio.panel.findChildren(ExportDialog)[-1]
    assert not form.choices.labels.isVisible()
    assert form.choices.pictures.isVisible()
