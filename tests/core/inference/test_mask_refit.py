"""Clip features, click candidates, and refitting a mask weight."""

import numpy as np
import pytest
import torch

from ifc_core.inference.clip_features import ClipFeatureCache
from ifc_core.inference.correction import CorrectedMask, spread
from ifc_core.inference.mask_refit import RefitEvidence, refit_weight
from ifc_core.inference.settings import ProposeSettings
from ifc_core.structures import RLEMask

SETTINGS = ProposeSettings(clip_length=3)


@pytest.fixture
def cache(tiny_model, scene, frames_reader):
    return ClipFeatureCache(tiny_model, frames_reader(scene), SETTINGS)


def disc_mask(t, k=0):
    yy, xx = np.mgrid[:64, :96]
    centre = (15 + 16 * k, 12 + 25 * k + (3 - 2 * k) * t)
    return (yy - centre[0]) ** 2 + (xx - centre[1]) ** 2 < (7 + 2 * k) ** 2


def test_a_clip_is_computed_once_and_holds_what_the_network_says(cache, tiny_model, scene):
    clip = cache.clip_of(3)
    assert clip.frame_indices == (2, 3, 4)
    assert cache.clip_of(3) is clip
    assert cache.misses == 1
    expected = tiny_model.predict_clip(scene[2:5])
    found = clip.query_logits(3).numpy()
    assert np.abs(found - expected.mask_logits[:, 1]).max() < 0.05
    probs = torch.from_numpy(expected.class_logits).softmax(-1)
    torch.testing.assert_close(clip.class_probs, probs, atol=1e-4, rtol=0)


def test_the_least_recently_used_clip_goes_first(tiny_model, scene, frames_reader):
    one = ClipFeatureCache(tiny_model, frames_reader(scene), SETTINGS).clip_of(1).num_bytes
    cache = ClipFeatureCache(tiny_model, frames_reader(scene), SETTINGS, max_bytes=2 * one)
    for frame in (1, 5, 1, 9):  # 5 is the oldest when 9 comes
        cache.clip_of(frame)
    assert cache.num_bytes <= 2 * one
    assert cache.misses == 3
    cache.clip_of(1)
    assert cache.misses == 3
    cache.clip_of(5)
    assert cache.misses == 4


def test_early_maps_are_those_of_the_backbone_and_bounded(tiny_model, scene, frames_reader):
    cache = ClipFeatureCache(tiny_model, frames_reader(scene), SETTINGS)
    fine, coarse = cache.maps(3)
    assert cache.maps(3)[0] is fine
    assert fine.shape[:2] == (16, 24)
    assert coarse.shape[:2] == (8, 12)
    with torch.no_grad():
        res3 = tiny_model.backbone(tiny_model.normalize(torch.from_numpy(scene[3:4]))).res3
    np.testing.assert_allclose(coarse, res3[0].permute(1, 2, 0).numpy(), atol=0.01, rtol=0.01)
    each = fine.nbytes + coarse.nbytes
    assert cache.num_bytes == each
    small = ClipFeatureCache(tiny_model, frames_reader(scene), SETTINGS, max_bytes=3 * each)
    for frame in range(6):
        small.maps(frame)
    assert small.num_bytes == 3 * each


def test_candidates_cover_the_click_best_first(cache):
    found = cache.candidates(3, (40.0, 20.0))
    assert found
    place = (20 * 8 // 64, 40 * 12 // 96)
    ranks = []
    for candidate in found:
        logit = candidate.logits[candidate.frame_indices.index(3)][place]
        assert logit > 0
        ranks.append(candidate.score / (1 + np.exp(-logit)))
    assert ranks == sorted(ranks, reverse=True)
    hidden = {c.query for c in found}
    logits = cache.clip_of(3).query_logits(3)[:, place[0], place[1]]
    assert hidden == set(torch.where(logits > 0)[0].tolist())


def test_a_refit_separates_what_its_features_can_separate():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(600, 16, generator=generator)
    truth = torch.randn(16, generator=generator)
    target = (features @ truth > 0.5).float()
    weight, bias = refit_weight(features[:400], target[:400], torch.zeros(16))
    unseen = ((features[400:] @ weight + bias) > 0).float()
    assert (unseen == target[400:]).float().mean() > 0.9


def test_a_strong_pull_keeps_the_prior():
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(200, 8, generator=generator)
    target = (features[:, 0] > 0).float()
    prior = torch.randn(8, generator=generator)
    weight, _ = refit_weight(features, target, prior, penalty=1e4)
    torch.testing.assert_close(weight, prior, atol=1e-2, rtol=0)


def test_evidence_fits_the_correction_and_is_judged_on_other_pixels(cache):
    corrected = [CorrectedMask(4, RLEMask.from_array(disc_mask(4, 2)))]
    evidence = RefitEvidence(cache, corrected)
    logits = evidence.logits(4)
    assert logits.shape == (8, 12)
    inside = disc_mask(4, 2).reshape(8, 8, 12, 8).mean((1, 3)) > 0.5
    assert ((logits > 0) == inside).mean() > 0.9
    held_out = evidence.held_out_logits(4)
    fitted_loss = np.log1p(np.exp(-np.where(inside, 1, -1) * logits)).mean()
    honest_loss = np.log1p(np.exp(-np.where(inside, 1, -1) * held_out)).mean()
    assert honest_loss > fitted_loss
    assert evidence.logits(15).shape == (8, 12)


def test_with_two_corrected_frames_each_is_judged_by_the_other(cache):
    corrected = [CorrectedMask(f, RLEMask.from_array(disc_mask(f, 1))) for f in (4, 15)]
    evidence = RefitEvidence(cache, corrected)
    other = RefitEvidence(cache, corrected[1:])
    np.testing.assert_allclose(evidence.held_out_logits(4), other.logits(4), atol=1e-4)


def test_many_corrected_frames_are_judged_by_a_few_fits(cache, monkeypatch):
    frames = range(2, 14)
    corrected = [CorrectedMask(f, RLEMask.from_array(disc_mask(f, 1))) for f in frames]
    evidence, fitted = RefitEvidence(cache, corrected), []
    fit = RefitEvidence._fit
    monkeypatch.setattr(
        RefitEvidence, "_fit", lambda self, on, half: fitted.append(on) or fit(self, on, half)
    )
    for frame in frames:
        evidence.held_out_logits(frame)
    assert len(fitted) == len(set(fitted)) == 4
    assert sorted(f for on in fitted for f in set(frames) - set(on)) == list(frames)


def test_a_correction_spreads_with_the_network(cache, scene, frames_reader):
    corrected = [CorrectedMask(4, RLEMask.from_array(disc_mask(4, 1)))]
    evidence = RefitEvidence(cache, corrected)
    results = list(spread(frames_reader(scene), corrected, range(3, 8), evidence=evidence))
    for result in results:
        truth = disc_mask(result.frame_index, 1)
        mask = result.rle.to_array()
        assert (mask & truth).sum() / (mask | truth).sum() > 0.7
