"""``ifc-studio project``: make, inspect, import, export, check and pack projects."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ifc_core.cli.project_export import export, format_of
from ifc_core.cli.project_facts import project_facts, videos_not_found
from ifc_core.cli.project_import import (
    FIRST_NUMBER_HELP,
    OVERLAPS_HELP,
    locate,
    longer_note,
    overlaps_of,
    show_imports,
)
from ifc_core.cli.project_measures import (
    FPS_HELP,
    SCALE_HELP,
    check_fps_of,
    check_measures,
    measures_of,
    set_measures,
)
from ifc_core.cli.project_reader import open_reader
from ifc_core.cli.reporting import counted, job, print_json, print_line, print_note
from ifc_core.errors import FormatError, InputError
from ifc_core.io.problems import why_no_file

if TYPE_CHECKING:
    from ifc_core.annotation import Project, ProjectReader
    from ifc_core.annotation.importing import ImportReport
    from ifc_core.structures import Video

app = typer.Typer(
    help="Make, inspect, import, export, check and pack projects.",
    epilog="Example: ifc-studio project new cells.ifcproj clip1.mp4 clip2.mp4",
    no_args_is_help=True,
    add_completion=False,
)

ProjectArgument = Annotated[Path, typer.Argument(help="The project folder.", metavar="PROJECT")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
FORMATS = "ytvis, ytvis-results, coco, davis, mots, ctc, cvat or labelme"


@app.command(epilog="Example: ifc-studio project new cells.ifcproj clip1.mp4 clip2.mp4")
def new(
    project: ProjectArgument,
    videos: Annotated[
        list[Path] | None, typer.Argument(help="Videos or folders of frames.", metavar="VIDEO")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the project; by default the folder's.")] = "",
    from_pack: Annotated[
        Path | None, typer.Option("--from", help="Make it from a pack.", metavar="FILE.ifcpack")
    ] = None,
    annotation_step: Annotated[
        int, typer.Option(help="Annotate every n-th frame of the videos.", min=1)
    ] = 1,
    fps: Annotated[float | None, typer.Option(help=FPS_HELP)] = None,
    um_per_px: Annotated[float | None, typer.Option(help=SCALE_HELP)] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a project, with videos or from a pack."""
    from ifc_core.annotation import Project
    from ifc_core.annotation.packing import unpack_project
    from ifc_core.annotation.rows import stored_paths

    if from_pack is not None and name:
        raise InputError("A project from a pack keeps its name; leave out --name.")
    check_measures(fps, um_per_px)
    if um_per_px is not None and not videos:
        raise InputError("--um-per-px is for videos, and none is named.")
    # One that cannot be had should leave no half-made project.
    added, notes = _look_at(videos or [])
    check_fps_of(fps, added)
    measures = _Measures(annotation_step, fps, um_per_px)
    for video in added:
        stored_paths(video.path, project.absolute())
    if from_pack is not None:
        with job(f"Unpacking {from_pack.name}") as context:
            folder = unpack_project(from_pack, project, context)
        with Project.open(folder) as opened:
            _add_videos(opened, added, measures)
            _show(opened, as_json, notes)
        return
    with Project.create(project, name) as made:
        _add_videos(made, added, measures)
        _show(made, as_json, notes)


@app.command(epilog="Example: ifc-studio project info cells.ifcproj")
def info(project: ProjectArgument, as_json: JsonOption = False) -> None:
    """Say what a project holds and how far its review has come."""
    with open_reader(project) as reader:
        _show(reader, as_json)


