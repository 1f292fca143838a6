"""``ifc-studio flops``: what the clip encoder costs, as in the paper's Table 1."""

from __future__ import annotations

from typing import Annotated

import typer

from ifc_core.cli.reporting import print_json, print_line

app = typer.Typer()


@app.command(epilog="Example: ifc-studio flops --encoder full --height 720 --width 1280")
def flops(
    encoder: Annotated[str, typer.Option(help="ifc, none, full or decomposed.")] = "ifc",
    height: Annotated[int, typer.Option(help="Of the frames, in pixels.")] = 360,
    width: Annotated[int, typer.Option(help="Of the frames, in pixels.")] = 640,
    frames: Annotated[int, typer.Option(help="T, frames of the clip.")] = 5,
    memory_tokens: Annotated[int, typer.Option(help="M, memory tokens a frame.")] = 8,
    layers: Annotated[int, typer.Option(help="N_E, encoder layers.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count the encoder's multiply-adds for one clip, in billions."""
    from ifc_core.models.config import IFCConfig
    from ifc_core.models.flops import encoder_gflops

    config = IFCConfig.from_dict(
        {
            "encoder": encoder,
            "num_memory_tokens": memory_tokens,
            "num_encoder_layers": layers,
        }
    )
    gflops = round(encoder_gflops(config, height, width, frames), 2)
    if as_json:
        print_json({"gflops": gflops})
    else:
        print_line(f"{gflops:.2f} GFLOPs")
