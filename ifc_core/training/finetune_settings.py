"""What a person chooses for a fine-tuning, and what it reports."""

from __future__ import annotations

import math
import tomllib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ifc_core.errors import ConfigError
from ifc_core.models.registry import is_reserved
from ifc_core.training.config import build_config
from ifc_core.training.ranges import check_range, check_seed
from ifc_core.training.result_fields import Verdict

PRESETS = ("quick", "balanced", "thorough")
MAX_NAME_BYTES = 100
"""Longest name of a model version; numbers and suffixes are put behind it in names of files."""

MOST_LARGER = math.sqrt(2)
"""How many times a preset's short side its frames may become for a parent that proposes at more:
an iteration of a preset takes twice its time at most."""

MIN_HELD_OUT_MASKS = 8
"""With fewer held-out masks than this nobody can say which model is better."""


@dataclass(frozen=True, slots=True)
class FinetunePreset:
    """How long and how thoroughly to train.

    Attributes:
        minutes: Time for the training itself; fewer iterations are done where the machine is
            slow.
        max_iterations: Never more than this.
        short_side: Short side in pixels of the frames; more for a parent that proposes at more,
            see :meth:`FinetuneSettings.load_preset`.
        num_frames: Clip lengths T; each iteration draws one.
        batch_size: Clips an iteration.
        frozen_stages: Backbone stages that stay as they are.
        lr: Learning rate of the transformer and the heads.
        backbone_lr: Learning rate of the rest of the backbone.
        rehearsal_share: Share of generated clips, so that the old task is not forgotten.
    """

    minutes: float
    max_iterations: int
    short_side: int
    num_frames: tuple[int, ...]
    batch_size: int
    frozen_stages: int
    lr: float
    backbone_lr: float
    rehearsal_share: float


