"""Small inputs shared by the tests of the core: a model of toy size and a short clip."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def tiny_model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the ``tiny`` architecture with seeded random weights, three classes."""
    import torch

    from ifc_core.models.checkpoint import CheckpointInfo, write_checkpoint
    from ifc_core.models.config import IFCConfig
    from ifc_core.models.ifc import IFC
    from ifc_core.models.preferences import ModelPreferences
    from ifc_core.structures import Category

    config = IFCConfig.preset("tiny")
    categories = tuple(Category(i, name) for i, name in ((1, "cat"), (2, "dog"), (5, "fox")))
    torch.manual_seed(5)
    model = IFC(config, categories)
    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    info = CheckpointInfo(config, categories, ModelPreferences(short_side=64))
    write_checkpoint(path, info, model.state_dict())
    return path


@pytest.fixture
def full_disk() -> Callable[[], AbstractContextManager[None]]:
    """``with full_disk():`` no file of this process grows beyond 1 kB."""
    resource = pytest.importorskip("resource", reason="Windows limits no file sizes")

    @contextmanager
    def limited() -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.fixture(scope="session")
def clip_frames() -> np.ndarray:
    """(9, 48, 80, 3) uint8: a bright square that moves over a noisy ground."""
    rng = np.random.default_rng(3)
    frames = rng.integers(0, 90, (9, 48, 80, 3), dtype=np.uint8)
    for t in range(9):
        frames[t, 12:32, 6 * t : 6 * t + 20] = (230, 200, 40)
    return frames


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory, clip_frames: np.ndarray) -> Path:
    """The clip as a folder of PNG pictures."""
    import cv2

    folder = tmp_path_factory.mktemp("clips") / "square"
    folder.mkdir()
    for t, frame in enumerate(clip_frames):
        cv2.imwrite(str(folder / f"{t:05d}.png"), frame[..., ::-1])
    return folder


@pytest.fixture(scope="session")
def clip_file(tmp_path_factory: pytest.TempPathFactory, clip_frames: np.ndarray) -> Path:
    """The clip as an MP4 file."""
    import av

    path = tmp_path_factory.mktemp("clips") / "square.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.height, stream.width = clip_frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in clip_frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path
