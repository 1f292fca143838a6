"""``ifc-studio project set``, and the scale and the rate that videos come with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ifc_core.cli.reporting import counted, print_json, print_line
from ifc_core.errors import InputError

if TYPE_CHECKING:
    from ifc_core.annotation import Project, VideoEntry
    from ifc_core.annotation.edits import Edit
    from ifc_core.structures import Video

FPS_HELP = "Frames per second of folders of frames and of stacks."
SCALE_HELP = "Micrometres from one pixel to the next."
_FILMS_TELL = "--fps is for folders of frames and for stacks; other videos tell their times."


def check_measures(
    fps: float | None, um_per_px: float | None, *, may_be_taken_away: bool = False
) -> None:
    """Refuse what is no rate and no scale.

    Args:
        fps: Frames per second, if given.
        um_per_px: Micrometres a pixel, if given.
        may_be_taken_away: Whether 0 says that nobody knows.

    Raises:
        InputError: One of them is none.
    """
    from ifc_core.annotation.measures import why_no_rate, why_no_scale

    checks: tuple[tuple[str, float | None, Callable[[float], str]], ...] = (
        ("--fps", fps, why_no_rate),
        ("--um-per-px", um_per_px, why_no_scale),
    )
    for option, value, why_not in checks:
        if value is None or (may_be_taken_away and value == 0):
            continue
        if reason := why_not(value):
            away = " 0 takes it away." if may_be_taken_away else ""
            raise InputError(f"{option} {value:g}: {reason}{away}")


def check_fps_of(fps: float | None, videos: Iterable[Video]) -> None:
    """Refuse a rate that no video needs.

    Raises:
        InputError: All of them are films.
    """
    from ifc_core.io.video import are_pictures

    if fps is not None and not any(are_pictures(video.path) for video in videos):
        raise InputError(_FILMS_TELL)


def set_measures(
    project: Annotated[Path, typer.Argument(help="The project folder.", metavar="PROJECT")],
    videos: Annotated[
        list[str] | None,
        typer.Argument(help="Names of videos; all where left out.", metavar="VIDEO"),
    ] = None,
    fps: Annotated[float | None, typer.Option(help=f"{FPS_HELP} 0 takes it away.")] = None,
    um_per_px: Annotated[float | None, typer.Option(help=f"{SCALE_HELP} 0 takes it away.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Set the scale of videos, and the rate of those that are pictures, as one edit.

    Tables of measurements have micrometres and speeds then.
    """
    from ifc_core.annotation import Project

    if fps is None and um_per_px is None:
        raise InputError("Say what to set: --um-per-px, --fps or both.")
    check_measures(fps, um_per_px, may_be_taken_away=True)
    with Project.open(project, if_locked="error") as opened:
        chosen = _named(opened.videos(), videos)
        if fps is not None:
            _check_timed(chosen, one_by_one=bool(videos))
        changed = _apply(opened, chosen, fps, um_per_px)
        after = [opened.video(entry.id) for entry in chosen]
    if as_json:
        keys = ("given_fps", "um_per_px")
        told = {entry.name: {key: getattr(entry, key) for key in keys} for entry in after}
        print_json({"videos": told, "changed": changed})
        return
    for entry in after:
        print_line(f"{entry.name}: {', '.join(measures_of(entry)) or 'no scale and no rate'}")
    print_line(f"{counted(len(changed), 'video')} changed.")


def measures_of(entry: VideoEntry) -> list[str]:
    """What a person said of a video, in words."""
    parts = []
    if entry.um_per_px:
        parts.append(f"{entry.um_per_px:.6g} um a pixel")
    if entry.given_fps and entry.are_pictures:
        parts.append(f"{entry.given_fps:.6g} frames a second")
    return parts


def _named(entries: list[VideoEntry], names: list[str] | None) -> list[VideoEntry]:
    """The videos with these names, each once; all where there are none.

    Raises:
        InputError: No video is called so, or there is none at all.
    """
    if not entries:
        raise InputError("The project has no videos.")
    by_name = {entry.name: entry for entry in entries}
    for name in names or ():
        if name not in by_name:
            known = ", ".join(sorted(by_name))
            raise InputError(f"There is no video called {name}; there is: {known}.")
    return [by_name[name] for name in dict.fromkeys(names)] if names else entries


def _check_timed(entries: list[VideoEntry], *, one_by_one: bool) -> None:
    films = [entry.name for entry in entries if not entry.are_pictures]
    if one_by_one and films:
        raise InputError(
            f"{films[0]} tells its times itself; --fps is for folders of frames and for stacks."
        )
    if len(films) == len(entries):
        raise InputError(_FILMS_TELL)


def _apply(
    project: Project, entries: list[VideoEntry], fps: float | None, um_per_px: float | None
) -> list[str]:
    """Change what is not so already, in one edit; the names of the videos that it changes."""
    from ifc_core.annotation.edits import Batch, SetVideo

    edits: list[Edit] = []
    changed: dict[str, None] = {}
    what: dict[str, None] = {}
    for entry in entries:
        if um_per_px is not None and (entry.um_per_px or 0.0) != um_per_px:
            edits.append(SetVideo(entry.id, um_per_px=um_per_px))
            changed[entry.name] = what["the scale"] = None
        if fps is not None and entry.are_pictures and (entry.given_fps or 0.0) != fps:
            edits.append(SetVideo(entry.id, given_fps=fps))
            changed[entry.name] = what["the frames per second"] = None
    if edits:
        of = next(iter(changed)) if len(changed) == 1 else f"{len(changed)} videos"
        project.apply(Batch(tuple(edits), f"Set {' and '.join(what)} of {of}"))
    return list(changed)
