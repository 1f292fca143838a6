"""A second thread reads ahead: in order, bounded, and it ends when the reader does."""

import threading

import pytest

from ifc_core.inference.predictor import VideoPrediction, predict_video
from ifc_core.inference.read_ahead import read_ahead
from ifc_core.inference.settings import ProposeSettings
from ifc_core.jobs import JobContext


def threads():
    return [t for t in threading.enumerate() if t.name == "read-ahead"]


@pytest.mark.parametrize("capacity", [0, 1, 4])
def test_everything_comes_in_order(capacity):
    with read_ahead(iter(range(50)), capacity) as items:
        assert list(items) == list(range(50))
    assert threads() == []


def test_it_reads_no_further_than_it_may():
    given = []
    full = threading.Event()

    def source():
        for number in range(100):
            given.append(number)
            if number == 3:
                full.set()
            yield number

    with read_ahead(source(), 3) as items:
        assert full.wait(20)
        assert len(given) == 4  # three wait, one is in the reader's hand
        assert next(items) == 0
    assert threads() == []
    assert len(given) <= 6


def test_errors_come_where_the_items_would():
    def source():
        yield 1
        raise ValueError("broken")

    with read_ahead(source(), 4) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="broken"):
            next(items)
    assert threads() == []


def test_batches_and_reading_ahead_give_the_same_run(tiny_model, scene):
    settings = ProposeSettings(clip_length=3, precision="fp32", score_threshold=0.0)
    single = predict_video(tiny_model, enumerate(scene[:11]), settings)
    expected = list(single)
    batched = VideoPrediction(
        tiny_model, enumerate(scene[:11]), settings, JobContext(), None, None, batch=4
    )
    found = list(batched)
    assert threads() == []
    assert [r.frame_index for r in found] == [r.frame_index for r in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert [m.instance_id for m in ours.masks] == [m.instance_id for m in theirs.masks]
        for a, b in zip(ours.masks, theirs.masks, strict=True):
            assert a.rle.iou(b.rle) > 0.99
    half = VideoPrediction(
        tiny_model, enumerate(scene), settings, JobContext(), None, None, batch=4
    )
    next(half)
    half.close()
    assert threads() == []
