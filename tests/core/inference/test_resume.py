"""A run that was stopped goes on to the same end."""

import json
from dataclasses import replace

import pytest

from ifc_core.errors import ConfigError
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.run_checkpoint import RunCheckpoint
from ifc_core.inference.settings import ProposeSettings


def begin(model, frames, settings, resume=None):
    start = 0 if resume is None else resume.restart_frame
    step = settings.frame_step
    given = ((i, frames[i]) for i in range(start, len(frames), step))
    total = len(range(0, len(frames), step))
    return predict_video(model, given, settings, num_frames=total, resume=resume)


def stopped_after(model, frames, settings, count):
    """The first frames of a run, and its checkpoint as it comes back from a file."""
    run = begin(model, frames, settings)
    results = [next(run) for _ in range(count)]
    checkpoint = run.checkpoint()
    run.close()
    return results, RunCheckpoint.from_json(json.loads(json.dumps(checkpoint.to_json())))


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        ({"clip_length": 4}, (1, 5, 11)),
        ({"clip_length": 5, "clip_stride": 3}, (2, 3, 10)),
        ({"clip_length": 3, "clip_stride": 3}, (3, 4)),
        ({"clip_length": 3, "frame_step": 2}, (1, 4)),
        ({"offline": True}, (3,)),
        ({"clip_length": 4, "reidentify": True}, (6,)),
        ({"clip_length": 3, "precision": "bf16"}, (4,)),
    ],
)
def test_the_rest_and_the_table_are_those_of_one_run(tiny_model, scene, values, counts):
    settings = ProposeSettings(**({"precision": "fp32", "score_threshold": 0.0} | values))
    frames = scene[:12]
    whole = begin(tiny_model, frames, settings)
    expected = list(whole)
    for count in counts:
        count = min(count, len(expected) - 1)
        first, checkpoint = stopped_after(tiny_model, frames, settings, count)
        assert first == expected[:count]
        assert checkpoint.next_position == count
        rest = begin(tiny_model, frames, settings, checkpoint)
        assert list(rest) == expected[count:]
        assert rest.instances == whole.instances


def test_only_the_frames_that_clips_still_hold_are_read_again(tiny_model, scene):
    settings = ProposeSettings(clip_length=4, precision="fp32")
    _, checkpoint = stopped_after(tiny_model, scene, settings, 10)
    assert 10 - 4 < checkpoint.restart_frame <= 10
    assert len(checkpoint.clips) <= 4
    assert len(json.dumps(checkpoint.to_json())) < 20_000


def test_a_run_can_be_stopped_twice(tiny_model, scene):
    settings = ProposeSettings(clip_length=4, precision="fp32", score_threshold=0.0)
    frames = scene[:12]
    whole = begin(tiny_model, frames, settings)
    expected = list(whole)
    _, checkpoint = stopped_after(tiny_model, frames, settings, 4)
    second = begin(tiny_model, frames, settings, checkpoint)
    middle = [next(second) for _ in range(3)]
    again = second.checkpoint()
    assert middle == expected[4:7]
    third = begin(tiny_model, frames, settings, again)
    assert list(third) == expected[7:]
    assert third.instances == whole.instances


def test_progress_goes_on_counting(tiny_model, scene):
    settings = ProposeSettings(clip_length=3, precision="fp32")
    _, checkpoint = stopped_after(tiny_model, scene[:8], settings, 5)
    from ifc_core.jobs import JobContext

    reports = []
    given = ((i, scene[i]) for i in range(checkpoint.restart_frame, 8))
    context = JobContext(reports.append)
    list(predict_video(tiny_model, given, settings, context, num_frames=8, resume=checkpoint))
    assert [p.done for p in reports] == [5, 6, 7, 8]


def test_nothing_to_go_on_from_before_the_first_frame(tiny_model, scene):
    run = begin(tiny_model, scene[:4], ProposeSettings(clip_length=3, precision="fp32"))
    assert run.checkpoint() is None


def test_a_video_that_became_shorter_is_refused(tiny_model, scene):
    settings = ProposeSettings(clip_length=4, precision="fp32")
    _, checkpoint = stopped_after(tiny_model, scene, settings, 10)
    with pytest.raises(ConfigError, match="shorter"):
        list(begin(tiny_model, scene[:11], settings, checkpoint))


@pytest.mark.parametrize("damage", [{"version": 99}, {"clips": 3}, {"unknown": 1}])
def test_foreign_checkpoints_are_refused(tiny_model, scene, damage):
    settings = ProposeSettings(clip_length=3, precision="fp32")
    _, checkpoint = stopped_after(tiny_model, scene[:6], settings, 2)
    with pytest.raises(ConfigError, match="discard it"):
        RunCheckpoint.from_json(checkpoint.to_json() | damage)


def test_a_run_in_a_precision_of_another_device_goes_on_in_float32(tiny_model, scene):
    settings = ProposeSettings(clip_length=4, precision="fp32", score_threshold=0.0)
    expected = list(begin(tiny_model, scene[:12], settings))
    first, checkpoint = stopped_after(tiny_model, scene[:12], settings, 5)
    stopped_on_a_gpu = replace(checkpoint, precision="fp16", notices=("Something else.",))
    chosen = replace(settings, precision="auto")
    rest = begin(tiny_model, scene[:12], chosen, stopped_on_a_gpu)
    assert first + list(rest) == expected
    assert rest.notices == (
        "Something else.",
        "The run was begun in fp16 on another device; here it goes on in fp32, so masks may "
        "differ by a few pixels from those of one run.",
    )
    assert rest.checkpoint().precision == "fp32"
