"""Which video of the project, or which file on disk, a video of an annotation file means."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from ifc_core.annotation.edits.catalog import AddVideo
from ifc_core.annotation.file_frames import (
    FrameRule,
    Frames,
    FramesError,
    first_number_of,
    frames_of,
    unseen_frames,
)
from ifc_core.annotation.file_video_words import guess_note, misfit
from ifc_core.annotation.folder_names import ProjectNames
from ifc_core.annotation.locating import Nearby
from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.records import VideoEntry
from ifc_core.annotation.rows import normalised
from ifc_core.errors import FormatError, VideoError
from ifc_core.io.davis import RESOLUTIONS
from ifc_core.io.frame_list import SUFFIXES, list_frames, natural_key
from ifc_core.io.video_suffixes import FILE_SUFFIXES
from ifc_core.io.ytvis_types import YtvisVideo
from ifc_core.structures import Video

_DEFAULT_FPS = 30.0
_SUFFIXES = (*FILE_SUFFIXES, *(suffix.upper() for suffix in FILE_SUFFIXES))


@dataclass(frozen=True, slots=True)
class FileVideo:
    """Where the annotations of one video of a file go.

    Attributes:
        place: Id in the project, or the video to add; several videos of a file may share it.
        frames: One a frame of the file: the frame of the video.
        is_missing: The frames were not found on disk.
        num_frames: Frames that a video of the project turned out to have, where it was known by a
            part of them alone; else 0.
        problem: Why what was found cannot be used, as a sentence; may be empty.
        rule: What says which frames are meant.
        guess: Why a video of another name is taken for it, as a sentence; empty where it is not.
    """

    place: int | AddVideo
    frames: tuple[int, ...]
    is_missing: bool
    num_frames: int = 0
    problem: str = ""
    rule: FrameRule = FrameRule.CERTAIN
    guess: str = ""


@dataclass(frozen=True, slots=True)
class Likely:
    """Which videos may be meant by one that is found nowhere: the only one of its size.

    Attributes:
        ids: Videos of the project that may be.
        may_be_longer: The file calls its videos by numbers and may end before they do, as folders
            of masks are used to; else only one of just as many frames is meant.
    """

    ids: Collection[int] = ()
    may_be_longer: bool = False


def resolve_videos(
    reader: ProjectReader,
    videos: Sequence[YtvisVideo],
    root: Path,
    video_map: Mapping[str, int],
    likely: Likely = Likely(),
    first_number: int | None = None,
) -> dict[int, FileVideo]:
    """Find a place for every video of a file.

    A video is the project's one of the same fingerprint, else of the same name and size;
    else it is added, with its frames if they are found below ``root``. Single pictures of one
    folder and size are frames of one video: that folder. One that is found nowhere, and is not
    told by a fingerprint, may be the only video of the project of its size and length, unless
    another one of the file could be it as well.

    Args:
        reader: The project.
        videos: Videos of the file.
        root: Folder below which frames and video files are looked for.
        video_map: Names that the person already decided.
        likely: Which videos may be meant by one that is found nowhere; by default none.
        first_number: The number of a first frame, where numbers alone tell frames; by default it
            is found out. Videos of one file are counted alike.

    Returns:
        File id -> place.

    Raises:
        FormatError: A video does not fit the one it was mapped to, or the one whose content it
            has, or nothing tells which frames of its video it means.
    """
    groups = list(_gathered(videos, video_map))
    wholes = [_whole(members) for members in groups]
    resolver = _Resolver(reader, wholes, root, video_map, first_number)
    found = [resolver.place(whole) for whole in wholes]
    if first_number is None and _count_from_1(wholes, found):
        resolver = _Resolver(reader, wholes, root, video_map, 1)
        found = [resolver.place(whole) for whole in wholes]
    places: dict[int, FileVideo] = {}
    for members, whole, place in zip(
        groups, wholes, resolver.guessed(wholes, found, likely), strict=True
    ):
        if len(members) == 1:
            places[whole.id] = place
            continue
        frame_of = dict(zip(whole.file_names, place.frames, strict=True))
        for video in members:
            places[video.id] = replace(place, frames=(frame_of[video.file_names[0]],))
    return {key: resolver.settled(place) for key, place in places.items()}


def _count_from_1(videos: Sequence[YtvisVideo], found: Sequence[FileVideo]) -> bool:
    """Whether some videos are counted from 1, and others were not yet, and all of them can be."""
    if _begins_at_0(videos):
        return False
    pairs = [(v, p.rule) for v, p in zip(videos, found, strict=True) if not v.is_open]
    by_number = (FrameRule.FROM_0, FrameRule.PICTURES)
    lowest = [first_number_of(v) for v, rule in pairs if v.numbers or rule in by_number]
    rules = {rule for _, rule in pairs}
    return {FrameRule.FROM_0, FrameRule.FROM_1} <= rules and 0 not in lowest


def _begins_at_0(videos: Sequence[YtvisVideo]) -> bool:
    """Whether a file that numbers frames itself gives a first frame a 0; all from there is none."""
    numbered = [video for video in videos if video.numbers and not video.is_open]
    return bool(numbered) and any(
        not video.numbers[0] if video.numbers else video.length > 1
        for video in videos
        if not video.is_open
    )


def _whole(members: Sequence[YtvisVideo]) -> YtvisVideo:
    """The video of which some are the pictures, in natural order; one stays as it is."""
    if len(members) == 1:
        return members[0]
    unordered = {video.file_names[0] for video in members}
    names = sorted(unordered, key=lambda name: (natural_key(name), name))
    return replace(members[0], length=len(names), file_names=tuple(names))


def _gathered(
    videos: Sequence[YtvisVideo], video_map: Mapping[str, int]
) -> Iterator[list[YtvisVideo]]:
    """The videos of a file; those that are one picture each by folder and size."""
    groups: dict[tuple[object, ...], list[YtvisVideo]] = {}
    for video in videos:
        picture = PurePosixPath(video.file_names[0]) if video.length == 1 else None
        is_alone = picture is None or picture.suffix.lower() not in SUFFIXES
        is_told = video.details is not None or bool(video.numbers) or video.name in video_map
        if picture is None or is_alone or is_told:
            groups[video.id,] = [video]
        else:
            groups.setdefault((picture.parent, video.height, video.width), []).append(video)
    yield from groups.values()


class _Resolver:
    """Finds places; looks at each file and folder once.

    Args:
        reader: The project.
        videos: Videos of the file.
        root: Folder below which frames and video files are looked for.
        video_map: Names that the person already decided.
        first_number: The number of a first frame, or ``None`` to find out.
    """

    def __init__(
        self,
        reader: ProjectReader,
        videos: Sequence[YtvisVideo],
        root: Path,
        video_map: Mapping[str, int],
        first_number: int | None,
    ) -> None:
        self._reader = reader
        self._first_number = first_number
        self._first_unseen = first_number
        if first_number is None and _begins_at_0(videos):
            self._first_unseen = 0
        self._root = root
        self._video_map = video_map
        self._known = reader.videos()
        self._names = ProjectNames(self._known, [video.name for video in videos])
        self._nearby = Nearby()
        self._files: dict[int, Path | None] = {}
        self._opened: dict[Path, Video | VideoError] = {}
        self._listed: dict[Path, list[str]] = {}
        self._lengths: dict[int, int] = {}
        self._new: dict[str, AddVideo] = {}  # by fingerprint

    def place(self, video: YtvisVideo) -> FileVideo:
        """Where the annotations of a video go."""
        if video.name in self._video_map:
            entry = self._reader.video(self._video_map[video.name])
            found = self._fitted(video, entry)
            if found is None:
                raise misfit(video, entry)
            return found
        found = self._of_same_content(video)
        if found is not None:
            return found
        why: list[FramesError] = []
        for entry in self._names.entries(video.name):
            try:
                found = self._fitted(video, entry)
            except FramesError as error:
                why += [error] if entry.fingerprint else []
            if found is not None:
                return found
        return self._added(video, why)

    def guessed(
        self, videos: Sequence[YtvisVideo], found: Sequence[FileVideo], likely: Likely
    ) -> list[FileVideo]:
        """The same places; those that were found nowhere in the only video that they may be."""
        if not likely.ids:
            return [self._explained(v, p) for v, p in zip(videos, found, strict=True)]
        by_size: dict[tuple[int, int], list[VideoEntry]] = defaultdict(list)
        for entry in self._known:
            by_size[entry.size].append(entry)
        fitting = [
            [
                e
                for e in by_size[v.height, v.width]
                if _may_be(v, e, likely.may_be_longer) or self._has_pictures(v, e)
            ]
            if _is_unknown(v, place)
            else []
            for v, place in zip(videos, found, strict=True)
        ]
        wanted = Counter(entry.id for entries in fitting for entry in entries)
        wanted.update(place.place for place in found if isinstance(place.place, int))
        guesses = []
        for video, place, entries in zip(videos, found, fitting, strict=True):
            only = entries[0] if len(entries) == 1 and wanted[entries[0].id] == 1 else None
            is_seen = only is not None and only.fingerprint and only.id in likely.ids
            there = self._fitted_or_none(video, only) if only is not None and is_seen else None
            if there is not None and only is not None:
                by_names = not _may_be(video, only, likely.may_be_longer)
                guess = guess_note(_told_name(video, place), video, only, by_names)
                there = replace(there, guess=guess)
            guesses.append(there or self._explained(video, place))
        return guesses

    def _explained(self, video: YtvisVideo, place: FileVideo) -> FileVideo:
        """The same; where it is not that of its name in the project, why not.

        Raises:
            FormatError: Only its masks say how long it is, and one lies beyond that video.
        """
        entry = next(iter(self._names.entries(video.name)), None)
        if entry is None or not place.is_missing:
            return place
        has_size = entry.size == (video.height, video.width)
        if video.is_open and has_size and entry.fingerprint:
            raise FormatError(
                f"The last masks of {video.name} are on its frame {video.length - 1}, counted from "
                f"0, and the project's {entry.name} has {entry.num_frames} frames."
            )
        if place.problem:
            return place
        return replace(
            place,
            problem=f"The project's {entry.name} has {entry.width}x{entry.height} pixels and "
            f"{entry.num_frames:,} frames, {video.name} of the file has "
            f"{video.width}x{video.height} and {video.length:,}, so it is another video.",
        )

    def settled(self, found: FileVideo) -> FileVideo:
        """The same, once every video has its place: later ones may have made its video longer."""
        if isinstance(found.place, int):
            return replace(found, num_frames=self._lengths.get(found.place, 0))
        return replace(found, place=self._new.get(found.place.video.fingerprint, found.place))

    def _of_same_content(self, video: YtvisVideo) -> FileVideo | None:
        fingerprint = video.details.fingerprint if video.details is not None else ""
        same = (e for e in self._known if fingerprint and e.fingerprint == fingerprint)
        entry = next(same, None)
        if entry is None:
            return None
        found = self._fitted(video, entry) or self._grown(video, entry)
        if found is None:
            raise misfit(video, entry)
        return found

    def _fitted_or_none(self, video: YtvisVideo, entry: VideoEntry) -> FileVideo | None:
        try:
            return self._fitted(video, entry)
        except FramesError:
            return None

    def _fitted(self, video: YtvisVideo, entry: VideoEntry) -> FileVideo | None:
        """A place in a video of the project, if size and frames allow it."""
        if entry.size != (video.height, video.width):
            return None
        frames = self._frames(video, entry.video, partial(self._pictures, entry))
        fits = frames.places[-1] < max(entry.num_frames, self._lengths.get(entry.id, 0))
        return _in_project(entry, frames) if fits else None

    def _grown(self, video: YtvisVideo, entry: VideoEntry) -> FileVideo | None:
        """A place in a video of which the project has seen a part alone, which gets longer."""
        if entry.size != (video.height, video.width):
            return None
        file = self._file(entry)
        frames = self._frames(video, entry.video, partial(self._pictures, entry))
        last = frames.places[-1]
        opened = None if file is None else self._open(file)
        length = opened.num_frames if isinstance(opened, Video) else last + 1
        if last >= length:
            return None
        self._lengths[entry.id] = length
        return _in_project(entry, frames)

    def _added(self, video: YtvisVideo, why: list[FramesError]) -> FileVideo:
        """A video to add: with its frames, or as a name to find them by.

        Raises:
            FramesError: Videos of its name are there, and nothing tells which frames of them it
                means; ``why`` is what was found out so far.
        """
        problem = ""
        for path in self._candidates(video):
            found = self._open(path)
            if isinstance(found, VideoError):
                problem = problem or str(found)
            elif found.size == (video.height, video.width):
                try:
                    frames = self._frames(video, found, partial(self._list, path))
                except FramesError as error:
                    why = [*why, error]
                    continue
                if frames.places[-1] < found.num_frames:
                    return self._found(found, self._name(video), frames)
        if why:
            raise why[0]
        return replace(self._unseen(video), problem=problem)

    def _found(self, found: Video, name: str, frames: Frames) -> FileVideo:
        """A video that was found on disk: the project may know it by another name."""
        for entry in self._known:
            if entry.fingerprint == found.fingerprint:
                if frames.places[-1] >= entry.num_frames:
                    self._lengths[entry.id] = found.num_frames
                return _in_project(entry, frames)
        new = self._shared(AddVideo(found, name))
        return FileVideo(new, frames.places, False, rule=frames.rule)

    def _unseen(self, video: YtvisVideo) -> FileVideo:
        """A video that was not found: as many frames as the file knows of, and a place to be."""
        details = video.details
        listed = details.frame_indices if details is not None else ()
        found = Frames(listed) if listed else unseen_frames(video, self._first_unseen)
        frames = found.places
        # Its place is not that of the root, where any folder would be taken for it.
        source = details.source if details is not None and details.source else video.name
        fps = details.fps if details is not None and details.fps > 0 else _DEFAULT_FPS
        fingerprint = details.fingerprint if details is not None else ""
        place, length = self._root / source, frames[-1] + 1
        unseen = Video(place, length, video.height, video.width, fps, fingerprint)
        new = self._shared(AddVideo(unseen, self._name(video)))
        return FileVideo(new, frames, True, rule=found.rule)

    def _shared(self, new: AddVideo) -> AddVideo:
        """One video to add for all of a content, as long as the longest of them."""
        fingerprint = new.video.fingerprint
        if not fingerprint:
            return new
        known = self._new.get(fingerprint)
        if known is None or known.video.num_frames < new.video.num_frames:
            self._new[fingerprint] = new
        return self._new[fingerprint]

    def _name(self, video: YtvisVideo) -> str:
        """What people call a video: the folder of its frames."""
        if "/" in video.file_names[0]:
            return video.name.rpartition("/")[2]
        return self._root.resolve().name or video.name

    def _candidates(self, video: YtvisVideo) -> list[Path]:
        """Places below the root where the video may be; none that leaves it."""
        root = self._root
        places = [root / "JPEGImages" / video.name, root / video.name]
        places += [root / kind / video.name for kind in RESOLUTIONS]
        pictures = [base / video.file_names[0] for base in (root / "JPEGImages", root)]
        files = (root / f"{video.name}{suffix}" for suffix in _SUFFIXES)
        places += [file for file in files if file not in pictures]  # a picture is no stack
        places += [picture.parent for picture in pictures if _is_there(picture)]
        if video.details is not None and video.details.source:
            places.insert(0, root / video.details.source)
        inside = root.resolve()
        return [p for p in places if _is_there(p) and p.resolve().is_relative_to(inside)]

    def _file(self, entry: VideoEntry) -> Path | None:
        if entry.id not in self._files:
            self._files[entry.id] = self._reader.find_video_file(entry.id, nearby=self._nearby)
        return self._files[entry.id]

    def _pictures(self, entry: VideoEntry) -> list[str]:
        """Names of the pictures of a video of the project; none where it is no folder."""
        return self._list(self._file(entry) or entry.path)

    def _has_pictures(self, video: YtvisVideo, entry: VideoEntry) -> bool:
        """Whether names without a folder are all those of pictures of a video of the project."""
        stems = {normalised(PurePosixPath(name).stem) for name in video.file_names}
        if "/" in video.file_names[0]:
            return False
        return stems <= {PurePosixPath(name).stem for name in self._pictures(entry)}

    def _open(self, path: Path) -> Video | VideoError:
        from ifc_core.io.video import open_video  # loads the decoder

        if path not in self._opened:
            try:
                with open_video(path) as reader:
                    self._opened[path] = reader.video
            except VideoError as error:
                self._opened[path] = error
        return self._opened[path]

    def _list(self, folder: Path) -> list[str]:
        if folder not in self._listed:
            try:
                files = list_frames(folder) if folder.is_dir() else []
            except (OSError, VideoError):
                files = []
            self._listed[folder] = [normalised(file.name) for file in files]
        return self._listed[folder]

    def _frames(self, video: YtvisVideo, known: Video, pictures: Callable[[], list[str]]) -> Frames:
        return frames_of(video, known, pictures, self._first_number)


def _in_project(entry: VideoEntry, frames: Frames) -> FileVideo:
    return FileVideo(entry.id, frames.places, False, rule=frames.rule)


def _is_unknown(video: YtvisVideo, found: FileVideo) -> bool:
    """Whether nothing but its name and shape tells a video that was not found."""
    has_content = video.details is not None and bool(video.details.fingerprint)
    return found.is_missing and not found.problem and not has_content


def _may_be(video: YtvisVideo, entry: VideoEntry, may_be_longer: bool) -> bool:
    longer = may_be_longer and entry.num_frames > video.length
    return longer or entry.num_frames == video.length


def _told_name(video: YtvisVideo, found: FileVideo) -> str:
    """What people call a video that was not found."""
    if "/" in video.file_names[0] or isinstance(found.place, int):
        return video.name
    return found.place.name


def _is_there(path: Path) -> bool:
    """Whether there is such a file or folder, as far as one may look."""
    try:
        return path.exists()
    except OSError:  # a folder that may not be entered, or a name that is too long for one
        return False
