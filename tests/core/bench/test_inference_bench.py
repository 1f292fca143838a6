"""The inference benches measure what they say, on tiny inputs."""

import dataclasses

import numpy as np
import pytest
import torch

from ifc_core.bench import infer_gpu
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


def test_the_clock_runs_once_the_work_is_warm(monkeypatch):
    waited, done = [], []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waited.append(len(done)))
    assert infer_gpu._seconds(lambda: done.append(1), rounds=2) > 0
    assert waited == [3, 5]


def test_the_parts_of_the_gpu_bench(monkeypatch, capsys):
    def once(work, rounds=1):
        work()
        return 1e-3

    monkeypatch.setattr(infer_gpu, "_seconds", once)
    monkeypatch.setattr(infer_gpu, "_BATCHES", (2, 3))
    monkeypatch.setattr(infer_gpu, "GraphedWork", lambda work: work)
    for name in ("synchronize", "reset_peak_memory_stats", "max_memory_allocated"):
        monkeypatch.setattr(torch.cuda, name, lambda: 0)
    options = dataclasses.replace(
        TINY,
        clip_stride=3,
        file_frames=14,
        parts=("model", "file", "stages", "agreement", "plain", "backbones"),
    )
    figures = infer_gpu.GpuBench(*prepare(options), options).run()
    assert tuple(figures) == options.parts
    assert not [part for part in figures.values() if "failed" in part]
    rows = figures["model"]["rows"]
    assert set(rows) == {"fp32, 3 at a time", "auto, 2 at a time", "auto, 3 at a time"}
    assert figures["model"]["frames_per_second"] == max(
        r["frames_per_second"] for r in rows.values()
    )
    assert set(figures["stages"]["ms_a_frame"]) == {
        "transfer",
        "resize from 720p",
        "link and average",
        "masks and run lengths",
    }
    assert figures["file"]["frames"] == 14
    assert figures["file"]["S = 3"]["masks_a_frame"] > 0
    assert figures["file"]["S = 1"]["instances"] > 0
    assert figures["agreement"]["float32 on the CPU"]["least_overlap"] == 1.0
    assert figures["plain"]["num_rows"] > 0
    assert capsys.readouterr().err.count("bench_seconds") == len(options.parts)


def test_a_part_that_fails_is_told_and_the_others_go_on(monkeypatch):
    options = dataclasses.replace(TINY, parts=("model", "plain"))
    bench = infer_gpu.GpuBench(*prepare(options), options)
    monkeypatch.setattr(infer_gpu.GpuBench, "_model_alone", lambda *_: 1 / 0)
    figures = bench.run()
    assert "ZeroDivisionError" in figures["model"]["failed"]
    assert figures["plain"]["frames_per_second"] > 0
