"""Fine-tunings that were begun and have not ended: what they are, going on, discarding.

Nothing here needs torch, since the window's process has none.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ifc_core.annotation import Project
from ifc_core.annotation.snapshot import relocate_snapshot
from ifc_core.errors import ProjectError
from ifc_core.models.names import model_name
from ifc_core.training.entering import version_of_run
from ifc_core.training.outcome import Sentence
from ifc_core.training.run_files import (
    SETTINGS_NAME,
    is_training,
    planned_iterations,
    read_settings,
    remove_run,
    saved_iteration,
    training_lock,
    unfinished_runs,
    version_files,
)

_BEGUN = "the fine-tuning of {begun} ({preset}, {done} of {total} iterations)"
_NOT_BEGUN = "the fine-tuning of {begun} ({preset}, nothing trained yet)"

TEXTS = (_BEGUN, _NOT_BEGUN)
"""All that :attr:`StoppedRun.words` can say, for translations."""


@dataclass(frozen=True, slots=True)
class StoppedRun:
    """A fine-tuning that can go on.

    Attributes:
        folder: Of the run, in the project.
        settings: Fields of :class:`~ifc_core.training.finetune_settings.FinetuneSettings`.
    """

    folder: Path
    settings: dict[str, Any]

    @property
    def words(self) -> Sentence:
        """Which one it is: when it was begun, its preset and how far it came."""
        done, total = saved_iteration(self.folder), planned_iterations(self.folder)
        values = {
            "begun": _begun(self.folder),
            "preset": str(self.settings.get("preset", "quick")),
            "done": str(done),
            "total": str(total),
        }
        return Sentence(_BEGUN if done and total else _NOT_BEGUN, values)


def _begun(folder: Path) -> str:
    """Local day and time, from the name of the run, or from its files."""
    try:
        moment = time.strptime(folder.name[:24], "finetune-%Y%m%d-%H%M%S")
    except ValueError:
        moment = time.localtime((folder / SETTINGS_NAME).stat().st_mtime)
    return time.strftime("%Y-%m-%d %H:%M", moment)


def stopped_runs(project: Project) -> list[StoppedRun]:
    """Runs that were begun and have not ended, newest first.

    Runs that have entered their version have ended; those that a process trains at the moment
    and those of which a crash left nothing of use are passed over.

    Args:
        project: Whose runs.
    """
    found = []
    for folder in unfinished_runs(project.folder):
        settings = read_settings(folder)
        has_ended = settings is None or version_of_run(project, folder.name) is not None
        if settings is not None and not has_ended and not is_training(folder):
            found.append(StoppedRun(folder, settings))
    return found


def ready_to_go_on(project: Project, run: StoppedRun) -> dict[str, Any]:
    """Look up what a stopped run needs: the project, its videos or its parent may have moved.

    Args:
        project: Open in this process.
        run: Of the project.

    Returns:
        The settings to go on with.

    Raises:
        FormatError: Its snapshot is damaged.
        ProjectError: A video is not found.
        OutputError: The places cannot be written down.
    """
    relocate_snapshot(project, run.folder)
    settings = dict(run.settings)
    model = str(settings.get("model") or "")
    if model and not Path(model).exists():
        paths = {version.name: version.path for version in project.models()}
        settings["model"] = paths.get(model_name(model), model)
    return settings


def discard_run(project: Project, run: StoppedRun) -> None:
    """Delete a stopped run with all that it could go on from, and a version it did not enter.

    Args:
        project: Open for writing.
        run: Of the project.

    Raises:
        ProjectError: The project is read-only, or the folder cannot be deleted.
        ProjectLockedError: A process goes on with it by now.
    """
    if project.read_only:
        raise ProjectError(
            project.notice or "The project is open read-only; nothing was discarded.",
            path=project.folder,
        )
    try:
        with training_lock(run.folder):
            known = {Path(version.path) for version in project.models()}
            for file in version_files(run.folder):
                if file not in known:
                    file.unlink()
            (run.folder / SETTINGS_NAME).unlink(missing_ok=True)  # nobody goes on with it now
        remove_run(run.folder)  # with the lock's file, which some systems keep while it is open
    except OSError as error:
        raise ProjectError(
            f"{run.folder} cannot be deleted: {error.strerror}.", path=run.folder
        ) from error
