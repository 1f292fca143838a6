"""What the folder of a video is called in an export, and which video such a folder means."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ifc_core.annotation.records import VideoEntry
from ifc_core.annotation.rows import normalised
from ifc_core.io.problems import no_device

_UNSAFE = re.compile(r"[^\w.+-]+")


def folder_name(name: str, taken: set[str]) -> str:
    """A name that is one safe path component on every system.

    Args:
        name: Of the video.
        taken: Folder names that are in use; the new one is added.
    """
    base = no_device(_UNSAFE.sub("_", name).strip("._ ")[:80] or "video")
    folder, number = base, 2
    while folder.lower() in taken:
        folder, number = f"{base}_{number}", number + 1
    taken.add(folder.lower())
    return folder


class ProjectNames:
    """Knows videos of a project by the names that files give them.

    An export calls ``my clip`` ``my_clip``, and a second video of that name ``my_clip_2``.

    Args:
        entries: Videos of the project, in its order.
        names: What the videos of a file are called. If one is a folder that only an export of
            the project calls so, they are taken for such folders first.
    """

    def __init__(self, entries: Sequence[VideoEntry], names: Sequence[str]) -> None:
        taken: set[str] = set()
        self._entries = entries
        self._folders = [folder_name(entry.name, taken) for entry in entries]
        own = {name for entry in entries for name in (entry.name, entry.path.stem)}
        numbered = {
            folder
            for entry, folder in zip(entries, self._folders, strict=True)
            if folder not in own and folder != folder_name(entry.name, set())
        }
        self._are_folders = not numbered.isdisjoint(map(normalised, names))

    def entries(self, name: str) -> list[VideoEntry]:
        """The videos that a name may mean, the likeliest first."""
        name = normalised(name)
        ranked: list[tuple[int, int, VideoEntry]] = []
        for place, (entry, folder) in enumerate(zip(self._entries, self._folders, strict=True)):
            ways = (entry.name, entry.path.stem, folder, folder_name(entry.name, set()))
            if name in ways:
                is_folder = folder == name and self._are_folders
                ranked.append((-1 if is_folder else ways.index(name), place, entry))
        return [entry for _, _, entry in sorted(ranked, key=lambda found: found[:2])]
