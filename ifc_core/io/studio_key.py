"""The extension key ``ifc_studio``: what YouTube-VIS has no place for.

YouTube-VIS knows only ``null`` for a frame without a mask. The key says which of those frames
were looked at, who made each mask and what lies on top; other readers ignore it. Lists with one
entry a frame are stored as ``[value, count]`` runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import groupby, pairwise
from typing import Any, TypeVar

from ifc_core.io.problems import MAX_NAME_LETTERS, Reporter, is_text, shown, why_not_named
from ifc_core.io.ytvis_types import MAX_LENGTH, TrackDetails, VideoDetails
from ifc_core.structures import FrameState, MaskSource, RLEMask, TrackKind, TrackState

KEY = "ifc_studio"
_Member = TypeVar("_Member", bound=StrEnum)


def pack_runs(values: Sequence[object]) -> list[list[object]]:
    """Values as ``[value, count]`` runs."""
    return [[value, sum(1 for _ in group)] for value, group in groupby(values)]


def _unpack_runs(raw: object, length: int, where: str, report: Reporter) -> list[Any] | None:
    if not isinstance(raw, list):
        report(where, "expected a list of [value, count] pairs.")
        return None
    values: list[Any] = []
    for pair in raw:
        is_pair = isinstance(pair, list) and len(pair) == 2 and type(pair[1]) is int
        if not is_pair or not 0 < pair[1] <= length - len(values):
            report(where, f"expected [value, count] pairs that sum to {length}.", length)
            return None
        values.extend([pair[0]] * pair[1])
    if len(values) != length:
        report(where, f"{len(values)} entries for {length} frames.", length, len(values))
        return None
    return values


def _unpack_enum(
    raw: object, kind: type[_Member], length: int, where: str, report: Reporter
) -> tuple[_Member | None, ...] | None:
    values = _unpack_runs(raw, length, where, report)
    if values is None:
        return None
    members = {member.value: member for member in kind}
    for value in values:
        if value is not None and (not isinstance(value, str) or value not in members):
            report(where, f"unknown entry {str(value)[:40]!r}; known are {', '.join(members)}.")
            return None
    return tuple(None if value is None else members[value] for value in values)


def video_details_to_json(details: VideoDetails) -> dict[str, Any]:
    """The extension object of a video."""
    return {
        "exhaustive": pack_runs(details.exhaustive),
        "fps": details.fps,
        "fingerprint": details.fingerprint,
        "source": details.source,
        "frame_indices": list(details.frame_indices),
    }


def parse_video_details(
    raw: object, length: int, where: str, report: Reporter
) -> VideoDetails | None:
    """Read the extension object of a video.

    Args:
        raw: The object, or ``None`` where there is none.
        length: Frames of the video.
        where: Place of the video.
        report: Told of problems.

    Returns:
        Its content, or ``None``.
    """
    place = f"{where}.{KEY}"
    if raw is None:
        return None
    if not isinstance(raw, dict):
        report(place, "expected an object.")
        return None
    exhaustive: tuple[bool, ...] = ()
    if raw.get("exhaustive"):
        flags = _unpack_runs(raw["exhaustive"], length, f"{place}.exhaustive", report)
        if flags is not None and not all(isinstance(f, bool) for f in flags):
            report(f"{place}.exhaustive", "expected true or false for each frame.")
            flags = None
        exhaustive = tuple(flags or ())
    indices = raw.get("frame_indices") or []
    if not _is_ascending(indices, length):
        report(
            f"{place}.frame_indices",
            f"expected {length} ascending frame numbers below {MAX_LENGTH}.",
        )
        indices = []
    fps = raw.get("fps", 0.0)
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 <= fps < 1e6:
        report(f"{place}.fps", "expected a number of frames per second.")
        fps = 0.0
    texts = {key: raw.get(key, "") for key in ("fingerprint", "source")}
    for key, text in texts.items():
        if not is_text(text):
            report(f"{place}.{key}", "expected text.")
            texts[key] = ""
    source = texts["source"].replace("\\", "/").rsplit("/", 1)[-1]
    return VideoDetails(exhaustive, float(fps), texts["fingerprint"], source, tuple(indices))


def _is_ascending(raw: object, length: int) -> bool:
    if not isinstance(raw, list) or (raw and len(raw) != length):
        return False
    if not all(type(i) is int and 0 <= i < MAX_LENGTH for i in raw):
        return False
    return all(a < b for a, b in pairwise(raw))


def track_details_to_json(details: TrackDetails, parent_id: int | None = None) -> dict[str, Any]:
    """The extension object of a track, with the id of the one that divided into it."""
    value: dict[str, Any] = {
        "states": pack_runs(details.states),
        "sources": pack_runs(details.sources),
        "z_order": details.z_order,
        "state": details.state.value,
        "name": details.name,
        "kind": details.kind.value,
    }
    if details.color_rgb is not None:
        value["color"] = list(details.color_rgb)
    if parent_id is not None:
        value["parent"] = parent_id
    return value


def parse_track_details(
    raw: object, masks: Sequence[RLEMask | None], where: str, report: Reporter
) -> TrackDetails | None:
    """Read the extension object of a track.

    Args:
        raw: The object, or ``None`` where there is none.
        masks: The masks of the track.
        where: Place of the record.
        report: Told of problems.

    Returns:
        Its content, or ``None`` where there is none or it is unusable.
    """
    place = f"{where}.{KEY}"
    if raw is None:
        return None
    if not isinstance(raw, dict):
        report(place, "expected an object.")
        return None
    length = len(masks)
    states = _unpack_enum(raw.get("states"), FrameState, length, f"{place}.states", report)
    sources = _unpack_enum(raw.get("sources"), MaskSource, length, f"{place}.sources", report)
    if states is None or sources is None:
        return None
    for index, (state, mask) in enumerate(zip(states, masks, strict=True)):
        if mask is not None and state in (None, FrameState.ABSENT):
            report(f"{place}.states", f"frame {index} has a mask but the state {state or 'null'}.")
            return None
    z_order, name, color = raw.get("z_order", 0), raw.get("name", ""), raw.get("color")
    known = {member.value: member for member in TrackState}
    state_name = raw.get("state", TrackState.PROPOSED.value)
    is_known = isinstance(state_name, str) and state_name in known
    is_order = type(z_order) is int and abs(z_order) < 1 << 31
    if not is_order or not is_text(name) or not is_known:
        report(place, "z_order must be an integer, name text and state a review state.")
        return None
    if reason := why_not_named(name, MAX_NAME_LETTERS):
        report(f"{place}.name", f"the name {shown(name)} {reason}.")
        return None
    kinds = {member.value: member for member in TrackKind}
    kind = raw.get("kind", TrackKind.OBJECT.value)
    if not isinstance(kind, str) or kind not in kinds:
        report(f"{place}.kind", f"expected one of {', '.join(kinds)}.")
        return None
    color_rgb = _color(color, place, report)
    return TrackDetails(states, sources, z_order, known[state_name], color_rgb, name, kinds[kind])


def parse_parent(raw: object, where: str, report: Reporter) -> int | None:
    """The parent that the extension object of a track names.

    Args:
        raw: The object, or ``None`` where there is none.
        where: Place of the record.
        report: Told of problems.

    Returns:
        An id, which may be that of no track, or ``None``.
    """
    parent = raw.get("parent") if isinstance(raw, dict) else None
    if parent is not None and not (type(parent) is int and 0 <= parent < 1 << 62):
        report(f"{where}.{KEY}.parent", "expected the id of an annotation.")
        return None
    return parent


def _color(raw: object, place: str, report: Reporter) -> tuple[int, int, int] | None:
    if raw is None:
        return None
    if isinstance(raw, list) and len(raw) == 3 and all(type(c) is int for c in raw):
        red, green, blue = raw
        if all(0 <= c <= 255 for c in raw):
            return (red, green, blue)
    report(f"{place}.color", "expected three values from 0 to 255.")
    return None
