"""Settings of a fine-tuning, and what it tells as JSON."""

import json
from pathlib import Path

import pytest

from ifc_core.errors import ConfigError
from ifc_core.training.finetune_settings import (
    FinetuneResult,
    FinetuneSettings,
    HeldOutScore,
    event_to_json,
)


@pytest.mark.parametrize(
    "change",
    [{"preset": "huge"}, {"name": "../x"}, {"held_out_share": 0.9}, {"iterations": 0},
     {"minutes": -1.0}, {"short_side": 8}, {"minutes": float("inf")}, {"minutes": float("nan")},
     {"seed": -1}, {"seed": 2**63}, {"name": "n" * 101}, {"name": "映" * 34}, {"name": "a\nb"},
     {"name": "default"}, {"name": "IFC-R18-objects"}],
    ids=str,
)  # fmt: skip
def test_settings_out_of_range_are_refused(change):
    ((name, _),) = change.items()
    with pytest.raises(ConfigError) as caught:
        FinetuneSettings("r1", **change)
    assert caught.value.name == name
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("run_id", ["", "../r", ".."])
def test_run_ids_stay_inside_the_project(run_id):
    with pytest.raises(ConfigError):
        FinetuneSettings(run_id)


def test_settings_survive_json():
    chosen = FinetuneSettings("r1", object_class="drop", minutes=2.5)
    assert FinetuneSettings.from_json(json.loads(json.dumps(chosen.to_json()))) == chosen


def test_results_are_json_values_and_names_are_left_alone():
    path = Path("/data/NaNotubes.ifcproj/models/NaNotubes-1.safetensors")
    score = HeldOutScore(0, float("nan"), -1.0, {"NaNoparticle": float("nan")})
    result = FinetuneResult(
        "NaNotubes-1", path, "00", "", "not enough to judge", False, score, score, None,
        float("inf"), 10, 1.0, (path,), {"project": "NaNotubes"},
    )  # fmt: skip
    told = json.loads(json.dumps(event_to_json(result), allow_nan=False))
    assert (told["name"], told["path"]) == ("NaNotubes-1", str(path))
    assert told["comparisons"] == [str(path)]
    assert told["provenance"] == {"project": "NaNotubes"}
    assert told["rehearsal_after"] is None
    plain = {
        "num_masks": 0, "mean_j": None, "ap": -1.0, "per_class": {"NaNoparticle": None},
        "left_out": [],
    }  # fmt: skip
    assert told["before"] == told["metrics"]["after"] == plain


@pytest.mark.parametrize(
    ("preset", "parent_side", "trained_at"),
    [("quick", 0, 224), ("quick", 216, 224), ("quick", 256, 256), ("quick", 2000, 316),
     ("balanced", 256, 320), ("balanced", 400, 400), ("thorough", 8192, 509)],
)  # fmt: skip
def test_a_preset_follows_a_parent_that_proposes_at_more_up_to_twice_the_pixels(
    preset, parent_side, trained_at
):
    settings = FinetuneSettings("r1", preset=preset)
    assert settings.load_preset(parent_side).short_side == trained_at
    assert FinetuneSettings("r1", preset, short_side=96).load_preset(parent_side).short_side == 96
