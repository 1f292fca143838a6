"""Attention rows of a frame, asked of the real engine process."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ifc_core import cli
from ifc_core.engine.client import EngineClient
from ifc_core.engine.result_codec import decode_attention
from ifc_core.errors import VideoError
from ifc_core.inference.settings import ProposeSettings

WAIT = 120.0


def _params(model: Path, clip: Path, frame_index: int, **settings: Any) -> dict[str, Any]:
    chosen = ProposeSettings(model=str(model), clip_length=3, device="cpu", **settings)
    return {"video": str(clip), "frame_index": frame_index, "settings": chosen.to_json()}


def test_the_rows_are_those_of_the_clip_that_centres_the_frame(
    engine: EngineClient, tiny_model_file: Path, clip_folder: Path, clip_frames: np.ndarray
) -> None:
    from ifc_core.models.attention import attend_clip
    from ifc_core.models.registry import load_model

    params = _params(tiny_model_file, clip_folder, 3, short_side=48)
    found = decode_attention(engine.request("attention", params).result(WAIT))
    assert found.frame_index == 3
    assert found.prediction.frame_indices.tolist() == [2, 3, 4]
    assert found.position == 1
    _, wanted = attend_clip(load_model(tiny_model_file), clip_frames[2:5])
    for name in ("encode_receive", "gather_communicate", "decoder"):
        for got, want in zip(getattr(found.attention, name), getattr(wanted, name), strict=True):
            np.testing.assert_allclose(got, want, atol=2e-5)
            np.testing.assert_allclose(got.sum(-1), 1, atol=1e-5)


def test_with_a_frame_step_the_clip_keeps_the_step_and_holds_the_frame(
    engine: EngineClient, tiny_model_file: Path, clip_folder: Path
) -> None:
    params = _params(tiny_model_file, clip_folder, 7, frame_step=3)
    found = decode_attention(engine.request("attention", params).result(WAIT))
    assert found.frame_index == 7
    assert found.prediction.frame_indices.tolist() == [1, 4, 7]
    assert found.position == 2


def test_a_missing_video_is_said_in_one_sentence(
    engine: EngineClient, tiny_model_file: Path, tmp_path: Path
) -> None:
    params = _params(tiny_model_file, tmp_path / "none.mp4", 0)
    with pytest.raises(VideoError, match=r"none\.mp4"):
        engine.request("attention", params).result(WAIT)


def test_a_broken_frame_of_the_clip_is_stood_in_for(
    engine: EngineClient, tiny_model_file: Path, clip_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(clip_folder, tmp_path / "broken"))
    (folder / "00004.png").write_bytes(b"no picture")
    params = _params(tiny_model_file, folder, 3)
    found = decode_attention(engine.request("attention", params).result(WAIT))
    assert found.prediction.frame_indices.tolist() == [2, 3, 4]
    with pytest.raises(VideoError, match=r"00004\.png"):  # nothing can be said of that frame
        engine.request("attention", params | {"frame_index": 4}).result(WAIT)
    words = [
        "--model",
        str(tiny_model_file),
        "--device",
        "cpu",
        "--clip-length",
        "3",
        "--token",
        "0",
    ]
    words = ["attention", str(folder), "-o", str(tmp_path / "out"), *words, "--frame"]
    assert cli.main([*words, "3"]) == 0
    assert cli.main([*words, "4"]) == 2
