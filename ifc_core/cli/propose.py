"""``ifc-studio propose``: tracked masks for videos, written as one YouTube-VIS file."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ifc_core.cli.frame_range import FRAME_RANGE_HELP, TypedRange, parse_frame_range
from ifc_core.cli.reporting import counted, print_json, print_line, print_note
from ifc_core.errors import ConfigError

if TYPE_CHECKING:
    from ifc_core.cli.propose_live import LiveRun
    from ifc_core.cli.propose_run import ProposeRun
    from ifc_core.inference.settings import ProposeSettings

app = typer.Typer()

FORMATS = ("ytvis", "ytvis-results")
_CLIP_LENGTH, _CLIP_STRIDE = 5, 1
_LOOKED_AT, _FOUND, _LIVE = "What is looked at", "What is found", "Live input"
"""Headings of the help: one table of all options would be too wide for their names."""
_RESULTS_SCORE_THRESHOLD = 0.01  # evaluators rank results and want the weak ones too
_LiveWords = tuple[int | None, str, float | None, int | None, bool, Path | None]
"""Camera, size, frames per second, limit, whether to keep all and the stream, as given."""


@app.command(epilog="Example: ifc-studio propose clip.mp4 -o clip.json --overlay clip-overlay.mp4")
def propose(
    videos: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Video files or folders of frames; - for raw RGB frames on standard input.",
            metavar="VIDEO",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The JSON file to write; with --estimate there is none, with --stream it may be "
            "left out.",
        ),
    ] = None,
    model: Annotated[str, typer.Option(help="Name or file of the model.")] = "default",
    clip_length: Annotated[
        int | None,
        typer.Option(help="T, frames seen at once; 5 where left out.", rich_help_panel=_LOOKED_AT),
    ] = None,
    clip_stride: Annotated[
        int | None,
        typer.Option(help="S, frames between clips; 1 where left out.", rich_help_panel=_LOOKED_AT),
    ] = None,
    frame_step: Annotated[
        int, typer.Option(help="Look at every n-th frame only.", rich_help_panel=_LOOKED_AT)
    ] = 1,
    offline: Annotated[
        bool, typer.Option("--offline", help="One clip for all of it.", rich_help_panel=_LOOKED_AT)
    ] = False,
    short_side: Annotated[
        int | None,
        typer.Option(
            help="Resize frames to it; by default what the model was made for.",
            rich_help_panel=_LOOKED_AT,
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    precision: Annotated[
        str,
        typer.Option(
            help="auto, fp32, bf16, fp16, or int8: fastest on a CPU, masks a bit rougher."
        ),
    ] = "auto",
    score_threshold: Annotated[
        float | None,
        typer.Option(
            help="Leave out what the model is less sure of, whatever its quality; by default the "
            "model says, for ytvis-results 0.01.",
            rich_help_panel=_FOUND,
        ),
    ] = None,
    duplicate_iou: Annotated[
        float | None,
        typer.Option(
            help="Masks that overlap this much are one thing; 1 keeps all; by default the model "
            "says.",
            rich_help_panel=_FOUND,
        ),
    ] = None,
    continuation_score: Annotated[
        float | None,
        typer.Option(
            help="What a clip is unsure of may continue a track from this probability on; 1 leaves "
            "it out; by default the model says.",
            rich_help_panel=_FOUND,
        ),
    ] = None,
    lookahead: Annotated[
        int | None,
        typer.Option(
            help="Frames to look ahead before it is decided who is who; 0 decides on each clip at "
            "once; by default the model says, live 0.",
            rich_help_panel=_FOUND,
        ),
    ] = None,
    format: Annotated[
        str, typer.Option(help="ytvis (annotations) or ytvis-results (what evaluators read).")
    ] = "ytvis",
    ids_from: Annotated[
        Path | None,
        typer.Option(
            "--ids-from",
            help="Write the ids that videos and classes have in this YouTube-VIS file, found by "
            "their names, so that the output can be judged against it.",
            metavar="GT.json",
        ),
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option(help="Also draw the masks into this MP4; several videos give NAME-VIDEO.mp4."),
    ] = None,
    reidentify: Annotated[
        bool,
        typer.Option(
            "--reidentify", help="Know objects again after an absence.", rich_help_panel=_FOUND
        ),
    ] = False,
    tiles: Annotated[
        str,
        typer.Option(
            help="Look at large frames in tiles as well: auto, ROWSxCOLUMNS, or the size of the "
            "smallest objects, such as 24px.",
            rich_help_panel=_LOOKED_AT,
        ),
    ] = "",
    edges: Annotated[
        str | None,
        typer.Option(
            help="Decide the edges of masks again at the size of the frame: off, fast (by the "
            "colours nearby) or best (by a network of its own); by default the model says.",
            rich_help_panel=_FOUND,
        ),
    ] = None,
    shot_cuts: Annotated[
        bool,
        typer.Option(
            "--shot-cuts/--no-shot-cuts",
            help="End tracks where an edited video cuts to a new shot.",
            rich_help_panel=_LOOKED_AT,
        ),
    ] = True,
    region: Annotated[
        str,
        typer.Option(
            help="Look at this part of the frames only: left, top, width and height in pixels.",
            metavar="X,Y,W,H",
            rich_help_panel=_LOOKED_AT,
        ),
    ] = "",
    frame_range: Annotated[
        str, typer.Option(help=FRAME_RANGE_HELP, metavar="FIRST:LAST", rich_help_panel=_LOOKED_AT)
    ] = "",
    camera: Annotated[
        int | None,
        typer.Option(
            help="Watch this camera (0 is the first) until Ctrl-C.", min=0, rich_help_panel=_LIVE
        ),
    ] = None,
    size: Annotated[
        str, typer.Option(help="Of frames on standard input: WIDTHxHEIGHT.", rich_help_panel=_LIVE)
    ] = "",
    fps: Annotated[
        float | None,
        typer.Option(help="Frames per second of standard input.", rich_help_panel=_LIVE),
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(help="End live input after this many frames.", min=1, rich_help_panel=_LIVE),
    ] = None,
    keep_all: Annotated[
        bool,
        typer.Option(
            "--keep-all", help="Let a pipe wait instead of dropping frames.", rich_help_panel=_LIVE
        ),
    ] = False,
    stream: Annotated[
        Path | None,
        typer.Option(
            help="Also write the masks of each frame of live input as they come, a line of JSON a "
            "frame, to this file or named pipe; - is standard output.",
            metavar="OUT.jsonl",
            rich_help_panel=_LIVE,
        ),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew instead of going on with a stopped run.")
    ] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only say how long it will take, and the memory.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Find and track objects in videos and write their masks as one YouTube-VIS file.

    Runs near-online: memory does not grow with the length of the video. The output appears
    whole or not at all. A run that was stopped or killed goes on where it was when the same
    command is given again (in tiles it begins the video anew that it was at). Live input
    (--camera N, or - with --size) is never queued without bound: frames that come too fast are
    dropped and counted, and the first Ctrl-C ends it well; with --stream masks are given as
    they come.
    """
    from ifc_core.inference.settings import ProposeSettings

    if format not in FORMATS:
        raise ConfigError(
            f"The format {format!r} is unknown; choose one of {', '.join(FORMATS)}.",
            name="format",
            value=format,
        )
    if score_threshold is None and format == "ytvis-results":
        score_threshold = _RESULTS_SCORE_THRESHOLD
    settings = ProposeSettings(
        model=model,
        clip_length=_CLIP_LENGTH if clip_length is None else clip_length,
        clip_stride=_CLIP_STRIDE if clip_stride is None else clip_stride,
        frame_step=frame_step,
        short_side=short_side,
        score_threshold=score_threshold,
        duplicate_iou=duplicate_iou,
        continuation_score=continuation_score,
        lookahead=lookahead,
        device=device,
        precision=precision,
        offline=offline,
        reidentify=reidentify,
        tiles=tiles,
        edges=edges,
        shot_cuts=shot_cuts,
        region_xywh=_region(region),
    )
    part = parse_frame_range(frame_range) if frame_range else None
    live = (camera, size, fps, frames, keep_all, stream)
    is_live = _is_live(videos or [], live)
    if offline and not is_live and (clip_length is not None or clip_stride is not None):
        raise ConfigError(
            "Offline is one clip over the whole video, so --clip-length and --clip-stride are not "
            "for it; leave them or --offline out.",
            name="offline",
            value=True,
        )
    if estimate:
        _check_estimate(is_live, ids_from, overlay is not None or restart)
        _estimate(videos or [], settings, part, as_json)
        return
    as_results = format == "ytvis-results"
    if is_live:
        _check_live(restart, ids_from, frame_range)
        _check_stream(output, stream, format, as_json)
        with _live_run(settings, live) as live_run:
            summary = live_run.write(output, as_results=as_results, overlay=overlay)
    else:
        target = _named(output)
        with _make_run(videos or [], settings, restart, part, ids_from) as run:
            summary = run.write(target, as_results=as_results, overlay=overlay)
    if as_json:
        print_json(summary)
    else:
        _tell(summary, print_note if stream == Path("-") else print_line)


