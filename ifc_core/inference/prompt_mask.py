"""A mask on one frame from a box, a click or scribbles, by what the pixels look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.errors import ConfigError
from ifc_core.inference.two_levels import two_level_mask

Mask = npt.NDArray[np.bool_]
Frame = npt.NDArray[np.uint8]
FloatImage = npt.NDArray[np.float32]

_MARGIN_SHARE = 0.35
_LEAST_MARGIN_PX = 12
_WORKING_LONG_SIDE = 256
_LARGEST_ZOOM = 4.0
_ROUNDS = 4
_CLICK_SHARES = (0.12, 0.28, 0.55)
_SAME_IOU = 0.85
_LEAST_AGREEMENT = 0.25


@dataclass(frozen=True, slots=True)
class Stroke:
    """A scribble: points joined by lines of a round brush.

    Attributes:
        points_xy: (x, y) in pixels of the displayed frame; one point is a dab.
        radius_px: Of the brush.
    """

    points_xy: tuple[tuple[float, float], ...]
    radius_px: float = 3.0


def draw_strokes(strokes: Sequence[Stroke], size: tuple[int, int]) -> Mask:
    """Pixels that strokes cover, as (H, W) bool of ``size``."""
    canvas = np.zeros(size, np.uint8)
    for stroke in strokes:
        points = np.round(np.array(stroke.points_xy, np.float64)).astype(np.int32)
        width = max(1, round(2 * stroke.radius_px))
        if len(points) == 1:
            center = (int(points[0, 0]), int(points[0, 1]))
            cv2.circle(canvas, center, max(1, round(stroke.radius_px)), 1, -1)
        elif len(points):
            cv2.polylines(canvas, [points.reshape(-1, 1, 2)], False, 1, width)
    return canvas > 0


def mask_from_box(frame: Frame, box_xyxy: tuple[float, float, float, float]) -> Mask:
    """The object that fills a box: what stands out there, else by GrabCut on a crop around it.

    Small boxes are worked on enlarged, so that thin parts survive.

    Args:
        frame: (H, W, 3) uint8 RGB.
        box_xyxy: Corners in pixels, cut to the frame.

    Returns:
        (H, W) bool, inside the box; the ellipse in the box where colours tell nothing apart.

    Raises:
        ConfigError: The box holds no pixel of the frame.
    """
    standing_out = mask_standing_out(frame, box_xyxy)
    if standing_out is not None:
        return standing_out
    box = _whole_box(box_xyxy, frame.shape[:2])
    crop = _Crop.around(box, frame.shape[:2])
    labels = np.full(crop.working_size, cv2.GC_BGD, np.uint8)
    x0, y0, x1, y1 = crop.to_working(box)
    labels[y0:y1, x0:x1] = cv2.GC_PR_FGD
    found = crop.to_frame(_grab_cut(crop.cut(frame), labels))
    inside = np.zeros(frame.shape[:2], np.bool_)
    inside[box[1] : box[3], box[0] : box[2]] = True
    found &= inside
    return found if found.sum() >= 0.05 * inside.sum() else _ellipse(box, frame.shape[:2])


def mask_standing_out(frame: Frame, box_xyxy: tuple[float, float, float, float]) -> Mask | None:
    """What stands out in a box from an even ground, where the colours leave no doubt.

    Args:
        frame: (H, W, 3) uint8 RGB.
        box_xyxy: Corners in pixels, cut to the frame.

    Returns:
        (H, W) bool, inside the box; ``None`` on most pictures, see :func:`two_level_mask`.

    Raises:
        ConfigError: The box holds no pixel of the frame.
    """
    box = _whole_box(box_xyxy, frame.shape[:2])
    crop = _Crop.around(box, frame.shape[:2])
    found = two_level_mask(crop.cut(frame), crop.to_working(box))
    if found is None:
        return None
    mask = crop.to_frame(found.astype(np.float32))
    mask[: box[1]] = mask[box[3] :] = False
    mask[:, : box[0]] = mask[:, box[2] :] = False
    return mask if mask.any() else None


def masks_from_click(frame: Frame, point_xy: tuple[float, float]) -> list[Mask]:
    """What a click may mean, by colour alone: regions around it of growing size.

    Args:
        frame: (H, W, 3) uint8 RGB.
        point_xy: The pixel.

    Returns:
        One to three different masks, each (H, W) bool and holding the pixel, smallest first.

    Raises:
        ConfigError: The pixel lies outside of the frame.
    """
    height, width = frame.shape[:2]
    x, y = point_xy
    if not (0 <= x < width and 0 <= y < height):
        raise ConfigError("The click lies outside of the frame.", name="point_xy", value=point_xy)
    found: list[Mask] = []
    for share in _CLICK_SHARES:
        half = max(8.0, share * min(height, width) / 2)
        box = _whole_box((x - half, y - half, x + half, y + half), (height, width))
        crop = _Crop.around(box, (height, width))
        labels = np.full(crop.working_size, cv2.GC_BGD, np.uint8)
        x0, y0, x1, y1 = crop.to_working(box)
        labels[y0:y1, x0:x1] = cv2.GC_PR_BGD
        center = crop.point_to_working(x, y)
        reach = max(3, round(0.3 * (x1 - x0)))
        cv2.circle(labels, center, reach, int(cv2.GC_PR_FGD), -1)
        cv2.circle(labels, center, max(2, reach // 6), int(cv2.GC_FGD), -1)
        mask = crop.to_frame(_grab_cut(crop.cut(frame), labels))
        mask[int(y), int(x)] = True
        mask = _components_touching(mask, _pixel(mask.shape, x, y))
        if all(_iou(mask, other) < _SAME_IOU for other in found):
            found.append(mask)
    return found


def mask_from_strokes(
    frame: Frame,
    positive: Mask,
    negative: Mask,
    mask: Mask | None = None,
    opinion: FloatImage | None = None,
) -> Mask:
    """The mask that scribbles ask for.

    Without a mask the object is what looks like the positive pixels and hangs together with
    them. With one, only what a stroke touches changes: parts are added that a positive stroke
    reaches and removed that a negative one reaches, the rest stays as it was.

    Args:
        frame: (H, W, 3) uint8 RGB.
        positive: (H, W) bool, pixels that are the object.
        negative: (H, W) bool, pixels that are not; wins where both are set.
        mask: (H, W) bool, the mask so far, or ``None``.
        opinion: (h, w) float32 foreground logit of the network at any resolution, or ``None``.

    Returns:
        (H, W) bool.

    Raises:
        ConfigError: There is no stroke, or only negative ones and no mask.
    """
    positive = positive & ~negative
    known = mask if mask is not None and mask.any() else None
    if not positive.any() and (known is None or not negative.any()):
        raise ConfigError(
            "Draw a stroke on the object, or one beside it to cut off part of its mask.",
            name="positive",
            value=0,
        )
    box = _stroke_box(positive, negative, known)
    crop = _Crop.around(box, frame.shape[:2])
    labels = _stroke_labels(crop, positive, negative, known, opinion, frame)
    guess = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
    cut = _grab_cut(crop.cut(frame), labels)
    if _iou(cut > 0.5, guess) < _LEAST_AGREEMENT:  # colours tell nothing apart here
        cut = guess.astype(np.float32)
    found = (crop.to_frame(cut) | positive) & ~negative
    if known is None:
        return _components_touching(found, positive)
    added = _components_touching(found & ~known, positive)
    removed = _components_touching(known & ~found, negative)
    return (known | added) & ~removed


@dataclass(frozen=True, slots=True)
class _Crop:
    """A part of the frame at a working resolution."""

    box: tuple[int, int, int, int]  # x0, y0, x1, y1 in the frame
    frame_size: tuple[int, int]
    working_size: tuple[int, int]

    @classmethod
    def around(cls, box: tuple[int, int, int, int], size: tuple[int, int]) -> _Crop:
        x0, y0, x1, y1 = box
        margin = max(_LEAST_MARGIN_PX, round(_MARGIN_SHARE * max(x1 - x0, y1 - y0)))
        x0, y0 = max(0, x0 - margin), max(0, y0 - margin)
        x1, y1 = min(size[1], x1 + margin), min(size[0], y1 + margin)
        zoom = min(_LARGEST_ZOOM, _WORKING_LONG_SIDE / max(x1 - x0, y1 - y0))
        working = (max(8, round((y1 - y0) * zoom)), max(8, round((x1 - x0) * zoom)))
        return cls((x0, y0, x1, y1), size, working)

    def cut(self, frame: Frame) -> Frame:
        x0, y0, x1, y1 = self.box
        height, width = self.working_size
        shrinks = width < x1 - x0
        how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        part = cv2.resize(frame[y0:y1, x0:x1], (width, height), interpolation=how)
        return np.asarray(part, np.uint8)

    def cut_mask(self, mask: Mask, share: float = 0.5) -> Mask:
        x0, y0, x1, y1 = self.box
        height, width = self.working_size
        part = np.ascontiguousarray(mask[y0:y1, x0:x1]).astype(np.float32)
        how = cv2.INTER_AREA if width < x1 - x0 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(part, (width, height), interpolation=how) > share, np.bool_)

    def to_working(self, box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
        x0, y0 = self.point_to_working(box[0], box[1])
        x1, y1 = self.point_to_working(box[2], box[3])
        return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)

    def point_to_working(self, x: float, y: float) -> tuple[int, int]:
        x0, y0, x1, y1 = self.box
        height, width = self.working_size
        return round((x - x0) * width / (x1 - x0)), round((y - y0) * height / (y1 - y0))

    def to_frame(self, working: FloatImage) -> Mask:
        x0, y0, x1, y1 = self.box
        whole = np.zeros(self.frame_size, np.bool_)
        large = cv2.resize(working, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        whole[y0:y1, x0:x1] = large > 0.5
        return whole


def _grab_cut(picture: Frame, labels: npt.NDArray[np.uint8]) -> FloatImage:
    """Foreground as (h, w) float32 of 0 and 1; the labels themselves where one class lacks."""
    foreground = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    if foreground.any() and not foreground.all():
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.setRNGSeed(0)  # its k-means starts at random: the same strokes give the same mask
        cv2.grabCut(
            np.ascontiguousarray(picture[..., ::-1]),
            labels,
            None,  # type: ignore[call-overload]
            *models,
            _ROUNDS,
            cv2.GC_INIT_WITH_MASK,
        )
        foreground = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    smooth = cv2.medianBlur(foreground.astype(np.uint8), 3)
    return np.asarray(smooth, np.float32)


def _stroke_labels(
    crop: _Crop,
    positive: Mask,
    negative: Mask,
    known: Mask | None,
    opinion: FloatImage | None,
    frame: Frame,
) -> npt.NDArray[np.uint8]:
    """What GrabCut starts from: strokes are certain, the rest is a guess."""
    sure, denied = crop.cut_mask(positive, 0.25), crop.cut_mask(negative, 0.25)
    guess = np.zeros(crop.working_size, np.bool_)
    if known is not None:
        guess = crop.cut_mask(known)
        # Around a stroke the old mask is what the person disagrees with.
        reach = max(3, min(crop.working_size) // 10)
        guess = (guess | _grown(sure, reach)) & ~_grown(denied, reach)
    elif opinion is None:
        guess = _looks_like(crop.cut(frame), sure, denied)
    if opinion is not None:
        whole = cv2.resize(opinion, frame.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        said = crop.cut_mask(np.asarray(whole > 0, np.bool_))
        guess = said if known is None else guess
    labels = np.where(guess, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    if known is None:  # what lies at the rim of the crop is background
        rim = np.ones(crop.working_size, np.bool_)
        rim[2:-2, 2:-2] = False
        labels[rim & ~guess] = cv2.GC_BGD
    labels[sure], labels[denied] = cv2.GC_FGD, cv2.GC_BGD
    return labels


def _looks_like(picture: Frame, sure: Mask, denied: Mask) -> Mask:
    """Pixels whose colour is nearer to the positive than to the negative ones."""
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    other = denied if denied.any() else np.zeros_like(sure)
    if not other.any():
        other[[0, -1]] = True
        other[:, [0, -1]] = True
        other &= ~sure
    distance = [_nearest_color(lab, lab[m]) for m in (sure, other)]
    return np.asarray(distance[0] < distance[1], np.bool_)


def _nearest_color(lab: FloatImage, samples: FloatImage) -> FloatImage:
    """Distance of each pixel to the nearest of at most 24 sample colours."""
    chosen = samples[np.linspace(0, len(samples) - 1, min(24, len(samples))).astype(int)]
    distances = [np.square(lab - color).sum(-1) for color in chosen]
    nearest: FloatImage = np.min(distances, axis=0).astype(np.float32)
    return nearest


def _stroke_box(positive: Mask, negative: Mask, known: Mask | None) -> tuple[int, int, int, int]:
    """Where to look: around strokes and mask; a lone stroke stands for a larger object."""
    marked = positive | negative if known is None else positive | negative | known
    ys, xs = np.nonzero(marked)
    x0, y0, x1, y1 = int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1
    if known is None:
        grow = max(x1 - x0, y1 - y0, min(marked.shape) // 8)
        x0, y0, x1, y1 = x0 - grow, y0 - grow, x1 + grow, y1 + grow
    return max(0, x0), max(0, y0), min(marked.shape[1], x1), min(marked.shape[0], y1)


def _whole_box(
    box_xyxy: tuple[float, float, float, float], size: tuple[int, ...]
) -> tuple[int, int, int, int]:
    x0, x1 = sorted((box_xyxy[0], box_xyxy[2]))
    y0, y1 = sorted((box_xyxy[1], box_xyxy[3]))
    left, top = max(0, int(np.floor(x0))), max(0, int(np.floor(y0)))
    right, bottom = min(size[1], int(np.ceil(x1))), min(size[0], int(np.ceil(y1)))
    if right <= left or bottom <= top:
        raise ConfigError("The box lies outside of the frame.", name="box_xyxy", value=box_xyxy)
    return left, top, right, bottom


def _ellipse(box: tuple[int, int, int, int], size: tuple[int, ...]) -> Mask:
    x0, y0, x1, y1 = box
    rows, columns = np.mgrid[: size[0], : size[1]]
    across = (columns + 0.5 - (x0 + x1) / 2) / ((x1 - x0) / 2)
    down = (rows + 0.5 - (y0 + y1) / 2) / ((y1 - y0) / 2)
    return np.asarray(across**2 + down**2 <= 1, np.bool_)


def _components_touching(mask: Mask, seeds: Mask) -> Mask:
    """Connected parts of a mask that hold a seed, or lie within a pixel of one."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    touched = np.unique(labels[_grown(seeds, 1) & mask])
    return np.asarray(np.isin(labels, touched[touched > 0]), np.bool_)


def _grown(mask: Mask, pixels: int) -> Mask:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc) > 0, np.bool_)


def _pixel(shape: tuple[int, ...], x: float, y: float) -> Mask:
    one = np.zeros(shape, np.bool_)
    one[int(y), int(x)] = True
    return one


def _iou(first: Mask, second: Mask) -> float:
    return float((first & second).sum()) / max(1, int((first | second).sum()))
