"""Instances that show what a better one shows already: their scores fall.

Several queries often see one thing, each a little otherwise, and each becomes a track. All but the
best of these tracks are doubles, however well their masks fit.

Source: Bodla et al., "Soft-NMS", ICCV 2017, whose scores fall with the overlap of boxes; here with
that of all masks of two tracks, as it is measured by the YTVIS metrics.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ifc_core.inference.results import FrameMask, InstanceSummary
from ifc_core.structures import RLEMask


class SharedPixels:
    """How many pixels the masks of instances have, and share, over all frames so far."""

    def __init__(self) -> None:
        self._areas: Counter[int] = Counter()
        self._shared: dict[int, Counter[int]] = {}  # by the lower number, then by the higher

    def add(self, masks: Sequence[FrameMask]) -> None:
        """Count a frame.

        Args:
            masks: Of all instances there, one each; those that nothing judged do not count.
        """
        judged = (mask for mask in masks if mask.quality is not None)
        ordered = sorted(judged, key=lambda mask: mask.instance_id)
        areas = [mask.rle.area for mask in ordered]
        numbers = [mask.instance_id for mask in ordered]
        self._areas.update(dict(zip(numbers, areas, strict=True)))
        ious = np.triu(RLEMask.ious([mask.rle for mask in ordered]), k=1)
        for one, other in np.argwhere(ious > 0):
            iou = float(ious[one, other])
            shared = round(iou * (areas[one] + areas[other]) / (1 + iou))
            self._shared.setdefault(numbers[one], Counter())[numbers[other]] += shared

    def area(self, instance_id: int) -> int:
        """Pixels of an instance's masks."""
        return self._areas[instance_id]

    def shared_with_later(self, instance_id: int) -> Mapping[int, int]:
        """Pixels that an instance shares, by the higher numbers of the others."""
        return self._shared.get(instance_id, {})

    def restore(self, instance_id: int, area: int, shared: Mapping[int, int]) -> None:
        """Put back what the two above gave."""
        self._areas[instance_id] = area
        self._shared[instance_id] = Counter(shared)

    def lowered(self, instances: Sequence[InstanceSummary]) -> tuple[InstanceSummary, ...]:
        """Instances whose scores know of each other.

        Those whose masks nothing judged keep theirs, so that a run without edges scores as
        published.

        Args:
            instances: Those that are shown; others take nothing from them.
        """
        judged = {s.instance_id: s for s in instances if s.quality is not None}
        nearest = dict.fromkeys(judged, 0.0)
        for one in judged:
            for other, shared in self.shared_with_later(one).items():
                if other in judged:
                    both = self._areas[one] + self._areas[other]
                    worse = other if judged[one].score >= judged[other].score else one
                    nearest[worse] = max(nearest[worse], shared / (both - shared))
        alone = {number: 1 - iou for number, iou in nearest.items()}
        return tuple(
            replace(s, score=s.score * alone[s.instance_id], alone=alone[s.instance_id])
            if s.instance_id in alone
            else s
            for s in instances
        )
