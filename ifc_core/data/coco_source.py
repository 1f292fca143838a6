"""COCO images as single frames, or as clips by an affine motion."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ifc_core.data.augmentation import Augmentation
from ifc_core.data.clip_sampling import build_clip
from ifc_core.data.clip_source import ClipRequest, sample_generator, sample_seed
from ifc_core.data.labelled_video import (
    FrameStore,
    LabelledTrack,
    LabelledVideo,
    has_shape_of_masks,
)
from ifc_core.data.pseudo_clip import move_picture
from ifc_core.data.sample import ClipSample
from ifc_core.data.video_source import pick_in_epochs
from ifc_core.errors import FormatError, VideoError
from ifc_core.io.frame_folder import displayed_size
from ifc_core.io.segmentations import rasterise
from ifc_core.models.input_size import input_size
from ifc_core.structures import RLEMask
from ifc_core.structures.mask import MAX_SIDE_PX

_MOST_TRIES = 100


@dataclass(frozen=True, slots=True)
class CocoSource:
    """Draws images; for T > 1 a picture is moved (a pseudo clip).

    A picture that cannot be decoded is stood in for by the next one, and the clip names it.

    Attributes:
        seed: Of the choices.
        images: One-frame videos.
        augmentation: Applied to the whole clip.
        store: Reads the pictures.
        left_out: Pictures of the file that ``images`` lacks, since they cannot be used.
    """

    seed: int
    images: tuple[LabelledVideo, ...]
    augmentation: Augmentation = field(default_factory=Augmentation)
    store: FrameStore = field(default_factory=FrameStore, compare=False)
    left_out: tuple[str, ...] = ()

    def __call__(self, request: ClipRequest) -> ClipSample:
        """The clip of a request; its short side is that of the requested size."""
        clip = self._still(request)
        if request.num_frames > 1:
            rng = sample_generator(self.seed, request.index)
            clip = move_picture(clip, request.num_frames, rng)
        return self.augmentation(clip, sample_seed(self.seed + 1, request.index))

    def _still(self, request: ClipRequest) -> ClipSample:
        """The picture of a request, or the first one after it that can be decoded."""
        chosen = pick_in_epochs(self.seed, request.index, len(self.images))
        damaged: list[str] = []
        problems: list[VideoError] = []
        for number in range(chosen, chosen + min(len(self.images), _MOST_TRIES)):
            image = self.images[number % len(self.images)]
            short_side = min(request.height, request.width)
            size = input_size((image.height, image.width), short_side)
            try:
                clip = build_clip(image, [0], size, self.store)
            except VideoError as error:
                problems.append(error)
                damaged.append(image.name)
            else:
                return replace(clip, damaged=(*damaged, *clip.damaged))
        raise problems[0]


def usable_images(
    images: Sequence[LabelledVideo],
) -> tuple[tuple[LabelledVideo, ...], tuple[str, ...]]:
    """Leave out pictures that are missing, are none, or that their masks do not lie on.

    Their headers alone are read, so that a training on many begins at once.

    Args:
        images: One-frame videos, as :func:`read_coco_images` gives them.

    Returns:
        Those that can be used, and what the others are.

    Raises:
        FormatError: None can be used.
    """
    kept, left_out = [], []
    for image in images:
        problem = _problem(image)
        if problem:
            left_out.append(problem)
        else:
            kept.append(image)
    if not kept:
        raise FormatError(
            f"None of the {len(images)} pictures can be used ({left_out[0]}); "
            "give the folder of the pictures that were annotated.",
            path=images[0].path.parent,
        )
    return tuple(kept), tuple(left_out)


def _problem(image: LabelledVideo) -> str:
    try:
        height, width = displayed_size(image.path)
    except VideoError:
        missing = not image.path.is_file()
        return f"{image.name}, {'which is missing' if missing else 'which is no picture'}"
    if has_shape_of_masks(image, height, width):
        return ""
    return f"{image.name}, {width} x {height} pixels instead of {image.width} x {image.height}"


def read_coco_images(
    annotations: Path, root: Path, *, exhaustive: bool = True
) -> tuple[tuple[LabelledVideo, ...], list[str]]:
    """Read a COCO instance file. Crowd regions are left out, and their images not exhaustive.

    Args:
        annotations: The JSON file.
        root: Folder of the images.
        exhaustive: Whether every object of the classes is annotated (COCO's own rule).

    Returns:
        One-frame videos of the images with a known size, and the names of the classes in the
        order of their ids.

    Raises:
        FormatError: The file breaks the format; the message names the place.
    """
    try:
        content = json.loads(annotations.read_text(encoding="utf-8"))
        names = {int(c["id"]): str(c["name"]) for c in content["categories"]}
        labels = {category: label for label, category in enumerate(sorted(names))}
        by_image = defaultdict(list)
        for number, entry in enumerate(content["annotations"]):
            by_image[int(entry["image_id"])].append((number, entry))
        images = [
            _image(entry, by_image[int(entry["id"])], labels, root, exhaustive)
            for entry in content["images"]
        ]
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise FormatError(f"Cannot read {annotations}: {error}.", path=annotations) from error
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise FormatError(
            f"{annotations} is no COCO instance file ({type(error).__name__}: {error}).",
            path=annotations,
        ) from error
    if not images:
        raise FormatError(f"{annotations} lists no images.", path=annotations)
    return tuple(images), [names[category] for category in sorted(names)]


def _image(
    entry: dict[str, Any],
    annotations: list[tuple[int, dict[str, Any]]],
    labels: dict[int, int],
    root: Path,
    exhaustive: bool,
) -> LabelledVideo:
    height, width = int(entry["height"]), int(entry["width"])
    if not (0 < height <= MAX_SIDE_PX and 0 < width <= MAX_SIDE_PX):
        raise FormatError(
            f"The image {entry['file_name']} must have sides of 1 to {MAX_SIDE_PX} pixels.",
            where="images",
            actual=(height, width),
        )
    file = (root / str(entry["file_name"])).resolve()
    if not file.is_relative_to(root.resolve()):
        raise FormatError(f"The image {entry['file_name']} lies outside {root}.", path=root)
    tracks, crowd = [], False
    for number, annotation in annotations:
        if annotation.get("iscrowd", 0):
            crowd = True
            continue
        rle = _mask(annotation["segmentation"], height, width, f"annotations[{number}]")
        tracks.append(LabelledTrack(labels[int(annotation["category_id"])], {0: rle}))
    full = frozenset({0}) if exhaustive and not crowd else frozenset()
    return LabelledVideo(file.name, file, 1, height, width, tuple(tracks), full, (file,))


def _mask(segmentation: object, height: int, width: int, where: str) -> RLEMask:
    """Polygons or an RLE as a mask."""
    if isinstance(segmentation, dict):
        rle = RLEMask.from_coco(segmentation)
        if rle.size != (height, width):
            raise FormatError(
                f"The mask {where} is {rle.size[1]} x {rle.size[0]} pixels, its image {width} x "
                f"{height}.",
                where=where,
            )
        return rle
    if not isinstance(segmentation, list) or not segmentation:
        raise FormatError("An annotation has no segmentation.", where=where)
    try:
        return rasterise(segmentation, (height, width))
    except FormatError as error:
        raise FormatError(f"The mask {where} cannot be used: {error}", where=where) from error
