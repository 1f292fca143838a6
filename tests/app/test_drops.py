"""Several things dropped on the window at once."""

import threading

import av
import cv2
import numpy as np
import pytest
import tifffile
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QMessageBox

from ifc_app import drops
from ifc_core.io.label_images import write_palette_png
from napari_ifc.controllers import videos
from napari_ifc.features import opening
from napari_ifc.features.videos import Videos

pytestmark = pytest.mark.window


@pytest.fixture
def window(tidied_window):
    return tidied_window


@pytest.fixture
def folders(tmp_path):
    """Three folders of frames, of different contents."""
    made = []
    for number in range(3):
        folder = tmp_path / f"clip{number}"
        folder.mkdir()
        for frame in range(2 + number):
            picture = np.full((40, 60, 3), 50 * number + 9 * frame, np.uint8)
            cv2.imwrite(str(folder / f"{frame}.png"), picture)
        made.append(folder)
    return made


def held(monkeypatch, module, name):
    """What a module calls goes on once the event that this yields is set."""
    made, called = threading.Event(), getattr(module, name)

    def wait_and_call(*args):
        made.wait()
        return called(*args)

    monkeypatch.setattr(module, name, wait_and_call)
    yield made
    made.set()


@pytest.fixture
def gate(window, monkeypatch):
    """Opening goes on until this is set."""
    yield from held(monkeypatch, opening, "open_session")


