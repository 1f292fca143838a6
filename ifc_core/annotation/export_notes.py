"""What an export says besides: what it left out and why, and what its format loses."""

from __future__ import annotations

from collections.abc import Sequence

from ifc_core.annotation.selection import ExportScope, VideoSelection, WaitingTrack
from ifc_core.io.problems import listed


def left_out_notes(
    selections: Sequence[VideoSelection],
    scope: ExportScope,
    *,
    objects_only: bool,
    tells_incomplete: bool = True,
    is_learnt_from: bool = False,
    approved_tracks_only: bool = False,
) -> tuple[str, ...]:
    """Sentences on frames, masks and tracks that are not exported, and on empty videos.

    Args:
        selections: What is exported of each video.
        scope: Which frames are asked for.
        objects_only: Whether crowds and regions to ignore are left out.
        tells_incomplete: Whether an import knows which of the frames are not complete.
        is_learnt_from: Whether the format is for training alone, and not imported.
        approved_tracks_only: Whether only tracks approved as a whole are asked for.
    """
    frames = sum(s.frames_left_out for s in selections)
    tracks = sum(s.tracks_left_out for s in selections)
    masks = sum(s.masks_left_out for s in selections)
    notes = []
    if frames:
        were = "1 annotated frame was" if frames == 1 else f"{frames} annotated frames were"
        notes.append(f"{were} left out by the scope, range or step.")
    notes += _waiting_note(selections, approved_tracks_only)
    if masks:
        said = "approved" if scope is ExportScope.APPROVED else "reviewed"
        were = "1 mask was" if masks == 1 else f"{masks} masks were"
        notes.append(f"{were} left out: not {said}.")
    if tracks:
        crowds = ", crowds" if objects_only else ""
        were = "1 track was" if tracks == 1 else f"{tracks} tracks were"
        notes.append(f"{were} left out: rejected, unreviewed{crowds} or of other classes.")
    notes += _incomplete_note(selections, tells=tells_incomplete, is_learnt_from=is_learnt_from)
    empty = [s.video.name for s in selections if not s.frames]
    if empty:
        have = "1 video has" if len(empty) == 1 else f"{len(empty)} videos have"
        notes.append(f"{have} nothing to export in this scope: {listed(empty)}.")
    return tuple(notes)


def waiting_tracks(selections: Sequence[VideoSelection]) -> tuple[WaitingTrack, ...]:
    """Those of all videos, the one with the most frames first."""
    found = [track for selection in selections for track in selection.waiting_for]
    return tuple(sorted(found, key=lambda one: (-one.frames, one.track_id)))


def _waiting_note(selections: Sequence[VideoSelection], approved_only: bool) -> list[str]:
    frames = sum(s.frames_waiting for s in selections)
    found = waiting_tracks(selections)
    if not found:
        return []
    named = listed([f"track {track.track_id} on {track.frames}" for track in found])
    wait = "1 of them waits" if frames == 1 else f"{frames} of them wait"
    way_out = (
        "Approve or reject these tracks, or export the tracks approved as a whole only."
        if not approved_only
        else "Approved as a whole, they still have a proposal or a rejected mask there, or masks "
        "on every n-th frame only: approve or draw a mask, or mark the object as absent."
    )
    return [f"{wait} for exported tracks that are not reviewed there: {named}. {way_out}"]


def _incomplete_note(
    selections: Sequence[VideoSelection], *, tells: bool, is_learnt_from: bool
) -> list[str]:
    frames = sum(len(s.incomplete) for s in selections)
    if not frames:
        return []
    if not tells:
        lack = "1 approved frame lacks some of its objects"
        if frames > 1:
            lack = f"{frames} approved frames lack some of their objects"
        if is_learnt_from:
            return [f"{lack}; a model learns from {_it(frames)} that nothing is there."]
        return [f"{lack}, which this format cannot say; import it with --no-exhaustive."]
    end = "not count as complete in the export, since not all of"
    if frames == 1:
        return [f"1 approved frame does {end} its objects are in it."]
    return [f"{frames} approved frames do {end} their objects are in it."]


def _it(count: int) -> str:
    return "it" if count == 1 else "them"


def yolo_notes(*, has_pictures: bool, is_split: bool) -> tuple[str, ...]:
    """What is missing for training a YOLO model on an export."""
    notes = []
    if not has_pictures:
        notes.append(
            "YOLO looks for pictures in the folder images: write the frames as pictures too, or "
            "put them there."
        )
    if not is_split:
        notes.append(
            "The same frames are named for training and for validation; keep videos apart to judge "
            "by others."
        )
    return tuple(notes)


def renamed_note(names: int) -> tuple[str, ...]:
    """A sentence on names that no file of annotations may have, as older projects hold them."""
    if not names:
        return ()
    if names == 1:
        return ("1 name was written without its control characters, or cut.",)
    return (f"{names} names were written without their control characters, or cut.",)


def hidden_note(pixels: int) -> tuple[str, ...]:
    """A sentence on pixels that lie under another mask, where the format allows no overlap."""
    if not pixels:
        return ()
    if pixels == 1:
        return ("1 pixel lies under another mask and is not in the export.",)
    return (f"{pixels} pixels lie under other masks and are not in the export.",)


def cut_note(mothers: int) -> tuple[str, ...]:
    """What becomes of mothers with buds in a format in which a mother ends where she divides."""
    if not mothers:
        return ()
    if mothers == 1:
        return ("1 mother goes on beside her daughter and was cut into several labels there.",)
    return (
        f"{mothers} mothers go on beside their daughters and were cut into several labels there.",
    )
