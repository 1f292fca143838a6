"""How long a run will take and how much memory it will need, from a probe of one clip."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ifc_core.inference.clip_plan import clip_windows
from ifc_core.inference.clip_runner import CachedFrame, ClipRunner
from ifc_core.inference.fast_model import PRECISION_OF, choose_dtype, fast_model
from ifc_core.inference.frame_input import cut_region, network_size, resize_frames
from ifc_core.inference.frame_masks import FrameMasks
from ifc_core.inference.run_setup import clip_runner_for, edges_for, lookahead_for, short_side_for
from ifc_core.inference.settings import ProposeSettings
from ifc_core.inference.tile_merger import Region
from ifc_core.inference.tiling import looked_at_regions
from ifc_core.models.ifc import IFC
from ifc_core.tracking.video_tracker import TrackedFrame

_LONGEST_PROBE = 8
_GPU_WARM_UPS = 3
_TIMED_FRAMES = 3
_ASSUMED_INSTANCES = 10
_COUNTED_TILES = 6  # at most; in them instances are counted, as most tiles hold few
_ACTIVATION_COPIES = 6  # maps of the spatial decoder's largest level alive at once


@dataclass(frozen=True, slots=True)
class RunEstimate:
    """What a run of Propose will take.

    Attributes:
        seconds: For the whole video, decoding of the file left out.
        seconds_per_frame: The same for each frame that is looked at.
        num_clips: Clips that the network will see.
        memory_bytes: Weights, features, masks and activations at their peak; the libraries
            and the program around it come on top.
        network_size: (height, width) that frames are resized to.
        precision: ``float32``, ``bfloat16`` or ``float16``.
    """

    seconds: float
    seconds_per_frame: float
    num_clips: int
    memory_bytes: int
    network_size: tuple[int, int]
    precision: str


def estimate_run(
    model: IFC,
    frame: npt.NDArray[np.uint8],
    settings: ProposeSettings,
    num_frames: int,
    clock: Callable[[], float] = time.perf_counter,
) -> RunEstimate:
    """Time one clip made of one frame, and scale it to the video.

    Args:
        model: The network on its device.
        frame: (H, W, 3) uint8, any frame of the video.
        settings: What the person chose.
        num_frames: Frames of the video, before the frame step.
        clock: Seconds, monotonic; replaced in tests.

    Raises:
        ConfigError: The region does not lie in the frame.
        DeviceMemoryError: Not even one clip fits at the smallest size.
    """
    looked_at = len(range(0, num_frames, settings.frame_step))
    length = looked_at if settings.offline else min(settings.clip_length, looked_at)
    length = max(1, length)
    stride = length if settings.offline else min(settings.clip_stride, length)
    num_clips = sum(1 for _ in clip_windows(looked_at, length, stride))
    regions = _regions(frame, settings, short_side_for(model, settings))
    image = _network_input(model, frame, regions[0], settings)
    dtype = choose_dtype(model, settings.precision)
    probe = min(length, _LONGEST_PROBE)
    in_batches = model.device.type == "cuda" and not settings.tiles  # tiles go frame by frame
    runner = clip_runner_for(model, settings, probe if in_batches else 1)
    runner.model, runner.is_exact = fast_model(model, dtype), dtype == torch.float32
    encode, decode, feature_bytes = _probe(runner, image, probe, clock)
    crowd = _ASSUMED_INSTANCES
    if len(regions) > 1:
        crowd = _mean_crowd(
            lambda n: _num_instances(
                runner, _network_input(model, frame, regions[n], settings), probe
            ),
            len(regions),
        )
    edges = edges_for(model, settings)
    masks = FrameMasks(edges, regions[0], model.device)
    masks.begin(PRECISION_OF[dtype], [])
    finish = _time_masks(masks, runner.mask_grid or (1, 1), frame, crowd, clock)
    seconds = len(regions) * (looked_at * (encode + finish) + num_clips * decode * length / probe)
    waiting = 0 if settings.offline else 2 * -(-lookahead_for(model, settings) // stride)
    held_clips = min(num_clips, -(-length // stride) + waiting)
    held_frames = 0 if edges == "off" else min(looked_at, length + waiting * stride)
    if settings.offline and len(regions) > 1:  # one tile's run is done when the next one begins
        held_frames = looked_at
    held = _held_by_run(runner, feature_bytes, length, held_clips * crowd)
    return RunEstimate(
        seconds=seconds,
        seconds_per_frame=seconds / max(1, looked_at),
        num_clips=num_clips * len(regions),
        memory_bytes=_network_bytes(model, runner, length)
        + len(regions) * held
        + held_frames * frame.nbytes,  # of all runs, which share frames
        network_size=(int(image.shape[0]), int(image.shape[1])),
        precision=str(dtype).removeprefix("torch."),
    )


def _regions(
    frame: npt.NDArray[np.uint8], settings: ProposeSettings, short_side: int
) -> list[Region]:
    """What is looked at, each by a run of its own."""
    area = settings.region_xywh or (0, 0, int(frame.shape[1]), int(frame.shape[0]))
    return looked_at_regions(area, settings, short_side) if settings.tiles else [area]


def _network_input(
    model: IFC, frame: npt.NDArray[np.uint8], region: Region, settings: ProposeSettings
) -> npt.NDArray[np.uint8]:
    """(h, w, 3): a part of a frame as the network is fed it."""
    part = cut_region(frame, region)
    own_size = (int(part.shape[0]), int(part.shape[1]))
    size = network_size(own_size, short_side_for(model, settings), settings.max_long_side)
    small = resize_frames(torch.from_numpy(np.array(part))[None], size)
    return np.asarray(small[0].numpy(), np.uint8)


def _mean_crowd(count: Callable[[int], int], num_regions: int) -> int:
    """Instances of a region on average, at least 1: of some tiles, and of the whole, the last."""
    num_tiles = num_regions - 1
    some = np.linspace(0, num_tiles - 1, min(_COUNTED_TILES, num_tiles)).round().astype(int)
    mean_of_tiles = sum(count(int(n)) for n in some) / len(some)
    return max(1, round((num_tiles * mean_of_tiles + count(num_tiles)) / num_regions))


def _num_instances(runner: ClipRunner, image: npt.NDArray[np.uint8], length: int) -> int:
    """Instances of a clip made of one frame that begin a track."""
    still = CachedFrame(image)
    (clip,) = runner.clips([[still] * length], [tuple(range(length))])
    return len(clip.queries) - len(clip.unsure)


def _probe(
    runner: ClipRunner, image: npt.NDArray[np.uint8], length: int, clock: Callable[[], float]
) -> tuple[float, float, int]:
    """Seconds to encode a frame, seconds to decode a clip, bytes of a frame's features."""
    frames = [CachedFrame(image) for _ in range(length)]
    on_gpu = runner.model.device.type == "cuda"
    for _ in range(_GPU_WARM_UPS if on_gpu else 1):  # allocations, and the recording of graphs
        runner.encode(frames if on_gpu else frames[:1])
        for frame in frames:
            frame.features = None
        _synchronize(runner.model.device)
    began = clock()
    runner.encode(frames)
    _synchronize(runner.model.device)
    encode = (clock() - began) / length
    for _ in range(_GPU_WARM_UPS if on_gpu else 1):
        runner.clips([frames], [tuple(range(length))])
    began = clock()
    runner.clips([frames], [tuple(range(length))])
    _synchronize(runner.model.device)
    features = frames[0].features
    return encode, clock() - began, 0 if features is None else features.num_bytes


