"""Finding the file of a video that was moved."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ifc_core.annotation.records import VideoEntry
from ifc_core.annotation.rows import normalised
from ifc_core.errors import OtherContentError, ProjectError, VideoError
from ifc_core.io.fingerprint import file_fingerprint, folder_fingerprint
from ifc_core.io.frame_list import list_frames
from ifc_core.io.problems import is_text
from ifc_core.io.video_suffixes import FILE_SUFFIXES
from ifc_core.jobs import JobContext
from ifc_core.structures import Video

_MAX_ENTRIES = 20_000  # of a folder that is searched, so that "/" does not hang the window


class Nearby:
    """What lies around a project, looked at once where many videos are looked for.

    A video that has no fingerprint is known only once its file was opened, which may take long.

    Args:
        context: Progress and cancellation while files are opened.
        opens: Whether files are opened; where not, none of those is found that would have to be.

    Attributes:
        passed_over: Whether there was one to open that was not.
    """

    def __init__(self, context: JobContext | None = None, *, opens: bool = True) -> None:
        self.passed_over = False
        self._context = context
        self._opens = opens
        self._walked: dict[tuple[Path, ...], list[Path]] = {}
        self._sizes: dict[Path, int] = {}
        self._fingerprints: dict[Path, str] = {}
        self._opened: dict[Path, Video | None] = {}

    def paths(self, folders: Sequence[Path]) -> list[Path]:
        """Files and folders below some folders, the nearest first, each once."""
        key = tuple(folders)
        if key not in self._walked:
            self._walked[key] = list(_walk(folders))
        return self._walked[key]

    def is_same_video(self, path: Path, entry: VideoEntry) -> bool:
        """Whether a file or folder has the content of a video, by its fingerprint if it has one.

        Else it has that video's size and number of frames; of its name the caller takes care.
        """
        try:
            if not entry.fingerprint:
                return path.exists() and self._has_shape_of(path, entry)
            if path not in self._sizes:
                self._sizes[path] = _size(path)
            size = self._sizes[path]
            if not size or not entry.fingerprint.startswith(f"{size}-"):
                return False  # without reading anything
            if path not in self._fingerprints:
                self._fingerprints[path] = _fingerprint(path)
        except (OSError, VideoError):
            return False
        return self._fingerprints[path] == entry.fingerprint

    def went_on(self, path: Path, entry: VideoEntry) -> bool:
        """Whether a file is a video with more frames behind it, as of a recording that went on."""
        if not entry.fingerprint or not _has_grown(path, entry.fingerprint):
            return False
        if not self._opens:
            self.passed_over = True
            return False
        opened = self.opened(path)
        return opened is not None and is_longer(opened, entry)

    def opened(self, path: Path) -> Video | None:
        """What a file or folder is, once it was opened; ``None`` where it is no video."""
        from ifc_core.io.video import open_video  # loads the decoder

        if path not in self._opened:
            self._opened[path] = None
            with suppress(VideoError), open_video(path, self._context) as reader:
                self._opened[path] = reader.video
        return self._opened[path]

    def _has_shape_of(self, path: Path, entry: VideoEntry) -> bool:
        if path.is_dir() and _size(path) != entry.num_frames:
            return False  # without opening anything
        if not self._opens:
            self.passed_over = True
            return False
        opened = self.opened(path)
        return opened is not None and fits(opened, entry)


def find_video(
    entry: VideoEntry,
    hint: str,
    folder: Path,
    search: Sequence[Path] = (),
    nearby: Nearby | None = None,
    entries: Sequence[VideoEntry] = (),
) -> Path | None:
    """Find a video's file or frame folder.

    The place relative to the project comes first, then the absolute one, then the folder
    of the project and the folders to search, by name and fingerprint; last, by fingerprint
    alone among files and frame folders of any name. Where there is none, a file of the name will do
    that begins with its content and has more frames. A video that has no fingerprint, since only
    annotations of it were ever seen, is known by its name, with or without suffix, its size and
    its number of frames, unless it could be another video of the project as well.

    Args:
        entry: The video as the project knows it.
        hint: Absolute path it had when it was added.
        folder: The project folder.
        search: More folders to look in, with what lies below them.
        nearby: What was looked at for other videos; by default everything is looked at anew.
        entries: The videos of the project.

    Returns:
        The place, or ``None``.
    """
    seen = nearby or Nearby()
    known = [entry.path, *([Path(hint)] if hint else [])]
    for path in known:
        for spelled in _spellings(path):
            if seen.is_same_video(spelled, entry):
                return spelled
    folders = [folder.parent, folder, *search]
    is_named = partial(_is_named, names={normalised(path.name) for path in known})
    if not entry.fingerprint:
        alike = [e for e in entries if _has_shape(e, entry.size, entry.num_frames)] or [entry]
        is_named = partial(_is_closest, entry=entry, entries=alike)
    named: list[Path] = []
    others: list[Path] = []
    for path in _walk(folders) if nearby is None else nearby.paths(folders):
        (named if is_named(path) else others).append(path)
        if named[-1:] == [path] and seen.is_same_video(path, entry):
            return path
    if not entry.fingerprint:  # any file at all would do
        return None
    same = next((path for path in others if seen.is_same_video(path, entry)), None)
    return same or next((path for path in (*known, *named) if seen.went_on(path, entry)), None)


@dataclass(frozen=True, slots=True)
class Around:
    """Where files are looked for that a person must agree to.

    Attributes:
        folder: The project folder.
        search: More folders to look in, with what lies below them.
        nearby: What was looked at for other videos.
        entries: The videos of the project.
    """

    folder: Path
    search: Sequence[Path]
    nearby: Nearby
    entries: Sequence[VideoEntry]

    def only(
        self, entry: VideoEntry, among: Sequence[VideoEntry], is_meant: Callable[[Video], bool]
    ) -> Video | None:
        """The only content among files of the name of one of some videos that is meant."""
        places = self.nearby.paths([self.folder.parent, self.folder, *self.search])
        named = [path for path in places if _is_closest(path, entry, among)]
        opened = [video for video in map(self.nearby.opened, named) if video is not None]
        found = {video.fingerprint: video for video in opened if is_meant(video)}
        return next(iter(found.values())) if len(found) == 1 else None


def find_longer(entry: VideoEntry, around: Around) -> Video | None:
    """The file that a video of which nothing but annotations was seen is the beginning of.

    Annotations need not go to the end of their video, such as those in a text of MOTS, which tells
    of masks alone. It is the only file of its name and size that is longer.
    """
    if entry.fingerprint:
        return None
    unseen = [e for e in around.entries if not e.fingerprint]
    return around.only(entry, unseen, lambda video: begins(video, entry, around.entries))


def find_copy(entry: VideoEntry, around: Around) -> Video | None:
    """The file that may be a video coded anew: of its name, size and length, and another content.

    Where there is none, a longer one: what was seen may have been a recording that went on. Nobody
    can tell whether its frames show the same, so a person has to say it.
    """
    if not entry.fingerprint:
        return None

    def is_other(video: Video) -> bool:
        return all(video.fingerprint != other.fingerprint for other in around.entries)

    def is_copy(video: Video) -> bool:
        return is_other(video) and _has_shape(entry, video.size, video.num_frames)

    def is_longer(video: Video) -> bool:
        is_more = video.size == entry.size and video.num_frames > entry.num_frames
        return is_other(video) and is_more

    copy = around.only(entry, around.entries, is_copy)
    return copy or around.only(entry, around.entries, is_longer)


def _is_named(path: Path, names: Set[str]) -> bool:
    return normalised(path.name) in names


def _is_closest(path: Path, entry: VideoEntry, entries: Sequence[VideoEntry]) -> bool:
    return is_named_like(path, entry) and [e.id for e in _closest(entries, path)] == [entry.id]


def is_named_like(path: Path, entry: VideoEntry) -> bool:
    """Whether a file or folder has the name of a video, with or without a video's suffix."""
    known = {entry.name, entry.path.name}
    if entry.path.suffix.lower() in FILE_SUFFIXES:
        known.add(entry.path.stem)
    mine = {path.name}
    if path.suffix.lower() in FILE_SUFFIXES:
        mine.add(path.stem)
    return not {normalised(name) for name in known}.isdisjoint(map(normalised, mine))


