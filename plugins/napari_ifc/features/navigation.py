"""Going through the video: the keys that step."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ifc_core.errors import IFCError
from napari_ifc.actions import Action
from napari_ifc.controllers.frame_words import frame_of
from napari_ifc.feature import NOTHING_OPEN, Feature
from napari_ifc.language import tr
from napari_ifc.views.goto_dialog import GoToDialog

if TYPE_CHECKING:
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace

_ONCE = ("frame.go_to", "frame.first", "frame.last")


class Navigation(Feature):
    """Steps from frame to frame, event to event, track to track."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._track: int | None = None  # that was selected last
        studio.timeline.track_requested.connect(self._on_lane)

    def actions(self) -> Iterable[Action]:
        """All the steps."""
        layers, step = self.studio.layers, self._step
        moves: tuple[tuple[str, str, str, Callable[[], object]], ...] = (
            ("frame.next", tr("Next frame"), ".", lambda: step(1)),
            ("frame.previous", tr("Previous frame"), ",", lambda: step(-1)),
            ("frame.ten_on", tr("10 frames on"), "Ctrl+Right", lambda: step(10)),
            ("frame.ten_back", tr("10 frames back"), "Ctrl+Left", lambda: step(-10)),
            ("frame.go_to", tr("Go to frame…"), "Shift+F", self._ask_frame),
            ("frame.first", tr("First frame"), "Home", lambda: layers.go_to(0)),
            ("frame.last", tr("Last frame"), "End", self._last),
            ("event.next", tr("Next event"), "J", lambda: self._event(forward=True)),
            ("event.previous", tr("Previous event"), "K", lambda: self._event(forward=False)),
            ("track.next", tr("Select next track"), "PgDown", lambda: self._neighbour(1)),
            ("track.previous", tr("Select previous track"), "PgUp", lambda: self._neighbour(-1)),
        )
        for action_id, text, key, callback in moves:
            yield Action(
                action_id,
                text,
                callback,
                shortcut=key,
                group=tr("Go"),
                why_not=self.studio.why_not_open,
                repeats=action_id not in _ONCE,
            )

    def opened(self, workspace: Workspace) -> None:
        """Begin with the first track."""
        self._track = None

    def selection_changed(self, track_ids: tuple[int, ...]) -> None:
        """Go on from there, also once it is hidden and so selected no more."""
        self._track = track_ids[0] if track_ids else self._track

    # Lanes

    def _on_lane(self, track_id: int, adding: bool) -> None:
        workspace = self.studio.workspace
        if workspace is None or track_id not in workspace.index:
            return
        chosen = (track_id,)
        if adding:
            before = tuple(i for i in workspace.editor.selected if i != track_id)
            chosen = (track_id, *before)
        self.studio.select(chosen)

    # Steps

    def _ask_frame(self) -> None:
        shown, fps = self.studio.layers.frame_index, self.workspace.session.fps
        GoToDialog(self._go_to_typed, shown, fps > 0, self.studio.panel).open()

    def _go_to_typed(self, text: str) -> str:
        """Go to a typed frame; returns why not, or an empty string."""
        workspace = self.studio.workspace
        if workspace is None:
            return NOTHING_OPEN
        session = workspace.session
        try:
            frame_index = frame_of(text, session.num_frames, session.fps, session.times)
        except IFCError as error:
            return str(error)
        self.studio.layers.go_to(frame_index)
        return ""

    def _step(self, by: int) -> None:
        last = self.workspace.session.num_frames - 1
        layers = self.studio.layers
        layers.go_to(min(max(0, layers.frame_index + by), last))

    def _last(self) -> None:
        self.studio.layers.go_to(self.workspace.session.num_frames - 1)

    def _event(self, *, forward: bool) -> None:
        marks = self.workspace.index.events(self.workspace.editor.selected)
        here = self.studio.layers.frame_index
        place = bisect_right(marks, here) if forward else bisect_left(marks, here) - 1
        if 0 <= place < len(marks):
            self.studio.layers.go_to(int(marks[place]))
        else:
            self.studio.inform(tr("There is no further event in that direction."))

    def _neighbour(self, by: int) -> None:
        ids = [row.track_id for row in self.workspace.index.rows()]
        if not ids:
            return
        place = ids.index(self._track) + by if self._track in ids else 0
        chosen = ids[place % len(ids)]
        self.studio.select((chosen,))
        self.studio.jump_to_track(chosen)
