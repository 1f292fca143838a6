"""What merging, splitting, swapping and separating did, in one sentence each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ifc_core.annotation import Scope
from napari_ifc.controllers.bulk import tracks_text
from napari_ifc.language import tr


def merged_text(kept: int, others: Sequence[int], class_name: str, lost: Iterable[str]) -> str:
    """What a merge did.

    Args:
        kept: The track that stayed.
        others: Those that went into it.
        class_name: Its class.
        lost: The classes that the others had.
    """
    one = tr("track {track_id}").format(track_id=others[0])
    tracks = one if len(others) == 1 else tracks_text(len(others))
    given_up = [name for name in dict.fromkeys(lost) if name != class_name]
    if not given_up:
        return tr("Merged {tracks} into track {track_id}.").format(tracks=tracks, track_id=kept)
    lost_names = given_up[0]
    if len(given_up) > 1:
        first, last = ", ".join(given_up[:-1]), given_up[-1]
        lost_names = tr("{names} or {last}").format(names=first, last=last)
    text = tr(
        "Merged {tracks} into track {track_id}; all of it is {class_name} now, and no longer "
        "{lost}."
    )
    return text.format(tracks=tracks, track_id=kept, class_name=class_name, lost=lost_names)


def split_text(track_id: int, frame_index: int, new_id: int) -> str:
    """What a split did: the new track begins with the frame, and is selected."""
    text = tr(
        "Track {track_id} ends before frame {frame}; what follows is track {new_id}, which is "
        "selected now."
    )
    return text.format(track_id=track_id, frame=frame_index, new_id=new_id)


def separated_text(track_id: int, others: Sequence[int]) -> str:
    """What taking a mask apart did: the pieces besides the largest are tracks of their own."""
    if len(others) == 1:
        text = tr("Track {track_id} keeps the larger piece; the other one is track {ids} now.")
    else:
        text = tr("Track {track_id} keeps the largest piece; the others are tracks {ids} now.")
    return text.format(track_id=track_id, ids=", ".join(map(str, sorted(others))))


def swapped_text(first: int, second: int, scope: Scope) -> str:
    """What a swap did."""
    text = tr("Tracks {first} and {second} have changed places from frame {frame} on.")
    if scope.first is None:
        text = tr("Tracks {first} and {second} have changed places on all frames.")
    elif scope.last == scope.first:
        text = tr("Tracks {first} and {second} have changed places on frame {frame}.")
    return text.format(first=first, second=second, frame=scope.first)