@app.command("import", epilog="Example: ifc-studio project import cells.ifcproj train.json")
def import_files(
    project: ProjectArgument,
    files: Annotated[
        list[Path],
        typer.Argument(help="Annotation files or folders, or videos to add.", metavar="FILE"),
    ],
    form: Annotated[
        str, typer.Option("--format", help=f"{FORMATS}; found out where left out.")
    ] = "",
    video_root: Annotated[
        Path | None, typer.Option(help="Folder that holds the videos or JPEGImages.")
    ] = None,
    annotations: Annotated[
        Path | None, typer.Option(help="Annotation file that a result file refers to.")
    ] = None,
    exhaustive: Annotated[
        bool | None,
        typer.Option(
            help="Whether a file without review states annotates every object of its classes."
        ),
    ] = None,
    overlaps: Annotated[str, typer.Option(help=OVERLAPS_HELP)] = "both",
    first_number: Annotated[int | None, typer.Option(help=FIRST_NUMBER_HELP, min=0, max=1)] = None,
    as_json: JsonOption = False,
) -> None:
    """Import annotations, each file as one edit that can be undone; or add videos.

    A video that the project knows and has not found where it was is not added: it is found.
    """
    from ifc_core.annotation import Project
    from ifc_core.annotation.importing import import_annotations

    chosen, settled = format_of(form) if form else None, overlaps_of(overlaps)
    for file in files:
        if not file.exists():
            raise InputError(f"There is no file or folder {file}; nothing was imported.")
        if reason := why_no_file(file):
            raise InputError(reason)
    if video_root is not None and not video_root.is_dir():
        raise InputError(f"There is no folder {video_root}; nothing was imported.")
    if annotations is not None and not annotations.is_file():
        raise InputError(f"There is no file {annotations}; nothing was imported.")
    reports: dict[str, ImportReport] = {}
    unread: dict[str, list[str]] = {}  # told already, in the JSON alone again
    with Project.open(project, if_locked="error") as opened:
        if opened.read_only:  # reading a large file first would take long
            raise InputError(f"{opened.notice.rstrip('.')}; nothing was imported.")
        for file in files:
            if chosen is None and _is_video(file):
                (video,), unread[str(file)] = _look_at([file])
                reports[str(file)] = _add_or_find(opened, file, video)
                continue
            with job(f"Importing {file.name}") as context:
                reports[str(file)] = import_annotations(
                    opened,
                    file,
                    chosen,
                    video_root=video_root,
                    annotations=annotations,
                    assume_exhaustive=exhaustive,
                    overlaps=settled,
                    first_number=first_number,
                    context=context,
                )
    show_imports(reports, unread, settled, exhaustive=exhaustive, as_json=as_json)


app.command(epilog="Example: ifc-studio project export cells.ifcproj -o train.json --frames")(
    export
)

app.command("set", epilog="Example: ifc-studio project set cells.ifcproj clip1 --um-per-px 0.65")(
    set_measures
)

app.command(epilog="Example: ifc-studio project locate cells.ifcproj /data/videos")(locate)


@app.command(epilog="Example: ifc-studio project check cells.ifcproj")
def check(
    project: ProjectArgument,
    compact: Annotated[
        bool, typer.Option("--compact", help="Also drop old history and give space back.")
    ] = False,
    keep_edits: Annotated[
        int, typer.Option(help="With --compact: edits that can still be undone.", min=0)
    ] = 1000,
    as_json: JsonOption = False,
) -> None:
    """Look for damage, dangling ids and unsound masks.

    Ends with status 0 for a sound project and 2 where there are faults.
    """
    from ifc_core.annotation import Project

    with open_reader(project) as reader:
        faults = reader.check()
        try:
            missing = videos_not_found(reader)
        except Exception:  # whatever a damaged place leads to, which is told of
            if not faults:
                raise
            missing = []
    freed = 0
    if compact and not faults:
        with Project.open(project, if_locked="error") as opened:
            freed = opened.compact(keep_edits)
    if as_json:
        names = [entry.name for entry in missing]
        print_json({"faults": faults, "freed_bytes": freed, "not_found": names})
    else:
        for fault in faults:
            print_line(fault)
        for entry in missing:  # no fault: masks need no pictures
            print_line(f"The video {entry.name} is not found; it was {entry.path}.")
        found = counted(len(faults), "fault") if faults else "no faults"
        print_line(f"{project.name}: {found}.")
        if compact and not faults:
            print_line(f"{freed / 1e6:.1f} MB were given back.")
    if faults:
        raise typer.Exit(2)


