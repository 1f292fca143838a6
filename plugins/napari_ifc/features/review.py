"""Saying what is right: the review queue, and approving frames."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtWidgets import QAbstractButton, QApplication

from ifc_core.annotation import EditResult, Scope
from ifc_core.annotation.edits import Edit
from ifc_core.inference.review_queue import REASONS, QueueEntry, Reason, entry_at
from napari_ifc.actions import Action
from napari_ifc.controllers.review import FILTERS, ReviewController, ReviewView
from napari_ifc.controllers.review_words import division_title, why_text
from napari_ifc.feature import NOTHING_OPEN, Feature
from napari_ifc.features.correction import Correction
from napari_ifc.features.timeline import TimelineLink
from napari_ifc.features.unfinished import Unfinished
from napari_ifc.features.videos import Videos
from napari_ifc.features.visibility import Visibility
from napari_ifc.journal_text import note_text
from napari_ifc.language import tr
from napari_ifc.overlay import DrawnMask
from napari_ifc.rows import QueueRow
from napari_ifc.views.review_page import ReviewPage
from napari_ifc.worker import Worker

if TYPE_CHECKING:
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace

PAGE, GROUP = "review", tr("Review")
_ICONS = {
    Reason.SWAP: "swap",
    Reason.DIVISION: "divide",
    Reason.UNCERTAIN: "attention",
    Reason.WEAK_LINK: "link",
    Reason.POOR_FIT: "overlap",
    Reason.AREA: "size",
    Reason.MOVE: "jump",
    Reason.LOST: "lost",
    Reason.UNREACHED: "gap",
    Reason.LOW_SCORE: "attention",
    Reason.NOT_REVIEWED: "label",
    Reason.COMPLETE: "frames",
}
_ADVICE = {
    Reason.SWAP: tr("Exchange gives each the other's masks from here on; Keep approves both here"),
    Reason.DIVISION: tr("Link makes them mother and daughters; else they stay as they are"),
    Reason.LOST: tr("Accept marks it absent on these frames; else draw it and propagate again"),
    Reason.UNREACHED: tr("Correct a frame here and propagate again"),
    Reason.LOW_SCORE: tr("Accept approves the whole track"),
    Reason.NOT_REVIEWED: tr("Accept approves the whole track"),
    Reason.COMPLETE: tr("Accept approves the frames as complete"),
}
_DECISIONS: dict[Reason, dict[str, tuple[str, str]]] = {
    Reason.SWAP: {
        "review.accept": (tr("Keep"), tr("Approve both tracks here as they are, and go on.")),
        "review.fix": (tr("Exchange"), tr("Exchange the two tracks from here on, and go on.")),
    },
    Reason.DIVISION: {
        "review.accept": (
            tr("Link"),
            tr("Link the daughters to their mother, which is split where its number goes on."),
        ),
        "review.fix": ("", ""),  # does the same
        "review.reject": (
            tr("Not a division"),
            tr("Say that they are no mother and daughters. No mask is approved by it."),
        ),
    },
}
_OTHER_ADVICE = tr("Accept approves these frames of the track")
_GAPS = frozenset({Reason.LOST, Reason.UNREACHED})
_WHOLE = (Reason.LOW_SCORE, Reason.NOT_REVIEWED, Reason.COMPLETE)


class Review(Feature):
    """The page of the queue, its keys, and approving frames."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.page = ReviewPage(tuple(name for name, _ in FILTERS))
        self.controller: ReviewController | None = None
        self._worker: Worker | None = None
        self._whole_project = False
        self._names: dict[int, str] = {}  # of the videos, by id
        self._awaited: QueueEntry | None = None  # whose video is being opened
        self._mother: tuple[QueueEntry, int] | None = None
        self._unfinished = Unfinished(studio)
        studio.presenter.drawings.append(self._ghosts)
        studio.panel.add_page(PAGE, tr("Review"), self.page)
        self.page.entry_requested.connect(self._show_place)
        self.page.filter_requested.connect(self._narrow)
        self.page.scope_requested.connect(self._choose_scope)
        self.page.action_requested.connect(studio.run_action)
        studio.panel.page_changed.connect(self._on_page)

    def actions(self) -> Iterable[Action]:
        """Walk through the queue, decide, and approve frames."""
        accept = self._reason(lambda c: c.why_not_accept())
        any_entry = self._reason(lambda c: "" if len(c.entries) else tr("The queue is empty."))
        yield Action(
            "review.space",
            tr("Accept in review, else play or pause"),
            self._space,
            "Space",
            GROUP,
            self.studio.why_not_open,
            tr("While the review page is in front it accepts, otherwise it plays."),
        )
        rows: tuple[tuple[str, str, str, Callable[[], object], Callable[[], str], str], ...] = (
            (
                "review.accept",
                tr("Accept the entry"),
                "",
                lambda: self._decide(self._accept),
                self._may(accept),
                tr("Approve what it stands for, or link a suspected division, and go to the next."),
            ),
            (
                "review.fix",
                tr("Fix the suspected swap or division"),
                "Y",
                lambda: self._decide(lambda c: c.fix()),
                self._may(self._reason(lambda c: c.why_not_fix())),
                tr("Exchange the two tracks from here on, or link daughters to their mother."),
            ),
            (
                "review.reject",
                tr("Reject the entry"),
                "U",
                lambda: self._decide(lambda c: c.reject()),
                self._may(self._reason(lambda c: c.why_not_reject()), unseen=True),
                tr("Reject these masks, the whole track, or the division, and go to the next."),
            ),
            (
                "review.next",
                tr("Next entry of the queue"),
                "Q",
                lambda: self._walk(forward=True),
                any_entry,
                tr("Decide later and look at the next one."),
            ),
            (
                "review.previous",
                tr("Previous entry of the queue"),
                "Shift+Q",
                lambda: self._walk(forward=False),
                any_entry,
                "",
            ),
            (
                "attention.next",
                tr("Next frame that needs attention"),
                "Shift+J",
                lambda: self._attend(forward=True),
                self.studio.why_not_open,
                tr("Go to the next frame of this video that the queue lists."),
            ),
            (
                "attention.previous",
                tr("Previous frame that needs attention"),
                "Shift+K",
                lambda: self._attend(forward=False),
                self.studio.why_not_open,
                tr("Go to the frame before that the queue lists."),
            ),
        )
        for action_id, text, key, call, why_not, tip in rows:
            yield Action(action_id, text, call, key, GROUP, why_not, tip)
        yield Action(
            "review.lost",
            tr("Look where a propagation lost its object"),
            self._look_for_lost,
            group=GROUP,
            why_not=self._reason(lambda c: ""),
            tip=tr("Review what the last propagation did not find, or did not come to."),
        )
        yield Action(
            "frame.approve",
            tr("Approve frame"),
            self._approve_frame,
            shortcut="A",
            group=GROUP,
            why_not=self.editor_reason(lambda e: e.why_not_change()),
            tip=tr("Say that this frame is complete and right; again takes it back."),
        )

    def _approve_frame(self) -> None:
        editor = self.workspace.editor
        if not editor.frame_is_approved():
            here = range(editor.frame_index, editor.frame_index + 1)
            action = self.studio.actions["frame.approve"]
            key = action.shortcut or f"“{action.text}”"
            told = self.studio.feature(Visibility).reveal(here)
            if told:
                again = tr("{shown}; press {key} again to approve the frame with all its tracks.")
                told = again.format(shown=told, key=key)
            told = told or self._unfinished.ask(here, tr("press {key} again").format(key=key))
            if told:
                self.studio.inform(told)
                return
        result = editor.approve_frame()
        text = tr("The approval of frame {frame_index} was taken back.")
        if editor.frame_is_approved():
            text = tr("Frame {frame_index} is approved.")
        said = (text.format(frame_index=editor.frame_index), note_text(result.note))
        self.studio.inform(" ".join(filter(None, said)))

    def started(self) -> None:
        """Give the buttons their names and keys."""
        self.page.bind_actions(self.studio.actions)
        renew = self.page.bind_actions
        self.studio.shortcuts_changed.connect(lambda: renew(self.studio.actions))

    # Opening and closing

    def opened(self, workspace: Workspace) -> None:
        """Make the queue of the video, beside the window."""
        if self.controller is None:
            worker = self._worker = Worker(self.studio.deliver, "review")
            self.controller = ReviewController(
                workspace.session.project.folder,
                worker.submit,
                self._apply,
                self._show,
                self._show_entry,
                self.studio.fail,
                self._is_seen,
            )
        self.page.show_progress(self.studio.feature(TimelineLink).progress)
        self._start(workspace)

    def _start(self, workspace: Workspace) -> None:
        self._names = {entry.id: entry.name for entry in workspace.session.project.videos()}
        videos = list(self._names)
        video_id = workspace.session.entry.id
        chosen = videos if self._whole_project else [video_id]
        self.page.show_scope(whole_project=self._whole_project, possible=len(videos) > 1)
        if self.controller is not None:
            self.controller.start(chosen, video_id, workspace.session.reader.video.path)

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """Drop the queue with its project; it stays for another video of the same one."""
        if not keep_project:
            self._stop()
            self._whole_project = False
            self.page.show_queue(0, _no_row, -1, 0, "")

    def close(self) -> None:
        """Stop the worker."""
        self._stop()

    def _stop(self) -> None:
        self._awaited = None
        if self.controller is not None:
            self.controller.stop()
            self.controller = None
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def project_changed(self, result: EditResult) -> None:
        """Have the queue follow the edit."""
        if result.videos_changed:
            self._start(self.workspace)  # the project's list of videos is another one
        elif self.controller is not None:
            here = self.studio.panel.current_page == PAGE
            self.controller.take_edit(result, come_back=here)
        self.page.show_progress(self.studio.feature(TimelineLink).progress)

    def actions_changed(self) -> None:
        """Enable what is possible."""
        self.page.refresh_actions()

    # Showing

    def _show(self, view: ReviewView) -> None:
        entries = view.entries
        self.page.show_queue(
            len(entries),
            lambda place: self._row(entry_at(entries, place)),
            view.place,
            view.total,
            view.busy,
        )

    def _row(self, entry: QueueEntry) -> QueueRow:
        title, color = self._title(entry)
        frames = tr("frames {first:,} to {last:,}").format(first=entry.first, last=entry.last)
        if entry.first == entry.last:
            frames = tr("frame {first:,}").format(first=entry.first)
        return QueueRow(
            title=title,
            place=frames,
            why=why_text(entry),
            advice=_ADVICE.get(entry.reason, _OTHER_ADVICE) + ".",
            icon=_ICONS[entry.reason],
            need=entry.need,
            urgent=entry.reason not in _WHOLE,
            color_rgb=color,
            decisions=_DECISIONS.get(entry.reason, {}),
            video="" if self._is_here(entry) else self._names.get(entry.video_id, ""),
        )

    def _is_here(self, entry: QueueEntry) -> bool:
        """Whether an entry is of the video that is shown."""
        workspace = self.studio.workspace
        return workspace is not None and entry.video_id == workspace.session.entry.id

    def _title(self, entry: QueueEntry) -> tuple[str, tuple[int, int, int] | None]:
        workspace = self.studio.workspace
        if not entry.track_id:
            return tr("Frames"), None
        if entry.reason is Reason.DIVISION:
            mother = entry.parent_id
            is_known = workspace is not None and mother in workspace.index
            color = workspace.color_of(mother) if workspace is not None and is_known else None
            return division_title(entry), color
        title = tr("Track {track_id}").format(track_id=entry.track_id)
        if workspace is None or entry.track_id not in workspace.index:
            return title, None
        name = workspace.index.class_name(entry.track_id)
        return f"{title} · {name}", workspace.color_of(entry.track_id)

    def _show_entry(self, entry: QueueEntry) -> bool:
        workspace = self.studio.workspace
        if workspace is None:
            return False
        if entry.video_id != workspace.session.entry.id:
            self._await_video(entry)
            return False
        self._awaited = None
        self._mother = self._mother_of(entry)
        self.studio.layers.go_to(entry.frame_index)
        self.studio.select(_tracks_of(entry))
        return True

    def _is_seen(self, entry: QueueEntry) -> bool:
        """Whether the person is where an entry was shown, and does nothing else."""
        workspace, layers = self.studio.workspace, self.studio.layers
        return (
            workspace is not None
            and self.studio.panel.current_page == PAGE
            and not layers.is_drawing
            and layers.frame_index == entry.frame_index
            and workspace.editor.selected == _tracks_of(entry)
        )

    def _mother_of(self, entry: QueueEntry) -> tuple[QueueEntry, int] | None:
        """A suspected division, and the last frame before it on which its mother is seen."""
        if entry.reason is not Reason.DIVISION or not entry.frame_index:
            return None
        before = Scope(0, entry.frame_index - 1)
        columns = self.workspace.session.project.track_columns(entry.parent_id, before)
        seen = columns.frame_index[columns.has_mask]
        return (entry, int(seen[-1])) if len(seen) else None

    def _ghosts(self, frame_index: int) -> Sequence[DrawnMask]:
        """The mother as she was last, where a division that she is suspected of is looked at."""
        workspace = self.studio.workspace
        current = None if self.controller is None else self.controller.current
        if workspace is None or current is None or self._mother is None:
            return ()
        entry, seen = self._mother
        if (current.key, frame_index) != (entry.key, entry.frame_index):
            return ()
        if entry.video_id != workspace.session.entry.id or entry.parent_id not in workspace.index:
            return ()
        record = workspace.session.project.mask(entry.parent_id, seen)
        if record is None or record.rle is None:
            return ()
        color = workspace.color_of(entry.parent_id)
        return (DrawnMask(entry.parent_id, record.rle, color, filled=False, ghost=True),)

    def _await_video(self, entry: QueueEntry) -> None:
        """Have an entry's video shown, then the entry; what was awaited before is not any more."""
        if entry == self._awaited:
            return
        self._awaited = entry

        def come(shown: bool) -> None:
            if self._awaited is not entry:
                return
            self._awaited = None
            if shown and self.controller is not None:
                self.controller.come_to(entry)

        videos = self.studio.feature(Videos)
        videos.show(entry.video_id, come, lambda: self._awaited is entry)

    def _on_page(self, name: str) -> None:
        if name == PAGE:
            self.page.focus_list()

    # Walking and deciding

    def _reason(self, ask: Callable[[ReviewController], str]) -> Callable[[], str]:
        def reason() -> str:
            return NOTHING_OPEN if self.controller is None else ask(self.controller)

        return reason

    def _may(self, reason: Callable[[], str], *, unseen: bool = False) -> Callable[[], str]:
        """A decision that needs the frame to be seen, or can be taken where it cannot be."""
        seen = self.editor_reason(lambda e: e.why_not_change())
        change = self.editor_reason(lambda e: e.why_not_write()) if unseen else seen
        return lambda: change() or reason()

    def _decide(self, decision: Callable[[ReviewController], str]) -> None:
        if self.controller is not None:
            self.studio.inform(decision(self.controller))

    def _accept(self, controller: ReviewController) -> str:
        entry = controller.current
        here = self.workspace.session.entry.id
        if entry is not None and entry.reason is Reason.COMPLETE and entry.video_id == here:
            frames = range(entry.first, entry.last + 1)
            told = self.studio.feature(Visibility).reveal(frames)
            if told:
                again = tr("{shown}; accept again to approve the frames with all their tracks.")
                told = again.format(shown=told)
            told = told or self._unfinished.ask(frames, tr("accept again"))
            if told:
                return told
        return controller.accept()

    def _apply(self, edit: Edit) -> EditResult:
        return self.workspace.editor.apply(edit)

    def _walk(self, *, forward: bool) -> None:
        if self.controller is None:
            return
        if self.studio.panel.current_page != PAGE:
            self.studio.panel.show_page(PAGE)
        if forward:
            self.controller.next()
        else:
            self.controller.previous()

    def _look_for_lost(self) -> None:
        """List stretches that propagations lost, and show the first of the last one's track."""
        if self.controller is None:
            return
        place = next(i for i, (_, reasons) in enumerate(FILTERS) if reasons == _GAPS)
        self.studio.panel.show_page(PAGE)
        self.page.show_filter(place)
        self._narrow(place)
        entries = self.controller.entries
        its = entries["track"] == (self.studio.feature(Correction).told_track or 0)
        its &= entries["reason"] == REASONS.index(Reason.LOST)
        self.controller.go_to(int(np.flatnonzero(its)[0]) if its.any() else 0)

    def _space(self) -> None:
        focused = QApplication.focusWidget()
        if isinstance(focused, QAbstractButton) and self.studio.panel.isAncestorOf(focused):
            focused.click()  # Space presses the button it stands on, as everywhere
        elif self.studio.panel.current_page == PAGE:
            self.studio.run_action("review.accept")
        else:
            self.studio.run_action("play.toggle")

    def _attend(self, *, forward: bool) -> None:
        if self.controller is None:
            return
        marks = self.controller.doubtful_frames()
        here = self.studio.layers.frame_index
        place = bisect_right(marks, here) if forward else bisect_left(marks, here) - 1
        if 0 <= place < len(marks):
            self.studio.layers.go_to(int(marks[place]))
        else:
            self.studio.inform(tr("No further frame needs attention in that direction."))

    def _show_place(self, place: int) -> None:
        if self.controller is not None:
            self.controller.go_to(place)

    def _narrow(self, place: int) -> None:
        if self.controller is not None:
            self.controller.narrow(FILTERS[place][1])

    def _choose_scope(self, whole_project: bool) -> None:
        self._whole_project = whole_project
        if self.studio.workspace is not None:
            self._start(self.workspace)


def _tracks_of(entry: QueueEntry) -> tuple[int, ...]:
    """The tracks that are selected with an entry."""
    chosen = dict.fromkeys((entry.track_id, entry.other_id, entry.parent_id))
    return tuple(track_id for track_id in chosen if track_id)


def _no_row(place: int) -> QueueRow:
    raise IndexError(place)
