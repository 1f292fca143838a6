"""Regions to ignore: tracks that stand for no object, such as a stand or a row of parked cars."""

from __future__ import annotations

from ifc_core.annotation import EditResult, edits
from ifc_core.annotation.edits import Edit
from ifc_core.annotation.edits.base import numbers_of
from ifc_core.annotation.edits.tracks import KIND_WORDS
from ifc_core.structures import TrackKind
from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.identity_words import listed
from napari_ifc.controllers.tracks import TrackIndex
from napari_ifc.language import tr


class Regions:
    """Makes regions of the selected tracks, and objects of them again; each is one edit.

    Args:
        index: The tracks.
        editor: Says what is selected, and makes the edits.
    """

    def __init__(self, index: TrackIndex, editor: EditController) -> None:
        self._index = index
        self._editor = editor

    def _chosen(self, *, regions: bool) -> tuple[int, ...]:
        """The selected tracks that are regions, or those that are objects."""
        kinds = {i: self._index.header(i).kind for i in self._editor.selected}
        return tuple(i for i, kind in kinds.items() if (kind is not TrackKind.OBJECT) == regions)

    def why_not_ignore(self) -> str:
        """Why there is nothing to make a region of."""
        all_are = tr("What is selected is ignored already.")
        return self._editor.why_not_tracks() or ("" if self._chosen(regions=False) else all_are)

    def why_not_restore(self) -> str:
        """Why there is nothing to make an object of."""
        none_is = tr("What is selected is no region to ignore.")
        return self._editor.why_not_tracks() or ("" if self._chosen(regions=True) else none_is)

    def ignore(self) -> str:
        """Make regions of the selected objects; says what was done."""
        made = self._chosen(regions=False)
        self._set(made, TrackKind.IGNORE)
        if len(made) == 1:
            text = tr(
                "Track {track_ids} is a region to ignore: Propose leaves out what lies mostly in "
                "it. On frames without a mask of it the nearest one holds."
            )
        else:
            text = tr(
                "Tracks {track_ids} are regions to ignore: Propose leaves out what lies mostly in "
                "them. On frames without a mask of theirs the nearest one holds."
            )
        return text.format(track_ids=listed(made))

    def restore(self) -> str:
        """Make objects of the selected regions; says what was done."""
        made = self._chosen(regions=True)
        self._set(made, TrackKind.OBJECT)
        if len(made) == 1:
            return tr("Track {track_ids} is an object again.").format(track_ids=made[0])
        return tr("Tracks {track_ids} are objects again.").format(track_ids=listed(made))

    def _set(self, track_ids: tuple[int, ...], kind: TrackKind) -> EditResult:
        steps: tuple[Edit, ...] = tuple(edits.SetTrack(i, kind=kind) for i in track_ids)
        label = f"Make {numbers_of(track_ids)} {KIND_WORDS[kind]}"
        return self._editor.apply(steps[0] if len(steps) == 1 else edits.Batch(steps, label=label))
