"""The bench of fine-tuning on a culture: its fields, and a run over small ones."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ifc_core.bench import finetune_look, looks
from ifc_core.bench.finetune_look import FinetuneLookOptions, run_finetune_look
from ifc_core.errors import ConfigError
from ifc_core.models.checkpoint import CheckpointInfo, write_checkpoint
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.models.preferences import ModelPreferences
from ifc_core.structures import Category


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Fields of 64 pixels and three frames, with fewer cells."""
    monkeypatch.setattr(looks, "FIELD_PX", 64)
    monkeypatch.setattr(looks, "NUM_FRAMES", 3)
    for name, look in looks.LOOKS.items():
        monkeypatch.setitem(looks.LOOKS, name, looks._Look(57, 40, look.paint, look.is_one_kind))


@pytest.mark.parametrize("look", looks.LOOKS)
def test_a_culture_is_fields_of_one_look_with_exact_masks(look):
    fields = looks.culture(look)
    assert len(fields) == looks.NUM_FIELDS
    for field, again in zip(fields, looks.culture(look), strict=True):
        assert field.frames.shape == (3, 64, 64, 3)
        np.testing.assert_array_equal(field.frames, again.frames)
        np.testing.assert_array_equal(field.masks, again.masks)
        assert field.masks.sum(axis=0).max() <= 1
        assert field.masks.any(axis=(1, 2, 3)).all()
        areas = field.masks.sum(axis=(2, 3))
        assert areas[areas > 0].min(initial=40) >= 40
    assert sum(len(field.masks) for field in fields) >= 10
    assert len({field.frames.tobytes() for field in fields}) == len(fields)


def test_of_two_kinds_the_bright_one_is_not_labelled():
    fields = looks.culture("kinds")
    labelled = np.concatenate([f.frames[f.masks.any(axis=0)][:, 0] for f in fields])
    others = np.concatenate([f.frames[~f.masks.any(axis=0)][:, 0] for f in fields])
    assert np.mean(labelled > 140) < 0.01
    assert np.mean(others > 140) > 0.05


def test_rings_are_of_one_grey_on_both_sides_and_lie_along_the_outlines():
    masks = np.zeros((2, 60, 60), np.bool_)
    masks[0, 10:50, 10:30] = masks[1, 10:50, 30:50] = True
    away = looks._signed_distance(masks)
    assert away[30, 20] == pytest.approx(-10, abs=1)
    assert away[30, 5] == pytest.approx(5, abs=1)
    assert away[30, 29] == away[30, 30] == -1  # cells that touch have an outline between them
    far = np.stack([np.full((40, 40), side, np.float32) for side in (-60, 60)])
    inside, outside = looks._rings(far, masks, np.random.default_rng(0)).astype(float)
    assert inside.mean() == pytest.approx(outside.mean(), abs=1)


def test_a_look_that_is_none_and_fields_that_are_not_there_are_refused():
    with pytest.raises(ConfigError, match="learnt, rings, kinds"):
        looks.culture("blue")
    for clips in (0, 6):
        with pytest.raises(ConfigError, match="from 1 to 5"):
            run_finetune_look(FinetuneLookOptions(clips=clips))


def test_a_run_judges_on_fields_that_nobody_labelled(tmp_path):
    model = tmp_path / "tiny.safetensors"
    config = IFCConfig.preset("tiny", num_classes=1)
    preferences = ModelPreferences(short_side=48, score_threshold=0.2, duplicate_iou=0.5)
    info = CheckpointInfo(
        config, (Category(1, "cell"),), preferences, provenance={"world": "cells"}
    )
    write_checkpoint(model, info, IFC(config).state_dict(), "fp32")
    options = FinetuneLookOptions(
        "kinds", model=str(model), clips=3, frames=2, others=0, iterations=2, short_side=64
    )
    figures = run_finetune_look(options)
    json.dumps(figures, allow_nan=False)
    fields = looks.culture("kinds")
    assert figures["judged_masks"] == sum(f.masks.any(axis=(2, 3)).sum() for f in fields[3:])
    labelled = [f.masks[:, t].any(axis=(1, 2)).sum() for f in fields[:3] for t in (0, 2)]
    assert figures["labelled_masks"] == sum(labelled)
    held_out = figures["held_out_after"]["masks"]
    assert held_out in [labelled[n] + labelled[n + 1] for n in (0, 2, 4)]  # a whole field
    assert figures["iterations"] == 2
    assert figures["before"]["short_side"] == 48
    assert figures["before"]["score_threshold"] == 0.2
    assert figures["after"]["short_side"] == 64
    for when in ("before", "after"):
        assert "others" not in figures[when]
        assert 0 <= figures[when]["mask_recall"] <= 1
    assert figures["rehearsal_before"] is not None


def test_what_was_forgotten_is_measured_on_the_frozen_clips(monkeypatch, tmp_path):
    asked = []

    def synthetic(model, settings, count, context, *, world):
        asked.append((count, world))
        return {"mean": {"AP": 0.25}}

    monkeypatch.setattr(finetune_look, "bench_synthetic", synthetic)
    monkeypatch.setattr(finetune_look, "score_samples", lambda *_: {"AP": 0.5})
    model = tmp_path / "tiny.safetensors"
    config = IFCConfig.preset("tiny", num_classes=1)
    info = CheckpointInfo(config, (Category(1, "cell"),), ModelPreferences(short_side=48))
    write_checkpoint(model, info, IFC(config).state_dict(), "fp32")
    options = FinetuneLookOptions("kinds", model=str(model), others=4)
    figures = finetune_look._figures(str(model), (), options, finetune_look.JobContext())
    assert asked == [(4, "cells")]
    assert (figures["AP"], figures["others"]) == (0.5, {"AP": 0.25})
