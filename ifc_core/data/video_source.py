"""Clips of labelled videos as a source for training."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ifc_core.data.augmentation import Augmentation
from ifc_core.data.clip_sampling import INTERVAL_FRAMES, build_clip, sample_frames
from ifc_core.data.clip_source import ClipRequest, sample_generator, sample_seed
from ifc_core.data.labelled_video import (
    FrameStore,
    LabelledTrack,
    LabelledVideo,
    check_picture_size,
    cut_out,
)
from ifc_core.data.pseudo_clip import move_picture
from ifc_core.data.sample import ClipSample
from ifc_core.data.small_objects import training_window
from ifc_core.errors import FormatError, VideoError
from ifc_core.io.fingerprint import folder_fingerprint
from ifc_core.io.frame_list import list_frames, numbers_at_end
from ifc_core.io.video import open_video
from ifc_core.io.video_suffixes import FILE_SUFFIXES
from ifc_core.io.ytvis import read_ytvis
from ifc_core.io.ytvis_types import YtvisTrack, YtvisVideo
from ifc_core.models.input_size import input_size
from ifc_core.structures import RLEMask


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng((seed, epoch, count)).permutation(count)


def pick_in_epochs(seed: int, index: int, count: int) -> int:
    """The item of a shuffled pass over ``count`` items that sample ``index`` gets.

    Every pass visits each item once, in an order of its own.
    """
    return int(_order(seed, index // count, count)[index % count])


@dataclass(frozen=True, slots=True)
class VideoSource:
    """Draws clips around labelled frames.

    Attributes:
        seed: Of the choices.
        videos: At least one, with labelled frames.
        interval: Largest distance of a frame from the reference frame.
        augmentation: Applied to the whole clip.
        still_share: Share of the clips that are made of the reference frame alone, by an affine
            motion; useful where few frames are labelled.
        labelled_share: Probability that a clip draws its other frames among labelled ones only.
        close_up: Whether clips around frames with objects that are too small for the requested
            size show a part of the frame with one of them, most of the time.
        short_side: Of the frames in pixels; ``None`` takes that of the requested size.
        size_multiple: Both sides of a frame are made the nearest multiple of it, as for the model
            when it proposes.
        store: Reads the pictures.
    """

    seed: int
    videos: tuple[LabelledVideo, ...]
    interval: int = INTERVAL_FRAMES
    augmentation: Augmentation = field(default_factory=Augmentation)
    still_share: float = 0.0
    labelled_share: float = 1.0
    close_up: bool = False
    short_side: int | None = None
    size_multiple: int = 1
    store: FrameStore = field(default_factory=FrameStore, compare=False)
    _places: tuple[tuple[int, int], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """List once what can be drawn (there may be 60,000 frames); it must be something."""
        places = ((n, f) for n, video in enumerate(self.videos) for f in video.labelled_frames)
        object.__setattr__(self, "_places", tuple(places))
        if not self._places:
            raise FormatError("None of the videos has a labelled frame to train on.")

    def __call__(self, request: ClipRequest) -> ClipSample:
        """The clip of a request, at the source's own short side or that of the requested size."""
        rng = sample_generator(self.seed, request.index)
        chosen = pick_in_epochs(self.seed, request.index, len(self._places))
        number, reference = self._places[chosen]
        video = self.videos[number]
        short_side = self.short_side or min(request.height, request.width)
        own = video.height, video.width
        size = input_size(own, short_side, multiple=self.size_multiple)
        frames, is_still = [reference], False
        if request.num_frames > 1 and rng.random() < self.still_share:
            is_still = True
        else:
            only_labelled = rng.random() < self.labelled_share
            pool = video.labelled_frames if only_labelled else range(video.num_frames)
            frames = sample_frames(reference, request.num_frames, pool, rng, self.interval)
        if self.close_up:
            window = training_window(video, reference, min(size), rng)
            video = video if window is None else cut_out(video, window, frames)
        clip = build_clip(video, frames, size, self.store)
        if is_still:
            clip = move_picture(clip, request.num_frames, rng)
        return self.augmentation(clip, sample_seed(self.seed + 1, request.index))


