"""Edits of whole tracks: new, delete, relabel, merge, split, swap, order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ifc_core.annotation.delta import Pointer
from ifc_core.annotation.edits.base import Edit, OverlapRule, check_name, name_of, names_of, touched
from ifc_core.annotation.edits.lineage import carry_links, find_joints, move_to_new_track, split
from ifc_core.annotation.pointer_tables import FRAME, MASK, TRACK
from ifc_core.annotation.records import WHOLE, Scope
from ifc_core.annotation.transaction import (
    CORRECTED,
    DERIVED,
    HUMAN,
    PROPOSED,
    REJECTED,
    EditTransaction,
)
from ifc_core.structures import FrameState, MaskSource, RLEMask, Track, TrackKind, TrackState

KIND_WORDS = {
    TrackKind.OBJECT: "an object again",
    TrackKind.CROWD: "a crowd",
    TrackKind.IGNORE: "a region to ignore",
}
"""What a track is made, in the words of the history list."""


@dataclass(frozen=True, slots=True)
class NewTrack(Edit):
    """Begin a track, on top of the others; its id is in ``EditResult.tracks_added``.

    Attributes:
        video_id: The video.
        category_id: Its class.
        frame_index: Frame of a first mask, or ``None``.
        rle: The first mask, or ``None``.
        name: Optional label.
        kind: An object, a crowd region or a region to ignore.
        seconds_spent: How long the person took for the mask.
    """

    video_id: int
    category_id: int
    frame_index: int | None = None
    rle: RLEMask | None = None
    name: str = ""
    kind: TrackKind = TrackKind.OBJECT
    seconds_spent: float = 0.0

    def perform(self, tx: EditTransaction) -> str:
        """Make the track and, where given, its first mask."""
        check_name(tx, self.name)
        track = tx.new_track(self.video_id, self.category_id, name=self.name, kind=self.kind)
        if self.rle is None or self.frame_index is None:
            return f"New {name_of(track)}"
        tx.put_mask(
            track,
            self.frame_index,
            self.rle,
            MaskSource.HUMAN,
            FrameState.CORRECTED,
            self.seconds_spent,
        )
        return f"New {name_of(track)}, frame {self.frame_index}"


@dataclass(frozen=True, slots=True)
class DeleteTracks(Edit):
    """Delete tracks with all their masks.

    Attributes:
        track_ids: The tracks.
    """

    track_ids: tuple[int, ...]

    def perform(self, tx: EditTransaction) -> str:
        """Drop the tracks and what they show."""
        tracks = tx.tracks_of(self.track_ids)
        tx.drop_tracks(tracks)
        return f"Delete {names_of(tracks)}"


@dataclass(frozen=True, slots=True)
class RelabelTracks(Edit):
    """Give tracks another class.

    With a scope that is not the whole track, the frames in scope move to a new track of
    the new class and the rest stays.

    Attributes:
        track_ids: The tracks.
        category_id: The new class.
        scope: The frames.
    """

    track_ids: tuple[int, ...]
    category_id: int
    scope: Scope = WHOLE

    def perform(self, tx: EditTransaction) -> str:
        """Change the class of the headers, or move the frames in scope to new tracks."""
        category = tx.category(self.category_id)
        tracks = tx.tracks_of(self.track_ids)
        for track_id in [track.id for track in tracks]:
            track = tx.track(track_id)  # as it is after the others
            if not tx.shows_beyond(track.id, self.scope):
                if track.category_id != category.id:
                    tx.put_track(touched(replace(track, category_id=category.id)))
            elif tx.pointers(track.id, self.scope):
                move_to_new_track(tx, track, self.scope, category.id)
        return f"Relabel {names_of(tracks)} to {category.name}, {self.scope.describe()}"


@dataclass(frozen=True, slots=True)
class SetTrack(Edit):
    """Change a track's name, kind or colour; ``None`` leaves a field as it is.

    Attributes:
        track_id: The track.
        name: New label.
        kind: New kind (object, crowd, ignore).
        color_rgb: New colour.
    """

    track_id: int
    name: str | None = None
    kind: TrackKind | None = None
    color_rgb: tuple[int, int, int] | None = None

    def perform(self, tx: EditTransaction) -> str:
        """Change the header."""
        track = tx.track(self.track_id)
        if self.name is not None and self.name != track.name:
            check_name(tx, self.name)
        changed = replace(
            track,
            name=track.name if self.name is None else self.name,
            kind=track.kind if self.kind is None else self.kind,
            color_rgb=track.color_rgb if self.color_rgb is None else self.color_rgb,
        )
        if changed != track:
            tx.put_track(touched(changed))
        if self.name is not None and self.name != track.name:
            if not self.name:
                return f"Take the name of track {track.id} away"
            return f"Rename track {track.id} to {self.name}"
        if self.kind is not None and self.kind != track.kind:
            return f"Make {name_of(track)} {KIND_WORDS[self.kind]}"
        return f"Change colour of {name_of(track)}"


@dataclass(frozen=True, slots=True)
class SetZOrder(Edit):
    """Set the order of tracks, bottom first; tracks of the video not named stay below.

    Attributes:
        video_id: The video.
        track_ids: The tracks from bottom to top.
    """

    video_id: int
    track_ids: tuple[int, ...]

    def perform(self, tx: EditTransaction) -> str:
        """Number the tracks of the video from bottom to top."""
        tracks = {track.id: track for track in tx.tracks(self.video_id)}
        named = dict.fromkeys(self.track_ids)
        if unknown := [i for i in named if i not in tracks]:
            tx.fail(f"Track {unknown[0]} is not in video {self.video_id}.")
        order = [*(i for i in tracks if i not in named), *named]
        for z_order, track_id in enumerate(order):
            if tracks[track_id].z_order != z_order:
                tx.put_track(replace(tracks[track_id], z_order=z_order))
        return f"Reorder {len(named)} tracks"


@dataclass(frozen=True, slots=True)
class MergeTracks(Edit):
    """Merge tracks into one.

    Attributes:
        keep_id: The track that stays, with its class and colour.
        other_ids: The tracks that go into it.
        overlap: What happens on frames where both have a mask.
    """

    keep_id: int
    other_ids: tuple[int, ...]
    overlap: OverlapRule = OverlapRule.PREFER_HUMAN

    def perform(self, tx: EditTransaction) -> str:
        """Move the other tracks' records to the kept one, then drop them."""
        kept = tx.track(self.keep_id)
        others = tx.tracks_of(i for i in self.other_ids if i != self.keep_id)
        if not others:
            tx.fail("A merge needs at least two tracks.")
        if any(other.video_id != kept.video_id for other in others):
            tx.fail("Only tracks of one video can be merged.")
        mine = tx.pointers(kept.id)
        before = dict(mine)
        shared: set[int] = set()  # frames on which both have a mask
        taken: set[int] = set()  # those among them on which another's is kept
        merged = {other.id: kept.id for other in others}
        joints = find_joints(tx, kept.video_id, {kept.id, *merged})
        shown = tx.pointer_table(kept.video_id, [other.id for other in others])
        for other in others:
            for row in shown[shown[:, TRACK] == other.id].tolist():
                frame_index, theirs = row[FRAME], Pointer(*row[MASK:])
                here = mine.get(frame_index)
                mine[frame_index] = _winner(tx, self.overlap, kept, here, theirs)
                if here is not None and here.is_seen and theirs.is_seen:
                    shared.add(frame_index)
                    if mine[frame_index].mask_id != here.mask_id:
                        taken.add(frame_index)
        tx.drop_tracks(others)
        tx.point(kept, {f: pointer for f, pointer in mine.items() if pointer != before.get(f)})
        carry_links(tx, kept.video_id, joints, lambda track_id, _: merged.get(track_id, track_id))
        if any(other.state is not TrackState.PROPOSED for other in others):
            tx.touch(tx.track(kept.id))
        else:
            tx.put_track(touched(tx.track(kept.id)))
        if shared:
            self._tell(tx, kept, others, len(shared), len(taken))
        return f"Merge {names_of(others)} into {name_of(kept)}"

    def _tell(
        self,
        tx: EditTransaction,
        kept: Track,
        others: Sequence[Track],
        num_shared: int,
        num_taken: int,
    ) -> None:
        """Say whose masks stay where both had one."""
        frames = "1 frame" if num_shared == 1 else f"{num_shared:,} frames"
        mine, theirs = name_of(kept), names_of(others)
        stays, num_mine = theirs if num_taken else mine, num_shared - num_taken
        if self.overlap is OverlapRule.UNION:
            tx.notes.append(f"Masks were joined on {frames}.")
        elif num_taken and num_mine:
            tx.notes.append(
                f"On {frames} both tracks had a mask: that of {mine} was kept on {num_mine}, of "
                f"{theirs} on {num_taken}."
            )
        else:
            tx.notes.append(
                f"On {frames} both tracks had a mask, of which that of {stays} was kept."
            )