def same_video(entries: Iterable[VideoEntry], found: Video) -> VideoEntry | None:
    """The video of a project that a file is: by its content, else by name, size and length.

    Only a video of which nothing but annotations was ever seen is known by its name, and only
    where no other one of the project could as well be meant: see :func:`namesakes`.
    """
    return same_videos(entries, [found])[0]


def same_videos(entries: Iterable[VideoEntry], found: Sequence[Video]) -> list[VideoEntry | None]:
    """For each of some files the video of a project that it is, as :func:`same_video` has it.

    One that went on being recorded is known by its beginning and its name.
    A video is one file at most, or copies of it: the one whose path agrees best with its own,
    and none where two of different content agree alike.
    """
    known = list(entries)
    seen = {entry.fingerprint: entry for entry in known if entry.fingerprint}
    claims: dict[int, dict[str, int]] = {}  # id -> fingerprints of files, how well they agree
    for video in found:
        if video.fingerprint not in seen:
            begun = [e for e in known if is_named_like(video.path, e) and is_longer(video, e)]
            seen |= {video.fingerprint: begun[0]} if len(begun) == 1 else {}
        closest = [] if video.fingerprint in seen else namesakes(known, video)
        if len(closest) == 1 and not closest[0].fingerprint:
            claim = claims.setdefault(closest[0].id, {})
            agrees = _common_folders(video.path, closest[0])
            claim[video.fingerprint] = max(agrees, claim.get(video.fingerprint, 0))
    for entry in known:
        claim = claims.get(entry.id, {})
        best = [mark for mark, agrees in claim.items() if agrees == max(claim.values())]
        if len(best) == 1:
            seen[best[0]] = entry
    return [seen.get(video.fingerprint) for video in found]