@dataclass(frozen=True, slots=True)
class FinetuneSettings:
    """One fine-tuning.

    Attributes:
        run_id: Name of the folder under the project's ``runs/`` that holds the snapshot.
        preset: ``quick``, ``balanced`` or ``thorough``.
        model: Name or file of the model to start from; empty takes the project's own choice.
        base: What the project was proposed with when the run began, where Propose showed ``model``
            and no version was in use: a better version is used while that is still so.
        name: Of the new model version; empty makes one up.
        object_class: Whether the class "object" of the parent stays (``keep``) or goes
            (``drop``) when the project has classes of its own.
        held_out_share: Share of the labelled frames that training never sees.
        minutes: Overrides the preset.
        iterations: Exactly this many, instead of what fits into the time.
        short_side: Overrides the preset and what the parent proposes at, in pixels.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        seed: Of the choices.

    Raises:
        ConfigError: A value is out of range.
    """

    run_id: str
    preset: str = "quick"
    model: str = ""
    base: str | None = None
    name: str = ""
    object_class: Literal["keep", "drop"] = "keep"
    held_out_share: float = 0.2
    minutes: float | None = None
    iterations: int | None = None
    short_side: int | None = None
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every value."""
        if self.preset not in PRESETS:
            _refuse("preset", self.preset, f"be one of {', '.join(PRESETS)}")
        if not self.run_id or Path(self.run_id).name != self.run_id or self.run_id == "..":
            _refuse("run_id", self.run_id, "be the name of a folder")
        if self.name and (Path(self.name).name != self.name or self.name.startswith(".")):
            _refuse("name", self.name, "be a plain file name")
        if not self.name.isprintable() or len(self.name.encode()) > MAX_NAME_BYTES:
            _refuse("name", self.name, f"be printable and have at most {MAX_NAME_BYTES} bytes")
        if self.name and is_reserved(self.name):
            _refuse("name", self.name, "be another one than that of a model of the program")
        if not 0 <= self.held_out_share <= 0.5:
            _refuse("held_out_share", self.held_out_share, "be between 0 and one half")
        if self.iterations is not None and self.iterations < 1:
            _refuse("iterations", self.iterations, "be at least 1")
        if self.minutes is not None:
            check_range("minutes", self.minutes, is_above=True)
        check_seed(self.seed)
        if self.short_side is not None and not 64 <= self.short_side <= 1080:
            _refuse("short_side", self.short_side, "be from 64 to 1080 pixels")

    def load_preset(self, parent_side: int = 0) -> FinetunePreset:
        """The preset with the fields that are overridden here.

        A version proposes at the size that it was trained at. Where that is less than its
        parent's, it loses the small objects that the parent finds, so a preset follows the parent
        up to :data:`MOST_LARGER` times its own size, unless a size was chosen.

        Args:
            parent_side: Short side in pixels at which the parent proposes; 0 leaves it aside.
        """
        file = Path(__file__).parent / "presets" / "finetune" / f"{self.preset}.toml"
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        for name in ("minutes", "short_side"):
            if getattr(self, name) is not None:
                table[name] = getattr(self, name)
        if self.short_side is None:
            own = table["short_side"]
            table["short_side"] = max(own, min(parent_side, int(own * MOST_LARGER)))
        return build_config(FinetunePreset, table)

    def to_json(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> FinetuneSettings:
        """The settings that :meth:`to_json` gave.

        Raises:
            ConfigError: A name is unknown, or a value has the wrong type or range.
        """
        return build_config(cls, values)


def _refuse(name: str, value: object, what: str) -> None:
    raise ConfigError(f"{name} must {what} (got {value!r:.120}).", name=name, value=value)


@dataclass(frozen=True, slots=True)
class HeldOutScore:
    """How a model does on labelled frames that it was not trained on.

    Attributes:
        num_masks: Masks that were compared.
        mean_j: Mean region similarity J (IoU) over them, classes left aside; NaN without masks.
        ap: YouTube-VIS AP over the frames, by class; -1 without masks.
        per_class: Class name to mean J.
        left_out: (mean J, AP) with one stretch of the frames left out each, where it was asked
            for: how much the figures hang on which frames there are.
    """

    num_masks: int
    mean_j: float
    ap: float
    per_class: dict[str, float] = field(default_factory=dict)
    left_out: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class FinetuneStarted:
    """The plan, once it is settled.

    Attributes:
        iterations: To be done.
        first_iteration: Where a resumed run goes on.
        device: That is used.
        classes: Of the new model, in order.
        num_training_frames: Labelled frames to learn from.
        num_held_out_frames: Labelled frames kept aside.
        notice: A sentence for the person, or empty.
        fallback: (clips at a time, short side in pixels) where memory allowed no more, or
            ``None``; the notice says it.
        num_seen: Held-out frames that the parent, or a model before it, was trained on.
        unseen: (masks to learn from of which whole frames show nothing, short side of these in
            pixels, longer side of the smallest in pixels of its frame), or ``None``.
    """

    iterations: int
    first_iteration: int
    device: str
    classes: tuple[str, ...]
    num_training_frames: int
    num_held_out_frames: int
    notice: str = ""
    fallback: tuple[int, int] | None = None
    num_seen: int = 0
    unseen: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class FinetuneStep:
    """One iteration, for the live curve.

    Attributes:
        iteration: From 0.
        iterations: In all.
        loss: Weighted sum.
        terms: Unweighted terms of the last decoder layer.
        eta_seconds: Time left, ``None`` before it can be told.
        skipped: Iterations so far that changed nothing, since their gradients were not finite.
    """

    iteration: int
    iterations: int
    loss: float
    terms: dict[str, float]
    eta_seconds: float | None
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class FinetuneValidation:
    """A look at the held-out frames.

    Attributes:
        iteration: Iterations done.
        score: On the held-out frames.
    """

    iteration: int
    score: HeldOutScore


@dataclass(frozen=True, slots=True)
class FinetuneResult:
    """The end of a fine-tuning.

    Attributes:
        name: Of the new model version.
        path: Its file under the project's ``models/``.
        sha256: Of its weights.
        parent: Name of the model that it started from.
        verdict: Whether it is better on the held-out masks.
        promote: Whether Propose should use it from now on without being told.
        before: The parent on the held-out frames.
        after: The new model on them.
        rehearsal_before: Mean J of the parent on generated clips, ``None`` without rehearsal.
        rehearsal_after: Mean J of the new model on them.
        iterations: Done.
        seconds: The whole job took.
        comparisons: Pictures of held-out frames: label, before, after.
        provenance: What is kept with the model.
        trained_share: Share of the trained weights in the new model, 0 to 1; the rest is the
            parent's, so that less of the old task is lost.
        skipped: Iterations that changed nothing, since their gradients were not finite.
        num_damaged: Pictures that training met and that cannot be decoded.
        fallback: (clips at a time, short side in pixels) where memory allowed no more.
        num_seen: Held-out frames that the parent, or a model before it, was trained on.
        unseen: (masks to learn from of which whole frames show nothing, short side of these in
            pixels, longer side of the smallest in pixels of its frame), or ``None``.
    """

    name: str
    path: Path
    sha256: str
    parent: str
    verdict: Verdict
    promote: bool
    before: HeldOutScore
    after: HeldOutScore
    rehearsal_before: float | None
    rehearsal_after: float | None
    iterations: int
    seconds: float
    comparisons: tuple[Path, ...]
    provenance: dict[str, Any]
    trained_share: float = 1.0
    skipped: int = 0
    num_damaged: int = 0
    fallback: tuple[int, int] | None = None
    num_seen: int = 0
    unseen: tuple[int, int, int] | None = None

    @property
    def metrics(self) -> dict[str, Any]:
        """Figures before and after, JSON values, as a project stores them with a model."""
        return {
            "before": _plain(asdict(self.before)),
            "after": _plain(asdict(self.after)),
            "rehearsal_before": _plain(self.rehearsal_before),
            "rehearsal_after": _plain(self.rehearsal_after),
            "verdict": self.verdict,
        }


FinetuneEvent = FinetuneStarted | FinetuneStep | FinetuneValidation | FinetuneResult
"""What :func:`ifc_core.training.finetune.finetune` yields; the result comes last."""


def event_to_json(event: FinetuneEvent) -> dict[str, Any]:
    """An event as JSON values, with its class name under ``event``."""
    plain = _plain(asdict(event))
    if isinstance(event, FinetuneResult):
        plain["metrics"] = event.metrics
    return {"event": type(event).__name__, **plain}


def _plain(value: Any) -> Any:
    """JSON values: a number that is none or infinite becomes ``None``, what is no value its text.

    The values are changed, never their JSON text: a name may hold the letters of "NaN".
    """
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value if isinstance(value, str | int | None) else str(value)
