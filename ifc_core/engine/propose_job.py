"""The ``propose`` job: a video, or frames that the client reads, to tracked masks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ifc_core.engine.model_cache import ModelCache
from ifc_core.engine.result_codec import encode_frame, encode_instances
from ifc_core.engine.server import ServerJob
from ifc_core.errors import ConfigError
from ifc_core.inference.results import FrameResult
from ifc_core.inference.run_checkpoint import RunCheckpoint
from ifc_core.inference.settings import ProposeSettings
from ifc_core.io.readable_frames import ReadableFrames
from ifc_core.io.video import open_video

if TYPE_CHECKING:
    from ifc_core.inference.predictor import VideoPrediction
    from ifc_core.inference.tiling import TiledPrediction

_ASKED_BYTES = 32 << 20
CHECKPOINT_SECONDS = 1.0
"""A run that is paused or cut off loses about this much work, and a frame."""

_CHECKPOINT_SHARE = 0.02  # of the time; with thousands of instances a checkpoint takes a while

Frame = tuple[int, npt.NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Source:
    """Frames of a run, in order.

    Attributes:
        frames: Frame index and (H, W, 3) uint8 RGB.
        num_frames: How many there will be.
        notice: A sentence about the input, or empty.
        readable: Knows which frames of a video turned out broken.
    """

    frames: Iterator[Frame]
    num_frames: int
    notice: str = ""
    readable: ReadableFrames | None = None

    def kept(self, frame: FrameResult) -> FrameResult:
        """What a run found on a frame, nothing where that is broken."""
        is_broken = self.readable is not None and frame.frame_index in self.readable.broken
        return replace(frame, masks=()) if is_broken else frame


def propose(params: dict[str, Any], job: ServerJob, models: ModelCache) -> dict[str, Any]:
    """Find and track instances.

    Args:
        params: ``settings`` (``ProposeSettings.to_json``); ``video`` (a path) or ``frames``
            (``count``, ``height``, ``width`` of frames that the client is asked for); at will
            ``start`` and ``stop`` (frames), ``models`` (folders searched for the model) and
            ``resume`` (the last ``checkpoint`` of a run that was stopped; all else as it was).
        job: Gets the events ``status`` (what comes first), ``categories`` (names), ``progress``,
            ``frame``, ``checkpoint`` (where the run stands, about every second: what a later
            ``resume`` needs once the frames before it are stored), ``notice`` (a sentence) and,
            at the end, ``instances``.
        models: Where models are kept.

    Returns:
        ``categories``, ``model_sha256``, ``num_frames`` (given out by this job), ``num_shots``
        (of the whole run), ``notices`` and ``seconds``.

    Raises:
        ConfigError: The run to go on with is of other weights or another version.
    """
    from ifc_core.inference.tiling import predict

    began = time.monotonic()
    next_checkpoint = began + CHECKPOINT_SECONDS
    settings = ProposeSettings.from_json(params.get("settings", {}))
    resume = read_resume(params)
    with ExitStack() as stack:
        source = open_source(params, settings, job, stack, resume)
        job.emit("status", "Loading the model")
        model = models.get(settings.model, settings.device, search_folders(params))
        _check_weights(resume, model.sha256)
        categories = [category.name for category in model.categories]
        job.emit("categories", categories)
        run = predict(
            model,
            source.frames,
            settings,
            job.context,
            num_frames=source.num_frames,
            resume=resume,
        )
        stack.callback(run.close)
        notices = [source.notice] if source.notice else []
        told = finished = 0
        for frame in run:
            job.emit("frame", encode_frame(source.kept(frame)))
            finished += 1
            if (now := time.monotonic()) >= next_checkpoint:
                emit_checkpoint(run, source, model.sha256, job)
                cost = time.monotonic() - now
                next_checkpoint = now + max(CHECKPOINT_SECONDS, cost / _CHECKPOINT_SHARE)
            notices += run.notices[len(notices) - bool(source.notice) :]
            for notice in notices[told:]:
                job.emit("notice", notice)
            told = len(notices)
        if source.readable is not None and source.readable.notice:
            notices.append(source.readable.notice)
            job.emit("notice", notices[-1])
        job.emit("instances", encode_instances(run.instances))
    return {
        "categories": categories,
        "model_sha256": model.sha256,
        "num_frames": finished,
        "num_shots": len(run.shot_starts),
        "notices": notices,
        "seconds": time.monotonic() - began,
    }


def search_folders(params: dict[str, Any]) -> tuple[Path, ...]:
    """Folders of models named in a request."""
    return tuple(Path(str(folder)) for folder in params.get("models", ()))


def read_resume(params: dict[str, Any]) -> RunCheckpoint | None:
    """The checkpoint that a request names."""
    values = params.get("resume")
    return None if values is None else RunCheckpoint.from_json(values)


def _check_weights(resume: RunCheckpoint | None, sha256: str) -> None:
    if resume is not None and resume.model_sha256 != sha256:
        raise ConfigError(
            "The stopped run used other weights than the model has now; discard it and propose "
            "again.",
            name="resume",
            value=resume.model_sha256,
        )


def emit_checkpoint(
    run: VideoPrediction | TiledPrediction, source: Source, sha256: str, job: ServerJob
) -> None:
    """Tell the client where a run stands."""
    checkpoint = run.checkpoint()
    if checkpoint is not None:
        broken = () if source.readable is None else tuple(sorted(source.readable.broken))
        known = replace(checkpoint, model_sha256=sha256, broken_frames=broken)
        job.emit("checkpoint", known.to_json())


def open_source(
    params: dict[str, Any],
    settings: ProposeSettings,
    job: ServerJob,
    stack: ExitStack,
    resume: RunCheckpoint | None = None,
) -> Source:
    """The frames that a request names.

    Args:
        params: ``video`` or ``frames``, ``start``, ``stop``; see :func:`propose`.
        settings: Its frame step is taken.
        job: Asked for frames that are in no file.
        stack: Closes the video.
        resume: Give the frames from its restart on; their number stays that of the whole run.

    Returns:
        The frames.

    Raises:
        VideoError: The video cannot be read.
        ConfigError: Nothing, or a part that does not exist, is named.
    """
    if "video" in params:
        reader = stack.enter_context(open_video(str(params["video"]), job.context))
        indices = _indices(params, settings, reader.video.num_frames)
        rest = _rest(indices, resume)
        frames = ReadableFrames(reader, rest.start, rest.stop, rest.step)
        if resume is not None:
            frames.broken.update(resume.broken_frames)  # the sentence at the end counts all
        return Source(frames, len(indices), reader.warning, frames)
    shape = params.get("frames")
    if not isinstance(shape, dict):
        raise ConfigError("A run needs a video or frames.", name="video", value=None)
    indices = _indices(params, settings, int(shape["count"]))
    frame_bytes = max(1, int(shape["height"]) * int(shape["width"]) * 3)
    batch = max(1, _ASKED_BYTES // frame_bytes)
    return Source(asked_frames(job, _rest(indices, resume), batch), len(indices))


def asked_frames(job: ServerJob, indices: range, batch: int) -> Iterator[Frame]:
    """Frames that the client reads, a few at a time, so that memory stays bounded.

    Args:
        job: The job of the client.
        indices: Which ones.
        batch: How many are asked for at once.

    Yields:
        Frame index and (H, W, 3) uint8 RGB.
    """
    for first in range(0, len(indices), batch):
        part = list(indices[first : first + batch])
        answer = job.ask("frames", {"indices": part})["frames"]
        yield from zip(part, answer, strict=True)


def _rest(indices: range, resume: RunCheckpoint | None) -> range:
    if resume is None:
        return indices
    return range(max(indices.start, resume.restart_frame), indices.stop, indices.step)


def _indices(params: dict[str, Any], settings: ProposeSettings, count: int) -> range:
    start, stop = int(params.get("start", 0)), int(params.get("stop") or count)
    if not 0 <= start < min(stop, count):
        raise ConfigError(
            f"The frames {start} to {stop} do not lie in a video of {count} frames.",
            name="start",
            value=start,
        )
    return range(start, min(stop, count), settings.frame_step)
