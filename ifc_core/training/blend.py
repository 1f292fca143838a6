"""Weights between the parent's and the trained ones, so that less of the old task is lost.

Fine-tuning on a few frames changes every weight a little, and most of that is not needed for the
new objects. On the line from the parent's weights to the trained ones the new objects are learnt
early and the old task is forgotten late, so a point before the end is nearly as good at the
first and better at the second.

Source: Wortsman et al., "Robust fine-tuning of zero-shot models" (WiSE-FT), 2022. Unlike there,
the point is chosen for each run.
"""

from __future__ import annotations

import copy

import torch

from ifc_core.data.labelled_video import FrameStore, LabelledVideo
from ifc_core.jobs import JobContext
from ifc_core.models.ifc import IFC
from ifc_core.training.class_head import with_classes
from ifc_core.training.close_views import judged_parts
from ifc_core.training.finetune_plan import FinetunePlan
from ifc_core.training.finetune_settings import HeldOutScore
from ifc_core.training.held_out import score_held_out
from ifc_core.training.judging import FrameCount

SHARES = (0.8, 0.65, 0.5, 0.35)
"""Shares of the trained weights that are tried, one after the other."""

MOST_J_LOST = 0.03
"""Of mean J on the person's frames, against the trained weights."""

MOST_AP_LOST = 0.1
_MOST_FRAMES = 16


@torch.no_grad()
def blend(parent: IFC, trained: IFC, share: float) -> IFC:
    """A network whose weights lie between two others'.

    Args:
        parent: With the classes of ``trained``.
        trained: The other end.
        share: Of the trained weights, 0 to 1.

    Returns:
        The network, in eval mode.
    """
    start = parent.state_dict()
    mixed = {
        name: torch.lerp(start[name].to(value), value, share)
        if value.is_floating_point()
        else value
        for name, value in trained.state_dict().items()
    }
    model = copy.deepcopy(trained)
    model.load_state_dict(mixed)
    return model.eval()


def keep_old_task(
    plan: FinetunePlan,
    trained: IFC,
    store: FrameStore,
    job: JobContext,
    count: FrameCount | None = None,
) -> tuple[IFC, float]:
    """Go back towards the parent as far as the person's frames hardly suffer.

    The frames that training saw decide, so that those that judge the result have no say in it.

    Args:
        plan: Of the run.
        trained: What came of it.
        store: Reads the pictures.
        job: Can cancel between frames.
        count: Is told of each frame.

    Returns:
        The network, and its share of the trained weights; 1 where going back costs too much.
    """
    videos = _parts(plan)

    def score(model: IFC) -> HeldOutScore:
        side = plan.preset.short_side
        return score_held_out(model, videos, plan.class_names, side, store, job, count)

    goal = score(trained)
    parent = with_classes(plan.parent, plan.class_names, nearest=plan.nearest)
    best, kept = trained, 1.0
    for share in SHARES:
        model = blend(parent, trained, share)
        reached = score(model)
        # Not a number, where there is no mask, is no reason to go back either.
        is_near = reached.mean_j >= goal.mean_j - MOST_J_LOST
        if not is_near or reached.ap < goal.ap - MOST_AP_LOST:
            break
        best, kept = model, share
    return best, kept


def most_frames(plan: FinetunePlan) -> int:
    """Frames, or parts of them, that :func:`keep_old_task` predicts at most."""
    return (1 + len(SHARES)) * sum(len(part.labelled_frames) for part in _parts(plan))


def _parts(plan: FinetunePlan) -> tuple[LabelledVideo, ...]:
    return judged_parts(plan.split.training, _MOST_FRAMES, plan.wanted_side)
