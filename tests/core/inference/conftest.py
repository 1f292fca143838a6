"""A tiny network with instances to find, a moving scene, and the plain tracker."""

import copy
import importlib.util
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ifc_core.inference.predictor import VideoPrediction, predict_video
from ifc_core.inference.run_checkpoint import RunCheckpoint
from ifc_core.io.video import VideoReader
from ifc_core.jobs import JobContext
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.models.preferences import ModelPreferences
from ifc_core.structures import Video


@pytest.fixture(scope="session")
def plain_tracker():
    path = Path(__file__).parents[1] / "tracking" / "plain_tracker.py"
    spec = importlib.util.spec_from_file_location("plain_tracker", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiny_model():
    """Random weights, but sharp enough that queries differ and some beat no-object.

    They are kept in a file: what the tests expect of them must not hang on the order in which
    PyTorch or a layer draws its random numbers.
    """
    torch.set_num_threads(1)
    config = IFCConfig(
        backbone="resnet18",
        base_width=8,
        num_classes=3,
        num_queries=12,
        hidden_dim=32,
        num_memory_tokens=2,
        num_encoder_layers=2,
        num_decoder_layers=2,
        feedforward_dim=64,
        num_heads=4,
    )
    with torch.random.fork_rng():
        model = IFC(config).eval()
    model.load_state_dict(load_file(Path(__file__).with_name("tiny.safetensors")))
    model.preferences = ModelPreferences(short_side=64)
    return model


@pytest.fixture
def prefer(monkeypatch):
    """Call to have a network prefer something else for the test: ``prefer(model, lookahead=3)``."""

    def change(model, **values):
        monkeypatch.setattr(model, "preferences", replace(model.preferences, **values))

    return change


@pytest.fixture(scope="session")
def sure_model(tiny_model):
    """The tiny network, but so sure of some queries and of their edges that paths go on."""
    model = copy.deepcopy(tiny_model)
    with torch.no_grad():
        model.class_head.layers[-1].weight.mul_(3)
        model.mask_weight_head.layers[-1].weight.mul_(4)
        model.mask_weight_head.layers[-1].bias.mul_(4)
    return model


@pytest.fixture(scope="session")
def scene():
    """(20, 64, 96, 3) uint8: bright discs over a gradient."""
    yy, xx = np.mgrid[:64, :96]
    frames = np.zeros((20, 64, 96, 3), np.uint8)
    for t in range(20):
        frames[t] = np.stack([yy * 2, xx, (yy + xx) // 2], -1)
        for k, color in enumerate([(250, 40, 40), (40, 250, 90), (60, 60, 250)]):
            centre = (15 + 16 * k, 12 + 25 * k + (3 - 2 * k) * t)
            inside = (yy - centre[0]) ** 2 + (xx - centre[1]) ** 2 < (7 + 2 * k) ** 2
            frames[t][inside] = color
    return frames


class FramesReader(VideoReader):
    def __init__(self, frames):
        self.frames, self.read_frames = frames, []
        height, width = frames.shape[1:3]
        self.video = Video(Path("scene"), len(frames), height, width, 25.0, "none")
        self.pts_seconds = np.arange(len(frames)) / 25.0

    def read(self, frame_index):
        self.read_frames.append(frame_index)
        return self.frames[self._checked(frame_index)]

    def close(self):
        pass


@pytest.fixture
def frames_reader():
    """A reader over an array of frames, which records what was read."""
    return FramesReader


@pytest.fixture
def ids_by_batch(tiny_model, scene):
    """Runs the scene frame by frame and in batches of five; gives the ids a frame of both."""

    def run(settings):
        runs = (
            VideoPrediction(
                tiny_model, enumerate(scene), settings, JobContext(), None, None, batch=batch
            )
            for batch in (1, 5)
        )
        return [[[m.instance_id for m in frame.masks] for frame in frames] for frames in runs]

    return run


@pytest.fixture
def whole_and_in_parts(tiny_model, scene):
    """Runs ten frames of the scene whole, and stopped after four; gives (frames, instances)."""

    def run(settings):
        frames = scene[:10]
        whole = predict_video(tiny_model, enumerate(frames), settings)
        expected = list(whole)
        stopped = predict_video(tiny_model, enumerate(frames), settings)
        first = [next(stopped) for _ in range(4)]
        held = RunCheckpoint.from_json(json.loads(json.dumps(stopped.checkpoint().to_json())))
        stopped.close()
        given = [(i, frames[i]) for i in range(held.restart_frame, len(frames))]
        rest = predict_video(tiny_model, given, settings, resume=held)
        return (expected, whole.instances), (first + list(rest), rest.instances)

    return run


@dataclass(frozen=True)
class Star:
    """A textured star on a textured ground.

    Attributes:
        frame: (180, 200, 3) uint8.
        mask: (180, 200) bool, the truth.
        coarse: (180, 200) bool, the mask of a grid.
        logits: (22, 25) float32, what that grid said.
    """

    frame: np.ndarray
    mask: np.ndarray
    coarse: np.ndarray
    logits: np.ndarray


@pytest.fixture(scope="session")
def star():
    rng = np.random.default_rng(3)
    angle = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    radius = np.where(np.arange(10) % 2, 38, 75)
    points = np.stack([100 + radius * np.cos(angle), 90 + radius * np.sin(angle)], 1)
    mask = cv2.fillPoly(np.zeros((180, 200), np.uint8), [points.astype(np.int32)], 1).astype(bool)
    frame = np.where(mask[..., None], (190, 120, 60), (70, 110, 150)).astype(np.float64)
    frame = np.clip(frame + rng.normal(0, 12, frame.shape), 0, 255).astype(np.uint8)
    grid = cv2.resize(mask.astype(np.float32), (25, 22), interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(grid, (200, 180), interpolation=cv2.INTER_LINEAR) > 0.5
    return Star(frame, mask, coarse, (grid - 0.5) * 12)
