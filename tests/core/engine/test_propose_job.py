"""The real engine process on a model of toy size: what the window does, without a window."""

import json
import os
import shutil
import signal
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ifc_core.engine.client import EngineClient
from ifc_core.engine.propose_job import emit_checkpoint, open_source
from ifc_core.engine.protocol import JobEnd, JobEvent, JobStatus
from ifc_core.errors import CheckpointError, ConfigError, EngineError, VideoError
from ifc_core.inference.results import FrameResult, InstanceSummary
from ifc_core.inference.run_checkpoint import RunCheckpoint
from ifc_core.inference.settings import ProposeSettings
from ifc_core.jobs import Progress

WAIT = 120.0


@pytest.fixture
def settings(tiny_model_file: Path) -> dict[str, Any]:
    values = ProposeSettings(
        model=str(tiny_model_file),
        clip_length=3,
        device="cpu",
        precision="fp32",
        score_threshold=0.0,
    )
    return values.to_json()


def run(
    engine: EngineClient, params: dict[str, Any], **more: Any
) -> tuple[JobEnd, dict[str, list[Any]]]:
    """Run a job to its end and sort its events by name."""
    events: dict[str, list[Any]] = {}

    def collect(event: JobEvent | JobEnd) -> None:
        if isinstance(event, JobEvent):
            events.setdefault(event.name, []).append(event.data)

    end = engine.request("propose", params, collect, **more).wait(WAIT)
    return end, events


def expected(model_file: Path, frames: np.ndarray, settings: dict[str, Any]) -> list[FrameResult]:
    """The same run in this process."""
    from ifc_core.inference.predictor import predict_video
    from ifc_core.models.registry import load_model

    model = load_model(model_file)
    return list(predict_video(model, enumerate(frames), ProposeSettings.from_json(settings)))


def test_a_run_gives_what_the_predictor_gives(
    engine: EngineClient,
    tiny_model_file: Path,
    clip_folder: Path,
    clip_frames: np.ndarray,
    settings: dict[str, Any],
) -> None:
    end, events = run(engine, {"video": str(clip_folder), "settings": settings})
    assert end.status is JobStatus.SUCCEEDED, end.error
    assert (end.result["num_frames"], end.result["num_shots"]) == (9, 1)
    assert end.result["categories"] == ["cat", "dog", "fox"]
    assert events["categories"] == [["cat", "dog", "fox"]]
    assert [frame.frame_index for frame in events["frame"]] == list(range(9))
    wanted = expected(tiny_model_file, clip_frames, settings)
    for got, want in zip(events["frame"], wanted, strict=True):
        assert [m.instance_id for m in got.masks] == [m.instance_id for m in want.masks]
        for mask, other in zip(got.masks, want.masks, strict=True):
            assert mask.rle.iou(other.rle) > 0.98
            assert mask.score == pytest.approx(other.score, abs=1e-3)
    assert any(frame.masks for frame in events["frame"])
    (table,) = events["instances"]
    assert table
    assert all(isinstance(row, InstanceSummary) and len(row.class_probs) == 4 for row in table)
    assert all(isinstance(p, Progress) and p.total == 9 for p in events["progress"])


def test_frames_of_the_client_give_the_same_as_the_folder(
    engine: EngineClient, clip_folder: Path, clip_frames: np.ndarray, settings: dict[str, Any]
) -> None:
    shape = {"count": 9, "height": 48, "width": 80}
    _, from_client = run(
        engine, {"frames": shape, "settings": settings}, frames=lambda i: clip_frames[i]
    )
    _, from_file = run(engine, {"video": str(clip_folder), "settings": settings})
    assert from_client["frame"] == from_file["frame"]
    assert from_client["instances"] == from_file["instances"]


def test_a_part_of_the_video_and_a_frame_step(
    engine: EngineClient, clip_folder: Path, settings: dict[str, Any]
) -> None:
    params = {"video": str(clip_folder), "settings": settings | {"frame_step": 2}, "start": 1}
    _, events = run(engine, params | {"stop": 8})
    assert [frame.frame_index for frame in events["frame"]] == [1, 3, 5, 7]
    end, _ = run(engine, params | {"start": 9})
    assert isinstance(end.error, ConfigError)


def test_cancelling_in_the_middle_keeps_the_engine_and_its_model(
    engine: EngineClient, clip_frames: np.ndarray, settings: dict[str, Any]
) -> None:
    handles: list[Any] = []
    shape = {"count": 100_000, "height": 48, "width": 80}

    def stop_at_the_third(event: JobEvent | JobEnd) -> None:
        if isinstance(event, JobEvent) and event.name == "frame" and event.data.frame_index == 2:
            handles[0].cancel()

    engine.request("system").result(WAIT)  # it runs
    pid = engine.pid
    handles.append(
        engine.request(
            "propose",
            {"frames": shape, "settings": settings},
            stop_at_the_third,
            frames=lambda i: clip_frames[i % 9],
        )
    )
    assert handles[0].wait(WAIT).status is JobStatus.CANCELLED
    assert engine.pid == pid


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"video": "/no/such/clip.mp4"}, VideoError, "no file"),
        ({"settings": {"model": "no-such-model"}}, CheckpointError, "no-such-model"),
        ({"settings": {"clip_length": 0}}, ConfigError, "clip length"),
        ({"settings": {"colour": "red"}}, ConfigError, "colour"),
    ],
)
def test_bad_input_comes_back_as_its_own_error(
    engine: EngineClient,
    clip_folder: Path,
    settings: dict[str, Any],
    change: dict[str, Any],
    error: type[Exception],
    words: str,
) -> None:
    base = {"video": str(clip_folder), "settings": settings}
    merged = {
        key: {**base[key], **value} if key == "settings" else value for key, value in change.items()
    }
    end, events = run(engine, base | merged)
    assert end.status is JobStatus.FAILED
    assert type(end.error) is error
    assert words in str(end.error)
    assert "frame" not in events


