"""Duplicates are dropped in every kind of run, and only where the model or the person asks."""

import pytest

from ifc_core.inference.clip_runner import CachedFrame, ClipRunner
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.settings import ProposeSettings
from ifc_core.inference.tiling import predict

DROPS = 0.6
"""In the scene, some masks of the tiny model overlap more and some less."""


def settings_of(**values):
    usual = {"precision": "fp32", "score_threshold": 0.0, "clip_length": 3}
    return ProposeSettings(**(usual | values))


def run(model, frames, **values):
    prediction = predict_video(model, enumerate(frames), settings_of(**values))
    return list(prediction), prediction.instances


def masks_in(results):
    return sum(len(result.masks) for result in results)


def survivors(model, scene, duplicate_iou, queries=None):
    """Queries left of the first clip."""
    runner = ClipRunner(model, duplicate_iou=duplicate_iou)
    window = [CachedFrame(frame) for frame in scene[:3]]
    return runner.clips([window], [(0, 1, 2)], queries)[0].queries


def test_a_clip_keeps_the_surest_of_each_thing(tiny_model, scene):
    assert survivors(tiny_model, scene, 1.0) == (0, 1, 4, 6, 7, 10)
    assert survivors(tiny_model, scene, DROPS) == (0, 1, 4, 6, 10)  # 7 is 1 again, less sure


def test_queries_that_are_asked_for_all_come(tiny_model, scene):
    assert survivors(tiny_model, scene, DROPS, [(1, 7)]) == (1, 7)


def test_a_model_without_a_preference_keeps_all(tiny_model, scene):
    assert tiny_model.preferences.duplicate_iou == 1.0
    assert run(tiny_model, scene[:6]) == run(tiny_model, scene[:6], duplicate_iou=1.0)


def test_the_model_says_it_and_the_person_overrides_it(tiny_model, scene, prefer):
    frames = scene[:6]
    all_kept, asked = run(tiny_model, frames), run(tiny_model, frames, duplicate_iou=DROPS)
    assert 0 < masks_in(asked[0]) < masks_in(all_kept[0])
    prefer(tiny_model, duplicate_iou=DROPS)
    assert run(tiny_model, frames) == asked
    assert run(tiny_model, frames, duplicate_iou=1.0) == all_kept


@pytest.mark.parametrize(
    ("values", "threshold"),
    [({"offline": True}, DROPS), ({"clip_stride": 3}, DROPS), ({"tiles": "1x2"}, 0.4)],
)
def test_other_kinds_of_runs_drop_them_too(tiny_model, scene, values, threshold):
    found = []
    for duplicate_iou in (1.0, threshold):
        settings = settings_of(duplicate_iou=duplicate_iou, **values)
        found.append(masks_in(predict(tiny_model, enumerate(scene[:6]), settings)))
    assert 0 < found[1] < found[0]


def test_batches_drop_the_same(ids_by_batch):
    single, batched = ids_by_batch(settings_of(duplicate_iou=DROPS))
    assert any(single)
    assert single == batched


def test_a_stopped_run_goes_on_without_them(whole_and_in_parts):
    whole, parts = whole_and_in_parts(settings_of(duplicate_iou=DROPS))
    assert whole == parts
