"""``ifc-studio validate``: check a YouTube-VIS file strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ifc_core.cli.reporting import counted, print_json, print_line
from ifc_core.errors import InputError
from ifc_core.io.problems import why_no_file

app = typer.Typer()


@app.command(epilog="Example: ifc-studio validate annotations.json")
def validate(
    file: Annotated[Path, typer.Argument(help="YouTube-VIS annotations.", metavar="FILE.json")],
    gt: Annotated[
        Path | None,
        typer.Option("--gt", help="FILE is a result file that refers to these annotations."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the problems as JSON.")] = False,
) -> None:
    """Check schema, ids, lengths, masks, areas, boxes and file names; list every problem.

    Ends with status 0 for a sound file and 2 where there are problems.
    """
    from ifc_core.io.ytvis import read_ytvis_header, validate_ytvis, validate_ytvis_results

    for place in (file, *(() if gt is None else (gt,))):
        if place.is_dir():
            raise InputError(f"{place} is a folder; name the JSON file in it.")
        if not place.is_file():
            raise InputError(why_no_file(place) or f"There is no file {place}.")
    if gt is None:
        problems = validate_ytvis(file)
    else:
        problems = validate_ytvis_results(file, read_ytvis_header(gt, needs_annotations=False))
    if as_json:
        print_json([{"where": p.where, "message": p.message} for p in problems])
    else:
        for problem in problems:
            print_line(str(problem))
        found = counted(len(problems), "problem") if problems else "no problems"
        print_line(f"{file.name}: {found}.")
    if problems:
        raise typer.Exit(2)
