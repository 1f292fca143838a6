"""Many steps of the journal at once, and what they changed as if it were one step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ifc_core.annotation import EditResult, Project


def walk(project: Project, number: int) -> Iterator[EditResult]:
    """Undo or redo until ``number`` is the last edit that stands.

    Whoever asks for no more of it stops there. A number that the history does not list moves
    nothing.

    Args:
        project: What is changed, a transaction a step.
        number: Number of a journal entry.

    Yields:
        What each step changed.
    """
    entries = {entry.seq: entry for entry in project.history()}
    if number not in entries:
        return
    if entries[number].undone:
        while (done := project.redo()) is not None:
            yield done
            if done.seq == number:
                return
        return
    for _ in range(sum(not e.undone and e.seq > number for e in entries.values())):
        undone = project.undo()
        if undone is None:
            return
        yield undone


def joined(results: Sequence[EditResult]) -> EditResult:
    """What steps changed together; in name and number it is the last of them.

    A track that came and went between is not told of.

    Args:
        results: One at least, in the order in which they happened.
    """
    last = results[-1]
    was_there, is_there = dict[int, bool](), dict[int, bool]()
    for result in results:
        for tracks, before, after in (
            (result.tracks_added, False, True),
            (result.tracks_removed, True, False),
            (result.tracks_changed, True, True),
        ):
            for track_id in tracks:
                was_there.setdefault(track_id, before)
                is_there[track_id] = after
    fleeting = {i for i, there in is_there.items() if not (there or was_there[i])}
    frames = _united([result.changed_frames for result in results])
    frames = {i: changed for i, changed in frames.items() if i not in fleeting}
    return replace(
        last,
        video_ids=_all_of([result.video_ids for result in results]),
        changed_frames=frames,
        tracks_added=tuple(i for i, there in is_there.items() if there and not was_there[i]),
        tracks_removed=tuple(i for i, there in is_there.items() if was_there[i] and not there),
        tracks_changed=tuple(i for i, there in is_there.items() if was_there[i] and there),
        reviewed_frames=_united([result.reviewed_frames for result in results]),
        categories_changed=_all_of([result.categories_changed for result in results]),
        videos_changed=_all_of([result.videos_changed for result in results]),
        runs_changed=_all_of([result.runs_changed for result in results]),
        num_masks=sum(map(len, frames.values())),
        masks_gained=sum(result.masks_gained for result in results),
    )


def _all_of(parts: Sequence[Sequence[int]]) -> tuple[int, ...]:
    return tuple(sorted({number for part in parts for number in part}))


def _united(parts: Sequence[Mapping[int, Sequence[int]]]) -> dict[int, tuple[int, ...]]:
    found: dict[int, set[int]] = {}
    for part in parts:
        for key, frames in part.items():
            found.setdefault(key, set()).update(frames)
    return {key: tuple(sorted(frames)) for key, frames in found.items()}
