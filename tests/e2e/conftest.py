"""A clip in a real video file, a model of toy size, and the desktop program's window."""

from __future__ import annotations

import sys
from pathlib import Path

import av
import numpy as np
import pytest

from ifc_core.inference.settings import ProposeSettings

sys.path.insert(0, str(Path(__file__).parent))  # killed_window

NUM_FRAMES, HEIGHT, WIDTH = 12, 64, 96


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory) -> Path:
    """A checkpoint of toy size with seeded random weights and the one class "object"."""
    import torch

    from ifc_core.models.checkpoint import CheckpointInfo, write_checkpoint
    from ifc_core.models.config import IFCConfig
    from ifc_core.models.ifc import IFC
    from ifc_core.models.preferences import ModelPreferences
    from ifc_core.structures import Category

    config = IFCConfig.preset("tiny", num_classes=1)
    categories = (Category(1, "object"),)
    torch.manual_seed(3)
    model = IFC(config, categories)
    path = tmp_path_factory.mktemp("models") / "toy.safetensors"
    info = CheckpointInfo(config, categories, ModelPreferences(short_side=64))
    write_checkpoint(path, info, model.state_dict())
    return path


@pytest.fixture
def clip(tmp_path) -> Path:
    """An H.264 file in which a bright square moves over a dark, noisy ground."""
    path = tmp_path / "square.mp4"
    rng = np.random.default_rng(1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for t in range(NUM_FRAMES):
            picture = rng.integers(0, 60, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            picture[20:44, 4 * t : 4 * t + 24] = (230, 190, 40)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def settings(toy_model) -> ProposeSettings:
    return ProposeSettings(
        model=str(toy_model), clip_length=3, score_threshold=0.0, device="cpu", precision="fp32"
    )
