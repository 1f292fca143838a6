"""The benches of live input and of tiles measure what they say."""

import numpy as np
import pytest

from ifc_core.bench import live
from ifc_core.bench.live import LiveOptions, paced, watch
from ifc_core.bench.tiles import CutOut, TilesOptions, cut_outs, judge, look, make_scene
from ifc_core.inference.results import FrameMask, FrameResult
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.models.preferences import ModelPreferences
from ifc_core.structures import RLEMask


@pytest.fixture(scope="module")
def model():
    made = IFC(IFCConfig.preset("tiny")).eval()
    made.preferences = ModelPreferences(short_side=64)
    return made


def test_a_source_keeps_its_pace_whoever_listens():
    now, slept = [100.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    shown = []
    for number, image in enumerate(paced(["a", "b"], 10.0, 5, lambda: now[0], sleep)):
        shown.append(image)
        if number == 1:
            now[0] += 0.25  # the listener takes long; the source catches up
    assert shown == ["a", "b", "a", "b", "a"]
    assert slept == pytest.approx([0.1, 0.05])
    assert now[0] == pytest.approx(100.4)


def test_every_frame_is_finished_or_dropped(model, monkeypatch):
    monkeypatch.setattr(live, "paced", lambda images, fps, count: iter((images * count)[:count]))
    images = [np.full((64, 96, 3), 40 * i, np.uint8) for i in range(5)]
    options = LiveOptions(seconds=0.5, clip_length=2, capacity=2)
    figures = watch(model, images, 60.0, options)
    assert figures["captured"] == 30
    assert figures["finished"] + figures["dropped"] == 30
    assert figures["most_waiting"] <= 2
    assert figures["delay_seconds"]["most"] >= figures["delay_seconds"]["median"] > 0


def test_objects_are_cut_out_and_set_into_a_large_frame(labelled_folder):
    cut = list(cut_outs(labelled_folder, 4))
    assert cut
    assert all(len(views) <= 4 for views in cut)
    options = TilesOptions(height=180, width=320, objects=6, num_frames=4, speed_px=1.0)
    scene = make_scene(cut, 12, options)
    first, truth = scene.frame(0)
    last, later = scene.frame(3)
    assert first.shape == last.shape == (180, 320, 3)
    assert sorted(truth) == sorted(later) == list(range(6))
    for rle in truth.values():
        assert 0 < max(rle.bbox_xywh[2:]) <= 12
        inside = rle.to_array()
        assert (first[inside] != scene.ground[inside]).any()
    together = sum(rle.to_array().astype(int) for rle in truth.values())
    assert together.max() == 1  # each in a place of its own


def test_a_run_is_judged(model, labelled_folder):
    options = TilesOptions(height=96, width=160, objects=3, num_frames=4, speed_px=1.0)
    scene = make_scene(list(cut_outs(labelled_folder, 4)), 20, options)
    for tiles, counts in (("whole", "1x1"), ("1x2", "1x2")):
        row = look(model, scene, 20, tiles, options)
        assert (row["tiles"], row["objects"], row["object_px"]) == (counts, 3, 20)
        assert 0 <= row["mean_j"] <= 1


def test_the_best_track_and_its_changes():
    whole = np.zeros((8, 8), bool)
    whole[2:6, 2:6] = True
    half = whole.copy()
    half[:, 4:] = False
    truth = [{0: RLEMask.from_array(whole)}] * 3

    def seen(frame, **masks):
        found = [
            FrameMask(int(k[1:]), RLEMask.from_array(m), None, None, 1.0, 0)
            for k, m in masks.items()
        ]
        return FrameResult(frame, tuple(found))

    results = [seen(0, t1=whole), seen(1, t1=half, t2=whole), seen(2, t2=whole)]
    figures = judge(truth, results)
    assert figures == {"mean_j": pytest.approx(2 / 3), "found": 1, "objects": 1, "switches": 1}
    nothing = judge(truth, [FrameResult(i, ()) for i in range(3)])
    assert nothing == {"mean_j": 0.0, "found": 0, "objects": 1, "switches": 0}


def test_a_cut_out_is_its_own_picture(labelled_folder):
    views = next(cut_outs(labelled_folder, 2))
    assert isinstance(views[0], CutOut)
    views[0].image[:] = 0  # not the reader's
    again = next(cut_outs(labelled_folder, 2))
    assert again[0].image.any()
