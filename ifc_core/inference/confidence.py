"""How likely a mask that was carried to a frame is good, for the queue of what to look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_WEIGHTS = np.array([-4.0, 2.0, 2.7, 3.4, 0.3, -0.9])
_LEAST_SUPPORT = 0.25


@dataclass(frozen=True, slots=True)
class Support:
    """What speaks for a mask.

    Attributes:
        trust: Share of its pixels whose flow held together forward and backward, 0 to 1.
        agreement: IoU of the fused mask and the one carried by motion alone.
        certainty: Mean of how far its pixels' logits are from undecided, 0 to 1.
        sides_agree: IoU of the masks carried from both sides; with one side 1.
        steps: Frames to the nearest corrected one.
    """

    trust: float
    agreement: float
    certainty: float
    sides_agree: float
    steps: int


def frame_confidence(support: Support) -> float:
    """Estimated chance, 0 to 1, that J is 0.75 or more; logistic, fitted on labelled clips."""
    cues = np.array(
        [
            1.0,
            support.trust,
            support.agreement,
            support.certainty,
            support.sides_agree,
            float(np.log1p(support.steps)),
        ]
    )
    return float(1.0 / (1.0 + np.exp(-float(cues @ _WEIGHTS))))


def is_supported(support: Support) -> bool:
    """Whether anything speaks for a mask: motion that holds together, or looks that agree with it.

    Where neither does, the object is taken for absent, however sure the single pixels are.
    """
    return support.trust + support.agreement >= _LEAST_SUPPORT