def drop(widget, *paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    action = Qt.DropAction.CopyAction
    enter = QDragEnterEvent(QPoint(20, 20), action, data, left, none)
    QApplication.sendEvent(widget, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(widget, QDropEvent(QPointF(20, 20), action, data, left, none))


def names(window):
    return [entry.name for entry in window.studio.project.videos()]


def said(window):
    return window.studio.panel.banner.text


def test_several_videos_become_one_project(window, folders, tmp_path, qtbot):
    notes = tmp_path / "notes.txt"
    notes.write_text("")
    drop(window.start_page, folders[0], notes, *folders[1:])
    qtbot.waitUntil(lambda: window.studio.project is not None and len(names(window)) == 3)
    assert names(window) == ["clip0", "clip1", "clip2"]
    assert len(list(tmp_path.glob("*.ifcproj"))) == 1
    qtbot.waitUntil(lambda: "Not opened: notes.txt." in said(window))
    assert window.studio.run_action("edit.undo")  # adding them is one step
    assert names(window) == ["clip0"]


def test_what_is_not_opened_is_told(window, folders, tmp_path, qtbot):
    others = [tmp_path / f"{name}.txt" for name in "abcde"]
    for path in others:
        path.write_text("")
    drop(window.start_page, folders[0], *others)
    qtbot.waitUntil(lambda: window.studio.project is not None)
    assert names(window) == ["clip0"]
    assert said(window) == "Not opened: a.txt, b.txt, c.txt and 2 more."


def test_where_the_first_cannot_be_opened_no_other_follows(window, folders, tmp_path, qtbot):
    broken = tmp_path / "broken.mp4"
    broken.write_text("not a video")
    with qtbot.waitSignal(window.studio.failed):
        drop(window.start_page, broken, *folders)
    with qtbot.waitSignal(window.studio.opened):
        window.begin_open(folders[0])
    assert names(window) == ["clip0"]
    assert not window.studio.tasks.is_running


@pytest.mark.parametrize("meanwhile", ["drop", "open", "error"])
def test_the_others_follow_whatever_is_refused_meanwhile(
    window, folders, gate, tmp_path, qtbot, meanwhile
):
    drop(window.start_page, *folders)
    if meanwhile == "drop":
        drop(window.start_page, tmp_path / "another", tmp_path / "other")
    elif meanwhile == "open":
        window.begin_open(tmp_path / "another")
    else:
        window.studio.fail("Some other trouble.")
    words = "trouble" if meanwhile == "error" else "Wait until this has ended"
    assert words in said(window)
    gate.set()
    qtbot.waitUntil(lambda: window.studio.project is not None and len(names(window)) == 3)
    assert names(window) == ["clip0", "clip1", "clip2"]


def test_the_others_are_named_where_the_first_cannot_be_opened(window, folders, tmp_path, qtbot):
    broken = tmp_path / "broken.mp4"
    broken.write_text("not a video")
    with qtbot.waitSignal(window.studio.failed) as told:
        drop(window.start_page, broken, *folders)
    assert "broken.mp4" in said(window)
    assert said(window).endswith(" Not opened: clip0, clip1, clip2.")
    assert told.args == [said(window)] == [window.start_page._sentence]
    assert window.studio.project is None


def test_a_drop_that_fails_tells_the_whole_path_in_the_tip(window, folders, tmp_path, qtbot):
    broken = tmp_path / "broken.mp4"
    broken.write_text("not a video")
    with qtbot.waitSignal(window.studio.failed):
        drop(window.start_page, broken, *folders)
    assert said(window).startswith("“broken.mp4” ")
    assert window.studio.panel.banner._text.toolTip() == str(broken)


def test_what_is_left_is_named_where_a_further_video_cannot_be_added(
    window, folders, tmp_path, qtbot
):
    broken, notes = tmp_path / "broken.mp4", tmp_path / "notes.txt"
    broken.write_text("not a video")
    notes.write_text("")
    with qtbot.waitSignal(window.studio.failed):
        drop(window.start_page, folders[0], broken, notes)
    assert names(window) == ["clip0"]
    assert said(window).startswith("“broken.mp4” ")
    assert said(window).endswith(" Not opened: notes.txt.")
    assert window.studio.panel.banner._text.toolTip() == str(broken)


def test_the_others_are_named_where_opening_is_cancelled(window, folders, gate, qtbot):
    drop(window.start_page, *folders)
    window.studio.tasks.cancel()
    gate.set()
    qtbot.waitUntil(lambda: not window.studio.tasks.is_running)
    assert said(window) == "Opening was cancelled. Not opened: clip1, clip2."
    with qtbot.waitSignal(window.studio.opened):
        window.begin_open(folders[0])
    assert names(window) == ["clip0"]
    assert not window.studio.tasks.is_running


def test_the_good_ones_are_added_and_the_broken_ones_named(window, folders, tmp_path, qtbot):
    broken, torn, notes = (tmp_path / name for name in ("broken.mp4", "torn.mp4", "notes.txt"))
    for path in (broken, torn, notes):
        path.write_text("not a video")
    with qtbot.waitSignal(window.studio.failed):
        drop(window.start_page, *folders[:2], broken, folders[2], torn, notes)
    assert names(window) == ["clip0", "clip1", "clip2"]
    assert said(window).startswith("“broken.mp4” ")
    assert said(window).endswith(" Added 2 videos. Not opened: torn.mp4, notes.txt.")
    assert window.studio.panel.banner._text.toolTip() == str(broken)


@pytest.fixture
def adding_gate(window, monkeypatch):
    """Looking through further videos goes on until this is set."""
    yield from held(monkeypatch, videos, "open_video")


def test_what_was_not_opened_is_named_where_adding_is_cancelled(
    window, folders, adding_gate, tmp_path, qtbot
):
    notes = tmp_path / "notes.txt"
    notes.write_text("")
    drop(window.start_page, *folders, notes)
    qtbot.waitUntil(lambda: "Adding 2 videos" in window.studio.tasks.texts)
    window.studio.tasks.cancel()
    adding_gate.set()
    qtbot.waitUntil(lambda: not window.studio.tasks.is_running)
    assert names(window) == ["clip0"]
    assert said(window) == "Adding was cancelled. Not opened: clip1, clip2, notes.txt."


def test_what_was_not_opened_is_named_where_the_project_is_gone_by_then(
    window, folders, adding_gate, qtbot
):
    drop(window.start_page, *folders[:2])
    qtbot.waitUntil(lambda: "Adding clip1" in window.studio.tasks.texts)
    assert window.studio.open_path(folders[2])
    adding_gate.set()
    qtbot.waitUntil(lambda: not window.studio.tasks.is_running)
    assert names(window) == ["clip2"]
    assert said(window) == "Not opened: clip1."


def test_a_folder_of_annotations_goes_into_the_project_that_is_open(
    window, folders, tmp_path, qtbot
):
    labels = np.zeros((40, 60), np.uint16)
    labels[5:20, 5:20] = 1
    annotations = tmp_path / "Annotations"
    (annotations / "clip0").mkdir(parents=True)
    for frame in range(2):
        write_palette_png(labels, annotations / "clip0" / f"{frame}.png")
    assert window.open_path(folders[0])
    project = window.studio.project
    drop(window.start_page, annotations)
    qtbot.waitUntil(lambda: len(project.tracks(1)) == 1)
    assert window.studio.project is project
    window.studio.close_project()
    drop(window.start_page, annotations)
    qtbot.waitUntil(lambda: window.studio.project is not None)
    assert window.studio.project.name == "Annotations"
    assert names(window) == ["clip0"]  # whose frames lie beside it


def test_a_stack_of_labels_goes_into_the_project_that_is_open(window, folders, tmp_path, qtbot):
    labels = np.zeros((2, 40, 60), np.uint16)
    labels[:, 5:20, 5:20] = 7
    tifffile.imwrite(tmp_path / "clip0_masks.tif", labels)
    assert window.open_path(folders[0])
    project = window.studio.project
    drop(window.start_page, tmp_path / "clip0_masks.tif")
    qtbot.waitUntil(lambda: len(project.tracks(1)) == 1)
    assert window.studio.project is project
    assert names(window) == ["clip0"]
    assert project.tracks(1)[0].name == "7"


def label_stacks(folders, tmp_path, top=5):
    """A TIFF of labels for each folder, named after it; label 7 goes through all of its frames."""
    stacks = []
    for folder in folders:
        labels = np.zeros((len(list(folder.iterdir())), 40, 60), np.uint16)
        labels[:, top:20, 5:20] = 7
        stacks.append(tmp_path / f"{folder.name}_masks.tif")
        tifffile.imwrite(stacks[-1], labels, photometric="minisblack")
    return stacks


def opened_together(window, folders, qtbot):
    drop(window.start_page, *folders)
    qtbot.waitUntil(lambda: window.studio.project is not None and len(names(window)) == 3)
    qtbot.waitUntil(lambda: not window.studio.tasks.is_running)
    return window.studio.project


def counts(project):
    return [len(project.tracks(entry.id)) for entry in project.videos()]


def test_several_stacks_of_labels_go_into_the_project_one_after_the_other(
    window, folders, tmp_path, qtbot
):
    project = opened_together(window, folders, qtbot)
    drop(window.start_page, *label_stacks(folders, tmp_path))
    qtbot.waitUntil(lambda: counts(project) == [1, 1, 1])
    assert window.studio.project is project
    assert [edit.kind for edit in project.history()[:3]] == ["ImportTracks"] * 3
    qtbot.waitUntil(lambda: said(window) == "Imported 3 tracks with 9 masks.")


def test_where_one_cannot_be_imported_the_others_are_named(window, folders, tmp_path, qtbot):
    project = opened_together(window, folders, qtbot)
    stacks = label_stacks(folders, tmp_path)
    broken = tmp_path / "annotations.xml"
    broken.write_text("<annotations><image")
    with qtbot.waitSignal(window.studio.failed) as told:
        drop(window.start_page, stacks[0], broken, stacks[2])
    assert told.args[0].endswith("Not imported: clip2_masks.tif.")
    assert counts(project) == [1, 0, 0]


def test_labels_dropped_with_a_video_are_named_and_are_no_video(window, folders, tmp_path, qtbot):
    assert window.open_path(folders[0])
    project = window.studio.project
    (stack,) = label_stacks(folders[:1], tmp_path)
    drop(window.start_page, folders[1], stack)
    qtbot.waitUntil(lambda: window.studio.project not in (None, project))
    assert names(window) == ["clip1"]
    assert said(window) == "Not opened: clip0_masks.tif."


def test_a_question_about_one_is_answered_before_the_next_is_imported(
    window, folders, tmp_path, qtbot
):
    project = opened_together(window, folders, qtbot)
    drop(window.start_page, label_stacks(folders, tmp_path, top=6)[0])
    qtbot.waitUntil(lambda: counts(project) == [1, 0, 0])
    drop(window.start_page, *label_stacks(folders, tmp_path))

    def asked():
        boxes = window.studio.panel.findChildren(QMessageBox)
        return [box for box in boxes if box.isVisible()]

    qtbot.waitUntil(lambda: bool(asked()))
    assert counts(project) == [2, 0, 0]
    (keep,) = [b for b in asked()[0].buttons() if b.text().replace("&", "") == "Keep both"]
    keep.click()
    qtbot.waitUntil(lambda: counts(project) == [2, 1, 1])


def test_a_folder_is_looked_into_beside_the_window(window, folders, monkeypatch, qtbot):
    looked_in = []
    find = drops.annotation_format
    monkeypatch.setattr(
        drops,
        "annotation_format",
        lambda path: (looked_in.append(threading.current_thread()), find(path))[1],
    )
    assert window.open_path(folders[0])
    drop(window.start_page, folders[1])
    qtbot.waitUntil(lambda: window.studio.project is not None and names(window) == ["clip1"])
    assert looked_in
    assert threading.main_thread() not in looked_in


def test_a_stack_that_may_be_labels_is_looked_through_beside_the_window(
    window, folders, tmp_path, monkeypatch, qtbot
):
    looked_in = []
    is_labels = drops.is_label_stack
    monkeypatch.setattr(
        drops,
        "is_label_stack",
        lambda path: (looked_in.append(threading.current_thread()), is_labels(path))[1],
    )
    noise = np.random.default_rng(0).integers(0, 255, (2, 40, 60), np.uint8)
    tifffile.imwrite(tmp_path / "ground_masks.tif", noise)  # pictures in spite of its name
    assert window.open_path(folders[0])
    project = window.studio.project
    drop(window.start_page, tmp_path / "ground_masks.tif")
    qtbot.waitUntil(lambda: window.studio.project not in (None, project))
    assert names(window) == ["ground_masks"]
    assert looked_in[0] is not threading.main_thread()


def test_a_file_of_cvat_goes_into_the_project_that_is_open(window, folders, tmp_path, qtbot):
    (tmp_path / "annotations.xml").write_text(
        "<annotations><meta><task><id>1</id><name>t</name></task></meta>"
        '<image id="0" name="0.png" width="60" height="40">'
        '<polygon label="cat" points="5,5;20,5;20,20;5,20"/></image>'
        '<image id="1" name="1.png" width="60" height="40"/></annotations>'
    )
    assert window.open_path(folders[0])
    project = window.studio.project
    drop(window.start_page, tmp_path / "annotations.xml")
    qtbot.waitUntil(lambda: len(project.tracks(1)) == 1)
    assert window.studio.project is project
    assert names(window) == ["clip0"]


def test_a_folder_of_videos_opens_as_if_they_were_dropped_together(window, tmp_path, qtbot):
    films = tmp_path / "films"
    films.mkdir()
    for number in range(3):
        film(films / f"film{number}.mp4", 2 + number)
    drop(window.start_page, films)
    qtbot.waitUntil(lambda: window.studio.project is not None and len(names(window)) == 3)
    assert names(window) == ["film0", "film1", "film2"]
    film(films / "film3.mp4", 6)
    window.studio.feature(Videos).begin_add([films])
    qtbot.waitUntil(lambda: len(names(window)) == 4)
    window.studio.close_project()
    window.begin_open(films)  # chosen, or named on the command line
    qtbot.waitUntil(lambda: window.studio.project is not None and len(names(window)) == 4)


def film(path, num_frames):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for number in range(num_frames):
            picture = np.full((48, 64, 3), 20 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def test_a_folder_of_tiff_stacks_opens_as_several_videos(window, tmp_path, qtbot):
    folder = tmp_path / "microscope"
    folder.mkdir()
    for number in range(2):
        stack = np.full((3 + number, 40, 60), 1000, np.uint16)
        stack[:, 10:20, 10 + number : 30] = 1800
        tifffile.imwrite(folder / f"well{number}.tif", stack, imagej=True, metadata={"axes": "TYX"})
    drop(window.start_page, folder)
    qtbot.waitUntil(lambda: window.studio.project is not None and len(names(window)) == 2)
    assert names(window) == ["well0", "well1"]
    assert [entry.num_frames for entry in window.studio.project.videos()] == [3, 4]
    frame = window.studio.workspace.session.reader.read(2)
    assert (frame[15, 15].tolist(), frame[0, 0].tolist()) == ([255] * 3, [0] * 3)
