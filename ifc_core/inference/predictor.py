"""From frames to tracks, streaming: ``predict_video``."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ifc_core.errors import ConfigError
from ifc_core.inference.clip_plan import of_one_length
from ifc_core.inference.clip_runner import CachedFrame, PendingClips
from ifc_core.inference.device_input import FrameBatchOnDevice, FrameSender
from ifc_core.inference.device_memory import plain_memory_errors
from ifc_core.inference.frame_checks import checked_frames
from ifc_core.inference.frame_input import cut_region, resize_frames
from ifc_core.inference.frame_masks import FrameMasks, in_batches
from ifc_core.inference.instance_table import InstanceTable
from ifc_core.inference.read_ahead import read_ahead
from ifc_core.inference.refined_frames import FinishedMasks
from ifc_core.inference.results import EncodedMask, FrameMask, FrameResult, InstanceSummary
from ifc_core.inference.run_checkpoint import HeldClip, RunCheckpoint
from ifc_core.inference.run_setup import (
    BATCHES_AHEAD,
    PreparedModel,
    batch_for,
    clip_linker_for,
    clip_runner_for,
    edges_for,
    input_size_for,
    precision_to_go_on,
    prepare_model,
    score_threshold_for,
)
from ifc_core.inference.run_windows import RunWindows
from ifc_core.inference.settings import ProposeSettings
from ifc_core.inference.shot_watch import FRAMES_BEFORE, MarkedFrames, ShotWatch
from ifc_core.jobs import JobContext
from ifc_core.models.ifc import IFC
from ifc_core.tracking.reidentification import Reidentifier
from ifc_core.tracking.video_tracker import ClipAssignment, TrackedFrame, VideoTracker

Frame = tuple[int, npt.NDArray[np.uint8]]
"""(frame index in the video, (H, W, 3) uint8 RGB)."""

_Result = TypeVar("_Result")

_ENCODED_AT_ONCE = 8  # frames between two looks at whether the run was cancelled


def predict_video(
    model: IFC,
    frames: Iterable[Frame],
    settings: ProposeSettings,
    context: JobContext | None = None,
    *,
    num_frames: int | None = None,
    output_size: tuple[int, int] | None = None,
    resume: RunCheckpoint | None = None,
    low_delay: bool = False,
    prepared: PreparedModel | None = None,
) -> VideoPrediction:
    """Find and track the instances of a video, in memory that does not grow with its length.

    Args:
        model: The network on its device; it is not changed.
        frames: Frames in ascending order; every ``settings.frame_step``-th counted from the
            first one's index is used, so they may come stepped already. Any iterable will do: a
            file, a camera, a pipe. It is read as far ahead as a clip needs.
        settings: What the person chose.
        context: Progress goes to it (in frames finished), and it can cancel within one clip.
        num_frames: Frames that ``frames`` will give after the frame step, if known.
        output_size: (height, width) of the masks; by default that of the frames.
        resume: Where an earlier run with the same settings stood; ``frames`` then begin with its
            ``restart_frame``, and frames that it gave out are not given again.
        low_delay: Work on each frame as it comes, in batches of one on a GPU too, and decide
            identities on each clip at once where the settings say nothing of it.
        prepared: The model's fast copy where there is one already; see ``prepare_model``.

    Returns:
        An iterator over finished frames (every frame that was looked at, in order, those
        without a mask too), which knows the table of instances.

    Raises:
        JobCancelled: While iterating, when the context was asked to stop.
        ConfigError: The region does not lie in the frame, or the settings ask for tiles.
        InputError: A frame is of another kind or size, or comes out of order.
        DeviceMemoryError: Not even the smallest fallback fits.
    """
    if settings.tiles:
        sentence = "Tiles go through ifc_core.inference.tiling.predict, which takes the same words."
        raise ConfigError(sentence, name="tiles", value=settings.tiles)
    return VideoPrediction(
        model,
        frames,
        settings,
        context or JobContext(),
        num_frames,
        output_size,
        resume,
        batch=batch_for(model, low_delay=low_delay),
        prepared=prepared,
        low_delay=low_delay,
    )


@dataclass(frozen=True, slots=True)
class _Begun:
    """A batch that the device works on: its clips, and where frames are settled after it."""

    pending: list[PendingClips]
    settled: int


class VideoPrediction(Iterator[FrameResult]):
    """A run in progress: iterate it for finished frames, then read :attr:`instances`.

    Made by :func:`predict_video`.
    """

    def __init__(
        self,
        model: IFC,
        frames: Iterable[Frame],
        settings: ProposeSettings,
        context: JobContext,
        num_frames: int | None,
        output_size: tuple[int, int] | None,
        resume: RunCheckpoint | None = None,
        batch: int = 1,
        prepared: PreparedModel | None = None,
        *,
        low_delay: bool = False,
    ) -> None:
        self._settings = settings
        self._context = context
        self._num_frames = num_frames
        self._output_size = output_size
        self._input_size = input_size_for(model, settings)
        self._score_threshold = score_threshold_for(model, settings)
        self._windows = RunWindows(settings)
        self._watch = ShotWatch(settings.shot_cuts, settings.frame_step)
        self._tracker = VideoTracker(
            self._windows.clip_length,
            reidentifier=Reidentifier() if settings.reidentify else None,
        )
        self._table = InstanceTable(self._tracker)
        self._linker = clip_linker_for(model, settings, self._tracker, low_delay=low_delay)
        self._runner = clip_runner_for(model, settings, batch)
        self._masks = FrameMasks(
            edges_for(model, settings), settings.region_xywh, model.device, low_delay=low_delay
        )
        self._batch = batch
        self._prepared = prepared
        self._cached: dict[int, CachedFrame] = {}  # position -> frame
        self._index_of: dict[int, int] = {}  # position -> frame index in the video
        self._finished = 0  # positions given out, those of an earlier part of the run too
        self._precision = settings.precision
        is_known = isinstance(frames, MarkedFrames)  # whoever marked them has looked at them
        self._steps = self._run(frames if is_known else checked_frames(frames), resume)

    def __iter__(self) -> Iterator[FrameResult]:
        return self

    def __next__(self) -> FrameResult:
        with plain_memory_errors(self._runner.model.device):
            return next(self._steps)

    def close(self) -> None:
        """Stop early and let go of the frames."""
        self._steps.close()
        self._cached.clear()

    @property
    def instances(self) -> tuple[InstanceSummary, ...]:
        """Instances whose certainty is over the score threshold.

        So far while the run goes on, final at its end. An instance that some frame holds and
        that is not in the final table stayed under the threshold: drop its masks.
        """
        return self._table.found(self._score_threshold)

    def is_certain(self, instance_id: int) -> bool:
        """Whether an instance that some frame holds is over the score threshold, so far."""
        return self._table.certainty(instance_id) >= self._score_threshold

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences for the person, such as a smaller resolution for want of memory."""
        return tuple(self._runner.notices)

    @property
    def shot_starts(self) -> tuple[int, ...]:
        """Frame index of the first frame of each shot so far; one where there are no cuts."""
        return self._windows.shot_starts

    @property
    def num_held_frames(self) -> int:
        """Frames in memory because a clip to come may hold them."""
        return len(self._cached)

    def checkpoint(self) -> RunCheckpoint | None:
        """Where the run stands: what was given out so far is not needed to go on.

        Returns:
            The state between two frames, or ``None`` before the first was given out.
        """
        if not self._index_of:
            return None
        held = self._tracker.held(self._needed_from)
        restart = self._first_needed()
        return RunCheckpoint(
            restart_frame=self._index_of[restart],
            restart_position=restart,
            next_position=self._finished,
            window_state=self._windows.decided,
            precision=self._precision,
            input_size=self._runner.input_size,
            mask_grid=self._runner.mask_grid,
            output_size=self._output_size,
            num_instances=self._tracker.num_instances,
            clips=tuple(
                HeldClip(
                    clip.frame_indices[0],
                    clip.frame_indices[-1] + 1,
                    clip.queries,
                    who.identities,
                    who.link_scores,
                )
                for clip, who in held
            ),
            tallies=self._table.tallies(),
            notices=self.notices,
            shot_starts=self._windows.decided_shot_starts,
        )

    @property
    def _needed_from(self) -> int:
        """First position whose masks those of frames to come depend on."""
        shot_start = self._windows.shot_start(self._finished)  # nothing asks beyond it
        return max(shot_start, self._finished - self._masks.frames_behind)

    def _first_needed(self) -> int:
        """First position that a run needs which goes on from here."""
        held = [clip.frame_indices[0] for clip, _ in self._tracker.held(self._needed_from)]
        seen_for_cuts = self._windows.decided[1] - FRAMES_BEFORE
        return max(0, min([self._needed_from, seen_for_cuts, *held]))

    # ---- the run ------------------------------------------------------------------------

    def _run(
        self, frames: Iterable[Frame], resume: RunCheckpoint | None
    ) -> Generator[FrameResult, None, None]:
        done = 0 if resume is None else resume.next_position
        self._context.advance(done, self._num_frames, "reading the first clip")
        precision = self._settings.precision
        if resume is not None:
            self._runner.notices += resume.notices
            precision = precision_to_go_on(
                self._runner.model.device, resume.precision, self._runner.notices
            )
        ready = self._prepared or self._with_room(prepare_model, self._runner.model, precision)
        self._precision, self._runner.model = ready.precision, ready.network
        self._runner.is_exact = ready.precision == "fp32"
        self._masks.begin(ready.precision, self._runner.notices)
        stepped = self._watch.watched(frames)
        taken_up = -1 if resume is None else self._take_up(resume, stepped)
        steps = self._by_batch if self._batch > 1 else self._by_frame
        yield from steps(stepped, taken_up + 1)
        yield from self._advance(self._windows.close(), self._windows.num_arrived)
        with self._runner.after_network():
            self._windows.note_decided(self._with_room(self._linker.finish))
        yield from self._give_out(self._windows.num_arrived)
        yield from self._given(self._masks.finish())

    def _by_frame(self, frames: Iterator[Frame], first: int) -> Iterator[FrameResult]:
        for position, (index, image) in enumerate(frames, start=first):
            self._context.raise_if_cancelled()
            begins = self._watch.begins_shot(index)
            self._admit(position, index, image, begins_shot=begins)
            windows = self._windows.arrive(index, begins_shot=begins)
            yield from self._advance(windows, self._settled_before())

    def _settled_before(self) -> int:
        """No position under it is in a window still to come or wants a further frame for its edges.

        To be asked while the video goes on.
        """
        looked_at = self._windows.num_arrived - self._masks.frames_ahead
        return min(self._windows.settled_before, looked_at)

    def _by_batch(self, frames: Iterator[Frame], position: int) -> Iterator[FrameResult]:
        """Decoding, the network and what follows it at the same time, on different batches.

        A thread reads and sends the batch after next, the device works on the next one, and
        the clips of the one before it are linked and encoded here.
        """
        sender = FrameSender(self._runner.model.device, self._batch, self._cut)
        with read_ahead(sender.batches(frames), BATCHES_AHEAD) as given:
            before: _Begun | None = None
            for batch in given:
                self._context.raise_if_cancelled()
                begun = self._begin(batch, position)
                position += len(batch.indices)
                if before is not None:
                    yield from self._settle(before)
                before = begun
            if before is not None:
                yield from self._settle(before)

    def _cut(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        return cut_region(image, self._settings.region_xywh)

    def _begin(self, batch: FrameBatchOnDevice, position: int) -> _Begun:
        """Set the device to work on a batch and on the windows that it completes."""
        sent = batch.arrived()
        size = self._input_size((int(sent.shape[1]), int(sent.shape[2])))
        device = self._runner.model.device

        def resized(at_once: int) -> Tensor:
            parts = [resize_frames(part.to(device), size) for part in sent.split(at_once)]
            return parts[0] if len(parts) == 1 else torch.cat(parts)

        small = self._runner.with_room(resized, len(sent), "frames are now resized")
        windows = []
        for place, (index, image) in enumerate(zip(batch.indices, batch.images, strict=True)):
            begins = self._watch.begins_shot(index)
            self._note_frame(position + place, index, image, begins_shot=begins)
            self._cached[position + place] = CachedFrame(small[place])
            windows += self._windows.arrive(index, begins_shot=begins)
        self._runner.encode(list(self._cached.values()))  # all, in case sizes change
        pending = self._begin_windows(windows)
        return _Begun(pending, self._settled_before())

    def _begin_windows(self, windows: list[range]) -> list[PendingClips]:
        begun: list[PendingClips] = []
        for group in of_one_length(windows):
            frames = [[self._cached[p] for p in window] for window in group]
            several = max(self._batch, _ENCODED_AT_ONCE)
            for window in frames:  # one over a whole video takes long
                for start in range(0, len(window), several):
                    self._context.raise_if_cancelled()
                    self._runner.encode(window[start : start + several])
            begun += self._runner.begin(frames, [tuple(window) for window in group])
        return begun

    def _settle(self, begun: _Begun) -> Iterator[FrameResult]:
        """Link the clips of a batch, then give out the frames that are settled."""
        for pending in begun.pending:
            self._link(pending)
        yield from self._give_out(begun.settled)
        self._let_go(begun.settled)

    def _take_up(self, resume: RunCheckpoint, frames: Iterator[Frame]) -> int:
        """Bring everything to where an earlier run stood; gives the last position read."""
        last = resume.window_state[1] - 1
        self._output_size = resume.output_size
        self._runner.input_size, self._runner.mask_grid = resume.input_size, resume.mask_grid
        self._windows.restore(resume.window_state, resume.shot_starts)
        self._finished = resume.next_position
        self._table.restore(resume.tallies, resume.num_instances, resume.next_position)
        for position in range(resume.restart_position, last + 1):
            self._context.raise_if_cancelled()
            index, image = next(frames, (-1, None))
            if image is None:
                raise ConfigError(
                    "The video is shorter than when the run was stopped; discard the run and "
                    "propose again.",
                    name="resume",
                    value=position,
                )
            self._admit(position, index, image, begins_shot=index in resume.shot_starts)
            if position < resume.next_position - 1:  # the last one is decided again
                self._masks.forget(position)
        for clip in resume.clips:
            window = range(clip.start, clip.stop)
            held = [self._cached[p] for p in window]
            pending = self._runner.begin([held], [tuple(window)], [clip.queries])[0]
            who = ClipAssignment(clip.identities, clip.link_scores)
            with self._runner.after_network():
                again = self._runner.finish(pending)[0]
                self._with_room(self._tracker.replay, again, who)
                if self._windows.begins_linked_shot(clip.start):
                    self._linker.finish()  # and knows none of the clips before
                if clip.stop > resume.next_position:
                    self._with_room(self._linker.recall, again, clip.identities)
            self._context.raise_if_cancelled()
        self._recall_masks(resume)
        self._let_go(self._windows.settled_before)
        return last

    def _recall_masks(self, resume: RunCheckpoint) -> None:
        """Know again what the masks of frames to come ask of those that were given out."""
        last = self._finished - 1
        is_held = any(clip.start <= last < clip.stop for clip in resume.clips)  # if not too old
        if is_held and self._masks.frames_behind and self._output_size is not None:
            with self._runner.after_network():
                (frame,) = self._with_room(self._tracker.merge, [last])
                self._masks.recall(frame, self._output_size)
        self._masks.forget(last)

    def _admit(
        self, position: int, index: int, image: npt.NDArray[np.uint8], *, begins_shot: bool
    ) -> None:
        """Put a frame into the cache at the size of the network's input."""
        self._note_frame(position, index, image, begins_shot=begins_shot)
        part = self._cut(image)
        size = self._input_size((int(part.shape[0]), int(part.shape[1])))
        if size == part.shape[:2]:
            small = part.copy()
        else:
            source = torch.from_numpy(np.ascontiguousarray(part))[None]
            small = resize_frames(source, size)[0].numpy()
        self._cached[position] = CachedFrame(small)

    def _note_frame(
        self, position: int, index: int, image: npt.NDArray[np.uint8], *, begins_shot: bool
    ) -> None:
        if self._output_size is None:
            self._output_size = (int(image.shape[0]), int(image.shape[1]))
        self._masks.note(position, image, begins_shot=begins_shot)
        self._index_of[position] = index

    def _advance(self, windows: list[range], settled: int) -> Iterator[FrameResult]:
        """Run windows, then give out the frames that are settled."""
        self._context.raise_if_cancelled()
        yield from self._settle(_Begun(self._begin_windows(windows), settled))

    def _link(self, pending: PendingClips) -> None:
        with self._runner.after_network():
            for clip in self._runner.finish(pending):
                if self._windows.begins_linked_shot(clip.frame_indices[0]):
                    self._windows.note_decided(self._with_room(self._linker.finish))
                self._windows.note_decided(self._with_room(self._linker.add, clip))
                self._context.raise_if_cancelled()

    def _with_room(self, work: Callable[..., _Result], *given: Any) -> _Result:
        """Work on the device that is tried again where memory ran out."""
        return self._runner.with_room(lambda _: work(*given))

    def _give_out(self, settled: int) -> Iterator[FrameResult]:
        """Finish frames that no clip to come holds, nor one that is not decided yet."""
        undecided = self._linker.undecided_from
        settled = settled if undecided is None else min(settled, undecided)
        self._table.note_decided()
        for runs in in_batches(self._tracker.settled(settled), self._batch):
            if self._output_size is None:
                raise RuntimeError("a frame was finished before any was read")
            work = partial(self._masks.of_runs, self._tracker, runs, self._output_size)
            with self._runner.after_network():
                most = sum(len(run) for run in runs)
                encoded = self._runner.with_room(work, most, "frames now get their masks")
            yield from self._given(encoded)
        self._tracker.forget(settled, self._needed_from)

    def _given(self, finished: Iterator[FinishedMasks]) -> Iterator[FrameResult]:
        for frame, masks in finished:
            result = self._finish(frame, masks)
            self._finished = frame.frame_index + 1
            yield result
            self._context.advance(self._finished, self._num_frames, "finding instances")

    def _let_go(self, settled: int) -> None:
        """Forget frames that no clip to come holds, and numbers that no checkpoint names."""
        for position in [p for p in self._cached if p < settled]:
            del self._cached[position]
        needed = min(settled, self._first_needed())
        for position in [p for p in self._index_of if p < needed]:
            del self._index_of[position]

    def _finish(self, tracked: TrackedFrame, encoded: list[EncodedMask | None]) -> FrameResult:
        """What is said of a frame that no later clip holds."""
        index = self._index_of[tracked.frame_index]
        masks = []
        for row, instance_id in enumerate(tracked.instance_ids):
            mask = encoded[row]
            if mask is None:
                continue
            label, score = self._table.note_mask(instance_id, index, mask.quality)
            masks.append(
                FrameMask(
                    instance_id,
                    mask.rle,
                    tracked.uncertainties[row],
                    tracked.link_scores[row],
                    score,
                    label,
                    mask.quality,
                )
            )
        self._table.note_frame(masks)
        return FrameResult(index, tuple(masks))
