"""The file of a version: it can be written whatever was labelled."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ifc_core.annotation.snapshot import Snapshot
from ifc_core.data.labelled_video import LabelledVideo
from ifc_core.models.checkpoint import read_checkpoint_info
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.models.preferences import ModelPreferences
from ifc_core.structures import Category
from ifc_core.training.class_head import with_classes
from ifc_core.training.finetune_plan import FinetunePlan
from ifc_core.training.finetune_settings import FinetuneSettings, HeldOutScore
from ifc_core.training.finetune_version import write_version
from ifc_core.training.frame_ranges import frames_within
from ifc_core.training.held_out_split import Split


def approved(name, frames, num_frames):
    return LabelledVideo(name, Path(name), num_frames, 48, 64, (), frozenset(frames))


def test_a_version_of_a_project_with_the_longest_name_can_be_written(tmp_path):
    torch.manual_seed(0)
    model = IFC(IFCConfig.preset("tiny", num_classes=1), [Category(1, "cat")])
    settings, score = FinetuneSettings("r1"), HeldOutScore(9, 0.1, 0)
    plan = FinetunePlan(
        tmp_path, settings, settings.load_preset(), Snapshot("映" * 82, (), ()), model, "parent",
        ("cat",), Split((approved("a", range(3), 3),), ()),
    )  # fmt: skip
    names = [write_version(plan, model, score, score, 1, 1)[0].stem]
    (tmp_path / "models" / f"{names[0]}.safetensors").write_text("of another run")
    names.append(write_version(plan, model, score, score, 1, 1)[0].stem)
    assert names == ["映" * 33 + "-1", "映" * 33 + "-2"]


def test_a_version_prefers_what_its_parent_does_but_for_what_was_found_for_it(tmp_path):
    torch.manual_seed(0)
    parent = IFC(IFCConfig.preset("tiny", num_classes=1), [Category(1, "cat")])
    parent.preferences = ModelPreferences(
        short_side=256,
        size_multiple=32,
        score_threshold=0.7,
        duplicate_iou=0.5,
        lookahead=4,
        edges="best",
    )
    settings, score = FinetuneSettings("r1"), HeldOutScore(9, 0.1, 0)
    plan = FinetunePlan(
        tmp_path, settings, settings.load_preset(256), Snapshot("cats", (), ()), parent, "parent",
        ("cat",), Split((approved("a", range(3), 3),), ()),
    )  # fmt: skip
    trained = with_classes(parent, ["cat"])
    trained.preferences = replace(trained.preferences, score_threshold=0.4, edges="off")
    path, _ = write_version(plan, trained, score, score, 1, 1)
    wanted = replace(parent.preferences, score_threshold=0.4, edges="off")
    assert read_checkpoint_info(path).preferences == wanted


def test_a_version_of_very_many_approved_frames_can_be_written(tmp_path):
    torch.manual_seed(0)
    model = IFC(IFCConfig.preset("tiny", num_classes=1), [Category(1, "cat")])
    count = 400_000
    scattered = np.flatnonzero(np.random.default_rng(0).random(count) < 0.5).tolist()
    training = approved("a", range(200_000), count), approved("b", scattered, count)
    split = Split(training, (approved("c", scattered, count),))
    settings = FinetuneSettings("r1")
    plan = FinetunePlan(
        tmp_path, settings, settings.load_preset(), Snapshot("cats", (), ()), model, "parent",
        ("cat",), split,
    )  # fmt: skip
    path, info = write_version(plan, model, HeldOutScore(9, 0.1, 0), HeldOutScore(9, 0.2, 0), 1, 1)
    stored = read_checkpoint_info(path).provenance
    assert stored == info.provenance
    assert frames_within(stored["trained_on"]["a"], count) == set(range(200_000))
    assert frames_within(stored["trained_on"]["b"], count) >= set(scattered)
    assert set() < frames_within(stored["held_out"]["c"], count) <= set(scattered)
