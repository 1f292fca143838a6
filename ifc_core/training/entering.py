"""Entering a fine-tuned version into its project, once.

Nothing here needs torch, since the window's process has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ifc_core.annotation import ModelVersion, Project, ProjectReader
from ifc_core.errors import ProjectError
from ifc_core.models.names import DEFAULT_MODEL, DEFAULT_WORDS, model_name
from ifc_core.training.base_model import base_digest, base_model
from ifc_core.training.run_files import (
    RESULT_NAME,
    SETTINGS_NAME,
    forget_training_state,
    kept_result,
    unfinished_runs,
    version_file,
    version_files,
)


def enter_version(project: Project, run_id: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """Enter the version that a run made, and forget what the run could go on from.

    A better one comes into use, but only in the place of the model that it was compared with:
    the project may use another one, by now or from the beginning.

    A run whose version the project knows already is only cleaned up: killed in between, it
    would else be entered twice.

    Args:
        project: To enter it into.
        run_id: Of the run; it is kept with the version.
        result: The fields of a :class:`~ifc_core.training.finetune_settings.FinetuneResult`.

    Returns:
        The result as :func:`as_entered` tells it; the version has another name where the project
        has got one of that name since.

    Raises:
        ProjectError: The project cannot be written.
    """
    run_folder = project.folder / "runs" / run_id
    version = version_of_run(project, run_id)
    if version is None:
        path = _of_free_name(project, run_folder, Path(str(result["path"])))
        version = project.add_model(
            path.stem,
            path,
            sha256=str(result["sha256"]),
            parent=str(result["parent"]),
            provenance={**result["provenance"], "run": run_id},
            metrics=dict(result["metrics"]),
            activate=bool(result["promote"]) and parent_is_in_use(project, result),
        )
    _clean_up(run_folder)
    return as_entered(result, version)


def as_entered(result: Mapping[str, Any], version: ModelVersion) -> dict[str, Any]:
    """The result of a run as the project knows it.

    Args:
        result: As the run told it.
        version: That it became.

    Returns:
        The result with the version's name and path; ``promote`` is whether it came into use.
    """
    used = bool(result["promote"]) and version.active
    return {**result, "name": version.name, "path": version.path, "promote": used}


def parent_is_in_use(project: ProjectReader, result: Mapping[str, Any]) -> bool:
    """Whether the project uses the model that a run began with and was compared with.

    Where no version is in use that is its base model, or what Propose showed when the run
    began, unless something else has proposed since.

    Args:
        project: To look into.
        result: As for :func:`enter_version`.
    """
    active, parent = project.active_model(), str(result["parent"])
    digest = result["provenance"].get("parent_sha256")
    settings = result["provenance"].get("settings")
    before = settings.get("base") if isinstance(settings, dict) else None
    if active is None and before is not None and before == base_model(project):
        return True
    used = base_digest(project) if active is None else active.sha256
    if digest and used:  # a name may be that of several files
        return bool(digest == used)
    name = (base_model(project) or DEFAULT_MODEL) if active is None else active.name
    return model_name(DEFAULT_MODEL if parent in DEFAULT_WORDS else parent) == model_name(name)


def _of_free_name(project: Project, run_folder: Path, written: Path) -> Path:
    """The file, renamed where another model of the project got its name during the training.

    Killed right after that, the next time finds it under its new name. What the run wrote under
    another name before is replaced, so that no second copy stays.
    """
    known = {model.name for model in project.models()}
    path = version_file(run_folder, written.name) or written
    if path.stem not in known:
        return path
    own = version_files(run_folder)
    free, number = written, 2
    while free.stem in known or (free.exists() and free not in own):
        free, number = written.with_stem(f"{written.stem}-{number}"), number + 1
    try:
        return path.replace(free)
    except OSError as error:
        raise ProjectError(
            f"{path} cannot be renamed to {free.name}: {error.strerror}.", path=project.folder
        ) from error


def version_of_run(project: ProjectReader, run_id: str) -> ModelVersion | None:
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
        (folder, version)
        for folder in unfinished_runs(project.folder)
        if (version := version_of_run(project, folder.name)) is not None
    ]
    if not project.read_only:
        for folder, _ in found:
            _clean_up(folder)
    return [version for _, version in found]


def enter_kept(project: Project) -> list[dict[str, Any]]:
    """Enter versions of runs that ended while the project was in use elsewhere.

    Args:
        project: Open for writing; in one that is read-only they are left as they are.

    Returns:
        Results, oldest first, as :func:`enter_version` returns them.

    Raises:
        ProjectError: One cannot be entered; it is kept.
    """
    entered = []
    for folder in reversed([] if project.read_only else unfinished_runs(project.folder)):
        result = kept_result(folder)
        if result is not None and version_of_run(project, folder.name) is None:
            entered.append(enter_version(project, folder.name, result))
    return entered


def _clean_up(run_folder: Path) -> None:
    """The settings go last: while they are there, this is done again."""
    if not forget_training_state(run_folder):
        return
    for name in (RESULT_NAME, SETTINGS_NAME):
        with suppress(OSError):
            (run_folder / name).unlink(missing_ok=True)
