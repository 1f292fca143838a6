"""What stands behind the objects and is none: sky, houses, bushes, fences, text, clutter."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.data.synthetic import outlines
from ifc_core.data.synthetic.bodies import Material, MaterialSource
from ifc_core.data.synthetic.sprites import Image, Patch
from ifc_core.data.synthetic.textures import (
    Rng,
    colourise,
    crop_tile,
    foliage_tiles,
    fractal_noise,
    procedural_texture,
    ramp,
    random_colour,
)

_GLYPHS = "ABCDEFGHKLMNPRSTXYZ0123456789aegko?!"


def make_background(
    rng: Rng, source: MaterialSource, scenes: tuple[Image, ...], height: int, width: int
) -> tuple[Image, float]:
    """Draw a background.

    Args:
        rng: Source of randomness.
        source: Surfaces.
        scenes: Photographs without labelled objects; may be empty.
        height: Height in pixels.
        width: Width in pixels.

    Returns:
        (height, width, 3) uint8, and the height of its horizon as a share of the picture (0.5
        where it has none).
    """
    draw = rng.random()
    if scenes and draw < 0.55:
        return _photograph(rng, scenes, height, width), 0.5
    if draw < 0.85:
        return _outdoors(rng, source, height, width)
    if draw < 0.93:
        return _indoors(rng, source, height, width), 0.6
    return _surface(rng, source, height, width), 0.5


def _photograph(rng: Rng, scenes: tuple[Image, ...], height: int, width: int) -> Image:
    picture = scenes[int(rng.integers(len(scenes)))]
    return random_crop(rng, picture, height, width, 0.5)


def random_crop(rng: Rng, picture: Image, height: int, width: int, smallest: float) -> Image:
    """A random window of a photograph, perhaps mirrored, resized to the frame.

    Args:
        rng: Source of randomness.
        picture: (h, w, 3) uint8.
        height: Height in pixels.
        width: Width in pixels.
        smallest: Least share of the largest possible window.

    Returns:
        (height, width, 3) uint8.
    """
    rows, cols = picture.shape[:2]
    fit = min(rows / height, cols / width) * rng.uniform(smallest, 1.0)
    h, w = max(2, int(height * fit)), max(2, int(width * fit))
    y0, x0 = int(rng.integers(0, rows - h + 1)), int(rng.integers(0, cols - w + 1))
    window = picture[y0 : y0 + h, x0 : x0 + w]
    if rng.random() < 0.5:
        window = window[:, ::-1]
    method = cv2.INTER_AREA if fit > 1 else cv2.INTER_LINEAR
    resized = cv2.resize(np.ascontiguousarray(window), (width, height), interpolation=method)
    return np.asarray(resized, dtype=np.uint8)


def _surface(rng: Rng, source: MaterialSource, height: int, width: int) -> Image:
    if rng.random() < 0.4:
        table = ramp(random_colour(rng), random_colour(rng))
        picture = colourise(fractal_noise(rng, height, width, 3), table)
    else:
        picture = source.material(rng).cut(rng, height, width)
    if rng.random() < 0.5:
        _scatter(rng, picture, int(rng.integers(10, 120)))
    return picture


def _scatter(rng: Rng, picture: Image, count: int) -> None:
    """Strew small static marks of few colours: pebbles, debris, crumbs."""
    height, width = picture.shape[:2]
    colours = [tuple(int(v) for v in random_colour(rng)) for _ in range(3)]
    largest = rng.uniform(2, 7)
    for _ in range(count):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (int(rng.uniform(1, largest)), int(rng.uniform(1, largest)))
        colour = colours[int(rng.integers(3))]
        cv2.ellipse(picture, centre, axes, float(rng.uniform(0, 180)), 0, 360, colour, -1)


def _gradient(rng: Rng, height: int, width: int, top: Image, bottom: Image) -> Image:
    t = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    column = top.astype(np.float32) * (1 - t) + bottom.astype(np.float32) * t
    return np.repeat(column, width, axis=1).astype(np.uint8)


def _sky(rng: Rng, height: int, width: int) -> Image:
    blue = np.array([rng.uniform(60, 200), rng.uniform(110, 210), rng.uniform(150, 250)])
    pale = np.clip(blue + rng.uniform(0, 90), 0, 250)
    if rng.random() < 0.6:
        grey = fractal_noise(rng, height, width, 4)
        return colourise(grey, ramp(blue.astype(np.float32), pale.astype(np.float32)))
    return _gradient(rng, height, width, blue.astype(np.uint8), pale.astype(np.uint8))


def _ground(rng: Rng, source: MaterialSource, height: int, width: int) -> Image:
    """A plane that recedes towards its upper edge."""
    if rng.random() < 0.5:
        tone = random_colour(rng) * np.float32(0.8)
        if rng.random() < 0.4:
            tone = np.array([90, 120, 60], dtype=np.float32) * np.float32(rng.uniform(0.5, 1.5))
        tile = Material.plain(rng, tone, rng.uniform(5, 30)).tile
    else:
        tile = source.material(rng).tile
    side = tile.shape[0]
    spread = rng.uniform(0.15, 0.5)
    target = np.array(
        [
            [width * (0.5 - spread), 0],
            [width * (0.5 + spread), 0],
            [width * 2, height],
            [-width, height],
        ],
        dtype=np.float32,
    )
    big = cv2.copyMakeBorder(tile, 0, side * 2, 0, side * 3, cv2.BORDER_REFLECT)
    rows, cols = big.shape[:2]
    corners = np.array([[0, 0], [cols, 0], [cols, rows], [0, rows]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    plane = cv2.warpPerspective(big, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    if rng.random() < 0.3:
        _road_marks(rng, np.asarray(plane), height, width)
    return np.asarray(plane, dtype=np.uint8)


def _road_marks(rng: Rng, plane: Image, height: int, width: int) -> None:
    colour = (235, 235, 225)
    x = int(width * rng.uniform(0.3, 0.7))
    for offset in rng.uniform(-1.5, 1.5, int(rng.integers(1, 4))):
        cv2.line(plane, (x, 0), (int(x + offset * width), height), colour, 2, cv2.LINE_AA)


def _outdoors(rng: Rng, source: MaterialSource, height: int, width: int) -> tuple[Image, float]:
    horizon = float(rng.uniform(0.2, 0.65))
    line = int(height * horizon)
    picture = np.empty((height, width, 3), dtype=np.uint8)
    picture[:line] = _sky(rng, line, width)
    picture[line:] = _ground(rng, source, height - line, width)
    if rng.random() < 0.5:
        _hills(rng, picture, line)
    for _ in range(int(rng.integers(0, 4))):
        _facade(rng, source, picture, line)
    for _ in range(int(rng.integers(0, 6))):
        _bush(rng, picture, line)
    if rng.random() < 0.3:
        _fence(rng, picture, line)
    if rng.random() < 0.25:
        _crowd(rng, picture, line)
    if rng.random() < 0.25:
        _sign(rng, picture)
    if rng.random() < 0.3:
        _scatter(rng, picture[line:], int(rng.integers(5, 60)))
    return picture, horizon


def _indoors(rng: Rng, source: MaterialSource, height: int, width: int) -> Image:
    line = int(height * rng.uniform(0.45, 0.85))
    picture = np.empty((height, width, 3), dtype=np.uint8)
    picture[:line] = source.material(rng).cut(rng, line, width)
    picture[line:] = _ground(rng, source, height - line, width)
    for _ in range(int(rng.integers(0, 4))):
        _frame(rng, source, picture, line)
    if rng.random() < 0.4:
        _shelf(rng, picture, line)
    if rng.random() < 0.3:
        _sign(rng, picture)
    return picture


def _hills(rng: Rng, picture: Image, line: int) -> None:
    width = picture.shape[1]
    x = np.linspace(0, 1, 24)
    ridge = sum(rng.normal() / k * np.sin(2 * np.pi * k * (x + rng.random())) for k in range(1, 5))
    top = line - np.abs(ridge) * 0.3 * line - 0.05 * line
    points = np.stack([x * width, top], axis=1)
    points = np.concatenate([points, [[width, line], [0, line]]]).astype(np.int32)
    tone = np.array([80, 110, 90]) * rng.uniform(0.5, 1.6) + rng.normal(0, 12, 3)
    cv2.fillPoly(picture, [points], tuple(int(v) for v in np.clip(tone, 0, 255)), cv2.LINE_AA)


def _facade(rng: Rng, source: MaterialSource, picture: Image, line: int) -> None:
    """A house front: rows of windows, all static structure."""
    height, width = picture.shape[:2]
    wide = int(width * rng.uniform(0.15, 0.8))
    tall = int(min(line + 0.15 * height, height * rng.uniform(0.3, 0.8)))
    x0 = int(rng.uniform(-0.2, 0.9) * width)
    y1 = int(line + rng.uniform(0, 0.15) * height)
    y0 = max(0, y1 - tall)
    x1, x0 = min(width, x0 + wide), max(0, x0)
    if x1 - x0 < 8 or y1 - y0 < 8:
        return
    wall = source.material(rng).cut(rng, y1 - y0, x1 - x0)
    rows, cols = int(rng.integers(1, 6)), int(rng.integers(2, 9))
    step_x, step_y = wall.shape[1] / cols, wall.shape[0] / rows
    share = rng.uniform(0.35, 0.75)
    pane = tuple(int(v) for v in random_colour(rng) * 0.5)
    trim = tuple(int(v) for v in random_colour(rng))
    for row in range(rows):
        for col in range(cols):
            a = (int((col + 0.5 - share / 2) * step_x), int((row + 0.5 - share / 2) * step_y))
            b = (int((col + 0.5 + share / 2) * step_x), int((row + 0.5 + share / 2) * step_y))
            cv2.rectangle(wall, a, b, pane, -1)
            cv2.rectangle(wall, a, b, trim, 1)
    picture[y0:y1, x0:x1] = wall


def leafy_patch(rng: Rng, height: int, width: int) -> Patch:
    """A bush or crown of leaves with a ragged edge."""
    tiles = foliage_tiles()
    tile = tiles[int(rng.integers(len(tiles)))]
    green = np.array([70, 110, 45]) * rng.uniform(0.3, 1.3) + rng.normal(0, 18, 3)
    dark = np.clip(green * 0.25, 0, 255).astype(np.float32)
    table = ramp(dark, np.clip(green * 1.3, 0, 255).astype(np.float32))
    grey = crop_tile(rng, tile, height, width, float(rng.uniform(0.4, 1.2)))
    shape = outlines.blob(rng, 0.42, 0.42, 0.35) + 0.5
    solid = np.zeros((height, width), dtype=np.uint8)
    cv2.fillPoly(solid, [(shape * [width, height] * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    ragged = cv2.blur(solid, (9, 9)).astype(np.int16) + grey.astype(np.int16) // 2 - 150
    alpha = np.clip(ragged * 6, 0, 255).astype(np.uint8)
    return Patch.from_colour(colourise(grey, table), alpha)


def _put(picture: Image, patch: Patch, x0: int, y0: int) -> None:
    height, width = picture.shape[:2]
    rows, cols = patch.rgba.shape[:2]
    left, top = max(0, x0), max(0, y0)
    right, bottom = min(width, x0 + cols), min(height, y0 + rows)
    if left >= right or top >= bottom:
        return
    part = patch.rgba[top - y0 : bottom - y0, left - x0 : right - x0]
    view = picture[top:bottom, left:right]
    keep = (255 - part[..., 3:]).astype(np.uint16)
    view[...] = part[..., :3] + ((view * keep + 128) >> 8).astype(np.uint8)


def _bush(rng: Rng, picture: Image, line: int) -> None:
    height, width = picture.shape[:2]
    tall = int(height * rng.uniform(0.15, 0.6))
    wide = int(tall * rng.uniform(0.6, 2.5))
    x, base = int(rng.uniform(0, width)), int(line + rng.uniform(0, 0.2) * height)
    lift = 0
    if rng.random() < 0.4:
        lift = int(tall * rng.uniform(0.2, 0.6))
        thick = max(1, int(tall * rng.uniform(0.03, 0.1)))
        trunk = np.clip(np.array([80, 60, 45]) * rng.uniform(0.4, 1.5), 0, 255)
        colour = tuple(int(v) for v in trunk)
        cv2.line(picture, (x, base), (x, base - lift - tall // 3), colour, thick, cv2.LINE_AA)
    _put(picture, leafy_patch(rng, tall, wide), x - wide // 2, base - lift - tall)


def _fence(rng: Rng, picture: Image, line: int) -> None:
    height, width = picture.shape[:2]
    tall = int(height * rng.uniform(0.08, 0.3))
    base = int(line + rng.uniform(0, 0.25) * height)
    colour = tuple(int(v) for v in random_colour(rng))
    thick = int(rng.integers(1, 4))
    step = int(rng.integers(3, 24)) + thick
    for x in range(int(rng.integers(step)), width, step):
        cv2.line(picture, (x, base), (x, base - tall), colour, thick)
    for share in (0.2, 0.85):
        y = int(base - tall * share)
        cv2.line(picture, (0, y), (width, y), colour, thick)


def _crowd(rng: Rng, picture: Image, line: int) -> None:
    """A dense band of small static figures, far away: clutter, not objects to outline."""
    height, width = picture.shape[:2]
    tall = max(3, int(height * rng.uniform(0.03, 0.1)))
    depth = int(rng.integers(1, 5))
    for row in range(depth):
        base = line + row * tall // 2
        for x in range(0, width, max(2, tall // 3)):
            where = (x + int(rng.integers(-2, 3)), base + int(rng.integers(-2, 3)))
            colour = tuple(int(v) for v in random_colour(rng))
            cv2.ellipse(picture, where, (max(1, tall // 5), tall // 2), 0, 0, 360, colour, -1)
            head = (where[0], where[1] - tall // 2)
            cv2.circle(picture, head, max(1, tall // 6), (190, 150, 125), -1)


def _sign(rng: Rng, picture: Image) -> None:
    height, width = picture.shape[:2]
    text = "".join(rng.choice(list(_GLYPHS), int(rng.integers(2, 9))))
    scale = float(rng.uniform(0.3, 1.2)) * height / 128
    where = (int(rng.uniform(0, width * 0.8)), int(rng.uniform(0.1, 0.9) * height))
    thick = int(rng.integers(1, 3))
    if rng.random() < 0.6:
        (w, h), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
        board = tuple(int(v) for v in random_colour(rng))
        corner = (where[0] + w + 3, where[1] + 4)
        cv2.rectangle(picture, (where[0] - 3, where[1] - h - 3), corner, board, -1)
    colour = tuple(int(v) for v in random_colour(rng))
    cv2.putText(picture, text, where, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thick, cv2.LINE_AA)


def _frame(rng: Rng, source: MaterialSource, picture: Image, line: int) -> None:
    """A window or picture on the wall."""
    width = picture.shape[1]
    wide, tall = int(width * rng.uniform(0.08, 0.35)), int(line * rng.uniform(0.2, 0.6))
    x0, y0 = int(rng.uniform(0, max(1, width - wide))), int(rng.uniform(0, max(1, line - tall)))
    if wide < 4 or tall < 4:
        return
    picture[y0 : y0 + tall, x0 : x0 + wide] = source.material(rng).cut(rng, tall, wide)
    colour = tuple(int(v) for v in random_colour(rng))
    corner = (x0 + wide - 1, y0 + tall - 1)
    cv2.rectangle(picture, (x0, y0), corner, colour, int(rng.integers(1, 4)))


def _shelf(rng: Rng, picture: Image, line: int) -> None:
    """Rows of upright spines, as in a bookcase."""
    width = picture.shape[1]
    x0, x1 = sorted(int(v) for v in rng.uniform(0, width, 2))
    tall = int(rng.integers(8, 24))
    for base in range(tall, line, tall + 2):
        x = x0
        while x < x1:
            thick = int(rng.integers(2, 7))
            low = base - int(tall * rng.uniform(0.6, 1.0))
            colour = tuple(int(v) for v in random_colour(rng))
            cv2.rectangle(picture, (x, low), (x + thick, base), colour, -1)
            x += thick + 1
        cv2.line(picture, (x0, base + 1), (x1, base + 1), (60, 45, 30), 1)


def occluder(
    rng: Rng, source: MaterialSource, height: int, width: int
) -> tuple[Patch, npt.NDArray[np.float64]]:
    """Something in front that is no object: a pole, bars or leaves.

    Returns:
        The patch and its map (2, 3) into frame pixels.
    """
    kind = rng.random()
    if kind < 0.45:
        wide, tall = int(rng.uniform(0.01, 0.06) * width) + 2, int(height * 1.4)
        patch = Patch.from_colour(
            procedural_texture(rng, tall, wide), np.full((tall, wide), 255, np.uint8)
        )
    elif kind < 0.6:
        wide, tall = int(width * 1.4), int(rng.uniform(0.01, 0.05) * height) + 2
        patch = Patch.from_colour(
            source.material(rng).cut(rng, tall, wide), np.full((tall, wide), 255, np.uint8)
        )
    else:
        tall = int(height * rng.uniform(0.2, 0.6))
        wide = int(tall * rng.uniform(0.7, 1.8))
        patch = leafy_patch(rng, tall, wide)
    x = rng.uniform(0, width) - wide / 2
    y = rng.choice([rng.uniform(-0.2, 0.2), rng.uniform(0.7, 1.0)]) * height - tall * 0.3
    y = -0.2 * height if kind < 0.45 else rng.uniform(0, 1) * height if kind < 0.6 else y
    x = -0.2 * width if 0.45 <= kind < 0.6 else x
    slant = rng.normal(0, 0.05)
    return patch, np.array([[1.0, slant, x], [-slant, 1.0, y]])
