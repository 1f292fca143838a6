"""Where a run stands, in a few kilobytes of JSON, so that it can go on after a pause or a crash.

Masks and features are not kept: the clips that frames to come still touch (at most T of them)
are computed again with the queries they had, and take their identities from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ifc_core.errors import ConfigError

_VERSION = 2
_WITHOUT_SHOTS = 1  # the version before: all of a video was one shot


@dataclass(frozen=True, slots=True)
class HeldClip:
    """A clip that frames to come still touch.

    Attributes:
        start: Position of its first frame among the frames that are looked at.
        stop: Position after its last frame.
        queries: Query behind each instance.
        identities: Identity of each instance.
        link_scores: Soft IoU with which each was linked, ``None`` for a new one.
    """

    start: int
    stop: int
    queries: tuple[int, ...]
    identities: tuple[int, ...]
    link_scores: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class InstanceTally:
    """What is known of one instance.

    Attributes:
        instance_id: Its number.
        class_totals: (K + 1) sum of class probabilities over its clips.
        num_clips: Their number.
        frames: (first frame, last frame, number of frames) with a mask, or ``None``.
        look: Sum of unit mask weights and last position, with re-identification only.
        quality: (sum, number) of the estimates of its masks' quality.
        is_certain: Whether some clip was sure of it; states that do not say so know no others.
        area: Pixels of its masks; 0 in states of earlier versions.
        shared: Pairs (instance of a higher number, pixels that both show).
    """

    instance_id: int
    class_totals: tuple[float, ...]
    num_clips: int
    frames: tuple[int, int, int] | None
    look: tuple[tuple[float, ...], int] | None = None
    quality: tuple[float, int] = (0.0, 0)
    is_certain: bool = True
    area: int = 0
    shared: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class RunCheckpoint:
    """Everything before ``next_position`` was given out; the rest follows from here.

    Attributes:
        restart_frame: Frame index from which frames must be given again.
        restart_position: Its position among the frames that are looked at.
        next_position: First position that was not given out; masks of later ones are void.
        window_state: State of the window stream after the last clip that was decided.
        precision: Arithmetic that was in use: ``fp32``, ``bf16``, ``fp16`` or ``int8``.
        input_size: (height, width) that the network was fed.
        mask_grid: (h, w) of the mask logits.
        output_size: (height, width) of the masks.
        num_instances: Identities given out.
        clips: Clips that are computed again.
        tallies: One an instance.
        notices: Sentences for the person so far.
        model_sha256: Hash of the weights; "" where unknown.
        broken_frames: Frames so far that could not be decoded; known to who reads the frames.
        shot_starts: First frame of each shot up to ``window_state``.
    """

    restart_frame: int
    restart_position: int
    next_position: int
    window_state: tuple[int, int, int, int]
    precision: str
    input_size: tuple[int, int] | None
    mask_grid: tuple[int, int] | None
    output_size: tuple[int, int] | None
    num_instances: int
    clips: tuple[HeldClip, ...]
    tallies: tuple[InstanceTally, ...]
    notices: tuple[str, ...] = ()
    model_sha256: str = ""
    broken_frames: tuple[int, ...] = ()
    shot_starts: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {"version": _VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RunCheckpoint:
        """Read what :meth:`to_json` wrote.

        Raises:
            ConfigError: It is not a checkpoint of this version.
        """
        try:
            version = values["version"]
            if version not in (_VERSION, _WITHOUT_SHOTS):
                raise ValueError(version)
            plain = {name: _tuples(value) for name, value in values.items() if name != "version"}
            if version == _WITHOUT_SHOTS:
                plain["window_state"] = (*plain["window_state"], 0)
            plain["clips"] = tuple(HeldClip(**_fields(clip)) for clip in values["clips"])
            plain["tallies"] = tuple(InstanceTally(**_fields(t)) for t in values["tallies"])
            return cls(**plain)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(
                "The stopped run was left by another version of the program; discard it and "
                "propose again.",
                name="resume",
                value=None,
            ) from error


def _fields(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _tuples(value) for name, value in values.items()}


def _tuples(value: Any) -> Any:
    """JSON's lists as tuples, all the way down."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value
