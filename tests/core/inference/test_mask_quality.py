"""Scores that know how well the masks fit."""

from dataclasses import replace

import pytest

from ifc_core.inference.mask_quality import USUAL_QUALITY, QualityTally, score_with_quality
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.results import InstanceSummary, result_rows
from ifc_core.inference.settings import ProposeSettings


def test_a_score_rises_and_falls_with_the_quality_of_the_masks():
    assert score_with_quality(0.8, None) == 0.8
    assert score_with_quality(0.8, USUAL_QUALITY) == pytest.approx(0.8)
    scores = [score_with_quality(0.8, quality) for quality in (0, 0.2, 0.5, 0.9, 1)]
    assert scores == sorted(scores)
    assert scores[1] < 0.8 < scores[3]
    assert 0 < scores[0] < scores[-1] < 1


@pytest.mark.parametrize("quality", [0.0, 0.4, 1.0])
def test_certain_classes_stay_in_range(quality):
    assert 0 <= score_with_quality(0.0, quality) < 0.01
    assert score_with_quality(0.9, quality) < score_with_quality(1.0, quality) <= 1


def test_a_tally_is_the_mean_of_what_was_judged():
    tally = QualityTally()
    tally.add(None)
    assert tally.mean is None
    for quality in (0.5, None, 0.75):
        tally.add(quality)
    assert tally.mean == 0.625


def test_result_rows_rank_by_the_same_score():
    good, bad = (
        InstanceSummary(i, (0.6, 0.1, 0.3), 0.6, 0, 0, 1, 2, q) for i, q in ((0, 0.9), (1, 0.3))
    )
    rows = {(r.instance_id, r.label): r.score for r in result_rows((good, bad))}
    assert rows[0, 0] == score_with_quality(0.6, 0.9) > rows[1, 0]
    assert rows[0, 0] > rows[0, 1]


def test_quality_ranks_instances_and_drops_none(sure_model, scene):
    settings = ProposeSettings(edges="best", score_threshold=0.5)
    run = predict_video(sure_model, enumerate(scene[:6]), settings)
    judged = [m.quality for frame in run for m in frame.masks]
    assert judged
    assert all(0 < quality < 1 for quality in judged)
    plain = predict_video(sure_model, enumerate(scene[:6]), replace(settings, edges="off"))
    assert all(m.quality is None for frame in plain for m in frame.masks)
    assert [i.instance_id for i in run.instances] == [i.instance_id for i in plain.instances]
    for found, before in zip(run.instances, plain.instances, strict=True):
        assert before.score == before.certainty == found.certainty
        judged = score_with_quality(found.certainty, found.quality)
        assert found.score == judged * found.alone
