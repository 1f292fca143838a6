"""``ifc-studio propose``: tracked masks for videos, written as one YouTube-VIS file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ifc_core.cli.reporting import print_json, print_line
from ifc_core.errors import ConfigError

app = typer.Typer()

FORMATS = ("ytvis", "ytvis-results")


@app.command(epilog="Example: ifc-studio propose clip.mp4 -o clip.json --overlay clip-overlay.mp4")
def propose(
    videos: Annotated[
        list[Path], typer.Argument(help="Video files or folders of frames.", metavar="VIDEO...")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The JSON file to write.")],
    model: Annotated[str, typer.Option(help="Name or file of the model.")] = "default",
    clip_length: Annotated[int, typer.Option(help="T, frames seen at once.")] = 5,
    clip_stride: Annotated[int, typer.Option(help="S, frames between clips.")] = 1,
    frame_step: Annotated[int, typer.Option(help="Look at every n-th frame only.")] = 1,
    offline: Annotated[bool, typer.Option("--offline", help="One clip for all of it.")] = False,
    short_side: Annotated[
        int | None,
        typer.Option(help="Resize frames to it; by default what the model was made for."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")] = "auto",
    score_threshold: Annotated[
        float | None,
        typer.Option(help="Leave out what scores less; default 0.1, for ytvis-results 0.01."),
    ] = None,
    format: Annotated[
        str, typer.Option(help="ytvis (annotations) or ytvis-results (what evaluators read).")
    ] = "ytvis",
    overlay: Annotated[
        Path | None,
        typer.Option(help="Also draw the masks into this MP4; several videos give NAME-VIDEO.mp4."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Find and track objects in videos and write their masks as one YouTube-VIS file.

    Runs near-online: memory does not grow with the length of the video. The output appears
    whole or not at all.
    """
    from ifc_core.cli.propose_run import ProposeRun
    from ifc_core.inference.settings import ProposeSettings

    if format not in FORMATS:
        raise ConfigError(
            f"The format {format!r} is unknown; choose one of {', '.join(FORMATS)}.",
            name="format",
            value=format,
        )
    if score_threshold is None:
        score_threshold = 0.01 if format == "ytvis-results" else 0.1
    settings = ProposeSettings(
        model=model,
        clip_length=clip_length,
        clip_stride=clip_stride,
        frame_step=frame_step,
        short_side=short_side,
        score_threshold=score_threshold,
        device=device,
        precision=precision,
        offline=offline,
    )
    with ProposeRun(videos, settings) as run:
        summary = run.write(output, as_results=format == "ytvis-results", overlay=overlay)
    if as_json:
        print_json(summary)
        return
    frames = sum(video["frames"] for video in summary["videos"])
    objects = sum(video["instances"] for video in summary["videos"])
    found = "1 object" if objects == 1 else f"{objects} objects"
    seconds = summary["seconds"]
    print_line(
        f"Wrote {output}: {found} in {frames} frames, {seconds:.1f} s on {summary['device']}"
    )
