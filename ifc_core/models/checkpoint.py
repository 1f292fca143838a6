"""Our checkpoint files: safetensors with JSON metadata, read as if a stranger had made them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ifc_core.errors import CheckpointError, ConfigError
from ifc_core.io.atomic import atomic_output
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.models.names import METADATA_KEY
from ifc_core.models.preferences import ModelPreferences
from ifc_core.models.safetensors_file import (
    MAX_HEADER_BYTES,
    check_header,
    check_values,
    save_tensors,
)
from ifc_core.models.unfilled import unfilled
from ifc_core.structures import Category

FORMAT_VERSION = 1
_MOST_LETTERS = 200  # of a name in the description
_FLOAT_TYPES = ("F16", "BF16", "F32", "F64")

StoredPrecision = Literal["fp32", "fp16"]


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """What a checkpoint says about its weights.

    Attributes:
        model_config: The architecture, with colour order and normalisation.
        categories: The K classes.
        preferences: How the model is best used.
        provenance: Where it comes from (parent, data, commit, metrics), JSON values.
        sha256: Hash of all tensors, hexadecimal.
    """

    model_config: IFCConfig
    categories: tuple[Category, ...]
    preferences: ModelPreferences = field(default_factory=ModelPreferences)
    provenance: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""

    def __post_init__(self) -> None:
        """Check that the parts agree, so that what is written can be read.

        Raises:
            ConfigError: Classes and architecture disagree, or a class has too long a name.
        """
        check_class_names(c.name for c in self.categories)
        expected = self.model_config.num_classes
        ids = {c.id for c in self.categories}
        if len(self.categories) != expected or len(ids) != expected:
            raise ConfigError(
                f"The model has {expected} classes, but {len(ids)} different categories are named.",
                name="categories",
                value=len(self.categories),
            )


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model at rest.

    Attributes:
        info: Architecture, classes and provenance.
        state_dict: Tensors by name, in the precision they are stored in.
    """

    info: CheckpointInfo
    state_dict: dict[str, Tensor]

    @property
    def model_config(self) -> IFCConfig:
        """The architecture."""
        return self.info.model_config

    @property
    def categories(self) -> tuple[Category, ...]:
        """The K classes."""
        return self.info.categories

    def build(self) -> IFC:
        """The network in float32 on the CPU, in eval mode."""
        with unfilled():
            model = IFC(self.model_config, self.categories)
        own = {k: tensor.to(torch.float32, copy=True) for k, tensor in self.state_dict.items()}
        model.load_state_dict(own, assign=True)
        model.preferences = self.info.preferences
        model.provenance = self.info.provenance
        model.sha256 = self.info.sha256
        return model.eval()


def check_class_names(names: Iterable[str]) -> None:
    """Make sure, before a model learns classes, that its file can name them.

    Raises:
        ConfigError: A name is too long.
    """
    for name in names:
        if len(name) > _MOST_LETTERS:
            raise ConfigError(
                f"The class {_printable(name[:40])}... has a name of {len(name)} letters; rename"
                f" it, since a model keeps at most {_MOST_LETTERS}.",
                name="categories",
                value=name,
            )


