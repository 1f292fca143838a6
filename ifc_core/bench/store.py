"""How fast a project takes edits, shows frames, opens, and goes out and in as YouTube-VIS."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ifc_core.annotation import (
    Project,
    ProjectReader,
    StagedInstance,
    StagedMask,
    edits,
)
from ifc_core.annotation.exporting import (
    FOLDER_FORMATS,
    ExportFormat,
    ExportOptions,
    ExportScope,
    export_project,
)
from ifc_core.annotation.importing import import_annotations
from ifc_core.bench.machine import in_own_process, machine_facts, peak_memory_bytes
from ifc_core.structures import (
    Category,
    MaskSource,
    RLEMask,
    TrackKind,
    TrackState,
    Video,
)

_FRAMES_A_TRACK = 100
_SHAPES = 64
_EVERYTHING = ExportOptions(scope=ExportScope.EVERYTHING)


@dataclass(frozen=True, slots=True)
class StoreBenchOptions:
    """What is measured.

    Attributes:
        num_edits: Strokes whose latency is measured.
        height: Of the frames that are edited, in pixels.
        width: The same.
        stroke_px: Side of the rectangle that a stroke changes.
        num_masks: Masks of the project that is exported and imported.
        num_videos: Videos of the project that is opened.
        open_masks: Its masks; 0 leaves opening out.
        journal_edits: Edits in the history when undo is measured; 0 leaves it out.
        run_tracks: Tracks of the run that is accepted and approved; 0 leaves it out.
        run_frames: Its frames.
        formats: Formats that the project is exported to and imported from.
        seed: Of shapes and strokes.
    """

    num_edits: int = 500
    height: int = 1080
    width: int = 1920
    stroke_px: int = 80
    num_masks: int = 100_000
    num_videos: int = 300
    open_masks: int = 200_000
    journal_edits: int = 20_000
    run_tracks: int = 100
    run_frames: int = 1000
    formats: tuple[str, ...] = ("ytvis", "ytvis-results", "coco", "davis", "mots", "ctc")
    seed: int = 0


def run_store(options: StoreBenchOptions) -> dict[str, Any]:
    """Measure everything.

    Args:
        options: What is measured.

    Returns:
        Figures ready for JSON; times in the unit their names end in.
    """
    with tempfile.TemporaryDirectory(prefix="ifc-bench-") as name:
        folder = Path(name)
        figures: dict[str, Any] = {"edits": measure_edits(folder / "edits", options)}
        if options.num_masks:
            figures["exchange"] = measure_exchange(folder / "exchange", options)
        if options.open_masks:
            figures["open"] = measure_open(folder / "open", options)
        if options.journal_edits:
            figures["journal"] = measure_journal(folder / "journal", options)
        if options.run_tracks:
            figures["run"] = measure_run(folder / "run", options)
    return {"machine": machine_facts(), **figures}


def measure_edits(folder: Path, options: StoreBenchOptions) -> dict[str, Any]:
    """Latency of a stroke: the changed rectangle in, the record committed.

    The baseline decodes the whole mask, changes it and encodes it again, with the same store.

    Args:
        folder: A new folder to work in.
        options: What is measured.

    Returns:
        Median, 95th percentile and largest latency in milliseconds of both ways, of reading a
        frame's masks, and of undo.
    """
    rng = np.random.default_rng(options.seed)
    size = (options.height, options.width)
    with _new_project(folder) as project:
        video = Video(folder / "clip.mp4", _FRAMES_A_TRACK, *size, 30.0, "1-bench")
        video_id = project.add_video(video)
        shape = _blobs(size, 1, rng)[0]
        track = project.apply(edits.NewTrack(video_id, 1, 0, shape)).tracks_added[0]
        project.apply(edits.ExtendTrack(track, _FRAMES_A_TRACK - 1))
        stroke = np.ones((options.stroke_px, options.stroke_px), dtype=bool)
        corners = np.stack(
            [rng.integers(0, s - options.stroke_px, options.num_edits) for s in size], axis=1
        )

        def patch(number: int) -> None:
            top, left = corners[number]
            frame = number % _FRAMES_A_TRACK
            project.apply(edits.PatchMask(track, frame, int(top), int(left), stroke))

        def whole(number: int) -> None:
            record = project.mask(track, number % _FRAMES_A_TRACK)
            array = np.zeros(size, dtype=bool)
            if record is not None and record.rle is not None:
                array = record.rle.to_array().copy(order="K")
            top, left = corners[number]
            array[top : top + options.stroke_px, left : left + options.stroke_px] = True
            rle = RLEMask.from_array(array)
            project.apply(edits.SetMask(track, number % _FRAMES_A_TRACK, rle))

        return {
            "stroke": _latency(patch, options.num_edits),
            "baseline_whole_mask": _latency(whole, options.num_edits),
            "masks_at": _look_up(project, video_id, options.num_edits),
            "undo": _latency(lambda _: project.undo(), options.num_edits),
        }


def measure_exchange(folder: Path, options: StoreBenchOptions) -> dict[str, Any]:
    """Export and import of many masks, each in a process of its own for its peak memory.

    The baseline reads and writes the same file with the ``json`` module alone, all in memory.

    Args:
        folder: A new folder to work in.
        options: What is measured.

    Returns:
        Seconds, peak memory in MB and size of the file.
    """
    with _new_project(folder) as project:
        fill_project(project, options.num_masks, 10, options.seed)
    figures: dict[str, Any] = {"num_masks": options.num_masks}
    for name in options.formats:
        form = ExportFormat(name)
        is_folder = form in FOLDER_FORMATS
        target = folder.with_name(name if is_folder else f"{name}.json")
        exported = in_own_process(_export, folder, target, form)
        imported = in_own_process(_import, folder.with_name(f"from-{name}"), target, form)
        files = [path for path in (target, *target.rglob("*")) if path.is_file()]
        figures[name] = {
            "megabytes": sum(path.stat().st_size for path in files) / 1e6,
            "export": exported,
            "import": imported,
        }
        if form is ExportFormat.YTVIS:
            figures["baseline_json_module"] = in_own_process(_plain_json, target)
    return figures


def _export(folder: Path, target: Path, form: ExportFormat) -> dict[str, float | None]:
    start = _peak_mb()
    with ProjectReader.open(folder) as reader, _timed() as seconds:
        export_project(reader, target, form, _EVERYTHING)
    return {"seconds": seconds[0], "start_mb": start, "peak_mb": _peak_mb()}


def _import(folder: Path, source: Path, form: ExportFormat) -> dict[str, float | None]:
    start = _peak_mb()
    with _new_project(folder) as project, _timed() as seconds:
        if form is ExportFormat.YTVIS_RESULTS:  # its ids are those of another file
            import_annotations(project, source, form, annotations=source.with_name("ytvis.json"))
        else:
            import_annotations(project, source, form)
    return {"seconds": seconds[0], "start_mb": start, "peak_mb": _peak_mb()}


def _plain_json(source: Path) -> dict[str, float | None]:
    with _timed() as read:
        content = json.loads(source.read_text(encoding="utf-8"))
    with _timed() as write:
        source.with_suffix(".copy").write_text(json.dumps(content), encoding="utf-8")
    return {"read_seconds": read[0], "write_seconds": write[0], "peak_mb": _peak_mb()}


def measure_open(folder: Path, options: StoreBenchOptions) -> dict[str, Any]:
    """Opening a large project up to its lists of videos and tracks, and one frame's masks.

    The baseline is the same with a hundredth of the masks.

    Args:
        folder: A new folder to work in.
        options: What is measured.

    Returns:
        Milliseconds for both, and the size of the project.
    """
    figures: dict[str, Any] = {}
    sizes = {"large": options.open_masks, "baseline_small": max(1, options.open_masks // 100)}
    for name, num_masks in sizes.items():
        place = folder / name
        with _new_project(place) as project:
            fill_project(project, num_masks, options.num_videos, options.seed)
        with _timed() as opening, Project.open(place) as project:
            videos = project.videos()
            tracks = project.tracks(videos[0].id)
        with Project.open(place) as project:
            looking = _look_up(project, videos[-1].id, 200)
        figures[name] = {
            "num_masks": num_masks,
            "num_videos": len(videos),
            "tracks_of_a_video": len(tracks),
            "file_mb": (place / "project.sqlite").stat().st_size / 1e6,
            "open_ms": opening[0] * 1e3,
            "masks_at": looking,
        }
    return figures


def _look_up(project: Project, video_id: int, count: int) -> dict[str, float]:
    return _latency(lambda n: project.masks_at(video_id, n % _FRAMES_A_TRACK), count)


def measure_journal(folder: Path, options: StoreBenchOptions) -> dict[str, Any]:
    """Edits and undos with a long history, and what compaction costs and frees.

    Args:
        folder: A new folder to work in.
        options: What is measured.

    Returns:
        Latencies in milliseconds at the end of the history, and the compaction.
    """
    rng = np.random.default_rng(options.seed)
    size = (270, 480)
    shapes = _blobs(size, _SHAPES, rng)
    with _new_project(folder) as project:
        video = Video(folder / "clip.mp4", _FRAMES_A_TRACK, *size, 30.0, "1-bench")
        track = project.apply(edits.NewTrack(project.add_video(video), 1)).tracks_added[0]

        def draw(number: int) -> None:
            rle = shapes[number % _SHAPES]
            project.apply(edits.SetMask(track, number % _FRAMES_A_TRACK, rle))

        with _timed() as filling:
            for number in range(options.journal_edits):
                draw(number)
        figures = {
            "num_edits": options.journal_edits,
            "edits_per_second": options.journal_edits / filling[0],
            "edit": _latency(draw, 200),
            "undo": _latency(lambda _: project.undo(), 200),
            "history": _latency(lambda _: project.history(200), 20),
        }
        with _timed() as compacting:
            freed = project.compact(1000)
        return figures | {"compact_seconds": compacting[0], "compact_freed_mb": freed / 1e6}


def measure_run(folder: Path, options: StoreBenchOptions) -> dict[str, Any]:
    """Accepting the results of a run, approving all of them, and taking both back.

    Args:
        folder: A new folder to work in.
        options: What is measured.

    Returns:
        Seconds and processor seconds of each step.
    """
    size = (72, 128)
    shapes = _blobs(size, _SHAPES, np.random.default_rng(options.seed))
    num_tracks, num_frames = options.run_tracks, options.run_frames
    with _new_project(folder) as project:
        video = Video(folder / "clip.mp4", num_frames, *size, 30.0, "1-bench")
        run_id = project.begin_run("propose", project.add_video(video), {})
        for frame in range(num_frames):
            masks = [StagedMask(i, shapes[(i + frame) % _SHAPES]) for i in range(num_tracks)]
            project.stage(run_id, frame, masks)
        heads = [StagedInstance(i, "thing", i / num_tracks) for i in range(num_tracks)]
        project.stage_instances(run_id, heads)
        project.finish_run(run_id)
        tracks: list[int] = []

        def accept() -> None:
            tracks.extend(project.apply(edits.AcceptRun(run_id)).tracks_added)

        return {
            "num_masks": num_tracks * num_frames,
            "accept": _seconds(accept),
            "approve_tracks": _seconds(lambda: project.apply(edits.ApproveTracks(tuple(tracks)))),
            "undo_approve": _seconds(project.undo),
            "undo_accept": _seconds(project.undo),
        }


def _seconds(work: Callable[[], object]) -> dict[str, float]:
    """Seconds and processor seconds of one call."""
    began, busy = time.perf_counter(), time.process_time()
    work()
    return {
        "seconds": time.perf_counter() - began,
        "processor_seconds": time.process_time() - busy,
    }


def fill_project(project: Project, num_masks: int, num_videos: int, seed: int = 0) -> None:
    """Fill a project with generated tracks of 100 frames, 360x640, as one import would.

    Args:
        project: An empty project with class 1.
        num_masks: Masks in all, spread over the videos.
        num_videos: Videos, which need not exist.
        seed: Of the shapes.
    """
    size = (360, 640)
    shapes = _blobs(size, _SHAPES, np.random.default_rng(seed))
    areas = [shape.area for shape in shapes]
    places = {
        key: edits.AddVideo(
            Video(Path(f"/clips/{key}.mp4"), _FRAMES_A_TRACK, *size, 30.0, f"1-{key}")
        )
        for key in range(1, num_videos + 1)
    }
    tracks = []
    for number, first in enumerate(range(0, num_masks, _FRAMES_A_TRACK)):
        count = min(_FRAMES_A_TRACK, num_masks - first)
        turn = [(number + frame) % _SHAPES for frame in range(count)]
        ids = project.append_records([(shapes[i], MaskSource.HUMAN) for i in turn])
        pointers = np.array(
            [
                (f, mask_id, 2, 1, 1, areas[i])
                for f, (mask_id, i) in enumerate(zip(ids, turn, strict=True))
            ]
        )
        key = number % num_videos + 1
        header = (1.0, TrackState.APPROVED, None, "", TrackKind.OBJECT)
        tracks.append(edits.ImportedTrack(key, 1, *header, pointers))
    categories = {1: Category(1, "thing")}
    project.apply(edits.ImportTracks("bench", places, categories, tracks, {}, num_masks))


def _blobs(size: tuple[int, int], count: int, rng: np.random.Generator) -> list[RLEMask]:
    """Ellipses with a wavy outline, about a sixth of the frame wide."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    masks = []
    for _ in range(count):
        row, column = rng.uniform(0.3, 0.7, 2) * size
        y: npt.NDArray[np.float64] = (rows - row) / (size[0] / 6)
        x: npt.NDArray[np.float64] = (columns - column) / (size[1] / 6)
        wave = 1 + 0.15 * np.sin(7 * np.arctan2(y, x) + rng.uniform(0, 6))
        masks.append(RLEMask.from_array(np.hypot(y, x) < wave))
    return masks


@contextmanager
def _new_project(folder: Path) -> Iterator[Project]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with Project.create(folder, annotator="bench") as project:
        project.apply(edits.SetCategory(Category(1, "thing")))
        yield project


@contextmanager
def _timed() -> Iterator[list[float]]:
    """Seconds of the block, as the one entry of the list."""
    seconds: list[float] = []
    began = time.perf_counter()
    try:
        yield seconds
    finally:
        seconds.append(time.perf_counter() - began)


def _latency(work: Callable[[int], object], count: int) -> dict[str, float]:
    """Median, 95th percentile and largest of some calls, in milliseconds."""
    times = []
    for number in range(count):
        began = time.perf_counter()
        work(number)
        times.append(1e3 * (time.perf_counter() - began))
    median, high, most = np.percentile(times, [50, 95, 100])
    return {"median_ms": float(median), "p95_ms": float(high), "max_ms": float(most)}


def _peak_mb() -> float | None:
    peak = peak_memory_bytes()
    return None if peak is None else peak / 1e6
