"""Where training clips come from: any clip is a pure function of a seed and a number."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from ifc_core.data.sample import ClipSample

Batch = TypeVar("Batch")


@dataclass(frozen=True, slots=True)
class ClipRequest:
    """One clip that a training run asks for.

    Attributes:
        index: Number of the sample in the run, from 0.
        num_frames: T.
        height: Wanted height in pixels; sources of real video may fit another size to it.
        width: Wanted width in pixels.
        difficulty: Of generated clips; other sources ignore it.
    """

    index: int
    num_frames: int
    height: int
    width: int
    difficulty: str = "medium"


class ClipSource(Protocol):
    """Gives the clip for a request; equal requests give equal clips, in any process.

    A source is sent to worker processes once, so it must be picklable.
    """

    def __call__(self, request: ClipRequest) -> ClipSample:
        """Render or read the clip.

        Args:
            request: What is wanted.

        Returns:
            A clip of ``request.num_frames`` frames.
        """
        ...


def sample_seed(seed: int, index: int) -> int:
    """A 63-bit seed for sample ``index`` of a run; neighbours are unrelated."""
    state = np.random.SeedSequence((seed, index)).generate_state(2, np.uint32)
    return (int(state[0]) << 31) ^ int(state[1])


def sample_generator(seed: int, index: int) -> np.random.Generator:
    """A random generator for sample ``index`` of a run."""
    return np.random.default_rng((seed, index))


@dataclass(frozen=True, slots=True)
class MixedSource:
    """Draws each sample from one of several sources.

    Attributes:
        seed: Of the draw.
        sources: At least one.
        shares: Relative frequency of each.
    """

    seed: int
    sources: tuple[ClipSource, ...]
    shares: tuple[float, ...]

    def __call__(self, request: ClipRequest) -> ClipSample:
        """The clip of the source that is drawn for ``request.index``."""
        shares = np.asarray(self.shares, dtype=np.float64)
        generator = sample_generator(self.seed, request.index)
        chosen = int(generator.choice(len(self.sources), p=shares / shares.sum()))
        return self.sources[chosen](request)


class _RequestDataset(Dataset[ClipSample]):
    """Answers the requests that the batch sampler hands over as keys."""

    def __init__(self, source: ClipSource) -> None:
        self._source = source

    def __getitem__(self, request: ClipRequest) -> ClipSample:
        return self._source(request)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Processes forked meanwhile use one thread of OpenCV: there are many of them.

    It has to be said before they are forked: a child cannot end the threads of its parent, and
    would wait for them for ever.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def load_batches(
    source: ClipSource,
    requests: Sequence[Sequence[ClipRequest]],
    collate: Callable[[Sequence[ClipSample]], Batch],
    *,
    num_workers: int = 0,
    prefetch: int = 2,
    pinned: bool = False,
) -> Iterator[Batch]:
    """Render batches ahead of their use.

    Args:
        source: Of the clips.
        requests: For each batch its clips; a lazy sequence is read as the work goes on.
        collate: Makes a batch of clips.
        num_workers: Worker processes; 0 renders in this one.
        prefetch: Batches that each worker prepares ahead.
        pinned: Whether batches lie in memory that a GPU can fetch from by itself.

    Yields:
        The batches in order.
    """
    loader: DataLoader[ClipSample] = DataLoader(
        _RequestDataset(source),
        batch_sampler=requests,  # type: ignore[arg-type]  # keys are requests, not numbers
        num_workers=num_workers,
        collate_fn=collate,
        prefetch_factor=prefetch if num_workers else None,
        pin_memory=pinned,
        generator=torch.Generator(),  # else a loader draws its base seed from the global one
    )
    with one_thread_each():
        batches = iter(loader)  # workers start here
    yield from batches
