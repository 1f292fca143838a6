"""What correcting adds to the masks on a frame: a propagation, candidates, what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_ifc.controllers.canvas import label_of
from napari_ifc.overlay import DrawnMask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_ifc.features.correction import Correction

_WHITE = (255, 255, 255)


def masks_of_correction(correction: Correction, frame_index: int) -> Sequence[DrawnMask]:
    """Provisional masks, candidates, and boxes and strokes that have no answer yet.

    Args:
        correction: What is going on.
        frame_index: The frame that is shown.
    """
    if correction.studio.workspace is None:
        return ()
    return [
        *_asked(correction, frame_index),
        *_provisional(correction, frame_index),
        *_candidates(correction, frame_index),
    ]


def _asked(correction: Correction, frame_index: int) -> list[DrawnMask]:
    drawn = correction.questions
    rles = [] if drawn is None else drawn.drawn_at(frame_index)
    return [DrawnMask(0, rle, _WHITE, text="…") for rle in rles]


def _provisional(correction: Correction, frame_index: int) -> list[DrawnMask]:
    spreader, workspace = correction.spreader, correction.workspace
    if spreader is None:
        return []
    return [
        DrawnMask(
            staged.instance_id,
            staged.rle,
            workspace.color_of(staged.instance_id),
            provisional=True,
            selected=staged.instance_id in workspace.editor.selected,
            text=label_of(workspace.index.header(staged.instance_id)),
        )
        for staged in spreader.provisional_at(frame_index)
        if staged.rle is not None and staged.instance_id in workspace.index
    ]


def _candidates(correction: Correction, frame_index: int) -> list[DrawnMask]:
    prompts = correction.prompts
    if prompts is None:
        return []
    drawn = []
    view = prompts.view
    for place, candidate in enumerate(prompts.found):
        rle = candidate.masks.get(frame_index)
        if rle is not None and place != view.place:
            drawn.append(DrawnMask(0, rle, _WHITE, filled=False, ghost=True))
    shown = prompts.mask_at(frame_index)
    if shown is not None:
        text = f"{view.place + 1}/{view.count}"
        drawn.append(DrawnMask(0, shown, _WHITE, selected=True, filled=False, text=text))
    return drawn