def read_ytvis_videos(annotations: Path, root: Path) -> tuple[tuple[LabelledVideo, ...], list[str]]:
    """Read a YouTube-VIS file and find its videos.

    Frames that the file calls exhaustive (all of them where it says nothing, but for those with
    a crowd region) teach "no object" too; in files with our extension key, frames without a
    state are not annotated. Crowd regions are left out. Where the file holds a part of the frames
    of a video file (every fifth, say), our extension key or the numbers of its names say which.

    Args:
        annotations: The JSON file.
        root: Folder of the frames, or of video files named like their folders.

    Returns:
        The videos and the names of the classes, in the order of their category ids.

    Raises:
        FormatError: The file breaks the format, or its videos are not under ``root``.
        VideoError: A video cannot be read, or its pictures have another shape than its masks.
    """
    file = read_ytvis(annotations)
    categories = sorted(file.categories, key=lambda category: category.id)
    labels = {category.id: label for label, category in enumerate(categories)}
    videos = []
    for video in file.videos:
        tracks = [t for t in file.tracks if t.video_id == video.id]
        videos.append(_labelled(video, tracks, labels, root))
    with closing(FrameStore()) as store:
        for labelled in videos:
            check_picture_size(labelled, store)
    return tuple(videos), [category.name for category in categories]


def _labelled(
    video: YtvisVideo, tracks: list[YtvisTrack], labels: dict[int, int], root: Path
) -> LabelledVideo:
    path, files = _find_frames(video, root)
    flags = video.details.exhaustive if video.details else ()
    full = flags or (True,) * video.length
    crowded = {f for t in tracks if t.is_crowd for f, rle in enumerate(t.segmentations) if rle}
    exhaustive = {f for f in range(video.length) if full[f]} - crowded
    return LabelledVideo(
        name=video.name,
        path=path,
        num_frames=video.length,
        height=video.height,
        width=video.width,
        tracks=tuple(
            LabelledTrack(labels[t.category_id], _known_masks(t)) for t in tracks if not t.is_crowd
        ),
        exhaustive=frozenset(exhaustive),
        frame_files=files,
        source_frames=() if files else _source_frames(video, path),
    )


def _source_frames(video: YtvisVideo, path: Path) -> tuple[int, ...]:
    """Frame of a video file for each frame of the annotation; empty for 0, 1, 2, ..."""
    if video.details is not None and video.details.frame_indices:
        return video.details.frame_indices
    numbers = numbers_at_end([Path(name).stem for name in video.file_names])
    if numbers is None or numbers[-1] < video.length:
        return ()
    with open_video(path) as reader:  # many count from 1, or number something else
        num_frames = reader.video.num_frames
    return numbers if numbers[-1] < num_frames and num_frames != video.length else ()


def _known_masks(track: YtvisTrack) -> dict[int, RLEMask | None]:
    states = track.details.states if track.details else None
    return {
        frame: rle
        for frame, rle in enumerate(track.segmentations)
        if states is None or states[frame] is not None
    }


def _find_frames(video: YtvisVideo, root: Path) -> tuple[Path, tuple[Path, ...]]:
    """The folder and its pictures, or a video file of the folder's name."""
    folder = root / Path(video.file_names[0]).parent
    if files := _annotated_pictures(video, folder):
        return folder, files
    if (root / video.file_names[0]).is_file():
        return folder, tuple(root / name for name in video.file_names)
    for suffix in FILE_SUFFIXES:
        file = folder.with_name(folder.name + suffix)
        if file.is_file():
            return file, ()
    raise FormatError(
        f"The frames of {video.name} are not under {root}; give the folder that holds them.",
        path=root,
        where=video.file_names[0],
    )


def _annotated_pictures(video: YtvisVideo, folder: Path) -> tuple[Path, ...]:
    """The pictures that our extension key says by their index; none where the folder is another.

    Names alone may mislead: pictures are often counted from 1.
    """
    details = video.details
    if details is None or not details.frame_indices or not details.fingerprint:
        return ()
    try:
        files = list_frames(folder)
        count, last = len(files), details.frame_indices[-1]
        if last >= count or not details.fingerprint.startswith(f"{count}-"):
            return ()  # without reading anything
        if folder_fingerprint(files) != details.fingerprint:
            return ()
    except (OSError, VideoError):
        return ()
    return tuple(files[index] for index in details.frame_indices)