def _time_masks(
    masks: FrameMasks,
    grid: tuple[int, int],
    frame: npt.NDArray[np.uint8],
    num_instances: int,
    clock: Callable[[], float],
) -> float:
    """Seconds to bring the masks of one frame to full size."""
    height, width = grid
    yy, xx = np.mgrid[:height, :width]
    disc = (min(height, width) / 4) ** 2 - (yy - height / 2) ** 2 - (xx - width / 2) ** 2
    crowd = torch.from_numpy(disc.astype(np.float32)).expand(num_instances, -1, -1)
    nothing = (None,) * num_instances
    size = (int(frame.shape[0]), int(frame.shape[1]))
    seconds = 0.0
    for position in range(_TIMED_FRAMES + 2):
        masks.note(position, frame)
    for position in range(1, _TIMED_FRAMES + 1):  # those that have a frame on both sides
        tracked = TrackedFrame(position, tuple(range(num_instances)), crowd, nothing, nothing)
        began = clock()
        list(masks.encode([tracked], size))
        seconds = clock() - began  # of the last one: the first one makes tables
    return seconds


def _network_bytes(model: IFC, runner: ClipRunner, length: int) -> int:
    """Weights and activations, which runs in tiles share."""
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    fast = sum(t.numel() * t.element_size() for t in runner.model.state_dict().values())
    height, width = runner.mask_grid or (1, 1)
    activations = _ACTIVATION_COPIES * 4 * model.config.hidden_dim * height * width * length
    return int(weights + fast + activations)


def _held_by_run(runner: ClipRunner, feature_bytes: int, length: int, num_masks: int) -> int:
    """Features and masks, the latter as logits and probabilities of a clip each."""
    height, width = runner.mask_grid or (1, 1)
    return feature_bytes * (length + 1) + 8 * num_masks * height * width * length


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