def namesakes(entries: Iterable[VideoEntry], found: Video) -> list[VideoEntry]:
    """The videos of a project that have the name, size and length of a file.

    Of several those whose folders agree with its own the furthest, from the last one up:
    ``elsewhere/b/img1`` is ``b/img1`` sooner than ``a/img1``.
    """
    return _closest((e for e in entries if _has_shape(e, found.size, found.num_frames)), found.path)


def _closest(entries: Iterable[VideoEntry], path: Path) -> list[VideoEntry]:
    agreeing = [(_common_folders(path, e), e) for e in entries if is_named_like(path, e)]
    most = max((count for count, _ in agreeing), default=0)
    return [entry for count, entry in agreeing if count == most]


def _common_folders(path: Path, entry: VideoEntry) -> int:
    """How many folders above a file and above a video have the same names, the nearest first."""
    mine, known = (p.absolute().parent.parts[::-1] for p in (path, entry.path))
    pairs = enumerate(zip(mine, known, strict=False))
    differing = (i for i, (a, b) in pairs if normalised(a) != normalised(b))
    return next(differing, min(len(mine), len(known)))


def _has_shape(entry: VideoEntry, size: tuple[int, int], num_frames: int) -> bool:
    return (entry.size, entry.num_frames) == (size, num_frames)


def _spellings(path: Path) -> Iterator[Path]:
    """The path as stored (NFC) and as another system may have written it (NFD)."""
    yield path
    decomposed = Path(unicodedata.normalize("NFD", str(path)))
    if decomposed != path:
        yield decomposed


def fits(found: Video, entry: VideoEntry) -> bool:
    """Whether a file that was opened is a video of the project.

    One that has no fingerprint must have as many frames: which of more they are, nobody knows.
    """
    if entry.fingerprint:
        return (found.fingerprint, found.size) == (entry.fingerprint, entry.size)
    return (found.size, found.num_frames) == (entry.size, entry.num_frames)


def is_longer(found: Video, entry: VideoEntry) -> bool:
    """Whether a file begins with all that was seen of a video and has more frames behind it.

    So it is with one that was opened while it was still being recorded.
    """
    if found.size != entry.size or found.num_frames <= entry.num_frames or not entry.fingerprint:
        return False
    return _has_grown(found.path, entry.fingerprint)


