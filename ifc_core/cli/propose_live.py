"""The work behind ``ifc-studio propose`` on a camera or a pipe."""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from ifc_core.cli.mask_spool import MaskSpool
from ifc_core.cli.proposal_files import ProposedVideo, write_proposals
from ifc_core.cli.propose_run import ProposeRun, check_targets
from ifc_core.cli.reporting import job, print_note
from ifc_core.engine.model_cache import ModelCache
from ifc_core.errors import ConfigError, VideoError
from ifc_core.inference.live_frames import LiveFrames, LiveSource, open_camera, open_pipe
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.run_setup import PreparedModel, prepare_model, score_threshold_for
from ifc_core.inference.settings import ProposeSettings
from ifc_core.io.ytvis import VideoDetails, YtvisVideo
from ifc_core.jobs import JobCancelled, JobContext, Progress


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """What a person can choose for live input.

    Attributes:
        camera: Number of the camera, or ``None`` for the pipe.
        size: (height, width) of the pipe's frames.
        fps: Frames per second of the pipe.
        limit: Stop after this many frames, or ``None``.
        keep_all: Let a pipe wait rather than drop frames.
    """

    camera: int | None = None
    size: tuple[int, int] | None = None
    fps: float = 0.0
    limit: int | None = None
    keep_all: bool = False


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
        options: Where frames come from.
    """

    def __init__(self, settings: ProposeSettings, options: LiveOptions) -> None:
        super().__init__((), settings)
        self._options = options
        self._spool = MaskSpool()

    def write(self, output: Path, *, as_results: bool, overlay: Path | None) -> dict[str, Any]:
        """Do everything.

        Args:
            output: The JSON file.
            as_results: Write a result file instead of an annotation file.
            overlay: Must be ``None``: live frames are gone once they were looked at.

        Returns:
            The summary of :meth:`ProposeRun.write`; the video also has ``captured``,
            ``dropped``, ``mean_delay_seconds`` and ``max_delay_seconds``.

        Raises:
            ConfigError: An overlay, tiles or offline mode were asked for, or the size of the frames
                is missing.
            VideoError: The camera gives no picture, or the pipe ends before its first frame is
                whole.
        """
        if self._settings.tiles:
            raise ConfigError(
                "Tiles take too long for live input; record the stream and propose on the file.",
                name="tiles",
                value=self._settings.tiles,
            )
        if self._settings.offline:
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
        began = time.monotonic()
        check_targets(output, (), [Path(self._settings.model)])
        model = ModelCache().get(self._settings.model, self._settings.device)
        prepared = prepare_model(model, self._settings.precision)  # before any frame waits
        source = open_live(self._options)
        video, figures = self._watch(model, prepared, source)
        threshold = score_threshold_for(model, self._settings) if as_results else None
        write_proposals(model.categories, [video], self._spool, output, threshold)
        summary = self.summary(model, output, [], [video], time.monotonic() - began)
        summary["videos"][0] |= figures
        return summary

    def close(self) -> None:
        """Remove the temporary masks."""
        self._spool.close()

    def _watch(
        self, model: Any, prepared: PreparedModel, source: LiveSource
    ) -> tuple[ProposedVideo, dict[str, Any]]:
        began = time.monotonic()
        with job(f"Proposing on {source.name}") as context:
            frames = LiveFrames(
                source.frames,
                drop=not self._options.keep_all,
                step=self._settings.frame_step,
                limit=self._options.limit,
                should_stop=lambda: context.is_cancelled,
            )
            delay = 0.0

            def report(progress: Progress) -> None:
                behind = f"{delay:.1f} s behind, {frames.figures.dropped} dropped"
                with suppress(JobCancelled):  # the first Ctrl-C ends the input, not the run
                    context.advance(progress.done, None, behind)

            settings = replace(self._settings, frame_step=1)
            run = predict_video(
                model, frames, settings, JobContext(report), low_delay=True, prepared=prepared
            )
            indices = []
            with closing(run), closing(frames):  # the frames first: the run may wait for one
                for position, frame in enumerate(run):
                    self._spool.add(1, position, frame)
                    indices.append(frame.frame_index)
                    delay = frames.finished(frame.frame_index)
            if not indices:
                context.raise_if_cancelled()
                raise VideoError(
                    f"No frame came from {source.name}, so nothing was written.", path=source.name
                )
        stepped = tuple(indices) if indices != list(range(len(indices))) else ()
        details = VideoDetails(fps=source.fps, source=source.name, frame_indices=stepped)
        names = tuple(f"{source.name}/{index:06d}.jpg" for index in indices)
        entry = YtvisVideo(1, source.height, source.width, len(indices), names, details)
        seconds = time.monotonic() - began
        notices = (*((frames.notice,) if frames.notice else ()), *run.notices)
        for notice in notices:
            print_note(f"{source.name}: {notice}")
        results = (run.instances, seconds, notices, run.shot_starts)
        found = ProposedVideo(Path(source.name), entry, source.fps, *results)
        figures = {k: round(v, 3) for k, v in asdict(frames.figures).items()}
        return found, figures
