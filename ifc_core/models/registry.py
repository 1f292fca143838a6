"""Models by name: bundled with the program, imported by the user, or made in a project."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from ifc_core.config import data_dir
from ifc_core.errors import CheckpointError, ConfigError
from ifc_core.models.bundled import bundled_models
from ifc_core.models.checkpoint import CheckpointInfo, read_checkpoint, read_checkpoint_info
from ifc_core.models.ifc import IFC
from ifc_core.models.names import DEFAULT_MODEL, DEFAULT_WORDS, SUFFIX

Precision = Literal["auto", "fp32", "bf16", "fp16"]
ModelKind = Literal["bundled", "user", "project", "file"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model that can be loaded by name.

    Attributes:
        name: What ``load_model`` takes.
        path: The file.
        kind: Where it lives.
        size_bytes: Of the file; 0 where it is missing.
        info: What it says about itself, or ``None`` where it cannot be used.
        problem: Why it cannot be used, or empty.
    """

    name: str
    path: Path
    kind: ModelKind
    size_bytes: int
    info: CheckpointInfo | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Location:
    name: str
    path: Path
    kind: ModelKind
    file_sha256: str | None = None


def user_models_dir() -> Path:
    """Folder of the models that the user imported; it may not exist yet."""
    return data_dir() / "models"


def load_model(
    name_or_path: str | Path = "default",
    device: str | torch.device = "cpu",
    precision: Precision = "fp32",
    *,
    search: Sequence[Path] = (),
    fold_batch_norm: bool = False,
) -> IFC:
    """Load a network.

    Args:
        name_or_path: A model's name, or a checkpoint file; ``default`` is the bundled model,
            whatever else has its name.
        device: ``auto`` (the fastest there is), ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``fp32``, ``bf16``, ``fp16``, or ``auto`` (what is fast and safe on the device).
        search: Further folders to look a name up in, first of all: a project's ``models/``.
        fold_batch_norm: Merge batch norms for speed; the network can then not be trained or saved.

    Returns:
        The network in eval mode; ``categories``, ``preferences``, ``provenance`` and
        ``sha256`` are set.

    Raises:
        CheckpointError: There is no such model, or its file cannot be used.
        ConfigError: The device or the precision is unknown or not there.
    """
    target = resolve_device(device)
    dtype = resolve_precision(precision, target)
    location = _locate(name_or_path, search)
    if location.file_sha256 is not None:
        check_bundled_file(location.path, location.file_sha256)
    model = read_checkpoint(location.path).build()
    if fold_batch_norm:
        model.fold_batch_norm()
    model = model.to(device=target, dtype=dtype)
    return model.to(memory_format=torch.channels_last)


def list_models(search: Sequence[Path] = ()) -> list[ModelEntry]:
    """All models that can be named: bundled, the user's, and those in the folders ``search``.

    A file that cannot be used is listed with its problem.
    """
    return [_entry(location) for location in _locations(search).values()]


def find_model(name_or_path: str | Path, search: Sequence[Path] = ()) -> ModelEntry:
    """One model by name or file, with what it says about itself.

    Raises:
        CheckpointError: There is no such model.
    """
    return _entry(_locate(name_or_path, search))


def locate_model(name_or_path: str | Path, search: Sequence[Path] = ()) -> Path:
    """The file of a model by name or file, unread: it may be damaged.

    Raises:
        CheckpointError: There is no such model.
    """
    return _locate(name_or_path, search).path


def remove_model(name: str) -> Path:
    """Delete a model that the user imported.

    Returns:
        The file that was deleted.

    Raises:
        CheckpointError: There is no such model, or it is not the user's to remove.
    """
    location = _locations(()).get(name)
    if location is None and name not in DEFAULT_WORDS:
        raise _unknown(name, ())
    if location is None or location.kind != "user":
        raise CheckpointError(f"The model {name} comes with the program and stays.", path=name)
    try:
        location.path.unlink()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CheckpointError(
            f"Cannot remove {location.path}: {reason}.", path=location.path
        ) from error
    return location.path


