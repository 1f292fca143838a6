"""Divisions: which tracks a track divided into, and what becomes of that when tracks change.

A link joins the first mask of a daughter to the last one that her mother has before it, so it
follows those masks where tracks are split, merged or swapped. A mother may go on after a daughter
began, as that of a bud does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from ifc_core.annotation.delta import Pointer
from ifc_core.annotation.edits.base import Edit, name_of, names_of, touched
from ifc_core.annotation.lineage import ancestors
from ifc_core.annotation.records import Scope
from ifc_core.annotation.transaction import HUMAN, PROPOSED, EditTransaction
from ifc_core.structures import Track


@dataclass(frozen=True, slots=True)
class LinkDivision(Edit):
    """Say that a track divided into others; what they descended from before is forgotten.

    No mask is changed, so a proposal stays one; proposing again keeps linked tracks and fills them
    anew. A track that is split counts as touched, as by ``SplitTrack``.

    Attributes:
        parent_id: The track that divided.
        daughter_ids: What it divided into. With the parent among them its track went on as one
            of them: it is split, and what follows is a track of its own.
        frame_index: First frame of that track; by default the first one of the other daughters.
        lingering: As many masks of a parent that is no daughter are taken away beside these, if
            she has no more there and all are proposals: she was there no longer.
    """

    parent_id: int
    daughter_ids: tuple[int, ...]
    frame_index: int | None = None
    lingering: int = 0

    def perform(self, tx: EditTransaction) -> str:
        """Split the parent where it is one of the daughters, and link them all to it."""
        parent = tx.track(self.parent_id)
        others = tx.tracks_of(i for i in self.daughter_ids if i != parent.id)
        if not others:
            tx.fail("A division needs a track that begins later.")
        begins = [_check_daughter(tx, parent, other) for other in others]
        ids = [other.id for other in others]
        if parent.id in self.daughter_ids:
            frame_index = min(begins) if self.frame_index is None else self.frame_index
            ids.append(split(tx, parent, frame_index).id)
        else:
            self._end(tx, parent, min(begins))
        daughters = tx.tracks_of(ids)
        for daughter in daughters:
            tx.put_track(replace(daughter, parent_id=parent.id))
        left = seen(tx.pointers(parent.id))
        if not left:
            tx.fail(f"{name_of(parent)} is not seen before frame {self.frame_index}.")
        if left[-1] >= min(begins):  # it goes on beside them
            return f"Bud {names_of(daughters)} off {name_of(parent)}"
        return f"Divide {name_of(parent)} into {names_of(daughters)}"

    def _end(self, tx: EditTransaction, parent: Track, frame_index: int) -> None:
        """Take a few masks that the parent still has beside her daughters away."""
        late = tx.pointers(parent.id, Scope.from_here(frame_index))
        shown = [p for p in late.values() if p.state == PROPOSED and p.source != HUMAN]
        if 0 < len(late) == len(shown) <= self.lingering:
            tx.point(parent, dict.fromkeys(late))


@dataclass(frozen=True, slots=True)
class UnlinkTracks(Edit):
    """Forget what tracks descended from.

    Attributes:
        track_ids: The daughters.
    """

    track_ids: tuple[int, ...]

    def perform(self, tx: EditTransaction) -> str:
        """Take their parents away."""
        tracks = [track for track in tx.tracks_of(self.track_ids) if track.parent_id is not None]
        if not tracks:
            tx.fail("None of these tracks came from a division.")
        for track in tracks:
            tx.put_track(replace(track, parent_id=None))
        return f"Forget the mother of {names_of(tracks)}"


def split(tx: EditTransaction, track: Track, frame_index: int) -> Track:
    """Move a track's frames from one on to a new track of the same class.

    Raises:
        EditError: There are none on one side of the frame.
    """
    frames = tx.pointers(track.id)
    if not any(f < frame_index for f in frames) or not any(f >= frame_index for f in frames):
        tx.fail(f"{name_of(track)} has no frames on one side of frame {frame_index}.")
    return move_to_new_track(tx, track, Scope.from_here(frame_index), track.category_id)


def move_to_new_track(tx: EditTransaction, track: Track, scope: Scope, category_id: int) -> Track:
    """Move what a track shows on some frames to a new track that lies just above it."""
    joints = find_joints(tx, track.video_id, {track.id})
    moved = tx.pointers(track.id, scope)
    for above in tx.tracks(track.video_id):
        if above.z_order > track.z_order:
            tx.put_track(replace(above, z_order=above.z_order + 1))
    new = tx.new_track(
        track.video_id,
        category_id,
        score=track.score,
        state=touched(track).state,
        kind=track.kind,
        z_order=track.z_order + 1,
    )
    tx.put_track(touched(tx.track(track.id)))
    tx.point(track, dict.fromkeys(moved))
    tx.point(new, moved)

    def owner(track_id: int, frame_index: int) -> int:
        return new.id if track_id == track.id and frame_index in moved else track_id

    carry_links(tx, track.video_id, joints, owner)
    return new


Owner = Callable[[int, int], int]
"""(track, frame) -> the track that shows by now what that one showed there."""


@dataclass(frozen=True, slots=True)
class Joint:
    """A link between two tracks, by the masks that it joins.

    Attributes:
        child: The daughter.
        parent: Her mother.
        first: First frame on which the daughter is seen, -1 for none.
        anchor: The last frame before that on which her mother is seen, -1 for none.
    """

    child: int
    parent: int
    first: int
    anchor: int


def find_joints(tx: EditTransaction, video_id: int, track_ids: Collection[int]) -> list[Joint]:
    """The links of some tracks to mothers and daughters, before an edit moves masks.

    Args:
        tx: The open edit.
        video_id: The video.
        track_ids: The tracks whose masks will move.
    """
    joints = []
    for child, parent in tx.parents(video_id).items():
        if child in track_ids or parent in track_ids:
            first = next(iter(seen(tx.pointers(child))), -1)
            before = [frame for frame in seen(tx.pointers(parent)) if frame < first]
            joints.append(Joint(child, parent, first, before[-1] if before else -1))
    return joints


def carry_links(tx: EditTransaction, video_id: int, joints: Sequence[Joint], owner: Owner) -> None:
    """Link the tracks that have the masks which were joined, once these have moved.

    A link goes where a daughter does not begin with that mask any more, or not after her mother;
    the edit says so. One that fitted no masks before stays while its tracks are the same.

    Args:
        tx: The open edit.
        video_id: The video.
        joints: The links as they were.
        owner: Where masks are now.
    """
    if not joints:
        return
    before = tx.parents(video_id)
    there = {track.id: track for track in tx.tracks(video_id)}
    children = {joint.child for joint in joints}
    links = {child: parent for child, parent in before.items() if child not in children}
    begins = _Begins(tx)
    num_dropped = 0
    for joint in joints:
        child, parent = owner(joint.child, joint.first), owner(joint.parent, joint.anchor)
        if child == parent:
            continue  # a mother goes on as her daughter
        is_as_before = joint.anchor < 0 and (child, parent) == (joint.child, joint.parent)
        fits = begins[child] == joint.first and 0 <= begins[parent] < joint.first
        is_ring = child in (parent, *ancestors(links, parent))
        if (fits or is_as_before) and not is_ring and links.setdefault(child, parent) == parent:
            continue
        num_dropped += 1
    for track_id in sorted({*links, *children} & there.keys()):
        if there[track_id].parent_id != links.get(track_id):
            tx.put_track(replace(there[track_id], parent_id=links.get(track_id)))
    if num_dropped:
        tx.notes.append(f"Links to a mother that fit no more were taken away: {num_dropped}.")


class _Begins(dict[int, int]):
    """Track -> first frame on which it is seen, -1 for none; read when asked for."""

    def __init__(self, tx: EditTransaction) -> None:
        self._tx = tx

    def __missing__(self, track_id: int) -> int:
        self[track_id] = next(iter(seen(self._tx.pointers(track_id))), -1)
        return self[track_id]


def seen(shown: Mapping[int, Pointer]) -> list[int]:
    """Frames on which a track shows a mask, ascending."""
    return [f for f, p in sorted(shown.items()) if p.is_seen]


def link_imported(
    tx: EditTransaction, parents: Mapping[int, int], begins: Mapping[int, int]
) -> int:
    """Link new tracks to the tracks of the same video that they descend from.

    Args:
        tx: The open edit.
        parents: Track -> its parent; both are new. A link to a track of another video, or to one
            that does not begin before, is left out: so none can descend from itself.
        begins: Track -> first frame on which it is seen, -1 for none.

    Returns:
        The number of links made.
    """
    made = 0
    for child, parent in parents.items():
        track = tx.track(child)
        is_before = 0 <= begins[parent] < begins[child]
        if is_before and tx.track(parent).video_id == track.video_id:
            tx.put_track(replace(track, parent_id=parent))
            made += 1
    return made


def _check_daughter(tx: EditTransaction, parent: Track, daughter: Track) -> int:
    """First frame of a daughter; the edit fails where it cannot be one."""
    if daughter.video_id != parent.video_id:
        tx.fail("Only tracks of one video can be linked.")
    if daughter.id in ancestors(tx.parents(parent.video_id), parent.id):
        tx.fail(f"{name_of(parent)} descends from {name_of(daughter)} already.")
    begin = next(iter(seen(tx.pointers(daughter.id))), -1)
    own = next(iter(seen(tx.pointers(parent.id))), -1)
    if not 0 <= own < begin:
        tx.fail(f"{name_of(daughter)} does not begin after {name_of(parent)}.")
    return begin
