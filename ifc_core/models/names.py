"""Names of models, which are those of their files, and what is named in these."""

from __future__ import annotations

from pathlib import Path

DEFAULT_MODEL = "ifc-r18-objects"
"""The bundled model that is used where no other was chosen."""

DEFAULT_WORDS = ("", "default")
"""What settings write for it."""

SUFFIX = ".safetensors"
"""Of the files of models."""

METADATA_KEY = "ifc_studio"
"""In the header of a model's file, what it says of itself, as JSON."""


def model_name(model: Path | str) -> str:
    """The name that a model is known by.

    Args:
        model: The name, which may hold dots, or the file.
    """
    return Path(model).name.removesuffix(SUFFIX)


def model_file(folder: Path, name: str) -> Path:
    """The file of a model in a folder of models."""
    return folder / f"{name}{SUFFIX}"
