"""A video of several shots: each is found and tracked as if it were a video of its own."""

import json

import numpy as np
import pytest

from ifc_core.inference import shot_watch
from ifc_core.inference.live_frames import LiveFrames
from ifc_core.inference.predictor import VideoPrediction, predict_video
from ifc_core.inference.run_checkpoint import RunCheckpoint
from ifc_core.inference.settings import ProposeSettings
from ifc_core.inference.tiling import predict
from ifc_core.jobs import JobContext

CUT = 10
"""Frames of the first shot."""

BEST = {"edges": "best", "duplicate_iou": 0.5}
"""The best edges, of two masks a frame: each takes longer than the network for all."""


def settings_of(**values):
    usual = {"precision": "fp32", "score_threshold": 0.0, "clip_length": 3, "lookahead": 0}
    return ProposeSettings(**(usual | values))


@pytest.fixture(scope="module")
def shots(scene):
    """Two shots of ten and nine frames."""
    return scene[:CUT], scene[1:CUT, ::-1, :, [2, 0, 1]]


@pytest.fixture(scope="module")
def film(shots):
    return np.concatenate(shots)


def begin(model, frames, settings, batch=1, first=0, resume=None, step=1):
    start = first if resume is None else resume.restart_frame
    given = ((i, frames[i - first]) for i in range(start, first + len(frames), step))
    return VideoPrediction(model, given, settings, JobContext(), None, None, resume, batch=batch)


def renumbered(results, number_of):
    """What was found, with identities numbered in the order in which they appear."""
    rows = []
    for result in results:
        found = {}
        for mask in result.masks:
            number = number_of.setdefault(mask.instance_id, len(number_of))
            facts = (mask.score, mask.label, mask.uncertainty, mask.link_score)
            found[number] = (mask.rle, *facts)
        rows.append((result.frame_index, found))
    return rows


