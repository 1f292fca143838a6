"""Edits of the lists of videos and categories."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ifc_core.annotation.edits.base import Edit
from ifc_core.structures import Category, Video


@dataclass(frozen=True, slots=True)
class AddVideo(Edit):
    """Add a video; its id is in ``EditResult.videos_changed``.

    Attributes:
        video: What is known of it; its path is stored relative to the project.
        name: Name shown to people; by default the file's name without its suffix.
        annotation_step: Every how many frames a person means to annotate.
    """

    video: Video
    name: str = ""
    annotation_step: int = 1


@dataclass(frozen=True, slots=True)
class SetVideo(Edit):
    """Change a video's name, place or annotation step; ``None`` leaves a field as it is.

    Attributes:
        video_id: The video.
        name: New name.
        path: New place of the same file.
        annotation_step: New step.
    """

    video_id: int
    name: str | None = None
    path: Path | None = None
    annotation_step: int | None = None


@dataclass(frozen=True, slots=True)
class RemoveVideo(Edit):
    """Remove a video with its tracks (the file itself is not touched).

    Attributes:
        video_id: The video.
    """

    video_id: int


@dataclass(frozen=True, slots=True)
class SetCategory(Edit):
    """Add a category, or change the one with the same id.

    Attributes:
        category: The category as it shall be.
    """

    category: Category


@dataclass(frozen=True, slots=True)
class RemoveCategory(Edit):
    """Remove a category.

    Attributes:
        category_id: The category.
        replace_with: Category its tracks get; ``None`` refuses where tracks use it.
    """

    category_id: int
    replace_with: int | None = None
