"""A correction spread by the real engine process."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from ifc_core.engine.client import EngineClient
from ifc_core.engine.protocol import JobEvent
from ifc_core.errors import ConfigError
from ifc_core.inference.correction import CorrectedMask, spread
from ifc_core.inference.settings import ProposeSettings
from ifc_core.io.video import open_video
from ifc_core.structures import RLEMask

WAIT = 120.0


@pytest.fixture
def mask(clip_frames: np.ndarray) -> RLEMask:
    array = np.zeros(clip_frames.shape[1:3], bool)
    array[8:30, 10:40] = True
    return RLEMask.from_array(array)


def test_masks_come_as_they_are_found(
    engine: EngineClient, clip_frames: np.ndarray, mask: RLEMask, tmp_path: Path
) -> None:
    # Upside down no other test has asked for it, so the engine keeps none of its flow yet.
    for number, frame in enumerate(clip_frames):
        cv2.imwrite(str(tmp_path / f"{number:05d}.png"), frame[::-1, :, ::-1])
    mask = RLEMask.from_array(mask.to_array()[::-1])
    params = {
        "video": str(tmp_path),
        "corrected": [{"frame_index": 2, "rle": mask.to_coco()}],
        "start": 1,
        "stop": 5,
    }
    events = []
    job = engine.request("spread", params, on_event=events.append)
    assert job.result(WAIT) == {"num_masks": 3, "used": ["colour", "flow"], "notices": []}
    masks = [e.data for e in events if isinstance(e, JobEvent) and e.name == "mask"]
    with open_video(tmp_path) as reader:
        expected = list(spread(reader, [CorrectedMask(2, mask)], range(1, 5)))
    assert [m["frame_index"] for m in masks] == [r.frame_index for r in expected] == [3, 4, 1]
    for found, wanted in zip(masks, expected, strict=True):
        assert found["rle"] == (None if wanted.rle is None else wanted.rle.to_coco())
        assert found["confidence"] == pytest.approx(wanted.confidence)


def test_the_network_may_have_its_say(
    engine: EngineClient, clip_folder: Path, tiny_model_file: Path, mask: RLEMask
) -> None:
    settings = ProposeSettings(model=str(tiny_model_file), clip_length=3, device="cpu")
    params = {
        "video": str(clip_folder),
        "corrected": [{"frame_index": 1, "rle": mask.to_coco()}],
        "start": 0,
        "stop": 3,
        "settings": settings.to_json(),
    }
    answer = engine.request("spread", params).result(WAIT)
    assert answer["num_masks"] == 2
    assert answer["used"][-2:] == ["colour", "flow"]  # the network only where it tells the object
    assert answer["notices"] == []


def test_scopes_skips_and_pixels_of_others(
    engine: EngineClient, clip_folder: Path, mask: RLEMask, clip_frames: np.ndarray
) -> None:
    other = np.zeros(clip_frames.shape[1:3], bool)
    other[:, :25] = True
    params = {
        "video": str(clip_folder),
        "corrected": [{"frame_index": 2, "rle": mask.to_coco()}],
        "fixed": [6],
        "skip": [1],
        "scope": "next",
        "frame_index": 2,
        "avoid": [{"frame_index": 3, "rle": RLEMask.from_array(other).to_coco()}],
    }
    events = []
    answer = engine.request("spread", params, on_event=events.append).result(WAIT)
    assert answer["num_masks"] == 4
    masks = [e.data for e in events if isinstance(e, JobEvent) and e.name == "mask"]
    assert [m["frame_index"] for m in masks] == [3, 4, 5, 0]
    first = masks[0]["rle"]
    assert first is None or not (RLEMask.from_coco(first).to_array() & other).any()


def test_a_damaged_frame_gets_no_mask_and_ends_nothing(
    engine: EngineClient, clip_folder: Path, mask: RLEMask, tmp_path: Path
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(clip_folder, folder)
    picture = folder / "00004.png"
    picture.write_bytes(picture.read_bytes()[:200])
    params = {
        "video": str(folder),
        "corrected": [{"frame_index": 2, "rle": mask.to_coco()}],
        "start": 2,
        "stop": 7,
    }
    for _ in range(2):  # the second time its picture is at hand
        events = []
        answer = engine.request("spread", params, on_event=events.append).result(WAIT)
        masks = [e.data for e in events if isinstance(e, JobEvent) and e.name == "mask"]
        assert [m["frame_index"] for m in masks] == [3, 5, 6]
        assert answer["num_masks"] == 3
        sentence = "Frame 4 of damaged cannot be decoded; it got no masks."
        assert answer["notices"] == [sentence]
        assert sentence in [e.data for e in events if isinstance(e, JobEvent)]


def test_a_gap_leaves_what_is_annotated(
    engine: EngineClient, clip_folder: Path, mask: RLEMask
) -> None:
    params = {
        "video": str(clip_folder),
        "corrected": [{"frame_index": 2, "rle": mask.to_coco()}],
        "scope": "gap",
        "frame_index": 2,
        "annotated": [1, 2, 5],
    }
    events = []
    assert engine.request("spread", params, on_event=events.append).result(WAIT)["num_masks"] == 2
    masks = [e.data for e in events if isinstance(e, JobEvent) and e.name == "mask"]
    assert [m["frame_index"] for m in masks] == [3, 4]


def test_a_missing_model_is_said_and_done_without(
    engine: EngineClient, clip_folder: Path, mask: RLEMask
) -> None:
    params = {
        "video": str(clip_folder),
        "corrected": [{"frame_index": 1, "rle": mask.to_coco()}],
        "scope": "clip",
        "frame_index": 1,
        "settings": ProposeSettings(model="nowhere", clip_length=3).to_json(),
    }
    answer = engine.request("spread", params).result(WAIT)
    assert answer["used"] == ["colour", "flow"]
    assert "nowhere" in answer["notices"][0]


def test_bad_settings_come_back_as_they_are(
    engine: EngineClient, clip_folder: Path, mask: RLEMask
) -> None:
    params = {
        "video": str(clip_folder),
        "corrected": [{"frame_index": 1, "rle": mask.to_coco()}],
        "start": 0,
        "stop": 3,
        "correct": {"method": "magic"},
    }
    with pytest.raises(ConfigError, match="magic"):
        engine.request("spread", params).result(WAIT)


@pytest.mark.parametrize("name", ["corrected", "avoid"])
def test_masks_of_another_size_are_refused(
    engine: EngineClient, clip_folder: Path, mask: RLEMask, name: str
) -> None:
    small = [{"frame_index": 1, "rle": RLEMask.from_array(np.ones((4, 6), bool)).to_coco()}]
    params = {
        "video": str(clip_folder),
        "corrected": [{"frame_index": 1, "rle": mask.to_coco()}],
        "start": 0,
        "stop": 3,
        name: small,
    }
    with pytest.raises(ConfigError, match="6 by 4 pixels does not fit a frame of 80 by 48"):
        engine.request("spread", params).result(WAIT)
