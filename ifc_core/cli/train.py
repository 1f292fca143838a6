"""``ifc-studio train``: train a network from a configuration file."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ifc_core.cli.reporting import job, print_line, print_note
from ifc_core.errors import ConfigError
from ifc_core.jobs import JobContext
from ifc_core.stop_signals import stop_on_signals

app = typer.Typer()

_LEAST_MINUTES = 0.01


@app.command(
    epilog="Examples: ifc-studio train synthetic_r18_cpu -o runs/first; "
    "torchrun --nproc-per-node 4 --no-python ifc-studio train my.toml"
)
def train(
    config: Annotated[
        str,
        typer.Argument(
            help="TOML file, or the name of a bundled preset; without it, these are listed.",
            metavar="CONFIG",
        ),
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of checkpoints and the log.")
    ] = None,
    init: Annotated[
        Path | None, typer.Option("--init", help="Start from these weights.", exists=True)
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = None,
    cutouts: Annotated[
        Path | None,
        typer.Option(help="COCO folder whose objects generated clips show too.", exists=True),
    ] = None,
    sprites: Annotated[
        Path | None,
        typer.Option(help="Folder of pictures with transparency, likewise.", exists=True),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Save, export and stop after this time; go on later."),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads of each process.")] = None,
) -> None:
    """Train on synthetic clips, COCO images or YouTube-VIS videos, or the network of mask edges.

    A run that was stopped goes on where it was when the same command is given again. Under
    torchrun each process takes its share of every batch.
    """
    from ifc_core.training.config import preset_names, preset_summary, read_config_table

    if not config:
        given_too = (output, init, device, cutouts, sprites, minutes, threads)
        if any(value is not None for value in given_too):
            raise ConfigError(
                "Name what to train: a TOML file, or one of the presets that `ifc-studio train` "
                "alone lists.",
                name="config",
                value="",
            )
        width = max(map(len, preset_names()))
        for name in preset_names():
            print_line(f"{name:{width}s} {preset_summary(name)}")
        return

    import torch

    from ifc_core.training.edge_config import TASK
    from ifc_core.training.ranges import check_range

    if minutes is not None:
        check_range("minutes", minutes, _LEAST_MINUTES)
    if threads is not None:
        torch.set_num_threads(threads)
    given = {
        "output": None if output is None else output.resolve(),
        "init": None if init is None else init.resolve(),
        "device": device,
    }
    folders = {"cutout_dir": cutouts, "sprite_dir": sprites}
    material = {
        name: str(folder.resolve()) for name, folder in folders.items() if folder is not None
    }
    seconds = None if minutes is None else 60 * minutes
    is_edges = read_config_table(config)[0].get("task") == TASK
    folder = (_train_edges if is_edges else _train_model)(config, given, material, seconds)
    if _is_first():
        print_line(str(folder))


def _is_first() -> bool:
    """Whether this process talks to people: alone, or the first of ``torchrun``'s."""
    return os.environ.get("WORLD_SIZE", "1") == "1" or os.environ.get("RANK", "0") == "0"


def _job(label: str) -> AbstractContextManager[JobContext]:
    """Progress, of the first process alone; all of them hear Ctrl-C."""
    return job(label) if _is_first() else stop_on_signals()


def _train_model(
    config: str, given: dict[str, Any], material: dict[str, str], seconds: float | None
) -> Path:
    from ifc_core.training.config import read_train_config
    from ifc_core.training.trainer import train as run

    settings = read_train_config(config, **given)
    if material and settings.data.kind != "synthetic":
        raise ConfigError(
            f"--cutouts and --sprites are for generated clips; this run has {settings.data.kind}.",
            name="data",
            value=settings.data.kind,
        )
    synthetic = {**settings.data.synthetic, **material}
    settings = replace(settings, data=replace(settings.data, synthetic=synthetic))
    with _job(f"Training {settings.output.name}") as context:
        return run(settings, context, seconds, print_note)


def _train_edges(
    config: str, given: dict[str, Any], material: dict[str, str], seconds: float | None
) -> Path:
    from ifc_core.training.edge_config import read_edge_config
    from ifc_core.training.edge_training import train_edges

    settings = read_edge_config(config, **given)
    settings = replace(settings, synthetic={**settings.synthetic, **material})
    with _job(f"Training {settings.output.name}") as context:
        return train_edges(settings, context, seconds)