@dataclass(frozen=True, slots=True)
class SplitTrack(Edit):
    """Move a track's frames from ``frame_index`` on to a new track of the same class.

    Attributes:
        track_id: The track.
        frame_index: First frame of the new track.
    """

    track_id: int
    frame_index: int

    def perform(self, tx: EditTransaction) -> str:
        """Move the frames to a new track."""
        track = tx.track(self.track_id)
        new = split(tx, track, self.frame_index)
        return f"Split {name_of(track)} at frame {self.frame_index}, new track {new.id}"


@dataclass(frozen=True, slots=True)
class SwapIdentities(Edit):
    """Exchange two tracks' masks; a track of which nothing is left then is dropped.

    Attributes:
        track_a: One track.
        track_b: The other.
        scope: The frames, usually ``Scope.from_here(t)``.
    """

    track_a: int
    track_b: int
    scope: Scope

    def perform(self, tx: EditTransaction) -> str:
        """Exchange what the two tracks show."""
        if self.track_a == self.track_b:
            tx.fail("A track cannot be swapped with itself.")
        first, second = tx.track(self.track_a), tx.track(self.track_b)
        if first.video_id != second.video_id:
            tx.fail("Only tracks of one video can be swapped.")
        of_first = tx.pointers(first.id, self.scope)
        of_second = tx.pointers(second.id, self.scope)
        if not (of_first or of_second):
            tx.fail(f"Neither track is annotated on {self.scope.describe()}.")
        other = {first.id: second.id, second.id: first.id}
        joints = find_joints(tx, first.video_id, other)
        frames = sorted({*of_first, *of_second})
        tx.point(first, {f: of_second.get(f) for f in frames})
        tx.point(second, {f: of_first.get(f) for f in frames})
        carry_links(tx, first.video_id, joints, partial(_swapped, other, self.scope))
        for track_id in (first.id, second.id):
            track = tx.track(track_id)
            if tx.pointers(track.id):
                tx.put_track(touched(track))
            else:  # all of it is the other's now; else an approved track of no frames would stay
                tx.drop_tracks([track])
                tx.notes.append(f"Nothing is left of {name_of(track)}, which was removed.")
        return f"Swap {name_of(first)} and {name_of(second)}, {self.scope.describe()}"


