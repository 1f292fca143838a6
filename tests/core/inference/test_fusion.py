"""Weights of the fusion, and what each cue adds."""

from dataclasses import replace

import numpy as np

from ifc_core.inference.fusion import (
    NETWORK_NEAR,
    PRIOR,
    SideCues,
    fused_logit,
    nearness,
    shares_of,
)


def side(steps, seed=0):
    rng = np.random.default_rng(seed)
    cues = (rng.normal(size=(3, 4)).astype(np.float32) for _ in range(5))
    distance, looks, match, far_match, features = cues
    trust = rng.random((3, 4)).astype(np.float32)
    return SideCues(4 * distance, trust, looks, match, far_match, features, steps)


def test_the_quick_sum_is_that_of_the_stacked_cues():
    for steps in (1, 4, 20):
        cues = side(steps)
        for weights in (PRIOR, NETWORK_NEAR):
            np.testing.assert_allclose(
                cues.logit(weights), cues.stacked() @ weights, atol=1e-4, rtol=1e-4
            )


def test_what_is_said_counts_by_its_share():
    said = [(0.75, side(2)), (0.25, side(9, seed=1))]
    expected = 0.75 * said[0][1].logit(PRIOR) + 0.25 * said[1][1].logit(PRIOR)
    np.testing.assert_allclose(fused_logit(said, PRIOR), expected, atol=1e-5)


def test_of_two_equally_near_the_one_that_explains_a_pixel_counts_there():
    explained = np.ones((3, 4), np.float32)
    explained[0] = 9
    sides = [replace(side(4), likeness=explained), replace(side(4), likeness=explained[::-1])]
    shares = shares_of(sides)
    np.testing.assert_allclose(np.sum(shares, axis=0), 1, atol=1e-6)
    np.testing.assert_allclose(shares[0][:, 0], [0.9, 0.5, 0.1], atol=1e-6)
    logit = fused_logit(list(zip(shares, sides, strict=True)), PRIOR)
    expected = sum(n * s.logit(PRIOR) for n, s in zip(shares, sides, strict=True))
    np.testing.assert_allclose(logit, expected, atol=1e-5)


def test_without_likeness_nearness_alone_shares():
    sides = [side(2), side(6)]
    assert shares_of(sides) == nearness(sides)
