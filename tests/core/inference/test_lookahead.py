"""Runs that decide who is who with a look ahead: whose choice it is, batches, going on later."""

import json
from dataclasses import replace

import pytest

from ifc_core.errors import ConfigError
from ifc_core.inference.predictor import VideoPrediction, predict_video
from ifc_core.inference.run_checkpoint import RunCheckpoint
from ifc_core.inference.settings import ProposeSettings
from ifc_core.jobs import JobContext
from ifc_core.models.checkpoint import read_checkpoint, save_model
from ifc_core.models.preferences import ModelPreferences
from ifc_core.structures import Category

THREE = tuple(Category(n, f"thing {n}") for n in (1, 2, 3))
SETTINGS = {"precision": "fp32", "score_threshold": 0.0, "clip_length": 3}


def settings_of(**values):
    return ProposeSettings(**(SETTINGS | {"lookahead": 2, "continuation_score": 0.2} | values))


def run(model, frames, settings, **more):
    prediction = predict_video(model, enumerate(frames), settings, **more)
    return list(prediction), prediction.instances


def test_the_model_or_the_person_says_so(sure_model, scene, prefer):
    published = run(sure_model, scene, ProposeSettings(**SETTINGS))
    asked = run(sure_model, scene, ProposeSettings(**SETTINGS, lookahead=3))
    assert sure_model.preferences.lookahead == 0
    assert [f.frame_index for f in asked[0]] == list(range(20))
    assert asked != published
    assert asked[1]
    prefer(sure_model, lookahead=3)
    assert run(sure_model, scene, ProposeSettings(**SETTINGS)) == asked
    assert run(sure_model, scene, ProposeSettings(**SETTINGS, lookahead=0)) == published
    assert run(sure_model, scene, ProposeSettings(**SETTINGS), low_delay=True) == published


def test_one_clip_over_all_has_nothing_to_look_ahead_to(sure_model, scene):
    values = {"precision": "fp32", "score_threshold": 0.0, "offline": True}
    assert run(sure_model, scene[:8], ProposeSettings(**values, lookahead=5)) == run(
        sure_model, scene[:8], ProposeSettings(**values, lookahead=0)
    )


@pytest.mark.parametrize("lookahead", [1, 3, 7, 200])
def test_batches_find_the_same(sure_model, scene, lookahead):
    settings = settings_of(lookahead=lookahead)
    single, batched = (
        [
            [mask.instance_id for mask in frame.masks]
            for frame in VideoPrediction(
                sure_model, enumerate(scene), settings, JobContext(), None, None, batch=batch
            )
        ]
        for batch in (1, 5)
    )
    assert all(single)
    assert single == batched


NUMBERS = ("score", "uncertainty", "link_score")


def told(results):
    """What a run says, less its numbers: products of other sizes differ in their last digits."""
    plain = dict.fromkeys(NUMBERS)
    return [[replace(mask, **plain) for mask in frame.masks] for frame in results]


def numbers(results):
    return [getattr(m, name) for frame in results for m in frame.masks for name in NUMBERS]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"clip_length": 5, "clip_stride": 2},
        {"clip_stride": 3},
        {"frame_step": 2, "lookahead": 1},
        {"reidentify": True, "lookahead": 3},
    ],
)
def test_a_stopped_run_goes_on_to_the_same_result(sure_model, scene, values):
    settings = settings_of(**values)
    whole, instances = run(sure_model, scene, settings)
    assert instances
    for count in (1, len(whole) // 2, len(whole) - 1):
        stopped = predict_video(sure_model, enumerate(scene), settings)
        first = [next(stopped) for _ in range(count)]
        held = RunCheckpoint.from_json(json.loads(json.dumps(stopped.checkpoint().to_json())))
        stopped.close()
        given = [(i, scene[i]) for i in range(held.restart_frame, len(scene))]
        rest = predict_video(sure_model, given, settings, resume=held)
        both = first + list(rest)
        assert told(both) == told(whole)
        assert numbers(both) == pytest.approx(numbers(whole), abs=1e-5)
        assert rest.instances == instances


def test_frames_wait_for_the_decision_but_their_features_do_not(sure_model, scene):
    taken = []
    frames = ((i, frame) for i, frame in enumerate(scene) if taken.append(i) is None)
    prediction = predict_video(sure_model, frames, settings_of(lookahead=4))
    next(prediction)
    assert len(taken) == 3 - 1 + 2 * 4  # eight clips of three frames
    assert prediction.num_held_frames <= 3


def test_the_choice_is_kept_with_the_weights(tiny_model, tmp_path, prefer):
    prefer(tiny_model, lookahead=16)
    path = tmp_path / "model.safetensors"
    save_model(tiny_model, path, categories=THREE)
    checkpoint = read_checkpoint(path)
    assert checkpoint.info.preferences.lookahead == 16
    assert checkpoint.build().preferences.lookahead == 16


@pytest.mark.parametrize("value", [-1, 201])
def test_an_impossible_choice_is_one_sentence(value):
    with pytest.raises(ConfigError, match="lookahead must lie between 0 and 200"):
        ProposeSettings(lookahead=value)


@pytest.mark.parametrize("value", [-1, 201, 1.5, True])
def test_an_impossible_preference_is_refused(value):
    with pytest.raises(ConfigError, match="preferred lookahead must be from 0 to 200 frames"):
        ModelPreferences(lookahead=value)
