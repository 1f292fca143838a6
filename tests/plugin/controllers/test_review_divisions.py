"""Suspected divisions in the queue: linked at one key, or turned down."""

import shutil

import pytest
from fake_engine import NUM_FRAMES, SIZE, disc
from review_desk import Desk

from ifc_core.annotation import Scope, StagedInstance, StagedMask, edits
from ifc_core.errors import ProjectError
from ifc_core.inference.review_queue import Reason, entry_at
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.structures import FrameState
from napari_ifc.controllers.review_words import division_title, why_text
from napari_ifc.controllers.videos import adding, look_through

AT = 5


def dividing(session, *, is_kept, name="cell"):
    """A cell of proposals that divides at ``AT``; where kept its track goes on as a daughter."""
    propose(session.project, session.entry.id, is_kept=is_kept, name=name)
    desk = Desk(session)
    desk.start()
    return desk


def masks_at(frame, *, is_kept, last=AT - 1):
    row = [(0, disc(SIZE, (24, 32), 11))]
    if frame >= AT:
        daughters = disc(SIZE, (24, 24), 7.5), disc(SIZE, (24, 40), 7.5)
        still_there = row if frame <= last else []
        row = [(0 if is_kept else 1, daughters[0]), (2, daughters[1]), *still_there]
    return [StagedMask(i, rle, 0.9, 0.05, 0.95) for i, rle in row]


def propose(project, video_id, *, is_kept=False, name="cell", last=AT - 1):
    run = project.begin_run("propose", video_id, {}, "")
    for frame in range(project.video(video_id).num_frames):
        project.stage(run, frame, masks_at(frame, is_kept=is_kept, last=last))
    numbers = [0, 2] if is_kept else [0, 1, 2]
    project.stage_instances(run, [StagedInstance(i, name, 0.9) for i in numbers])
    project.finish_run(run)
    return project.apply(edits.AcceptRun(run))


def divisions(desk):
    entries = desk.controller.entries
    every = [entry_at(entries, place) for place in range(len(entries))]
    return [entry for entry in every if entry.reason is Reason.DIVISION]


def place_of(desk, entry):
    entries = desk.controller.entries
    keys = [entry_at(entries, place).key for place in range(len(entries))]
    return keys.index(entry.key)


def parents(desk):
    return {t.id: t.parent_id for t in desk.project.tracks(1) if t.parent_id is not None}


@pytest.mark.parametrize("is_kept", [False, True])
@pytest.mark.parametrize("key", ["accept", "fix"])
def test_one_key_links_the_daughters_and_undo_comes_back_to_them(session, is_kept, key):
    desk = dividing(session, is_kept=is_kept)
    (entry,) = divisions(desk)
    controller = desk.controller
    controller.go_to(place_of(desk, entry))
    assert desk.entries[-1].key == entry.key
    mother, pair = entry.parent_id, {entry.track_id, entry.other_id}
    low, high = sorted(pair)
    assert (mother in pair) is is_kept
    assert division_title(entry) == f"Track {mother} → {low}, {high}"
    assert controller.why_not_accept() == ""
    assert controller.why_not_fix() == ""
    assert controller.why_not_reject() == ""
    said = getattr(controller, key)()
    if is_kept:
        assert why_text(entry) == "May have divided here and kept its number"
        assert said.startswith(f"Track {mother} ends before frame {AT} and divides into ")
    else:
        assert why_text(entry) == "May have divided here"
        assert said == f"Track {mother} divides into {low} and {high}."
    assert set(parents(desk).values()) == {mother}
    assert len(parents(desk)) == 2
    assert divisions(desk) == []
    assert controller.current.key != entry.key
    controller.take_edit(desk.project.undo())
    assert [e.key for e in divisions(desk)] == [entry.key]
    assert controller.current.key == desk.entries[-1].key == entry.key


