"""The model that a project is proposed with while no version of its own is in use.

Nothing here needs torch, since the window's process has none.
"""

from __future__ import annotations

from pathlib import Path

from ifc_core.annotation import ProjectReader
from ifc_core.annotation.proposal_runs import proposal_runs
from ifc_core.config import data_dir
from ifc_core.models.bundled import bundled_models, default_digest, stored_facts
from ifc_core.models.names import DEFAULT_WORDS, model_file


def base_model(project: ProjectReader) -> str:
    """Name or file of that model; empty for the default one.

    It is the one of the latest run of Propose over a whole video that took no version of the
    project: versions come and go, and what they were made from is left.

    Args:
        project: To look into.
    """
    versions = {version.path for version in project.models()}
    names = (run.model for run in proposal_runs(project) if run.model not in versions)
    name = next(names, "")
    return "" if name in DEFAULT_WORDS else name


def base_digest(project: ProjectReader) -> str:
    """Hash of the weights of that model; empty where its file is missing or does not say."""
    name = base_model(project)
    if not name:
        return default_digest()
    file = model_path(name)
    digest = None if file is None else stored_facts(file).get("sha256")
    return digest if isinstance(digest, str) else ""


def model_path(name: str) -> Path | None:
    """The file behind a name as runs keep it, or ``None`` where there is none.

    Args:
        name: Of an imported model or a bundled one, or a file.
    """
    bundled = [model.path for model in bundled_models() if model.name == name]
    places = [model_file(data_dir() / "models", name), *bundled, Path(name)]
    return next((path for path in places if path.is_file()), None)
