"""What the folder of a video is called in an export."""

from __future__ import annotations

import re

_UNSAFE = re.compile(r"[^\w.+-]+")


def folder_name(name: str, taken: set[str]) -> str:
    """A name that is one safe path component on every system.

    Args:
        name: Of the video.
        taken: Folder names that are in use; the new one is added.
    """
    base = _UNSAFE.sub("_", name).strip("._ ")[:80] or "video"
    folder, number = base, 2
    while folder.lower() in taken:
        folder, number = f"{base}_{number}", number + 1
    taken.add(folder.lower())
    return folder
