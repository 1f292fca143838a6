"""Suspected divisions in the queue: linked at one key, or kept apart."""

import pytest
from fake_engine import NUM_FRAMES, SIZE, disc
from review_desk import Desk

from ifc_core.annotation import StagedInstance, StagedMask, edits
from ifc_core.inference.review_queue import Reason, entry_at
from ifc_core.structures import FrameState
from napari_ifc.controllers.review import FILTERS, why_text

AT = 5


def dividing(session, *, is_kept, name="cell"):
    """A cell of proposals that divides at ``AT``; where kept its track goes on as a daughter."""
    project = session.project
    run = project.begin_run("propose", session.entry.id, {}, "")
    for frame in range(NUM_FRAMES):
        row = [(0, disc(SIZE, (24, 32), 11))]
        if frame >= AT:
            daughters = disc(SIZE, (24, 24), 7.5), disc(SIZE, (24, 40), 7.5)
            row = [(0 if is_kept else 1, daughters[0]), (2, daughters[1])]
        project.stage(run, frame, [StagedMask(i, rle, 0.9, 0.05, 0.95) for i, rle in row])
    numbers = [0, 2] if is_kept else [0, 1, 2]
    project.stage_instances(run, [StagedInstance(i, name, 0.9) for i in numbers])
    project.finish_run(run)
    project.apply(edits.AcceptRun(run))
    desk = Desk(session)
    desk.start()
    return desk


def divisions(desk):
    entries = desk.controller.entries
    every = [entry_at(entries, place) for place in range(len(entries))]
    return [entry for entry in every if entry.reason is Reason.DIVISION]


def parents(desk):
    return {t.id: t.parent_id for t in desk.project.tracks(1) if t.parent_id is not None}


@pytest.mark.parametrize("is_kept", [False, True])
def test_fixing_links_the_daughters_and_undo_lists_them_again(session, is_kept):
    desk = dividing(session, is_kept=is_kept)
    (entry,) = divisions(desk)
    desk.controller.narrow(dict(FILTERS)["Suspected divisions"])
    desk.controller.next()
    assert desk.entries[-1].key == entry.key
    mother, pair = entry.parent_id, {entry.track_id, entry.other_id}
    assert (mother in pair) is is_kept
    assert desk.controller.why_not_fix() == ""
    assert desk.controller.why_not_reject() == "A suspected division is linked or approved as none."
    said = desk.controller.fix()
    if is_kept:
        assert why_text(entry) == f"Track {mother} may have divided here"
        assert said.startswith(f"Track {mother} ends before frame {AT} and divides into ")
    else:
        words = f"May have come from track {mother} with track {entry.other_id}"
        assert why_text(entry) == words
        low, high = sorted(pair)
        assert said == f"Track {mother} divides into {low} and {high}."
    assert set(parents(desk).values()) == {mother}
    assert len(parents(desk)) == 2
    assert divisions(desk) == []
    desk.controller.take_edit(desk.project.undo())
    assert [e.key for e in divisions(desk)] == [entry.key]


def test_accepting_says_that_they_are_no_daughters(session):
    desk = dividing(session, is_kept=False)
    desk.controller.narrow(dict(FILTERS)["Suspected divisions"])
    desk.controller.next()
    low, high = desk.controller.current.track_id, desk.controller.current.other_id
    said = desk.controller.accept()
    assert said == f"Approved tracks {low} and {high} on frame {AT} as no daughters."
    assert parents(desk) == {}
    assert divisions(desk) == []
    assert desk.project.mask(low, AT).state is FrameState.APPROVED
    desk.start()
    assert divisions(desk) == []


def test_things_do_not_divide(session):
    assert divisions(dividing(session, is_kept=False, name="car")) == []


def test_only_swaps_and_divisions_can_be_fixed(session):
    desk = dividing(session, is_kept=False, name="car")
    desk.controller.next()
    assert desk.controller.why_not_fix() == "This entry is no suspected swap and no division."
