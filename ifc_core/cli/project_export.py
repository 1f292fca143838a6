"""``ifc-studio project export``: a project to files, and what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ifc_core.cli.frame_range import FRAME_RANGE_HELP, parse_frame_range, rate_of
from ifc_core.cli.project_reader import open_reader
from ifc_core.cli.reporting import counted, job, print_json, print_line, print_note
from ifc_core.errors import InputError
from ifc_core.io.problems import listed

if TYPE_CHECKING:
    from ifc_core.annotation import ProjectReader
    from ifc_core.annotation.exporting import ExportFormat, ExportOptions, ExportReport
    from ifc_core.annotation.records import Scope
    from ifc_core.annotation.splitting import Split

_BY_SUFFIX = {".mp4": "overlay", ".csv": "csv", ".xml": "cvat"}
EXPORT_FORMATS = (
    "ytvis, ytvis-results, coco, davis, mots, ctc, cvat, labelme, yolo, csv, csv-tracks or overlay"
)


def export(
    project: Annotated[Path, typer.Argument(help="The project folder.", metavar="PROJECT")],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="Target file; a folder for davis, mots, ctc, labelme and yolo, and where the "
            "export is split.",
        ),
    ],
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help=f"{EXPORT_FORMATS}: csv is a table of measurements, a line a mask, csv-tracks "
            "one with a line a track, overlay a film with the masks drawn; names that end in csv, "
            "xml and mp4 mean csv, cvat and overlay.",
        ),
    ] = "",
    scope: Annotated[
        str,
        typer.Option(
            help="reviewed: frames reviewed for every exported track; approved: approved ones; "
            "everything: proposals too."
        ),
    ] = "reviewed",
    video: Annotated[
        list[str] | None, typer.Option(help="Only this video (name); may be repeated.")
    ] = None,
    category: Annotated[
        list[str] | None, typer.Option(help="Only this class (name); may be repeated.")
    ] = None,
    approved_tracks: Annotated[
        bool, typer.Option("--approved-tracks", help="Only tracks approved as a whole.")
    ] = False,
    frame_range: Annotated[str, typer.Option(help=FRAME_RANGE_HELP, metavar="FIRST:LAST")] = "",
    frame_step: Annotated[int, typer.Option(help="Every n-th frame.", min=1)] = 1,
    frames: Annotated[
        bool, typer.Option("--frames", help="Also write the frames as JPEGImages.")
    ] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Leave out the extension key ifc_studio.")
    ] = False,
    color_by_class: Annotated[
        bool,
        typer.Option("--color-by-class", help="Draw a film's masks in the colours of classes."),
    ] = False,
    color_by_lineage: Annotated[
        bool,
        typer.Option("--color-by-lineage", help="Draw what came of one cell in shades of a hue."),
    ] = False,
    labels: Annotated[
        str, typer.Option(help="Beside a film's masks: name (else the number), number or class.")
    ] = "name",
    split: Annotated[
        float | None,
        typer.Option(
            help="Share of the videos, such as 0.2, that go to valid.json; the others go to "
            "train.json, both in the folder that -o names."
        ),
    ] = None,
    split_seed: Annotated[
        int | None, typer.Option(help="Another number than 0 parts them otherwise.")
    ] = None,
    val: Annotated[
        list[str] | None,
        typer.Option(help="This video (name) goes to valid.json; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Export annotations, and say what was left out.

    Ends with status 2 where there was no frame to export.
    """
    from ifc_core.annotation.exporting import ExportOptions, ExportScope, export_project

    if scope not in list(ExportScope):
        raise InputError(f"There is no scope {scope}; use reviewed, approved or everything.")
    _check_named(video or (), val or ())
    with open_reader(project, lasts=True) as reader:
        video_ids = _ids(reader.videos(), video, "video")
        options = ExportOptions(
            scope=ExportScope(scope),
            video_ids=video_ids,
            category_ids=_ids(reader.categories(), category, "category"),
            frame_step=frame_step,
            write_frames=frames,
            include_studio_key=not plain,
            frame_scope=_range(frame_range, reader, video_ids),
            approved_tracks_only=approved_tracks,
            color_by=_colors_by(by_class=color_by_class, by_lineage=color_by_lineage),
            labels=labels,
            split=_split(split, split_seed, val or (), reader),
        )
        chosen = form or _BY_SUFFIX.get(output.suffix.lower(), "ytvis")
        with job(f"Exporting {reader.name}") as context:
            report = export_project(reader, output, format_of(chosen), options, context)
    if as_json:
        print_json(asdict(report) | {"path": str(report.path)})
    else:
        _show_export(report, options)
    if not report.frames:
        print_note(f"{report.path.name} is empty: nothing in the project is to be exported so.")
        raise typer.Exit(2)


