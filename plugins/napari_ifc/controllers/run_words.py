"""How far a run is, how long it takes and what it needs, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ifc_core.jobs import Progress
from napari_ifc.language import tr
from napari_ifc.rows import RunView

_ETA_AFTER = 3  # frames from which an estimate is made


def progress_view(progress: Progress, since: Progress | None = None) -> RunView:
    """A run in progress in words.

    Args:
        progress: How far it is.
        since: The first frames that were finished: the estimate is taken from there on, so
            that loading the model does not count.
    """
    count = f"{progress.done}"
    if progress.total:
        count = tr("{done} of {total}").format(done=progress.done, total=progress.total)
    detail = f"{count} {tr(progress.unit)}"
    left = _seconds_left(progress, since)
    if left is not None:
        detail += tr(" · {duration_text} left").format(duration_text=duration_text(left))
    text = tr(progress.message) if progress.message else tr("Proposing tracks")
    brief = "" if left is None else brief_duration_text(left)
    return RunView(True, text[:1].upper() + text[1:], detail, progress.fraction, left=brief)


def _seconds_left(progress: Progress, since: Progress | None) -> float | None:
    if since is None or not progress.total:
        return progress.eta_seconds
    done = progress.done - since.done
    if done < _ETA_AFTER:
        return None
    rate = (progress.elapsed_seconds - since.elapsed_seconds) / done
    return rate * (progress.total - progress.done)


def estimate_text(result: Mapping[str, Any]) -> str:
    """What a run will take, in words.

    Args:
        result: Of the engine's ``estimate``: ``seconds``, ``memory_bytes`` and ``device``.
    """
    device = (
        tr("this GPU") if str(result.get("device", "cpu")).startswith("cuda") else tr("this CPU")
    )
    gigabytes = float(result.get("memory_bytes", 0)) / 1e9
    memory = (
        tr(" and {gigabytes:.1f} GB").format(gigabytes=max(0.1, gigabytes)) if gigabytes else ""
    )
    return tr("About {duration_text}{memory} on {device}.").format(
        duration_text=duration_text(float(result["seconds"])), memory=memory, device=device
    )


def duration_text(seconds: float) -> str:
    """A duration as people say it: ``"40 s"``, ``"3 min 20 s"``, ``"1 h 5 min"``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return tr("{seconds} s").format(seconds=whole)
    if whole < 3600:
        return tr("{minutes} min {seconds:02d} s").format(minutes=whole // 60, seconds=whole % 60)
    return tr("{hours} h {minutes} min").format(hours=whole // 3600, minutes=whole % 3600 // 60)


def brief_duration_text(seconds: float) -> str:
    """A duration where there is little room: no seconds beside minutes."""
    whole = max(0, round(seconds))
    if not 60 <= whole < 3600:
        return duration_text(seconds)
    return tr("{minutes} min").format(minutes=round(whole / 60))
