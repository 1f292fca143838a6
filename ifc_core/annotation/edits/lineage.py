"""Divisions: which tracks a track divided into, and what becomes of that when tracks change.

A link joins the last masks of a parent to the first masks of a daughter, so it follows those
masks where tracks are split, merged or swapped. A parent may go on after a daughter began, as
the mother of a bud does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ifc_core.annotation.delta import Pointer
from ifc_core.annotation.edits.base import Edit, name_of, names_of, touched
from ifc_core.annotation.lineage import ancestors
from ifc_core.annotation.records import Scope
from ifc_core.annotation.transaction import REJECTED, EditTransaction
from ifc_core.structures import Track


@dataclass(frozen=True, slots=True)
class LinkDivision(Edit):
    """Say that a track divided into others; what they descended from before is forgotten.

    Attributes:
        parent_id: The track that divided.
        daughter_ids: What it divided into. With the parent among them its track went on as one
            of them: it is split, and what follows is a track of its own.
        frame_index: First frame of that track; by default the first one of the other daughters.
    """

    parent_id: int
    daughter_ids: tuple[int, ...]
    frame_index: int | None = None

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
        daughters = tx.tracks_of(ids)
        for daughter in daughters:
            tx.put_track(replace(touched(daughter), parent_id=parent.id))
        tx.put_track(touched(tx.track(parent.id)))
        return f"Divide {name_of(parent)} into {names_of(daughters)}"


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
            tx.put_track(replace(touched(track), parent_id=None))
        return f"Forget the parent of {names_of(tracks)}"


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
    shown = tx.pointers(track.id)
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
    moved = {frame: pointer for frame, pointer in shown.items() if frame in scope}
    tx.point(track, dict.fromkeys(moved))
    tx.point(new, moved)
    first, last = span(shown)
    carry_links(
        tx,
        track.video_id,
        starts={track.id: new.id} if first in moved else {},
        ends={track.id: new.id} if last in moved else {},
    )
    return new


def span(shown: Mapping[int, Pointer]) -> tuple[int, int]:
    """First and last frame with a mask to be seen; (-1, -1) where there is none."""
    frames = [f for f, p in shown.items() if p.area > 0 and p.state != REJECTED]
    return (min(frames), max(frames)) if frames else (-1, -1)


def carry_links(
    tx: EditTransaction, video_id: int, starts: Mapping[int, int], ends: Mapping[int, int]
) -> None:
    """Give links to the tracks that have the masks which they join.

    A track keeps the parent it has before it gets another one's; links that would make a track
    descend from itself are dropped.

    Args:
        tx: The open edit; every track is still there.
        video_id: The video.
        starts: Track -> the one that has its first mask now.
        ends: Track -> the one that has its last mask now.
    """
    before = tx.parents(video_id)
    if not before:
        return
    links: dict[int, int] = {}
    for child, parent in sorted(before.items(), key=lambda link: link[0] in starts):
        begun, ended = starts.get(child, child), ends.get(parent, parent)
        if begun not in links and begun not in (ended, *ancestors(links, ended)):
            links[begun] = ended
    changed = {i for i in before.keys() | links.keys() if before.get(i) != links.get(i)}
    for track in tx.tracks_of(sorted(changed)):
        tx.put_track(replace(track, parent_id=links.get(track.id)))


def link_all(tx: EditTransaction, parents: Mapping[int, int]) -> int:
    """Link new tracks to the tracks of the same video that they descend from.

    Args:
        tx: The open edit.
        parents: Track -> its parent; a link that would make a track descend from itself, or from
            one of another video, is left out.

    Returns:
        The number of links made.
    """
    links: dict[int, int] = {}
    for child, parent in parents.items():
        track = tx.track(child)
        is_of_video = tx.track(parent).video_id == track.video_id
        if is_of_video and child not in (parent, *ancestors(links, parent)):
            links[child] = parent
            tx.put_track(replace(track, parent_id=parent))
    return len(links)


def _check_daughter(tx: EditTransaction, parent: Track, daughter: Track) -> int:
    """First frame of a daughter; the edit fails where it cannot be one."""
    if daughter.video_id != parent.video_id:
        tx.fail("Only tracks of one video can be linked.")
    if daughter.id in ancestors(tx.parents(parent.video_id), parent.id):
        tx.fail(f"{name_of(parent)} descends from {name_of(daughter)} already.")
    begin, own = span(tx.pointers(daughter.id))[0], span(tx.pointers(parent.id))[0]
    if not 0 <= own < begin:
        tx.fail(f"{name_of(daughter)} does not begin after {name_of(parent)}.")
    return begin
