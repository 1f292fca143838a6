"""What the plugin offers to napari; the functions that the manifest names.

Importing this module loads neither Qt nor torch. Video frames are decoded lazily.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from napari_ifc.language import tr

if TYPE_CHECKING:
    import napari

    from napari_ifc.studio import Studio

LayerData = tuple[Any, dict[str, Any], str]
Read = Callable[[Any], list[LayerData]]

_studios: WeakKeyDictionary[Any, Studio] = WeakKeyDictionary()


def studio_for(viewer: napari.Viewer, *, dock_panel: bool = True) -> Studio:
    """The studio of a viewer, made if there is none."""
    from napari_ifc.studio import Studio

    real = getattr(viewer, "__wrapped__", viewer)  # napari hands plugins a proxy
    studio = _studios.get(real)
    if studio is None or studio.is_closed:
        studio = Studio(real, dock_panel=dock_panel)
        _studios[real] = studio
        studio.closed.connect(lambda: _studios.pop(real, None))  # else each would hold the other
    return studio


def video_reader(path: str | list[str]) -> Read | None:
    """A reader for a single video file, or ``None`` where it is none."""
    return _read_video if isinstance(path, str) and Path(path).is_file() else None


def project_reader(path: str | list[str]) -> Read | None:
    """A reader that opens a project in the studio of the current viewer."""
    return _open_project if isinstance(path, str) else None


def _read_video(path: str) -> list[LayerData]:
    return [video_layer(Path(path))]


def video_layer(path: Path) -> LayerData:
    """A lazy image layer of a video.

    Args:
        path: A video file or folder of frames.

    Returns:
        Layer data of napari; frames are decoded when they are looked at.

    Raises:
        VideoError: It cannot be read.
    """
    from ifc_core.io.video import open_video
    from napari_ifc.frame_cache import FrameCache
    from napari_ifc.lazy_video import LazyVideo

    reader = open_video(path)
    video = reader.video
    cache = FrameCache(reader, video.num_frames, prefetch=False)
    data = LazyVideo(cache, video.num_frames, video.size)
    metadata: dict[str, Any] = {"ifc_video": str(path)}
    if reader.has_rate:
        metadata["fps"] = video.fps
    return data, {"name": path.stem, "rgb": True, "metadata": metadata}, "image"


def _open_project(path: str) -> list[LayerData]:
    studio_for(_current_viewer()).begin_open(path)
    return [(None,)]  # type: ignore[list-item]  # napari's word for "nothing to add"


def _current_viewer() -> napari.Viewer:
    import napari

    from ifc_core.errors import InputError

    viewer = napari.current_viewer()
    if viewer is None:
        raise InputError(tr("Open a napari viewer first."))
    return viewer


def sample_clip() -> list[LayerData]:
    """The clip that ships with the program."""
    import ifc_resources

    return [video_layer(ifc_resources.path("sample/bedroom.mp4"))]


def open_file(viewer: napari.Viewer) -> None:
    """Ask for a video and open it in the studio."""
    studio_for(viewer).run_action("file.open")


def annotate_active(viewer: napari.Viewer) -> None:
    """Open the active image layer in the studio: a video, or any stack (T, Y, X[, 3])."""
    studio_for(viewer).run_action("file.open_layer")


def propose(viewer: napari.Viewer) -> None:
    """Propose tracks for what is open in the studio, or for the active image layer."""
    studio = studio_for(viewer)
    if studio.workspace is not None:
        studio.run_action("propose.start")
        return

    def start(video: object) -> None:
        studio.opened.disconnect(start)
        studio.run_action("propose.start")

    if studio.run_action("file.open_layer"):
        studio.opened.connect(start)


def export(viewer: napari.Viewer) -> None:
    """Ask where to and export the tracks."""
    studio_for(viewer).run_action("file.export")


def write_labels(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a (T, Y, X) or (Y, X) Labels layer as YouTube-VIS: one track per label.

    Args:
        path: The JSON file.
        data: Integers; 0 is background.
        meta: napari's attributes of the layer.

    Returns:
        The file, if it was written.

    Raises:
        OutputError: It cannot be written.
    """
    from napari_ifc.labels_export import write_labels_ytvis

    write_labels_ytvis(Path(path), data, str(meta.get("name", "labels")))
    return [path]
