"""An engine process with small handlers, for the tests of the protocol, server and client."""

import os
import signal
import sys
import time
from typing import Any

import numpy as np

from ifc_core.engine.server import ServerJob, main
from ifc_core.errors import CheckpointError

Params = dict[str, Any]


def echo(params: Params, job: ServerJob) -> Params:
    return params


def count(params: Params, job: ServerJob) -> Params:
    for done in range(1, params["steps"] + 1):
        job.context.advance(done, params["steps"], "counting")
    return {"done": params["steps"]}


def until_cancelled(params: Params, job: ServerJob) -> Params:
    job.emit("started", {})
    while True:
        job.context.raise_if_cancelled()
        time.sleep(0.005)


def deaf(params: Params, job: ServerJob) -> Params:
    """A step that nothing can interrupt."""
    job.emit("started", {})
    while True:
        time.sleep(1)


def die(params: Params, job: ServerJob) -> Params:
    job.emit("started", {})
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def _start_a_worker(job: ServerJob) -> None:
    worker = os.fork()
    if worker == 0:
        time.sleep(120)
        os._exit(0)
    job.emit("started", {"worker": worker})


def die_with_a_worker_left(params: Params, job: ServerJob) -> Params:
    _start_a_worker(job)
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def deaf_with_a_worker(params: Params, job: ServerJob) -> Params:
    """The same, with a process of its own."""
    _start_a_worker(job)
    while True:
        time.sleep(1)


def leave(params: Params, job: ServerJob) -> Params:
    job.emit("started", {})
    os._exit(params["status"])


def fail(params: Params, job: ServerJob) -> Params:
    if params["how"] == "ours":
        raise CheckpointError("These weights are odd.", path="/w/x.safetensors", missing=("a", "b"))
    if params["how"] == "memory":
        raise MemoryError
    raise ValueError("a number\nwent wrong")


def noise(params: Params, job: ServerJob) -> Params:
    print("noise from Python")  # noqa: T201
    os.write(1, b"noise from C\n")
    os.system("echo noise from a shell")  # noqa: S605
    sys.stdout.write("more noise\n")
    return {"stdin": sys.stdin.read() if params.get("read") else ""}


def double(params: Params, job: ServerJob) -> Params:
    """Arrays both ways: frames on request, an event and a result that hold arrays."""
    indices = params["indices"]
    frames = job.ask("frames", {"indices": indices})["frames"]
    job.emit("mean", {"mean": frames.mean(axis=(1, 2, 3))})
    return {"twice": frames.astype(np.int32) * 2, "empty": np.zeros((0, 3), np.float32)}


def flood_then_die(params: Params, job: ServerJob) -> Params:
    """Leave shared memory behind, made but never announced."""
    for _ in range(3):
        job._server.arrays.pack(np.ones(1000))
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def unsendable(params: Params, job: ServerJob) -> Params:
    return {"value": object()}


def system(params: Params, job: ServerJob) -> Params:
    return {"pid": os.getpid()}


HANDLERS = {
    handler.__name__: handler
    for handler in (
        echo,
        count,
        until_cancelled,
        deaf,
        deaf_with_a_worker,
        die,
        die_with_a_worker_left,
        leave,
        fail,
        noise,
        double,
        flood_then_die,
        unsendable,
        system,
    )
}

if __name__ == "__main__":
    sys.exit(main(HANDLERS))
