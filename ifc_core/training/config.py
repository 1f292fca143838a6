"""Settings of a training run, read from TOML."""

from __future__ import annotations

import dataclasses
import math
import tomllib
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from ifc_core.config import from_home
from ifc_core.errors import ConfigError
from ifc_core.models.checkpoint import check_class_names
from ifc_core.models.input_size import COARSEST_STRIDE
from ifc_core.training.criterion import LossWeights
from ifc_core.training.matcher import AssignmentCost
from ifc_core.training.ranges import MOST, check_range, check_seed

T = TypeVar("T")

MIN_SIDE_PX = 32
"""Shortest side of a training frame, the coarsest grid of the network."""

_DIFFICULTIES = ("medium",)
_INTERVAL = 20


@dataclass(frozen=True, slots=True)
class StageConfig:
    """A stretch of a run with one kind of clips.

    Attributes:
        iterations: Optimizer steps; 0 where ``epochs`` says it.
        epochs: Passes over the labelled frames of the data, 0 where ``iterations`` says it.
        num_frames: Clip lengths T; each step draws one.
        batch_size: Clips of one step, over all processes.
        sizes: (height, width) in pixels; each step draws one.
        difficulties: Of generated clips; each sample draws one.
        accumulate: Forward passes that one step is split into, to save memory.
        anchor_queries: When the stage begins, set the learnt queries to what guided queries are
            that were told the boxes of a fixed pyramid over the frame.
        remix: Iterations that each batch serves, composed anew for each on the training device
            (:mod:`ifc_core.data.remix`); 0 takes clips as they come.
    """

    iterations: int = 0
    epochs: float = 0.0
    num_frames: tuple[int, ...] = (5,)
    batch_size: int = 16
    sizes: tuple[tuple[int, int], ...] = ((360, 640),)
    difficulties: tuple[str, ...] = _DIFFICULTIES
    accumulate: int = 1
    anchor_queries: bool = False
    remix: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_range("epochs", self.epochs)
        numbers = (self.batch_size, self.accumulate, *self.num_frames)
        if min(numbers) < 1 or not self.num_frames:
            _refuse("stages", self, "Clip lengths and batch sizes start at 1")
        if self.iterations < 0 or self.epochs < 0 or (self.iterations > 0) == (self.epochs > 0):
            _refuse("stages", self, "A stage needs either iterations or epochs")
        if self.remix < 0 or (self.remix and self.iterations % self.remix):
            _refuse("remix", self.remix, "remix must divide the iterations of its stage")
        if self.batch_size % self.accumulate:
            _refuse("accumulate", self.accumulate, "accumulate must divide batch_size")
        if not self.sizes or any(len(s) != 2 or min(s) < MIN_SIDE_PX for s in self.sizes):
            _refuse("sizes", self.sizes, "sizes are pairs [height, width] of at least 32 pixels")
        if not self.difficulties:
            _refuse("difficulties", self.difficulties, "Name at least one difficulty")


@dataclass(frozen=True, slots=True)
class OptimizerConfig:
    """AdamW and its schedule.

    Attributes:
        lr: Learning rate of the transformer and the heads.
        backbone_lr: Learning rate of the backbone; 0 freezes it.
        weight_decay: On every parameter.
        clip_norm: Largest norm of the gradient of the whole model; 0 for no limit.
        warmup_iterations: Steps of linear warm-up from 0.
        schedule: ``step``, ``cosine`` or ``constant``.
        decay_steps: Iterations at which ``step`` multiplies by ``decay_factor``.
        decay_epochs: The same in passes over the data, for runs of one stage.
        decay_factor: Of ``step``.
        cosine_start: Share of all iterations after which ``cosine`` begins to fall.
        final_factor: Where ``cosine`` ends, as a share of the learning rate.
        ema_decay: Of the moving average of the weights; 0 keeps none.

    Source: paper section 4.1 and the published code (AdamW, 1e-4 and 1e-5, weight decay 1e-4,
        full-model clipping at 0.01); the moving average and the cosine are additions.
    """

    lr: float = 1e-4
    backbone_lr: float = 1e-5
    weight_decay: float = 1e-4
    clip_norm: float = 0.01
    warmup_iterations: int = 0
    schedule: Literal["step", "cosine", "constant"] = "step"
    decay_steps: tuple[int, ...] = ()
    decay_epochs: tuple[float, ...] = ()
    decay_factor: float = 0.1
    cosine_start: float = 0.0
    final_factor: float = 0.01
    ema_decay: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_range("lr", self.lr, is_above=True)
        for name in ("backbone_lr", "weight_decay", "clip_norm", "warmup_iterations"):
            check_range(name, getattr(self, name))
        for name in ("decay_factor", "final_factor"):
            check_range(name, getattr(self, name))
        for name in ("decay_steps", "decay_epochs"):
            for place in getattr(self, name):
                check_range(name, place)
        if not 0 <= self.ema_decay < 1:
            _refuse("ema_decay", self.ema_decay, "ema_decay must be at least 0 and below 1")
        if not 0 <= self.cosine_start < 1:
            _refuse("cosine_start", self.cosine_start, "cosine_start is a share below 1")


