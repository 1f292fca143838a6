"""Published checkpoints (``.pth``) into ours. Nothing in such a file is ever executed."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ifc_core.errors import CheckpointError, ConfigError, OutputError
from ifc_core.io.atomic import atomic_output, ready_folder
from ifc_core.io.problems import why_no_file
from ifc_core.models.checkpoint import (
    Checkpoint,
    CheckpointInfo,
    compare_shapes,
    expected_shapes,
    read_checkpoint,
    read_checkpoint_info,
    write_checkpoint,
)
from ifc_core.models.class_names import TABLES, class_table, named_categories, published_table
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.models.names import SUFFIX
from ifc_core.models.published_names import ours_to_published, published_to_ours
from ifc_core.models.registry import is_reserved, user_models_dir
from ifc_core.models.safetensors_file import check_values, is_safetensors
from ifc_core.structures import Category

MAX_UNPACKED_BYTES = 8 << 30
_IGNORED = re.compile(r"criterion\..*|(detr\.)?pixel_(mean|std)|.*\.num_batches_tracked|fc\..*")
_R101_INPUT: dict[str, Any] = {
    "stride_in_1x1": True,
    "color_order": "bgr",
    "pixel_mean": (103.53, 116.28, 123.675),
    "pixel_std": (1.0, 1.0, 1.0),
}


def import_model(
    path: Path | str,
    output: Path | str | None = None,
    categories: str | Path | Sequence[Category] | None = None,
) -> tuple[Path, CheckpointInfo]:
    """Convert a published checkpoint (or plain ResNet weights) and save it.

    A model of ours, such as one that somebody else fine-tuned, is checked and copied as it is.

    Args:
        path: ``.pth`` file: IFC's in the authors' layout, or torchvision's ResNet; or a file of
            ours (``.safetensors``).
        output: Target; by default ``NAME.safetensors`` in the user's models folder, or
            ``NAME-2.safetensors`` and so on where another model has that name. What was imported
            before, with the same class names, stays as it is.
        categories: As :func:`convert_checkpoint`; a model of ours names its classes itself.

    Returns:
        The file of the model and what it says about itself.

    Raises:
        CheckpointError: The file cannot be used; it names the tensors.
        ConfigError: The class names are needed and not given, or do not fit.
        OutputError: The target cannot be written, or has the name of a model of the program.
    """
    source, folder = Path(path), user_models_dir()
    if reason := why_no_file(source):
        raise CheckpointError(reason, path=source)
    target = None if output is None else Path(output)
    if target is None:
        ready_folder(folder)
    elif target.parent.resolve() == folder.resolve() and is_reserved(target.stem):
        raise OutputError(
            f"{target.stem} is a model that comes with the program; choose another name.",
            path=target,
        )
    if is_safetensors(source):
        return _copy_model(source, target, categories)
    checkpoint = convert_checkpoint(source, categories)
    check_values(source, checkpoint.state_dict)  # the file to write is not to blame
    if target is None:
        target, stored = _place_in(folder, source.stem, checkpoint.info)
        if stored is not None:
            return target, stored
    return target, write_checkpoint(target, checkpoint.info, checkpoint.state_dict)


def _copy_model(
    source: Path, target: Path | None, categories: str | Path | Sequence[Category] | None
) -> tuple[Path, CheckpointInfo]:
    """Check a model of ours and copy it, byte by byte."""
    if categories is not None:
        raise ConfigError(
            f"{source.name} names its classes itself; leave out --categories.",
            name="categories",
            value=str(categories),
        )
    info = read_checkpoint(source).info
    if target is None:
        target, stored = _place_in(user_models_dir(), source.stem, info)
        if stored is not None:
            return target, stored
    with atomic_output(target) as temporary:
        shutil.copyfile(source, temporary)
    return target, info


def _place_in(folder: Path, name: str, info: CheckpointInfo) -> tuple[Path, CheckpointInfo | None]:
    """Where a model goes that is called ``name`` if it may; and what is there if it is this one."""
    number = 0
    while True:
        number += 1
        free = name if number == 1 else f"{name}-{number}"
        path = folder / (free + SUFFIX)
        if is_reserved(free):
            continue
        if not path.exists():
            return path, None
        try:
            stored = read_checkpoint_info(path)
        except CheckpointError:
            continue  # somebody may know what it is
        if _is_same(stored, info):
            return path, stored


def _is_same(stored: CheckpointInfo, info: CheckpointInfo) -> bool:
    """Whether what would be imported is there; what is to be converted has no hash yet."""
    if info.sha256:
        return stored == info
    same_source = stored.provenance.get("source_sha256") == info.provenance["source_sha256"]
    return same_source and stored.categories == info.categories


def convert_checkpoint(
    path: Path | str, categories: str | Path | Sequence[Category] | None = None
) -> Checkpoint:
    """Read a published checkpoint; architecture, K, M and depth are read off its tensors.

    Plain torchvision ResNet weights give a network whose backbone alone is trained: the rest
    has seeded random weights, and one class called ``object`` unless ``categories`` says more.

    Args:
        path: The ``.pth`` file.
        categories: Name of a built-in table, a file (JSON with ``categories``, or text with a
            name a line), the categories, or ``None`` where (K, M) tells the data set.

    Raises:
        CheckpointError: The file cannot be read, or tensors are missing, extra or misshapen.
        ConfigError: The class names are needed and not given, or do not fit.
    """
    source = Path(path)
    tensors = {n: t for n, t in _read_tensors(source).items() if not _IGNORED.fullmatch(n)}
    provenance: dict[str, Any] = {"source": source.name, "source_sha256": _file_hash(source)}
    if "conv1.weight" in tensors and "layer1.0.conv1.weight" in tensors:
        provenance["trained"] = "backbone only"
        return _from_backbone(source, tensors, categories, provenance)
    try:
        config = _published_config(source, tensors)
    except ConfigError as error:
        raise CheckpointError(
            f"{source} is no IFC of a known size: {error}", path=source
        ) from error
    state = _renamed(source, config, tensors)
    named = find_categories(categories, config.num_classes, config.num_memory_tokens)
    return Checkpoint(CheckpointInfo(config, named, provenance=provenance), state)


def load_backbone(model: IFC, path: Path | str) -> None:
    """Put plain torchvision ResNet weights into the backbone of ``model``.

    Raises:
        CheckpointError: The weights are of another depth, damaged, or not ResNet's.
    """
    source = Path(path)
    found = {n: t for n, t in _read_tensors(source).items() if not _IGNORED.fullmatch(n)}
    expected = {n: tuple(t.shape) for n, t in model.backbone.state_dict().items()}
    compare_shapes(source, expected, {n: tuple(t.shape) for n, t in found.items()})
    model.backbone.load_state_dict(found)


def find_categories(
    categories: str | Path | Sequence[Category] | None, num_classes: int, num_memory_tokens: int
) -> tuple[Category, ...]:
    """The K categories that were asked for, or that the sizes of a published model imply.

    Raises:
        ConfigError: They cannot be told, read, or are not K.
    """
    if categories is None:
        table = published_table(num_classes, num_memory_tokens)
        if table is None:
            raise ConfigError(
                f"The {num_classes} classes of a model with {num_memory_tokens} memory tokens have"
                f" no known names; give --categories ({', '.join(TABLES)}, or a file).",
                name="categories",
                value=None,
            )
        categories = table
    if isinstance(categories, str) and categories in TABLES:
        found = class_table(categories)
    elif isinstance(categories, str | Path):
        found = _categories_file(Path(categories))
    else:
        found = tuple(categories)
    if len(found) != num_classes:
        raise ConfigError(
            f"The model has {num_classes} classes, but --categories names {len(found)}.",
            name="categories",
            value=len(found),
        )
    return found


def _categories_file(path: Path) -> tuple[Category, ...]:
    try:
        text = path.read_text("utf-8")
        if not text.lstrip().startswith("{"):
            return named_categories([line.strip() for line in text.splitlines() if line.strip()])
        entries = json.loads(text)["categories"]
        names, ids = [str(e["name"]) for e in entries], [int(e["id"]) for e in entries]
        return named_categories(names, ids)
    except (OSError, ValueError, LookupError, TypeError, RecursionError, ConfigError) as error:
        raise ConfigError(
            f"No class names can be read from {path}; use {', '.join(TABLES)}, a JSON file with"
            " categories, or a text file with one name a line.",
            name="categories",
            value=str(path),
        ) from error


def _read_tensors(path: Path) -> dict[str, Tensor]:
    """The state dict of a ``.pth`` file, through torch's restricted unpickler."""
    _check_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a hostile pickle can raise anything
        raise CheckpointError(
            f"{path} is not a checkpoint that can be read safely: it is damaged, or holds more"
            " than tensors.",
            path=path,
        ) from error
    for key in ("model", "state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content:
        raise CheckpointError(f"{path} holds no named tensors.", path=path)
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise CheckpointError(
                f"{path} holds {str(name)[:80]!r}, which is not a tensor.", path=path
            )
        if not value.is_floating_point() and not _IGNORED.fullmatch(name):
            raise CheckpointError(
                f"The tensor {name[:80]} in {path} is of type {value.dtype}, not floating point.",
                path=path,
            )
        if value.layout != torch.strided or value.is_quantized or value.device.type != "cpu":
            raise CheckpointError(f"The tensor {name[:80]} in {path} is not dense.", path=path)
    return dict(content)


def _check_archive(path: Path) -> None:
    """Refuse a missing file and an archive that unpacks to more than any model needs."""
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        with path.open("rb") as file:
            is_archive = file.read(4) == b"PK\x03\x04"
        size = path.stat().st_size
        if is_archive:
            with zipfile.ZipFile(path) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CheckpointError(f"Cannot read the checkpoint {path}: {reason}.", path=path) from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise CheckpointError(f"{path} is damaged or was cut off.", path=path) from error
    if size > MAX_UNPACKED_BYTES:
        raise CheckpointError(f"{path} unpacks to {size:,} bytes, too many for a model.", path=path)


def _published_config(path: Path, tensors: Mapping[str, Tensor]) -> IFCConfig:
    """Read the architecture off the tensors.

    Source: the published R101 takes BGR in 0..255 minus the mean and strides in the first 1x1;
    the others take RGB with torchvision's normalisation and layout.
    """
    memory = _shape(path, tensors, "detr.transformer.memory_bus", 2)
    classes = _shape(path, tensors, "detr.class_embed.layers.1.weight", 2)
    queries = _shape(path, tensors, "detr.query_embed.weight", 2)
    inner = _shape(path, tensors, "detr.transformer.encoder.enc_layers.0.linear1.weight", 2)
    backbone = _depth(tensors, "detr.backbone.0.backbone.res{}.", 2)
    return IFCConfig(
        backbone=backbone,  # type: ignore[arg-type]
        num_classes=classes[0] - 1,
        num_queries=queries[0],
        hidden_dim=memory[1],
        num_memory_tokens=memory[0],
        num_encoder_layers=_count(tensors, "detr.transformer.encoder.enc_layers."),
        num_decoder_layers=_count(tensors, "detr.transformer.clip_decoder.layers."),
        feedforward_dim=inner[0],
        **(_R101_INPUT if backbone == "resnet101" else {}),
    )


def _depth(tensors: Mapping[str, Tensor], stage: str, first: int) -> str:
    """Name of the ResNet with this many blocks a stage."""
    blocks = tuple(_count(tensors, stage.format(first + i)) for i in range(4))
    prefix = stage.partition("{}")[0]
    bottleneck = any(n.startswith(prefix) and ".conv3." in n for n in tensors)
    # Where blocks are missing or extra, the nearest depth makes the report name them.
    if bottleneck:
        return "resnet101" if blocks[2] > 14 else "resnet50"
    return "resnet34" if max(blocks) > 2 else "resnet18"


def _count(tensors: Mapping[str, Tensor], prefix: str) -> int:
    pattern = re.compile(re.escape(prefix) + r"(\d{1,3})\.")
    indices = {int(m[1]) for m in map(pattern.match, tensors) if m}
    return max(indices) + 1 if indices else 0


def _shape(
    path: Path, tensors: Mapping[str, Tensor], name: str, dimensions: int
) -> tuple[int, ...]:
    if name not in tensors:
        raise CheckpointError(
            f"{path} is neither an IFC checkpoint nor a ResNet's: it lacks the tensor {name}.",
            path=path,
            missing=(name,),
        )
    shape = tuple(tensors[name].shape)
    if len(shape) != dimensions:
        raise CheckpointError(
            f"The tensor {name} in {path} has {len(shape)} dimensions instead of {dimensions}.",
            path=path,
            mismatched={name: ((0,) * dimensions, shape)},
        )
    return shape


def _renamed(path: Path, config: IFCConfig, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    expected = {ours_to_published(n): s for n, s in expected_shapes(config).items()}
    compare_shapes(path, expected, {n: tuple(t.shape) for n, t in tensors.items()})
    return {published_to_ours(name): tensor for name, tensor in tensors.items()}


def _from_backbone(
    path: Path,
    tensors: Mapping[str, Tensor],
    categories: str | Path | Sequence[Category] | None,
    provenance: dict[str, Any],
) -> Checkpoint:
    depth = _depth(tensors, "layer{}.", 1)
    if categories is None:
        categories = named_categories(["object"])
    elif isinstance(categories, str) and categories in TABLES:
        categories = class_table(categories)
    elif isinstance(categories, str | Path):
        categories = _categories_file(Path(categories))
    config = IFCConfig(backbone=depth, num_classes=len(categories))  # type: ignore[arg-type]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = IFC(config, categories)
    expected = {n: tuple(t.shape) for n, t in model.backbone.state_dict().items()}
    compare_shapes(path, expected, {n: tuple(t.shape) for n, t in tensors.items()})
    model.backbone.load_state_dict(dict(tensors))
    return Checkpoint(
        CheckpointInfo(config, tuple(categories), provenance=provenance), model.state_dict()
    )


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
