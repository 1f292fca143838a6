"""Runs in which unsure queries continue tracks: whose choice it is, batches, going on later."""

import torch

from ifc_core.inference.clip_runner import CachedFrame, ClipRunner, standing_of
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.settings import ProposeSettings

TAKES = 0.2
"""Some queries of the tiny model that do not survive are at least so probable."""


def settings_of(**values):
    usual = {"precision": "fp32", "score_threshold": 0.0, "clip_length": 3}
    return ProposeSettings(**(usual | values))


def run(model, frames, **values):
    prediction = predict_video(model, enumerate(frames), settings_of(**values))
    return list(prediction), prediction.instances


def masks_in(results):
    return sum(len(result.masks) for result in results)


def test_standing_of_queries():
    probs = torch.tensor([[0.6, 0.1, 0.3], [0.2, 0.3, 0.5], [0.1, 0.1, 0.8], [0.5, 0.0, 0.5]])
    assert standing_of(probs, 0.3).tolist() == [2, 1, 0, 2]
    assert standing_of(probs, 0.0).tolist() == [2, 1, 1, 2]
    assert standing_of(probs, 1.0).tolist() == [2, 0, 0, 2]


def test_unsure_queries_come_with_the_clip_and_are_named(tiny_model, scene):
    window = [CachedFrame(frame) for frame in scene[:3]]
    sure = ClipRunner(tiny_model).clips([window], [(0, 1, 2)])[0]
    both = ClipRunner(tiny_model, continuation_score=TAKES).clips([window], [(0, 1, 2)])[0]
    unsure = {both.queries[row] for row in both.unsure}
    assert sure.unsure == frozenset()
    assert unsure
    assert set(both.queries) == set(sure.queries) | unsure
    assert not unsure & set(sure.queries)
    best = both.class_probs[:, :-1].amax(1)
    assert all(best[row] >= TAKES for row in both.unsure)


def test_tracks_go_on_where_the_model_or_the_person_says_so(tiny_model, scene, prefer):
    published, asked = run(tiny_model, scene), run(tiny_model, scene, continuation_score=TAKES)
    assert tiny_model.preferences.continuation_score == 1.0
    assert masks_in(asked[0]) > masks_in(published[0])
    prefer(tiny_model, continuation_score=TAKES)
    assert run(tiny_model, scene) == asked
    assert run(tiny_model, scene, continuation_score=1.0) == published


def test_batches_find_the_same(ids_by_batch):
    single, batched = ids_by_batch(settings_of(continuation_score=TAKES, duplicate_iou=0.6))
    assert any(single)
    assert single == batched


def test_a_stopped_run_goes_on_to_the_same_result(whole_and_in_parts):
    whole, parts = whole_and_in_parts(settings_of(continuation_score=TAKES))
    assert whole == parts