def _tell(summary: dict[str, Any], say: Callable[[str], None]) -> None:
    """Say what was done."""
    count = sum(video["frames"] for video in summary["videos"])
    objects = sum(video["instances"] for video in summary["videos"])
    cuts = sum(max(0, len(video["shot_starts"]) - 1) for video in summary["videos"])
    parts = f" with {counted(cuts, 'cut')}" if cuts else ""
    found = f"{counted(objects, 'object')} in {counted(count, 'frame')}{parts}"
    took = f"{summary['seconds']:.1f} s on {summary['device']}"
    written = f"Wrote {summary['output']}"
    if summary["output"] is None:
        place = summary["stream"]
        written = f"Wrote {'to standard output' if place == '-' else place}"
    say(f"{written}: {found}, {took}")
    for video in summary["videos"]:
        if "dropped" in video:
            say(
                f"{counted(video['captured'], 'frame')} came, {video['dropped']} dropped; masks "
                f"were {video['mean_delay_seconds']:.1f} s behind on average."
            )


def _check_estimate(is_live: bool, ids_from: Path | None, writes: bool) -> None:
    """Refuse what an estimate would leave aside.

    Raises:
        ConfigError: Something was given that is not for it.
    """
    if is_live:
        raise ConfigError("An estimate needs video files.", name="videos", value=None)
    if ids_from is not None:
        raise ConfigError(
            "An estimate writes nothing, so --ids-from is not for it.",
            name="ids_from",
            value=str(ids_from),
        )
    if writes:
        raise ConfigError(
            "An estimate runs nothing, so --overlay and --restart are not for it.",
            name="estimate",
            value=True,
        )


