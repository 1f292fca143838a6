"""Runs that wait for a decision: which frames they may change, and how they are told."""

from __future__ import annotations

from ifc_core.annotation import RunInfo, RunState, Scope
from ifc_core.errors import ConfigError
from napari_ifc.language import tr

SCOPE_KEY = "scope"
"""Beside the settings of a run that is limited to some frames."""


def limits_of(scope: Scope) -> list[int | None]:
    """A scope as it is stored beside the settings of a run."""
    return [scope.first, scope.last]


def scope_of(run: RunInfo) -> Scope:
    """The frames that a stored run may change; all where the file says nothing that makes sense."""
    try:
        first, last = run.settings.get(SCOPE_KEY, (None, None))
        return Scope(first, last)
    except (TypeError, ValueError, ConfigError):
        return Scope.whole()


def open_run_text(run: RunInfo) -> str:
    """What there is to say of a run that waits for a decision.

    One that is complete waits because its acceptance was undone, or was never made.
    """
    if run.state is RunState.FINISHED:
        found = tr("A run found masks on {frames_staged} frames that no track holds.")
        return found.format(frames_staged=run.frames_staged)
    stopped = tr("A run was stopped after {frames_staged} frames.")
    return stopped.format(frames_staged=run.frames_staged)
