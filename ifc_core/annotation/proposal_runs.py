"""Runs of Propose as a project keeps them: over which frames, and which was the latest."""

from __future__ import annotations

from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.records import RunInfo, Scope
from ifc_core.errors import ConfigError

PROPOSE = "propose"
"""Kind of these runs."""

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


def proposal_runs(project: ProjectReader) -> list[RunInfo]:
    """Runs of Propose over whole videos, newest first."""
    return [run for run in project.runs() if run.kind == PROPOSE and scope_of(run).is_whole]
