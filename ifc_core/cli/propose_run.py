"""The work behind ``ifc-studio propose``: videos in, one file out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ifc_core.annotation.folder_names import folder_name
from ifc_core.annotation.targets import check_frames
from ifc_core.cli.dataset_ids import DatasetIds
from ifc_core.cli.frame_range import TypedRange, frames_of
from ifc_core.cli.mask_spool import MaskSpool
from ifc_core.cli.proposal_files import ProposedVideo, write_proposals
from ifc_core.cli.propose_state import ProposeState, VideoState
from ifc_core.cli.reporting import job, print_note
from ifc_core.engine.model_cache import ModelCache
from ifc_core.errors import OutputError, VideoError
from ifc_core.inference.edge_refiner import bundled_edges_sha256
from ifc_core.inference.estimate import estimate_run
from ifc_core.inference.run_setup import score_threshold_for
from ifc_core.inference.settings import ProposeSettings
from ifc_core.inference.tiling import predict
from ifc_core.io.atomic import atomic_output, check_output
from ifc_core.io.frame_folder import FolderReader
from ifc_core.io.frame_list import list_frames
from ifc_core.io.overlay import OverlayMask, OverlayWriter
from ifc_core.io.problems import is_text, printable
from ifc_core.io.readable_frames import ReadableFrames, nearest_readable
from ifc_core.io.video import VideoReader, open_video
from ifc_core.io.video_suffixes import FILE_SUFFIXES
from ifc_core.io.ytvis import VideoDetails, YtvisVideo
from ifc_core.io.ytvis_checks import is_safe_name
from ifc_core.jobs import JobContext

STATE_SECONDS = 5.0
"""How often a run keeps where it stands."""


def estimates(
    paths: Sequence[Path], settings: ProposeSettings, frames: TypedRange | None = None
) -> list[dict[str, Any]]:
    """What a run on each video will take: ``path``, ``notices``, the fields of ``RunEstimate``."""
    check_names(paths)
    model = ModelCache().get(settings.model, settings.device)
    rows = []
    for path in paths:
        with open_video(path) as reader:
            picture = nearest_readable(reader)[1]
            part = frames_of(reader, frames)
            found = estimate_run(model, picture, settings, len(part))
        if reader.warning:
            _note(path, reader.warning)
        notices = [reader.warning] if reader.warning else []
        rows.append({"path": str(path), "notices": notices, **asdict(found)})
    return rows


class ProposeRun:
    """Proposes on videos one after the other, then writes.

    A context manager, because masks are kept in a file meanwhile. Where the process is stopped
    or killed, the same run goes on from there later.

    Args:
        paths: Video files and folders of frames.
        settings: What the person chose.
        restart: Begin anew even where an earlier run of the same kind was cut off.
        frames: Only these frames of each video.
        ids: What videos and classes are called in the output; by default as they come.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        settings: ProposeSettings,
        restart: bool = False,
        frames: TypedRange | None = None,
        ids: DatasetIds | None = None,
    ) -> None:
        self._paths = list(paths)
        self._ids = ids
        self._frames = frames
        self._settings = settings
        self._restart = restart
        self._state: ProposeState | None = None
        self._is_done = False

    def write(self, output: Path, *, as_results: bool, overlay: Path | None) -> dict[str, Any]:
        """Do everything.

        Args:
            output: The JSON file.
            as_results: Write a result file instead of an annotation file.
            overlay: MP4 to draw into, if any.

        Returns:
            The summary: ``output``, ``model``, ``model_sha256``, ``device``, ``seconds`` and
            ``videos`` (``path``, ``name``, ``frames``, ``shot_starts``, ``instances``,
            ``seconds``, ``notices``).

        Raises:
            VideoError: A video cannot be read, or has a name that is not UTF-8.
            OutputError: A target cannot be written.
            CheckpointError: The model cannot be used.
        """
        began = time.monotonic()
        check_names(self._paths)
        names = _unique_names(self._paths)
        overlays = overlay_paths(overlay, names)
        read = [] if self._ids is None else [self._ids.path]
        check_targets(output, overlays, [*self._paths, Path(self._settings.model), *read])
        fingerprints = []
        for path in self._paths:
            with open_video(path) as reader:  # a bad last video should not cost the others' work
                fingerprints.append(reader.video.fingerprint)
                part = frames_of(reader, self._frames)
                if len(part) < reader.video.num_frames:  # another run than that on all of it
                    fingerprints[-1] += f" {part.start}:{part.stop}"
                if self._ids is not None:
                    self._ids.check_video(path, reader, part[:: self._settings.frame_step])
        model = ModelCache().get(self._settings.model, self._settings.device)
        if self._ids is not None and (notice := self._ids.check_classes(model.categories)):
            print_note(notice)
        weights = (model.sha256, bundled_edges_sha256())
        state = ProposeState(output, self._settings, weights, fingerprints, self._restart)
        self._state = state
        videos = [
            self._propose(model, state, number, path, name)
            for number, (path, name) in enumerate(zip(self._paths, names, strict=True), start=1)
        ]
        with ExitStack() as whole:
            if overlays:
                self._draw_all(model, videos, overlays, state.spool, whole)
            threshold = score_threshold_for(model, self._settings) if as_results else None
            write_proposals(model.categories, videos, state.spool, output, threshold, self._ids)
        self._is_done = True
        return self.summary(model, output, overlays, videos, time.monotonic() - began)

    def summary(
        self,
        model: Any,
        output: Path | None,
        overlays: Sequence[Path],
        videos: Sequence[ProposedVideo],
        seconds: float,
    ) -> dict[str, Any]:
        """What :meth:`write` returns."""
        return {
            "output": None if output is None else str(output),
            "overlays": [str(path) for path in overlays],
            "model": self._settings.model,
            "model_sha256": model.sha256,
            "device": str(model.device),
            "seconds": round(seconds, 3),
            "videos": [_summary(video) for video in videos],
        }

    def _propose(
        self, model: Any, state: ProposeState, number: int, path: Path, name: str
    ) -> ProposedVideo:
        known = state.videos.get(number)
        step = self._settings.frame_step
        with job(f"Proposing on {path.name}") as context, open_video(path, context) as reader:
            part = frames_of(reader, self._frames)[::step]
            if known is not None:
                _note(path, _taken_up(known, len(part)))
            if known is None or known.checkpoint is not None:
                known = self._run(model, state, number, reader, context)
            indices = list(range(part.start, part.start + known.num_frames * step, step))
            entry = _entry(number, reader, name, indices)
            fps = reader.video.fps / step
        found = (known.instances, known.seconds, known.notices, known.shot_starts)
        return ProposedVideo(path, entry, fps, *found)

    def _run(
        self,
        model: Any,
        state: ProposeState,
        number: int,
        reader: VideoReader,
        context: JobContext,
    ) -> VideoState:
        """Propose on one video, from where an earlier run stood if there was one."""
        part = frames_of(reader, self._frames)
        step, total = self._settings.frame_step, len(part[:: self._settings.frame_step])
        known = state.videos.get(number)
        resume = None if known is None else known.checkpoint
        position = 0 if resume is None else resume.next_position
        start = part.start if resume is None else resume.restart_frame
        frames = ReadableFrames(reader, start, part.stop, step)
        frames.broken.update(() if resume is None else resume.broken_frames)
        run = predict(model, frames, self._settings, context, num_frames=total, resume=resume)
        began = time.monotonic() - (0.0 if known is None else known.seconds)
        kept = time.monotonic()
        said = set() if resume is None else set(resume.notices)
        if reader.warning:
            _note(reader.video.path, reader.warning)
        with closing(run):  # or it reads on in a video that is closed, where the disk is full
            for frame in run:
                for notice in run.notices:  # of a smaller size, say, when it happens
                    if notice not in said:
                        _note(reader.video.path, notice)
                        said.add(notice)
                if frame.frame_index in frames.broken:
                    frame = replace(frame, masks=())  # found on its neighbour's picture
                state.spool.add(number, position, frame)
                position += 1
                if time.monotonic() - kept >= STATE_SECONDS:
                    checkpoint = run.checkpoint()
                    if checkpoint is not None:
                        checkpoint = replace(checkpoint, broken_frames=tuple(sorted(frames.broken)))
                        seconds = time.monotonic() - began
                        state.save(number, VideoState(position, seconds, checkpoint))
                    kept = time.monotonic()
        if frames.notice:
            _note(reader.video.path, frames.notice)
        notices = tuple(x for x in (reader.warning, *run.notices, frames.notice) if x)
        seconds = time.monotonic() - began
        found = (tuple(run.instances), notices, run.shot_starts)
        done = VideoState(position, seconds, None, *found)
        state.save(number, done)
        return done

    def _draw_all(
        self,
        model: Any,
        videos: list[ProposedVideo],
        targets: list[Path],
        spool: MaskSpool,
        whole: ExitStack,
    ) -> None:
        """Draw every overlay; they get their names when ``whole`` ends well, all or none."""
        spool.index_by_frame()
        first_id = 1
        for video, target in zip(videos, targets, strict=True):
            staged = whole.enter_context(atomic_output(target))
            shown = {
                instance.instance_id: (number, model.categories[instance.label].name)
                for number, instance in enumerate(video.instances, start=first_id)
            }
            first_id += len(video.instances)
            with job(f"Drawing {target.name}") as context:
                self._draw(spool, video, shown, staged, context)

    def _draw(
        self,
        spool: MaskSpool,
        video: ProposedVideo,
        shown: dict[int, tuple[int, str]],
        target: Path,
        context: JobContext,
    ) -> None:
        """Draw the kept instances of one video, numbered as in the file."""
        length, step = video.entry.length, self._settings.frame_step
        with (
            open_video(video.path, context) as reader,
            OverlayWriter(target, video.fps, reader.video.size) as film,
        ):
            part = frames_of(reader, self._frames)
            shown_at = ReadableFrames(reader, part.start, part.stop, step)
            first_seconds = float(reader.pts_seconds[part.start])
            for position, (index, image) in enumerate(shown_at):
                masks = [
                    OverlayMask(shown[i][0], rle, label=f"{shown[i][0]} {shown[i][1]}")
                    for i, rle in spool.frame(video.entry.id, position).items()
                    if i in shown
                ]
                film.write(image, masks, float(reader.pts_seconds[index]) - first_seconds)
                context.advance(position + 1, length)

    def close(self) -> None:
        """Remove the masks, or keep them where the run was cut off."""
        if self._state is None:
            return
        self._state.close(is_done=self._is_done)
        if not self._is_done and self._state.videos:
            print_note("the same command goes on where it was; --restart begins anew.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _note(path: Path, text: str) -> None:
    print_note(f"{path.name}: {text}")


def _taken_up(known: VideoState, total: int) -> str:
    if known.checkpoint is None:
        return "done in the run that was stopped; its masks are taken over."
    return f"going on with the run that was stopped, at frame {known.num_frames} of {total}."


def check_targets(output: Path, overlays: Sequence[Path], inputs: Sequence[Path]) -> None:
    """Find out before the work whether the files can be written.

    Args:
        output: The JSON file.
        overlays: The films.
        inputs: What must not be overwritten.

    Raises:
        OutputError: One cannot be written, is named twice, would be a frame of an input, or has
            the suffix of another kind.
    """
    taken = {path.resolve() for path in inputs}
    for target in (output, *overlays):
        for path in inputs:
            check_frames(path, target)
        if target.resolve() in taken:
            raise OutputError(
                f"{target} is named twice; writing there would destroy the other.", path=target
            )
        taken.add(target.resolve())
        check_output(target)
    if output.suffix.lower() in FILE_SUFFIXES:
        raise OutputError(
            f"{output} is called like a video, but masks are written as JSON; name a .json file, "
            "and with --overlay a film.",
            path=output,
        )
    for overlay in overlays:
        OverlayWriter(overlay, 1.0, (2, 2))  # refuses a suffix that is no film's; writes nothing


def check_names(paths: Sequence[Path]) -> None:
    """Find out before the work whether the names of the videos can be written.

    Args:
        paths: Video files and folders of frames, whose pictures are named in the output.

    Raises:
        VideoError: A name is not UTF-8, as JSON is.
    """
    for path in paths:
        pictures = list_frames(path) if path.is_dir() else []
        for file in (path, *pictures):
            if not is_text(file.name):
                raise VideoError(
                    f"The name of {printable(file.name)} is not UTF-8, so a file of annotations "
                    "cannot keep it; rename it first.",
                    path=file,
                )


def overlay_paths(overlay: Path | None, names: Sequence[str]) -> list[Path]:
    """Where the overlays go: the path itself, or one a video if there are several.

    Args:
        overlay: What the person gave.
        names: Names of the videos.

    Returns:
        One path a video; none without ``overlay``.
    """
    if overlay is None:
        return []
    if len(names) == 1:
        return [overlay]
    return [overlay.with_stem(f"{overlay.stem}-{name}") for name in names]


def _unique_names(paths: Sequence[Path]) -> list[str]:
    """Names of the videos in the output; equal ones are numbered.

    A name that no path in a file of annotations may have is that of its folder in an export.
    """
    names: list[str] = []
    for path in paths:
        plain = path.name if path.is_dir() else path.stem
        if not _is_fit(plain):
            plain = folder_name(plain, set())
        name, count = plain or "video", 1
        while name in names:
            count += 1
            name = f"{plain}-{count}"
        names.append(name)
    return names


def _is_fit(name: str) -> bool:
    """Whether a name can be one part of a path in a file of annotations."""
    return "\\" not in name and is_safe_name(f"{name}/00000.jpg")


def _entry(number: int, reader: VideoReader, name: str, indices: list[int]) -> YtvisVideo:
    """The entry of a video; frames of a file are named as if they lay in a folder of its name."""
    files = [reader.files[i].name for i in indices] if isinstance(reader, FolderReader) else []
    if not files or not all(map(_is_fit, files)):
        files = [f"{index:05d}.jpg" for index in indices]
    video = reader.video
    is_part = indices != list(range(video.num_frames))
    stepped = tuple(indices) if is_part else ()
    details = VideoDetails(
        fps=video.fps,
        fingerprint=video.fingerprint,
        source=video.path.name,
        frame_indices=stepped,
    )
    file_names = tuple(f"{name}/{file}" for file in files)
    return YtvisVideo(number, video.height, video.width, len(indices), file_names, details)


def _summary(video: ProposedVideo) -> dict[str, Any]:
    return {
        "path": str(video.path),
        "name": video.entry.name,
        "frames": video.entry.length,
        "shot_starts": list(video.shot_starts),
        "instances": len(video.instances),
        "seconds": round(video.seconds, 3),
        "notices": list(video.notices),
    }
