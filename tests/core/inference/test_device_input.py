"""Frames put together for the device: in order, whole, never too much at once."""

import numpy as np
import torch

from ifc_core.inference import device_input
from ifc_core.inference.device_input import FrameSender


def sent(frames, batch_size, cut=lambda image: image):
    return list(FrameSender(torch.device("cpu"), batch_size, cut).batches(iter(frames)))


def numbered(count, shape=(6, 8, 3)):
    return [(3 * i, np.full(shape, i, np.uint8)) for i in range(count)]


def test_batches_hold_every_frame_in_order():
    batches = sent(numbered(7), 3, lambda image: image[1:5])
    assert [batch.indices for batch in batches] == [(0, 3, 6), (9, 12, 15), (18,)]
    together = torch.cat([batch.arrived() for batch in batches])
    assert together.shape == (7, 4, 8, 3)
    assert together[:, 0, 0, 0].tolist() == list(range(7))
    assert batches[0].images[2].shape == (6, 8, 3)


def test_a_full_batch_waits_for_no_further_frame():
    given = []

    def frames():
        for index, image in numbered(9):
            given.append(index)
            yield index, image

    batches = FrameSender(torch.device("cpu"), 4, lambda image: image).batches(frames())
    next(batches)
    assert len(given) == 4


def test_a_change_of_size_begins_a_batch():
    frames = numbered(2) + numbered(3, (4, 4, 3))
    assert [len(batch.indices) for batch in sent(frames, 4)] == [2, 3]


def test_large_frames_come_in_smaller_batches(monkeypatch):
    monkeypatch.setattr(device_input, "_MOST_BYTES", 2 * 6 * 8 * 3 + 5)
    assert [len(batch.indices) for batch in sent(numbered(5), 4)] == [2, 2, 1]
    monkeypatch.setattr(device_input, "_MOST_BYTES", 10)
    assert [len(batch.indices) for batch in sent(numbered(2), 4)] == [1, 1]
