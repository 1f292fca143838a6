"""What ``ifc-studio project import`` tells, and ``ifc-studio project locate``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ifc_core.cli.reporting import counted, job, print_json, print_line
from ifc_core.errors import InputError

if TYPE_CHECKING:
    from ifc_core.annotation import Project
    from ifc_core.annotation.covered_tracks import Overlaps
    from ifc_core.annotation.importing import ImportReport
    from ifc_core.annotation.locating import Nearby
    from ifc_core.annotation.records import VideoEntry
    from ifc_core.structures import Video

OVERLAPS_HELP = (
    "Where a track shows an object that one of the project shows: both, ours, theirs or proposals "
    "(theirs beside ours, to be reviewed)."
)
FIRST_NUMBER_HELP = (
    "Number of a video's first frame (0 or 1) where numbers alone say which frames are meant; "
    "found out where left out."
)


def overlaps_of(name: str) -> Overlaps:
    """What ``--overlaps`` means.

    Raises:
        InputError: There is no such choice.
    """
    from ifc_core.annotation.covered_tracks import Overlaps

    if name not in list(Overlaps):
        raise InputError(f"There is no choice {name}; use {', '.join(Overlaps)}.")
    return Overlaps(name)


def show_imports(
    reports: Mapping[str, ImportReport],
    unread: Mapping[str, Sequence[str]],
    overlaps: Overlaps,
    *,
    exhaustive: bool | None,
    as_json: bool,
) -> None:
    """What was brought in, file by file.

    Args:
        reports: By the files as they were named.
        unread: What could not be read of videos; told already, in the JSON alone again.
        overlaps: What was to become of tracks that cover some of the project.
        exhaustive: Whether files without review states were to count as complete, as told.
        as_json: Print JSON.
    """
    if as_json:
        shown = {file: asdict(report) for file, report in reports.items()}
        for file, notes in unread.items():
            shown[file]["notes"] = [*shown[file]["notes"], *notes]
        print_json(shown)
        return
    for name, report in reports.items():
        print_line(
            f"{name}: {counted(report.tracks, 'track')}, {counted(report.masks, 'mask')}, "
            f"{counted(report.videos, 'new video')}, {counted(report.categories, 'new category')}."
        )
        if len(report.by_video) > 1:
            for video in report.by_video:
                print_line(f"  {video.name}: {counted(video.masks, 'mask')}")
        for note in report.notes:
            print_line(f"  {note}")
        if report.believed_complete and exhaustive is None:
            print_line(
                "  --no-exhaustive takes no frame for complete, where objects may be missing."
            )
        if report.covered and overlaps == "both":
            print_line("  --overlaps ours, theirs or proposals says what becomes of such tracks.")
        if report.missing_videos:
            print_line("  Say where they are with --video-root, or import the videos themselves.")


def longer_note(entry: VideoEntry, found: Video) -> str:
    """That annotations were put on the beginning of a longer video, as a sentence."""
    return (
        f"{found.path.name} has {found.num_frames} frames and the annotations of {entry.name} end "
        f"after {entry.num_frames}: they are on its first ones; look whether they fit."
    )


def _copy_note(entry: VideoEntry, found: Video, is_taken: bool) -> str:
    told = f"{found.path} has the name, size and number of frames of {entry.name}"
    if found.num_frames > entry.num_frames:
        told = (
            f"{found.path} has the name and size of {entry.name}, {found.num_frames} frames in "
            f"place of {entry.num_frames}"
        )
    if is_taken:
        return f"{told}, and another content: look whether the masks lie on their frames."
    why = "it was coded anew"
    if found.num_frames > entry.num_frames:
        why = "it was still being recorded"
    return f"{told}, and another content: --recoded takes it where {why}."


def _found_again(project: Project, entry: VideoEntry, place: Path, nearby: Nearby) -> Iterator[str]:
    """Keep the place of a video that needs no folder to be found; says if there is more of it."""
    if nearby.is_same_video(place, entry):
        project.locate_video(entry.id)
        return
    project.relink_video(entry.id, place)
    yield (
        f"{entry.name} went on being recorded: it has {project.video(entry.id).num_frames} frames, "
        f"not {entry.num_frames}; look at the last ones before {entry.num_frames} again."
    )


def locate(
    project: Annotated[Path, typer.Argument(help="The project folder.", metavar="PROJECT")],
    folders: Annotated[
        list[Path], typer.Argument(help="Folders to look in, four deep.", metavar="FOLDER")
    ],
    recoded: Annotated[
        bool,
        typer.Option(
            "--recoded",
            help="Take files of the same name, size and number of frames, whose content is another "
            "since they were coded anew, and longer ones, which were still being recorded.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Find the videos of a project that were moved, by their content; nothing is added.

    One that only annotations told of is known by its name, size and number of frames; where one
    file of its name and size has more, they are put on its first frames, which is told. Ends with
    status 2 where some are not found.
    """
    from ifc_core.annotation import Project
    from ifc_core.annotation.edits import SetVideo
    from ifc_core.annotation.locating import Around, Nearby, find_copy, find_longer

    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"There is no folder {folder}.")
    found: dict[str, str] = {}
    missing: list[str] = []
    notes: list[str] = []
    with Project.open(project, if_locked="error") as opened, job("Looking for videos") as context:
        nearby = Nearby(context)
        for entry in opened.videos():
            place = opened.find_video_file(entry.id, nearby=nearby)
            if place is not None and entry.fingerprint:
                notes.extend(_found_again(opened, entry, place, nearby))
                continue
            place = opened.find_video_file(entry.id, folders, nearby)
            around = Around(opened.folder, folders, nearby, opened.videos())
            if place is None and (video := find_longer(entry, around)) is not None:
                place = video.path
                notes.append(longer_note(entry, video))
            if place is None and (video := find_copy(entry, around)) is not None:
                notes.append(_copy_note(entry, video, recoded))
                if recoded:
                    opened.apply(SetVideo(entry.id, found=video, is_coded_anew=True))
                    found[entry.name] = str(video.path)
                    continue
            if place is None:
                missing.append(entry.name)
                continue
            opened.relink_video(entry.id, place)
            found[entry.name] = str(place)
    if as_json:
        print_json({"found": found, "not_found": missing, "notes": notes})
    else:
        for name, where in found.items():
            print_line(f"{name}: {where}")
        for note in notes:
            print_line(f"  {note}")
        for name in missing:
            print_line(f"{name}: not found")
        print_line(
            f"{counted(len(found), 'video')} found, {len(missing)} not found."
            if found or missing
            else "All videos are where they were."
        )
    if missing:
        raise typer.Exit(2)
