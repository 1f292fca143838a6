"""The model that people of a project propose with while no version of it is in use.

Nothing here needs torch, since the window's process has none.
"""

from __future__ import annotations

from pathlib import Path

from ifc_core.annotation import ProjectReader
from ifc_core.config import data_dir
from ifc_core.models.bundled import bundled_models, stored_facts
from ifc_core.models.names import DEFAULT_WORDS, model_file

_PROPOSE = "propose"  # kind of the runs that say which model was chosen


def chosen_model(project: ProjectReader) -> str:
    """What a fine-tuning begins with where a project has no version in use.

    Args:
        project: To look into.

    Returns:
        Name or file of the model of the latest run of Propose; empty where a version is in use,
        where it was the default one, and where it is not there any more.
    """
    if project.active_model() is not None:
        return ""
    run = next((run for run in project.runs() if run.kind == _PROPOSE), None)
    name = "" if run is None else run.model
    return "" if name in DEFAULT_WORDS or _file_of(name) is None else name


def chosen_digest(project: ProjectReader) -> str:
    """Hash of the weights of :func:`chosen_model`; empty where there is none or it does not say."""
    file = _file_of(chosen_model(project))
    digest = None if file is None else stored_facts(file).get("sha256")
    return digest if isinstance(digest, str) else ""


def _file_of(name: str) -> Path | None:
    """The file behind a name as runs keep it: a bundled model, a file, or an imported model."""
    if not name:
        return None
    bundled = [model.path for model in bundled_models() if model.name == name]
    places = [*bundled, Path(name), model_file(data_dir() / "models", name)]
    return next((path for path in places if path.is_file()), None)
