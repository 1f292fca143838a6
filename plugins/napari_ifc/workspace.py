"""What the studio holds while something is open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.propose import ProposeController
from napari_ifc.controllers.session import Session
from napari_ifc.controllers.track_look import TrackLook
from napari_ifc.controllers.tracks import TrackIndex
from napari_ifc.frame_cache import FrameCache
from napari_ifc.language import tr
from napari_ifc.rows import RGB, Lane, Summary, TrackRow

_Colored = TypeVar("_Colored", TrackRow, Lane)

_HINTS = (
    tr("Next: let the model propose tracks, or paint the first one."),
    tr("Next: select a track and paint where its mask is wrong."),
    tr("Next: approve frames that are right and complete (A), or tracks (Shift+A)."),
    tr("Next: fine-tune the model on what you corrected."),
)
"""For the four steps: find, fix, approve, improve."""
_WHILE_PROPOSING = tr("The model is looking for objects; meanwhile you can go on working.")


@dataclass(slots=True)
class Workspace:
    """A session and the controllers on it.

    Attributes:
        session: The project, the video and its reader.
        cache: Decoded frames; owns the reader.
        index: The tracks.
        editor: Edits.
        proposer: Runs.
        look: Which tracks are seen on the canvas, and in whose colours.
    """

    session: Session
    cache: FrameCache
    index: TrackIndex
    editor: EditController
    proposer: ProposeController
    look: TrackLook = field(default_factory=TrackLook)

    def close(self, *, keep_project: bool = False) -> None:
        """Pause a run in progress if it can go on later, else stop it; close the files.

        Args:
            keep_project: Whether another video of the project follows.
        """
        try:
            self.proposer.abandon()
        finally:
            self.cache.close()
            if not keep_project:
                self.session.project.close()

    def color_of(self, track_id: int) -> RGB:
        """Colour in which a track is seen now."""
        return self.look.color(self.index.header(track_id))

    def colored(self, parts: Iterable[_Colored]) -> list[_Colored]:
        """Lines of the table, or lanes, in the colours in which their tracks are seen now."""
        if not self.look.colors:
            return list(parts)
        return [
            replace(part, color_rgb=self.color_of(part.track_id))
            if part.track_id in self.index
            else part
            for part in parts
        ]

    def summary(self) -> Summary:
        """The head of the panel."""
        entry, index = self.session.entry, self.index
        frames, fps = self.session.num_frames, self.session.fps
        words = tr("{width} × {height} · {frames} frames")
        if frames == 1:
            words = tr("{width} × {height} · 1 frame")
        facts = words.format(width=entry.width, height=entry.height, frames=frames)
        if fps > 0:
            facts += tr(" · {fps:.3g} fps").format(fps=fps) + f" · {frames / fps:.1f} s"
        steps = (
            len(index) > 0,
            index.has_human_work,
            index.approved_frames > 0 or index.approved_tracks > 0,
            self.session.project.active_model() is not None,
        )
        hint = next((hint for hint, done in zip(_HINTS, steps, strict=True) if not done), "")
        if self.proposer.is_running:
            hint = _WHILE_PROPOSING
        return Summary(
            title=entry.name,
            facts=facts,
            project=str(self.session.project.folder),
            approved_frames=index.approved_frames,
            num_frames=frames,
            steps=steps,
            hint=hint,
            approved_tracks=index.approved_tracks,
            num_tracks=len(index),
        )
