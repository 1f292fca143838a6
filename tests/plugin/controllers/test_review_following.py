"""What stands in the list after a decision that mended more than one entry."""

import numpy as np
import pytest
from fake_engine import NUM_FRAMES
from review_desk import Desk

from ifc_core.annotation import StagedInstance, StagedMask, edits
from ifc_core.inference.review_queue import Reason, entry_at
from ifc_core.structures import RLEMask

SWAPPED_AT = 5


@pytest.fixture
def desk(session):
    """A large and a small object whose tracks are exchanged from a frame on; one low score."""
    project, entry = session.project, session.entry
    run = project.begin_run("propose", entry.id, {}, "")
    for f in range(NUM_FRAMES):
        large, small, third = (np.zeros(entry.size, dtype=bool) for _ in range(3))
        large[3:17, f : f + 14] = True
        small[34:40, 40 + f : 46 + f] = True
        third[34:44, 4:14] = True
        pair = (large, small) if f < SWAPPED_AT else (small, large)
        masks = [
            StagedMask(i, RLEMask.from_array(pixels), 0.8, 0.05, 0.95)
            for i, pixels in enumerate((*pair, third))
        ]
        project.stage(run, f, masks)
    scores = [StagedInstance(i, "fish", score) for i, score in enumerate((0.9, 0.9, 0.2))]
    project.stage_instances(run, scores)
    project.finish_run(run)
    project.apply(edits.AcceptRun(run))
    made = Desk(session)
    made.start()
    made.controller.next()
    assert made.controller.current.reason is Reason.SWAP
    made.at_once = False  # the worker takes its time from now on
    return made


def test_the_review_goes_on_where_the_mend_took_the_next_entry_along(desk):
    controller = desk.controller
    controller.fix()
    came = controller.current
    assert came.reason in (Reason.AREA, Reason.MOVE)  # of the same swap
    place = len(desk.entries)
    desk.work()
    assert came.key not in _keys(controller)
    now = controller.current
    assert now is not None
    assert len(desk.entries) > place  # and the canvas shows it
    assert desk.entries[-1].key == now.key
    assert not controller.why_not_decide()


@pytest.mark.parametrize("act", ["looks elsewhere", "edits", "narrows"])
def test_it_does_not_where_the_person_does_something_else(desk, act):
    controller = desk.controller
    controller.fix()
    came = controller.current
    if act == "looks elsewhere":
        controller._is_seen = lambda entry: False
    elif act == "edits":
        third = desk.project.tracks(desk.entry.id)[-1].id
        desk.apply(edits.ApproveTracks((third,)))
    else:
        controller.narrow(frozenset(Reason))
    shown = len(desk.entries)
    desk.work()
    assert came.key not in _keys(controller)
    assert controller.current is None
    assert len(desk.entries) == shown


def _keys(controller):
    return [entry_at(controller.entries, i).key for i in range(len(controller.entries))]
