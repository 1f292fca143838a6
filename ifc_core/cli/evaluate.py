"""``ifc-studio evaluate``: score predictions against ground truth."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from ifc_core.cli.project_reader import open_reader
from ifc_core.cli.reporting import counted, job, print_line
from ifc_core.errors import ConfigError, FormatError, InputError
from ifc_core.io.problems import why_no_file

app = typer.Typer()


@app.command(
    epilog="Examples: ifc-studio evaluate --gt valid.json --pred results.json --json ap.json; "
    "ifc-studio evaluate --project cells.ifcproj"
)
def evaluate(
    gt: Annotated[
        Path | None, typer.Option("--gt", help="YouTube-VIS annotations.", metavar="GT.json")
    ] = None,
    pred: Annotated[
        Path | None,
        typer.Option(
            "--pred",
            help="YouTube-VIS results (a list); with --project also what propose wrote.",
            metavar="PRED.json",
        ),
    ] = None,
    project: Annotated[
        Path | None,
        typer.Option(
            "--project",
            help="Judge by the approved frames of a project: its proposals, or --pred.",
            metavar="PROJECT",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--json", help="Write the figures to this file, '-' to print.")
    ] = None,
    tracks: Annotated[
        bool,
        typer.Option("--tracks", help="Also judge each true track: J, F, identity switches."),
    ] = False,
    min_score: Annotated[
        float, typer.Option(help="With --tracks: leave out results that score less.")
    ] = 0.3,
) -> None:
    """YouTube-VIS AP, AP50, AP75, AR1, AR10 and AR100, by size and by class.

    Figures are between 0 and 1; -1 means that there was nothing to find. With --project: AP,
    AP50, AP75, J, F and identity switches, by class; null means that there was nothing.
    """
    from ifc_core.evaluation.ytvis_ap import METRICS, evaluate_files
    from ifc_core.io.ytvis import NO_RESULTS

    for file in (gt, pred):
        if file is not None and output is not None and file.resolve() == output.resolve():
            raise InputError(f"--json {output} would overwrite what is judged; name another file.")
    if not math.isfinite(min_score):
        raise ConfigError(
            f"The least score must be a number, not {min_score}.", name="min_score", value=min_score
        )
    if project is not None:
        if gt is not None or tracks:
            raise InputError("--project takes the place of --gt and --tracks.")
        _evaluate_project(project, pred, output)
        return
    if gt is None or pred is None:
        raise InputError("Give --gt and --pred, or --project.")
    for file in (gt, pred):
        _check_input(file)
    _check(output)
    with job("Evaluating") as context:
        try:
            figures = evaluate_files(gt, pred, context)
        except FormatError as error:
            if str(error).endswith(NO_RESULTS):
                way = f"propose --format ytvis-results --ids-from {gt.name}"
                raise InputError(f"{error} `ifc-studio {way}` writes one.") from error
            raise
        if tracks:
            from ifc_core.evaluation.track_quality import track_quality_files

            figures["tracks"] = track_quality_files(gt, pred, min_score, context)
    if not _write(figures, output):
        for line in (*_table(figures, METRICS), *_track_lines(figures)):
            print_line(line)


def _check_input(file: Path) -> None:
    if file.is_dir():
        raise InputError(f"{file} is a folder; name the JSON file in it.")
    if not file.is_file():
        raise InputError(why_no_file(file) or f"There is no file {file}.")


def _check(output: Path | None) -> None:
    """Find out before the work whether the figures can be written."""
    from ifc_core.io.atomic import check_output

    if output is not None and str(output) != "-":
        check_output(output)


def _write(figures: dict[str, Any], output: Path | None) -> bool:
    """Write the figures where they are wanted; says whether that was standard output."""
    from ifc_core.io.atomic import atomic_output

    if output is None:
        return False
    text = json.dumps(figures, indent=2, ensure_ascii=False, allow_nan=False)
    if str(output) == "-":
        print_line(text)
        return True
    with atomic_output(output) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
    return False


def _evaluate_project(project: Path, pred: Path | None, output: Path | None) -> None:
    from ifc_core.annotation.targets import check_target
    from ifc_core.evaluation.project_quality import project_quality

    if pred is not None:
        _check_input(pred)
    with open_reader(project, lasts=True) as reader, job("Evaluating") as context:
        if output is not None and str(output) != "-":
            check_target(reader, output)
        _check(output)
        quality = project_quality(reader, pred, context=context)
    if _write(quality.to_json(), output):
        return
    print_line(
        f"{quality.source}, on {counted(quality.num_frames, 'approved frame')} of "
        f"{counted(quality.num_videos, 'video')} with {counted(quality.num_masks, 'mask')}"
    )
    rows = [("all classes", quality.overall)]
    rows += [(entry.name, entry.figures) for entry in quality.per_category]
    width = max(len(name) for name, _ in rows)
    columns = ("AP", "AP50", "AP75", "J", "F", "switches", "tracks")
    print_line(" ".join(["".ljust(width), *(f"{c:>8s}" for c in columns)]))
    for name, figures in rows:
        shares = (figures.ap, figures.ap50, figures.ap75, figures.region_j, figures.boundary_f)
        values = [_shown(-1.0 if share is None else share) for share in shares]
        values += [str(figures.identity_switches), str(figures.num_tracks)]
        print_line(" ".join([name.ljust(width), *(f"{v:>8s}" for v in values)]))
    for note in quality.notes:
        print_line(f"  {note}")


def _track_lines(figures: dict[str, Any]) -> list[str]:
    if "tracks" not in figures:
        return []
    found = figures["tracks"]
    return [
        "",
        f"J      {_shown(found['J'])}",
        f"F      {_shown(found['F'])}",
        f"identity switches {found['identity_switches']}",
    ]


def _table(figures: dict[str, Any], metrics: tuple[str, ...]) -> list[str]:
    lines = [f"{name:6s} {_shown(figures[name])}" for name in metrics]
    rows = [row for row in figures["per_category"] if row["AR100"] > -1]
    if rows:
        columns = ("AP", "AP50", "AP75", "AR1", "AR10", "AR100")
        width = max(len(row["name"]) for row in rows)
        lines += ["", " ".join(["".ljust(width), *(f"{c:>6s}" for c in columns)])]
        for row in rows:
            values = (f"{_shown(row[c]):>6s}" for c in columns)
            lines.append(" ".join([row["name"].ljust(width), *values]))
    return lines


def _shown(value: float) -> str:
    return "-" if value < 0 else f"{value:.4f}"
