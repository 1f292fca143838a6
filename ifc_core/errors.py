"""Every error that IFC Studio raises on purpose, in one tree.

::

    IFCError                      anything of ours; exit code 1
    ├── InputError                what the person gave is unusable; exit code 2
    │   ├── VideoError            a video or frame folder cannot be read
    │   │   └── VideosMissingError
    │   ├── FormatError           an annotation file breaks its format
    │   ├── CheckpointError       weights cannot be used
    │   ├── ProjectError          a project cannot be opened or changed
    │   │   ├── ProjectLockedError
    │   │   ├── OtherVideoError   a file is another video than it should be
    │   │   ├── OtherContentError a file may be a video that was coded anew
    │   │   └── EditError         an edit does not apply to the present state
    │   ├── OutputError           a target cannot be written
    │   └── ConfigError           a setting is out of range or unknown
    └── EngineError               the engine process failed
        └── DeviceMemoryError     the device ran out of memory

Each error carries its data as attributes and a one-sentence message that says what
is wrong and, where it is not obvious, what to do. The command line prints the
sentence on stderr and exits with ``exit_code``; ``jobs.JobCancelled`` is not an error
and exits with 130.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


class IFCError(Exception):
    """Base of the tree. Errors keep their data when they go from one process to another.

    Attributes:
        exit_code: Exit status of the command line, 1 or 2.
    """

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        """Say how a copy is made; Python's own way knows no arguments by name."""
        return _rebuilt, (type(self), self.args, self.__dict__)


def _rebuilt(kind: type[IFCError], args: tuple[Any, ...], data: dict[str, Any]) -> IFCError:
    """An error as it was, without asking its constructor."""
    error = kind.__new__(kind, *args)  # which sets the arguments, and so the message
    error.__dict__.update(data)
    return error


class InputError(IFCError):
    """Something that the person gave cannot be used."""

    exit_code = 2


class VideoError(InputError):
    """A video or frame folder cannot be read.

    Attributes:
        path: The file or folder.
        frame_index: 0-based frame at which reading failed, if it got that far.
    """

    def __init__(self, message: str, *, path: Path | str, frame_index: int | None = None) -> None:
        super().__init__(message)
        self.path = Path(path)
        self.frame_index = frame_index


class VideosMissingError(VideoError):
    """None of the videos of a project is found.

    Attributes:
        folder: The project.
        names: What its videos are called, in their order; ``path`` is the first one's.
        can_be_told: Whether the project can be written, so that it can keep where they are.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path | str,
        folder: Path | str = "",
        names: tuple[str, ...] = (),
        can_be_told: bool = False,
    ) -> None:
        super().__init__(message, path=path)
        self.folder = Path(folder)
        self.names = names
        self.can_be_told = can_be_told


class FormatError(InputError):
    """An annotation file does not follow its format.

    Attributes:
        path: The file, if it came from one.
        where: Place inside the file, such as ``annotations[3].segmentations[7]``.
        expected: What the format asks for.
        actual: What was found.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path | str | None = None,
        where: str = "",
        expected: object = None,
        actual: object = None,
    ) -> None:
        super().__init__(message)
        self.path = None if path is None else Path(path)
        self.where = where
        self.expected = expected
        self.actual = actual


class CheckpointError(InputError):
    """Weights cannot be used: damaged, of another architecture, or not to be found.

    Attributes:
        path: The file or model name.
        missing: Tensors the architecture needs and the file lacks.
        unexpected: Tensors in the file that the architecture has no place for.
        mismatched: ``name -> (expected shape, actual shape)``.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path | str,
        missing: tuple[str, ...] = (),
        unexpected: tuple[str, ...] = (),
        mismatched: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] | None = None,
    ) -> None:
        super().__init__(message)
        self.path = Path(path)
        self.missing = missing
        self.unexpected = unexpected
        self.mismatched = mismatched or {}


class ProjectError(InputError):
    """A project cannot be opened, read or changed.

    Attributes:
        path: The project folder.
    """

    def __init__(self, message: str, *, path: Path | str) -> None:
        super().__init__(message)
        self.path = Path(path)


class OlderProjectError(ProjectError):
    """A project of an earlier version is to be read, and was not brought up to date yet."""


class ProjectLockedError(ProjectError):
    """Another process holds the project for writing."""


class OtherVideoError(ProjectError):
    """A file that a video was said to be is another video of the project.

    Attributes:
        video_id: That other one.
    """

    def __init__(self, message: str, *, path: Path | str, video_id: int) -> None:
        super().__init__(message, path=path)
        self.video_id = video_id


class OtherContentError(ProjectError):
    """A file has the size and frames of a video and another content, as if it were coded anew.

    Attributes:
        video_id: The video.
        is_longer: It has more frames, as if the video had still been recorded when it was seen.
    """

    is_longer = False

    def __init__(self, message: str, *, path: Path | str, video_id: int) -> None:
        super().__init__(message, path=path)
        self.video_id = video_id


class EditError(ProjectError):
    """An edit does not fit the present state of the project (nothing was changed)."""


class OutputError(InputError):
    """A file or folder cannot be written.

    Attributes:
        path: The target.
    """

    def __init__(self, message: str, *, path: Path | str) -> None:
        super().__init__(message)
        self.path = Path(path)


class ConfigError(InputError):
    """A setting is unknown or out of range.

    Attributes:
        name: Name of the setting.
        value: The value that was refused.
    """

    def __init__(self, message: str, *, name: str, value: object) -> None:
        super().__init__(message)
        self.name = name
        self.value = value


class EngineError(IFCError):
    """The engine process failed or went away."""


class EngineLostError(EngineError):
    """The engine process ended by itself: what it worked at was not to blame, or not surely."""


class DeviceMemoryError(EngineError):
    """The device (or the machine) has too little memory for the request.

    Attributes:
        device: Name of the device, such as ``"cuda:0"``.
    """

    def __init__(self, message: str, *, device: str) -> None:
        super().__init__(message)
        self.device = device
