"""The clips that a run's settings ask for."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ifc_core.data.augmentation import Augmentation
from ifc_core.data.clip_source import ClipRequest, ClipSource, sample_seed
from ifc_core.data.sample import ClipSample
from ifc_core.data.synthetic import ClipSpec, render_clip
from ifc_core.data.synthetic.photos import load_scenes, load_sprites
from ifc_core.data.synthetic.spec import WORLD_CLASSES, World
from ifc_core.errors import ConfigError
from ifc_core.training.config import TrainConfig


@dataclass(frozen=True, slots=True)
class SyntheticSource:
    """Clips of the generated world.

    Attributes:
        seed: Of the run.
        fields: Further fields of ``ClipSpec``.
    """

    seed: int
    fields: tuple[tuple[str, Any], ...] = ()

    def __call__(self, request: ClipRequest) -> ClipSample:
        """Render the clip of a request."""
        fields = {"difficulty": request.difficulty, **dict(self.fields)}
        spec = ClipSpec(
            num_frames=request.num_frames, height=request.height, width=request.width, **fields
        )
        return render_clip(sample_seed(self.seed, request.index), spec)


def open_data(config: TrainConfig) -> tuple[TrainConfig, ClipSource]:
    """Open what ``config.data`` names, and settle what depends on it.

    Args:
        config: Of the run.

    Returns:
        The settings with the classes named and epochs turned into iterations, and the source.

    Raises:
        ConfigError: A setting of the data is wrong, or the classes are not those of the data.
        FormatError: An annotation file cannot be used.
    """
    data = config.data
    source: ClipSource
    if data.kind == "synthetic":
        source, world = _synthetic(config)
        return _in_iterations(_with_classes(config, [WORLD_CLASSES[world]]), 0), source
    annotations, root = _existing(data.annotations), _existing(data.root)
    augmentation = Augmentation(("flip", *data.augmentation))
    if data.kind == "coco":
        from ifc_core.data.coco_source import CocoSource, read_coco_images, usable_images

        images, names = read_coco_images(annotations, root)
        images, left_out = usable_images(images)
        source = CocoSource(config.seed, images, augmentation, left_out=left_out)
        count = len(images)
    else:
        from ifc_core.data.video_source import VideoSource, read_ytvis_videos

        videos, names = read_ytvis_videos(annotations, root)
        source = VideoSource(config.seed, videos, data.interval, augmentation)
        count = sum(len(video.labelled_frames) for video in videos)
    return _in_iterations(_with_classes(config, names), count), source


def _synthetic(config: TrainConfig) -> tuple[SyntheticSource, World]:
    fields = config.data.synthetic
    try:
        spec = ClipSpec(**fields)
    except TypeError as error:
        raise ConfigError(
            f"The table [data.synthetic] has a wrong entry: {error}.",
            name="synthetic",
            value=fields,
        ) from error
    if spec.cutout_dir is not None and spec.world == "things":
        load_scenes(spec.cutout_dir)  # tells what is wrong now, and is there for the workers
    if spec.sprite_dir is not None and spec.world == "things":
        load_sprites(spec.sprite_dir)
    return SyntheticSource(config.seed, tuple(fields.items())), spec.world


def _in_iterations(config: TrainConfig, count: int) -> TrainConfig:
    """Epochs as iterations, for ``count`` labelled frames in the data."""
    stages, optimizer = config.stages, config.optimizer
    if any(stage.epochs for stage in stages) and not count:
        raise ConfigError(
            "Generated clips have no epochs; give iterations.", name="epochs", value=stages
        )
    if optimizer.decay_epochs:
        steps = tuple(math.ceil(e * count / stages[0].batch_size) for e in optimizer.decay_epochs)
        optimizer = replace(optimizer, decay_steps=steps, decay_epochs=())
    counted = [
        replace(s, iterations=_whole_uses(s.epochs * count / s.batch_size, s.remix), epochs=0.0)
        if s.epochs
        else s
        for s in stages
    ]
    return replace(config, stages=tuple(counted), optimizer=optimizer)


def _whole_uses(iterations: float, remix: int) -> int:
    """Iterations rounded up, to a multiple of those that a batch serves."""
    uses = max(1, remix)
    return math.ceil(iterations / uses) * uses


def _existing(path: Path | None) -> Path:
    if path is None or not path.exists():
        raise ConfigError(f"There is no file or folder {path}.", name="data", value=str(path))
    return path


def _with_classes(config: TrainConfig, names: list[str]) -> TrainConfig:
    if not config.categories:
        return replace(config, categories=tuple(names))
    if list(config.categories) != names:
        raise ConfigError(
            f"The data have {len(names)} classes ({', '.join(names[:5])}); leave 'categories' "
            "out, or name the same ones in the order of their ids.",
            name="categories",
            value=config.categories,
        )
    return config
