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
from ifc_core.inference.device_input import bytes_ahead
from ifc_core.inference.device_memory import plain_memory_errors
from ifc_core.inference.fast_model import PRECISION_OF, choose_dtype, fast_model
from ifc_core.inference.frame_input import cut_region, resize_frames
from ifc_core.inference.frame_masks import FrameMasks
from ifc_core.inference.run_setup import (
    BATCHES_AHEAD,
    batch_for,
    clip_runner_for,
    edges_for,
    input_size_for,
    lookahead_for,
    short_side_for,
)
from ifc_core.inference.settings import ProposeSettings
from ifc_core.inference.tile_merger import Region
from ifc_core.inference.tiling import looked_at_regions
from ifc_core.jobs import JobContext
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
        memory_bytes: Weights, features, masks, activations and frames read ahead at their peak, on
            the device and beside it; the libraries and the program around it come on top.
        network_size: (height, width) that frames are resized to.
        precision: ``float32``, ``bfloat16``, ``float16`` or ``int8``.
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
    context: JobContext | None = None,
) -> RunEstimate:
    """Time one clip made of one frame, and scale it to the video.

    Args:
        model: The network on its device.
        frame: (H, W, 3) uint8, any frame of the video.
        settings: What the person chose.
        num_frames: Frames of the video, before the frame step.
        clock: Seconds, monotonic; replaced in tests.
        context: Asked for cancellation between what is timed, which is a clip at most.

    Raises:
        JobCancelled: It was asked to stop.
        ConfigError: The region does not lie in the frame.
        DeviceMemoryError: Not even one clip fits at the smallest size.
    """
    context = context or JobContext()
    clock = _checked(clock, context)
    looked_at = len(range(0, num_frames, settings.frame_step))
    length = looked_at if settings.offline else min(settings.clip_length, looked_at)
    length = max(1, length)
    stride = length if settings.offline else min(settings.clip_stride, length)
    num_clips = sum(1 for _ in clip_windows(looked_at, length, stride))
    regions = _regions(frame, settings, short_side_for(model, settings))
    image = _network_input(model, frame, regions[0], settings)
    probe = min(length, _LONGEST_PROBE)
    # Tiles go frame by frame; of a short video neither frames nor clips fill a batch.
    batch = 1 if settings.tiles else max(1, min(batch_for(model), looked_at))
    runner = clip_runner_for(model, settings, batch)
    runner.clip_group = max(1, min(runner.clip_group, num_clips))
    with plain_memory_errors(model.device):
        dtype = choose_dtype(model, settings.precision)
        runner.model, runner.is_exact = fast_model(model, dtype), dtype == torch.float32
    encode, decode, feature_bytes = _probe(runner, image, probe, clock)
    crowd = _ASSUMED_INSTANCES
    if len(regions) > 1:

        def count(n: int) -> int:
            context.raise_if_cancelled()
            return _num_instances(runner, _network_input(model, frame, regions[n], settings), probe)

        crowd = _mean_crowd(count, len(regions))
    edges = edges_for(model, settings)
    masks = FrameMasks(edges, regions[0], model.device)
    masks.begin(PRECISION_OF[dtype], [])
    at_once = batch if edges == "off" else 1  # edges are decided frame by frame
    with plain_memory_errors(model.device):
        finish = _time_masks(masks, runner, frame, crowd, at_once, clock)
    seconds = len(regions) * (looked_at * (encode + finish) + num_clips * decode * length / probe)
    waiting = 0 if settings.offline else 2 * -(-lookahead_for(model, settings) // stride)
    held_clips = min(num_clips, -(-length // stride) + waiting)
    held_frames = 0 if edges == "off" else min(looked_at, length + waiting * stride)
    if settings.offline and len(regions) > 1:  # one tile's run is done when the next one begins
        held_frames = looked_at
    held = _held_by_run(runner, length, held_clips * crowd)
    if batch == 1:
        held += feature_bytes * (length + 1)
    else:  # the batch before is linked while the device works on the next one
        held += feature_bytes * min(looked_at, length + 2 * batch)
        held += min(num_clips, 2 * -(-batch // stride)) * _map_bytes(runner, length)
        sent_bytes = 3 * regions[0][2] * regions[0][3]
        held += bytes_ahead(sent_bytes, frame.nbytes, batch, BATCHES_AHEAD)
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


def _checked(clock: Callable[[], float], context: JobContext) -> Callable[[], float]:
    """The clock, which is read between all that takes time, asked for cancellation there too."""

    def read() -> float:
        context.raise_if_cancelled()
        return clock()

    return read


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
    size = input_size_for(model, settings)(own_size)
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
    """Seconds to encode a frame, seconds to decode a clip, bytes of a frame's features.

    In batches and groups as full as those of a run.
    """
    frames = [CachedFrame(image) for _ in range(max(length, runner.frame_batch))]
    on_gpu = runner.model.device.type == "cuda"
    for _ in range(_GPU_WARM_UPS if on_gpu else 1):  # allocations, and the recording of graphs
        runner.encode(frames if on_gpu else frames[:1])
        for frame in frames:
            frame.features = None
        _synchronize(runner.model.device)
    began = clock()
    runner.encode(frames)
    _synchronize(runner.model.device)
    encode = (clock() - began) / len(frames)
    group = runner.clip_group
    windows, indices = [frames[:length]] * group, [tuple(range(length))] * group
    for _ in range(_GPU_WARM_UPS if on_gpu else 1):
        runner.clips(windows, indices)
    began = clock()
    runner.clips(windows, indices)
    _synchronize(runner.model.device)
    decode = (clock() - began) / group
    features = frames[0].features
    return encode, decode, 0 if features is None else features.num_bytes


def _time_masks(
    masks: FrameMasks,
    runner: ClipRunner,
    frame: npt.NDArray[np.uint8],
    num_instances: int,
    at_once: int,
    clock: Callable[[], float],
) -> float:
    """Seconds to bring the masks of one frame to full size, with others where there are several."""
    (height, width), device = runner.mask_grid or (1, 1), runner.model.device
    yy, xx = np.mgrid[:height, :width]
    disc = (min(height, width) / 4) ** 2 - (yy - height / 2) ** 2 - (xx - width / 2) ** 2
    crowd = torch.from_numpy(disc.astype(np.float32)).to(device).expand(num_instances, -1, -1)
    nothing = (None,) * num_instances
    size = (int(frame.shape[0]), int(frame.shape[1]))
    seconds = 0.0
    for position in range(_TIMED_FRAMES * at_once + 2):
        masks.note(position, frame)
    ids = tuple(range(num_instances))
    for turn in range(_TIMED_FRAMES):
        first = 1 + turn * at_once  # each has a frame on both sides
        tracked = [
            TrackedFrame(position, ids, crowd, nothing, nothing)
            for position in range(first, first + at_once)
        ]
        _synchronize(device)
        began = clock()
        list(masks.encode(tracked, size))
        _synchronize(device)
        seconds = (clock() - began) / at_once  # of the last turn: the first one makes tables
    return seconds


def _network_bytes(model: IFC, runner: ClipRunner, length: int) -> int:
    """Weights and activations, which runs in tiles share."""
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    fast = sum(t.numel() * t.element_size() for t in runner.model.state_dict().values())
    at_once = max(runner.frame_batch, runner.clip_group * length)  # encoded or decoded
    return int(weights + fast + _ACTIVATION_COPIES * _map_bytes(runner, at_once))


def _map_bytes(runner: ClipRunner, num_frames: int) -> int:
    """Maps of the spatial decoder's largest level."""
    height, width = runner.mask_grid or (1, 1)
    return 4 * runner.model.config.hidden_dim * height * width * num_frames


def _held_by_run(runner: ClipRunner, length: int, num_masks: int) -> int:
    """Masks as logits and probabilities of a clip each."""
    height, width = runner.mask_grid or (1, 1)
    return 8 * num_masks * height * width * length


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
