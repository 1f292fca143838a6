"""Which frames a person should look at first."""

import numpy as np
import pytest

from ifc_core.annotation.records import TrackFrame
from ifc_core.inference.uncertainty import area_departure, need_of_attention
from ifc_core.structures import FrameState, MaskSource


def frame(
    index,
    uncertainty=0.05,
    link=0.95,
    area=400,
    state=FrameState.PROPOSED,
    source=None,
    quality=0.8,
):
    source = source or MaskSource.MODEL
    return TrackFrame(1, index, index, state, source, 1, area, uncertainty, link, quality)


def test_disagreement_weak_links_poor_fits_and_jumps_in_area_each_raise_the_need():
    frames = [frame(i) for i in range(12)]
    frames[2] = frame(2, uncertainty=0.6)
    frames[5] = frame(5, link=0.1)
    frames[8] = frame(8, area=60)
    frames[10] = frame(10, quality=0.15)
    need = need_of_attention(frames)
    calm = np.delete(need, [2, 5, 8, 10])
    assert need.shape == (12,)
    assert ((need >= 0) & (need <= 1)).all()
    assert min(need[2], need[5], need[8], need[10]) > 2 * calm.max()


@pytest.mark.parametrize(
    "settled",
    [
        {"state": FrameState.APPROVED},
        {"state": FrameState.CORRECTED, "source": MaskSource.HUMAN},
        {"source": MaskSource.HUMAN},
        {"state": FrameState.ABSENT, "area": 0},
    ],
)
def test_what_a_person_settled_needs_nobody(settled):
    frames = [frame(0, 0.9, quality=0.2), frame(1, 0.9, quality=0.2, **settled)]
    need = need_of_attention(frames)
    assert need[0] > 0.5
    assert need[1] == 0.0


def test_frames_without_the_object_say_nothing_of_its_size():
    absent = {"area": 0, "state": FrameState.ABSENT}
    alone = [frame(i, **({} if 8 <= i < 11 else absent)) for i in range(20)]
    usual = need_of_attention([frame(i) for i in range(20)])[8:11]
    np.testing.assert_allclose(need_of_attention(alone)[8:11], usual)
    sizes = np.array([0, 0, 0, 400, 400, 100, 400, 0, 0, 0])
    assert np.flatnonzero(area_departure(sizes)).tolist() == [5]
    assert area_departure(sizes[:3]).tolist() == [0, 0, 0]
    assert area_departure(sizes[:0]).tolist() == []


def test_unknown_signals_stand_between_sure_and_unsure():
    sure, unknown, unsure = need_of_attention(
        [
            frame(0, uncertainty=0.02, quality=0.95),
            frame(1, uncertainty=None, link=None, quality=None),
            frame(2, 0.8, quality=0.3),
        ]
    )
    assert sure < unknown < unsure


def test_no_frames():
    assert need_of_attention([]).shape == (0,)
