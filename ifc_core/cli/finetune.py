"""``ifc-studio finetune``: learn from what a project's people corrected and approved."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ifc_core.cli.reporting import job, print_json, print_line, print_note
from ifc_core.errors import InputError, ProjectLockedError
from ifc_core.jobs import JobCancelled

if TYPE_CHECKING:
    from ifc_core.annotation.records import ModelVersion
    from ifc_core.annotation.store import Project
    from ifc_core.training.finetune_settings import (
        FinetuneEvent,
        FinetuneSettings,
    )
    from ifc_core.training.stopped_runs import StoppedRun

app = typer.Typer()


WAIT_SECONDS = 60.0
"""How long the end of a training waits for a project that is in use."""

_LOOK_SECONDS = 0.5


@app.command(epilog="Example: ifc-studio finetune my-videos.ifcproj --preset quick")
def finetune(
    context: typer.Context,
    project: Annotated[Path, typer.Argument(help="The project's folder.", metavar="PROJECT")],
    preset: Annotated[str, typer.Option(help="quick, balanced or thorough.")] = "quick",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that was stopped, as it was begun.")
    ] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="Delete the run that was stopped, and end.")
    ] = False,
    name: Annotated[str, typer.Option(help="Name of the new model; by default made up.")] = "",
    model: Annotated[
        str, typer.Option(help="Model to start from; by default what the project proposes with.")
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
        int | None,
        typer.Option(help="Short side of the frames in pixels, instead of the preset's."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    seed: Annotated[int, typer.Option(help="Of the random choices.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train on corrected and approved frames; the result is a new model version of the project.

    Part of the frames is kept aside to judge by. The project uses the new model only if it is
    better on them than the one in use. It is free for others while the training goes on. A run
    that was stopped goes on with --resume, or is deleted with --discard.
    """
    choices: dict[str, Any] = {
        "preset": preset,
        "name": name,
        "model": _lasting(model),
        "object_class": "drop" if drop_object else "keep",
        "minutes": minutes,
        "iterations": iterations,
        "short_side": short_side,
        "device": device,
        "seed": seed,
    }
    for option, given in (("resume", resume), ("discard", discard)):
        if given:
            _refuse_others(context, option)
    from ifc_core.training.run_files import training_lock

    result: dict[str, Any] | None = None
    with ExitStack() as run:
        with _open(project) as opened:
            folder, (cleaned, entered) = opened.folder, _finish(opened)
            if discard:
                return _discard(opened)
            if resume and entered:
                result = entered[-1]
            elif resume and _has_ended(opened, cleaned):
                return print_json(_facts_of(cleaned[0])) if as_json else None
            else:
                settings = _stopped_run(opened) if resume else _new_run(opened, choices)
                run_folder = folder / "runs" / settings.run_id
                if not resume:
                    run.enter_context(_gone_unless_begun(run_folder))
                run.enter_context(training_lock(run_folder))
        if result is None:
            result = _enter(folder, settings.run_id, _train(folder, settings))
    if as_json:
        print_json(result)
    else:
        print_line(outcome(result))
    return None


def _refuse_others(context: typer.Context, option: str) -> None:
    """A stopped run goes on as it was begun: what else was asked for would be forgotten."""
    allowed = {option, "project"} | ({"as_json"} if option == "resume" else set())
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in allowed
        and getattr(context.get_parameter_source(str(parameter.name)), "name", "") == "COMMANDLINE"
    ]
    if given:
        what = {"resume": "goes on with the run as it was begun", "discard": "deletes a run"}
        raise InputError(f"--{option} {what[option]}; leave out {' and '.join(given)}.")


def _lasting(model: str) -> str:
    """A model's file by its whole path, since the run may go on in another folder."""
    path = Path(model)
    return str(path.absolute()) if path.suffix and path.is_file() else model


def _open(folder: Path) -> Project:
    """The project, for writing."""
    from ifc_core.annotation import Project

    opened = Project.open(folder, if_locked="error")
    if opened.read_only:
        opened.close()
        raise InputError(opened.notice or f"{folder} cannot be written.")
    return opened


def _finish(project: Project) -> tuple[list[ModelVersion], list[dict[str, Any]]]:
    """Clean up after runs that had ended, and enter what was trained while the project was in use.

    Returns:
        Versions that the project knew already, and results that were entered now.
    """
    from ifc_core.training.entering import clean_up_entered, enter_kept

    cleaned, entered = clean_up_entered(project), enter_kept(project)
    for result in entered:
        typer.echo(f"Entered {result['name']}, which was trained before.", err=True)
    return cleaned, entered


def _has_ended(project: Project, cleaned: Sequence[ModelVersion]) -> bool:
    """Whether the run to go on with had ended, and only cleaning up after it was left."""
    from ifc_core.training.stopped_runs import stopped_runs

    if not cleaned or stopped_runs(project):
        return False
    typer.echo(f"That run had ended; the project has its version {cleaned[0].name}.", err=True)
    return True


def _facts_of(version: ModelVersion) -> dict[str, Any]:
    """What the project knows of a version, under the names that a result has for it."""
    names = ("name", "path", "sha256", "parent", "provenance", "metrics")
    return {**{name: getattr(version, name) for name in names}, "promote": version.active}


@contextmanager
def _gone_unless_begun(run_folder: Path) -> Iterator[None]:
    """Delete a new run that cannot even begin: a model or device that is not there.

    ``--resume`` would meet it for ever.
    """
    from ifc_core.training.run_files import planned_iterations, remove_run

    try:
        yield
    except InputError:
        if not planned_iterations(run_folder):
            with suppress(OSError):
                remove_run(run_folder)
        raise


