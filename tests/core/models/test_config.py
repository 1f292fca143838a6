import dataclasses

import pytest

from ifc_core.errors import ConfigError
from ifc_core.models.config import IFCConfig, preset_names


def test_defaults_are_the_published_r50():
    assert IFCConfig() == IFCConfig.preset("ifc-r50")


@pytest.mark.parametrize("name", preset_names())
def test_presets_survive_json(name):
    config = IFCConfig.preset(name)
    assert IFCConfig.from_dict(config.to_dict()) == config


def test_preset_with_changes():
    assert IFCConfig.preset("tiny", num_classes=7).num_classes == 7


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_classes", 0),
        ("num_classes", True),
        ("num_classes", 2.0),
        ("num_memory_tokens", 33),
        ("hidden_dim", 48),
        ("hidden_dim", 10**9),
        ("num_heads", 3),
        ("encoder", "vistr"),
        ("backbone", "resnet152"),
        ("dropout", 1.0),
        ("mask_logit_scale", float("nan")),
        ("pixel_std", (1.0, 0.0, 1.0)),
        ("pixel_mean", (1.0, 2.0)),
        ("pixel_mean", "abc"),
        ("pixel_mean", (10**400, 1.0, 1.0)),
        ("dropout", 10**400),
        ("mask_logit_scale", 10**400),
        ("mask_logit_scale", 10**30),
        ("pixel_mean", (0.0, 1e308, 0.0)),
        ("pixel_std", (1.0, 1.0, 10**30)),
        ("frozen_batch_norm", 1),
    ],
)
def test_wrong_values_are_named(name, value):
    with pytest.raises(ConfigError, match=name) as caught:
        IFCConfig(**{name: value})
    assert caught.value.name == name


def test_combinations_that_do_not_exist():
    with pytest.raises(ConfigError, match="stride_in_1x1"):
        IFCConfig(backbone="resnet18", stride_in_1x1=True)
    with pytest.raises(ConfigError, match="base_width"):
        IFCConfig(backbone="resnet50", base_width=32)


def test_unknown_names():
    with pytest.raises(ConfigError, match="num_tokens"):
        IFCConfig.from_dict({"num_tokens": 3})
    with pytest.raises(ConfigError, match="preset"):
        IFCConfig.preset("ifc-r51")


def test_memory_tokens_count_for_the_ifc_encoder_only():
    assert IFCConfig().memory_tokens == 8
    assert dataclasses.replace(IFCConfig(), encoder="full").memory_tokens == 0
