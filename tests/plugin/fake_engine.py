"""An engine that answers at once with made-up masks, through the real event types."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ifc_core.engine.protocol import JobEnd, JobEvent, JobStatus
from ifc_core.errors import EngineError
from ifc_core.inference.results import FrameMask, FrameResult, InstanceSummary
from ifc_core.jobs import Progress
from ifc_core.structures import RLEMask

SIZE = (48, 64)
NUM_FRAMES = 10

OnEvent = Callable[[JobEvent | JobEnd], None]


def disc(size: tuple[int, int], center: tuple[float, float], radius: float) -> RLEMask:
    """A disc around (row, column)."""
    rows, columns = np.ogrid[: size[0], : size[1]]
    inside = (rows - center[0]) ** 2 + (columns - center[1]) ** 2 <= radius**2
    return RLEMask.from_array(inside)


class FakeJob:
    """A run that waits for :meth:`FakeEngine.release` where it was told to."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.thread: threading.Thread | None = None

    def cancel(self) -> None:
        self.cancelled.set()


class FakeEngine:
    """Discs that move from left to right, one an instance.

    Args:
        size: (height, width) of the masks.
        num_frames: Frames of the run.
        num_instances: How many discs.
        pause_after: Frame after which the run waits for ``release`` or a cancel.
        error: The run fails with this sentence at its end.
    """

    def __init__(
        self,
        size: tuple[int, int],
        num_frames: int,
        *,
        num_instances: int = 2,
        pause_after: int | None = None,
        error: str = "",
    ) -> None:
        self.size = size
        self.num_frames = num_frames
        self.num_instances = num_instances
        self.pause_after = pause_after
        self.error = error
        self.num_shots = 1
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.jobs: list[FakeJob] = []
        self.closed = False
        self._go = threading.Event()
        self._answers = dict.fromkeys(("candidates", "box", "scribble"), self._answer)
        self.answer: dict[str, Any] = {}
        self.lost_at: int | None = None  # a propagation that goes on loses its object here
        self.astray: RLEMask | None = None  # and takes this for it farther on

    def release(self) -> None:
        """Let a waiting run go on."""
        self._go.set()

    def request(
        self,
        kind: str,
        params: Mapping[str, Any] | None = None,
        on_event: OnEvent | None = None,
        *,
        frames: Callable[[int], Any] | None = None,
    ) -> FakeJob:
        assert not self.closed
        assert on_event is not None
        self.requests.append((kind, dict(params or {})))
        job = FakeJob()
        self.jobs.append(job)
        number = len(self.jobs)
        known = {"propose": self._run, "spread": self._spread, **self._answers}
        work = known.get(kind, self._describe)
        job.thread = threading.Thread(
            target=work, args=(number, job, on_event), name="fake-engine", daemon=True
        )
        job.thread.start()
        return job

    def close(self, timeout_seconds: float = 10.0) -> None:
        self.closed = True
        self.end_jobs()

    def end_jobs(self) -> None:
        """Have all jobs end, and wait for it."""
        self._go.set()
        for job in self.jobs:
            job.cancel()
            if job.thread is not None:
                job.thread.join()

    def mask(self, instance: int, frame_index: int) -> RLEMask:
        """The disc of an instance on a frame."""
        height, width = self.size
        row = height * (instance + 1) / (self.num_instances + 1)
        column = width * (frame_index + 1) / (self.num_frames + 1)
        return disc(self.size, (row, column), min(self.size) / (2.5 * (self.num_instances + 1)))

    def _describe(self, number: int, job: FakeJob, tell: OnEvent) -> None:
        devices = [{"name": "cuda:0"}, {"name": "cpu"}]
        facts = {"devices": devices, "seconds": 75.0, "memory_bytes": 6e8, "device": "cpu"}
        tell(JobEnd(number, JobStatus.SUCCEEDED, facts))

    def _answer(self, number: int, job: FakeJob, tell: OnEvent) -> None:
        """What ``answer`` was set to; the error if there is one."""
        if self.error:
            tell(JobEnd(number, JobStatus.FAILED, {}, EngineError(self.error)))
        else:
            tell(JobEnd(number, JobStatus.SUCCEEDED, self.answer))

    def _spread(self, number: int, job: FakeJob, tell: OnEvent) -> None:
        """Copies of the nearest correction, less sure with each frame; absent from 8 on."""
        params = self.requests[number - 1][1]
        known = {c["frame_index"]: c["rle"] for c in params["corrected"]}
        skip = {*known, *params["fixed"], *params["skip"]}
        wanted = [f for f in range(params["start"], params["stop"]) if f not in skip]
        for count, frame_index in enumerate(wanted):
            if job.cancelled.is_set():
                tell(JobEnd(number, JobStatus.CANCELLED, {}))
                return
            near = min(known, key=lambda f: abs(f - frame_index))
            rle = known[near] if frame_index < 8 else None
            confidence = round(1 - 0.1 * abs(frame_index - near), 3)
            if self.lost_at is not None and near < self.lost_at <= frame_index:
                is_astray = self.astray is not None and frame_index > self.lost_at
                rle, confidence = self.astray.to_coco() if is_astray else None, 0.3
            found = {"frame_index": frame_index, "rle": rle, "confidence": confidence}
            tell(JobEvent(number, "mask", found))
            left = float(len(wanted) - count)
            tell(JobEvent(number, "progress", Progress(count, len(wanted), "", 1.0, left)))
            if count == self.pause_after:
                while not (self._go.wait(0.01) or job.cancelled.is_set()):
                    pass
        if self.error:
            tell(JobEnd(number, JobStatus.FAILED, {}, EngineError(self.error)))
            return
        tell(JobEnd(number, JobStatus.SUCCEEDED, {"num_masks": len(wanted)}))

    def _score(self, instance: int) -> float:
        return round(0.9 - 0.1 * instance, 3)

    def _run(self, number: int, job: FakeJob, tell: OnEvent) -> None:
        tell(JobEvent(number, "status", "Loading the model"))
        tell(JobEvent(number, "categories", ["object"]))
        resume = self.requests[number - 1][1].get("resume", {})
        for frame_index in range(resume.get("next_position", 0), self.num_frames):
            if job.cancelled.is_set():
                tell(JobEnd(number, JobStatus.CANCELLED, {}))
                return
            masks = tuple(
                FrameMask(i, self.mask(i, frame_index), 0.1, 0.8, self._score(i), 0)
                for i in range(self.num_instances)
            )
            tell(JobEvent(number, "frame", FrameResult(frame_index, masks)))
            done = frame_index + 1
            left = float(self.num_frames - done)
            progress = Progress(done, self.num_frames, "Proposing tracks", float(done), left)
            tell(JobEvent(number, "progress", progress))
            tell(JobEvent(number, "checkpoint", {"next_position": done}))
            if frame_index == self.pause_after:
                while not (self._go.wait(0.01) or job.cancelled.is_set()):
                    pass
        if self.error:
            tell(JobEnd(number, JobStatus.FAILED, {}, EngineError(self.error)))
            return
        instances = tuple(
            InstanceSummary(
                i,
                (self._score(i), 1 - self._score(i)),
                self._score(i),
                0,
                0,
                self.num_frames - 1,
                self.num_frames,
            )
            for i in range(self.num_instances)
        )
        tell(JobEvent(number, "instances", instances))
        facts = {"categories": ["object"], "num_shots": self.num_shots}
        tell(JobEnd(number, JobStatus.SUCCEEDED, facts))
