"""Pictures and numbers of attention, as files."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.annotation.targets import check_frames
from ifc_core.errors import ConfigError, OutputError
from ifc_core.io.atomic import atomic_output, refuse_dash
from ifc_core.models.attention_rows import FrameAttention, HeatMap, HeatScale, heat_map

if TYPE_CHECKING:
    from ifc_core.models.config import IFCConfig

Picture = npt.NDArray[np.uint8]

NPZ_NAME = "attention.npz"
_LEGEND_HEIGHT_PX = 22


@dataclass(frozen=True, slots=True)
class AttentionChoice:
    """Which maps to draw, and how.

    Attributes:
        layer: Encode-Receive layer, ``None`` for all.
        token: Memory token, ``None`` for all.
        head: Head, ``None`` for the mean of all.
        scale: ``frame``, ``clip`` or ``absolute``.
    """

    layer: int | None
    token: int | None
    head: int | None
    scale: str

    def __post_init__(self) -> None:
        """Check the scale."""
        if self.scale not in get_args(HeatScale):
            raise ConfigError(
                f"The scale {self.scale!r} is unknown; choose one of"
                f" {', '.join(get_args(HeatScale))}.",
                name="scale",
                value=self.scale,
            )

    def check_frame(self, frame: int, num_frames: int) -> None:
        """Refuse a frame that the video does not have.

        Raises:
            ConfigError: With the range.
        """
        _check_index("frame", frame, num_frames, "The video")

    def check_model(self, config: IFCConfig) -> None:
        """Refuse a model without memory tokens, and a layer, token or head that it lacks.

        Raises:
            ConfigError: With the range.
        """
        if not config.memory_tokens:
            raise ConfigError(
                "This model has no memory tokens to look at; choose one with the ifc encoder.",
                name="model",
                value=config.encoder,
            )
        for name, count in (
            ("layer", config.num_encoder_layers),
            ("token", config.memory_tokens),
            ("head", config.num_heads),
        ):
            value = getattr(self, name)
            if value is not None:
                _check_index(name, value, count, "The model")


def check_folder(folder: Path, video: Path) -> None:
    """Find out before the work that pictures can be put into a folder.

    Args:
        folder: Where they would go.
        video: What they are made of.

    Raises:
        OutputError: They would become frames of the video, or the folder is ``-``.
    """
    refuse_dash(folder)
    check_frames(video, folder / "frame.png")


def write_attention(
    folder: Path, found: FrameAttention, frame: Picture, choice: AttentionChoice
) -> list[Path]:
    """Write one overlay a layer and token, and the exact rows.

    Args:
        folder: Made where it is missing.
        found: Attention of the clip around the frame.
        frame: (H, W, 3) uint8 RGB, the frame as the video has it.
        choice: Which maps, and how.

    Returns:
        The files written, the NPZ last.

    Raises:
        OutputError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"Cannot write into {folder}: {reason}.", path=folder) from error
    attention = found.attention
    layers = range(len(attention.encode_receive)) if choice.layer is None else [choice.layer]
    tokens = range(attention.num_memory_tokens) if choice.token is None else [choice.token]
    written = []
    with ExitStack() as together:  # all of them appear, or none
        for layer in layers:
            for token in tokens:
                path = folder / f"frame{found.frame_index:05d}_layer{layer}_token{token}.png"
                heat = token_heat_map(found, layer, token, choice)
                picture = draw_overlay(frame, heat, f"layer {layer}, token {token}")
                _write_png(together.enter_context(atomic_output(path)), picture)
                written.append(path)
        path = folder / NPZ_NAME
        with together.enter_context(atomic_output(path)).open("wb") as file:
            np.savez_compressed(file, **_arrays(found))
    return [*written, path]


def token_heat_map(
    found: FrameAttention, layer: int, token: int, choice: AttentionChoice
) -> HeatMap:
    """What a memory token looks at in the frame that was asked for."""
    attention = found.attention
    maps = np.stack(
        [
            attention.memory_to_pixels(layer, position, token, choice.head)
            for position in range(attention.num_frames)
        ]
    )
    scale = cast("HeatScale", choice.scale)
    return heat_map(maps, found.position, attention.frame_size, scale)


def draw_overlay(frame: Picture, heat: HeatMap, title: str) -> Picture:
    """The frame in grey under the heat, with a line that says what is shown and its scale.

    Args:
        frame: (H, W, 3) uint8 RGB.
        heat: Over the whole frame, at any resolution.
        title: First words of the line.

    Returns:
        (H + 22, W, 3) uint8 RGB.
    """
    height, width = frame.shape[:2]
    values = cv2.resize(heat.values, (width, height), interpolation=cv2.INTER_LINEAR)
    levels = np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)
    colors = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[..., ::-1].astype(np.float32)
    grey = frame.astype(np.float32).mean(axis=2, keepdims=True)
    strength = 0.25 + 0.75 * np.clip(values, 0, 1)[..., None]
    mixed = grey * 0.6 * (1 - strength) + colors * strength
    picture = np.zeros((height + _LEGEND_HEIGHT_PX, width, 3), np.uint8)
    picture[:height] = np.clip(mixed, 0, 255).astype(np.uint8)
    text, place = f"{title}, {heat.legend}", (4, height + _LEGEND_HEIGHT_PX - 7)
    white = (255, 255, 255)
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, white, 1, cv2.LINE_AA)
    return picture


def _arrays(found: FrameAttention) -> dict[str, Any]:
    """The rows of all layers and heads, as the NPZ file holds them."""
    attention = found.attention
    return {
        "frame_index": np.asarray(found.frame_index),
        "position": np.asarray(found.position),
        "frame_indices": found.prediction.frame_indices,
        "frame_size": np.asarray(attention.frame_size),
        "grid_size": np.asarray(attention.grid_size),
        "encode_receive": np.stack(attention.encode_receive),
        "gather_communicate": np.stack(attention.gather_communicate),
        "decoder": np.stack(attention.decoder),
    }


def _write_png(path: Path, picture: Picture) -> None:
    path.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())


def _check_index(name: str, value: int, count: int, owner: str) -> None:
    if not 0 <= value < count:
        plural = name + ("" if count == 1 else "s")
        raise ConfigError(
            f"{owner} has {count} {plural}, so --{name} must be from 0 to {count - 1},"
            f" not {value}.",
            name=name,
            value=value,
        )
