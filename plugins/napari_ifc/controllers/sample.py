"""The sample clip with what the bundled model proposes for it, so that nobody has to wait."""

from __future__ import annotations

from pathlib import Path

import ifc_resources
from ifc_core.annotation.packing import unpack_project
from ifc_core.config import data_dir
from ifc_core.errors import IFCError

SAMPLE_VIDEO = "sample/bedroom.mp4"
SAMPLE_PACK = "sample/bedroom.ifcpack"


def sample_path(projects_folder: Path | None = None) -> Path:
    """The sample clip; its project is made from the bundled one where there is none yet.

    Args:
        projects_folder: Where projects are made; the user's data folder if ``None``.

    Returns:
        The video. Opening it finds the project.
    """
    video = ifc_resources.path(SAMPLE_VIDEO)
    home = projects_folder or data_dir() / "projects"
    target = home / f"{video.stem}.ifcproj"
    if not target.exists():
        try:
            home.mkdir(parents=True, exist_ok=True)
            unpack_project(ifc_resources.path(SAMPLE_PACK), target)
        except (IFCError, OSError):
            return video  # the sample without proposals is better than none
    return video