@app.command(epilog="Example: ifc-studio project pack cells.ifcproj -o cells.ifcpack --videos")
def pack(
    project: ProjectArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")],
    videos: Annotated[bool, typer.Option("--videos", help="Also put the videos in.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write one file to hand on; `project new --from` makes a project of it."""
    from ifc_core.annotation.packing import pack_project

    with open_reader(project, lasts=True) as reader, job(f"Packing {reader.name}") as context:
        size = pack_project(reader, output, with_videos=videos, context=context)
    if as_json:
        print_json({"path": str(output), "bytes": size})
    else:
        print_line(f"{output}: {size / 1e6:.1f} MB.")


def _is_video(path: Path) -> bool:
    """Whether a path is rather a video than annotations."""
    from ifc_core.annotation.annotation_files import ANNOTATION_SUFFIXES, detect_format
    from ifc_core.annotation.annotation_folders import annotation_format
    from ifc_core.io.frame_list import list_frames
    from ifc_core.io.labelme import holds_labelme

    if path.is_dir():
        if annotation_format(path) is not None or holds_labelme(path):
            return False
        labels = {"Annotations", "ImageSets", "instances", "instances_txt"}
        inside = {entry.name for entry in path.iterdir()}
        return not inside & labels and bool(list_frames(path))
    if path.suffix.lower() in ANNOTATION_SUFFIXES:  # an empty one is no bad video
        return False
    try:
        detect_format(path)
    except FormatError:
        return path.exists()
    return False


def _look_at(paths: Iterable[Path]) -> tuple[list[Video], list[str]]:
    """Facts about videos, none of which may occur twice, and what cannot be read of them."""
    from ifc_core.io.video import open_video

    found: dict[str, Video] = {}
    notes = []
    for path in paths:
        with job(f"Reading {path.name}") as context, open_video(path, context) as reader:
            video = reader.video
        if reader.warning:
            notes.append(f"{path.name}: {reader.warning}")
            print_note(notes[-1])
        if video.fingerprint in found:
            same = found[video.fingerprint].path
            raise InputError(f"{path} and {same} are the same video; name it once.")
        found[video.fingerprint] = video
    return list(found.values()), notes


class _Measures(NamedTuple):
    """What all videos come with."""

    annotation_step: int
    fps: float | None
    um_per_px: float | None


def _add_videos(project: Project, videos: Iterable[Video], measures: _Measures) -> None:
    from ifc_core.annotation.edits import AddVideo
    from ifc_core.io.video import are_pictures

    step, fps, um_per_px = measures
    for video in videos:
        given = fps if are_pictures(video.path) else None
        project.apply(AddVideo(video, annotation_step=step, given_fps=given, um_per_px=um_per_px))


def _add_or_find(project: Project, path: Path, video: Video) -> ImportReport:
    """Add a video, or learn where one is that was moved or that only annotations told of."""
    from ifc_core.annotation.importing import ImportReport
    from ifc_core.annotation.locating import begins, is_named_like, namesakes, same_video
    from ifc_core.annotation.rows import normalised

    entries = project.videos()
    entry = same_video(entries, video)
    if entry is not None:
        found = project.find_video_file(entry.id)
        if found is None or not entry.fingerprint:
            project.relink_video(entry.id, path)
            return ImportReport(notes=(f"It is the video {entry.name}, which was not found yet.",))
        if entry.num_frames < video.num_frames:
            project.complete_video(entry.id, video)
            note = f"It is the video {entry.name}, of which only a part was known so far."
            return ImportReport(notes=(note,))
        if normalised(str(found)) != normalised(str(entry.path)):  # found, but not stored
            project.relink_video(entry.id, path)
            note = f"It is the video {entry.name}, which is not where it was."
            return ImportReport(notes=(note,))
    longer = [e for e in entries if begins(video, e, entries) and is_named_like(path, e)]
    if len(longer) == 1:
        project.relink_video(longer[0].id, path)
        return ImportReport(notes=(longer_note(longer[0], video),))
    unseen = [e.name for e in namesakes(entries, video) if not e.fingerprint and e != entry]
    project.add_video(video)
    if not unseen:
        return ImportReport(videos=1)
    note = f"It could be the missing {', '.join(unseen)} or another video, so it is a new one."
    return ImportReport(videos=1, notes=(note,))


def _show(reader: ProjectReader, as_json: bool, notes: list[str] | None = None) -> None:
    facts = project_facts(reader) | ({} if notes is None else {"notes": notes})
    if as_json:
        print_json(facts)
        return
    print_line(f"{facts['name']} ({facts['path']})")
    print_line("  classes: " + (", ".join(c["name"] for c in facts["categories"]) or "none yet"))
    entries = {entry.id: entry for entry in reader.videos()}
    for video in facts["videos"]:
        review = video["review"]
        print_line(
            f"  {video['name']}: {counted(video['num_frames'], 'frame')} "
            f"{video['width']}x{video['height']}, {counted(video['tracks'], 'track')}, "
            f"{counted(review['exhaustive'], 'frame')} approved, "
            f"{counted(review['proposed'], 'mask')} to review, "
            f"{counted(video['approved_tracks'], 'track')} approved as a whole"
            f"{''.join(f', {said}' for said in measures_of(entries[video['id']]))}"
            f"{'' if video['found'] else ' (not found)'}"
        )
    if not facts["videos"]:
        print_line("  no videos yet")
    for run in facts["open_runs"]:
        print_line(f"  run {run['id']} ({run['kind']}) waits for a decision")
    edits, models = counted(facts["edits"], "edit"), counted(len(facts["models"]), "model")
    print_line(f"  {edits} in the history, {models}")