def _check_live(restart: bool, ids_from: Path | None, frame_range: str) -> None:
    """Refuse what live input would leave aside.

    Raises:
        ConfigError: Something was given that is not for it.
    """
    if restart:
        raise ConfigError(
            "Live input cannot begin anew: --restart is for video files.",
            name="restart",
            value=True,
        )
    if ids_from is not None:
        raise ConfigError(
            "Live input is no video of a file: --ids-from is for video files.",
            name="ids_from",
            value=str(ids_from),
        )
    if frame_range:
        raise ConfigError(
            "Live input has no range of frames; end it with --frames or Ctrl-C.",
            name="frame_range",
            value=frame_range,
        )


def _named(output: Path | None) -> Path:
    """The file to write.

    Raises:
        ConfigError: None was named.
    """
    if output is None:
        raise ConfigError("Name the file to write: --output FILE.json.", name="output", value=None)
    return output


def _check_stream(output: Path | None, stream: Path | None, kind: str, as_json: bool) -> None:
    """See that live input is written somewhere, and that no two things go to one place.

    Raises:
        ConfigError: What was given does not go together.
    """
    if stream is None:
        _named(output)
    if output is None and kind != FORMATS[0]:
        raise ConfigError(
            "The format is that of the file that --output names; a stream has one of its own.",
            name="format",
            value=kind,
        )
    if as_json and stream == Path("-"):
        raise ConfigError(
            "Only one of --json and --stream - can have standard output; stream to a file or a "
            "named pipe.",
            name="stream",
            value="-",
        )


