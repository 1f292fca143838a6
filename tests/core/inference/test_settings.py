"""Settings: ranges, and the way through JSON."""

import json

import pytest

from ifc_core.errors import ConfigError
from ifc_core.inference.settings import ProposeSettings


def test_settings_survive_json():
    settings = ProposeSettings(
        model="mine",
        clip_length=10,
        clip_stride=5,
        short_side=480,
        duplicate_iou=0.6,
        continuation_score=0.05,
        lookahead=16,
        edges="fast",
        region_xywh=(1, 2, 30, 40),
    )
    again = ProposeSettings.from_json(json.loads(json.dumps(settings.to_json())))
    assert again == settings


def test_left_out_keys_take_their_default():
    assert ProposeSettings.from_json({"clip_length": 7}) == ProposeSettings(clip_length=7)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("clip_length", 0),
        ("clip_length", 2.5),
        ("clip_stride", 6),
        ("frame_step", -1),
        ("frame_step", True),
        ("short_side", 8),
        ("max_long_side", 10**6),
        ("score_threshold", 1.5),
        ("score_threshold", float("nan")),
        ("duplicate_iou", 0.0),
        ("duplicate_iou", 1.01),
        ("duplicate_iou", float("nan")),
        ("duplicate_iou", True),
        ("continuation_score", -0.1),
        ("continuation_score", 1.01),
        ("continuation_score", float("nan")),
        ("lookahead", -1),
        ("lookahead", 201),
        ("lookahead", 2.5),
        ("lookahead", True),
        ("edges", "sharp"),
        ("edges", ["best"]),
        ("edges", True),
        ("precision", "fp8"),
        ("device", "tpu"),
        ("device", "cpu:0"),
        ("device", "cuda:x"),
        ("region_xywh", (0, 0, 4, 40)),
        ("region_xywh", (-1, 0, 40, 40)),
        ("region_xywh", (0, 0, 40)),
        ("colour", "red"),
    ],
)
def test_bad_values_are_named(name, value):
    with pytest.raises(ConfigError) as caught:
        ProposeSettings.from_json({name: value})
    assert caught.value.name == name
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:1", "mps"])
def test_devices(device):
    assert ProposeSettings(device=device).device == device


def test_a_wrong_type_is_a_config_error():
    with pytest.raises(ConfigError):
        ProposeSettings.from_json({"short_side": "wide"})
