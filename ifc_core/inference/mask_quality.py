"""What the estimated quality of an instance's masks says of its score.

The network's class probability hardly knows how well a mask fits, nor whether what it covers is
one whole thing. The edge network, which looks closely, estimates the IoU of each mask; here the
two are put together.

Source: Huang et al., "Mask Scoring R-CNN", CVPR 2019, multiplies the two. Here they are added as
logits, so that a score stays what it was where the quality is as usual.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

USUAL_QUALITY = 0.7
"""That leaves a score as it was."""

_WEIGHT = 3.0
_LEAST = 1e-6
_WORST = 0.02  # no estimate counts for more than one this sure


@dataclass(slots=True)
class QualityTally:
    """The estimated quality of the masks of one instance.

    Attributes:
        total: Sum of the estimates.
        count: Masks that were estimated.
    """

    total: float = 0.0
    count: int = 0

    def add(self, quality: float | None, count: int = 1) -> None:
        """Take in masks with this mean estimate; ``None`` for ones that were not judged."""
        if quality is not None:
            self.total += quality * count
            self.count += count

    @property
    def mean(self) -> float | None:
        """Mean estimate, 0 to 1; ``None`` before any."""
        return self.total / self.count if self.count else None


def score_with_quality(prob: float, quality: float | None) -> float:
    """The score of an instance.

    Args:
        prob: Its class probability, 0 to 1.
        quality: Mean estimated IoU of its masks, 0 to 1, or ``None`` where none was made.

    Returns:
        0 to 1; ``prob`` itself where there is no estimate.
    """
    if quality is None:
        return prob
    judged = min(max(quality, _WORST), 1.0 - _WORST)
    value = _logit(prob) + _WEIGHT * (_logit(judged) - _logit(USUAL_QUALITY))
    return 1.0 / (1.0 + math.exp(-value))


def _logit(value: float) -> float:
    inside = min(max(value, _LEAST), 1.0 - _LEAST)
    return math.log(inside / (1.0 - inside))
