"""What a person sets once for the studio."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ifc_core.config import Settings, from_home, read_settings
from ifc_core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class StudioSettings:
    """Settings of one studio window.

    Attributes:
        projects_folder: Where the project of a newly opened video is made. ``None`` puts it
            beside the video, or into the user's data folder where that cannot be written.
        overlay_opacity: Opacity of the filled masks, 0 to 1.
        contour_width_px: Width of mask outlines on screen, in overlay pixels.
        show_ids: Whether each mask carries its track number.
        color_by: Whose colours masks have: ``track``, ``class`` or ``lineage``.
        frame_cache_bytes: Memory for decoded frames.
    """

    projects_folder: Path | None = None
    overlay_opacity: float = 0.45
    contour_width_px: int = 2
    show_ids: bool = True
    color_by: str = "track"
    frame_cache_bytes: int = 512 * 1024 * 1024

    @classmethod
    def of_user(cls, settings: Settings) -> StudioSettings:
        """The part of the user's settings that a window needs."""
        folder = settings.projects_folder
        return cls(
            projects_folder=from_home(folder) if folder else None,
            overlay_opacity=settings.overlay_opacity,
            contour_width_px=settings.contour_width_px,
            show_ids=settings.show_ids,
            color_by=settings.color_by,
            frame_cache_bytes=settings.frame_memory_mib << 20,
        )


def user_settings() -> StudioSettings:
    """What this user has set; the defaults where the file cannot be read."""
    try:
        return StudioSettings.of_user(read_settings())
    except ConfigError:
        return StudioSettings()