def begins(found: Video, entry: VideoEntry, entries: Iterable[VideoEntry]) -> bool:
    """Whether a video of which nothing but annotations was ever seen may be a file's beginning.

    They lie on its first frames where they count from there; so a person has to say it, and is
    told what was made of it.

    Args:
        found: The file, which is longer.
        entry: The video as the project knows it.
        entries: The videos of the project, none of which the file is otherwise.
    """
    is_longer = found.num_frames > entry.num_frames
    could_be = is_longer and not entry.fingerprint and found.size == entry.size
    return could_be and not any(fits(found, other) for other in entries)


def check_same(
    found: Video,
    entry: VideoEntry,
    entries: Iterable[VideoEntry],
    *,
    is_coded_anew: bool = False,
) -> None:
    """Refuse a file that a person named where it is another video.

    Args:
        found: The file as it was opened.
        entry: The video that it shall be.
        entries: The videos of the project.
        is_coded_anew: A person says that it shows the same, though its content is another.

    Raises:
        OtherContentError: Its content is another, the size is the same and no frame is missing.
        ProjectError: It has another size, or fewer frames; or more frames, where
            the file is another video of the project.
    """
    if fits(found, entry) or is_longer(found, entry) or begins(found, entry, entries):
        return
    text = f"{found.path.name} is not the video {entry.name}"
    more = found.num_frames - entry.num_frames
    if found.size == entry.size and (more == 0 or (more > 0 and entry.fingerprint)):
        if is_coded_anew:
            return
        told = f"{text}: its content is another"
        if more:
            told += f", and it has {found.num_frames} frames, not {entry.num_frames}"
        error = OtherContentError(f"{told}.", path=found.path, video_id=entry.id)
        error.is_longer = more > 0
        raise error
    raise ProjectError(
        f"{text}: it has {found.width}x{found.height} pixels and {found.num_frames} frames, "
        f"not {entry.width}x{entry.height} and {entry.num_frames}.",
        path=found.path,
    )


def is_same_video(path: Path, entry: VideoEntry) -> bool:
    """Whether a file or folder has the content of a video, by its fingerprint if it has one.

    There may be more of it behind that, where it was still being recorded.
    """
    nearby = Nearby()
    return nearby.is_same_video(path, entry) or nearby.went_on(path, entry)


def _size(path: Path) -> int:
    """What a fingerprint begins with: bytes of a file, frames of a folder; 0 for what is none."""
    try:
        return len(list_frames(path)) if path.is_dir() else path.stat().st_size
    except (OSError, VideoError):
        return 0


def _has_grown(path: Path, fingerprint: str) -> bool:
    """Whether a file or folder begins with what has a fingerprint and has more behind it."""
    number = fingerprint.partition("-")[0]
    size = int(number) if number.isdecimal() else 0
    if not 0 < size < _size(path):
        return False
    try:
        if path.is_dir():
            return folder_fingerprint(list_frames(path)[:size]) == fingerprint
        return file_fingerprint(path, size) == fingerprint
    except (OSError, VideoError):
        return False


def _fingerprint(path: Path) -> str:
    return folder_fingerprint(list_frames(path)) if path.is_dir() else file_fingerprint(path)


def _walk(folders: Sequence[Path]) -> Iterator[Path]:
    """Files and folders below some folders, the nearest first, each once.

    Those of a name that is not UTF-8 are passed over: the project could not keep the place.
    """
    seen: set[Path] = set()
    for number, folder in enumerate(folders):
        depth = 1 if number < 2 else 4
        count = 0
        for parent, below, files in os.walk(folder):
            here = Path(parent)
            if len(here.relative_to(folder).parts) >= depth - 1:
                inner, below[:] = list(below), []
            else:
                inner = list(below)
            for name in (*files, *inner):
                path = here / name
                count += 1
                if path not in seen and count <= _MAX_ENTRIES and is_text(name):
                    seen.add(path)
                    yield path
            if count > _MAX_ENTRIES:
                break
