"""The review queue: made by a worker, walked through by keyboard, each decision one edit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ifc_core.annotation import EditResult, Scope, edits
from ifc_core.annotation.edits import Edit
from ifc_core.inference.divisions import GAP
from ifc_core.inference.review_queue import (
    ENTRY,
    REASONS,
    Entries,
    QueueEntry,
    Reason,
    entry_at,
)
from ifc_core.jobs import JobContext
from napari_ifc.controllers.identity_words import divided_text, listed
from napari_ifc.controllers.queue_maker import QueueMaker
from napari_ifc.controllers.review_words import absent_text, frames_text, why_text
from napari_ifc.language import tr

__all__ = ["FILTERS", "QueueMaker", "ReviewController", "ReviewView", "why_text"]

_MANY = 64  # tracks changed by one edit from which all of the video is read again

FILTERS: tuple[tuple[str, frozenset[Reason]], ...] = (
    (tr("Everything"), frozenset(Reason)),
    (tr("Suspected swaps"), frozenset({Reason.SWAP})),
    (tr("Suspected divisions"), frozenset({Reason.DIVISION})),
    (tr("Unsure"), frozenset({Reason.UNCERTAIN})),
    (tr("Weak links"), frozenset({Reason.WEAK_LINK})),
    (tr("Poor fits"), frozenset({Reason.POOR_FIT})),
    (tr("Sudden changes"), frozenset({Reason.AREA, Reason.MOVE})),
    (tr("Lost or not reached"), frozenset({Reason.LOST, Reason.UNREACHED})),
    (tr("Low scores"), frozenset({Reason.LOW_SCORE})),
    (tr("Whole tracks"), frozenset({Reason.LOW_SCORE, Reason.NOT_REVIEWED})),
    (tr("Frames to complete"), frozenset({Reason.COMPLETE})),
)
"""What the list can be narrowed to."""


class Submit(Protocol):
    """Has something done in one background thread, in order (``worker.Worker.submit``)."""

    def __call__(
        self,
        work: Callable[[], Entries],
        take: Callable[[Entries], None],
        fail: Callable[[Exception], None],
    ) -> None:
        """See :class:`napari_ifc.worker.Worker`."""


@dataclass(frozen=True, slots=True)
class ReviewView:
    """What the page shows.

    Attributes:
        entries: The entries in order, as ``review_queue.ENTRY`` rows.
        place: The current one, or -1.
        busy: What is being done, or empty.
        total: Entries without the filter.
    """

    entries: Entries
    place: int = -1
    busy: str = ""
    total: int = 0


class ReviewController:
    """The queue of one project and the place in it.

    Args:
        folder: The project.
        submit: Has work done in a background thread.
        apply: Makes an edit; the caller tells :meth:`take_edit` what came of it.
        on_view: Called with what the page shows, whenever it changes.
        on_entry: Called with the entry to show on the canvas; gives whether it is shown. If
            not, there is nothing to decide, until :meth:`come_to` is called with it.
        on_failed: Called with an error of the worker.
        is_seen: Tells whether an entry is still what the person looks at.
    """

    def __init__(
        self,
        folder: Path,
        submit: Submit,
        apply: Callable[[Edit], EditResult],
        on_view: Callable[[ReviewView], None],
        on_entry: Callable[[QueueEntry], bool],
        on_failed: Callable[[Exception], None],
        is_seen: Callable[[QueueEntry], bool] = lambda entry: True,
    ) -> None:
        self._maker = QueueMaker(folder)
        self._submit = submit
        self._apply = apply
        self._on_view = on_view
        self._on_entry = on_entry
        self._on_failed = on_failed
        self._is_seen = is_seen
        self._generation = 0
        self._to_search: tuple[int, ...] = ()  # videos, the next one first
        self._searched = set[int]()  # since which no edit changed them
        self._reading, self._searching = JobContext(), JobContext()
        self._all = np.zeros(0, dtype=ENTRY)
        self._shown = self._all
        self._reasons = FILTERS[0][1]
        self._place = -1
        self._left_at = 0  # where an entry stood that is in the list no more
        self._came_by_itself = False  # the current one, after a decision; nobody acted since
        self._busy = ""
        self._walking = False
        self._video_id = 0
        self._video: Path | None = None
        self._video_ids: tuple[int, ...] = ()
        self._decided: dict[int, QueueEntry] = {}  # number of the edit -> what it decided
        self._undecided: QueueEntry | None = None  # by an undo; it is gone back to

    # Making the queue

    def start(self, video_ids: Sequence[int], video_id: int, video: Path | None) -> None:
        """Make the queue of some videos.

        Args:
            video_ids: The videos.
            video_id: The one that is shown, and is edited from now on.
            video: Its file.
        """
        self._video_ids, self._video_id, self._video = tuple(video_ids), video_id, video
        ids, keep = self._video_ids, video_id
        search = [video_id, *(i for i in ids if i not in self._searched)]
        self._reading.cancel()  # all is read anew
        self._reading = JobContext()
        self._run(lambda maker, context: maker.build(ids, keep, context), search)

    def take_edit(self, result: EditResult, *, come_back: bool = True) -> None:
        """Take in what an edit, undo or redo changed.

        Args:
            result: What it changed.
            come_back: Whether the queue is being walked through, and so goes back to an entry of
                which the decision was undone.
        """
        self._searched -= set(result.video_ids)
        self._came_by_itself = False
        is_undo = come_back and result.direction == "undo"
        self._undecided = self._decided.get(result.seq) if is_undo else None
        if result.videos_changed or (result.tracks and len(result.tracks) > _MANY):
            self.start(self._video_ids, self._video_id, self._video)
            return
        tracks, keep = result.tracks, self._video_id
        if not (tracks or result.reviewed_frames or result.runs_changed):
            return
        # An undo may be of another video than the one that is shown; that of a division which was
        # turned down does not say of which.
        changed = [i for i in self._video_ids if i in result.video_ids]
        if not changed:
            changed = [keep] if result.direction == "do" else list(self._video_ids)
        # What a split or a division did away with may be there again once it is undone.
        is_back = bool(result.tracks_removed) and result.direction != "do"
        search = changed if result.tracks_added or is_back else []
        self._run(
            lambda maker, context: maker.update(changed, tracks, keep, context),
            [*search, *self._to_search],
        )

    def stop(self) -> None:
        """Drop what is being made; nothing is told any more."""
        self._generation += 1
        self._reading.cancel()
        self._searching.cancel()

    def _run(
        self, work: Callable[[QueueMaker, JobContext], Entries], search: Sequence[int]
    ) -> None:
        """Have the queue made, and swaps and divisions looked for in some videos after that."""
        self._generation += 1
        number = self._generation
        self._searching.cancel()  # a search may be repeated, reading may not
        self._searching = JobContext()
        wanted = set(search).intersection(self._video_ids)
        self._to_search = tuple(sorted(wanted, key=lambda i: (i != self._video_id, i)))
        context, maker = self._reading, self._maker
        self._tell(tr("Looking for what needs attention…"))

        def take(entries: Entries) -> None:
            if number == self._generation:
                self._take_and_search(entries, number)

        self._submit(lambda: work(maker, context), take, self._fail)

    def _take_and_search(self, entries: Entries, number: int) -> None:
        """Take what is known; then the next video's turn comes, one after the other."""
        if not self._to_search:
            self._take(entries, "")
            return
        self._take(entries, tr("Looking for swaps and divisions…"))
        maker, context, video_id = self._maker, self._searching, self._to_search[0]
        video = self._video if video_id == self._video_id else None

        def take(entries: Entries) -> None:
            if number == self._generation:
                self._to_search = self._to_search[1:]
                self._searched.add(video_id)
                self._take_and_search(entries, number)

        def fail(error: Exception) -> None:
            if number == self._generation:
                self._to_search = self._to_search[1:]  # the others are looked through all the same
                self._take_and_search(self._all, number)
            self._on_failed(error)

        self._submit(lambda: maker.find_suspicions(video_id, video, context), take, fail)

    def _fail(self, error: Exception) -> None:
        self._tell("")
        self._on_failed(error)

    def _take(self, entries: Entries, busy: str) -> None:
        ran_empty = self._walking and not len(self._shown)
        entry, back = self.current, self._undecided
        follows = self._came_by_itself and entry is not None and self._is_seen(entry)
        self._all = entries
        self._filter()
        self._find(entry)
        self._tell(busy)
        if back is not None and back.video_id == self._video_id and self._place_of(back) >= 0:
            self.come_to(back)
        elif follows and self._place < 0:
            self._go_on(self._left_at)  # it was mended along with what was decided
        elif ran_empty and len(self._shown) and self._shown["video"][0] == self._video_id:
            self.go_to(0)  # what was left to do came in; no video is left for it unasked

    def _go_on(self, place: int) -> None:
        """Show what stands at a place of the list now, or the last one, unasked."""
        if not len(self._shown):
            return
        place = min(place, len(self._shown) - 1)
        if self._shown["video"][place] == self._video_id:  # no video is left for it
            self.go_to(place)
            self._came_by_itself = True

    def _find(self, entry: QueueEntry | None) -> None:
        """Stay on an entry, wherever it stands now, or on what is left of its stretch.

        On no other one: what is decided is what the person was shown.
        """
        if entry is None:
            self._place = -1
            return
        old_place, self._place = self._place, self._place_of(entry)
        if self._place < 0:
            self._left_at = old_place

    def _place_of(self, entry: QueueEntry) -> int:
        """Where an entry stands now, or what is left of its stretch; -1 for nowhere."""
        rows = self._shown
        same = (rows["video"] == entry.video_id) & (rows["track"] == entry.track_id)
        same &= rows["other"] == entry.other_id
        same &= rows["reason"] == REASONS.index(entry.reason)
        places = np.flatnonzero(same & (rows["first"] == entry.first))
        if not len(places):
            inside = (rows["first"] >= entry.first) & (rows["last"] <= entry.last)
            places = np.flatnonzero(same & inside)
        return int(places[0]) if len(places) else -1

    def _filter(self) -> None:
        codes = [REASONS.index(reason) for reason in self._reasons]
        self._shown = self._all[np.isin(self._all["reason"], codes)]

    def _tell(self, busy: str) -> None:
        self._busy = busy
        self._on_view(ReviewView(self._shown, self._place, busy, len(self._all)))

    # Walking through it

    @property
    def entries(self) -> Entries:
        """The entries in order, narrowed to the chosen reasons."""
        return self._shown

    @property
    def current(self) -> QueueEntry | None:
        """The entry that is shown."""
        inside = 0 <= self._place < len(self._shown)
        return entry_at(self._shown, self._place) if inside else None

    @property
    def is_busy(self) -> bool:
        """Whether the queue is being made."""
        return bool(self._busy)

    def narrow(self, reasons: frozenset[Reason]) -> None:
        """List only entries of these reasons."""
        self._came_by_itself = False
        entry = self.current
        self._reasons = reasons
        self._filter()
        self._find(entry)
        if self._place < 0:
            self._left_at = 0
        self._tell(self._busy)

    def go_to(self, place: int) -> None:
        """Show an entry."""
        self._undecided, self._came_by_itself = None, False
        if 0 <= place < len(self._shown):
            self._place, self._walking = place, True
            self._tell(self._busy)
            if not self._on_entry(entry_at(self._shown, place)):
                self._place, self._left_at = -1, place
                self._tell(self._busy)

    def come_to(self, entry: QueueEntry) -> None:
        """Show an entry whose video is there now; none where it is in the list no more."""
        place = self._place_of(entry)
        if place >= 0:
            self.go_to(place)

    def next(self) -> None:
        """Show the next entry; after the last one, the first."""
        if len(self._shown):
            place = self._left_at if self._place < 0 else self._place + 1
            self.go_to(place % len(self._shown))

    def previous(self) -> None:
        """Show the entry before."""
        if len(self._shown):
            place = self._left_at if self._place < 0 else self._place
            self.go_to((place - 1) % len(self._shown))

    def doubtful_frames(self) -> npt.NDArray[np.int32]:
        """Frames of the shown video that need attention, ascending."""
        whole = [REASONS.index(r) for r in (Reason.LOW_SCORE, Reason.NOT_REVIEWED, Reason.COMPLETE)]
        rows = self._all[self._all["video"] == self._video_id]
        return np.unique(rows["frame"][~np.isin(rows["reason"], whole)])

    # Deciding

    def accept(self) -> str:
        """The entry is right: approve what it stands for, link what divided, and go on.

        Returns:
            What was done, in a sentence.
        """
        entry = self._entry()
        scope = Scope(entry.first, entry.last)
        if entry.reason is Reason.COMPLETE:
            complete = edits.ApproveFrames(entry.video_id, scope, at_annotation_step=True)
            count = len(self._decide(entry, complete).reviewed_frames.get(entry.video_id, ()))
            if count <= entry.last - entry.first:  # the video is annotated every n-th frame
                return tr("Approved {count} of {frames} as complete.").format(
                    count=count, frames=frames_text(entry)
                )
            return tr("Approved {frames} as complete.").format(frames=frames_text(entry))
        if entry.reason is Reason.SWAP:
            both = (entry.track_id, entry.other_id)
            self._decide(entry, edits.ApproveTracks(both, scope))
            return tr("Kept tracks {both} and {both2} as they are on frame {first}.").format(
                both=both[0], both2=both[1], first=entry.first
            )
        if entry.reason is Reason.DIVISION:
            return self._link(entry)
        if entry.reason in (Reason.LOW_SCORE, Reason.NOT_REVIEWED):
            self._decide(entry, edits.ApproveTracks((entry.track_id,)), whole_track=True)
            return tr("Approved track {track_id}.").format(track_id=entry.track_id)
        if entry.reason is Reason.LOST:
            absent = edits.MarkAbsent(entry.track_id, scope, unannotated_only=True)
            return absent_text(entry, self._decide(entry, absent))
        self._decide(entry, edits.ApproveTracks((entry.track_id,), scope))
        return tr("Approved track {track_id} on {frames}.").format(
            track_id=entry.track_id, frames=frames_text(entry)
        )

    def fix(self) -> str:
        """Exchange the tracks of a suspected swap, or link those of a division, and go on.

        Returns:
            What was done, in a sentence.
        """
        entry = self._entry()
        if entry.reason is Reason.DIVISION:
            return self._link(entry)
        scope = Scope.from_here(entry.first)
        self._decide(entry, edits.SwapIdentities(entry.track_id, entry.other_id, scope))
        return tr("Exchanged tracks {track_id} and {other_id} from frame {first} on.").format(
            track_id=entry.track_id, other_id=entry.other_id, first=entry.first
        )

    def _link(self, entry: QueueEntry) -> str:
        daughters = (entry.track_id, entry.other_id)
        division = edits.LinkDivision(entry.parent_id, daughters, entry.frame_index, lingering=GAP)
        result = self._decide(entry, division)
        others = [i for i in daughters if i != entry.parent_id]
        added, moved = result.tracks_added, entry.parent_id in result.changed_frames
        lingered = moved and not added
        return divided_text(entry.parent_id, others, added, entry.frame_index, lingered=lingered)

    def reject(self) -> str:
        """The entry is wrong: reject its masks, the whole track or the division, and go on.

        Returns:
            What was done, in a sentence.
        """
        entry = self._entry()
        if entry.reason is Reason.DIVISION:
            daughters = (entry.track_id, entry.other_id)
            self._decide(entry, edits.RefuseDivision(entry.parent_id, daughters, entry.frame_index))
            text = tr(
                "Track {mother} did not divide into {numbers}; their masks are not approved by it."
            )
            return text.format(mother=entry.parent_id, numbers=listed(sorted(daughters)))
        if entry.reason in (Reason.LOW_SCORE, Reason.NOT_REVIEWED):
            self._decide(entry, edits.RejectTracks((entry.track_id,)), whole_track=True)
            return tr("Rejected track {track_id}; undo brings it back.").format(
                track_id=entry.track_id
            )
        scope = Scope(entry.first, entry.last)
        self._decide(entry, edits.RejectMasks((entry.track_id,), scope))
        return tr("Rejected track {track_id} on {frames}.").format(
            track_id=entry.track_id, frames=frames_text(entry)
        )

    def _entry(self) -> QueueEntry:
        entry = self.current
        assert entry is not None  # noqa: S101 - why_not was asked before
        return entry

    def _decide(self, entry: QueueEntry, edit: Edit, *, whole_track: bool = False) -> EditResult:
        place = self._place
        result = self._apply(edit)  # on an error nothing below happens and the entry stays
        self._decided[result.seq] = entry
        gone = self._all["video"] == entry.video_id
        gone &= self._all["track"] == entry.track_id
        if not whole_track:
            gone &= (self._all["first"] == entry.first) & (self._all["other"] == entry.other_id)
            gone &= self._all["reason"] == REASONS.index(entry.reason)
        self._all = self._all[~gone]
        self._filter()
        self._place = -1
        if len(self._shown):
            self.go_to(min(place, len(self._shown) - 1))
            self._came_by_itself = True
        else:
            self._tell(self._busy)
        return result

    def why_not_decide(self) -> str:
        """Why there is nothing to decide, or an empty string."""
        if self.current is not None:
            return ""
        if len(self._shown):
            return tr("Choose an entry of the queue first.")
        return tr("The queue is being made.") if self._busy else tr("The queue is empty.")

    def why_not_accept(self) -> str:
        """Why the entry cannot be accepted."""
        entry = self.current
        if entry is not None and entry.reason is Reason.UNREACHED:
            return tr("Nobody looked there yet: correct the track on a frame and propagate again.")
        return self.why_not_decide()

    def why_not_fix(self) -> str:
        """Why there is no swap to exchange, and no division to link."""
        entry = self.current
        can_fix = entry is not None and entry.reason in (Reason.SWAP, Reason.DIVISION)
        reason = tr("Only suspected swaps are exchanged and suspected divisions linked.")
        return self.why_not_decide() or ("" if can_fix else reason)

    def why_not_reject(self) -> str:
        """Why the entry cannot be rejected."""
        entry = self.current
        if entry is not None and entry.reason is Reason.COMPLETE:
            return tr("Frames cannot be rejected; draw what is missing.")
        if entry is not None and entry.reason is Reason.SWAP:
            return tr("There is nothing to reject: exchange the two tracks, or keep them.")
        if entry is not None and entry.reason in (Reason.LOST, Reason.UNREACHED):
            return tr("There is no mask to reject; draw the object, or mark it absent.")
        return self.why_not_decide()
