"""The models that ship with the program, known without torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ifc_resources
from ifc_core.models.names import DEFAULT_MODEL, METADATA_KEY

_MOST_HEADER_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class BundledModel:
    """A model of the manifest that ships with the program.

    Attributes:
        name: It is known by.
        path: Its file.
        file_sha256: Of the file, hexadecimal.
    """

    name: str
    path: Path
    file_sha256: str


def bundled_models() -> list[BundledModel]:
    """The manifest's models; none where the installation lacks it."""
    try:
        manifest = ifc_resources.path("models.json")
    except FileNotFoundError:
        return []
    entries = json.loads(manifest.read_text("utf-8"))["models"]
    return [BundledModel(e["name"], ifc_resources.root() / e["file"], e["sha256"]) for e in entries]


def default_digest() -> str:
    """Hash of the weights of the model that is used where no other was chosen.

    Returns:
        What ``Checkpoint`` keeps as ``sha256``; empty where the file does not tell.
    """
    for model in bundled_models():
        if model.name == DEFAULT_MODEL:
            digest = stored_facts(model.path).get("sha256")
            return digest if isinstance(digest, str) else ""
    return ""


def stored_facts(file: Path) -> dict[str, Any]:
    """What a model file says of itself; empty where it cannot be read or says nothing."""
    try:
        facts = json.loads(read_metadata(file)[METADATA_KEY])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def read_metadata(file: Path) -> Any:
    """What the header of a safetensors file says beside its tensors; nothing is checked.

    Raises:
        OSError: The file cannot be read.
        ValueError: The header is no JSON.
        KeyError: It says nothing.
        TypeError: It is no object.
        RecursionError: It is nested too deeply.
    """
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(min(length, _MOST_HEADER_BYTES)))
    return header["__metadata__"]
