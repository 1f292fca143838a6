"""Proposals that refer to the videos and classes of an annotation file, such as a benchmark's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ifc_core.errors import InputError
from ifc_core.io.frame_folder import FolderReader
from ifc_core.io.video import VideoReader
from ifc_core.io.ytvis import YtvisVideo, read_ytvis_header
from ifc_core.structures import Category

_SHOWN = 3


class DatasetIds:
    """Videos and classes of a YouTube-VIS file, found by the names of what is proposed on.

    Args:
        path: The file; it needs no annotations.

    Raises:
        FormatError: The file breaks the format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        header = read_ytvis_header(path, needs_annotations=False)
        self._categories = {category.name: category for category in header.categories}
        self._videos: dict[str, list[YtvisVideo]] = {}
        for video in header.videos:
            for name in {video.name, PurePosixPath(video.name).name}:
                self._videos.setdefault(name, []).append(video)

    def entry(self, path: Path) -> YtvisVideo:
        """The video of the file that a folder of frames or a video file is.

        Raises:
            InputError: The file lists none of this name, or several.
        """
        name = path.resolve().name if path.is_dir() else path.stem
        found = self._videos.get(name, [])
        if len(found) != 1:
            number = "no video" if not found else f"{len(found)} videos"
            raise InputError(
                f"{self.path} lists {number} called {name}, so {path} has no id there."
            )
        return found[0]

    def check_video(self, path: Path, reader: VideoReader, frames: range) -> None:
        """Make sure before the work that masks will lie on the frames that the file lists.

        Args:
            path: What is proposed on.
            reader: Of it.
            frames: Those that will be looked at.

        Raises:
            InputError: The file lists no such video, or it has other frames or another size.
        """
        entry, size = self.entry(path), reader.video.size
        if size != (entry.height, entry.width):
            raise InputError(
                f"{path} is {size[1]} x {size[0]} pixels, but {self.path} says {entry.width} x "
                f"{entry.height} of {entry.name}."
            )
        if len(frames) != entry.length:
            raise InputError(
                f"{path} has {len(frames)} frames to look at, but {self.path} lists {entry.length} "
                f"of {entry.name}; --frame-step and --frame-range choose some."
            )
        if isinstance(reader, FolderReader):
            here = [reader.files[index].stem for index in frames]
            there = [PurePosixPath(name).stem for name in entry.file_names]
            other = next(
                (pair for pair in zip(here, there, strict=True) if len(set(pair)) > 1), None
            )
            if other is not None:
                raise InputError(
                    f"{path} has the picture {other[0]} where {self.path} lists {other[1]} of "
                    f"{entry.name}; --frame-step and --frame-range choose some."
                )

    def named(self, categories: Sequence[Category]) -> tuple[Category | None, ...]:
        """The file's classes of the names of a model's, ``None`` where it has none."""
        return tuple(self._categories.get(category.name) for category in categories)

    def check_classes(self, categories: Sequence[Category]) -> str:
        """Make sure that a model knows classes of the file.

        Args:
            categories: Of the model.

        Returns:
            Which of them the file lacks, in a sentence; empty where it has all.

        Raises:
            InputError: It has none of them.
        """
        pairs = zip(categories, self.named(categories), strict=True)
        lacking = [category.name for category, there in pairs if there is None]
        shown = ", ".join(lacking[:_SHOWN]) + (", ..." if len(lacking) > _SHOWN else "")
        if len(lacking) == len(categories):
            raise InputError(
                f"{self.path} has none of the classes that the model knows ({shown}), so nothing "
                "could be written for it."
            )
        if not lacking:
            return ""
        return f"{self.path.name} lacks {len(lacking)} classes of the model ({shown}); left out."
