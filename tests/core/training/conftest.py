"""A toy source of clips and the settings of toy runs."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ifc_core.annotation import Project, Scope
from ifc_core.annotation.edits import ApproveFrames, NewTrack, SetCategory, SetMask
from ifc_core.data.clip_source import ClipRequest, sample_generator
from ifc_core.data.sample import ClipSample
from ifc_core.io.video import open_video
from ifc_core.structures import Category, RLEMask
from ifc_core.training import edge_sampling
from ifc_core.training.config import TrainConfig, build_config

sys.path.insert(0, str(Path(__file__).parent))

from edge_runs import Proposer


@dataclass(frozen=True, slots=True)
class ToySource:
    """Two coloured squares a clip that drift over noise, exactly labelled."""

    seed: int = 0
    num_objects: int = 2

    def __call__(self, request: ClipRequest) -> ClipSample:
        rng = sample_generator(self.seed, request.index)
        shape = (request.num_frames, request.height, request.width)
        frames = rng.integers(0, 60, size=(*shape, 3), dtype=np.uint8)
        masks = np.zeros((self.num_objects, *shape), dtype=np.bool_)
        labels = rng.integers(0, 2, size=self.num_objects)
        for number in range(self.num_objects):
            y, x = rng.integers(2, request.height - 18), rng.integers(2, request.width - 22)
            for t in range(request.num_frames):
                masks[number, t, y : y + 16, x + t : x + t + 16] = True
            frames[masks[number]] = (250, 40, 40) if labels[number] else (40, 250, 40)
        return ClipSample.fully_labelled(frames, masks, labels.astype(np.int64))


@pytest.fixture
def toy_source():
    return ToySource()


@pytest.fixture
def toy_config(tmp_path):
    """A function that builds the settings of a toy run in a folder of its own."""

    def build(name: str = "run", **changes) -> TrainConfig:
        table = {
            "output": str(tmp_path / name),
            "categories": ["red", "green"],
            "model": {"preset": "tiny"},
            "device": "cpu",
            "data": {"num_workers": 0},
            "optimizer": {"lr": 1e-3, "backbone_lr": 1e-3, "clip_norm": 1.0, "ema_decay": 0.9},
            "stages": [
                {"iterations": 4, "num_frames": [1, 2], "batch_size": 4, "sizes": [[48, 64]]}
            ],
            "log_every": 1,
        }
        return build_config(TrainConfig, {**table, **changes})

    return build


@pytest.fixture
def proposer(monkeypatch):
    """The model that edge runs let propose: it draws what is bright."""
    model = Proposer()
    monkeypatch.setattr(edge_sampling, "load_model", lambda *_: model)
    return model


@pytest.fixture
def clip(toy_source):
    """Two frames with one square."""
    one = replace(toy_source, num_objects=1)
    return one(ClipRequest(0, num_frames=2, height=96, width=128))


@pytest.fixture
def approved_project(tmp_path):
    """A function that makes the project "toy": a clip of 60 small grey pictures, in ``toy`` beside
    it, with things approved on some frames; each is a class with the place of its mask.
    """
    opened = []

    def make(frames, things=(("cat", np.s_[:]),)) -> Project:
        folder = tmp_path / "toy"
        folder.mkdir()
        for frame in range(60):
            cv2.imwrite(str(folder / f"{frame:05d}.png"), np.full((32, 48, 3), frame, np.uint8))
        project = Project.create(tmp_path / "toy.ifcproj", name="toy")
        opened.append(project)
        with open_video(folder) as reader:
            video_id = project.add_video(reader.video)
        for number, (name, place) in enumerate(things, start=1):
            project.apply(SetCategory(Category(number, name)))
            shape = np.zeros((32, 48), np.bool_)
            shape[place] = True
            mask = RLEMask.from_array(shape)
            track = project.apply(NewTrack(video_id, number, frames[0], mask)).tracks_added[0]
            for frame in frames:
                project.apply(SetMask(track, frame, mask))
                project.apply(ApproveFrames(video_id, Scope.this_frame(frame)))
        return project

    yield make
    for project in opened:
        project.close()