@dataclass(frozen=True, slots=True)
class DataConfig:
    """What a run trains on.

    Attributes:
        kind: ``synthetic``, ``coco`` or ``ytvis``.
        annotations: JSON file of ``coco`` and ``ytvis``.
        root: Folder under which its images or videos lie.
        synthetic: Further fields of the generator's ``ClipSpec``.
        interval: Largest distance in frames from the reference frame of a clip, of ``ytvis``.
        augmentation: Names of optional augmentations besides flip and resize, of ``coco`` and
            ``ytvis``.
        num_workers: Worker processes that prepare clips.
        prefetch: Batches that each worker prepares ahead.
    """

    kind: Literal["synthetic", "coco", "ytvis"] = "synthetic"
    annotations: Path | None = None
    root: Path | None = None
    synthetic: dict[str, Any] = field(default_factory=dict)
    interval: int = _INTERVAL
    augmentation: tuple[str, ...] = ()
    num_workers: int = 1
    prefetch: int = 2

    def __post_init__(self) -> None:
        """Check that files are named where they are needed."""
        if self.kind != "synthetic" and (self.annotations is None or self.root is None):
            _refuse("data", self.kind, f"{self.kind} needs 'annotations' and 'root'")
        if self.num_workers < 0:
            _refuse("num_workers", self.num_workers, "num_workers must not be negative")
        if self.prefetch < 1:
            _refuse("prefetch", self.prefetch, "prefetch starts at 1")
        check_range("interval", self.interval)
        self._refuse_unheard()

    def _refuse_unheard(self) -> None:
        """What another kind of data has must not be left aside in silence."""
        used = {
            "annotations": ("coco", "ytvis"),
            "root": ("coco", "ytvis"),
            "synthetic": ("synthetic",),
            "interval": ("ytvis",),
            "augmentation": ("coco", "ytvis"),
        }
        usual = {"interval": _INTERVAL}
        for name, kinds in used.items():
            value = getattr(self, name)
            if self.kind not in kinds and value and value != usual.get(name):
                _refuse_kind(name, value, kinds, self.kind)


