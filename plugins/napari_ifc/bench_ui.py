"""How fast the window answers: strokes, scrubbing, timeline, queue and opening.

Everything is measured in a real window on the display at hand. Times are those of handling an
event and painting the widgets; waiting for the screen is not among them.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import napari
import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from ifc_core.annotation import FrameColumns, Project, ProjectReader
from ifc_core.bench.machine import machine_facts
from ifc_core.inference.review_queue import ENTRY, VideoQueue, entry_at
from ifc_core.io.video import open_video
from ifc_core.jobs import JobContext
from ifc_core.structures import Video
from napari_ifc.bench_clips import fill_video, write_clip
from napari_ifc.controllers.review import why_text
from napari_ifc.controllers.track_frames import MaskCounts, TrackFrames
from napari_ifc.rows import Lane, QueueRow, TimelineData
from napari_ifc.settings import StudioSettings
from napari_ifc.studio import Studio
from napari_ifc.views.review_page import ReviewPage
from napari_ifc.views.theme import palette_for
from napari_ifc.views.transport import TimelinePanel


@dataclass(frozen=True, slots=True)
class UiBenchOptions:
    """What is measured.

    Attributes:
        heights: Heights of the frames that are painted on, 16:9.
        num_tracks: Tracks on each frame that is painted on or scrubbed through.
        num_frames: Frames of those videos.
        strokes: Strokes a size.
        moves: Moves of the mouse in each stroke.
        timeline_tracks: Lanes of the timeline.
        timeline_frames: Frames of the timeline.
        timeline_steps: Zooms, pans and seeks that are measured.
        queue_tracks: Tracks of the video whose queue is made, 100 frames each.
        list_entries: Entries of the list whose showing is measured.
        num_videos: Videos of the project that is opened.
        open_masks: Its masks.
        seed: Of shapes and strokes.
    """

    heights: tuple[int, ...] = (1080, 2160)
    num_tracks: int = 300
    num_frames: int = 60
    strokes: int = 10
    moves: int = 20
    timeline_tracks: int = 500
    timeline_frames: int = 20_000
    timeline_steps: int = 100
    queue_tracks: int = 500
    list_entries: int = 100_000
    num_videos: int = 300
    open_masks: int = 200_000
    seed: int = 0


def run_ui(
    options: UiBenchOptions, tell: Callable[[str], object] = lambda part: None
) -> dict[str, Any]:
    """Measure everything; needs a display.

    Args:
        options: What is measured.
        tell: Called with the name of each part when it begins: the whole takes minutes.

    Returns:
        Figures ready for JSON; times in the unit their names end in.
    """
    figures: dict[str, Any] = {"machine": machine_facts()}
    with tempfile.TemporaryDirectory(prefix="ifc-bench-") as name:
        folder = Path(name)
        for height in options.heights:
            tell(f"strokes and scrubbing at {height} lines")
            with _viewer() as viewer:
                place = folder / str(height)
                figures[f"canvas_{height}p"] = measure_canvas(viewer, place, height, options)
        tell("opening a project with many videos")
        with _viewer() as viewer:
            figures["open_project"] = measure_open(viewer, folder / "open", options)
        tell("timeline and review queue")
        figures["timeline"] = measure_timeline(options)
        figures["queue"] = measure_queue(folder / "queue", options)
    return figures


def measure_canvas(
    viewer: napari.Viewer, folder: Path, height: int, options: UiBenchOptions
) -> dict[str, Any]:
    """Strokes of the brush, and scrubbing forward, with many tracks on each frame.

    Args:
        viewer: The window.
        folder: A new folder to work in.
        height: Of the frames, 16:9.
        options: What is measured.

    Returns:
        Latencies of a move and of the commit in milliseconds, frames per second of scrubbing;
        what showing a frame takes is told apart from painting it, which is Qt's, napari's and
        OpenGL's part.
    """
    folder.mkdir()
    video = folder / "clip.mp4"
    size = (height, height * 16 // 9)
    write_clip(video, size, options.num_frames)
    with _studio(viewer, folder) as studio:
        if not studio.open_path(video):
            raise RuntimeError("The generated clip could not be opened.")
        project = studio.project
        assert project is not None  # noqa: S101 - it was opened above
        tracks = [range(options.num_frames)] * options.num_tracks
        fill_video(project, studio.workspace.session.entry.id, tracks, options.seed)  # type: ignore[union-attr]
        studio.workspace.index.reload()  # type: ignore[union-attr]
        studio.refresh()
        _drain()
        return {
            "size": size,
            "tracks_on_a_frame": options.num_tracks,
            "stroke": _strokes(studio, options),
            "scrub": _scrub(studio, options),
        }


def _strokes(studio: Studio, options: UiBenchOptions) -> dict[str, Any]:
    workspace = studio.workspace
    assert workspace is not None  # noqa: S101
    rng = np.random.default_rng(options.seed)
    canvas = _canvas(studio)
    studio.select((workspace.index.track_ids()[0],))
    studio.layers.set_mode("paint")
    _drain()
    moves: list[Cost] = []
    paints: list[Cost] = []
    commits: list[Cost] = []
    size = (canvas.width(), canvas.height())
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    for _ in range(options.strokes):
        start, by = rng.uniform(0.3, 0.6, 2) * size, rng.uniform(-6, 6, 2)
        places = [QPoint(*(start + by * n).astype(int).tolist()) for n in range(options.moves + 1)]
        QTest.mousePress(canvas, left, none, places[0])
        _drain()
        for place in places[1:]:
            moves.append(cost_of(lambda place=place: QTest.mouseMove(canvas, place)))
            paints.append(cost_of(_drain))
        commits.append(cost_of(lambda place=place: _release(studio, canvas, place)))
        _drain()
    stored = sum(entry.kind in ("SetMask", "PatchMask") for entry in _history(studio))
    return {
        "move": spread(moves),
        "paint": spread(paints),
        "commit": spread(commits),
        "strokes_stored": stored,
    }


def _release(studio: Studio, canvas: QWidget, place: QPoint) -> None:
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    studio.layers.flush()


def _history(studio: Studio) -> Sequence[Any]:
    return () if studio.project is None else studio.project.history(1000)


def _canvas(studio: Studio) -> QWidget:
    """The widget that takes the mouse over the canvas."""
    main = studio.panel.window()
    found = [w for w in main.findChildren(QWidget) if "Canvas" in type(w).__name__]
    shown = [w for w in found if w.isVisible() and w.width() > 100]
    return max(shown, key=lambda w: w.width() * w.height())


def _scrub(studio: Studio, options: UiBenchOptions) -> dict[str, Any]:
    studio.select(())
    studio.layers.set_mode("pan_zoom")
    studio.layers.go_to(0)
    _drain()

    frames = range(1, options.num_frames)
    costs = [
        (cost_of(lambda f=f: studio.layers.go_to(f)), cost_of(_drain))  # type: ignore[misc]
        for f in frames
    ]
    shown, painted = np.asarray(costs).transpose(1, 0, 2)
    whole = shown + painted
    seconds, cpu = whole.sum(axis=0)
    return {
        "frames_per_second": len(whole) / seconds,
        "frames_per_cpu_second": len(whole) / cpu,
        "frame": spread(whole),
        "without_painting": spread(shown),
        "painting": spread(painted),
    }


def measure_open(viewer: napari.Viewer, folder: Path, options: UiBenchOptions) -> dict[str, Any]:
    """Opening a project with many videos up to the first picture.

    Args:
        viewer: The window.
        folder: A new folder to work in.
        options: What is measured.

    Returns:
        Milliseconds until it is open, by the clock and of this thread, and until all is shown.
    """
    folder.mkdir()
    clip = folder / "clip.mp4"
    write_clip(clip, (360, 640), 100)
    with open_video(clip) as reader:
        first = reader.video
    place = folder / "many.ifcproj"
    masks = max(1, options.open_masks // options.num_videos // 100)
    with Project.create(place) as project:
        for number in range(options.num_videos):
            other = Video(folder / f"{number}.mp4", 100, 360, 640, 30.0, f"1-{number}")
            video_id = project.add_video(first if number == 0 else other)
            fill_video(project, video_id, [range(100)] * masks, options.seed)
    with _studio(viewer, folder) as studio:
        answered = cost_of(lambda: studio.open_path(place))
        drawn = cost_of(_drain)
        if studio.workspace is None:
            raise RuntimeError("The generated project could not be opened.")
    return {
        "num_videos": options.num_videos,
        "num_masks": masks * 100 * options.num_videos,
        "open_ms": answered[0] * 1e3,
        "open_cpu_ms": answered[1] * 1e3,
        "shown_ms": (answered[0] + drawn[0]) * 1e3,
    }


def measure_timeline(options: UiBenchOptions) -> dict[str, Any]:
    """Painting the timeline: a seek, a zoom, a pan, a scroll, and new data after an edit.

    Args:
        options: What is measured.

    Returns:
        Latencies in milliseconds of preparing and of each kind of painting.
    """
    began = time.perf_counter()
    data = long_timeline(options)
    prepared = time.perf_counter() - began
    panel = TimelinePanel()
    panel.apply_palette(palette_for("dark"))
    panel.resize(1600, 320)
    panel.show()
    timeline = panel.timeline
    timeline.set_data(data)
    _drain()
    rng = np.random.default_rng(options.seed)
    frames = rng.integers(0, options.timeline_frames, options.timeline_steps).tolist()
    ids = [lane.track_id for lane in data.lanes]

    def pan(frame: int) -> None:
        timeline.horizontalScrollBar().setValue(frame)

    steps: dict[str, Callable[[int], object]] = {
        "seek": timeline.set_frame,
        "select": lambda frame: timeline.set_selected((ids[frame % len(ids)],)),
        "zoom": lambda frame: timeline.zoom(1.2 if frame % 3 else 0.5, frame),
        "pan": pan,
        "scroll": lambda frame: timeline.verticalScrollBar().setValue(frame),
        "new_data": lambda frame: timeline.set_data(data),
    }
    figures: dict[str, Any] = {
        "tracks": options.timeline_tracks,
        "frames": options.timeline_frames,
        "spans": sum(len(lane.spans) for lane in data.lanes),
        "prepare_seconds": prepared,
    }
    for name, step in steps.items():
        figures[name] = spread([_painted(timeline.viewport(), step, f) for f in frames])
    panel.close()
    panel.deleteLater()
    _drain()
    return figures


def _painted(widget: QWidget, step: Callable[[int], object], frame: int) -> Cost:
    def work() -> None:
        step(frame)
        widget.repaint()

    return cost_of(work)


def long_timeline(options: UiBenchOptions) -> TimelineData:
    """Lanes with a mask on every frame, changing their state and doubt often."""
    rng = np.random.default_rng(options.seed)
    counts = MaskCounts(options.timeline_frames)
    lanes = []
    for number in range(options.timeline_tracks):
        frames = TrackFrames.of(_long_columns(rng, options.timeline_frames))
        counts.add(frames)
        lanes.append(
            Lane(
                number + 1,
                (230, 159, 0),
                str(number + 1),
                frames.spans,
                frames.keyframes,
                frames.doubt_frames,
                frames.doubt,
                "thing, proposed",
            )
        )
    total, fps = options.timeline_frames, 30.0
    return TimelineData(total, fps, tuple(lanes), counts.shown, counts.doubtful, ((0, 500),))


def _long_columns(rng: np.random.Generator, count: int) -> FrameColumns:
    blocks = rng.choice(np.array([0, 0, 0, 1, 2, 4], dtype=np.uint8), size=count // 40 + 1)
    state = np.repeat(blocks, 40)[:count]
    return FrameColumns(
        np.arange(count, dtype=np.int32),
        np.arange(count, dtype=np.int64),
        state,
        (state == 1).astype(np.uint8),
        np.where(state == 4, 0, 900).astype(np.int32),
        rng.random(count, dtype=np.float32) ** 4,
        np.full(count, 0.9, dtype=np.float32),
        np.full(count, 0.8, dtype=np.float32),
    )


def measure_queue(folder: Path, options: UiBenchOptions) -> dict[str, Any]:
    """Making the review queue of a video as the worker does, and showing a very long one.

    Args:
        folder: A new folder to work in.
        options: What is measured.

    Returns:
        Seconds to make it, milliseconds to renew one track and to show the list.
    """
    with Project.create(folder / "queue.ifcproj") as project:
        video = Video(folder / "clip.mp4", 1000, 360, 640, 30.0, "1-q")
        video_id = project.add_video(video)
        starts = np.random.default_rng(options.seed).integers(0, 900, options.queue_tracks)
        fill_video(project, video_id, [range(s, s + 100) for s in starts.tolist()], options.seed)
        queue = VideoQueue(project.video(video_id))
        with ProjectReader.open(project.folder) as reader:
            began = time.perf_counter()
            queue.build(reader, JobContext())
            made = time.perf_counter() - began
            began = time.perf_counter()
            queue.update(reader, [1])
            entries = queue.entries()
            renewed = time.perf_counter() - began
    return {
        "tracks": options.queue_tracks,
        "masks": 100 * options.queue_tracks,
        "entries": len(entries),
        "build_seconds": made,
        "update_ms": renewed * 1e3,
        "list": _show_list(options.list_entries),
    }


def _show_list(count: int) -> dict[str, float]:
    entries = np.zeros(count, dtype=ENTRY)
    entries["track"] = np.arange(count)
    page = ReviewPage(("Everything",))
    page.apply_palette(palette_for("dark"))
    page.resize(360, 700)
    page.show()
    _drain()

    def row(place: int) -> QueueRow:
        entry = entry_at(entries, place)
        why = why_text(entry)
        return QueueRow(f"Track {entry.track_id}", "frame 0", why, "", "label", 0.5, False)

    def show(place: int) -> None:
        page.show_queue(count, row, place, count, "")
        _drain()

    places = np.linspace(0, count - 1, 20).astype(int).tolist()
    costs = [cost_of(lambda place=place: show(place)) for place in places]
    page.close()
    page.deleteLater()
    _drain()
    return {"entries": count, **spread(costs)}


# What is measured on


@contextmanager
def _studio(viewer: napari.Viewer, folder: Path) -> Iterator[Studio]:
    settings = StudioSettings(projects_folder=folder / "projects")
    studio = Studio(viewer, settings=settings)
    studio.show_napari_panels(False)  # as in the desktop program
    try:
        yield studio
    finally:
        studio.close()


@contextmanager
def _viewer() -> Iterator[napari.Viewer]:
    """A window of its own for each part."""
    viewer = napari.Viewer(show=True)
    try:
        yield viewer
    finally:
        viewer.close()
        _drain()


def _drain() -> None:
    """Handle every event that waits, paint events included."""
    for _ in range(3):
        QApplication.processEvents()


Cost = tuple[float, float]
"""Seconds by the clock, and of this thread's processor time."""


def cost_of(work: Callable[[], object]) -> Cost:
    """What some work takes."""
    clock, cpu = time.perf_counter(), time.thread_time()
    work()
    return time.perf_counter() - clock, time.thread_time() - cpu


def spread(costs: Sequence[Cost] | npt.NDArray[np.float64]) -> dict[str, float]:
    """Median and 95th percentile of some costs in milliseconds, by the clock and of processor.

    On a machine that does other work at the same time the clock says more about that work.
    """
    clock, cpu = np.asarray(costs).T * 1e3
    return {
        "median_ms": float(np.median(clock)),
        "p95_ms": float(np.percentile(clock, 95)),
        "cpu_median_ms": float(np.median(cpu)),
        "cpu_p95_ms": float(np.percentile(cpu, 95)),
    }