def test_a_mother_whose_mask_lingers_ends_as_her_daughters_begin(session):
    propose(session.project, session.entry.id, last=AT)
    desk = Desk(session)
    desk.start()
    (entry,) = divisions(desk)
    mother, low, high = entry.parent_id, *sorted((entry.track_id, entry.other_id))
    desk.controller.go_to(place_of(desk, entry))
    assert desk.controller.accept() == (
        f"Track {mother} divides into {low} and {high}; her masks from frame {AT} on, which lay "
        "over theirs, are gone."
    )
    assert desk.project.mask(mother, AT) is None
    assert desk.project.mask(mother, AT - 1).rle == disc(SIZE, (24, 32), 11)
    assert parents(desk) == {low: mother, high: mother}
    assert divisions(desk) == []
    desk.controller.take_edit(desk.project.undo())
    assert [e.key for e in divisions(desk)] == [entry.key]
    assert desk.project.mask(mother, AT) is not None


def test_turning_it_down_approves_nothing_and_is_remembered(session):
    desk = dividing(session, is_kept=False)
    (entry,) = divisions(desk)
    desk.controller.go_to(place_of(desk, entry))
    low, high = sorted((entry.track_id, entry.other_id))
    said = desk.controller.reject()
    assert said == (
        f"Track {entry.parent_id} did not divide into {low} and {high}; their masks are not "
        "approved by it."
    )
    assert parents(desk) == {}
    assert divisions(desk) == []
    assert desk.project.mask(low, AT).state is FrameState.PROPOSED
    desk.start()  # all is looked for anew, as after a restart
    assert divisions(desk) == []
    desk.controller.take_edit(desk.project.undo())
    assert [e.key for e in divisions(desk)] == [entry.key]
    assert desk.controller.current.key == entry.key
    desk.controller.take_edit(desk.project.redo())
    assert divisions(desk) == []
    assert desk.controller.current is None


def test_what_is_approved_is_asked_about_all_the_same(session):
    desk = dividing(session, is_kept=False)
    every = edits.ApproveFrames(1, Scope(0, NUM_FRAMES - 1))
    desk.apply(every)
    (entry,) = divisions(desk)
    desk.start()
    assert [e.key for e in divisions(desk)] == [entry.key]
    desk.controller.next()
    assert desk.controller.current.key == entry.key
    desk.controller.accept()
    assert len(desk.controller.entries) == 0


def test_undo_comes_back_only_where_the_queue_is_walked_through(session):
    desk = dividing(session, is_kept=False)
    (entry,) = divisions(desk)
    controller = desk.controller
    controller.go_to(place_of(desk, entry))
    controller.accept()
    after, shown = controller.current.key, len(desk.entries)
    controller.take_edit(desk.project.undo(), come_back=False)  # another page is in front
    assert [e.key for e in divisions(desk)] == [entry.key]
    assert (controller.current.key, len(desk.entries)) == (after, shown)
    controller.take_edit(desk.project.redo())
    desk.at_once = False
    controller.take_edit(desk.project.undo())
    controller.next()  # the person went on before the list came
    after = controller.current.key
    desk.work()
    assert controller.current.key == after


def test_undoing_what_was_no_decision_stays_where_it_is(session):
    desk = dividing(session, is_kept=False)
    (entry,) = divisions(desk)
    desk.controller.go_to(place_of(desk, entry))
    desk.apply(edits.SetTrack(entry.track_id, name="Tom"))
    desk.controller.next()
    after = desk.controller.current.key
    desk.controller.take_edit(desk.project.undo())
    assert desk.controller.current.key == after


def add_videos(project, clip, tmp_path, count):
    """Ids of more videos, each a frame shorter than the one before."""
    for number in range(count):
        other = tmp_path / f"other{number}"
        shutil.copytree(clip, other)
        for path in sorted(other.iterdir())[NUM_FRAMES - 1 - number :]:
            path.unlink()
        edit, _ = adding(project, look_through([other], JobContext()))
        project.apply(edit)
    return [video.id for video in project.videos()][1:]


def videos_of(desk):
    return [entry.video_id for entry in divisions(desk)]


