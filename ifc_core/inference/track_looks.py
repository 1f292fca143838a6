"""What one track's object looks like, learnt from its corrected frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.inference.appearance import AppearanceModel, fit_appearance, look_channels, newton
from ifc_core.inference.far_match import (
    PixelFeatures,
    Places,
    Scale,
    SeenPlaces,
    coarse,
    describe,
    far_match,
    scaled,
)
from ifc_core.inference.flow_chain import sample
from ifc_core.inference.flow_store import FlowStore
from ifc_core.inference.patch import MOST_CELLS, Patch, mask_box

FloatImage = npt.NDArray[np.float32]
Frame = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

LOGIT_LIMIT = 4.0
_FIT_MARGIN_PX = 40
_FAR_MARGIN_SHARE = 0.35
_LEAST_FAR_MARGIN_PX = 16
_MOST_FEATURE_ROWS = 2000
_LEAST_FEATURE_ROWS = 8
_FEATURE_PENALTY = 1e-4
_FEATURE_STEPS = 5
_NETWORK_SHARE = 1.5
_NETWORK_LEAST_IOU = 0.75
_NETWORK_FAR_FRAMES = 3.0


class Evidence(Protocol):
    """The network's opinion, see :mod:`ifc_core.inference.mask_refit`."""

    def logits(self, frame_index: int) -> FloatImage:
        """Foreground logit of a frame at any resolution, (h, w) float32."""

    def held_out_logits(self, frame_index: int) -> FloatImage:
        """The same for a corrected frame, from pixels that were not fitted on."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A corrected frame, or one where the object was found again."""

    frame_index: int
    mask: Mask  # working size
    distance: FloatImage  # working size and pixels
    small_distance: FloatImage  # size and pixels of the flow
    cells: int = MOST_CELLS  # along the long side of its patch, to show thin parts
    certainty: float = 1.0  # less where it was found again


