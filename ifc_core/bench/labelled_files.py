"""Which files of a folder label the clips in it."""

from __future__ import annotations

from pathlib import Path

from ifc_core.errors import ConfigError


def labelled_files(data: Path) -> list[Path]:
    """The annotation files of a folder, by name.

    Args:
        data: Folder with ``*_ytvis.json`` files and their clips.

    Raises:
        ConfigError: There is none, so nothing in it would be measured.
    """
    files = sorted(data.glob("*_ytvis.json"))
    if not files:
        raise ConfigError(
            f"There are no labelled clips in {data}; each needs a file NAME_ytvis.json beside it.",
            name="data",
            value=str(data),
        )
    return files