def _region(text: str) -> tuple[int, int, int, int] | None:
    """``"X,Y,WIDTH,HEIGHT"`` in pixels; whether it fits is checked with the frames.

    Raises:
        ConfigError: It is no region.
    """
    if not text:
        return None
    numbers = [part.strip() for part in text.split(",")]
    if len(numbers) != 4 or not all(part.isascii() and part.isdigit() for part in numbers):
        raise ConfigError(
            f"The region must be X,Y,WIDTH,HEIGHT in pixels, such as 100,40,640,480, not {text!r}.",
            name="region",
            value=text,
        )
    left, top, width, height = map(int, numbers)
    return left, top, width, height


def _estimate(
    videos: list[Path], settings: ProposeSettings, part: TypedRange | None, as_json: bool
) -> None:
    """Print what a run on each video will take."""
    from ifc_core.cli.propose_run import estimates

    rows = estimates(videos, settings, part)
    if as_json:
        print_json({"videos": rows})
        return
    for row in rows:
        minutes, seconds = divmod(round(row["seconds"]), 60)
        height, width = row["network_size"]
        print_line(
            f"{row['path']}: about {minutes}:{seconds:02d} and {row['memory_bytes'] / 1e9:.1f} GB "
            f"for {counted(row['num_clips'], 'clip')} at {width}x{height}, {row['precision']}"
        )


def _is_live(videos: Sequence[Path], live: _LiveWords) -> bool:
    """Whether frames come from a camera or a pipe.

    Raises:
        ConfigError: What was given does not go together.
    """
    from ifc_core.inference.live_frames import MOST_FPS

    camera, size, fps, limit, keep_all, stream = live
    if fps is not None and not (math.isfinite(fps) and 0 < fps <= MOST_FPS):
        raise ConfigError(
            f"The frames per second must be a number above 0, not {fps}.", name="fps", value=fps
        )
    if camera is None and [str(video) for video in videos] != ["-"]:
        is_for_live = size or fps is not None or limit is not None or keep_all or stream
        if not videos or Path("-") in videos or is_for_live:
            raise ConfigError(
                "Give video files, or - alone with --size, or --camera; --fps, --frames, "
                "--keep-all and --stream are for live input.",
                name="videos",
                value=[str(video) for video in videos],
            )
        return False
    if camera is not None and videos:
        raise ConfigError("Give a camera or videos, not both.", name="camera", value=camera)
    if camera is not None and (size or fps is not None):
        raise ConfigError(
            "--size and --fps are of frames on standard input; a camera has its own.",
            name="camera",
            value=camera,
        )
    return True


def _make_run(
    videos: list[Path],
    settings: ProposeSettings,
    restart: bool,
    part: TypedRange | None,
    ids_from: Path | None,
) -> ProposeRun:
    from ifc_core.cli.dataset_ids import DatasetIds
    from ifc_core.cli.propose_run import ProposeRun

    ids = None if ids_from is None else DatasetIds(ids_from)
    return ProposeRun(videos, settings, restart, part, ids)


def _live_run(settings: ProposeSettings, live: _LiveWords) -> LiveRun:
    from ifc_core.cli.propose_live import LiveOptions, LiveRun, parse_size

    camera, size, fps, limit, keep_all, stream = live
    shape = parse_size(size) if size else None
    return LiveRun(settings, LiveOptions(camera, shape, fps or 0.0, limit, keep_all, stream))
