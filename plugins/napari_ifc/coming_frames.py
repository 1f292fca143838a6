"""Which frames probably come next, and what is drawn on them if nothing changes until then."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ifc_core.annotation import ProjectReader
from ifc_core.structures import Track
from napari_ifc.controllers.canvas import masks_to_draw
from napari_ifc.controllers.track_look import TrackLook

if TYPE_CHECKING:
    from ifc_core.annotation import EditResult
    from napari_ifc.layers import LayerStack
    from napari_ifc.overlay import DrawnMask
    from napari_ifc.workspace import Workspace

_NUM_AHEAD = 2
_LONGEST_STEP = 60  # a longer one was a jump: nobody knows where the next one goes


@dataclass(frozen=True, slots=True, eq=False)
class _Headers:
    """The tracks as they were when frames were planned."""

    tracks: Mapping[int, Track]

    def __contains__(self, track_id: int) -> bool:
        return track_id in self.tracks

    def header(self, track_id: int) -> Track:
        return self.tracks[track_id]


class ComingFrames:
    """Has the masks of the frames painted to which the way leads, and shows them there.

    Each edit makes what was planned before it void. Frames on which anything but stored masks is
    drawn are not planned: runs, candidates, ghosts.

    Args:
        layers: The canvas.
    """

    def __init__(self, layers: LayerStack) -> None:
        self._layers = layers
        self._workspace: Workspace | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self._stamp = object()
        self._headers: _Headers | None = None
        self._last = -1

    def use(self, workspace: Workspace | None) -> None:
        """Look ahead in this from now on; ``None`` for nothing."""
        self._unsubscribe()
        self._unsubscribe = lambda: None
        self._workspace, self._last = workspace, -1
        self.make_void()
        if workspace is not None:
            self._unsubscribe = workspace.session.project.subscribe(self.make_void)

    def make_void(self, result: EditResult | None = None) -> None:
        """What was planned is not to be shown: something changed."""
        self._stamp = object()
        self._headers = None

    def draw(self, frame_index: int) -> bool:
        """Draw the stored masks of a frame that was planned.

        Returns:
            Whether they are drawn; if not, nothing has changed.
        """
        if self._workspace is None or frame_index == self._last:
            return False
        return self._layers.draw_planned(self._key(frame_index))

    def plan(self, frame_index: int, *, is_plain: bool) -> None:
        """Plan the frames that follow if it goes on as it went to this one.

        Args:
            frame_index: The frame that is shown.
            is_plain: Whether only stored masks are drawn on it.
        """
        step, self._last = frame_index - self._last, frame_index
        workspace = self._workspace
        if workspace is None or not step:
            return
        frames: list[int] = []
        # A read-only project may have to be copied to be read once more.
        if is_plain and abs(step) <= _LONGEST_STEP and not workspace.session.project.read_only:
            ahead = (frame_index + step * n for n in range(1, _NUM_AHEAD + 1))
            frames = [frame for frame in ahead if 0 <= frame < workspace.session.num_frames]
        self._layers.plan([(self._key(frame), self._reading(workspace, frame)) for frame in frames])

    def _key(self, frame_index: int) -> Hashable:
        workspace = self._workspace
        if workspace is None:
            return self._stamp, frame_index
        return self._stamp, frame_index, workspace.editor.selected, workspace.look

    def _reading(self, workspace: Workspace, frame_index: int) -> Callable[[], Sequence[DrawnMask]]:
        if self._headers is None:
            index = workspace.index
            self._headers = _Headers({i: index.header(i) for i in index.track_ids()})
        folder, video_id = workspace.session.project.folder, workspace.session.entry.id
        selected, look = workspace.editor.selected, workspace.look
        return _Reading(folder, video_id, self._headers, frame_index, selected, look)


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads the masks of a frame; its connection is open no longer than that."""

    folder: Path
    video_id: int
    headers: _Headers
    frame_index: int
    selected: tuple[int, ...]
    look: TrackLook

    def __call__(self) -> Sequence[DrawnMask]:
        with ProjectReader.open(self.folder) as reader:
            records = reader.masks_at(self.video_id, self.frame_index)
            return masks_to_draw(records, self.headers, self.selected, look=self.look)
