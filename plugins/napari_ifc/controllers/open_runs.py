"""Runs that wait for a decision: which frames they may change, and how they are told."""

from __future__ import annotations

from collections.abc import Iterable

from ifc_core.annotation import RunInfo, RunState, Scope
from ifc_core.annotation.propagation_gaps import KIND as PROPAGATE
from ifc_core.annotation.proposal_runs import PROPOSE, scope_of
from napari_ifc.language import tr


def is_offered(run: RunInfo) -> bool:
    """Whether a run that waits for a decision is worth a question.

    What was accepted once and undone since is not: redo brings it back. Neither is a guess or a
    candidate that was cut off; asking again takes a moment.
    """
    return run.kind in (PROPOSE, PROPAGATE) and not run.was_accepted


def kept_scope(run: RunInfo, staged: Iterable[int]) -> Scope | None:
    """The frames that keeping a run may change: of one that was stopped those that it reached.

    ``None`` where it was stopped before it came to a frame that it may change.

    Args:
        run: As it is stored.
        staged: Frames that it found something on.
    """
    scope = scope_of(run)
    if run.state is not RunState.RUNNING:
        return scope
    reached = max(staged, default=0)
    last = reached if scope.last is None else min(reached, scope.last)
    return Scope(scope.first, last) if last >= (scope.first or 0) else None


def open_run_text(run: RunInfo) -> str:
    """What there is to say of a run that waits for a decision.

    One that is complete waits because its acceptance was undone, or was never made.
    """
    is_one = run.frames_staged == 1
    if run.state is RunState.FINISHED:
        words = tr("A run found masks on 1 frame that no track holds.")
        if not is_one:
            words = tr("A run found masks on {frames_staged} frames that no track holds.")
    elif not run.masks_staged:
        words = tr("A run was stopped before it found anything.")
    else:
        words = tr("A run was stopped after 1 frame.")
        if not is_one:
            words = tr("A run was stopped after {frames_staged} frames.")
    return words.format(frames_staged=run.frames_staged)