@dataclass(frozen=True, slots=True)
class MatchingConfig:
    """The assignment and the scale at which masks are compared.

    Attributes:
        dice_weight: lambda0 of eq. 6.
        cost: Masks, or boxes as in the paper's ablation.
        stride: Input pixels per compared pixel, 1 to 32.
    """

    dice_weight: float = 3.0
    cost: AssignmentCost = AssignmentCost.MASK
    stride: int = 4

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_range("dice_weight", self.dice_weight)
        check_range("stride", self.stride, 1, MIN_SIDE_PX)


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """A whole run.

    Attributes:
        output: Folder of checkpoints and the log; it is created.
        stages: In order.
        model: Fields of ``IFCConfig``, and ``preset`` for the architecture they change.
        data: What is trained on.
        optimizer: AdamW and its schedule.
        loss: Weights of the terms.
        matching: The assignment.
        categories: Names of the classes; empty takes those of the data.
        seed: Of the weights, the samples and dropout.
        init: Weights to start from (a model file or a folder of exported shards), or none.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``fp32``, ``bf16`` or ``fp16``.
        channels_last: Keep images channels-last in memory.
        guided_queries: Queries a clip that are told, in training only, where their object is; 0
            for none. They speed up training from scratch.
        matching_weight: Of the loss that teaches the backbone's early maps to know places again
            (:mod:`ifc_core.training.place_matching`), which propagating corrections uses; 0 for
            none. Clips of one frame have none.
        frozen_stages: Backbone stages that are not trained; 1 is the stem, 2 adds res2, ...
        log_every: Iterations between log lines.
        checkpoint_seconds: Time between checkpoints for resuming.
        export_seconds: Time between exports of the averaged weights; infinite for none at all.
    """

    output: Path
    stages: tuple[StageConfig, ...]
    model: dict[str, Any] = field(default_factory=dict)
    data: DataConfig = field(default_factory=DataConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    loss: LossWeights = field(default_factory=LossWeights)
    matching: MatchingConfig = field(default_factory=MatchingConfig)
    categories: tuple[str, ...] = ()
    seed: int = 0
    init: Path | None = None
    device: str = "auto"
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    channels_last: bool = True
    guided_queries: int = 0
    matching_weight: float = 0.0
    frozen_stages: int = 0
    log_every: int = 10
    checkpoint_seconds: float = 300.0
    export_seconds: float = 900.0

    def __post_init__(self) -> None:
        """Check that there is something to do, and the ranges."""
        if not self.stages:
            _refuse("stages", (), "A run needs at least one [[stages]] table")
        if not self.guided_queries and any(stage.anchor_queries for stage in self.stages):
            _refuse("anchor_queries", True, "anchor_queries needs guided_queries above 0")
        refuse_init_in_output(self.init, self.output)
        for stage in self.stages:
            if self.data.kind != "synthetic" and stage.difficulties != _DIFFICULTIES:
                _refuse_kind("difficulties", stage.difficulties, ("synthetic",), self.data.kind)
        if self.matching_weight < 0 or (self.matching_weight and not self.guided_queries):
            _refuse(
                "matching_weight",
                self.matching_weight,
                "matching_weight must not be negative and needs guided_queries above 0",
            )
        check_seed(self.seed)
        check_class_names(self.categories)
        self._check_numbers()

    def _check_numbers(self) -> None:
        check_range("guided_queries", self.guided_queries)
        check_range("matching_weight", self.matching_weight)
        check_range("frozen_stages", self.frozen_stages, 0, 5)
        check_range("log_every", self.log_every, 1)
        for name in ("checkpoint_seconds", "export_seconds"):
            check_range(name, getattr(self, name), 0, math.inf)
        for part in dataclasses.fields(self.loss):
            check_range(part.name, getattr(self.loss, part.name))

    @property
    def iterations(self) -> int:
        """Optimizer steps of all stages."""
        return sum(stage.iterations for stage in self.stages)

    @property
    def size_multiple(self) -> int:
        """Of which all sides of its frames are multiples, in pixels; 1 where videos are resized.

        The largest that counts is the step of the coarsest grid of features.
        """
        if self.data.kind != "synthetic":
            return 1
        sides = (side for stage in self.stages for size in stage.sizes for side in size)
        return math.gcd(COARSEST_STRIDE, *sides)


def refuse_init_in_output(init: Path | None, output: Path) -> None:
    """A run's own weights are written to its folder: what it starts from must lie elsewhere.

    Args:
        init: Weights to start from.
        output: Folder of the run.

    Raises:
        ConfigError: The run would write over what it starts from.
    """
    if init is not None and init.resolve().is_relative_to(output.resolve()):
        raise ConfigError(
            f"The weights to start from, {init}, lie in the output folder, where the run writes "
            "its own; choose another output folder.",
            name="init",
            value=init,
        )


def read_train_config(path: Path | str, **replacements: Any) -> TrainConfig:
    """Read a run's settings.

    Relative paths in a file count from its folder, those of a preset from the present one.

    Args:
        path: TOML file, or the name of a bundled preset such as ``ytvis2019_r50_code``.
        replacements: Top-level fields that override the file.

    Returns:
        The settings.

    Raises:
        ConfigError: The file cannot be read, or a setting is unknown or out of range.
    """
    table, base = read_config_table(path)
    table.update({k: v for k, v in replacements.items() if v is not None})
    return build_config(TrainConfig, table, base=base)


def read_config_table(path: Path | str) -> tuple[dict[str, Any], Path]:
    """The plain table of a run's settings, whatever the run trains.

    Args:
        path: TOML file, or the name of a bundled preset.

    Returns:
        The table, and the folder that its relative paths count from.

    Raises:
        ConfigError: The file cannot be read.
    """
    file = _find_config(path)
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Cannot read {file}: {error}.", name="config", value=file) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file} is no TOML: {error}.", name="config", value=file) from error
    return table, Path.cwd() if file.parent == _preset_folder() else file.parent