def resolve_device(device: str | torch.device) -> torch.device:
    """The device behind a name; ``auto`` prefers CUDA, then MPS.

    Raises:
        ConfigError: The name is unknown, or the machine has no such device.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise _no_device(device, "use auto, cpu, cuda or mps") from error
    if found.type not in ("cpu", "cuda", "mps"):
        raise _no_device(device, "use auto, cpu, cuda or mps")
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise _no_device(device, "torch sees no such CUDA device here; use --device cpu")
    if found.type == "mps" and not torch.backends.mps.is_available():
        raise _no_device(device, "this machine has no MPS device; use --device cpu")
    return found


def resolve_precision(precision: str, device: torch.device) -> torch.dtype:
    """The floating type behind a name; ``auto`` is bf16 or fp16 on CUDA, else float32.

    A CPU is given float32 by ``auto`` unless it multiplies bfloat16 tiles in hardware.

    Raises:
        ConfigError: The name is unknown.
    """
    if precision == "auto":
        if device.type == "cuda":
            with torch.cuda.device(device):
                fast_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
            return torch.bfloat16 if fast_bf16 else torch.float16
        if device.type == "cpu" and torch.cpu._is_amx_tile_supported():
            return torch.bfloat16
        return torch.float32
    if precision not in _DTYPES:
        raise ConfigError(
            f"The precision {precision!r} is unknown; use auto, fp32, bf16 or fp16.",
            name="precision",
            value=precision,
        )
    return _DTYPES[precision]


def _no_device(device: object, advice: str) -> ConfigError:
    return ConfigError(f"There is no device {device}: {advice}.", name="device", value=str(device))


def is_reserved(name: str) -> bool:
    """Whether a name is that of a model of the program, which no other model may get.

    Args:
        name: Without a suffix; upper and lower case are one, as in the folders of some systems.
    """
    taken = (*DEFAULT_WORDS, *(location.name for location in _bundled()))
    return name.casefold() in {known.casefold() for known in taken}


def _locate(name_or_path: str | Path, search: Sequence[Path]) -> _Location:
    if name_or_path in DEFAULT_WORDS:
        for location in _bundled():
            if location.name == DEFAULT_MODEL:
                return location
        name_or_path = DEFAULT_MODEL
    if isinstance(name_or_path, str):
        named = _locations(search).get(name_or_path)
        if named is not None:
            return named
    path = Path(name_or_path)
    if path.is_file():
        return _Location(path.stem, path, "file")
    raise _unknown(str(name_or_path), search)


def _unknown(name: str, search: Sequence[Path]) -> CheckpointError:
    names = list(_locations(search))
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(names) or 'none'}."
    return CheckpointError(f"There is no model and no file called {name}; {hint}", path=name)


def _locations(search: Sequence[Path]) -> dict[str, _Location]:
    """Name -> place; a project's model hides a user's, and that a bundled one."""
    found = {location.name: location for location in _bundled()}
    folders: list[tuple[ModelKind, Path]] = [("user", user_models_dir())]
    folders += [("project", Path(folder)) for folder in search]
    for kind, folder in folders:
        for path in sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else ():
            if not path.name.startswith("."):
                found[path.stem] = _Location(path.stem, path, kind)
    return found


def _bundled() -> list[_Location]:
    return [_Location(m.name, m.path, "bundled", m.file_sha256) for m in bundled_models()]


def check_bundled_file(path: Path, expected: str) -> None:
    """Make sure that a file that ships with the program is whole.

    Args:
        path: Of the file.
        expected: Its SHA-256, hexadecimal, from the manifest.

    Raises:
        CheckpointError: The file is missing or another one.
    """
    try:
        with path.open("rb") as file:
            actual = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(
            f"The model {path.name} that ships with IFC Studio is missing; install it again.",
            path=path,
        ) from error
    if actual != expected:
        raise CheckpointError(
            f"The model {path.name} that ships with IFC Studio is damaged; install it again.",
            path=path,
        )


def _entry(location: _Location) -> ModelEntry:
    info, problem = None, ""
    try:
        info = read_checkpoint_info(location.path)
    except CheckpointError as error:
        problem = str(error)
    size = location.path.stat().st_size if location.path.is_file() else 0
    return ModelEntry(location.name, location.path, location.kind, size, info, problem)
