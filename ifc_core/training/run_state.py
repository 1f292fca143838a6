"""Files of a training run: exact state to resume from, and sharded weights to start from."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import nn

from ifc_core.errors import CheckpointError
from ifc_core.io.atomic import atomic_output, ready_folder
from ifc_core.models.backbone import BatchNorm
from ifc_core.models.checkpoint import compare_shapes
from ifc_core.models.safetensors_file import save_tensors
from ifc_core.training.config import TrainConfig
from ifc_core.training.ema import WeightAverage
from ifc_core.training.optimizer import load_optimizer_tensors, optimizer_tensors
from ifc_core.training.skipped_steps import how_to_go_on

SHARD_BYTES = 15_000_000
INDEX_NAME = "index.json"
_MOMENTS = ("exp_avg", "exp_avg_sq")
_COUNTS = ("iteration", "average_updates", "skipped")  # facts of a state
_TABLES = ("scaler", "settings", "samples")


def write_state(path: Path, tensors: dict[str, torch.Tensor], facts: dict[str, Any]) -> None:
    """Write tensors and facts as one safetensors file, whole or not at all.

    Args:
        path: The target.
        tensors: By name.
        facts: JSON values, kept in the file's metadata.

    Raises:
        CheckpointError: A value is not finite; a file that is there stays as it was.
        OutputError: The file cannot be written.
    """
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    if broken := _not_finite(plain):
        raise CheckpointError(
            f"Training came to nothing: {broken} is not finite any more; set a lower learning "
            f"rate and {how_to_go_on(path)}.",
            path=path,
        )
    with atomic_output(path) as temporary:
        save_tensors(plain, temporary, {"facts": json.dumps(facts)})


def keeps_statistics(model: nn.Module) -> bool:
    """Whether a forward pass in training changes the model: a live batch norm does."""
    return any(isinstance(part, BatchNorm) and not part.frozen for part in model.modules())


def _not_finite(tensors: Mapping[str, torch.Tensor]) -> str:
    """The first tensor that holds a value which is not finite, or an empty text."""
    return next((k for k, v in tensors.items() if not bool(v.isfinite().all())), "")


def read_state(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read what :func:`write_state` wrote.

    Raises:
        CheckpointError: The file is damaged or of another kind, or a value is not finite.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        tensors: dict[str, torch.Tensor] = load_file(path)
        facts: dict[str, Any] = json.loads(metadata["facts"])
        facts["model"]
        for name, value in (("iteration", facts["iteration"]), *facts.items()):
            if name in _COUNTS and (type(value) is not int or value < 0):
                raise TypeError(f"{name} is no count")
        for name, value in (("scaler", facts["scaler"]), *facts.items()):
            if name in _TABLES and not isinstance(value, dict):
                raise TypeError(f"{name} is no table")
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path} is no usable training checkpoint; delete it to begin the run anew.", path=path
        ) from error
    if broken := _not_finite(tensors):
        raise CheckpointError(
            f"{path} holds values that are not finite ({broken}), from which no run can go on; "
            "delete it to begin the run anew.",
            path=path,
        )
    return tensors, facts


def state_tensors(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: WeightAverage | None,
    guide: nn.Module | None,
) -> dict[str, torch.Tensor]:
    """All tensors that a run goes on from, named ``KIND/NAME``.

    Args:
        model: In training.
        optimizer: With its moments.
        average: Of the weights, where one is kept.
        guide: Module that only training has, where there is one.
    """
    tensors = {f"model/{k}": v for k, v in model.state_dict().items()}
    for name, value in optimizer_tensors(optimizer).items():
        tensors[f"optimizer/{name}"] = value
    if average is not None:
        for name, value in average.tensors.items():
            tensors[f"average/{name}"] = value
    if guide is not None:
        for name, value in guide.state_dict().items():
            tensors[f"guide/{name}"] = value
    return tensors


def load_tensors(
    path: Path,
    tensors: dict[str, torch.Tensor],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: WeightAverage | None,
    guide: nn.Module | None,
    average_updates: int,
) -> None:
    """Put back what :func:`state_tensors` gave.

    Args:
        path: That they were read from, for the error.
        tensors: By ``KIND/NAME``.
        model: Of the same architecture.
        optimizer: Of it.
        average: Of the weights, where one is kept.
        guide: Module that only training has, where there is one.
        average_updates: Of the average.

    Raises:
        CheckpointError: Tensors are missing, too many or of another shape; nothing was put back.
    """
    parts: dict[str, dict[str, torch.Tensor]] = defaultdict(dict)
    for key, value in tensors.items():
        kind, _, name = key.partition("/")
        parts[kind][name] = value
    check_moments(path, parts["optimizer"], optimizer)
    wanted = {"model": model.state_dict()}
    if guide is not None and parts["guide"]:
        wanted["guide"] = guide.state_dict()
    if average is not None and (parts["average"] or average_updates):
        wanted["average"] = average.tensors
    for kind, expected in wanted.items():
        compare_shapes(path, _shapes(expected), _shapes(parts[kind]))
    model.load_state_dict(parts["model"])
    if guide is not None and parts["guide"]:
        guide.load_state_dict(parts["guide"])
    load_optimizer_tensors(optimizer, parts["optimizer"])
    if average is not None and parts["average"]:
        average.load(parts["average"], average_updates)


def check_moments(
    path: Path, tensors: Mapping[str, torch.Tensor], optimizer: torch.optim.Optimizer
) -> None:
    """Make sure that an optimizer can go on from its stored state.

    Parameters that the state lacks start anew, and those that are trained no more are left out.

    Args:
        path: That it was read from, for the error.
        tensors: By ``KIND/PARAMETER``, as
            :func:`~ifc_core.training.optimizer.optimizer_tensors` gives them.
        optimizer: AdamW, which they are meant for.

    Raises:
        CheckpointError: A part of a parameter's state is missing or of another shape.
    """
    shapes = {
        name: parameter.shape
        for group in optimizer.param_groups
        for name, parameter in zip(group["names"], group["params"], strict=True)
    }
    known, actual = set[str](), dict[str, tuple[int, ...]]()
    for key, value in tensors.items():
        name = key.partition("/")[2]
        if name in shapes:
            known.add(name)
        if name in shapes or not name:
            actual[key] = tuple(value.shape)
    moments = {f"{kind}/{name}": tuple(shapes[name]) for name in known for kind in _MOMENTS}
    compare_shapes(path, moments | {f"step/{name}": () for name in known}, actual)


def _shapes(tensors: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in tensors.items()}


def plain_settings(config: TrainConfig) -> dict[str, Any]:
    """The settings of a run as JSON values."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(config), default=str))
    return plain


