"""What an export says besides: what it left out and why, and what its format loses."""

from __future__ import annotations

from collections.abc import Sequence

from ifc_core.annotation.selection import ExportScope, VideoSelection, WaitingTrack

_MOST_NAMED = 5


def left_out_notes(
    selections: Sequence[VideoSelection], scope: ExportScope, *, objects_only: bool
) -> tuple[str, ...]:
    """Sentences on frames, masks and tracks that are not exported, and on empty videos."""
    frames = sum(s.frames_left_out for s in selections)
    tracks = sum(s.tracks_left_out for s in selections)
    masks = sum(s.masks_left_out for s in selections)
    notes = []
    if frames:
        were = "1 annotated frame was" if frames == 1 else f"{frames} annotated frames were"
        notes.append(f"{were} left out by the scope, range or step.")
    notes += _waiting_note(selections)
    if masks:
        said = "approved" if scope is ExportScope.APPROVED else "reviewed"
        were = "1 mask was" if masks == 1 else f"{masks} masks were"
        notes.append(f"{were} left out: not {said}.")
    if tracks:
        crowds = ", crowds" if objects_only else ""
        were = "1 track was" if tracks == 1 else f"{tracks} tracks were"
        notes.append(f"{were} left out: rejected, unreviewed{crowds} or of other classes.")
    notes += _incomplete_note(selections)
    empty = [s.video.name for s in selections if not s.frames]
    if empty:
        shown = ", ".join(empty[:_MOST_NAMED]) + (" and more" if len(empty) > _MOST_NAMED else "")
        have = "1 video has" if len(empty) == 1 else f"{len(empty)} videos have"
        notes.append(f"{have} nothing to export in this scope: {shown}.")
    return tuple(notes)


def waiting_tracks(selections: Sequence[VideoSelection]) -> tuple[WaitingTrack, ...]:
    """Those of all videos, the one with the most frames first."""
    found = [track for selection in selections for track in selection.waiting_for]
    return tuple(sorted(found, key=lambda one: (-one.frames, one.track_id)))


def _waiting_note(selections: Sequence[VideoSelection]) -> list[str]:
    frames = sum(s.frames_waiting for s in selections)
    found = waiting_tracks(selections)
    if not found:
        return []
    parts = [f"track {track.track_id} on {track.frames}" for track in found[:_MOST_NAMED]]
    named = ", ".join(parts) + (" and more" if len(found) > _MOST_NAMED else "")
    wait = "1 of them waits" if frames == 1 else f"{frames} of them wait"
    return [
        f"{wait} for exported tracks that are not reviewed there: {named}. "
        "Approve or reject these tracks, or export the tracks approved as a whole only."
    ]


def _incomplete_note(selections: Sequence[VideoSelection]) -> list[str]:
    frames = sum(len(s.incomplete) for s in selections)
    if not frames:
        return []
    end = "not count as complete in the export, since not all of"
    if frames == 1:
        return [f"1 approved frame does {end} its objects are in it."]
    return [f"{frames} approved frames do {end} their objects are in it."]


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