@pytest.fixture
def project_desk(session, clip, tmp_path):
    """Three videos in each of which a cell divides; the second is shown."""
    others = add_videos(session.project, clip, tmp_path, 2)
    for video_id in (session.entry.id, *others):
        propose(session.project, video_id)
    desk = Desk(session)
    desk.ids = [desk.entry.id, *others]
    desk.at_once = False
    desk.controller.start(desk.ids, others[0], None)
    return desk


def one(desk):
    """Let the worker do the next piece of work."""
    work, take = desk.waiting.pop(0)
    take(work())


def test_all_videos_of_the_queue_are_looked_through_the_shown_one_first(project_desk):
    desk, (first, shown, third) = project_desk, project_desk.ids
    one(desk)
    assert videos_of(desk) == []
    assert desk.controller.is_busy
    for expected in ([shown], [first, shown], [first, shown, third]):
        assert desk.controller.is_busy
        one(desk)
        assert sorted(videos_of(desk)) == expected
    assert not desk.controller.is_busy
    assert desk.waiting == []
    maker = desk.controller._maker
    assert list(maker._queues) == [shown]  # of the others only what was found is kept


def test_what_was_found_in_other_videos_stays_while_the_queue_follows(project_desk):
    desk, (first, shown, third) = project_desk, project_desk.ids
    desk.work()
    entry = next(e for e in divisions(desk) if e.video_id == shown)
    desk.controller.go_to(place_of(desk, entry))
    desk.controller.accept()
    desk.work()
    assert sorted(videos_of(desk)) == [first, third]
    desk.controller.start(desk.ids, third, None)  # another one is shown
    one(desk)
    assert sorted(videos_of(desk)) == [first, third]
    assert len(desk.controller._to_search) == 2  # the one that is shown, and that changed since
    desk.work()
    other = next(e for e in divisions(desk) if e.video_id == third)
    desk.controller.go_to(place_of(desk, other))
    desk.controller.reject()
    desk.work()
    assert videos_of(desk) == [first]
    desk.controller.start(desk.ids, first, None)
    desk.controller.take_edit(desk.project.undo())  # while all is read, and of another video
    desk.work()
    assert sorted(videos_of(desk)) == [first, third]
    assert set(desk.controller.entries["video"].tolist()) == set(desk.ids)


def test_an_edit_while_other_videos_are_looked_through_loses_none(project_desk):
    desk, (first, shown, third) = project_desk, project_desk.ids
    one(desk)
    one(desk)
    context = desk.controller._searching
    (track,) = desk.project.tracks(shown)[:1]
    desk.apply(edits.SetTrack(track.id, name="Tom"))
    with pytest.raises(JobCancelled):
        context.raise_if_cancelled()
    with pytest.raises(JobCancelled):
        one(desk)
    desk.work()
    assert sorted(videos_of(desk)) == [first, shown, third]


def test_a_video_that_cannot_be_looked_through_hides_no_other(project_desk, monkeypatch):
    desk, (first, shown, third) = project_desk, project_desk.ids
    desk.waiting.clear()
    failing, errors = desk.controller._maker.find_suspicions, []

    def find(video_id, *others):
        if video_id == shown:
            raise ProjectError("It is damaged.", path=desk.project.folder)
        return failing(video_id, *others)

    def submit(work, take, fail):
        try:
            answer = work()
        except ProjectError as error:
            errors.append(error)
            fail(error)
        else:
            take(answer)

    monkeypatch.setattr(desk.controller._maker, "find_suspicions", find)
    monkeypatch.setattr(desk.controller, "_submit", submit)
    desk.controller.start(desk.ids, shown, None)
    assert sorted(videos_of(desk)) == [first, third]
    assert desk.errors == errors
    assert len(errors) == 1
    assert not desk.controller.is_busy


def test_things_do_not_divide(session):
    assert divisions(dividing(session, is_kept=False, name="car")) == []


def test_only_swaps_and_divisions_can_be_fixed(session):
    desk = dividing(session, is_kept=False, name="car")
    desk.controller.next()
    assert desk.controller.why_not_fix() == (
        "Only suspected swaps are exchanged and suspected divisions linked."
    )
