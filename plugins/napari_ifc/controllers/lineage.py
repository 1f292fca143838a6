"""Divisions of the selected tracks: the mother is the one that begins first."""

from __future__ import annotations

from dataclasses import dataclass

from ifc_core.annotation import edits
from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.identity_words import divided_text, listed
from napari_ifc.controllers.tracks import TrackIndex
from napari_ifc.language import tr


@dataclass(frozen=True, slots=True)
class _Parts:
    """The selected tracks as a division.

    Attributes:
        mother: The track that begins first.
        others: Those that begin later, by their first frames.
        frame_index: The first frame of the first of them.
        goes_on: Whether the mother still has a mask on that frame or later.
    """

    mother: int
    others: tuple[int, ...]
    frame_index: int
    goes_on: bool


class LineageOps:
    """Links the selected tracks as mother and daughters; each is one edit.

    Args:
        index: The video's tracks.
        editor: Makes the edits.
    """

    def __init__(self, index: TrackIndex, editor: EditController) -> None:
        self._index = index
        self._editor = editor

    def why_not_divide(self) -> str:
        """Why the selected tracks are no mother and daughters."""
        parts = self._parts()
        if isinstance(parts, str):
            return parts
        if not parts.goes_on or len(parts.others) == 1:
            return self._why_linked(parts)
        text = tr(
            "Track {mother} is still there on frame {frame}, where its daughters begin: end it "
            "before, select one daughter alone (it is split there), or link buds."
        )
        return text.format(mother=parts.mother, frame=parts.frame_index)

    def divide(self) -> str:
        """Link mother and daughters.

        A mother whose track goes on beside a single daughter is split: the tracker kept her number
        for the other one.

        Returns:
            What was done, in a sentence.
        """
        parts = self._known_parts()
        before = self._mothers_before(parts)
        daughters = (*parts.others, parts.mother) if parts.goes_on else parts.others
        result = self._editor.apply(
            edits.LinkDivision(
                parts.mother, daughters, parts.frame_index if parts.goes_on else None
            )
        )
        made = (*parts.others, *result.tracks_added)
        self._editor.select((parts.mother, *made))
        told = divided_text(parts.mother, parts.others, result.tracks_added, parts.frame_index)
        return " ".join((told, *before))

    def why_not_bud(self) -> str:
        """Why the selected tracks are no mother and buds."""
        parts = self._parts()
        if isinstance(parts, str):
            return parts
        if parts.goes_on:
            return self._why_linked(parts)
        text = tr("Track {mother} ends before frame {frame}: link it as a division.")
        return text.format(mother=parts.mother, frame=parts.frame_index)

    def bud(self) -> str:
        """Link tracks to a mother that goes on beside them; returns what was done."""
        parts = self._known_parts()
        before = self._mothers_before(parts)
        self._editor.apply(edits.LinkDivision(parts.mother, parts.others))
        text = tr("Tracks {numbers} are buds of track {mother}, which goes on.")
        if len(parts.others) == 1:
            text = tr("Track {numbers} is a bud of track {mother}, which goes on.")
        told = text.format(numbers=listed(parts.others), mother=parts.mother)
        return " ".join((told, *before))

    def _why_linked(self, parts: _Parts) -> str:
        """That nothing is left to link, or an empty string."""
        kinship = self._index.kinship
        is_linked = all(kinship.parent(i) == parts.mother for i in parts.others)
        if not is_linked:
            return ""
        text = tr("{numbers} came from track {mother} already.")
        return text.format(numbers=listed(parts.others), mother=parts.mother)

    def _mothers_before(self, parts: _Parts) -> list[str]:
        """A sentence for each daughter that gets another mother."""
        text = tr("Track {track_id} came from track {mother} before.")
        mothers = {i: self._index.kinship.parent(i) for i in parts.others}
        return [
            text.format(track_id=i, mother=mother)
            for i, mother in mothers.items()
            if mother not in (None, parts.mother)
        ]

    def why_not_unlink(self) -> str:
        """Why there is no link to take away."""
        reason = self._editor.why_not_tracks()
        if reason or self._linked():
            return reason
        return tr("No selected track has a mother or daughters.")

    def unlink(self) -> str:
        """Take the mothers of the selected tracks away, or where they have none the daughters.

        Returns:
            What was done, in a sentence.
        """
        linked = self._linked()
        self._editor.apply(edits.UnlinkTracks(linked))
        text = tr("Tracks {numbers} have no mother any more.")
        if len(linked) == 1:
            text = tr("Track {numbers} has no mother any more.")
        return text.format(numbers=listed(linked))

    def why_not_family(self) -> str:
        """Why there is no lineage to select."""
        current = self._editor.current
        if current is None:
            return tr("Select a track first.")
        is_alone = len(self._index.kinship.family(current)) == 1
        return tr("The selected track has neither mother nor daughters.") if is_alone else ""

    def family(self) -> tuple[int, ...]:
        """The lineage of the current track, which comes first."""
        current = self._editor.current
        assert current is not None  # noqa: S101 - why_not_family was asked before
        return (current, *(i for i in self._index.kinship.family(current) if i != current))

    def _linked(self) -> tuple[int, ...]:
        kinship = self._index.kinship
        daughters = [i for i in self._editor.selected if kinship.parent(i) is not None]
        below = [i for track_id in self._editor.selected for i in kinship.daughters(track_id)]
        return tuple(daughters or below)

    def _known_parts(self) -> _Parts:
        parts = self._parts()
        assert isinstance(parts, _Parts)  # noqa: S101 - why_not was asked before
        return parts

    def _parts(self) -> _Parts | str:
        """The division that is meant, or why there is none."""
        reason = self._editor.why_not_write()
        if reason:
            return reason
        selected = self._editor.selected
        if len(selected) < 2:
            return tr("Select a mother and her daughters, two or more tracks.")
        frames = {track_id: self._index.frames(track_id).masked for track_id in selected}
        for track_id, masked in frames.items():
            if not len(masked):
                return tr("Track {track_id} has no mask yet.").format(track_id=track_id)
        mother, *others = sorted(selected, key=lambda i: (int(frames[i][0]), i))
        begin = int(frames[others[0]][0])
        if int(frames[mother][0]) == begin:
            return tr("Two of the tracks begin first, on the same frame; a mother comes before.")
        if set(others) & set(self._index.kinship.ancestors(mother)):
            return tr("The track that begins first descends from another selected one.")
        return _Parts(mother, tuple(others), begin, int(frames[mother][-1]) >= begin)
