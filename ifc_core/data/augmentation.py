"""Augmentation with torchvision's transforms, the same for all frames of a clip."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

from ifc_core.data.sample import ClipSample
from ifc_core.errors import ConfigError

NAMES = ("flip", "crop", "affine", "colour", "blur", "motion_blur")


class MotionBlur(v2.Transform):  # type: ignore[misc]  # torchvision has no types
    """Smears the frames of a clip along one random line; masks stay.

    Args:
        max_length_px: Of the line, at least 3.
    """

    def __init__(self, max_length_px: int = 9) -> None:
        super().__init__()
        self.max_length_px = max_length_px

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw a direction and a length."""
        del flat_inputs
        length = float(torch.empty(1).uniform_(2.0, self.max_length_px).item())
        angle = float(torch.empty(1).uniform_(0.0, math.pi).item())
        reach = self.max_length_px // 2 + 1
        axis = torch.arange(-reach, reach + 1, dtype=torch.float32)
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        along = x * math.cos(angle) + y * math.sin(angle)
        across = -x * math.sin(angle) + y * math.cos(angle)
        inside = (length / 2 + 0.5 - along.abs()).clamp(0, 1)
        kernel = inside * (1 - across.abs()).clamp(0, 1)
        return {"kernel": kernel / kernel.sum()}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Blur pictures, pass all else on."""
        if not isinstance(inpt, tv_tensors.Video):
            return inpt
        kernel = params["kernel"][None, None]
        reach = kernel.shape[-1] // 2
        flat = inpt.as_subclass(torch.Tensor).flatten(0, 1)[:, None].float()
        padded = torch.nn.functional.pad(flat, (reach,) * 4, mode="replicate")
        blurred = torch.nn.functional.conv2d(padded, kernel).round().clamp(0, 255)
        return tv_tensors.wrap(blurred.to(inpt.dtype).view(inpt.shape), like=inpt)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What may happen to a clip.

    Attributes:
        names: Of :data:`NAMES`. The paper's presets use ``flip`` alone (besides the resizing).
        max_rotation_degrees: Of ``affine``.
        min_crop_share: Smallest share of the area that ``crop`` keeps.
    """

    names: tuple[str, ...] = ("flip",)
    max_rotation_degrees: float = 12.0
    min_crop_share: float = 0.4

    def __post_init__(self) -> None:
        """Check the names.

        Raises:
            ConfigError: One is unknown.
        """
        for name in self.names:
            if name not in NAMES:
                raise ConfigError(
                    f"There is no augmentation {name}; known are {', '.join(NAMES)}.",
                    name="augmentation",
                    value=name,
                )

    def __call__(self, sample: ClipSample, seed: int) -> ClipSample:
        """Augment a clip; equal seeds do equal things.

        Args:
            sample: The clip; it is not changed.
            seed: Of the choices.

        Returns:
            A clip of the same size.
        """
        steps = self._steps(sample.frames.shape[1:3])
        if not steps:
            return sample
        frames = tv_tensors.Video(torch.from_numpy(sample.frames).permute(0, 3, 1, 2))
        height, width = sample.frames.shape[1:3]
        masks = sample.masks.reshape(-1, height, width)
        if sample.unclear is not None:
            masks = np.concatenate([masks, sample.unclear])
        flat = torch.from_numpy(masks.view(np.uint8))
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # of the processor, where this is done
            out_frames, out_masks = v2.Compose(steps)(frames, tv_tensors.Mask(flat))
        moved = out_masks.numpy().astype(np.bool_)
        count = len(sample.labels) * len(sample.frames)
        return ClipSample(
            frames=np.ascontiguousarray(out_frames.permute(0, 2, 3, 1).numpy()),
            masks=moved[:count].reshape(sample.masks.shape),
            labels=sample.labels,
            valid=sample.valid,
            exhaustive=sample.exhaustive,
            damaged=sample.damaged,
            unclear=None if sample.unclear is None else moved[count:],
        )

    def _steps(self, size: tuple[int, ...]) -> list[v2.Transform]:
        turn = self.max_rotation_degrees
        grey = {tv_tensors.Video: 114, tv_tensors.Mask: 0}
        known: dict[str, list[v2.Transform]] = {
            "flip": [v2.RandomHorizontalFlip(0.5)],
            "affine": [
                v2.RandomAffine(
                    turn,
                    translate=(0.1, 0.1),
                    scale=(0.75, 1.3),
                    shear=(-5, 5, -5, 5),
                    interpolation=v2.InterpolationMode.BILINEAR,
                    fill=grey,
                )
            ],
            "crop": [
                v2.RandomApply(
                    [
                        v2.RandomResizedCrop(
                            size, scale=(self.min_crop_share, 1.0), ratio=(1.2, 2.2), antialias=True
                        )
                    ],
                    p=0.5,
                )
            ],
            "colour": [v2.ColorJitter(0.3, 0.3, 0.3, 0.04)],
            "motion_blur": [v2.RandomApply([MotionBlur()], p=0.2)],
            "blur": [v2.RandomApply([v2.GaussianBlur(5, (0.3, 1.5))], p=0.2)],
        }
        return [step for name in NAMES if name in self.names for step in known[name]]