def test_the_machine_is_described(engine: EngineClient) -> None:
    report = engine.request("system").result(WAIT)
    assert report["devices"][-1]["name"] == "cpu"
    assert report["memory"]["total"] > 1 << 28
    assert report["versions"]["torch"]
    assert report["threads"] == 1


def test_a_model_is_loaded_ahead_and_let_go(engine: EngineClient, tiny_model_file: Path) -> None:
    params = {"model": "tiny", "models": [str(tiny_model_file.parent)], "device": "cpu"}
    loaded = engine.request("load_model", params).result(WAIT)
    assert loaded["categories"] == ["cat", "dog", "fox"]
    assert loaded["num_parameters"] > 1000
    assert engine.request("unload").result(WAIT) == {}


def test_a_kill_in_the_middle_of_a_run_fails_it_and_the_next_run_works(
    engine: EngineClient, clip_frames: np.ndarray, clip_folder: Path, settings: dict[str, Any]
) -> None:
    def kill_at_the_second(event: JobEvent | JobEnd) -> None:
        if isinstance(event, JobEvent) and event.name == "frame" and event.data.frame_index == 1:
            assert engine.pid is not None
            os.kill(engine.pid, signal.SIGKILL)

    shape = {"count": 100_000, "height": 48, "width": 80}
    end = engine.request(
        "propose",
        {"frames": shape, "settings": settings},
        kill_at_the_second,
        frames=lambda i: clip_frames[i % 9],
    ).wait(WAIT)
    assert end.status is JobStatus.FAILED
    assert isinstance(end.error, EngineError)
    assert "SIGKILL" in str(end.error)
    again, events = run(engine, {"video": str(clip_folder), "settings": settings})
    assert again.status is JobStatus.SUCCEEDED
    assert len(events["frame"]) == 9


def test_a_run_is_estimated_before_it(
    engine: EngineClient, clip_folder: Path, settings: dict[str, Any]
) -> None:
    params = {"video": str(clip_folder), "settings": settings | {"frame_step": 2}}
    found = engine.request("estimate", params).result(WAIT)
    assert found["seconds"] > 0
    assert found["num_clips"] == 3
    assert found["memory_bytes"] > 1 << 16
    assert found["device"] == "cpu"


def test_broken_frames_are_passed_over_and_named(
    engine: EngineClient, clip_folder: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "square"
    shutil.copytree(clip_folder, folder)
    for broken in (0, 1, 4):
        (folder / f"{broken:05d}.png").write_bytes(b"no picture")
    end, events = run(engine, {"video": str(folder), "settings": settings})
    assert end.status is JobStatus.SUCCEEDED, end.error
    assert [frame.frame_index for frame in events["frame"]] == list(range(9))
    assert {frame.frame_index for frame in events["frame"] if not frame.masks} >= {0, 1, 4}
    assert any(frame.masks for frame in events["frame"])
    assert end.result["notices"][-1] == (
        "3 frames of square between 0 and 4 cannot be decoded; they got no masks."
    )
    assert end.result["notices"] == events["notice"]


def test_a_run_that_goes_on_counts_the_broken_frames_from_before_too(
    clip_folder: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "square"
    shutil.copytree(clip_folder, folder)
    for broken in (0, 1, 4):
        (folder / f"{broken:05d}.png").write_bytes(b"no picture")
    chosen = ProposeSettings.from_json(settings)
    told: list[dict[str, Any]] = []
    job = SimpleNamespace(context=None, emit=lambda name, data: told.append(data))
    stopped = RunCheckpoint(3, 3, 3, (0, 0, 0, 0), "fp32", None, None, None, 0, (), ())
    with ExitStack() as stack:
        params = {"video": str(folder)}
        source = open_source(params, chosen, job, stack)  # type: ignore[arg-type]
        for _ in range(3):
            next(source.frames)
        run = SimpleNamespace(checkpoint=lambda: stopped)
        emit_checkpoint(run, source, "0" * 64, job)  # type: ignore[arg-type]
        resume = RunCheckpoint.from_json(json.loads(json.dumps(told[-1])))
        rest = open_source(params, chosen, job, stack, resume)  # type: ignore[arg-type]
        assert [index for index, _ in rest.frames] == list(range(3, 9))
    assert rest.readable is not None
    assert "3 frames of square between 0 and 4" in rest.readable.notice
