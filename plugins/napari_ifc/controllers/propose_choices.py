"""What was chosen for runs of Propose before, so that nobody chooses it twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ifc_core.annotation.proposal_runs import proposal_runs
from ifc_core.annotation.reading import ProjectReader
from ifc_core.errors import ConfigError
from ifc_core.inference.settings import ProposeSettings
from ifc_core.models.bundled import bundled_models, stored_facts
from ifc_core.models.names import DEFAULT_MODEL, DEFAULT_WORDS, model_name
from ifc_core.training.base_model import base_model, model_path
from napari_ifc.language import tr

BUNDLED = "default"
"""Name of the model that ships with the program and is used where no other was chosen."""


def bundled_texts() -> list[tuple[str, str]]:
    """(name, text) of each model that ships with the program, the default one first."""
    texts = {"ifc-r18-cells": tr("Bundled model for cells")}
    others = [model.name for model in bundled_models() if model.name != DEFAULT_MODEL]
    named = [(name, texts.get(name, name)) for name in others]
    return [(BUNDLED, tr("Bundled model")), *named]


def imported_text(file: Path | str) -> str:
    """What an imported model is called."""
    return tr("{stem} (imported)").format(stem=model_name(file))


def base_text(reader: ProjectReader) -> str:
    """What the model is called that Propose uses while no version of the project is in use."""
    name = base_model(reader) or BUNDLED
    return dict(bundled_texts()).get(name) or imported_text(name)


def judges_masks(settings: ProposeSettings) -> bool:
    """Whether the scores of a run tell masks that fit nothing.

    They count in how well masks seem to fit where a network decides their edges, because the run
    or else its model asks for it; it learnt that on things, and misjudges cells.
    """
    file = model_path(DEFAULT_MODEL if settings.model in DEFAULT_WORDS else settings.model)
    facts = {} if file is None else stored_facts(file)
    provenance = facts.get("provenance")
    if isinstance(provenance, dict) and provenance.get("world", "things") != "things":
        return False
    return (settings.edges or facts.get("preferred_edges")) == "best"


def chosen_before(reader: ProjectReader) -> ProposeSettings | None:
    """How the project's latest run over a whole video was made.

    Args:
        reader: The project.

    Returns:
        Its settings without the region, which belongs to one video; ``None`` where there was no
        run, or one of a version that knew other settings.
    """
    run = next(iter(proposal_runs(reader)), None)
    if run is None:
        return None
    try:
        return ProposeSettings.from_json({**run.settings, "region_xywh": None})
    except ConfigError:
        return None


class ModelChoice:
    """Which model Propose is to use: what a person chose, until another version is in use."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._active = BUNDLED

    def of(self, reader: ProjectReader, offered: Sequence[str], present: str) -> str:
        """The model for a project that is opened, or of which the models are shown anew.

        Args:
            reader: The project.
            offered: Names and files of all models on offer.
            present: The one that is chosen now, maybe for another project.

        Returns:
            One of ``offered``.
        """
        version = reader.active_model()
        active = (base_model(reader) or BUNDLED) if version is None else version.path
        is_same, before = self._folder == reader.folder, self._active
        self._folder, self._active = reader.folder, active
        if is_same:
            wanted = present if active == before else active
        elif (chosen := _model_before(reader)) in offered:
            wanted = str(chosen)
        else:
            wanted = present if reader.active_model_since() is None else active
        return next((name for name in (wanted, active) if name in offered), BUNDLED)


def _model_before(reader: ProjectReader) -> str | None:
    """The model that a person chose for the latest run, unless one came into use after it."""
    run, since = next(iter(proposal_runs(reader)), None), reader.active_model_since()
    if run is None or (since is not None and since > run.started_at):
        return None
    return run.model
