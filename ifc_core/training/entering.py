"""Entering a fine-tuned version into its project, once, and runs that have not come so far.

Nothing here needs torch, since the window's process has none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ifc_core.annotation import ModelVersion, Project
from ifc_core.errors import ProjectError
from ifc_core.training.run_files import SETTINGS_NAME, forget_training_state


def enter_version(project: Project, run_id: str, result: Mapping[str, Any]) -> ModelVersion:
    """Enter the version that a run made, and forget what the run could go on from.

    A run whose version the project knows already is only cleaned up: killed in between, it
    would else be entered twice.

    Args:
        project: To enter it into.
        run_id: Of the run; it is kept with the version.
        result: The fields of a :class:`~ifc_core.training.finetune_settings.FinetuneResult`.

    Returns:
        The version; its name is another one where the project has got one of that name since.

    Raises:
        ProjectError: The project cannot be written.
    """
    version = version_of_run(project, run_id)
    if version is None:
        path = _of_free_name(project, Path(str(result["path"])))
        version = project.add_model(
            path.stem,
            path,
            sha256=str(result["sha256"]),
            parent=str(result["parent"]),
            provenance={**result["provenance"], "run": run_id},
            metrics=dict(result["metrics"]),
            activate=bool(result["promote"]),
        )
    _clean_up(project.folder / "runs" / run_id)
    return version


def _of_free_name(project: Project, path: Path) -> Path:
    """The file, renamed where another model of the project got its name during the training."""
    known = {model.name for model in project.models()}
    free, number = path, 2
    while free.stem in known or (free != path and free.exists()):
        free, number = path.with_stem(f"{path.stem}-{number}"), number + 1
    if free == path:
        return path
    try:
        return path.rename(free)
    except OSError as error:
        raise ProjectError(
            f"{path} cannot be renamed to {free.name}: {error.strerror}.", path=project.folder
        ) from error


def version_of_run(project: Project, run_id: str) -> ModelVersion | None:
    """The version that a run has entered, if it came so far."""
    made = (model for model in project.models() if model.provenance.get("run") == run_id)
    return next(made, None)


def clean_up_entered(project: Project) -> list[ModelVersion]:
    """Finish runs that were cut off between entering their version and cleaning up.

    Args:
        project: Open for writing; in one that is read-only they are left as they are.

    Returns:
        Their versions, newest first.
    """
    found = [
        (path.parent, version)
        for path in _unfinished(project)
        if (version := version_of_run(project, path.parent.name)) is not None
    ]
    if not project.read_only:
        for folder, _ in found:
            _clean_up(folder)
    return [version for _, version in found]


def stopped_run(project: Project) -> dict[str, Any] | None:
    """Settings of the newest run that was begun and has not ended.

    Runs that have entered their version have ended, and those of which a crash left nothing of
    use are passed over.

    Args:
        project: Whose runs.

    Returns:
        Fields of :class:`~ifc_core.training.finetune_settings.FinetuneSettings`.
    """
    for path in _unfinished(project):
        settings = _settings_in(path)
        if settings is not None and version_of_run(project, path.parent.name) is None:
            return settings
    return None


def _unfinished(project: Project) -> list[Path]:
    """Settings of runs that were not cleaned up, newest first."""
    found = (project.folder / "runs").glob(f"finetune-*/{SETTINGS_NAME}")
    return sorted(found, reverse=True)


def _settings_in(path: Path) -> dict[str, Any] | None:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    is_whole = isinstance(settings, dict) and settings.get("run_id") == path.parent.name
    return settings if is_whole else None


def _clean_up(run_folder: Path) -> None:
    """The settings go last: while they are there, this is done again."""
    forget_training_state(run_folder)
    with suppress(OSError):
        (run_folder / SETTINGS_NAME).unlink(missing_ok=True)
