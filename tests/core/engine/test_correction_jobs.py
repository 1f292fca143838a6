"""Clicks, boxes and scribbles as jobs of a real engine, with and without a network."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ifc_core.engine.client import EngineClient
from ifc_core.engine.protocol import JobEvent
from ifc_core.errors import ConfigError
from ifc_core.inference.settings import ProposeSettings
from ifc_core.structures import RLEMask

WAIT = 300.0
FRAME = 3
CENTER = (28.0, 22.0)  # of the square on that frame


@pytest.fixture
def truth() -> np.ndarray:
    mask = np.zeros((48, 80), bool)
    mask[12:32, 6 * FRAME : 6 * FRAME + 20] = True
    return mask


def array(value: dict[str, Any]) -> np.ndarray:
    return RLEMask.from_coco(value).to_array()


def iou(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / (first | second).sum())


def network(model: Path) -> dict[str, Any]:
    return ProposeSettings(model=str(model), clip_length=3, device="cpu").to_json()


def test_a_click_without_a_model(
    engine: EngineClient, clip_folder: Path, truth: np.ndarray
) -> None:
    params = {"video": str(clip_folder), "frame_index": FRAME, "point_xy": list(CENTER)}
    answer = engine.request("candidates", params).result(WAIT)
    assert answer["used"] == ["colour", "flow"]
    assert answer["notices"] == []
    best = 0.0
    for candidate in answer["candidates"]:
        assert candidate["source"] == "colour"
        assert [m["frame_index"] for m in candidate["masks"]] == [0, 1, 2, 3, 4]
        best = max(best, iou(array(candidate["masks"][FRAME]["rle"]), truth))
    assert best > 0.8


def test_a_click_asks_the_network_that_never_ran(
    engine: EngineClient, clip_folder: Path, tiny_model_file: Path
) -> None:
    params = {
        "video": str(clip_folder),
        "frame_index": FRAME,
        "point_xy": list(CENTER),
        "settings": network(tiny_model_file),
        "limit": 4,
    }
    answer = engine.request("candidates", params).result(WAIT)
    sources = [c["source"] for c in answer["candidates"]]
    assert 1 <= len(sources) <= 4
    assert sources == sorted(sources, reverse=True)  # the network's come first
    for candidate in answer["candidates"]:
        assert [m["frame_index"] for m in candidate["masks"]] == [2, 3, 4]
        if candidate["source"] == "network":
            assert candidate["category"] in ("cat", "dog", "fox")
            shown = array(candidate["masks"][1]["rle"])
            assert shown[int(CENTER[1]) - 4 : int(CENTER[1]) + 4].any()


def test_a_missing_model_is_said_and_done_without(engine: EngineClient, clip_folder: Path) -> None:
    params = {
        "video": str(clip_folder),
        "frame_index": FRAME,
        "point_xy": list(CENTER),
        "settings": ProposeSettings(model="nowhere", device="cpu").to_json(),
    }
    answer = engine.request("candidates", params).result(WAIT)
    assert answer["used"] == ["colour", "flow"]
    assert len(answer["notices"]) == 1
    assert "nowhere" in answer["notices"][0]


def test_a_box(engine: EngineClient, clip_folder: Path, truth: np.ndarray) -> None:
    x = 6 * FRAME
    params = {
        "video": str(clip_folder),
        "frame_index": FRAME,
        "box_xyxy": [x - 2, 10, x + 22, 34],
    }
    answer = engine.request("box", params).result(WAIT)
    assert iou(array(answer["rle"]), truth) > 0.8
    assert answer["used"] == ["colour", "flow"]
    assert len(answer["masks"]) == 5
    del params["box_xyxy"]
    with pytest.raises(ConfigError, match="box"):
        engine.request("box", params).result(WAIT)


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("box", {"box_xyxy": [math.nan, 10, 40, 34]}),
        ("box", {"box_xyxy": [10, 10, math.inf, 34]}),
        ("box", {"box_xyxy": [10, 10, 40]}),
        ("candidates", {"point_xy": [math.nan, 10]}),
        ("candidates", {"point_xy": "no"}),
        ("scribble", {"positive": [{"points_xy": [[math.nan, 20]]}]}),
        ("scribble", {"positive": [{"points_xy": [[10, 20]], "radius_px": math.nan}]}),
    ],
)
def test_what_is_no_place_on_the_frame(
    engine: EngineClient, clip_folder: Path, kind: str, asked: dict[str, Any]
) -> None:
    params = {"video": str(clip_folder), "frame_index": FRAME, **asked}
    with pytest.raises(ConfigError, match="of pixels"):
        engine.request(kind, params).result(WAIT)


def test_scribbles(
    engine: EngineClient, clip_folder: Path, tiny_model_file: Path, truth: np.ndarray
) -> None:
    x = 6 * FRAME
    beside = np.zeros((48, 80), bool)
    beside[40:44, 10:70] = True
    params: dict[str, Any] = {
        "video": str(clip_folder),
        "frame_index": FRAME,
        "positive": [{"points_xy": [[x + 5, 20], [x + 15, 24]], "radius_px": 2}],
        "negative": [{"rle": RLEMask.from_array(beside).to_coco()}],
    }
    answer = engine.request("scribble", params).result(WAIT)
    assert answer["used"] == ["colour"]
    assert iou(array(answer["rle"]), truth) > 0.8
    half = truth.copy()
    half[22:] = False
    params |= {"mask": RLEMask.from_array(half).to_coco(), "settings": network(tiny_model_file)}
    answer = engine.request("scribble", params).result(WAIT)
    assert answer["used"] == ["network", "colour"]
    assert iou(array(answer["rle"]), truth) > iou(half, truth)
    wrong = RLEMask.from_array(np.ones((4, 4), bool)).to_coco()
    with pytest.raises(ConfigError, match="does not fit"):
        engine.request("scribble", {**params, "mask": wrong}).result(WAIT)


def test_frames_that_only_the_client_has(
    engine: EngineClient, clip_frames: np.ndarray, truth: np.ndarray
) -> None:
    asked: list[int] = []

    def frame_at(index: int) -> np.ndarray:
        asked.append(index)
        return clip_frames[index]

    params = {
        "frames": {"count": 9, "height": 48, "width": 80, "key": "layer"},
        "corrected": [{"frame_index": FRAME, "rle": RLEMask.from_array(truth).to_coco()}],
        "scope": "clip",
        "frame_index": FRAME,
    }
    events: list[Any] = []
    job = engine.request("spread", params, on_event=events.append, frames=frame_at)
    assert job.result(WAIT)["num_masks"] == 4
    assert set(asked) == {0, 1, 2, 3, 4}
    masks = [e.data for e in events if isinstance(e, JobEvent) and e.name == "mask"]
    assert [m["frame_index"] for m in masks] == [4, 2, 1, 0]
