"""Where float32 was asked for, a GPU multiplies it exactly, outside of the runs' network too."""

from contextlib import contextmanager

import pytest

from ifc_core.inference import attention_query, clip_features, edge_refiner
from ifc_core.inference.attention_query import attention_at
from ifc_core.inference.clip_features import ClipFeatureCache
from ifc_core.inference.edge_refiner import EdgeRefiner
from ifc_core.inference.settings import ProposeSettings
from ifc_core.models.backbone import Backbone
from ifc_core.models.edge_network import EdgeNetwork


@pytest.fixture
def arithmetic(monkeypatch):
    """What the switches are at each moment: whether exact, on which device; ``None`` outside."""
    now = [None]

    @contextmanager
    def switched(device, exact):
        now[0] = (device.type, exact)
        yield
        now[0] = None

    for module in (attention_query, clip_features, edge_refiner):
        monkeypatch.setattr(module, "device_arithmetic", switched)
    return now


@pytest.fixture
def seen(arithmetic, monkeypatch):
    """What the switches were each time that a network worked."""
    found = []
    for owner, name in ((Backbone, "early_maps"), (EdgeNetwork, "forward")):
        original = getattr(owner, name)

        def noted(*given, original=original, **named):
            found.append(arithmetic[0])
            return original(*given, **named)

        monkeypatch.setattr(owner, name, noted)
    return found


def test_features_and_attention_are_exact(tiny_model, scene, frames_reader, seen):
    settings = ProposeSettings(clip_length=3)
    cache = ClipFeatureCache(tiny_model, frames_reader(scene), settings)
    cache.clip_of(4)
    cache.maps(4)
    attention_at(tiny_model, frames_reader(scene), 4, settings)
    assert seen == [("cpu", True)] * 3


def test_edges_are_exact_in_float32_and_quick_beside_low_precision(star, seen):
    network = EdgeNetwork().eval()
    EdgeRefiner(network).decide(star.logits[None], star.frame)
    assert set(seen) == {("cpu", True)}
    seen.clear()
    EdgeRefiner(network).for_run("bf16", []).decide(star.logits[None], star.frame)
    assert set(seen) == {None}
