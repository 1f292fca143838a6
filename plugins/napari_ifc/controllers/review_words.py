"""What the review queue says: why an entry is in it, and what a decision did."""

from __future__ import annotations

from ifc_core.annotation import EditResult
from ifc_core.inference.review_queue import QueueEntry, Reason
from napari_ifc.language import tr


def absent_text(entry: QueueEntry, result: EditResult) -> str:
    """What marking the frames absent did; those that were annotated by then are left alone."""
    count = len(result.changed_frames.get(entry.track_id, ()))
    text = tr("Marked track {track_id} absent on {count} of {frames}; the rest is annotated.")
    if not count:
        text = tr("Track {track_id} is annotated on {frames} by now; none was marked absent.")
    elif count > entry.last - entry.first:
        text = tr("Marked track {track_id} absent on {frames}.")
    return text.format(track_id=entry.track_id, count=count, frames=frames_text(entry))


def frames_text(entry: QueueEntry) -> str:
    """The frames of an entry in a sentence."""
    if entry.first == entry.last:
        return tr("frame {first}").format(first=entry.first)
    return tr("frames {first} to {last}").format(first=entry.first, last=entry.last)


def why_text(entry: QueueEntry) -> str:
    """Why an entry is in the queue, in a few words."""
    words = {
        Reason.SWAP: tr("Seems swapped with track {other}"),
        Reason.DIVISION: tr("May have divided here"),
        Reason.UNCERTAIN: tr("The model is unsure ({value:.0%})"),
        Reason.WEAK_LINK: tr("Weakly linked ({value:.0%})"),
        Reason.POOR_FIT: tr("Seems to fit badly (IoU about {value:.0%})"),
        Reason.AREA: tr("Area changes by {value:.1f}×"),
        Reason.MOVE: tr("Jumps by {value:.1f} of its size"),
        Reason.LOST: tr("Lost by a propagation: is it out of sight?"),
        Reason.UNREACHED: tr("A propagation stopped before it came here"),
        Reason.LOW_SCORE: tr("Low score ({value:.2f})"),
        Reason.NOT_REVIEWED: tr("Not approved yet"),
        Reason.COMPLETE: tr("Every mask is reviewed: is anything missing?"),
    }
    text = words[entry.reason]
    if entry.reason is Reason.DIVISION and entry.parent_id in (entry.track_id, entry.other_id):
        text = tr("May have divided here and kept its number")
    return text.format(other=entry.other_id, value=entry.value)


def division_title(entry: QueueEntry) -> str:
    """A suspected division in numbers: the mother, then the daughters."""
    numbers = ", ".join(map(str, sorted((entry.track_id, entry.other_id))))
    return tr("Track {mother} → {numbers}").format(mother=entry.parent_id, numbers=numbers)