def expected_shapes(config: IFCConfig) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of an architecture."""
    with unfilled():
        model = IFC(config)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def write_checkpoint(
    path: Path | str,
    info: CheckpointInfo,
    state_dict: Mapping[str, Tensor],
    precision: StoredPrecision = "fp32",
) -> CheckpointInfo:
    """Write a checkpoint, whole or not at all.

    Args:
        path: Target, ``.safetensors`` by habit.
        info: What to say about the weights; its ``sha256`` is computed here.
        state_dict: All tensors of ``info.model_config``, from any device.
        precision: ``fp16`` halves matrices and filters; vectors (norms, biases) stay float32.

    Returns:
        The info with its hash.

    Raises:
        CheckpointError: The tensors do not fit the architecture, or are not finite.
        OutputError: The target cannot be written.
    """
    path = Path(path)
    tensors = {name: _stored(t, precision) for name, t in state_dict.items()}
    shapes = {name: tuple(t.shape) for name, t in tensors.items()}
    compare_shapes(path, expected_shapes(info.model_config), shapes)
    check_values(path, tensors)
    digest = _hash(tensors)
    metadata = {"format": "pt", METADATA_KEY: json.dumps(_info_to_json(info, digest))}
    if len(metadata[METADATA_KEY]) > MAX_HEADER_BYTES // 4:
        raise CheckpointError(f"The provenance of {path} is too long to store.", path=path)
    with atomic_output(path) as temporary:
        save_tensors(tensors, temporary, metadata)
    return _with_hash(info, digest)


def save_model(
    model: IFC,
    path: Path | str,
    *,
    categories: Sequence[Category] | None = None,
    provenance: Mapping[str, Any] | None = None,
    precision: StoredPrecision = "fp32",
) -> CheckpointInfo:
    """Write a network; what is not given is taken from the model.

    Raises:
        CheckpointError: As :func:`write_checkpoint`.
        ConfigError: As many categories as classes are needed.
        OutputError: The target cannot be written.
    """
    info = CheckpointInfo(
        model.config,
        tuple(model.categories if categories is None else categories),
        model.preferences,
        dict(model.provenance if provenance is None else provenance),
    )
    return write_checkpoint(path, info, model.state_dict(), precision)


def read_checkpoint_info(path: Path | str) -> CheckpointInfo:
    """What a checkpoint says about itself; its tensors' shapes are checked, not their values.

    Raises:
        CheckpointError: The file is missing, damaged, not ours, or of another architecture.
    """
    path = Path(path)
    check_header(path)
    try:
        with safe_open(path, framework="pt") as file:
            return _checked_info(path, file)
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error


def read_checkpoint(path: Path | str) -> Checkpoint:
    """Read a checkpoint. Nothing in the file is trusted, and nothing in it is run.

    Raises:
        CheckpointError: The file is missing, damaged, not ours, or of another architecture; the
            error names the tensors that are missing, extra, of the wrong shape or not finite.
    """
    path = Path(path)
    check_header(path)
    try:
        with safe_open(path, framework="pt") as file:
            info = _checked_info(path, file)
            # Copies, so that no memory map keeps the file open after this.
            tensors = {name: file.get_tensor(name).clone() for name in sorted(file.keys())}
    except (SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    check_values(path, tensors)
    if _hash(tensors) != info.sha256:
        raise CheckpointError(
            f"The weights in {path} are not the ones it was saved with; get the file again.",
            path=path,
        )
    return Checkpoint(info, tensors)


def compare_shapes(
    path: Path | str,
    expected: Mapping[str, tuple[int, ...]],
    actual: Mapping[str, tuple[int, ...]],
) -> None:
    """Compare a file's tensors with what an architecture needs.

    Args:
        path: The file, for the error.
        expected: Name -> shape that the architecture needs.
        actual: Name -> shape of the tensors at hand.

    Raises:
        CheckpointError: With all tensors that are missing, extra or of another shape.
    """
    missing = tuple(sorted(expected.keys() - actual.keys()))
    unexpected = tuple(sorted(actual.keys() - expected.keys()))
    mismatched = {
        name: (expected[name], actual[name])
        for name in sorted(expected.keys() & actual.keys())
        if expected[name] != actual[name]
    }
    if missing or unexpected or mismatched:
        raise CheckpointError(
            f"The weights in {Path(path).name} do not fit the model: "
            + _describe_misfit(missing, unexpected, mismatched),
            path=path,
            missing=missing,
            unexpected=unexpected,
            mismatched=mismatched,
        )


def _describe_misfit(
    missing: Sequence[str],
    unexpected: Sequence[str],
    mismatched: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]],
) -> str:
    """The tensors that do not fit, in one line: the first three of each kind, and how many."""
    shapes = [f"{n} is {list(a)} instead of {list(e)}" for n, (e, a) in mismatched.items()]
    groups = (("missing", missing), ("extra", unexpected), ("of the wrong shape", shapes))
    return (
        "; ".join(
            f"{len(names)} {kind} ({', '.join(_printable(n) for n in names[:3])}"
            + (", ...)" if len(names) > 3 else ")")
            for kind, names in groups
            if names
        )
        + "."
    )


def _printable(name: str) -> str:
    short = name if len(name) <= 120 else name[:117] + "..."
    return "".join(c if c.isprintable() else "?" for c in short)


def _checked_info(path: Path, file: Any) -> CheckpointInfo:
    text = (file.metadata() or {}).get(METADATA_KEY)
    if text is None:
        raise CheckpointError(
            f"{path} is not an IFC Studio model; of published ones the .pth files are read, by"
            " `ifc-studio models import`.",
            path=path,
        )
    info = _info_from_json(path, text)
    slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    shapes = {name: tuple(part.get_shape()) for name, part in slices.items()}
    compare_shapes(path, expected_shapes(info.model_config), shapes)
    for name, part in slices.items():
        if part.get_dtype() not in _FLOAT_TYPES:
            raise CheckpointError(
                f"The tensor {name} in {path} is of type {part.get_dtype()}, not floating point.",
                path=path,
            )
    return info


def _stored(tensor: Tensor, precision: StoredPrecision) -> Tensor:
    halve = precision == "fp16" and tensor.dim() > 1
    target = torch.float16 if halve else torch.float32
    return tensor.detach().to("cpu", target).contiguous().clone()


def _hash(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _info_to_json(info: CheckpointInfo, digest: str) -> dict[str, Any]:
    return {
        "version": FORMAT_VERSION,
        "model_config": info.model_config.to_dict(),
        "categories": [
            {
                "id": c.id,
                "name": c.name,
                "supercategory": c.supercategory,
                "color_rgb": list(c.color_rgb),
                "hotkey": c.hotkey,
            }
            for c in info.categories
        ],
        **info.preferences.to_fields(),
        "provenance": info.provenance,
        "sha256": digest,
    }


def _info_from_json(path: Path, text: str) -> CheckpointInfo:
    try:
        fields = json.loads(text)
        if fields["version"] != FORMAT_VERSION:
            raise CheckpointError(
                f"{path} was written by a newer version of IFC Studio; update to open it.",
                path=path,
            )
        provenance, digest = fields.get("provenance", {}), fields["sha256"]
        if not isinstance(provenance, dict) or not isinstance(digest, str):
            raise TypeError("provenance or hash of the wrong kind")
        return CheckpointInfo(
            IFCConfig.from_dict(fields["model_config"]),
            tuple(_category(c) for c in fields["categories"]),
            ModelPreferences.from_fields(fields),
            provenance,
            digest,
        )
    except (ConfigError, LookupError, TypeError, ValueError, RecursionError, AttributeError) as e:
        detail = _printable(str(e)) if isinstance(e, ConfigError) else "it is incomplete."
        raise CheckpointError(
            f"The description inside {path} cannot be used: {detail}", path=path
        ) from e


def _category(fields: dict[str, Any]) -> Category:
    name, color = fields["name"], fields.get("color_rgb", [0, 158, 115])
    texts = (name, fields.get("supercategory", ""), fields.get("hotkey", ""))
    if not all(isinstance(t, str) for t in texts) or max(map(len, texts[1:])) > _MOST_LETTERS:
        raise TypeError("category names must be short text")
    numbers = [fields["id"], *color]
    if len(numbers) != 4 or any(type(n) is not int for n in numbers):
        raise TypeError("category ids and colours must be whole numbers")
    return Category(numbers[0], name, texts[1], (numbers[1], numbers[2], numbers[3]), texts[2])


def _with_hash(info: CheckpointInfo, digest: str) -> CheckpointInfo:
    return replace(info, sha256=digest)


def _damaged(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{path} is damaged and cannot be read as a model ({_printable(str(error))}).", path=path
    )
