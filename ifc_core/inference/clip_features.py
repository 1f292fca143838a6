"""What the network knows of a clip, kept for editing tools: features, weights, candidates."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ifc_core.inference.attention_query import clip_of_shot
from ifc_core.inference.device_arithmetic import device_arithmetic
from ifc_core.inference.frame_input import resize_frames
from ifc_core.inference.run_setup import input_size_for
from ifc_core.inference.settings import ProposeSettings
from ifc_core.inference.shot_watch import Read, ShotFinder
from ifc_core.io.video import VideoReader
from ifc_core.models.ifc import IFC
from ifc_core.models.input_size import input_size

if TYPE_CHECKING:
    from ifc_core.inference.feature_folder import FeatureFolder

DEFAULT_CACHE_BYTES = 2_000_000_000
_MAPS_SHORT_SIDE = 360


@dataclass(frozen=True, slots=True)
class ClipFeatures:
    """One clip of the canonical plan; half precision, on the CPU.

    Attributes:
        frame_indices: T frames of the video.
        mask_features: (T, C, h, w) float16, f' of paper eq. 5.
        mask_weights: (Q, C) float16, those of all queries, shown or hidden.
        class_probs: (Q, K + 1) float32, the last column is no-object.
    """

    frame_indices: tuple[int, ...]
    mask_features: Tensor
    mask_weights: Tensor
    class_probs: Tensor

    def features_of(self, frame_index: int) -> Tensor:
        """(C, h, w) float32 features of a frame of the clip."""
        return self.mask_features[self.frame_indices.index(frame_index)].float()

    def query_logits(self, frame_index: int) -> Tensor:
        """(Q, h, w) float32 mask logits of all queries on a frame of the clip."""
        features = self.features_of(frame_index)
        return torch.einsum("qc,chw->qhw", self.mask_weights.float(), features)

    @property
    def num_bytes(self) -> int:
        """Memory that the clip holds."""
        tensors = (self.mask_features, self.mask_weights, self.class_probs)
        return sum(t.element_size() * t.nelement() for t in tensors)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mask that the network has for a place, shown or hidden.

    Attributes:
        query: Index of the object query in its clip.
        score: Probability of the best class, no-object left out.
        label: That class.
        frame_indices: Frames of the clip.
        logits: (T, h, w) float32 mask logits over the clip.
    """

    query: int
    score: float
    label: int
    frame_indices: tuple[int, ...]
    logits: npt.NDArray[np.float32]


