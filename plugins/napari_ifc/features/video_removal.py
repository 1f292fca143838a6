"""Taking videos out of a project; before the one that is shown goes, its neighbour is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ifc_core.annotation import edits
from ifc_core.errors import IFCError
from napari_ifc.controllers.bulk import tracks_text
from napari_ifc.controllers.videos import neighbour
from napari_ifc.feature import NOTHING_OPEN
from napari_ifc.language import tr
from napari_ifc.views.video_list import VideoList

if TYPE_CHECKING:
    from napari_ifc.studio import Studio

_FEWEST = 2  # videos of which one may go

Show = Callable[[int, Callable[[bool], None], Callable[[], bool]], None]
"""Begins to show a video; is given what to call at the end, and what to ask before."""


class VideoRemoval:
    """Takes the video out that is chosen in the list.

    Args:
        studio: Whose project.
        videos: The list of its videos.
        show: Shows another one, once a worker has looked through its file.
    """

    def __init__(self, studio: Studio, videos: VideoList, show: Show) -> None:
        self._studio = studio
        self._list = videos
        self._show = show

    def why_not(self) -> str:
        """Why it is not possible; empty where it is."""
        workspace = self._studio.workspace
        if workspace is None:
            return NOTHING_OPEN
        if reason := workspace.editor.why_not_write():
            return reason
        if len(self._list.model.rows) < _FEWEST:
            return tr("A project keeps at least one video; close it instead.")
        if self._list.chosen() is None:
            return tr("Choose a video in the list first.")
        if self._studio.work_going_on():
            return tr("Wait for what is going on, or cancel it.")
        return ""

    def remove_chosen(self) -> None:
        """Take it out, at once where another one is shown.

        Else it stays in the project until its neighbour is shown, and where that fails, is
        cancelled, or something else was begun meanwhile.
        """
        video_id = self._list.chosen()
        if video_id is None:
            return
        if video_id != self._studio.open_workspace().session.entry.id:
            self._remove(video_id)
        elif (there := self._next_to(video_id)) is not None:
            self._remove_after(video_id, there)

    def _next_to(self, video_id: int) -> int | None:
        """The next video or else the one before, rather one that is not known to be missing."""
        rows = self._list.model.rows
        beside = [neighbour(rows, video_id, by) for by in (1, -1)]
        absent = {row.video_id for row in rows if row.is_absent}
        return min(filter(None, beside), key=lambda there: there in absent, default=None)

    def _remove_after(self, video_id: int, there: int) -> None:
        """Show a video, then take the one out that was shown."""
        studio = self._studio
        project = studio.open_workspace().session.project
        name = project.video(video_id).name

        def still_stands() -> bool:
            workspace = studio.workspace
            is_shown = workspace is not None and workspace.session.entry.id == video_id
            return is_shown and studio.project is project and not studio.work_going_on()

        def ended(shown: bool) -> None:
            if shown:
                count = len(project.tracks(video_id, include_rejected=False))
                if self._remove(video_id):
                    studio.inform(self._removed_text(name, tracks_text(count)))
            elif still_stands():
                self._list.choose(video_id)  # not the one that could not be shown
            elif studio.project is project:
                text = tr("{name} was not removed, since something else was begun meanwhile.")
                studio.inform(text.format(name=name), "warning")

        self._show(there, ended, still_stands)

    def _removed_text(self, name: str, tracks: str) -> str:
        """What is gone, since another video is in its place, and how it comes back."""
        key = self._studio.actions["edit.undo"].shortcut
        if not key:
            text = tr("Removed {name} with {tracks} from the project; undo brings it back.")
            return text.format(name=name, tracks=tracks)
        text = tr("Removed {name} with {tracks} from the project; {key} brings it back.")
        return text.format(name=name, tracks=tracks, key=key)

    def _remove(self, video_id: int) -> bool:
        try:
            self._studio.open_workspace().editor.apply(edits.RemoveVideo(video_id))
        except IFCError as error:
            self._studio.fail(error)
            return False
        return True
