"""What merging, splitting, swapping, separating and dividing did, in one sentence each."""

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


def divided_text(
    mother: int,
    daughters: Sequence[int],
    added: Sequence[int],
    frame_index: int,
    *,
    lingered: bool = False,
) -> str:
    """What linking a division did.

    Args:
        mother: The track that divided.
        daughters: The tracks that it was said to divide into, without itself.
        added: What followed of the mother where she was split; else nothing.
        frame_index: Where she was split.
        lingered: Whether masks of her beside the daughters were taken away.
    """
    numbers = listed((*daughters, *added))
    if lingered:
        text = tr(
            "Track {mother} divides into {numbers}; her masks from frame {frame} on, which lay "
            "over theirs, are gone."
        )
        return text.format(mother=mother, numbers=numbers, frame=frame_index)
    if not added:
        return tr("Track {mother} divides into {numbers}.").format(mother=mother, numbers=numbers)
    text = tr(
        "Track {mother} ends before frame {frame} and divides into {numbers}; {new} is what "
        "followed of it."
    )
    return text.format(mother=mother, frame=frame_index, numbers=numbers, new=added[0])


def listed(track_ids: Sequence[int]) -> str:
    """Numbers of tracks in a sentence: "4, 5 and 6"."""
    numbers = [str(track_id) for track_id in track_ids]
    if len(numbers) == 1:
        return numbers[0]
    return tr("{numbers} and {last}").format(numbers=", ".join(numbers[:-1]), last=numbers[-1])
