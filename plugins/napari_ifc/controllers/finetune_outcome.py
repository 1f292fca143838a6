"""How a fine-tuning ended, and which model is in use since."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ifc_core.annotation import ProjectReader
from ifc_core.training.base_model import base_model
from ifc_core.training.entering import parent_is_in_use
from ifc_core.training.outcome import notice_sentences, outcome_sentences
from napari_ifc.controllers.propose_choices import base_text
from napari_ifc.finetune_state import Outcome
from napari_ifc.language import tr


def outcome_text(result: Mapping[str, Any]) -> str:
    """The end of a run in the person's language, as the command line says it in English.

    Args:
        result: Fields of a ``FinetuneResult`` as JSON values.
    """
    told = outcome_sentences(result)
    return " ".join(tr(sentence.text).format(**sentence.values) for sentence in told)


def outcome_of(result: Mapping[str, Any], project: ProjectReader) -> Outcome:
    """The end of a run for the card.

    Args:
        result: As ``entering.as_entered`` tells it.
        project: It was entered into; says which model is in use now.
    """
    before, after = result["before"], result["after"]
    has_masks = int(after["num_masks"]) > 0
    forgotten = (result.get("rehearsal_before"), result.get("rehearsal_after"))
    notices = [tr(sentence.text).format(**sentence.values) for sentence in notice_sentences(result)]
    rehearsal = None
    if forgotten[0] is not None and forgotten[1] is not None:
        rehearsal = (float(forgotten[0]), float(forgotten[1]))
    active = project.active_model()
    return Outcome(
        name=str(result["name"]),
        parent=str(result["parent"]),
        verdict=str(result["verdict"]),
        before_j=before.get("mean_j"),
        after_j=after.get("mean_j"),
        ap=(float(before["ap"]), float(after["ap"])) if has_masks else None,
        held_out_masks=int(after["num_masks"]),
        rehearsal=rehearsal,
        comparisons=tuple(Path(str(path)) for path in result["comparisons"]),
        seconds=float(result["seconds"]),
        notices=tuple(notices),
        in_use=active is not None and active.name == result["name"],
        used=_base(project) if active is None else active.name,
        parent_in_use=parent_is_in_use(project, result),
    )


def _base(project: ProjectReader) -> str:
    """What is in use without a version, within a sentence."""
    return base_text(project) if base_model(project) else tr("the bundled model")