class TrackLooks:
    """Colour and texture, the network's opinion, and places to compare with.

    Args:
        store: Pictures of the video.
        references: Corrected frames.
        avoid: Frames with pixels that are not the object, at working size.
        evidence: The network's opinion, or ``None``.
        features: Early maps of the network, or ``None``.
    """

    def __init__(
        self,
        store: FlowStore,
        references: Mapping[int, Reference],
        avoid: Mapping[int, Mask],
        evidence: Evidence | None = None,
        features: PixelFeatures | None = None,
    ) -> None:
        self._store, self._references, self._avoid = store, references, avoid
        self._evidence, self._features = evidence, features
        self._network_weight = self._weigh_network()
        if not self._network_weight:  # it does not tell this object: better without
            self._evidence = None
        self._model = self._fit()
        self._scale: Scale | None = None
        self._linear: npt.NDArray[np.float64] | None = None
        self._seen: dict[int, SeenPlaces | None] = {}
        for reference in references.values():  # these set the scale of all descriptors
            self._seen_in(reference)

    @property
    def is_known(self) -> bool:
        """Whether there was an object, and something beside it, to learn from."""
        return self._model is not None

    def logit(self, frame: int, patch: Patch, rgb: Frame) -> FloatImage:
        """Foreground logit of a patch by colour, texture and opinion, limited."""
        if self._model is None:
            return np.zeros(patch.grid, np.float32)
        opinion = None if self._evidence is None else self._opinion(frame, patch, held_out=False)
        logit = self._model.logits(rgb, opinion)
        return np.clip(logit, -LOGIT_LIMIT, LOGIT_LIMIT).astype(np.float32)

    def network_say(self, frame: int, patch: Patch, steps: int) -> FloatImage | float:
        """What the network adds, as far as it told corrected frames on unseen pixels."""
        if self._evidence is None or not self._network_weight:
            return 0.0
        far = 1.0 - float(np.exp(-steps / _NETWORK_FAR_FRAMES))
        return self._network_weight * far * self._opinion(frame, patch, held_out=False)

    def fit_patch(self, mask: Mask) -> Patch | None:
        """What is learnt from around a mask."""
        box = mask_box(mask)
        return None if box is None else Patch.around(box, _FIT_MARGIN_PX, self._store.size)

    # ---- places -------------------------------------------------------------------------

    def places(self, frame: int, patch: Patch) -> Places | None:
        """A patch of a frame as places to compare; ``None`` without a network."""
        if self._features is None:
            return None
        part, maps = coarse(patch), self._features.maps(frame)
        described = describe(self._store.picture(frame), maps, part)
        if self._scale is None:
            self._scale = Scale.of(described)
        return Places(part, scaled(described, self._scale, maps))

    def far(
        self, present: Places, reference: Reference, source_xy: FloatImage, patch: Patch
    ) -> FloatImage:
        """Where a patch looks like the object of a corrected frame, wherever it was there.

        Args:
            present: The patch's places.
            reference: The corrected frame.
            source_xy: (rows, columns, 2) float32 on the patch's grid, where flow says that the
                cells come from, in working pixels of the corrected frame.
            patch: The patch, whose grid the answer has.

        Returns:
            (rows, columns) float32, -1 to 1.
        """
        seen = self._seen_in(reference)
        if seen is None:
            return np.zeros(patch.grid, np.float32)
        grid = present.patch.grid[::-1]
        source = np.asarray(cv2.resize(source_xy, grid, interpolation=cv2.INTER_AREA), np.float32)
        matched = far_match(present, seen, source.reshape(-1, 2))
        fine = cv2.resize(matched, patch.grid[::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(fine, np.float32)

    def known(self, present: Places, patch: Patch) -> FloatImage:
        """Foreground logit of a patch by the network's early features, limited."""
        if self._linear is None:
            self._linear = self._fit_features()
        if len(self._linear) == 1:  # no corrected frame shows the object
            return np.zeros(patch.grid, np.float32)
        slopes = self._linear[1:].astype(np.float32)
        logit = present.descriptors @ slopes + np.float32(self._linear[0])
        limited = np.clip(logit, -LOGIT_LIMIT, LOGIT_LIMIT).reshape(present.patch.grid)
        return np.asarray(cv2.resize(limited, patch.grid[::-1]), np.float32)

    def _fit_features(self) -> npt.NDArray[np.float64]:
        """Bias and weights of the descriptors' channels, from all corrected frames."""
        seen = [s for s in map(self._seen_in, self._references.values()) if s is not None]
        if not seen:
            return np.zeros(1)
        rows = np.concatenate([s.descriptors for s in seen]).astype(np.float64)
        labels = np.concatenate([np.arange(len(s.xy)) < s.num_inside for s in seen])
        step = max(1, len(rows) // _MOST_FEATURE_ROWS)
        rows, labels = rows[::step], labels[::step]
        if min(labels.sum(), (~labels).sum()) < _LEAST_FEATURE_ROWS:
            return np.zeros(rows.shape[1] + 1)
        penalty = np.full(rows.shape[1] + 1, _FEATURE_PENALTY)
        penalty[0] = 0.0
        return newton(rows, labels, penalty, _FEATURE_STEPS)

    def _seen_in(self, reference: Reference) -> SeenPlaces | None:
        frame = reference.frame_index
        if frame not in self._seen:
            self._seen[frame] = self._look_around(reference)
        return self._seen[frame]

    def _look_around(self, reference: Reference) -> SeenPlaces | None:
        box = mask_box(reference.mask)
        if box is None:
            return None
        size_px = max(box[2] - box[0], box[3] - box[1])
        margin = max(_LEAST_FAR_MARGIN_PX, round(_FAR_MARGIN_SHARE * size_px))
        places = self.places(reference.frame_index, Patch.around(box, margin, self._store.size))
        if places is None:
            return None
        inside = sample(reference.distance, places.patch.positions(self._store.size)) > 0
        return SeenPlaces.of(places, inside.reshape(-1), float(size_px))

    # ---- learning -----------------------------------------------------------------------

    def _fit(self) -> AppearanceModel | None:
        channels, masks = [], []
        for reference in self._references.values():
            patch = self.fit_patch(reference.mask)
            if patch is None:
                continue
            rgb = patch.cut(self._store.picture(reference.frame_index))
            channels.append(self._channels(reference.frame_index, patch, rgb, held_out=True))
            masks.append(sample(reference.distance, patch.positions(patch.size)) > 0)
        for frame, denied in self._avoid.items():
            patch = self.fit_patch(denied)
            if patch is None or frame in self._references or not channels:
                continue
            rgb = patch.cut(self._store.picture(frame))
            inside = sample(denied.astype(np.float32), patch.positions(patch.size)) > 0.5
            image = self._channels(frame, patch, rgb, held_out=False)[inside]
            channels.append(image)
            masks.append(np.zeros(len(image), np.bool_))
        return fit_appearance(channels, masks)

    def _channels(self, frame: int, patch: Patch, rgb: Frame, held_out: bool) -> FloatImage:
        looks = look_channels(rgb)
        if self._evidence is None:
            return looks
        opinion = self._opinion(frame, patch, held_out)
        return np.concatenate([looks, opinion[..., None]], axis=-1)

    def _opinion(self, frame: int, patch: Patch, held_out: bool) -> FloatImage:
        """The network's logit on a patch, limited."""
        assert self._evidence is not None  # noqa: S101 - for the type checker
        ask = self._evidence.held_out_logits if held_out else self._evidence.logits
        whole = np.clip(ask(frame), -LOGIT_LIMIT, LOGIT_LIMIT).astype(np.float32)
        height, width = whole.shape
        return sample(whole, patch.positions((height, width)))

    def _weigh_network(self) -> float:
        """Weight of the network by its IoU with corrected masks on pixels it was not fitted on."""
        scores = []
        for frame, reference in self._references.items():
            patch = self.fit_patch(reference.mask)
            if self._evidence is None or patch is None:
                continue
            said = self._opinion(frame, patch, held_out=True) > 0
            truth = sample(reference.distance, patch.positions(patch.size)) > 0
            scores.append(float((said & truth).sum()) / max(1, int((said | truth).sum())))
        score = float(np.mean(scores)) if scores else 0.0
        return _NETWORK_SHARE * max(0.0, (score - _NETWORK_LEAST_IOU) / (1 - _NETWORK_LEAST_IOU))
