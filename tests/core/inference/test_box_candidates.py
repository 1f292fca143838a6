"""What a box holds: what stands out by colour goes before the network's candidates."""

import numpy as np
import pytest

from ifc_core.inference import candidates
from ifc_core.inference.candidates import box_candidates

BOX = (40, 40, 62, 62)


class OneFrame:
    """A reader of one frame."""

    def __init__(self, frame):
        self.frame = frame

    def read(self, frame_index):
        return self.frame


@pytest.fixture(autouse=True)
def network(monkeypatch):
    """A network with one candidate for every box; masks by colour are not carried over a clip."""
    monkeypatch.setattr(candidates, "_fitting", lambda *_: [])
    monkeypatch.setattr(candidates, "_different", lambda *_: ["network"])
    monkeypatch.setattr(candidates, "FlowStore", lambda *_: None)
    monkeypatch.setattr(candidates, "_length", lambda cache: 1)
    monkeypatch.setattr(candidates, "_carried", lambda flows, index, rle, *_: rle)


def ground(sigma):
    noise = np.random.default_rng(0).normal(0, sigma, (100, 120, 1))
    yy, xx = np.mgrid[:100, :120]
    disc = np.hypot(yy - 51, xx - 51) < 8
    picture = 60 + 120 * disc[..., None] + noise
    return np.repeat(np.clip(picture, 0, 255).astype(np.uint8), 3, axis=2), disc


def test_a_cell_on_an_even_ground_goes_before_what_the_network_says():
    frame, disc = ground(4)
    first, second = box_candidates(OneFrame(frame), 0, BOX, cache=object(), limit=2)
    found = first.to_array() > 0
    assert (found & disc).sum() > 0.9 * (found | disc).sum()
    assert second == "network"


def test_elsewhere_the_network_goes_first():
    frame, _ = ground(45)
    found = box_candidates(OneFrame(frame), 0, BOX, cache=object(), limit=2)
    assert found[0] == "network"
    assert len(found) == 2
