"""Videos of which only annotations were ever seen: told of, located, left out of fine-tuning."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import replace

import cv2
import numpy as np
import pytest
from fake_engine import NUM_FRAMES, SIZE
from qtpy.QtWidgets import QMessageBox

from ifc_core.annotation import Project, Scope, edits
from ifc_core.annotation.importing import import_annotations
from ifc_core.annotation.locating import Nearby
from ifc_core.annotation.snapshot import make_snapshot
from ifc_core.errors import ProjectError, VideoError
from ifc_core.inference.review_queue import QueueEntry, Reason
from ifc_core.io.video import open_video
from ifc_core.jobs import JobContext
from ifc_core.structures import RLEMask
from napari_ifc.controllers.finetune import material_of
from napari_ifc.controllers.session import import_sentences, open_session, show_video
from napari_ifc.controllers.videos import adding, find_in, locating, look_through
from napari_ifc.features.finetune import PAGE, TrainerLink
from napari_ifc.features.review import Review
from napari_ifc.features.videos import Videos
from napari_ifc.material_words import absent_text, material_text
from napari_ifc.views import place_question


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


@pytest.fixture
def footage(tmp_path, clip):
    """The frames of the video that the file names, where nobody looks; shorter than the clip."""
    folder = tmp_path / "elsewhere" / "ghost"
    shutil.copytree(clip, folder)
    for frame in sorted(folder.iterdir())[-2:]:
        frame.unlink()
    return folder


@pytest.fixture
def annotations(tmp_path):
    """A file of annotations of a video that is not there, with a mask on each of 8 frames."""
    return written(tmp_path / "far" / "ghosts.json", "ghost", NUM_FRAMES - 2)


def written(path, name, length):
    mask = np.zeros(SIZE, bool)
    mask[10:30, 10:40] = True
    rle = RLEMask.from_array(mask).to_coco()
    size = {"height": SIZE[0], "width": SIZE[1], "length": length}
    names = [f"{name}/{i:05d}.jpg" for i in range(length)]
    track = {"id": 1, "video_id": 1, "category_id": 1, "iscrowd": 0, **size}
    area = float(mask.sum())
    track |= {"segmentations": [rle] * length, "areas": [area] * length}
    track["bboxes"] = [[10.0, 10.0, 30.0, 20.0]] * length
    content = {
        "info": {},
        "licenses": [],
        "videos": [{"id": 1, "file_names": names, **size}],
        "categories": [{"id": 1, "name": "horse"}],
        "annotations": [track],
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def project(session, annotations):
    import_annotations(session.project, annotations)
    return session.project


def test_an_import_says_once_what_is_not_here_and_what_becomes_of_it(session, annotations):
    told = import_sentences(import_annotations(session.project, annotations))
    assert told[0] == (
        "ghost was not found and is listed without pictures; its 8 masks are kept until you "
        "locate it."
    )
    assert told[-1] == "Imported 1 track with 8 masks."
    assert " ".join(told).count("ghost") == 1


def test_what_is_not_here_is_not_counted_and_not_learned_from(project, annotations, tmp_path, clip):
    material = material_of(project)
    assert (material.frames, material.masks, material.absent) == (0, 0, ("ghost",))
    assert material_text(material) == absent_text(material) != ""
    with pytest.raises(ProjectError, match="ghost is not at"):
        make_snapshot(project, project.folder / "runs" / "r0")
    import_annotations(project, written(annotations.parent / "b.json", "clip", NUM_FRAMES))
    material = material_of(project)
    assert (material.frames, material.masks, material.absent) == (10, 10, ("ghost",))
    assert "Left out until it is found: ghost" in material_text(material)
    snapshot = make_snapshot(project, project.folder / "runs" / "r1")
    assert [video.name for video in snapshot.videos] == ["clip"]
    assert snapshot.left_out == ("ghost",)


def test_it_is_known_by_name_size_and_length_when_it_is_added(project, footage, clip, tmp_path):
    shorter = tmp_path / "third" / "ghost"
    shutil.copytree(footage, shorter)
    sorted(shorter.iterdir())[-1].unlink()
    edit, told = adding(project, look_through([shorter], JobContext()))
    assert told == "Added 1 video."
    edit, told = adding(project, look_through([footage], JobContext()))
    assert told == "ghost was missing and is found."
    project.apply(edit)
    assert [entry.name for entry in project.videos()] == ["clip", "ghost"]
    assert project.video(2).fingerprint
    assert material_of(project).masks == NUM_FRAMES - 2
    project.undo()
    assert material_of(project).absent == ("ghost",)


def test_several_of_one_name_are_found_together_and_what_is_unclear_is_told(
    session, footage, tmp_path
):
    for name in "ab":
        import_annotations(
            session.project,
            written(tmp_path / name / "far.json", f"{name}/img1", NUM_FRAMES - 2),
        )
    places = []
    for number, name in enumerate("cba"):
        places.append(tmp_path / "there" / name / "img1")
        shutil.copytree(footage, places[-1])
        frames = sorted(places[-1].iterdir())
        frames[0].write_bytes(frames[number].read_bytes())
    edit, told = adding(session.project, look_through(places[:1], JobContext()))
    assert told.startswith("Added 1 video. c/img1 could be the missing img1, img1_2 or another")
    edit, told = adding(session.project, look_through(places, JobContext()))
    assert told == "Added 1 video. img1_2, img1 were missing and are found."
    session.project.apply(edit)
    again = adding(session.project, look_through([*places[1:], places[1]], JobContext()))
    assert again == (None, "img1_2, img1 are in this project already.")
    found = {entry.name: entry.path for entry in session.project.videos()[1:]}
    assert found == {"img1": places[2], "img1_2": places[1], "img1_3": places[0]}


def test_put_beside_the_project_it_is_shown(project, footage, tmp_path):
    beside = project.folder.parent / "ghost"
    shutil.copytree(footage, beside)
    sorted(beside.iterdir())[-1].unlink()
    assert project.locate_video(2) is None  # another one of the name
    shutil.rmtree(beside)
    shutil.copytree(footage, beside)
    shown = show_video(project, 2)
    shown.reader.close()
    assert (shown.entry.path, shown.num_frames) == (beside, NUM_FRAMES - 2)
    assert project.video(2).fingerprint == shown.reader.video.fingerprint


def test_opening_its_file_finds_it_in_the_project_of_its_name(annotations, footage, tmp_path):
    with Project.create(tmp_path / "projects" / "ghost.ifcproj") as project:
        import_annotations(project, annotations)
    opened = open_session(footage, tmp_path / "projects")
    opened.close()
    assert opened.project.folder == project.folder
    assert (opened.entry.path, opened.entry.name) == (footage, "ghost")
    assert opened.entry.fingerprint == opened.reader.video.fingerprint


def test_a_project_whose_first_video_is_gone_opens_with_the_next_one(project, footage, clip):
    edit, _ = locating(project, 2, *look_through([footage], JobContext()))
    project.apply(edit)
    folder = project.folder
    project.close()
    clip.rename(clip.with_name("gone"))
    opened = open_session(folder)
    opened.close()
    assert opened.entry.name == "ghost"


def test_annotations_without_their_frames_say_what_to_do(annotations, tmp_path):
    with pytest.raises(VideoError, match=r"ghosts\.json holds annotations of ghost, whose frames"):
        open_session(annotations, tmp_path / "projects")
    assert not list(tmp_path.rglob("*.ifcproj"))


def test_another_video_is_refused_with_what_differs(project, footage, clip):
    (other, right) = look_through([clip, footage], JobContext())
    with pytest.raises(ProjectError, match=r"clip is not the video ghost: .* 10 frames, not .* 8"):
        locating(project, 2, other)
    edit, told = locating(project, 2, right)
    project.apply(edit)
    assert told == "ghost is found."
    assert project.undo_label == "Locate video ghost"
    assert locating(project, 2, right)[0] is None


@pytest.mark.window
def test_a_person_is_told_says_where_it_is_and_goes_on(desk, annotations, footage, clip, qtbot):
    studio, videos = desk.studio, desk.studio.feature(Videos)
    banner = studio.panel.banner
    assert not videos.is_shown
    assert studio.import_annotations(annotations)
    assert videos.is_shown  # two of them now
    ghost = studio.project.videos()[1].id
    videos.show(ghost)
    assert banner.text.startswith("The video ghost is not where it was")
    assert videos.list.chosen() == ghost
    texts = [entry.text() for entry in videos.list.menu_for().actions()]
    assert texts == ["Locate this video…", "Remove the chosen video"]

    videos.begin_locate(ghost, clip)
    words = "clip is not the video ghost but clip, which this project has already."
    qtbot.waitUntil(lambda: banner.text == words)
    assert studio.actions["videos.show_told"].why_not() == ""
    videos.begin_locate(ghost, footage)
    qtbot.waitUntil(lambda: banner.text == "ghost is found.")
    with qtbot.waitSignal(studio.opened):
        videos.show(ghost)
    assert studio.workspace.session.num_frames == NUM_FRAMES - 2
    videos.begin_locate(ghost, clip)  # asked for by mistake: there is a way to the one it is
    qtbot.waitUntil(lambda: banner.text == words)
    with qtbot.waitSignal(studio.opened):
        banner.action_requested.emit("videos.show_told")
    assert studio.workspace.session.num_frames == NUM_FRAMES


@pytest.mark.window
def test_the_message_locates_the_video_it_names_whichever_row_is_chosen(
    desk, annotations, monkeypatch
):
    studio, videos = desk.studio, desk.studio.feature(Videos)
    assert studio.import_annotations(annotations)
    clip, ghost = (entry.id for entry in studio.project.videos())
    assert not studio.run_action("videos.locate_told")
    videos.show(ghost)
    videos.list.choose(clip)
    asked = []
    monkeypatch.setattr(
        "napari_ifc.features.videos.ask_for_place", lambda name, _: asked.append(name)
    )
    studio.panel.banner._button.click()
    assert studio.run_action("videos.locate")
    assert asked == ["ghost", "clip"]


@pytest.mark.window
def test_the_window_opens_no_file_to_find_a_video(desk, annotations, footage, qtbot, monkeypatch):
    opened = []

    def opening(path, context=None, **how):
        opened.append((path.name, threading.current_thread().name, context is not None))
        return open_video(path, context, **how)

    studio, videos = desk.studio, desk.studio.feature(Videos)
    monkeypatch.setattr("ifc_core.io.video.open_video", opening)
    shutil.copytree(footage, studio.project.folder.parent / "ghost")
    assert studio.import_annotations(annotations)
    ghost = studio.project.videos()[1].id
    videos.list.pictures_wanted.emit((ghost,))  # the window of this test is never shown
    qtbot.waitUntil(lambda: ghost in videos.list.model.pictures, timeout=20_000)
    with qtbot.waitSignal(studio.opened):
        videos.show(ghost)
    assert studio.workspace.session.entry.fingerprint
    assert {name for name, _, _ in opened} == {"ghost"}
    assert threading.main_thread().name not in {thread for _, thread, _ in opened}
    assert all(can_be_cancelled for *_, can_be_cancelled in opened)


@pytest.mark.window
def test_the_queue_opens_no_file_in_the_windows_thread(
    desk, annotations, footage, qtbot, monkeypatch
):
    opened = []

    def opening(path, context=None, **how):
        opened.append(threading.current_thread().name)
        return open_video(path, context, **how)

    studio = desk.studio
    shutil.copytree(footage, studio.project.folder.parent / "ghost")
    assert studio.import_annotations(annotations)
    ghost = studio.project.videos()[1].id
    queue = queue_of_all(studio, qtbot, ghost)
    monkeypatch.setattr("ifc_core.io.video.open_video", opening)
    with qtbot.waitSignal(studio.opened):
        queue.go_to(0)
        assert queue.current is None  # nothing to decide until it is seen
        queue.next()  # the same one, which is on its way
        assert studio.tasks.texts == ("Opening ghost",)
    assert studio.workspace.session.entry.id == ghost
    assert queue.current.video_id == ghost
    assert studio.layers.frame_index == queue.current.first == 3
    assert threading.main_thread().name not in opened
    assert opened


@pytest.mark.window
def test_an_entry_that_is_not_waited_for_any_more_is_not_shown(desk, second, qtbot):
    studio, review = desk.studio, desk.studio.feature(Review)
    entry = QueueEntry(second, 0, 0, 0, 0, 0, 0.1, 0.0, Reason.COMPLETE)
    assert not review._show_entry(entry)
    assert review._show_entry(replace(entry, video_id=desk.video_id))
    qtbot.waitUntil(lambda: not studio.tasks.is_running)
    assert studio.workspace.session.entry.id == desk.video_id
    assert not review._show_entry(entry)
    with qtbot.waitSignal(studio.opened):
        pass
    assert studio.workspace.session.entry.id == second


@pytest.mark.window
def test_the_queue_offers_to_locate_a_video_that_is_not_found(desk, annotations, qtbot):
    studio = desk.studio
    assert studio.import_annotations(annotations)
    ghost = studio.project.videos()[1].id
    queue = queue_of_all(studio, qtbot, ghost)
    for _ in range(2):
        studio.panel.banner.clear()
        queue.go_to(0)
        assert "The video ghost is not where it was" in studio.panel.banner.text
        assert queue.current is None
    assert studio.actions["videos.locate_told"].why_not() == ""
    assert studio.feature(Videos).list.model.rows[1].is_absent


def queue_of_all(studio, qtbot, video_id):
    """The queue of the whole project, which holds frames to complete of one video."""
    edit = edits.UnapproveFrames(video_id, Scope(3, NUM_FRAMES - 3))
    studio.workspace.editor.apply(edit)
    studio.feature(Review).page.scope_requested.emit(True)
    queue = studio.feature(Review).controller
    qtbot.waitUntil(lambda: len(queue.entries) > 0 and not queue.is_busy, timeout=10_000)
    assert set(queue.entries["video"]) == {video_id}
    return queue


def test_files_are_opened_once_for_many_videos_and_only_where_asked(project, footage, monkeypatch):
    opened = []
    beside = project.folder.parent / "ghost"
    shutil.copytree(footage, beside)
    monkeypatch.setattr(
        "ifc_core.io.video.open_video", lambda *given: (opened.append(given), open_video(*given))[1]
    )
    unopened, context = Nearby(opens=False), JobContext()
    assert project.find_video_file(2, nearby=unopened) is None
    assert (unopened.passed_over, opened) == (True, [])
    nearby = Nearby(context)
    assert [find_in(project.folder, 2, nearby) for _ in range(3)] == [beside] * 3
    assert opened == [(beside, context)]
    sorted(beside.iterdir())[-1].unlink()
    unopened = Nearby(opens=False)
    assert project.find_video_file(2, nearby=unopened) is None
    assert not unopened.passed_over  # it has too few pictures


@pytest.mark.window
def test_nothing_is_said_any_more_of_a_video_that_was_removed(desk, annotations, qtbot):
    studio, videos = desk.studio, desk.studio.feature(Videos)
    assert studio.import_annotations(annotations)
    videos.show(studio.project.videos()[1].id)
    assert "ghost is not where it was" in studio.panel.banner.text
    assert studio.run_action("videos.remove")
    assert studio.panel.banner.text == ""


@pytest.mark.window
def test_the_page_says_what_is_left_out(desk, annotations, qtbot):
    studio, link = desk.studio, desk.studio.feature(TrainerLink)
    assert studio.import_annotations(annotations)
    studio.panel.show_page(PAGE)
    qtbot.waitUntil(lambda: link.controller.view.material.absent == ("ghost",))
    assert "ghost" in link.controller.why_not_start()


@pytest.mark.window
@pytest.mark.parametrize("button", ["A file…", "A folder…", "Cancel"])
def test_a_file_or_a_folder_is_asked_for(qapp, tmp_path, monkeypatch, button):
    asked = []

    def press(box):
        next(b for b in box.buttons() if b.text().replace("&", "") == button).click()

    monkeypatch.setattr(QMessageBox, "exec", press)
    dialog = place_question.QFileDialog
    monkeypatch.setattr(
        dialog,
        "getOpenFileName",
        lambda *a: (asked.append("A file…"), (str(tmp_path / "a"), ""))[1],
    )
    monkeypatch.setattr(
        dialog,
        "getExistingDirectory",
        lambda *a: (asked.append("A folder…"), str(tmp_path / "b"))[1],
    )
    place = place_question.ask_for_place("ghost", None)
    assert (place is None) == (button == "Cancel")
    assert asked == ([] if place is None else [button])


def test_a_longer_file_is_located_with_a_word_on_its_frames(project, clip, tmp_path):
    whole = tmp_path / "longer"
    shutil.copytree(clip, whole)
    first = sorted(whole.iterdir())[0]
    shutil.copy(first, whole / f"zz{first.suffix}")
    (found,) = look_through([whole], JobContext())
    edit, told = locating(project, 2, found)
    assert told.startswith(f"ghost is found. It has {NUM_FRAMES + 1} frames, and the annotations, ")
    before = project.video(2).num_frames
    project.apply(edit)
    assert project.video(2).num_frames == NUM_FRAMES + 1
    project.undo()
    assert project.video(2).num_frames == before == NUM_FRAMES - 2


@pytest.mark.window
def test_a_video_that_was_coded_anew_is_taken_where_a_person_says_so(desk, clip, tmp_path, qtbot):
    studio, videos = desk.studio, desk.studio.feature(Videos)
    project, banner = studio.project, studio.panel.banner
    entry = project.videos()[0]
    anew = tmp_path / "anew" / entry.name
    shutil.copytree(clip, anew)
    for frame in anew.iterdir():
        picture = cv2.imread(str(frame))
        cv2.imwrite(str(frame), cv2.convertScaleAbs(picture, alpha=0.9))
    videos.begin_locate(entry.id, anew)
    words = f"{entry.name} is not the video {entry.name}: its content is another."
    qtbot.waitUntil(lambda: banner.text == words)
    assert studio.actions["videos.show_told"].why_not()
    assert studio.actions["videos.take_told"].why_not() == ""
    assert banner._button.text() == "It was coded anew"
    banner._button.click()
    qtbot.waitUntil(lambda: project.video(entry.id).fingerprint != entry.fingerprint)
    assert banner.text.startswith(f"{entry.name} is found, with another content")
    assert project.video(entry.id).path == anew
    assert studio.actions["videos.take_told"].why_not()  # its message is gone
    studio.run_action("edit.undo")
    assert project.video(entry.id).fingerprint == entry.fingerprint