def check_same_run(path: Path, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    """Refuse what comes of another lesson: it would be exported as this run's.

    Args:
        path: Of the state, or of what else was found, for the error.
        mine: What decides what the present run learns, such as :func:`lesson_of` gives.
        theirs: The same of the run that wrote it; what it does not say is not compared.

    Raises:
        CheckpointError: They differ.
    """
    differing = [name for name in mine if name in theirs and mine[name] != theirs[name]]
    if differing:
        raise CheckpointError(
            f"{path} is of a run with other settings ({', '.join(differing)}); choose another "
            "output folder, or delete it to begin anew.",
            path=path,
        )


def lesson_of(settings: dict[str, Any]) -> dict[str, Any]:
    """What decides which clips and classes a run learns.

    A run may be made longer and go on at other rates, so only that counts; folders may have been
    moved.

    Args:
        settings: As :func:`plain_settings` gives them, or empty.

    Returns:
        Classes, seed, kind of data and the name of the annotation file.
    """
    found: dict[str, Any] = {
        name: settings[name] for name in ("categories", "seed") if name in settings
    }
    data = settings.get("data", {})
    if data:
        found |= {
            "data.kind": data["kind"],
            "data.annotations": Path(data["annotations"] or "").name,
        }
    return found


def write_shards(
    folder: Path,
    tensors: dict[str, torch.Tensor],
    facts: dict[str, Any],
    max_bytes: int = SHARD_BYTES,
) -> Path:
    """Write weights in half precision as files of bounded size, with an index.

    The index is written last and names its shards with their checksums; those of an earlier
    export are removed after it.

    Args:
        folder: Made where missing.
        tensors: Weights by name; floating-point ones are stored as float16.
        facts: JSON values for the index.
        max_bytes: Largest shard, unless one tensor alone is larger: it has a shard of its own.

    Returns:
        The index file.

    Raises:
        OutputError: A file cannot be written.
    """
    ready_folder(folder)
    half = {k: _half(v) for k, v in tensors.items()}
    groups = list(_group_by_size(half, max_bytes))
    shards = []
    for number, group in enumerate(groups, start=1):
        digest = hashlib.sha256()
        for name in sorted(group):
            digest.update(group[name].numpy().tobytes())
        name = f"weights-{number:02d}-of-{len(groups):02d}-{digest.hexdigest()[:12]}.safetensors"
        with atomic_output(folder / name) as temporary:
            save_tensors(group, temporary)
        shards.append({"file": name, "sha256": _sha256(folder / name)})
    with atomic_output(folder / INDEX_NAME) as temporary:
        temporary.write_text(json.dumps({"shards": shards, **facts}, indent=1), encoding="utf-8")
    kept = {shard["file"] for shard in shards}
    for old in folder.glob("weights-*.safetensors"):
        if old.name not in kept:
            old.unlink()
    return folder / INDEX_NAME


def read_shards(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Read what :func:`write_shards` wrote.

    Returns:
        Weights, floating-point ones as float32, and the facts.

    Raises:
        CheckpointError: A shard is missing or differs from its checksum.
    """
    index = folder / INDEX_NAME
    try:
        facts = json.loads(index.read_text(encoding="utf-8"))
        shards = [(str(s["file"]), str(s["sha256"])) for s in facts["shards"]]
        del facts["shards"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{index} is no index of exported weights.", path=index) from error
    tensors: dict[str, torch.Tensor] = {}
    for name, checksum in shards:
        file = folder / Path(name).name
        if not file.is_file() or _sha256(file) != checksum:
            raise CheckpointError(f"{file} is missing or damaged; export it again.", path=file)
        loaded: dict[str, torch.Tensor] = load_file(file)
        tensors.update({k: v.float() if v.is_floating_point() else v for k, v in loaded.items()})
    return tensors, facts


def _half(tensor: torch.Tensor) -> torch.Tensor:
    plain = tensor.detach().cpu()
    return (plain.half() if plain.is_floating_point() else plain).contiguous()


def _group_by_size(
    tensors: dict[str, torch.Tensor], max_bytes: int
) -> Iterator[dict[str, torch.Tensor]]:
    group: dict[str, torch.Tensor] = {}
    size = 0
    limit = max_bytes - 100 * len(tensors) - 4096  # room for the header
    for name, value in tensors.items():
        if group and size + value.nbytes > limit:
            yield group
            group, size = {}, 0
        group[name] = value
        size += value.nbytes
    yield group


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
