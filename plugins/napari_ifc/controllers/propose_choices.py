"""What was chosen for runs of Propose before, so that nobody chooses it twice."""

from __future__ import annotations

from ifc_core.annotation.reading import ProjectReader
from ifc_core.errors import ConfigError
from ifc_core.inference.settings import ProposeSettings
from napari_ifc.controllers.open_runs import scope_of
from napari_ifc.controllers.propose import KIND


def chosen_before(reader: ProjectReader) -> ProposeSettings | None:
    """How the project's latest run over a whole video was made.

    Args:
        reader: The project.

    Returns:
        Its settings without the region, which belongs to one video; ``None`` where there was no
        run, or one of a version that knew other settings.
    """
    for run in reader.runs():
        if run.kind == KIND and scope_of(run).is_whole:
            try:
                return ProposeSettings.from_json({**run.settings, "region_xywh": None})
            except ConfigError:
                return None
    return None
