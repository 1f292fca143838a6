"""Several things dropped at once: videos become one project, and what is left is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ifc_core.io.video_suffixes import VIDEO_SUFFIXES
from napari_ifc.controllers.session import is_project
from napari_ifc.features.opening import Opening
from napari_ifc.features.videos import Videos
from napari_ifc.language import tr
from napari_ifc.studio import Studio


class Drops:
    """Opens what is dropped.

    Args:
        studio: Where.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def take(self, paths: Sequence[Path]) -> None:
        """Open the first; further videos follow into its project once it is open.

        Args:
            paths: At least one.
        """
        videos = tuple(path for path in paths if _is_video(path))
        chosen = videos if len(videos) > 1 else tuple(paths[:1])
        first, further = chosen[0], chosen[1:]
        left = tuple(path for path in paths if path not in chosen)
        self._studio.feature(Opening).begin(
            first,
            lambda: self._follow(further, left),
            besides=_left_text((*further, *left)),
        )

    def _follow(self, further: tuple[Path, ...], left: tuple[Path, ...]) -> None:
        """The first is open: add the further ones, and tell what is left."""
        told = _left_text(left)
        reason = self._studio.open_workspace().editor.why_not_write()
        if further and reason:
            told = " ".join((_left_text((*further, *left)), reason))
        elif further:
            self._studio.feature(Videos).begin_add(further, told)
            return
        if told:
            self._studio.inform(told, "warning")


def _is_video(path: Path) -> bool:
    is_folder = path.is_dir() and not is_project(path)
    return is_folder or path.suffix.lower() in VIDEO_SUFFIXES


def _left_text(paths: Sequence[Path]) -> str:
    if not paths:
        return ""
    names = ", ".join(path.name for path in paths[:3])
    if len(paths) > 3:
        names = tr("{names} and {count} more").format(names=names, count=len(paths) - 3)
    return tr("Not opened: {names}.").format(names=names)
