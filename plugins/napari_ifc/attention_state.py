"""What the attention page is given to show, and what it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ifc_core.models.attention_rows import HeatMap, HeatScale

AttentionSource = Literal["token", "query", "pixel"]


@dataclass(frozen=True, slots=True)
class AttentionChoice:
    """What a person wants to see.

    Attributes:
        layer: Encode-Receive layer, 0-based.
        head: One head, or ``None`` for the mean.
        token: Memory token; ``None`` takes the one that looks most into the selected mask.
        scale: What full colour stands for.
        source: Whose attention is shown: a memory token's, that of the object query of the
            selected track, or that of the clicked place.
    """

    layer: int = 0
    head: int | None = None
    token: int | None = None
    scale: HeatScale = "frame"
    source: AttentionSource = "token"


@dataclass(frozen=True, slots=True)
class AttentionView:
    """What is to be shown now.

    Attributes:
        sentence: State or explanation, one sentence.
        busy: Whether the engine is being asked.
        failed: Whether ``sentence`` is an error.
        num_layers: Layers that can be chosen; 0 before the first answer.
        num_heads: Heads that can be chosen.
        num_tokens: M.
        token: The memory token that is shown.
        ranking: (token, share of all its attention that lies in the selected mask), best
            first; empty without a selected mask on this frame.
        heat: The heat map, or ``None``.
        over_time: (T, T) Gather-Communicate rows of the token, or ``None``.
        clip_frames: Frames of the video in the clip.
        position: Place of the shown frame in the clip.
        place: (y, x) share of the frame that was clicked, or ``None``.
        place_shares: (token, share of the attention of the clicked place), largest first.
        query: Object query that stands for the selected track, or ``None``.
    """

    sentence: str = ""
    busy: bool = False
    failed: bool = False
    num_layers: int = 0
    num_heads: int = 0
    num_tokens: int = 0
    token: int = 0
    ranking: tuple[tuple[int, float], ...] = ()
    heat: HeatMap | None = None
    over_time: npt.NDArray[np.float32] | None = None
    clip_frames: tuple[int, ...] = ()
    position: int = 0
    place: tuple[float, float] | None = None
    place_shares: tuple[tuple[int, float], ...] = ()
    query: int | None = None
