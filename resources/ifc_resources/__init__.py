"""What ships with the program: weights, the sample clip, icons. Only path look-ups."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path(__file__).resolve().parent


def path(name: str) -> Path:
    """The file called ``name``, relative to this package, such as ``"sample/bedroom.mp4"``.

    Raises:
        FileNotFoundError: The installation lacks the file.
    """
    found = _ROOT / name
    if not found.exists():
        raise FileNotFoundError(f"The installation of IFC Studio lacks its file {name}.")
    return found


def root() -> Path:
    """The folder of all resources."""
    return _ROOT
