"""The inference benches measure what they say, on tiny inputs."""

import numpy as np
import pytest
import torch

from ifc_core.bench.infer import InferOptions, measure_ours, measure_plain, prepare
from ifc_core.bench.tracker import TrackerOptions, measure_buffers, measure_streaming

TINY = InferOptions(
    model="seeded-resnet18",
    height=64,
    width=96,
    num_frames=6,
    clip_length=3,
    instances=4,
    threads=1,
)


@pytest.fixture(autouse=True)
def _threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_ours_and_the_plain_way_find_the_same():
    plain, ours = measure_plain(TINY), measure_ours(TINY, "fp32")
    assert plain["num_instances"] == ours["num_instances"] > 0
    assert set(plain["seconds"]) == {"backbone", "clips", "tracker", "masks", "total"}
    assert set(ours["seconds"]) == set(plain["seconds"]) | {"preparation"}
    assert ours["dtype"] == "float32"
    for figures in (plain, ours):
        assert figures["frames_per_second"] == pytest.approx(6 / figures["seconds"]["total"])


def test_as_many_queries_survive_as_were_asked_for():
    model, frames = prepare(TINY)
    prediction = model.predict_clip(frames[:3])
    survivors = prediction.class_logits.argmax(-1) != model.config.num_classes
    assert survivors.sum() == TINY.instances
    assert frames.shape == (6, 64, 96, 3)
    assert (np.diff(frames.astype(int), axis=0) != 0).any()


def test_both_trackers_give_the_same_identities():
    options = TrackerOptions(num_frames=9, clip_length=4, height=12, width=20, instances=5)
    plain, ours = measure_buffers(options), measure_streaming(options, 9)
    assert plain["identities"] == ours["identities"]
    assert ours["num_instances"] >= 5