class ClipFeatureCache:
    """Features of clips of one video, least recently used first to go, made again on a miss.

    Args:
        model: The network.
        reader: The video.
        settings: Sizes, T and frame step as in a run of Propose; the region is not used.
        max_bytes: Bound on what is kept.
        folder: Where clips are kept on disk too; ``None`` for memory alone.

    Attributes:
        reader: The video; a new reader of the same video may be put in its place.
        misses: Clips computed so far.
    """

    def __init__(
        self,
        model: IFC,
        reader: VideoReader,
        settings: ProposeSettings,
        max_bytes: int = DEFAULT_CACHE_BYTES,
        folder: FeatureFolder | None = None,
    ) -> None:
        self._model, self.reader, self._settings = model, reader, settings
        self._max_bytes = max_bytes
        self._folder = folder
        self._shots = ShotFinder(reader.video.num_frames, settings.frame_step)
        self._clips: OrderedDict[tuple[int, ...], ClipFeatures] = OrderedDict()
        self._maps: OrderedDict[int, tuple[npt.NDArray[np.float16], ...]] = OrderedDict()
        self.misses = 0

    @property
    def num_bytes(self) -> int:
        """Memory held now."""
        clips = sum(clip.num_bytes for clip in self._clips.values())
        return clips + sum(one.nbytes for maps in self._maps.values() for one in maps)

    def clip_of(self, frame_index: int) -> ClipFeatures:
        """The clip of the canonical plan that centres a frame best, within its shot.

        Raises:
            VideoError: A frame cannot be read.
            IndexError: There is no such frame.
        """
        images: dict[int, npt.NDArray[np.uint8]] = {}

        def read(index: int) -> npt.NDArray[np.uint8]:
            if index not in images:
                images[index] = self.reader.read(index)
            return images[index]

        num_frames = self.reader.video.num_frames
        frames = clip_of_shot(frame_index, num_frames, self._settings, self._shots, read)
        key = tuple(frames)
        clip = self._clips.get(key)
        if clip is None:
            clip = self._clips[key] = self._read_or_compute(key, read)
        self._clips.move_to_end(key)
        self._trim()
        return clip

    def maps(self, frame_index: int) -> tuple[npt.NDArray[np.float16], ...]:
        """What places of a frame look like, from the backbone's first two stages.

        They are made at a size of their own, finer than the network needs to propose, and for
        one frame alone, so that no clip has to be encoded for them.

        Args:
            frame_index: 0-based in the video.

        Returns:
            Res2 (h / 4, w / 4, C2) and res3 (h / 8, w / 8, C3), float16.

        Raises:
            VideoError: The frame cannot be read.
        """
        kept = self._maps.get(frame_index)
        if kept is None:
            kept = self._maps[frame_index] = self._early_maps(frame_index)
        self._maps.move_to_end(frame_index)
        self._trim()
        return kept

    @torch.no_grad()
    def _early_maps(self, frame_index: int) -> tuple[npt.NDArray[np.float16], ...]:
        model, size = self._model, self.reader.video.size
        short = min(_MAPS_SHORT_SIDE, min(size))
        image = torch.from_numpy(np.array(self.reader.read(frame_index)))[None]
        small = resize_frames(image, input_size(size, short, self._settings.max_long_side))
        with device_arithmetic(model.device, exact=True):
            parts = model.backbone.early_maps(model.normalize(small))
        return tuple(
            np.ascontiguousarray(p[0].permute(1, 2, 0).half().cpu().numpy()) for p in parts
        )

    def _trim(self) -> None:
        """Drop the oldest: maps first, which are made again sooner than clips."""
        while len(self._maps) > 2 and self.num_bytes > self._max_bytes:
            self._maps.popitem(last=False)
        while len(self._clips) > 1 and self.num_bytes > self._max_bytes:
            self._clips.popitem(last=False)

    def candidates(self, frame_index: int, point_xy: tuple[float, float]) -> list[Candidate]:
        """All queries whose mask covers a point, best first.

        Args:
            frame_index: 0-based in the video.
            point_xy: Pixel of the displayed frame, (x, y).

        Returns:
            By class probability times the mask's probability at the point.
        """
        clip = self.clip_of(frame_index)
        logits = clip.query_logits(frame_index)  # (Q, h, w)
        height, width = self.reader.video.size
        row = min(int(point_xy[1] / height * logits.shape[1]), logits.shape[1] - 1)
        column = min(int(point_xy[0] / width * logits.shape[2]), logits.shape[2] - 1)
        at_point = logits[:, row, column]
        ranks = clip.class_probs[:, :-1].amax(-1) * at_point.sigmoid()
        order = ranks.argsort(descending=True)
        return _candidates(clip, [int(q) for q in order if at_point[q] > 0])

    def all_candidates(self, frame_index: int) -> list[Candidate]:
        """Every query of the clip that centres a frame best, the best class score first."""
        clip = self.clip_of(frame_index)
        order = clip.class_probs[:, :-1].amax(-1).argsort(descending=True)
        return _candidates(clip, [int(q) for q in order])

    @property
    def category_names(self) -> list[str]:
        """Names of the network's classes, in the order of its labels."""
        return [category.name for category in self._model.categories]

    @property
    def clip_length(self) -> int:
        """T."""
        return self._settings.clip_length

    def _read_or_compute(self, frames: tuple[int, ...], read: Read) -> ClipFeatures:
        kept = None if self._folder is None else self._folder.read(frames)
        if kept is not None:
            return kept
        self.misses += 1
        clip = self._compute(frames, read)
        if self._folder is not None:
            self._folder.write(clip)
        return clip

    @torch.no_grad()
    def _compute(self, frames: tuple[int, ...], read: Read) -> ClipFeatures:
        size = input_size_for(self._model, self._settings)(self.reader.video.size)
        images = [resize_frames(torch.from_numpy(np.array(read(f)))[None], size) for f in frames]
        model = self._model
        # Whatever a run's precision is: features on disk are there for all runs.
        with device_arithmetic(model.device, exact=True):
            out = model.decode_clip(model.encode_frames(model.normalize(torch.cat(images))))
        return ClipFeatures(
            frames,
            out.mask_features[0].half().cpu(),
            out.mask_weights[0].half().cpu(),
            out.class_logits[0].float().softmax(-1).cpu(),
        )


def _candidates(clip: ClipFeatures, queries: list[int]) -> list[Candidate]:
    features = clip.mask_features.float()
    scores, labels = clip.class_probs[:, :-1].max(-1)
    weights = clip.mask_weights.float()
    return [
        Candidate(
            query,
            float(scores[query]),
            int(labels[query]),
            clip.frame_indices,
            torch.einsum("c,tchw->thw", weights[query], features).numpy(),
        )
        for query in queries
    ]
