"""Deterministic weights and inputs for comparing an IFC implementation with fixtures.

Everything here is generated from ``numpy.random.RandomState.random_sample`` and
``randint`` plus IEEE add/mul/div on integers or float64, so two machines get
bit-identical arrays (no libm call, no float reduction).  numpy is enough for the
inputs; torch is needed only by :func:`fill_state_dict`.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np

# ----------------------------------------------------------------------------
# weights
# ----------------------------------------------------------------------------

_SQRT3 = 1.7320508075688772  # uniform(-a, a) has std a / sqrt(3)


def _u(name: str, shape) -> np.ndarray:
    """float64 uniform in [-1, 1), determined by ``name`` (and the shape) alone."""
    rng = np.random.RandomState(zlib.crc32(name.encode("utf-8")) & 0xFFFFFFFF)
    return rng.random_sample(tuple(shape)) * 2.0 - 1.0


def fill_array(name: str, shape) -> np.ndarray:
    """The value of the tensor called ``name`` in the checkpoint layout of the fixtures."""
    shape = tuple(int(s) for s in shape)
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, dtype=np.int64)
    if name.endswith("empty_weight"):
        out = np.ones(shape, dtype=np.float32)
        out[-1] = np.float32(0.1)
        return out
    u = _u(name, shape)
    if name.endswith("running_var"):
        out = 1.0 + 0.2 * u
    elif name.endswith(("running_mean", "bias", "in_proj_bias")):
        out = 0.1 * u
    elif len(shape) == 1:  # affine weight of a norm
        out = 1.0 + 0.1 * u
        if name.endswith("conv3.norm.weight"):
            out = 0.35 * out  # last norm of a residual branch: keeps the sum bounded
    elif name.endswith("query_embed.weight"):
        out = _SQRT3 * 2.0 * u  # larger than at initialisation: queries must differ
    elif name.endswith(("memory_bus", "memory_pos")):
        out = _SQRT3 * 0.5 * u
    else:
        fan_in = 1
        for s in shape[1:]:
            fan_in *= s
        gain2 = 2.0 if (".conv1." in name or ".conv2." in name) else 1.0
        if name.endswith("in_proj_weight"):
            gain2 = 2.0  # sharper attention, so that a wrong key or position shows
        elif name.endswith("class_embed.layers.1.weight"):
            gain2 = 16.0
        elif name.endswith("convert_to_weight.layers.2.weight"):
            gain2 = 9.0
        out = (3.0 * gain2 / fan_in) ** 0.5 * u
    return out.astype(np.float32)


def fill_state_dict(shapes):
    """{name: shape} -> {name: torch tensor}; every value depends on its name only."""
    import torch

    return {k: torch.from_numpy(np.array(fill_array(k, s))) for k, s in shapes.items()}


def bias_no_object(state, value: float, key: str = "detr.class_embed.layers.1.bias"):
    """Add ``value`` to the bias of the last (no-object) class, in place; returns ``state``.

    The fixtures record the value they used.  Without it nearly all 100 random
    queries beat no-object.
    """
    state[key][-1] += float(value)
    return state


def load_shapes(path):
    with Path(path).open() as f:
        return {k: tuple(v) for k, v in json.load(f).items()}


# ----------------------------------------------------------------------------
# input frames
# ----------------------------------------------------------------------------


def _value_noise(rng, height, width, cell, lo=0, hi=256):
    """Integer bilinear value noise, (height, width, 3) int64."""
    gh, gw = height // cell + 2, width // cell + 2
    grid = rng.randint(lo, hi, size=(gh, gw, 3)).astype(np.int64)
    y, x = np.arange(height), np.arange(width)
    iy, fy = y // cell, (y % cell)[:, None, None]
    ix, fx = x // cell, (x % cell)[None, :, None]
    a = grid[iy][:, ix]
    b = grid[iy][:, ix + 1]
    c = grid[iy + 1][:, ix]
    d = grid[iy + 1][:, ix + 1]
    num = a * (cell - fy) * (cell - fx) + b * (cell - fy) * fx + c * fy * (cell - fx) + d * fy * fx
    return (num + cell * cell // 2) // (cell * cell)


def make_frames(seed: int, num_frames: int, height: int, width: int, num_objects: int = 5):
    """uint8 RGB video (num_frames, height, width, 3): a panning smooth background
    with textured ellipses and rectangles moving over it.  Integer arithmetic only."""
    rng = np.random.RandomState(seed)
    pan = 2
    back = _value_noise(rng, height, width + pan * num_frames, 24)
    objs = []
    for k in range(num_objects):
        ry = int(rng.randint(height // 10 + 2, height // 4 + 3))
        rx = int(rng.randint(width // 12 + 2, width // 5 + 3))
        cy, cx = int(rng.randint(0, height)), int(rng.randint(0, width))
        vy, vx = int(rng.randint(-4, 5)), int(rng.randint(-6, 7))
        tex = _value_noise(rng, 2 * ry + 1, 2 * rx + 1, 6)
        base = rng.randint(0, 256, size=3).astype(np.int64)
        objs.append((ry, rx, cy, cx, vy, vx, (tex + 3 * base) // 4, bool(k % 2)))
    yy, xx = np.arange(height)[:, None], np.arange(width)[None, :]
    out = np.empty((num_frames, height, width, 3), dtype=np.uint8)
    for t in range(num_frames):
        img = back[:, t * pan : t * pan + width].copy()
        for ry, rx, cy, cx, vy, vx, tex, rect in objs:
            # reflect the centre inside the image
            py, px = (cy + vy * t) % (2 * height), (cx + vx * t) % (2 * width)
            py, px = min(py, 2 * height - 1 - py), min(px, 2 * width - 1 - px)
            dy, dx = yy - py, xx - px
            if rect:
                inside = (np.abs(dy) <= ry) & (np.abs(dx) <= rx)
            else:
                inside = (dy * rx) ** 2 + (dx * ry) ** 2 <= (rx * ry) ** 2
            ys, xs = np.nonzero(inside)
            img[ys, xs] = tex[(ys - py + ry), (xs - px + rx)]
        out[t] = img.astype(np.uint8)
    return out


# ----------------------------------------------------------------------------
# synthetic clip results for the tracker
# ----------------------------------------------------------------------------


def clip_starts(video_length: int, num_frames: int, stride: int):
    """[(start, end), ...] of the near-online clips: the last clip is pulled back so
    that it ends at the last frame, and iteration stops there."""
    out = []
    for s in range(0, video_length, stride):
        e = s + num_frames
        if e >= video_length:
            out.append((max(0, video_length - num_frames), video_length))
            break
        out.append((s, e))
    return out


def make_tracker_case(
    seed: int,
    video_length: int,
    num_frames: int,
    stride: int,
    height: int = 18,
    width: int = 30,
    num_objects: int = 6,
    num_classes: int = 40,
):
    """Seeded clip results with overlapping clips.

    Returns a list of dicts (one per clip): ``frame_idx`` (list of int), ``mask_logits``
    float32 (N, T, height, width), ``cls_probs`` float32 (N, num_classes + 1) rows summing
    to ~1 with the no-object entry never the largest, ``scores`` / ``labels`` = max / argmax
    of cls_probs over all num_classes + 1 columns, ``truth`` int (N,) the hidden object
    number (-1: a false positive).  Objects are dropped from some clips, appear late, or
    leave early; the order inside a clip is shuffled.
    """
    rng = np.random.RandomState(seed)
    yy, xx = np.arange(height)[:, None], np.arange(width)[None, :]
    objs = []
    for k in range(num_objects):
        objs.append(
            {
                "cy": int(rng.randint(2, height - 2)),
                "cx": int(rng.randint(2, width - 2)),
                "vy": int(rng.randint(-1, 2)),
                "vx": int(rng.randint(-2, 3)),
                "r": int(rng.randint(3, 7)),
                "label": int(rng.randint(0, num_classes)),
                "born": int(rng.randint(0, max(1, video_length // 3))) if k % 3 == 2 else 0,
                "dies": int(rng.randint(video_length // 2, video_length + 1))
                if k % 3 == 1
                else video_length,
            }
        )
    clips = []
    for s, e in clip_starts(video_length, num_frames, stride):
        frames = list(range(s, e))
        rows = []
        for k, o in enumerate(objs):
            vis = [o["born"] <= f < o["dies"] for f in frames]
            drop = rng.randint(0, 6) == 0
            noise = rng.randint(-256, 257, size=(len(frames), height, width))
            cls_noise = rng.randint(1, 64, size=num_classes + 1)
            conf = int(rng.randint(600, 2400))
            if not any(vis) or (drop and k != 0):
                continue
            lg = np.empty((len(frames), height, width), dtype=np.float64)
            for j, f in enumerate(frames):
                py = (o["cy"] + o["vy"] * f) % height
                px = (o["cx"] + o["vx"] * f) % width
                d2 = (yy - py) ** 2 + (xx - px) ** 2
                lg[j] = (o["r"] ** 2 - d2) / 4.0 if vis[j] else -6.0
            lg = np.clip(lg, -8.0, 8.0) + noise / 256.0
            p = cls_noise.astype(np.int64)
            p[o["label"]] += conf
            rows.append((k, lg, p))
        if rng.randint(0, 3) == 0:  # a false positive covering a random rectangle
            y0, x0 = int(rng.randint(0, height - 4)), int(rng.randint(0, width - 4))
            lg = np.full((len(frames), height, width), -5.0)
            lg[:, y0 : y0 + 4, x0 : x0 + 4] = 4.0
            lg = lg + rng.randint(-256, 257, size=lg.shape) / 256.0
            p = rng.randint(1, 64, size=num_classes + 1).astype(np.int64)
            p[int(rng.randint(0, num_classes))] += 300
            rows.append((-1, lg, p))
        order = rng.permutation(len(rows))
        rows = [rows[i] for i in order]
        probs = np.stack([p / float(p.sum()) for _, _, p in rows]).astype(np.float32)
        clips.append(
            {
                "frame_idx": frames,
                "mask_logits": np.stack([lg for _, lg, _ in rows]).astype(np.float32),
                "cls_probs": probs,
                "scores": probs.max(1),
                "labels": probs.argmax(1),
                "truth": np.array([k for k, _, _ in rows]),
            }
        )
    return clips


# ----------------------------------------------------------------------------
# synthetic predictions and targets for the losses
# ----------------------------------------------------------------------------


def make_loss_case(
    seed: int,
    num_instances=(3, 5),
    num_queries: int = 10,
    num_frames: int = 3,
    num_classes: int = 40,
    num_aux: int = 2,
    image_size=(48, 72),
    pred_stride: int = 8,
):
    """Seeded predictions and per-frame ground truth.

    Returns ``preds``: list of (logits (B,Q,C+1), masks (B,Q,T,h,w)) float32, the LAST
    entry being the final layer and the first ``num_aux`` entries the auxiliary layers in
    decoder order; ``videos``: list (B) of lists (T) of dict(gt_classes int64 (K,), gt_ids
    int64 (K,), gt_masks bool (K,H,W)).  In the first sample with K >= 2, instance 1 is
    absent from frame 0 (class = num_classes, id = -1, empty mask) and, when K >= 5,
    instance 4 is absent from every frame (id -1 everywhere), so it must be dropped.
    """
    rng = np.random.RandomState(seed)
    height, width = image_size
    h, w = -(-height // pred_stride), -(-width // pred_stride)
    batch = len(num_instances)
    preds = []
    for _ in range(num_aux + 1):
        lo = rng.random_sample((batch, num_queries, num_classes + 1)) * 6.0 - 3.0
        ma = rng.random_sample((batch, num_queries, num_frames, h, w)) * 8.0 - 4.0
        preds.append((lo.astype(np.float32), ma.astype(np.float32)))
    yy, xx = np.arange(height)[:, None], np.arange(width)[None, :]
    videos, absent_done = [], False
    for k_n in num_instances:
        objs = [
            (
                int(rng.randint(4, height - 4)),
                int(rng.randint(4, width - 4)),
                int(rng.randint(-3, 4)),
                int(rng.randint(-4, 5)),
                int(rng.randint(4, 15)),
                int(rng.randint(4, 20)),
                int(rng.randint(0, num_classes)),
            )
            for _ in range(k_n)
        ]
        frames = []
        for t in range(num_frames):
            masks = np.zeros((k_n, height, width), dtype=bool)
            classes = np.zeros((k_n,), dtype=np.int64)
            ids = np.zeros((k_n,), dtype=np.int64)
            for k, (cy, cx, vy, vx, ry, rx, c) in enumerate(objs):
                gone = (k == 1 and t == 0 and not absent_done) or k == 4
                classes[k], ids[k] = (num_classes, -1) if gone else (c, 100 + k)
                if not gone:
                    dy, dx = yy - (cy + vy * t), xx - (cx + vx * t)
                    masks[k] = (dy * rx) ** 2 + (dx * ry) ** 2 <= (rx * ry) ** 2
            frames.append({"gt_classes": classes, "gt_ids": ids, "gt_masks": masks})
        absent_done = absent_done or k_n >= 2
        videos.append(frames)
    return preds, videos


def checksum(a: np.ndarray) -> int:
    """crc32 of the C-contiguous bytes, as stored beside every generated input."""
    return zlib.crc32(np.ascontiguousarray(a).tobytes()) & 0xFFFFFFFF
