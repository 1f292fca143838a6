"""``ifc-studio evaluate``: score predictions against ground truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ifc_core.cli.reporting import job, print_line
from ifc_core.errors import InputError

app = typer.Typer()


@app.command(
    epilog="Example: ifc-studio evaluate --gt valid.json --pred results.json --json ap.json"
)
def evaluate(
    gt: Annotated[Path, typer.Option("--gt", help="YouTube-VIS annotations.")],
    pred: Annotated[Path, typer.Option("--pred", help="YouTube-VIS results (a list).")],
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

    Figures are between 0 and 1; -1 means that there was nothing to find.
    """
    from ifc_core.evaluation.ytvis_ap import METRICS, evaluate_files
    from ifc_core.io.atomic import atomic_output

    for file in (gt, pred):
        if not file.is_file():
            raise InputError(f"There is no file {file}.")
    with job("Evaluating") as context:
        figures = evaluate_files(gt, pred, context)
        if tracks:
            from ifc_core.evaluation.track_quality import track_quality_files

            figures["tracks"] = track_quality_files(gt, pred, min_score, context)
    text = json.dumps(figures, indent=2, ensure_ascii=False, allow_nan=False)
    if output is not None and str(output) == "-":
        print_line(text)
        return
    if output is not None:
        with atomic_output(output) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
    for line in (*_table(figures, METRICS), *_track_lines(figures)):
        print_line(line)


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