def _swapped(other: Mapping[int, int], scope: Scope, track_id: int, frame_index: int) -> int:
    """The track that has a mask after a swap."""
    return other.get(track_id, track_id) if frame_index in scope else track_id


def _is_human(pointer: Pointer) -> bool:
    return pointer.source == HUMAN or pointer.state not in (PROPOSED, REJECTED)


def _weight(pointer: Pointer) -> int:
    """What counts more where not both are visible: rejected, absent, a mask."""
    return 2 if pointer.is_seen else int(pointer.state != REJECTED)


def _winner(
    tx: EditTransaction, rule: OverlapRule, kept: Track, mine: Pointer | None, theirs: Pointer
) -> Pointer:
    """Which pointer the kept track shows on a frame where the other one has ``theirs``."""
    if mine is None:
        return theirs
    raised = theirs._replace(revision=mine.revision + 1)
    if not (mine.is_seen and theirs.is_seen):  # a mask beats absent, absent a rejected one
        return raised if _weight(theirs) > _weight(mine) else mine
    if rule is OverlapRule.KEEP:
        return mine
    if rule is OverlapRule.TAKE:
        return raised
    if rule is OverlapRule.PREFER_HUMAN:
        return raised if _is_human(theirs) and not _is_human(mine) else mine
    size = tx.video(kept.video_id).size
    masks = [tx.rle(pointer.mask_id, size) for pointer in (mine, theirs)]
    union = RLEMask.union(mask for mask in masks if mask is not None)
    if _is_human(mine) or _is_human(theirs):  # stays a person's, whatever its state becomes
        mask_id, area = tx.new_mask(union, MaskSource.HUMAN)
        return Pointer(mask_id, CORRECTED, mine.revision + 1, HUMAN, area)
    mask_id, area = tx.new_mask(union, MaskSource.DERIVED)
    return Pointer(mask_id, PROPOSED, mine.revision + 1, DERIVED, area)
