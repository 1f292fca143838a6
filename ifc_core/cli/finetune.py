"""``ifc-studio finetune``: learn from what a project's people corrected and approved."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ifc_core.cli.reporting import job, print_json, print_line
from ifc_core.errors import InputError

if TYPE_CHECKING:
    from ifc_core.annotation.store import Project
    from ifc_core.training.finetune_settings import (
        FinetuneEvent,
        FinetuneSettings,
    )

app = typer.Typer()


@app.command(epilog="Example: ifc-studio finetune my-videos.ifcproj --preset quick")
def finetune(
    project: Annotated[Path, typer.Argument(help="The project's folder.", metavar="PROJECT")],
    preset: Annotated[str, typer.Option(help="quick, balanced or thorough.")] = "quick",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that was stopped.")
    ] = False,
    name: Annotated[str, typer.Option(help="Name of the new model; by default made up.")] = "",
    model: Annotated[
        str, typer.Option(help="Model to start from; by default what the project uses.")
    ] = "",
    drop_object: Annotated[
        bool, typer.Option("--drop-object", help="Leave the class 'object' out of the new model.")
    ] = False,
    minutes: Annotated[
        float | None, typer.Option(help="Time for training, instead of the preset's.")
    ] = None,
    iterations: Annotated[
        int | None, typer.Option(help="Exactly this many, whatever time they take.")
    ] = None,
    short_side: Annotated[
        int | None, typer.Option(help="Short side of the frames in pixels.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    seed: Annotated[int, typer.Option(help="Of the random choices.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train on corrected and approved frames; the result is a new model version of the project.

    Part of the frames is kept aside to judge by. The project uses the new model only if it is
    better on them. A run that was stopped goes on with --resume.
    """
    from ifc_core.annotation import Project

    choices: dict[str, Any] = {
        "preset": preset,
        "name": name,
        "model": model,
        "object_class": "drop" if drop_object else "keep",
        "minutes": minutes,
        "iterations": iterations,
        "short_side": short_side,
        "device": device,
        "seed": seed,
    }
    with Project.open(project, if_locked="error") as opened:
        if opened.read_only:
            raise InputError(opened.notice or f"{project} cannot be written.")
        settings = _stopped_run(opened) if resume else _new_run(opened, choices)
        if settings is None:
            return
        result = _train(opened, settings, is_new=not resume)
    if as_json:
        print_json(result)
    else:
        print_line(outcome(result))


def _new_run(project: Project, choices: dict[str, Any]) -> FinetuneSettings:
    """Freeze the annotation and write down what was chosen."""
    from ifc_core.annotation.snapshot import make_snapshot
    from ifc_core.io.atomic import atomic_output
    from ifc_core.training.finetune_settings import FinetuneSettings
    from ifc_core.training.run_files import SETTINGS_NAME

    stamp = time.strftime("%Y%m%d-%H%M%S")
    run_id = f"finetune-{stamp}-{time.time_ns() % 1000:03d}"
    settings = FinetuneSettings.from_json({"run_id": run_id, **choices})
    folder = project.folder / "runs" / run_id
    make_snapshot(project, folder)
    with atomic_output(folder / SETTINGS_NAME) as temporary:
        temporary.write_text(json.dumps(settings.to_json()), encoding="utf-8")
    return settings


def _stopped_run(project: Project) -> FinetuneSettings | None:
    """The newest run that has not ended; ``None`` where only cleaning up after one was left."""
    from ifc_core.training.entering import clean_up_entered, stopped_run
    from ifc_core.training.finetune_settings import FinetuneSettings

    entered = clean_up_entered(project)
    values = stopped_run(project)
    if values is not None:
        return FinetuneSettings.from_json(values)
    if entered:
        typer.echo(f"That run had ended; the project has its version {entered[0].name}.", err=True)
        return None
    raise InputError(f"{project.folder} has no stopped fine-tuning to go on with.")


def _train(project: Project, settings: FinetuneSettings, *, is_new: bool) -> dict[str, Any]:
    """Train and enter the version; a new run that cannot even begin leaves nothing to go on with.

    What the run could go on from is deleted after the version was entered: killed at any time,
    either the project knows the version or ``--resume`` goes on.

    Returns:
        The result's fields as JSON values, with the name under which the project knows it.
    """
    from ifc_core.training.entering import enter_version
    from ifc_core.training.finetune import finetune as run
    from ifc_core.training.finetune_settings import FinetuneResult, event_to_json

    result: dict[str, Any] = {}
    has_begun = not is_new
    try:
        with job(f"Fine-tuning {project.folder.name}") as context:
            for event in run(project.folder, settings, context):
                has_begun = True
                if isinstance(event, FinetuneResult):
                    result = event_to_json(event)
                    version = enter_version(project, settings.run_id, result)
                    result |= {"name": version.name, "path": version.path}
                elif line := describe(event):
                    typer.echo(line, err=True)
    except InputError:  # a model or device that is not there: --resume would meet it for ever
        if not has_begun:
            shutil.rmtree(project.folder / "runs" / settings.run_id, ignore_errors=True)
        raise
    if not result:
        raise RuntimeError("the fine-tuning ended without a result")
    return result


def describe(event: FinetuneEvent) -> str:
    """A line about an event, or nothing for one that the progress display shows.

    Args:
        event: What the job yielded.

    Returns:
        The line, empty for an iteration.
    """
    from ifc_core.training.finetune_settings import FinetuneStarted, FinetuneValidation
    from ifc_core.training.outcome import seen_sentence

    if isinstance(event, FinetuneStarted):
        counts = f"{event.num_training_frames} frames to learn from"
        kept = f"{event.num_held_out_frames} kept to judge by"
        line = f"{counts}, {kept}; {event.iterations} iterations on {event.device}"
        if event.num_seen:
            line += f"; {seen_sentence(event.num_seen)}"
        return f"{line}; {event.notice}" if event.notice else line
    if isinstance(event, FinetuneValidation) and event.score.num_masks:
        return f"after {event.iteration} iterations: mean J {event.score.mean_j:.3f}"
    return ""


def outcome(result: Mapping[str, Any]) -> str:
    """The end of a run in a few sentences, as the window says it too.

    Args:
        result: Fields of a ``FinetuneResult`` as JSON values.
    """
    from ifc_core.training.outcome import outcome_sentences

    told = " ".join(str(sentence) for sentence in outcome_sentences(result))
    return f"{told} It took {result['seconds']:.0f} s."