def _show_export(report: ExportReport, options: ExportOptions) -> None:
    """What was written and left out, in words."""
    from ifc_core.annotation.exporting import ExportScope

    print_line(
        f"{report.path}: {counted(report.masks, 'mask')} of {counted(report.tracks, 'track')} on "
        f"{counted(report.frames, 'frame')} of {counted(report.videos, 'video')}."
    )
    for part in report.parts:
        print_line(
            f"  {part.name}: {counted(part.masks, 'mask')} of {counted(part.tracks, 'track')} on "
            f"{counted(part.frames, 'frame')} of {counted(len(part.videos), 'video')} "
            f"({listed(part.videos)})."
        )
    for note in report.notes:
        print_line(f"  {note}")
    if report.waiting_for and not options.approved_tracks_only:
        print_line("  --approved-tracks exports the tracks alone that were approved as a whole.")
    if not report.frames and options.scope is not ExportScope.EVERYTHING:
        print_line("  Proposals that nobody reviewed are exported with --scope everything.")


def _split(
    share: float | None, seed: int | None, named: Sequence[str], reader: ProjectReader
) -> Split | None:
    """How an export is parted, if it is.

    Raises:
        InputError: The share is none, there is a seed without one, or no such video.
    """
    from ifc_core.annotation.splitting import Split

    if share is None and seed is not None:
        raise InputError("--split-seed parts videos otherwise, and so needs --split.")
    if share is None and not named:
        return None
    if share is not None and not 0 < share < 1:
        raise InputError(f"The share of --split lies between 0 and 1, such as 0.2, not {share:g}.")
    return Split(share or 0.0, seed or 0, _ids(reader.videos(), named, "video") or ())


def _check_named(video: Sequence[str], val: Sequence[str]) -> None:
    """Make sure that videos for validation are among those that are exported.

    Raises:
        InputError: One is not.
    """
    if video and (left_out := [name for name in val if name not in video]):
        raise InputError(f"--val names {listed(left_out)}, which --video leaves out.")


def format_of(name: str) -> ExportFormat:
    """The format of that name.

    Raises:
        InputError: There is none.
    """
    from ifc_core.annotation.exporting import ExportFormat

    if name not in list(ExportFormat):
        raise InputError(f"There is no format {name}; use {EXPORT_FORMATS}.")
    return ExportFormat(name)


def _colors_by(*, by_class: bool, by_lineage: bool) -> str:
    """Whose colours a film has."""
    if by_class and by_lineage:
        raise InputError("A film has the colours of classes or of lineages; choose one.")
    return "class" if by_class else "lineage" if by_lineage else "track"


def _range(text: str, reader: ProjectReader, video_ids: tuple[int, ...] | None) -> Scope:
    """The frames that ``FIRST:LAST`` means in the videos that are exported.

    Raises:
        InputError: It is no range, no video has such a frame, or times mean several frames.
    """
    from ifc_core.annotation.locating import Nearby
    from ifc_core.annotation.records import WHOLE, Scope

    if not text:
        return WHOLE
    typed = parse_frame_range(text)
    videos = [v for v in reader.videos() if video_ids is None or v.id in video_ids]
    if not videos:
        return WHOLE
    longest = max(videos, key=lambda entry: entry.num_frames)
    nearby = Nearby()
    rates = {rate_of(reader, e, nearby) for e in videos} if typed.has_times else {0.0}
    if len(rates) > 1:
        raise InputError(
            f"{text} means other frames in each of these videos; choose one with --video."
        )
    first, last = typed.frames(longest.num_frames, min(rates), longest.name)
    return Scope(first, None if typed.last is None else last)


def _ids(entries: Iterable[Any], names: Sequence[str] | None, word: str) -> tuple[int, ...] | None:
    """Ids of the entries with these names; ``None`` where nothing is asked for."""
    if not names:
        return None
    by_name = {entry.name: entry.id for entry in entries}
    for name in names:
        if name not in by_name:
            known = ", ".join(sorted(by_name)) or "none"
            raise InputError(f"There is no {word} called {name}; there is: {known}.")
    return tuple(by_name[name] for name in names)
