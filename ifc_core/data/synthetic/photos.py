"""Photographs as raw material: surfaces of scikit-image, cut-outs and scenes of a COCO folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.errors import FormatError

Image = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_PHOTO_SIDE = 420
_CUTOUT_SIDE = 224
_MIN_CUTOUT_SIDE = 40
_SURFACES = (
    "brick",
    "grass",
    "gravel",
    "coffee",
    "chelsea",
    "astronaut",
    "hubble_deep_field",
    "immunohistochemistry",
    "rocket",
    "retina",
    "moon",
    "coins",
    "page",
    "camera",
)


@dataclass(frozen=True, slots=True)
class Cutout:
    """An object cut from a photograph.

    Attributes:
        rgb: (h, w, 3) uint8.
        alpha: (h, w) uint8, feathered.
        whole: Whether it keeps clear of the photograph's border.
    """

    rgb: Image
    alpha: Image
    whole: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """A photograph with the masks of its labelled objects.

    Attributes:
        rgb: (h, w, 3) uint8.
        masks: (N, h, w) bool.
        empty: The photograph with its labelled objects painted over, or ``None`` where they
            cover most of it.
    """

    rgb: Image
    masks: Mask
    empty: Image | None


@lru_cache(maxsize=1)
def surface_photographs() -> tuple[Image, ...]:
    """Photographs of scikit-image, (h, w, 3) uint8 each; none where it is not installed."""
    try:
        from skimage import data

        pictures = [np.asarray(getattr(data, name)()) for name in _SURFACES]
    except ImportError:  # of scikit-image, or of what it reads its pictures with
        return ()
    photographs = []
    for picture in pictures:
        if picture.ndim == 2:
            picture = np.repeat(picture[..., None], 3, axis=2)
        photographs.append(_shrink(picture[..., :3].astype(np.uint8), _PHOTO_SIDE))
    return tuple(photographs)


def _shrink(picture: Image, side: int) -> Image:
    factor = side / max(picture.shape[:2])
    if factor >= 1:
        return np.ascontiguousarray(picture)
    small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)


@lru_cache(maxsize=4)
def load_scenes(folder: str) -> tuple[tuple[Scene, ...], tuple[Cutout, ...]]:
    """Read a COCO folder once a process.

    Args:
        folder: Holds ``instances.json`` and the images it names.

    Returns:
        Scenes in the order of the file, and the objects that are large enough to paste.

    Raises:
        FormatError: The file is not a COCO file, or an image is missing, cannot be read or has
            another size than the file says.
    """
    root = Path(folder)
    file = root / "instances.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        images, annotations = content["images"], content["annotations"]
    except (OSError, ValueError, KeyError) as error:
        raise FormatError(
            "The cut-out folder needs an instances.json in COCO format.", path=file
        ) from error
    by_image: dict[int, list[dict[str, Any]]] = {}
    for annotation in annotations:
        by_image.setdefault(annotation["image_id"], []).append(annotation)
    scenes, cutouts = [], []
    for image in images:
        rgb = _read_rgb(root, str(image["file_name"]))
        _check_size(image, by_image.get(image["id"], []), rgb, file)
        masks = _masks(by_image.get(image["id"], []), rgb.shape[0], rgb.shape[1])
        cutouts += [c for c in (_cut(rgb, mask) for mask in masks) if c is not None]
        scenes.append(_scene(rgb, masks))
    return tuple(scenes), tuple(cutouts)


@lru_cache(maxsize=4)
def load_sprites(folder: str) -> tuple[Cutout, ...]:
    """Read a folder of pictures with transparency once a process.

    Args:
        folder: Holds PNG or WebP files; those without transparency are passed over.

    Returns:
        Each picture as an object, in the order of the names.

    Raises:
        FormatError: There is no such picture.
    """
    root = Path(folder)
    sprites = []
    for file in sorted([*root.glob("*.webp"), *root.glob("*.png")]):
        picture = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
            continue
        rows, columns = np.nonzero(picture[..., 3] > 127)
        if not len(rows):
            continue
        part = picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        rgb = np.asarray(cv2.cvtColor(part, cv2.COLOR_BGRA2RGB), dtype=np.uint8)
        alpha = np.array(part[..., 3], dtype=np.uint8)
        sprites.append(Cutout(_shrink(rgb, _CUTOUT_SIDE), _shrink(alpha, _CUTOUT_SIDE), True))
    if not sprites:
        raise FormatError("The sprite folder holds no PNG or WebP with transparency.", path=root)
    return tuple(sprites)


def _read_rgb(root: Path, name: str) -> Image:
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise FormatError(
            f"The image name {name!r} leads out of the cut-out folder.",
            path=root / "instances.json",
        )
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise FormatError(f"The image {name} cannot be read.", path=path)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _check_size(
    image: dict[str, Any], annotations: list[dict[str, Any]], rgb: Image, file: Path
) -> None:
    """Refuse a picture that its masks do not lie on."""
    height, width = rgb.shape[:2]
    told = [(image.get("height", height), image.get("width", width))]
    coded = [a["segmentation"] for a in annotations if isinstance(a["segmentation"], dict)]
    told += [tuple(mask["size"]) for mask in coded]
    for size in told:
        if size != (height, width):
            raise FormatError(
                f"The image {image['file_name']} is {width} x {height} pixels, but its masks are "
                f"made for {size[1]} x {size[0]}; give the picture that was annotated.",
                path=file,
                where=str(image["file_name"]),
                expected=size,
                actual=(height, width),
            )


def _masks(annotations: list[dict[str, Any]], height: int, width: int) -> Mask:
    from pycocotools import mask as coco_mask  # training on generated clips does without

    masks = np.zeros((len(annotations), height, width), dtype=np.bool_)
    for row, annotation in enumerate(annotations):
        segmentation = annotation["segmentation"]
        if isinstance(segmentation, list):
            coded = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
        elif isinstance(segmentation["counts"], list):
            coded = coco_mask.frPyObjects(segmentation, height, width)
        else:
            coded = segmentation
        masks[row] = coco_mask.decode(coded).astype(np.bool_)
    return masks


def _cut(rgb: Image, mask: Mask) -> Cutout | None:
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows) or max(np.ptp(rows), np.ptp(cols)) < _MIN_CUTOUT_SIDE:
        return None
    y0, y1, x0, x1 = rows[0], rows[-1] + 1, cols[0], cols[-1] + 1
    height, width = mask.shape
    whole = bool(y0 > 2 and x0 > 2 and y1 < height - 2 and x1 < width - 2)
    piece = np.ascontiguousarray(rgb[y0:y1, x0:x1])
    alpha = mask[y0:y1, x0:x1].astype(np.uint8) * 255
    alpha = np.asarray(cv2.erode(alpha, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    piece = _bleed(piece, alpha)
    alpha = np.asarray(cv2.GaussianBlur(alpha, (3, 3), 0), dtype=np.uint8)
    return Cutout(_shrink(piece, _CUTOUT_SIDE), _shrink(alpha, _CUTOUT_SIDE), whole)


def _bleed(rgb: Image, alpha: Image) -> Image:
    """Spread the object's colours outward, so that soft edges carry no old background."""
    inside = (alpha > 0).astype(np.float32)[..., None]
    blurred = cv2.blur(rgb.astype(np.float32) * inside, (7, 7))
    weight = cv2.blur(inside, (7, 7))[..., None]
    filled = np.where(inside > 0, rgb, blurred / np.maximum(weight, 1e-3))
    return np.clip(filled, 0, 255).astype(np.uint8)


def _scene(rgb: Image, masks: Mask) -> Scene:
    small = _shrink(rgb, _PHOTO_SIDE)
    height, width = small.shape[:2]
    fitted = np.zeros((len(masks), height, width), dtype=np.bool_)
    for row, mask in enumerate(masks):
        resized = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_AREA)
        fitted[row] = resized > 0
    return Scene(small, fitted, _paint_over(small, np.asarray(fitted.any(axis=0))))


def _paint_over(rgb: Image, covered: Mask) -> Image | None:
    if covered.mean() > 0.55:
        return None
    hole = cv2.dilate(covered.astype(np.uint8), np.ones((7, 7), np.uint8))
    quarter = cv2.resize(rgb, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    hole4 = cv2.resize(hole, quarter.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    hole4 = cv2.dilate(hole4, np.ones((3, 3), np.uint8))
    filled = cv2.inpaint(quarter, hole4, 3, cv2.INPAINT_TELEA)
    filled = cv2.resize(filled, rgb.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.where(hole[..., None] > 0, filled, rgb).astype(np.uint8)
