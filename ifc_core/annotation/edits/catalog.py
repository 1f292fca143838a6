"""Edits of the lists of videos and categories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ifc_core.annotation import rows
from ifc_core.annotation.delta import Row
from ifc_core.annotation.edits.base import Edit, check_name
from ifc_core.annotation.locating import is_longer
from ifc_core.annotation.measures import why_no_rate, why_no_scale
from ifc_core.annotation.transaction import EditTransaction
from ifc_core.io.problems import as_name
from ifc_core.structures import Category, Video

_NUM_FRAMES = 4  # its place in rows.VIDEO_COLUMNS
_NAMES_OF_CLASS = (1, 2)  # its own and the wider one, in rows.CATEGORY_COLUMNS


@dataclass(frozen=True, slots=True)
class AddVideo(Edit):
    """Add a video; its id is in ``EditResult.videos_changed``.

    Attributes:
        video: What is known of it; its path is stored relative to the project.
        name: Name shown to people; by default the file's name without its suffix.
        annotation_step: Every how many frames a person means to annotate.
        given_fps: Frames per second, of pictures that tell none.
        um_per_px: Micrometres from one pixel to the next.
    """

    video: Video
    name: str = ""
    annotation_step: int = 1
    given_fps: float | None = None
    um_per_px: float | None = None

    def perform(self, tx: EditTransaction) -> str:
        """Add the row; a video of the same name gets a number behind it."""
        return f"Add video {insert_video(tx, self)[1]}"


@dataclass(frozen=True, slots=True)
class SetVideo(Edit):
    """Change a video's name, place, annotation step or scale; ``None`` leaves a field as it is.

    Attributes:
        video_id: The video.
        name: New name.
        path: New place of the same file.
        annotation_step: New step.
        found: The file itself, as it was opened: its place, and the frames, rate and fingerprint
            that were not known while only its annotations were.
        is_coded_anew: Take ``found`` though its content is another, with as many frames of the
            same size or more, since a person says that they show the same.
        given_fps: Frames per second of pictures that tell none; 0 takes them away again.
        um_per_px: Micrometres from one pixel to the next; 0 takes the scale away again.
    """

    video_id: int
    name: str | None = None
    path: Path | None = None
    annotation_step: int | None = None
    found: Video | None = None
    is_coded_anew: bool = False
    given_fps: float | None = None
    um_per_px: float | None = None

    def perform(self, tx: EditTransaction) -> str:
        """Change the row."""
        video = tx.video(self.video_id)
        old = _row_of(tx, video.id)
        new = list(old)
        label = f"Change video {video.name}"
        if self.name is not None and self.name.strip() and self.name != video.name:
            check_name(tx, self.name.strip())
            new[1] = _free_name(tx, rows.normalised(self.name.strip()))
            label = f"Rename video {video.name} to {new[1]}"
        if self.path is not None:
            new[2], new[3] = rows.stored_paths(self.path, tx.folder)
        if self.found is not None:
            if self.is_coded_anew and new[_NUM_FRAMES] <= self.found.num_frames:
                new[8] = ""  # what is known of its content counts no more
            _take_over(tx, new, self.found)
        is_elsewhere = self.is_coded_anew or new[2:4] != list(old[2:4])
        if new[1] == old[1] and is_elsewhere:  # its place alone
            label = f"Locate video {video.name}"
        if self.annotation_step is not None:
            if self.annotation_step < 1:
                tx.fail("The annotation step is 1 or more frames.")
            new[9] = self.annotation_step
        if self.given_fps is not None:
            new[10] = _given(tx, self.given_fps, why_no_rate)
            label = f"Set the frames per second of {video.name}"
        if self.um_per_px is not None:
            new[11] = _given(tx, self.um_per_px, why_no_scale)
            label = f"Set the scale of {video.name}"
        tx.put_row("videos", video.id, tuple(new), old)
        return label


@dataclass(frozen=True, slots=True)
class RemoveVideo(Edit):
    """Remove a video with its tracks (the file itself is not touched).

    Attributes:
        video_id: The video.
    """

    video_id: int

    def perform(self, tx: EditTransaction) -> str:
        """Drop the row, its tracks and its flags."""
        video = tx.video(self.video_id)
        tx.drop_tracks(tx.tracks(video.id))
        tx.set_exhaustive(video.id, sorted(tx.exhaustive(video.id)), False)
        tx.put_row("videos", video.id, None, _row_of(tx, video.id))
        return f"Remove video {video.name}"


@dataclass(frozen=True, slots=True)
class SetCategory(Edit):
    """Add a category, or change the one with the same id.

    Attributes:
        category: The category as it shall be.
    """

    category: Category

    def perform(self, tx: EditTransaction) -> str:
        """Write the row; names are unique."""
        new = rows.category_row(self.category)
        query = f"SELECT {rows.CATEGORY_COLUMNS} FROM categories"  # noqa: S608 - fixed names
        present = {row[0]: tuple(row) for row in tx.db.execute(query)}
        if any(row[1] == new[1] for key, row in present.items() if key != self.category.id):
            tx.fail(f"There is a category called {new[1]} already.")
        old = present.get(self.category.id)
        for column in _NAMES_OF_CLASS:
            if old is None or old[column] != new[column]:  # an older one may be recoloured
                check_name(tx, str(new[column]))
        tx.put_row("categories", self.category.id, new, old)
        return f"{'Add' if old is None else 'Change'} category {new[1]}"


@dataclass(frozen=True, slots=True)
class RemoveCategory(Edit):
    """Remove a category.

    Attributes:
        category_id: The category.
        replace_with: Category its tracks get; ``None`` refuses where tracks use it.
    """

    category_id: int
    replace_with: int | None = None

    def perform(self, tx: EditTransaction) -> str:
        """Drop the row, after its tracks went to another category."""
        category = tx.category(self.category_id)
        query = f"SELECT {rows.TRACK_COLUMNS} FROM tracks WHERE category_id = ?"  # noqa: S608
        users = [rows.track_of(row) for row in tx.db.execute(query, (category.id,)).fetchall()]
        if users and (self.replace_with is None or self.replace_with == category.id):
            tx.fail(f"{len(users)} tracks are {category.name}; say which category they get.")
        if self.replace_with is not None:
            target = tx.category(self.replace_with)
            for track in users:
                tx.put_track(replace(track, category_id=target.id))
        tx.put_row("categories", category.id, None, rows.category_row(category))
        return f"Remove category {category.name}"


def insert_video(tx: EditTransaction, new: AddVideo) -> tuple[int, str]:
    """Add the row of a video.

    Returns:
        (its id, its name).

    Raises:
        EditError: A video of the same fingerprint is in the project.
    """
    video = new.video
    _check_new(tx, video)
    name = as_name(rows.normalised(new.name.strip() or video.path.stem))
    name = _free_name(tx, name)
    video_id = tx.next_id("videos")
    stored, hint = rows.stored_paths(video.path, tx.folder)
    shape = (video.num_frames, video.height, video.width, video.fps, video.fingerprint)
    given = (
        _given(tx, new.given_fps or 0.0, why_no_rate),
        _given(tx, new.um_per_px or 0.0, why_no_scale),
    )
    row = (video_id, name, stored, hint, *shape, max(1, new.annotation_step), *given)
    tx.put_row("videos", video_id, row, None)
    return video_id, name


def _given(tx: EditTransaction, value: float, why_not: Callable[[float], str]) -> float | None:
    """A number that a person gives, as it is stored: nothing for 0."""
    if value == 0:
        return None
    if reason := why_not(value):
        tx.fail(reason)
    return float(value)


def lengthen_video(tx: EditTransaction, video_id: int, num_frames: int) -> None:
    """Give a video of which only a part was known this many frames, if it has fewer."""
    old = _row_of(tx, tx.video(video_id).id)
    if old[_NUM_FRAMES] < num_frames:
        new = (*old[:_NUM_FRAMES], num_frames, *old[_NUM_FRAMES + 1 :])
        tx.put_row("videos", video_id, new, old)


def _row_of(tx: EditTransaction, video_id: int) -> Row:
    columns = f"SELECT {rows.VIDEO_COLUMNS} FROM videos WHERE id = ?"  # noqa: S608
    return tuple(tx.db.execute(columns, (video_id,)).fetchone())


def _take_over(tx: EditTransaction, row: list[Any], found: Video) -> None:
    """Write what a file says into the row of its video; frames are never taken away."""
    video_id, name, fingerprint = row[0], row[1], row[8]
    is_known = fingerprint in ("", found.fingerprint) or is_longer(found, tx.video(video_id))
    if (row[5], row[6]) != found.size or not is_known:
        tx.fail(f"{found.path.name} is not the video {name}.")
    _check_new(tx, found, besides=video_id)
    row[2], row[3] = rows.stored_paths(found.path, tx.folder)
    row[_NUM_FRAMES] = max(row[_NUM_FRAMES], found.num_frames)
    row[7], row[8] = found.fps, found.fingerprint


def _check_new(tx: EditTransaction, video: Video, besides: int = 0) -> None:
    """Refuse a video whose content another one of the project has."""
    same = "SELECT name FROM videos WHERE fingerprint = ? AND fingerprint != '' AND id != ?"
    known = tx.db.execute(same, (video.fingerprint, besides)).fetchone()
    if known is not None:
        tx.fail(f"{video.path.name} is in the project already, as {known[0]}.")


def _free_name(tx: EditTransaction, name: str) -> str:
    """The name, with a number behind it where another video has it."""
    taken = {row[0] for row in tx.db.execute("SELECT name FROM videos")}
    free, number = name, 2
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free
