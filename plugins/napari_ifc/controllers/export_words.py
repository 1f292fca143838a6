"""What the window says of an export: what was written, and what was left out and why."""

from __future__ import annotations

import re
from pathlib import Path

from ifc_core.annotation.exporting import ExportPart, ExportReport, ExportScope, WaitingTrack
from napari_ifc.journal_text import report_note_text
from napari_ifc.language import tr

_LONG_PATH = 20  # letters; a longer one is told by its end, since the message has two lines
# Notes that say again what the report counts.
_LEFT_OUT = re.compile(r" (was|were) left out|^\d+ of them waits? for ")
_MOST_NAMED = 3


def folder_text(path: Path) -> str:
    """The folder of a file as a sentence names it: its own name alone where it is long."""
    folder = path.absolute().parent
    if len(str(folder)) <= _LONG_PATH or not folder.name:
        return str(folder)
    return str(Path("…", folder.name))


def report_text(report: ExportReport) -> str:
    """An export in words: what was written and what was left out, each once."""
    words = tr("Wrote {name} in {folder}: {tracks}, {masks} on {frames}.")
    if report.videos > 1:
        words = tr("Wrote {name} in {folder}: {tracks}, {masks} on {frames} of {videos} videos.")
    lines = [
        words.format(
            name=report.path.name,
            folder=folder_text(report.path),
            tracks=_counted(report.tracks, tr("1 track"), tr("{count:,} tracks")),
            masks=_counted(report.masks, tr("1 mask"), tr("{count:,} masks")),
            frames=_counted(report.frames, tr("1 frame"), tr("{count:,} frames")),
            videos=report.videos,
        )
    ]
    lines += [_part_text(part) for part in report.parts]
    lines += _left_out(report)
    lines.extend(report_note_text(note) for note in report.notes if not _LEFT_OUT.search(note))
    return "\n".join(lines)


def empty_text(report: ExportReport, scope: ExportScope) -> str:
    """An export without masks in words: why there are none, and what to do."""
    if report.frames:
        why = tr("there are no masks on the frames that were exported.")
    elif scope is ExportScope.EVERYTHING:
        why = tr("there are no tracks yet.")
    elif scope is ExportScope.APPROVED:
        why = tr("no chosen frame is approved with all its tracks yet; choose another of “Frames”.")
    else:
        why = tr("no chosen frame is reviewed for all its tracks yet; choose “Everything”.")
    text = tr("Wrote {name} in {folder}, but it is empty: {why}")
    told = text.format(name=report.path.name, folder=folder_text(report.path), why=why)
    return "\n".join([told, *_left_out(report)])


def _left_out(report: ExportReport) -> list[str]:
    """What was left out, if anything was: first what waits for a track, and for which."""
    lines = []
    if report.waiting_for:
        text = tr(
            "Left out: {frames} on which {tracks} is not reviewed. Approve or reject it, or export "
            "approved tracks only."
        )
        if len(report.waiting_for) > 1:
            text = tr(
                "Left out: {frames} on which not all of {tracks} are reviewed. Approve or reject "
                "them, or export approved tracks only."
            )
        if report.approved_tracks_only:
            text = tr(
                "Left out: {frames} on which not everything is reviewed of {tracks}. Approve or "
                "draw masks there, or mark objects as absent."
            )
        waiting = _counted(report.frames_waiting, tr("1 frame"), tr("{count:,} frames"))
        lines.append(text.format(frames=waiting, tracks=_names(report.waiting_for)))
    frames = report.frames_left_out - report.frames_waiting
    masks, tracks = report.masks_left_out, report.tracks_left_out
    parts = [
        _counted(masks, tr("1 mask"), tr("{count:,} masks")) if masks else "",
        _counted(frames, tr("1 frame"), tr("{count:,} frames")) if frames else "",
        _counted(tracks, tr("1 track"), tr("{count:,} tracks")) if tracks else "",
    ]
    if any(parts):
        text = tr("Left out as not reviewed or not chosen: {parts}.")
        lines.append(text.format(parts=", ".join(filter(None, parts))))
    return lines


def _part_text(part: ExportPart) -> str:
    """What one part of an export that was split holds."""
    text = tr("{name}: {videos}, {masks} on {frames} ({names}).")
    names = [*part.videos[:_MOST_NAMED]]
    if len(part.videos) > _MOST_NAMED:
        names.append(tr("{count:,} more").format(count=len(part.videos) - _MOST_NAMED))
    return text.format(
        name=part.name,
        videos=_counted(len(part.videos), tr("1 video"), tr("{count:,} videos")),
        masks=_counted(part.masks, tr("1 mask"), tr("{count:,} masks")),
        frames=_counted(part.frames, tr("1 frame"), tr("{count:,} frames")),
        names=", ".join(names),
    )


def _names(waiting: tuple[WaitingTrack, ...]) -> str:
    """Tracks that frames wait for, those with the most frames first."""
    named = tr("track {track_id} ({name})")
    shown = [
        named.format(track_id=one.track_id, name=one.name)
        if one.name
        else tr("track {track_id}").format(track_id=one.track_id)
        for one in waiting[:_MOST_NAMED]
    ]
    if len(waiting) > _MOST_NAMED:
        shown.append(tr("{count:,} more").format(count=len(waiting) - _MOST_NAMED))
    return ", ".join(shown)


def _counted(count: int, one: str, many: str) -> str:
    return one if count == 1 else many.format(count=count)
