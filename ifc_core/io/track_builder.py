"""Gathers masks that come frame by frame into tracks."""

from __future__ import annotations

from dataclasses import dataclass

from ifc_core.io.ytvis_types import YtvisTrack
from ifc_core.structures import RLEMask


@dataclass(frozen=True, slots=True)
class _Key:
    video_id: int
    label: int
    category_id: int
    is_crowd: bool


class TrackBuilder:
    """Masks in, tracks out."""

    def __init__(self) -> None:
        self._masks: dict[_Key, dict[int, RLEMask]] = {}
        self._scores: dict[_Key, float] = {}

    def add(
        self,
        video_id: int,
        label: int,
        category_id: int,
        frame_index: int,
        mask: RLEMask,
        *,
        is_crowd: bool = False,
        score: float | None = None,
    ) -> bool:
        """Add one mask.

        Args:
            video_id: Its video.
            label: What tells instances of a video and class apart.
            category_id: Its class.
            frame_index: Its frame.
            mask: The mask.
            is_crowd: Whether it is a crowd region.
            score: Confidence; a track gets that of its best mask.

        Returns:
            False if the track has a mask on that frame already.
        """
        key = _Key(video_id, label, category_id, is_crowd)
        frames = self._masks.setdefault(key, {})
        if frame_index in frames:
            return False
        frames[frame_index] = mask
        if score is not None:
            self._scores[key] = max(score, self._scores.get(key, score))
        return True

    def tracks(
        self, lengths: dict[int, int], *, keep_labels: bool = False
    ) -> tuple[YtvisTrack, ...]:
        """All tracks, numbered from 1, by video and in the order they appeared.

        Args:
            lengths: Video id -> frames.
            keep_labels: Take the labels for ids if no two tracks share one.

        Returns:
            The tracks.
        """
        order = {video_id: place for place, video_id in enumerate(lengths)}
        keys = sorted(self._masks, key=lambda key: order[key.video_id])
        labels = [key.label for key in keys]
        is_unique = len(set(labels)) == len(labels) and min(labels, default=1) > 0
        return tuple(
            YtvisTrack(
                key.label if keep_labels and is_unique else number,
                key.video_id,
                key.category_id,
                tuple(self._masks[key].get(f) for f in range(lengths[key.video_id])),
                key.is_crowd,
                self._scores.get(key),
            )
            for number, key in enumerate(keys, start=1)
        )