def preset_names() -> tuple[str, ...]:
    """Names of the bundled presets."""
    return tuple(sorted(file.stem for file in _preset_folder().glob("*.toml")))


def preset_summary(name: str) -> str:
    """The first line of a bundled preset, which says what it is for."""
    with (_preset_folder() / f"{name}.toml").open(encoding="utf-8") as file:
        return file.readline().removeprefix("#").strip()


def _preset_folder() -> Path:
    return Path(__file__).parent / "presets"


def _find_config(path: Path | str) -> Path:
    file = Path(path)
    if file.is_file():
        return file
    preset = _preset_folder() / f"{path}.toml"
    if preset.parent == _preset_folder() and preset.is_file():
        return preset
    raise ConfigError(
        f"There is no file and no preset {path}; presets are {', '.join(preset_names())}.",
        name="config",
        value=str(path),
    )


def build_config(kind: type[T], table: dict[str, Any], *, base: Path | None = None) -> T:
    """Build a settings dataclass from plain tables, checking names and types.

    Args:
        kind: The dataclass.
        table: Field names to values; nested tables for nested dataclasses.
        base: Folder that relative paths count from.

    Returns:
        The dataclass.

    Raises:
        ConfigError: A name is unknown, or a value has the wrong type or range.
    """
    if not isinstance(table, dict):
        _refuse("config", table, f"The settings of {kind.__name__} must be a table")
    hints = typing.get_type_hints(kind)
    known = {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for name in table:
        if name not in known:
            names = ", ".join(sorted(known))
            _refuse(name, table[name], f"{name} is no setting here; known are {names}")
    missing = [
        field.name
        for field in dataclasses.fields(kind)  # type: ignore[arg-type]
        if field.name not in table
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        names = ", ".join(missing)
        raise ConfigError(f"Settings are missing: {names}.", name=missing[0], value=None)
    values = {name: _convert(hints[name], value, name, base) for name, value in table.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(f"Settings do not fit: {error}.", name="config", value=table) from error


def _convert(hint: Any, value: Any, name: str, base: Path | None) -> Any:
    """Turn a TOML value into what the field is declared as."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        inner = [arg for arg in typing.get_args(hint) if arg is not type(None)]
        return None if value is None else _convert(inner[0], value, name, base)
    if origin is tuple:
        return _convert_tuple(hint, value, name, base)
    if origin is Literal:
        if value not in typing.get_args(hint):
            _refuse(name, value, f"{name} must be one of {', '.join(typing.get_args(hint))}")
        return value
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        if isinstance(value, hint):
            return value
        return build_config(hint, value, base=base)
    return _convert_plain(hint, value, name, base)


def _convert_tuple(hint: Any, value: Any, name: str, base: Path | None) -> tuple[Any, ...]:
    args = typing.get_args(hint)
    if not isinstance(value, list | tuple):
        _refuse(name, value, f"{name} must be a list")
    kinds = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
    if len(kinds) != len(value):
        _refuse(name, value, f"{name} needs {len(kinds)} values")
    return tuple(_convert(kind, item, name, base) for kind, item in zip(kinds, value, strict=True))


def _convert_plain(hint: Any, value: Any, name: str, base: Path | None) -> Any:
    if hint is Path:
        if not isinstance(value, str | Path):
            _refuse(name, value, f"{name} must be a path")
        path = from_home(value)
        return path if path.is_absolute() or base is None else base / path
    if isinstance(hint, type) and issubclass(hint, AssignmentCost):
        if value not in list(AssignmentCost):
            _refuse(name, value, f"{name} must be one of {', '.join(AssignmentCost)}")
        return AssignmentCost(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        check_range(name, value, -MOST)
        return float(value)
    expected = dict if typing.get_origin(hint) is dict else hint
    if hint is not Any and (
        not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool)
    ):
        _refuse(name, value, f"{name} must be of type {expected.__name__}")
    return value


def _refuse(name: str, value: object, sentence: str) -> typing.NoReturn:
    raise ConfigError(f"{sentence} (got {value!r}).", name=name, value=value)


def _refuse_kind(name: str, value: object, kinds: tuple[str, ...], kind: str) -> typing.NoReturn:
    raise ConfigError(
        f"{name} is for data of the kind {' or '.join(kinds)}, and these are {kind}; leave it out "
        "or change the kind.",
        name=name,
        value=value,
    )
