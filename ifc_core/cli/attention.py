"""``ifc-studio attention``: what the memory tokens look at, as pictures and numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ifc_core.cli.reporting import job, print_json, print_line

app = typer.Typer()


@app.command(epilog="Example: ifc-studio attention clip.mp4 -o attention --frame 12 --layer 2")
def attention(
    video: Annotated[Path, typer.Argument(help="Video file or folder of frames.", metavar="VIDEO")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the pictures.", metavar="OUT_DIR")
    ],
    frame: Annotated[int, typer.Option(help="Frame of the video, from 0.")] = 0,
    layer: Annotated[
        int | None, typer.Option(help="Encode-Receive layer, from 0; by default all.")
    ] = None,
    token: Annotated[int | None, typer.Option(help="Memory token, from 0; by default all.")] = None,
    head: Annotated[
        int | None, typer.Option(help="Attention head, from 0; by default their mean.")
    ] = None,
    scale: Annotated[
        str, typer.Option(help="What full brightness means: frame, clip or absolute.")
    ] = "frame",
    model: Annotated[str, typer.Option(help="Name or file of the model.")] = "default",
    clip_length: Annotated[int, typer.Option(help="T, frames seen at once.")] = 5,
    frame_step: Annotated[int, typer.Option(help="Look at every n-th frame only.")] = 1,
    short_side: Annotated[
        int | None,
        typer.Option(help="Resize frames to it; by default what the model was made for."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Draw the memory tokens' attention over a frame, and keep the exact rows in an NPZ file."""
    from ifc_core.cli.attention_files import AttentionChoice, check_folder, write_attention
    from ifc_core.inference.attention_query import attention_at
    from ifc_core.inference.settings import ProposeSettings
    from ifc_core.io.readable_frames import StandInReader
    from ifc_core.io.video import open_video
    from ifc_core.models.registry import load_model

    check_folder(output, video)
    choice = AttentionChoice(layer, token, head, scale)
    settings = ProposeSettings(
        model=model,
        clip_length=clip_length,
        frame_step=frame_step,
        short_side=short_side,
        device=device,
    )
    with (
        job(f"Attention on {video.name}") as context,
        StandInReader(open_video(video, context)) as reader,
    ):
        choice.check_frame(frame, reader.video.num_frames)
        picture = reader.read_whole(frame)
        network = load_model(model, device)
        choice.check_model(network.config)
        found = attention_at(network, reader, frame, settings, context)
        written = write_attention(output, found, picture, choice)
    if as_json:
        print_json({"frame_index": found.frame_index, "files": [str(path) for path in written]})
    else:
        print_line(f"Wrote {len(written)} files to {output}: frame {found.frame_index}")
