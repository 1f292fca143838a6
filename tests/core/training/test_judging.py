"""When a fine-tuned model is better, and how far judging has come."""

from contextlib import closing

import numpy as np
import pytest

from ifc_core.data.labelled_video import LabelledTrack, LabelledVideo
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.structures import Category, RLEMask
from ifc_core.training import held_out
from ifc_core.training.finetune_settings import HeldOutScore
from ifc_core.training.held_out import FramePrediction, score_held_out
from ifc_core.training.judging import FrameCount, judge, noise_of
from ifc_core.training.outcome import outcome_sentences

SIZE = (40, 60)


def score(js, aps, num_masks=8):
    """Figures of frames that weigh alike; the replicates are exact for mean J."""
    js, aps = np.array(js), np.array(aps)
    rest = [(np.delete(js, n).mean(), np.delete(aps, n).mean()) for n in range(len(js))]
    return HeldOutScore(num_masks, js.mean(), aps.mean(), {}, tuple(rest))


def test_the_verdict_needs_eight_masks_on_two_stretches():
    low, high = ([0.1] * 2, [0.1] * 2), ([0.9] * 2, [0.9] * 2)
    assert judge(score(*low, 7), score(*high, 7)) == "not enough to judge"
    assert judge(score(*low), score(*high)) == "better"
    assert judge(score(*high), score(*high)) == "not better"
    single = [HeldOutScore(8, j, j) for j in (0.1, 0.9)]
    assert judge(*single) == "not enough to judge"


def test_the_noise_of_mean_j_is_twice_its_standard_error():
    gains = np.array([0.1, 0.3, -0.1, 0.2, 0.0])
    before = score([0.4] * 5, [0.4] * 5)
    noise = noise_of(before, score(0.4 + gains, [0.4] * 5))
    assert noise.mean_j == pytest.approx(2 * gains.std(ddof=1) / np.sqrt(5))
    assert noise.ap == 0.02  # its least


def test_a_gain_that_a_frame_alone_makes_is_none():
    before = score([0.5] * 6, [0.5] * 6)
    assert judge(before, score([0.5] * 5 + [0.9], [0.5] * 6)) == "not better"
    assert judge(before, score([0.56, 0.57] * 3, [0.5] * 6)) == "better"
    assert judge(before, score([0.505] * 6, [0.5] * 6)) == "not better"  # steady, but nothing


def test_a_gain_of_mean_j_for_which_ap_falls_is_for_a_person_to_weigh():
    before = score([0.5] * 6, [0.5] * 6)
    better = [0.7] * 6
    assert judge(before, score(better, [0.45] * 6)) == "mixed"
    assert judge(before, score(better, [0.49] * 6)) == "better"
    assert judge(before, score(better, [0.8, 0.1] * 3)) == "better"  # as likely chance as not
    assert judge(before, score(better, [0.8, 0.0, 0.1] * 2)) == "mixed"  # too much to be called so


def test_a_gain_of_ap_is_one_too():
    before = score([0.9] * 6, [0.0] * 6)
    assert judge(before, score([0.9] * 6, [0.85] * 6)) == "better"
    assert judge(before, score([0.9] * 5 + [0.8], [0.85] * 6)) == "better"  # the fall may be chance
    assert judge(before, score([0.8] * 6, [0.85] * 6)) == "mixed"
    assert judge(before, score([0.8] * 6, [0.0] * 6)) == "not better"
    chance = [0.9, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert judge(before, score([0.9] * 6, chance)) == "not better"  # one frame makes all of it


@pytest.mark.parametrize(
    ("mean_j", "ap", "told"),
    [(0.7, 0.3, "outlines 8 held-out masks better"), (0.3, 0.7, "outlines 8 held-out masks worse")],
)
def test_the_end_says_which_of_both_fell(mean_j, ap, told):
    figures = [{"mean_j": j, "ap": a, "num_masks": 8} for j, a in ((0.5, 0.5), (mean_j, ap))]
    result = {"name": "m", "verdict": "mixed", "before": figures[0], "after": figures[1]}
    sentences = outcome_sentences({**result, "promote": False})
    assert told in str(sentences[0])
    assert "until you choose" in str(sentences[-1])


def box(left):
    mask = np.zeros(SIZE, np.bool_)
    mask[10:30, left : left + 10] = True
    return mask


class _Store:
    def is_broken(self, video, frame):
        return False

    def close(self):
        pass


class _Model:
    categories = (Category(1, "cat"),)
    training = False

    def eval(self):
        return self

    def train(self, mode):
        return self


def _after(check, number):
    """A check that does nothing the first few times."""
    calls = iter(range(10**6))
    return lambda: check() if next(calls) >= number else None


def judged(monkeypatch, found, frames, exhaustive=(), **named):
    """Score a model that finds the same masks on every frame; one cat is labelled at 10."""
    masks = np.stack([box(left) for left in found])
    prediction = FramePrediction(
        masks, np.zeros(len(found), np.int64), np.linspace(0.9, 0.5, len(found)).astype(np.float32)
    )
    monkeypatch.setattr(held_out, "predict_frame", lambda *given: prediction)
    cat = LabelledTrack(0, {frame: RLEMask.from_array(box(10)) for frame in frames})
    video = LabelledVideo("clip", "clip.mp4", 500, *SIZE, (cat,), frozenset(exhaustive))
    named = {"context": JobContext(), **named}
    with closing(_Store()) as store:
        return score_held_out(_Model(), [video], ["cat"], 64, store, **named)


def test_what_nobody_labelled_is_a_mistake_on_complete_frames_alone(monkeypatch):
    frames = (0, 50)
    assert judged(monkeypatch, [35, 10], frames).ap == pytest.approx(1.0)
    assert judged(monkeypatch, [35, 10], frames, exhaustive=frames).ap < 0.6
    assert judged(monkeypatch, [10, 12], frames).ap == pytest.approx(1.0)
    assert judged(monkeypatch, [12, 10], frames).ap < 0.9  # a double of a labelled one is wrong


def test_figures_without_each_stretch_say_how_much_hangs_on_it(monkeypatch):
    assert judged(monkeypatch, [10], (0, 1, 2, 50)).left_out == ()
    stretches = judged(monkeypatch, [10], (0, 1, 2, 50), with_noise=True).left_out
    assert stretches == ((1.0, pytest.approx(1.0)),) * 2
    single = judged(monkeypatch, [10], (0, 1, 2), with_noise=True).left_out
    assert len(single) == 3
    assert judged(monkeypatch, [10], (7,), with_noise=True).left_out == ()
    many = judged(monkeypatch, [10], range(0, 500, 10), with_noise=True).left_out
    assert len(many) == 20
    stopped = JobContext()
    count = FrameCount(JobContext(lambda p: stopped.cancel()), "judging", (2,))
    monkeypatch.setattr(stopped, "raise_if_cancelled", _after(stopped.raise_if_cancelled, 2))
    with pytest.raises(JobCancelled):
        judged(monkeypatch, [10], (0, 50), context=stopped, count=count, with_noise=True)


def test_judging_tells_every_frame_and_can_be_stopped_after_it(monkeypatch):
    told = []
    job = JobContext(lambda p: told.append((p.done, p.total, p.message)))
    count = FrameCount(job, "judging", (3, 4))
    count.end_part()
    judged(monkeypatch, [10], (0, 50), context=job, count=count)
    assert told == [(0, 7, "judging"), (4, 7, "judging"), (5, 7, "judging")]
    job.cancel()
    with pytest.raises(JobCancelled):
        judged(monkeypatch, [10], (0, 50), context=job, count=count)
    assert len(told) == 3
