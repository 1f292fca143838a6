"""Several things dropped at once: videos become one project, and what is left is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ifc_core.annotation.annotation_folders import annotation_format
from ifc_core.io.cvat import CVAT_SUFFIXES
from ifc_core.io.label_stacks import is_label_stack, may_be_label_stack
from ifc_core.io.video_suffixes import FILE_SUFFIXES
from napari_ifc.controllers.session import is_project
from napari_ifc.controllers.tasks import Task
from napari_ifc.features.files import Files
from napari_ifc.features.videos import Videos
from napari_ifc.language import tr
from napari_ifc.studio import Studio


class Drops:
    """Opens what is dropped.

    Args:
        studio: Where.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def take(self, paths: Sequence[Path]) -> None:
        """Open the first; further videos follow into its project once it is open.

        A folder of annotations alone goes into the project that is open, if one is; so do a
        TIFF stack of labels and a file of CVAT.

        Args:
            paths: At least one.
        """
        if len(paths) == 1 and self._studio.workspace and _are_annotations(paths[0]):
            self._studio.feature(Files).begin_import(paths[0])
        elif len(paths) == 1 and self._studio.workspace and may_be_label_stack(paths[0]):
            self._begin_looking(paths[0])
        else:
            self._open(paths)

    def _begin_looking(self, path: Path) -> None:
        """Import labels or open a video, once a worker has looked through the file."""

        def take(is_labels: bool) -> None:
            if is_labels and self._studio.workspace:
                self._studio.feature(Files).begin_import(path)
            else:
                self._open([path])

        text = tr("Looking through {name}").format(name=path.name)
        task: Task[bool] = Task(text, take, self._studio.fail)
        self._studio.tasks.start(task, lambda _: is_label_stack(path))

    def _open(self, paths: Sequence[Path]) -> None:
        videos = tuple(path for path in paths if _is_video(path))
        chosen = videos if len(videos) > 1 else tuple(paths[:1])
        left = tuple(path for path in paths if path not in chosen)
        self._studio.feature(Videos).begin_open(chosen, left)


def _are_annotations(path: Path) -> bool:
    is_of_cvat = path.suffix.lower() in CVAT_SUFFIXES and path.is_file()
    return is_of_cvat or annotation_format(path) is not None


def _is_video(path: Path) -> bool:
    is_folder = path.is_dir() and not is_project(path) and annotation_format(path) is None
    return is_folder or path.suffix.lower() in FILE_SUFFIXES
