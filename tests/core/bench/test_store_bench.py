"""The store bench gives figures, with baselines, at any size."""

import json

from ifc_core.bench import store
from ifc_core.bench.store import StoreBenchOptions, run_store


def test_every_part_gives_figures(monkeypatch):
    # the figures of memory are not looked at here, so no processes are started for them
    monkeypatch.setattr(store, "in_own_process", lambda work, *arguments: work(*arguments))
    monkeypatch.setattr(store, "_SHAPES", 6)
    monkeypatch.setattr(store, "_FRAMES_A_TRACK", 20)
    options = StoreBenchOptions(
        num_edits=5,
        height=120,
        width=160,
        stroke_px=20,
        num_masks=46,
        num_videos=3,
        open_masks=600,
        journal_edits=210,
        run_tracks=4,
        run_frames=12,
    )
    figures = json.loads(json.dumps(run_store(options), allow_nan=False))
    for name in ("stroke", "baseline_whole_mask", "masks_at", "undo"):
        latency = figures["edits"][name]
        assert 0 < latency["median_ms"] <= latency["p95_ms"] <= latency["max_ms"]
    exchange = figures["exchange"]
    assert exchange["num_masks"] == 46
    for name in ("ytvis", "ytvis-results", "coco", "davis", "mots"):
        assert exchange[name]["megabytes"] > 0
        assert all(exchange[name][way]["seconds"] > 0 for way in ("export", "import"))
    assert exchange["baseline_json_module"]["read_seconds"] > 0
    opened = figures["open"]
    assert (opened["large"]["num_masks"], opened["baseline_small"]["num_masks"]) == (600, 6)
    assert opened["large"]["num_videos"] == 3
    assert figures["journal"]["edits_per_second"] > 0
    assert figures["run"]["num_masks"] == 48
    assert figures["run"]["accept"]["seconds"] > 0
