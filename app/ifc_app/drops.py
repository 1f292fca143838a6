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
from napari_ifc.features.imports import Imports
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

        Annotations alone go into the project that is open, if one is, one after the other:
        folders of them, TIFF stacks of labels and files of CVAT.

        Args:
            paths: At least one.
        """
        if self._studio.workspace is None:
            annotations = [path for path in paths if len(paths) > 1 and _is_annotated(path)]
            self._open(paths, annotations)
        elif any(_may_be_annotations(path) for path in paths):
            self._begin_looking(paths)
        else:
            self._open(paths, ())

    def _begin_looking(self, paths: Sequence[Path]) -> None:
        """Import annotations or open videos, once a worker has looked through the files."""

        def take(annotations: Sequence[Path]) -> None:
            if len(annotations) == len(paths) and self._studio.workspace is not None:
                self._studio.feature(Imports).begin_imports(annotations)
            else:
                self._open(paths, annotations)

        text = tr("Looking through {name}").format(name=paths[0].name)
        task: Task[Sequence[Path]] = Task(text, take, self._studio.fail)
        self._studio.tasks.start(task, lambda _: [path for path in paths if _are_annotations(path)])

    def _open(self, paths: Sequence[Path], annotations: Sequence[Path]) -> None:
        videos = tuple(path for path in paths if path not in annotations and _is_video(path))
        chosen = videos if len(videos) > 1 else tuple(paths[:1])
        left = tuple(path for path in paths if path not in chosen)
        self._studio.feature(Videos).begin_open(chosen, left)


def _may_be_annotations(path: Path) -> bool:
    """Whether it takes a look inside to tell."""
    return path.is_dir() or may_be_label_stack(path) or _is_of_cvat(path)


def _are_annotations(path: Path) -> bool:
    return is_label_stack(path) or _is_of_cvat(path) or _is_annotated(path)


def _is_annotated(path: Path) -> bool:
    return annotation_format(path) is not None


def _is_of_cvat(path: Path) -> bool:
    return path.suffix.lower() in CVAT_SUFFIXES and path.is_file()


def _is_video(path: Path) -> bool:
    is_folder = path.is_dir() and not is_project(path)
    return is_folder or path.suffix.lower() in FILE_SUFFIXES
