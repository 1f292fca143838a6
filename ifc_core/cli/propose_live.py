"""The work behind ``ifc-studio propose`` on a camera or a pipe."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from ifc_core.cli.frame_stream import FrameStream, FrameTimes, check_stream, streamed_id
from ifc_core.cli.mask_spool import MaskSpool
from ifc_core.cli.proposal_files import ProposedVideo, write_proposals
from ifc_core.cli.propose_run import ProposeRun, check_targets
from ifc_core.cli.reporting import counted, job, print_note
from ifc_core.engine.model_cache import ModelCache
from ifc_core.errors import ConfigError, OutputError, VideoError
from ifc_core.inference.live_frames import LiveFrames, LiveSource, open_camera, open_pipe
from ifc_core.inference.predictor import VideoPrediction, predict_video
from ifc_core.inference.run_setup import PreparedModel, prepare_model, score_threshold_for
from ifc_core.inference.settings import ProposeSettings
from ifc_core.io.ytvis import VideoDetails, YtvisVideo
from ifc_core.jobs import JobCancelled, JobContext, Progress
from ifc_core.models.ifc import IFC


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """What a person can choose for live input.

    Attributes:
        camera: Number of the camera, or ``None`` for the pipe.
        size: (height, width) of the pipe's frames.
        fps: Frames per second of the pipe.
        limit: Stop after this many frames, or ``None``.
        keep_all: Let a pipe wait rather than drop frames.
        stream: Where each finished frame is written as it comes, ``-`` for standard output, or
            ``None``.
    """

    camera: int | None = None
    size: tuple[int, int] | None = None
    fps: float = 0.0
    limit: int | None = None
    keep_all: bool = False
    stream: Path | None = None


def parse_size(text: str) -> tuple[int, int]:
    """``"640x480"`` (width x height) as (height, width).

    Raises:
        ConfigError: It is no size.
    """
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise ConfigError(
            f"The size must be WIDTHxHEIGHT in pixels, such as 1280x720, not {text!r}.",
            name="size",
            value=text,
        )
    return int(height), int(width)


def open_live(options: LiveOptions) -> LiveSource:
    """The camera or the pipe.

    Raises:
        ConfigError: The size of the pipe's frames is missing.
        VideoError: The camera gives no picture.
    """
    if options.camera is not None:
        return open_camera(options.camera)
    if options.size is None:
        raise ConfigError(
            "Frames on standard input need their size: give --size WIDTHxHEIGHT.",
            name="size",
            value=None,
        )
    return open_pipe(_unbuffered_input(), options.size, options.fps)


def _unbuffered_input() -> BinaryIO:
    """Standard input for a thread that may still wait in it when the process ends.

    The interpreter takes the lock of ``sys.stdin.buffer`` at its end, and aborts where a thread
    holds it.
    """
    try:
        number = os.dup(sys.stdin.fileno())
    except (AttributeError, OSError, ValueError):  # replaced by something that is no file
        return sys.stdin.buffer
    return os.fdopen(number, "rb", buffering=0)


class LiveRun(ProposeRun):
    """Proposes on frames as they come; ends with the input, or well with the first Ctrl-C.

    Args:
        settings: What the person chose.
        options: Where frames come from, and where they go as they are finished.
    """

    def __init__(self, settings: ProposeSettings, options: LiveOptions) -> None:
        super().__init__((), settings)
        self._options = options
        self._spool = MaskSpool()

    def write(
        self, output: Path | None, *, as_results: bool, overlay: Path | None
    ) -> dict[str, Any]:
        """Do everything.

        Args:
            output: The JSON file; ``None`` where the stream alone is wanted, which keeps no masks.
            as_results: Write a result file instead of an annotation file.
            overlay: Must be ``None``: live frames are gone once they were looked at.

        Returns:
            The summary of :meth:`ProposeRun.write`; there is ``stream`` too, and the video also has
            ``captured``, ``dropped``, ``mean_delay_seconds`` and ``max_delay_seconds``.

        Raises:
            ConfigError: An overlay, tiles or offline mode were asked for, or the size of the frames
                is missing.
            VideoError: The camera gives no picture, or the pipe ends before its first frame is
                whole.
            OutputError: The file or the stream cannot be written; where it is the stream, the file
                has what was found until then.
        """
        _check_wishes(self._settings, overlay)
        began = time.monotonic()
        place = self._options.stream
        if output is not None:
            check_targets(output, (), [Path(self._settings.model)])
        if place is not None:
            check_stream(place, output, self._settings.model)
        model = ModelCache().get(self._settings.model, self._settings.device)
        prepared = prepare_model(model, self._settings.precision)  # before any frame waits
        with ExitStack() as stack:
            source, stream = open_live(self._options), None
            if place is not None:
                stream = stack.enter_context(FrameStream(place, model.categories))
            watch = _Watch(self._options, self._settings, source, stream)
            video, figures = watch.run(model, prepared, None if output is None else self._spool)
        if output is not None:
            threshold = score_threshold_for(model, self._settings) if as_results else None
            write_proposals(
                model.categories, [video], self._spool, output, threshold, numbered=streamed_id
            )
        if stream is not None and stream.failure is not None:
            raise _after_all(stream.failure, output)
        summary = self.summary(model, output, [], [video], time.monotonic() - began)
        summary["stream"] = None if place is None else str(place)
        summary["videos"][0] |= figures
        return summary

    def close(self) -> None:
        """Remove the temporary masks."""
        self._spool.close()


def _after_all(failure: OutputError, output: Path | None) -> OutputError:
    """Why a stream ended, and where what was found is all the same."""
    if output is None:
        return failure
    return OutputError(f"{failure} What was found until then is in {output}.", path=failure.path)


def _check_wishes(settings: ProposeSettings, overlay: Path | None) -> None:
    """Refuse what needs the frames once more."""
    if settings.tiles:
        raise ConfigError(
            "Tiles take too long for live input; record the stream and propose on the file.",
            name="tiles",
            value=settings.tiles,
        )
    if settings.offline:
        raise ConfigError(
            "Offline mode keeps every frame until the end, and live input has none; record the "
            "stream and propose on the file.",
            name="offline",
            value=True,
        )
    if overlay is not None:
        raise ConfigError(
            "An overlay needs a video file; record the stream and propose on the file.",
            name="overlay",
            value=str(overlay),
        )


class _Watch:
    """Looks at the frames of a source until it ends, somebody ends it, or nobody reads any more.

    Args:
        options: What the person chose of live input.
        settings: And of proposing.
        source: The frames.
        stream: Where finished ones go.
    """

    def __init__(
        self,
        options: LiveOptions,
        settings: ProposeSettings,
        source: LiveSource,
        stream: FrameStream | None,
    ) -> None:
        self._options, self._settings = options, settings
        self._source, self._stream = source, stream
        self._times = FrameTimes()
        self._delay = 0.0
        self._indices: list[int] = []  # only of frames that are kept
        self._num_frames = 0

    def run(
        self, model: IFC, prepared: PreparedModel, spool: MaskSpool | None
    ) -> tuple[ProposedVideo, dict[str, Any]]:
        """Propose.

        Args:
            model: The network.
            prepared: Its fast copy.
            spool: Where masks are kept, if they are.

        Returns:
            What was found, and how well the run kept up.
        """
        began = time.monotonic()
        name = self._source.name
        with job(f"Proposing on {name}") as context:
            frames = self._frames(context)
            settings = replace(self._settings, frame_step=1)
            report = JobContext(self._report(frames, context))
            run = predict_video(model, frames, settings, report, low_delay=True, prepared=prepared)
            with closing(run), closing(frames):  # the frames first: the run may wait for one
                self._take(run, frames, spool)
            if not self._num_frames:
                context.raise_if_cancelled()
                raise VideoError(f"No frame came from {name}, so nothing was written.", path=name)
        seconds = time.monotonic() - began
        notices = (*((frames.notice,) if frames.notice else ()), *run.notices)
        if self._stream is not None and not self._stream.has_reader:
            stream, count = self._stream, counted(self._num_frames, "frame")
            why = f"the reader of {stream.name} went away"
            if stream.failure is not None:
                why = f"{stream.name} takes no more lines"
            notices = (*notices, f"{why}, so the input ended after {count}.")
        for notice in notices:
            print_note(f"{name}: {notice}")
        results = (run.instances, seconds, notices, run.shot_starts)
        found = ProposedVideo(Path(name), self._entry(), self._source.fps, *results)
        return found, {k: round(v, 3) for k, v in asdict(frames.figures).items()}

    def _frames(self, context: JobContext) -> LiveFrames:
        source = self._source.frames
        return LiveFrames(
            source if self._stream is None else self._times.noted(source),
            drop=not self._options.keep_all,
            step=self._settings.frame_step,
            limit=self._options.limit,
            should_stop=lambda: context.is_cancelled or self._is_unread(),
        )

    def _is_unread(self) -> bool:
        return self._stream is not None and not self._stream.has_reader

    def _report(self, frames: LiveFrames, context: JobContext) -> Callable[[Progress], None]:
        def report(progress: Progress) -> None:
            behind = f"{self._delay:.1f} s behind, {frames.figures.dropped} dropped"
            with suppress(JobCancelled):  # the first Ctrl-C ends the input, not the run
                context.advance(progress.done, None, behind)

        return report

    def _take(self, run: VideoPrediction, frames: LiveFrames, spool: MaskSpool | None) -> None:
        for frame in run:
            self._delay = frames.finished(frame.frame_index)
            if self._stream is not None:
                sure = tuple(mask for mask in frame.masks if run.is_certain(mask.instance_id))
                dropped = frames.figures.dropped
                self._stream.write(replace(frame, masks=sure), self._times, self._delay, dropped)
            if spool is not None:
                spool.add(1, self._num_frames, frame)
                self._indices.append(frame.frame_index)
            self._num_frames += 1

    def _entry(self) -> YtvisVideo:
        source, indices = self._source, self._indices
        stepped = tuple(indices) if indices != list(range(len(indices))) else ()
        details = VideoDetails(fps=source.fps, source=source.name, frame_indices=stepped)
        names = tuple(f"{source.name}/{index:06d}.jpg" for index in indices or [0])
        return YtvisVideo(1, source.height, source.width, self._num_frames, names, details)