def assert_alike(found, expected, is_exact):
    """Batches round otherwise, so that single pixels may differ; scores are those so far."""
    assert [index for index, _ in found] == [index for index, _ in expected]
    for (_, ours), (_, theirs) in zip(found, expected, strict=True):
        assert list(ours) == list(theirs)
        for a, b in zip(ours.values(), theirs.values(), strict=True):
            assert (a[0].to_array() != b[0].to_array()).sum() <= (0 if is_exact else 2)
            compared = zip(a[1:], b[1:], strict=True)
            for x, y in compared if is_exact else list(compared)[2:]:
                assert x == (None if y is None else pytest.approx(y, abs=1e-4))


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize(
    "values",
    [
        {},
        {"clip_length": 5, "clip_stride": 3},
        {"clip_length": 4, "clip_stride": 4},
        {"clip_length": 15, "clip_stride": 2},
        {"offline": True},
        {"frame_step": 2},
        {"lookahead": 2, "continuation_score": 0.2},
        {"lookahead": 9, "clip_length": 5, "clip_stride": 2},
        {"region_xywh": (4, 4, 80, 56)},
        BEST | {"clip_length": 1},
        pytest.param(BEST | {"region_xywh": (4, 4, 80, 56)}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_each_shot_is_found_as_if_it_were_alone(sure_model, shots, film, values, batch):
    settings = settings_of(**values)
    first, second = shots
    expected, tables = [], []
    for frames, index in ((first, 0), (second, CUT)):
        alone = begin(sure_model, frames, settings, batch, index)
        expected.append(renumbered(alone, {}))
        tables += [(s.class_probs, s.first_frame, s.last_frame) for s in alone.instances]
        assert alone.shot_starts == (index,)
    whole = begin(sure_model, film, settings, batch)
    results = list(whole)
    place = len(expected[0])
    parts = [renumbered(part, {}) for part in (results[:place], results[place:])]
    for found, wanted in zip(parts, expected, strict=True):
        assert any(masks for _, masks in wanted)
        assert_alike(found, wanted, is_exact=batch == 1)
    assert whole.shot_starts == (0, CUT)
    ids = [
        {m.instance_id for r in part for m in r.masks}
        for part in (results[:place], results[place:])
    ]
    assert ids[0].isdisjoint(ids[1])
    for ours, theirs in zip(whole.instances, tables, strict=True):
        assert ours.class_probs == pytest.approx(theirs[0], abs=1e-4)
        assert (ours.first_frame, ours.last_frame) == theirs[1:]


def test_switched_off_clips_and_tracks_go_over_the_cut(sure_model, film):
    run = begin(sure_model, film, settings_of(shot_cuts=False))
    results = list(run)
    assert run.shot_starts == (0,)
    before, after = ({m.instance_id for m in results[f].masks} for f in (CUT - 1, CUT))
    assert before & after


def test_what_looks_the_same_is_known_again_over_a_cut_where_that_is_asked_for(sure_model, shots):
    first, second = shots
    film = np.concatenate([first, second, first])
    last = len(film) - 1
    ids = {}
    for reidentify in (False, True):
        run = begin(sure_model, film, settings_of(reidentify=reidentify))
        results = list(run)
        assert run.shot_starts == (0, CUT, CUT + len(second))
        ids[reidentify] = [{m.instance_id for m in results[f].masks} for f in (CUT - 1, last)]
    assert ids[False][0].isdisjoint(ids[False][1])
    assert ids[True][0] & ids[True][1]


@pytest.mark.parametrize(
    ("values", "batch"),
    [
        ({"clip_length": 4}, 1),
        ({"clip_length": 5, "clip_stride": 3}, 4),
        ({"clip_length": 3, "clip_stride": 3}, 1),
        ({"frame_step": 2}, 1),
        ({"lookahead": 2, "continuation_score": 0.2}, 1),
        ({"lookahead": 2, "continuation_score": 0.2}, 4),
        ({"offline": True}, 1),
        ({"reidentify": True}, 1),
        pytest.param(BEST, 1, marks=pytest.mark.slow),
        pytest.param(BEST | {"clip_length": 1}, 1, marks=pytest.mark.slow),
        pytest.param(BEST | {"clip_length": 1}, 4, marks=pytest.mark.slow),
        (BEST | {"lookahead": 2, "frame_step": 2}, 1),
    ],
    ids=str,
)
def test_a_run_that_was_stopped_near_a_cut_goes_on_to_the_same_end(sure_model, film, values, batch):
    settings = settings_of(**values)
    step = settings.frame_step
    whole = begin(sure_model, film, settings, batch)
    results = list(whole)
    expected = renumbered(results, {i: i for i in range(100)})
    place = CUT // step
    for count in (place - 1, place, place + 1, place + 3):
        stopped = begin(sure_model, film, settings, batch)
        first = [next(stopped) for _ in range(count)]
        state = json.loads(json.dumps(stopped.checkpoint().to_json()))
        stopped.close()
        held = RunCheckpoint.from_json(state)
        rest = begin(sure_model, film, settings, batch, resume=held, step=step)
        found = renumbered([*first, *rest], {i: i for i in range(100)})
        assert_alike(found, expected, is_exact=batch == 1)
        assert rest.shot_starts == (0, CUT)
        assert [i.instance_id for i in rest.instances] == [i.instance_id for i in whole.instances]


def test_a_checkpoint_from_before_shots_were_told_apart_is_one_shot_so_far(sure_model, film):
    settings = settings_of()
    expected = list(begin(sure_model, film, settings))
    stopped = begin(sure_model, film, settings)
    first = [next(stopped) for _ in range(6)]
    state = json.loads(json.dumps(stopped.checkpoint().to_json()))
    stopped.close()
    old = {name: value for name, value in state.items() if name != "shot_starts"}
    old |= {"version": 1, "window_state": state["window_state"][:3]}
    held = RunCheckpoint.from_json(old)
    assert held == RunCheckpoint.from_json(state | {"shot_starts": []})
    rest = begin(sure_model, film, settings, resume=held)
    assert first + list(rest) == expected
    assert len(rest.shot_starts) == 2


def test_memory_does_not_grow_with_the_shots(sure_model, shots):
    frames = (image for _ in range(4) for shot in shots for image in shot)
    run = predict_video(sure_model, enumerate(frames), settings_of(clip_length=4))
    held = []
    for _ in run:
        held.append(run.num_held_frames)
    assert len(run.shot_starts) == 8
    assert max(held) <= 5


def test_live_frames_are_told_apart_too_and_a_shot_is_given_out_at_its_end(sure_model, film):
    settings = settings_of(clip_length=5)
    asked = []

    def source():
        for index, image in enumerate(film):
            asked.append(index)
            yield index, image

    run = predict_video(sure_model, source(), settings, low_delay=True)
    given = {}
    for result in run:
        given[result.frame_index] = asked[-1]
    # two frames more are read where a cut is likely, to see that it is no flash
    assert max(given[index] for index in range(CUT)) == CUT + 2
    assert run.shot_starts == (0, CUT)
    frames = LiveFrames(iter(film), drop=False)
    live = predict_video(sure_model, frames, settings, low_delay=True)
    assert list(live) == list(begin(sure_model, film, settings))
    assert live.shot_starts == (0, CUT)


def test_all_tiles_see_the_cuts_of_the_whole_frame(sure_model, film, monkeypatch):
    looked = []
    is_shot_cut = shot_watch.is_shot_cut

    def counted(*values):
        looked.append(None)
        return is_shot_cut(*values)

    monkeypatch.setattr(shot_watch, "is_shot_cut", counted)
    list(predict(sure_model, enumerate(film), settings_of()))
    once = len(looked)
    assert once
    looked.clear()
    run = predict(sure_model, enumerate(film), settings_of(tiles="1x2"))
    assert run.shot_starts == ()
    results = list(run)
    assert len(looked) == once
    assert run.shot_starts == (0, CUT)
    before, after = (
        {m.instance_id for r in part for m in r.masks} for part in (results[:CUT], results[CUT:])
    )
    assert before
    assert after
    assert before.isdisjoint(after)
