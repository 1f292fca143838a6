"""Weights of the fusion, and what each cue adds."""

import numpy as np

from ifc_core.inference.fusion import (
    NETWORK_NEAR,
    PRIOR,
    SideCues,
    fused_logit,
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