def _new_run(project: Project, choices: dict[str, Any]) -> FinetuneSettings:
    """Freeze the annotation and write down what was chosen."""
    from ifc_core.annotation.snapshot import make_snapshot
    from ifc_core.training.finetune_settings import FinetuneSettings
    from ifc_core.training.run_files import write_settings
    from ifc_core.training.stopped_runs import stopped_runs

    stamp = time.strftime("%Y%m%d-%H%M%S")
    run_id = f"finetune-{stamp}-{time.time_ns() % 1000:03d}"
    if not choices["model"] and project.active_model() is None:
        choices = {**choices, "model": _base(project)}
    settings = FinetuneSettings.from_json({"run_id": run_id, **choices})
    for run in stopped_runs(project):
        told = "stays stopped beside this one; --discard deletes it"
        typer.echo(f"{_capital(str(run.words))} {told}.", err=True)
    folder = project.folder / "runs" / run_id
    if left_out := ", ".join(make_snapshot(project, folder).left_out):
        print_note(f"not found and left out: {left_out}.")
    write_settings(folder, settings.to_json())
    return settings


def _base(project: Project) -> str:
    """What a project without a version in use was proposed with, and a note of it."""
    from ifc_core.models.names import DEFAULT_MODEL, model_name
    from ifc_core.training.base_model import base_model, model_path

    base = base_model(project)
    if not base:
        return ""
    name = model_name(base)
    if model_path(base) is None:
        print_note(f"{name}, which proposed, is not there: it begins with {DEFAULT_MODEL}.")
        return ""
    print_note(f"it begins with {name}, which proposed.")
    return _lasting(base)


def _stopped_run(project: Project) -> FinetuneSettings:
    """The newest run that has not ended, with its files looked up again."""
    from ifc_core.training.finetune_settings import FinetuneSettings
    from ifc_core.training.stopped_runs import ready_to_go_on

    run = _newest(project, "go on with")
    typer.echo(f"Going on with {run.words}.", err=True)
    return FinetuneSettings.from_json(ready_to_go_on(project, run))


def _discard(project: Project) -> None:
    from ifc_core.training.stopped_runs import discard_run, stopped_runs

    run = _newest(project, "discard")
    words = str(run.words)
    discard_run(project, run)
    print_line(f"Discarded {words}.")
    for other in stopped_runs(project):
        print_line(f"{_capital(str(other.words))} is still there.")


def _newest(project: Project, what: str) -> StoppedRun:
    from ifc_core.training.run_files import is_training, unfinished_runs
    from ifc_core.training.stopped_runs import stopped_runs

    runs = stopped_runs(project)
    if runs:
        return runs[0]
    if any(is_training(folder) for folder in unfinished_runs(project.folder)):
        raise InputError(f"The fine-tuning of {project.folder} goes on in another process.")
    raise InputError(f"{project.folder} has no stopped fine-tuning to {what}.")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _train(folder: Path, settings: FinetuneSettings) -> dict[str, Any]:
    """Train with the project closed; the caller holds the run's lock.

    Returns:
        The result's fields as JSON values; it is kept in the run's folder until it is entered.
    """
    from ifc_core.training.finetune import finetune as run
    from ifc_core.training.finetune_settings import FinetuneResult, event_to_json

    result: dict[str, Any] = {}
    try:
        with job(f"Fine-tuning {folder.name}") as context:
            for event in run(folder, settings, context, holds_lock=True):
                if isinstance(event, FinetuneResult):
                    result = event_to_json(event)
                elif line := describe(event):
                    typer.echo(line, err=True)
    except JobCancelled:
        typer.echo("Stopped; its state is saved, go on with --resume.", err=True)
        raise
    if not result:
        raise RuntimeError("the fine-tuning ended without a result")
    return result


def _enter(folder: Path, run_id: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """Enter the version once nobody else writes the project; for a while it is waited for.

    What the run could go on from is deleted after that. Killed at any time, either the project
    knows the version or ``--resume`` goes on.

    Returns:
        The result as the project knows it, be it that the window has entered it.
    """
    from ifc_core.training.entering import enter_version

    end = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            with _open(folder) as project:
                return enter_version(project, run_id, result)
        except ProjectLockedError as error:
            if (entered := _entered_elsewhere(folder, run_id, result)) is not None:
                return entered
            if time.monotonic() >= end:
                raise ProjectLockedError(
                    f"The training is done, but {folder} is in use; its version {result['name']} "
                    "enters the project when the window shows the Fine-tune page, or with "
                    "--resume.",
                    path=folder,
                ) from error
        time.sleep(_LOOK_SECONDS)


def _entered_elsewhere(
    folder: Path, run_id: str, result: Mapping[str, Any]
) -> dict[str, Any] | None:
    from ifc_core.annotation import ProjectReader
    from ifc_core.training.entering import as_entered, version_of_run

    with ProjectReader.open(folder) as reader:
        version = version_of_run(reader, run_id)
    return None if version is None else as_entered(result, version)


def describe(event: FinetuneEvent) -> str:
    """A line about an event, or nothing for one that the progress display shows.

    Args:
        event: What the job yielded.

    Returns:
        The line, empty for an iteration.
    """
    from ifc_core.training.finetune_settings import FinetuneStarted, FinetuneValidation
    from ifc_core.training.outcome import seen_sentence, unseen_sentence

    if isinstance(event, FinetuneStarted):
        counts = f"{event.num_training_frames} frames to learn from"
        kept = f"{event.num_held_out_frames} kept to judge by"
        line = f"{counts}, {kept}; {event.iterations} iterations on {event.device}"
        if event.num_seen:
            line += f"; {seen_sentence(event.num_seen)}"
        if event.unseen:
            line += f"; {unseen_sentence(*event.unseen)}"
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
