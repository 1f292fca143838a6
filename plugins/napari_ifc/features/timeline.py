"""The strip under the canvas: playing, zoom, and what can be done with a marked range."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPoint, QTimer
from qtpy.QtWidgets import QMenu

from ifc_core.annotation import EditResult, ReaderView, Scope, view_project
from napari_ifc.actions import Action
from napari_ifc.controllers.bulk import BulkController
from napari_ifc.controllers.playback import Playback
from napari_ifc.controllers.track_frames import TrackFrames, read_frames
from napari_ifc.controllers.tracks import TrackIndex
from napari_ifc.feature import Feature
from napari_ifc.features.correction import Correction
from napari_ifc.features.unfinished import Unfinished
from napari_ifc.features.visibility import Visibility
from napari_ifc.language import tr
from napari_ifc.rows import FrameRange, Lane, ProgressView, SpanKind, TimelineData
from napari_ifc.views.transport import propose_text
from napari_ifc.worker import Worker

if TYPE_CHECKING:
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace

GO, RANGE = tr("Go"), tr("Range")
_MENU = (
    "range.approve",
    "range.absent",
    "range.extend",
    "range.propagate",
    "range.repropose",
    "range.delete",
    "range.clear",
)


class TimelineLink(Feature):
    """Lanes, playback, ranges and the progress of the project."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._panel = studio.timeline_panel
        self._unfinished = Unfinished(studio)
        self._timeline = studio.timeline
        self._playback = Playback()
        self._played = 0  # the frame that playing came to
        self._worker = Worker(studio.deliver, "timeline")
        self._asked: tuple[TrackIndex, int] | None = None  # what the worker reads, or has read
        self._progress = ProgressView()
        self._timer = QTimer(studio)
        self._timer.timeout.connect(self._tick)
        self._sought = 0
        self._to_propose: FrameRange | None = None
        self._shown_range: FrameRange | None = None
        self._tinted: dict[int, tuple[Lane, Lane]] = {}  # as it was given, and as it is shown
        self._seek_timer = self.soon(self._seek_now)
        self._panel.action_requested.connect(studio.run_action)
        self._timeline.seek_requested.connect(self._seek)
        self._timeline.range_changed.connect(self._show_range)
        self._timeline.menu_requested.connect(self._show_menu)

    def actions(self) -> Iterable[Action]:
        """Play, zoom, and the actions on a marked range."""
        opened = self.studio.why_not_open
        timeline = self._timeline
        simple: tuple[tuple[str, str, Callable[[], object], str, str], ...] = (
            (
                "play.toggle",
                tr("Play or pause"),
                self.toggle,
                "Shift+Space",
                tr("At the video's speed."),
            ),
            ("timeline.in", tr("Zoom the timeline in"), lambda: timeline.zoom(1.5), "", ""),
            ("timeline.out", tr("Zoom the timeline out"), lambda: timeline.zoom(1 / 1.5), "", ""),
            ("timeline.fit", tr("Show the whole timeline"), timeline.show_all, "", ""),
            (
                "range.mark_left",
                tr("Mark frames to the left"),
                lambda: timeline.step(-1, marking=True),
                "Shift+Left",
                tr("Mark a range of frames of the selected tracks, frame by frame."),
            ),
            (
                "range.mark_right",
                tr("Mark frames to the right"),
                lambda: timeline.step(1, marking=True),
                "Shift+Right",
                tr("Mark a range of frames of the selected tracks, frame by frame."),
            ),
        )
        for action_id, text, call, key, tip in simple:
            group = RANGE if action_id.startswith("range") else GO
            repeats = action_id.startswith("range.mark")
            yield Action(action_id, text, call, key, group, opened, tip, repeats=repeats)
        yield from self._range_actions()

    def _range_actions(self) -> Iterable[Action]:
        marked, tracks = self._why_not_marked, self._why_not_tracks
        do = self._do
        rows: tuple[tuple[str, str, Callable[[], None], Callable[[], str], str], ...] = (
            (
                "range.approve",
                tr("Approve the marked range"),
                lambda: do(self._approve_range),
                marked,
                tr("Approve its masks; without a track, its frames as complete."),
            ),
            (
                "range.absent",
                tr("Mark absent on the marked range"),
                lambda: do(lambda bulk, r: bulk.mark_absent(r)),
                tracks,
                tr("Say that the object is not to be seen there."),
            ),
            (
                "range.extend",
                tr("Extend the track over the marked range"),
                lambda: do(lambda bulk, r: bulk.extend(r)),
                tracks,
                tr("Fill its empty frames: interpolated inside the track, copied beyond its ends."),
            ),
            (
                "range.propagate",
                tr("Propagate within the marked range"),
                self._propagate,
                self._why_not_propagate,
                tr("Take the corrected masks, or those beside it, to these frames and no others."),
            ),
            (
                "range.repropose",
                tr("Re-propose the marked range"),
                self._repropose,
                self._why_not_repropose,
                tr("Let the model look again; what a person reviewed stays."),
            ),
            (
                "range.delete",
                tr("Delete the masks of the marked range"),
                lambda: do(lambda bulk, r: bulk.clear(r)),
                marked,
                tr("Take them back to not annotated; undo brings them back."),
            ),
        )
        for action_id, text, call, why_not, tip in rows:
            text_now = self._propose_text if action_id == "range.repropose" else None
            yield Action(action_id, text, call, "", RANGE, why_not, tip, text_now=text_now)
        yield Action(
            "range.clear",
            tr("Unmark the range"),
            lambda: self._timeline.mark(None),
            "",
            RANGE,
            self._why_not_any,
        )

    def started(self) -> None:
        """Give the buttons their names and keys."""
        self._panel.bind_actions(self.studio.actions)

    # What is shown

    def opened(self, workspace: Workspace) -> None:
        """Show the place; have a worker read what is too much to read at once."""
        self._timeline.set_frame(self.studio.layers.frame_index)
        self._show_place()
        self._count_progress()
        self.load()

    def load(self) -> None:
        """Have a worker read the tracks' frames where they are too many to read at once."""
        workspace = self.workspace
        index = workspace.index
        wanted = index.generation
        if index.is_loaded or self._asked == (index, wanted):
            return
        self._asked = index, wanted
        folder = workspace.session.project.folder
        video_id = workspace.session.entry.id

        def read() -> dict[int, TrackFrames]:
            with view_project(folder, ReaderView.COPY) as reader:
                return read_frames(reader, video_id, self._worker.context)

        def take(frames: dict[int, TrackFrames]) -> None:
            if self.studio.workspace is workspace and index.generation == wanted:
                index.take(frames)
                self.studio.refresh()

        self._worker.submit(read, take, self.studio.fail)

    def refresh(self) -> None:
        """Show lanes and counts."""
        workspace = self.studio.workspace
        if workspace is None:
            return
        session = workspace.session
        lanes = workspace.proposer.lanes()
        data = workspace.index.timeline(session.num_frames, session.fps, lanes)
        data = replace(data, times=session.times)
        self._timeline.set_data(self._with_propagation(self._colored(data)))
        self._forget_gone(data)
        self._show_range()

    def _colored(self, data: TimelineData) -> TimelineData:
        """The lanes in the colours in which masks are seen; none is made twice."""
        workspace = self.workspace
        if not workspace.look.colors:
            self._tinted = {}
            return data
        before, self._tinted = self._tinted, {}
        for lane in data.lanes:
            known, made = before.get(lane.track_id, (None, lane))
            if known is not lane or made.color_rgb != workspace.color_of(lane.track_id):
                (made,) = workspace.colored((lane,))
            self._tinted[lane.track_id] = lane, made
        return replace(data, lanes=tuple(made for _, made in self._tinted.values()))

    def _forget_gone(self, data: TimelineData) -> None:
        """Take tracks that are there no more out of the marked range."""
        marked = self._timeline.marked
        if marked is None or not marked.track_ids:
            return
        there = frozenset(lane.track_id for lane in data.lanes)
        left = tuple(i for i in marked.track_ids if i in there)
        if left != marked.track_ids:
            self._timeline.mark(replace(marked, track_ids=left) if left else None)

    def _with_propagation(self, data: TimelineData) -> TimelineData:
        """The lane of a track that is being propagated shows what has come so far."""
        spreader = self.studio.feature(Correction).spreader
        staged = frozenset() if spreader is None else spreader.staged_frames
        if spreader is None or not staged:
            return data
        frames = np.fromiter(staged, np.int32, len(staged))
        lanes = tuple(
            replace(lane, spans=lane.spans.overlaid(frames, SpanKind.PROVISIONAL))
            if lane.track_id == spreader.track_id
            else lane
            for lane in data.lanes
        )
        return replace(data, lanes=lanes)

    def actions_changed(self) -> None:
        """Enable what is possible."""
        self._panel.refresh_actions()

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """Show an empty timeline."""
        self._pause()
        self._seek_timer.stop()
        self._asked = None
        self._timeline.mark(None)
        self._timeline.set_data(TimelineData())
        self._panel.show_place(0, 0, 0.0)
        if not keep_project:
            self._panel.show_progress(ProgressView())

    def close(self) -> None:
        """Stop the worker."""
        self._timer.stop()
        self._seek_timer.stop()
        self._worker.close()

    def frame_changed(self, frame_index: int) -> None:
        """Move the cursor."""
        self._timeline.set_frame(frame_index)
        self._show_place()

    def selection_changed(self, track_ids: tuple[int, ...]) -> None:
        """Mark the lanes."""
        self._timeline.set_selected(track_ids)

    def project_changed(self, result: EditResult) -> None:
        """Count the project's progress anew where it changed; read what changed by the thousand."""
        self.load()
        if result.reviewed_frames or result.videos_changed or _headers_changed(result):
            self._count_progress()

    def _count_progress(self) -> None:
        project = self.studio.project
        if project is None:
            return
        found = project.progress()
        self._progress = ProgressView(
            found.num_videos,
            found.num_frames,
            found.exhaustive,
            found.num_tracks,
            found.approved_tracks,
        )
        self._panel.show_progress(self._progress)

    @property
    def progress(self) -> ProgressView:
        """How far the review of the project is."""
        return self._progress

    def _show_place(self) -> None:
        session = self.workspace.session
        frame = self.studio.layers.frame_index
        seconds = float(session.times[frame]) if frame < len(session.times) else None
        self._panel.show_place(frame, session.num_frames, session.fps, seconds)

    # Playing

    def toggle(self) -> None:
        """Play, or stop playing."""
        if self._playback.is_playing:
            self._pause()
            return
        session = self.workspace.session
        here = self.studio.layers.frame_index
        first = self._playback.start(here, session.num_frames, session.fps, session.times)
        self.studio.layers.go_to(first)
        self._played = self.studio.layers.frame_index
        if self._playback.is_playing:
            self._timer.start(self._playback.interval_ms)
        self._panel.show_playing(self._playback.is_playing)

    @property
    def is_playing(self) -> bool:
        """Whether the video plays."""
        return self._playback.is_playing

    def _tick(self) -> None:
        if not self._playback.is_playing:
            self._pause()
            return
        layers = self.studio.layers
        if layers.frame_index != self._played:
            self._playback.go_on(layers.frame_index)  # a person went there
        layers.play_to(self._playback.due())
        self._played = layers.frame_index
        self._playback.reached(self._played)

    def _pause(self) -> None:
        self._timer.stop()
        self._playback.stop()
        self._panel.show_playing(False)

    def _seek(self, frame_index: int) -> None:
        """Go where the pointer is by the time that the events which wait are handled."""
        self._sought = frame_index
        self._seek_timer.start()

    def _seek_now(self) -> None:
        self._pause()
        self.studio.layers.go_to(self._sought)

    # Ranges

    def _show_range(self, _: object = None) -> None:
        """Show the marked range; where nothing is in it yet it can be proposed on by itself."""
        marked, before = self._timeline.marked, self._to_propose
        self._to_propose = self._panel.to_propose()
        if marked != self._shown_range or self._to_propose != before:
            self._shown_range = marked
            self._panel.show_range(marked)
        if self._to_propose != before:
            self.studio.presenter.propose(self.studio.why_not_propose())

    def _propose_text(self) -> str:
        """What menus call proposing on the marked range now."""
        marked = self._to_propose
        return tr("Re-propose the marked range") if marked is None else propose_text(marked)

    def _why_not_any(self) -> str:
        if self.studio.workspace is None:
            return self.studio.why_not_open()
        return "" if self._timeline.marked else tr("Drag over a lane to mark a range first.")

    def _why_not_marked(self) -> str:
        return self._why_not_any() or self.workspace.editor.why_not_write()

    def _why_not_tracks(self) -> str:
        reason = self._why_not_marked()
        marked = self._timeline.marked
        if reason or (marked is not None and marked.track_ids):
            return reason
        return tr("Mark the range on the lane of a track.")

    def _why_not_repropose(self) -> str:
        reason, marked = self._why_not_marked(), self._timeline.marked
        if reason or marked is None:
            return reason
        return self.studio.proposing.why_not(Scope(marked.first, marked.last))

    def _why_not_propagate(self) -> str:
        reason = self._why_not_marked()
        return reason or self.studio.feature(Correction).why_not_propagate(
            marked=self._timeline.marked
        )

    def _propagate(self) -> None:
        self.studio.feature(Correction).propagate(marked=self._timeline.marked)

    def _do(self, change: Callable[[BulkController, FrameRange], str]) -> None:
        marked = self._timeline.marked
        if marked is not None:
            self.studio.inform(change(self.bulk(), marked))

    def _approve_range(self, bulk: BulkController, marked: FrameRange) -> str:
        frames = range(marked.first, marked.last + 1)
        shown = self.studio.feature(Visibility).reveal(frames, marked.track_ids)
        if shown:
            text = tr("{shown}; approve again to approve the frames with all their tracks.")
            if marked.track_ids:
                text = tr("{shown}; approve again to approve the marked masks.")
            return text.format(shown=shown)
        told = "" if marked.track_ids else self._unfinished.ask(frames, tr("approve again"))
        return told or bulk.approve_range(marked)

    def bulk(self) -> BulkController:
        """Bulk edits of what is open."""
        session = self.workspace.session
        return BulkController(
            session.project, session.entry, self.workspace.index, self.workspace.editor.apply
        )

    def _repropose(self) -> None:
        marked = self._timeline.marked
        if marked is not None:
            settings = replace(self.studio.panel.propose.settings(), offline=False)
            self.studio.proposing.start(settings, scope=Scope(marked.first, marked.last))

    def _show_menu(self, place: QPoint) -> None:
        menu = QMenu(self._panel)
        actions = self.studio.actions
        for action_id in _MENU:
            action = actions[action_id]
            entry = menu.addAction(action.text if action.text_now is None else action.text_now())
            reason = action.why_not()
            entry.setEnabled(not reason)
            entry.setToolTip(reason or action.tip)
            entry.triggered.connect(lambda _=False, a=action_id: self.studio.run_action(a))
        menu.setToolTipsVisible(True)
        menu.exec(place)
        menu.deleteLater()


def _headers_changed(result: EditResult) -> bool:
    return bool(result.tracks_added or result.tracks_removed or result.tracks_changed)
