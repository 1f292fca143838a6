"""``ifc-studio models``: the models that runs can be given by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ifc_core.cli.reporting import print_json, print_line
from ifc_core.errors import OutputError
from ifc_core.models.names import DEFAULT_MODEL

if TYPE_CHECKING:
    from ifc_core.models.checkpoint import CheckpointInfo
    from ifc_core.models.registry import ModelEntry

_NAMED_CLASSES = 3  # so many are told by name in a line

app = typer.Typer(
    help="List, inspect, import and remove models.",
    epilog="Example: ifc-studio models import ytvis_r50.pth -o r50.safetensors",
    no_args_is_help=True,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
InProject = Annotated[
    Path | None, typer.Option("--project", help="Also look in this project.", metavar="PROJECT")
]


@app.command("list", epilog="Example: ifc-studio models list --project leaves.ifcproj")
def list_command(project: InProject = None, as_json: AsJson = False) -> None:
    """List the models that can be named: bundled, imported, and a project's own."""
    from ifc_core.models.registry import list_models

    entries = list_models(_search(project))
    if as_json:
        print_json({"models": [describe_entry(entry) for entry in entries]})
        return
    for entry in entries:
        print_line(f"{entry.name:<28} {entry.kind:<8} {_summary(entry)}")
    if not entries:
        print_line("No models are installed; import one with: ifc-studio models import FILE.pth")


@app.command(epilog="Example: ifc-studio models info default")
def info(
    name: Annotated[str, typer.Argument(help="Name or file.", metavar="NAME|FILE")],
    project: InProject = None,
    as_json: AsJson = False,
) -> None:
    """Show a model's architecture, classes, input and where it comes from."""
    from ifc_core.errors import CheckpointError
    from ifc_core.models.registry import find_model

    entry = find_model(name, _search(project))
    if entry.info is None:
        raise CheckpointError(entry.problem, path=entry.path)
    described = describe_entry(entry)
    if as_json:
        print_json(described)
        return
    width = max(map(len, described))
    for key, value in described.items():
        if key == "categories":
            value = ", ".join(category["name"] for category in value)
        if isinstance(value, dict):
            value = ", ".join(f"{k} {v}" for k, v in value.items()) or "unknown"
        print_line(f"{key.replace('_', ' '):<{width}} {value}")


@app.command("import", epilog="Example: ifc-studio models import ytvis_r50.pth -o r50.safetensors")
def import_command(
    file: Annotated[
        Path,
        typer.Argument(
            help="Published checkpoint (.pth), or .safetensors of ours.", metavar="FILE"
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; else the user's models folder."),
    ] = None,
    categories: Annotated[
        str | None,
        typer.Option(help="coco, ytvis-2019, ytvis-2021, ovis, or a file with class names."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read IFC's published checkpoints, torchvision's ResNet weights, or a model of this program.

    The ResNet's are for the backbone alone. A .safetensors file that this program made, such as
    the fine-tuned model of another person, is checked and copied. Of the others architecture,
    classes and memory tokens are read off the tensors. Nothing in the file is run.
    """
    for read in (file, Path(categories or "")):
        if output is not None and output.is_file() and read.is_file() and output.samefile(read):
            raise OutputError(
                f"{output} is a file to read; choose another one to write.", path=output
            )
    from ifc_core.models.convert import import_model

    target, written = import_model(file, output, categories)
    if as_json:
        print_json({"path": str(target), **describe_info(written)})
        return
    config = written.model_config
    print_line(
        f"Wrote {target}: {config.backbone}, {config.num_classes} classes"
        f" ({written.categories[0].name}, ...), {config.num_memory_tokens} memory tokens"
    )
    if written.provenance.get("trained") == "backbone only":
        print_line("Only the backbone is trained: use it to start training, not to propose.")


@app.command(epilog="Example: ifc-studio models remove ytvis_r50")
def remove(
    name: Annotated[str, typer.Argument(help="Name of an imported model.", metavar="NAME")],
) -> None:
    """Delete a model that was imported into the user's models folder."""
    from ifc_core.models.registry import remove_model

    print_line(f"Removed {remove_model(name)}")


def describe_entry(entry: ModelEntry) -> dict[str, Any]:
    """A model as JSON values.

    Args:
        entry: Of the registry.
    """
    described = {
        "name": entry.name,
        "kind": entry.kind,
        "path": str(entry.path),
        "size_bytes": entry.size_bytes,
    }
    if entry.info is None:
        return {**described, "problem": entry.problem}
    return {**described, **describe_info(entry.info)}


def describe_info(info: CheckpointInfo) -> dict[str, Any]:
    """What a checkpoint says about itself as JSON values.

    Args:
        info: Of the checkpoint.
    """
    return {
        **info.preferences.to_fields(),
        "sha256": info.sha256,
        "model_config": info.model_config.to_dict(),
        "categories": [{"id": c.id, "name": c.name} for c in info.categories],
        "provenance": info.provenance,
    }


def _summary(entry: ModelEntry) -> str:
    if entry.info is None:
        return f"unusable: {entry.problem}"
    config = entry.info.model_config
    names = [category.name for category in entry.info.categories]
    classes = f"{config.num_classes} classes"
    if 0 < len(names) <= _NAMED_CLASSES:
        classes = f"class{'es' if len(names) > 1 else ''} {', '.join(names)}"
    is_default = entry.kind == "bundled" and entry.name == DEFAULT_MODEL
    end = ", used where none is named" if is_default else ""
    return f"{config.backbone}, {classes}, {entry.size_bytes / 1e6:.1f} MB{end}"


def _search(project: Path | None) -> list[Path]:
    if project is None:
        return []
    from ifc_core.annotation.reading import project_folder

    return [project_folder(project) / "models"]
