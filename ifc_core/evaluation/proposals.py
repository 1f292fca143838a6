"""What was proposed on the videos of a project, to be judged: runs, and imports of proposals."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ifc_core.annotation import ProjectReader
from ifc_core.annotation.edits.imported import ImportTracks
from ifc_core.annotation.imported_proposals import ImportedProposals
from ifc_core.annotation.proposal_runs import scope_of
from ifc_core.annotation.records import RunInfo, RunState, VideoEntry
from ifc_core.errors import EditError
from ifc_core.models.names import model_name
from ifc_core.structures import RLEMask

Masks = dict[int, dict[int, RLEMask]]
"""Track or instance -> place among the frames -> mask."""
_MOST_EDITS = 10_000  # so far back an import is looked for


@dataclass(frozen=True, slots=True)
class Found:
    """What a model found in one video.

    Attributes:
        frames: The approved frames that it looked at.
        labels: Result -> name of its class.
        scores: Result -> confidence.
        masks: Result -> place among ``frames`` -> mask.
    """

    frames: Sequence[int]
    labels: dict[int, str]
    scores: dict[int, float]
    masks: Masks


def from_runs(
    reader: ProjectReader,
    videos: Sequence[VideoEntry],
    approved: Mapping[int, Sequence[int]],
    run_id: int | None,
) -> tuple[dict[int, Found], tuple[str, ...], list[str]]:
    """What runs found by video, the models, and the videos whose run was stopped.

    Args:
        reader: The project.
        videos: The videos.
        approved: Their approved frames.
        run_id: The run, or ``None`` for the latest of each video.
    """
    runs = _chosen_runs(reader, run_id)
    found, stopped = {}, []
    for video in videos:
        if video.id not in runs:
            continue
        reached = _reached(reader, runs[video.id])
        looked_at = _looked_at(runs[video.id], approved[video.id], reached)
        if not looked_at:
            continue
        if reached is not None:
            stopped.append(video.name)
        masks: Masks = defaultdict(dict)
        for place, frame_index in enumerate(looked_at):
            for staged in reader.staged_masks_at(runs[video.id].id, frame_index):
                if staged.rle is not None:
                    masks[staged.instance_id][place] = staged.rle
        heads = {i.instance_id: i for i in reader.staged_instances(runs[video.id].id)}
        found[video.id] = Found(
            looked_at,
            {i: head.label for i, head in heads.items()},
            {i: head.score for i, head in heads.items()},
            masks,
        )
    judged = (runs[video_id].model for video_id in found)
    return found, tuple(dict.fromkeys(_model_name(reader, model) for model in judged)), stopped


def _chosen_runs(reader: ProjectReader, run_id: int | None) -> dict[int, RunInfo]:
    """Video -> the run to judge."""
    runs: dict[int, RunInfo] = {}
    for run in reversed(reader.runs()):  # the latest wins
        is_meant = run.kind.startswith("propose") if run_id is None else run.id == run_id
        # One without masks found nothing, or what it found was discarded or forgotten since.
        if not is_meant or not run.masks_staged:
            continue
        if run.video_id not in runs or _is_decided(run) or not _is_decided(runs[run.video_id]):
            runs[run.video_id] = run
    if run_id is not None and not runs:
        raise EditError(f"Run {run_id} is not in the project any more.", path=reader.folder)
    return runs


def _is_decided(run: RunInfo) -> bool:
    return run.finished_at is not None or run.state is RunState.ACCEPTED


def _reached(reader: ProjectReader, run: RunInfo) -> int | None:
    """The last frame that a run which was stopped has looked at; ``None`` for a complete one."""
    if run.finished_at is not None:
        return None
    reached = max((frames[-1] for frames in reader.staged_frames(run.id).values()), default=-1)
    kept = reader.run_checkpoint(run.id) or {}  # it may have found nothing for a while
    names = ("restart_frame", "restart_position", "next_position")
    place = [number for name in names if isinstance(number := kept.get(name), int)]
    if len(place) == len(names):
        frame, position, coming = place
        reached = max(reached, frame + (coming - 1 - position) * _step(run))
    return reached


def _step(run: RunInfo) -> int:
    step = run.settings.get("frame_step", 1)
    return step if isinstance(step, int) and step > 0 else 1


def _looked_at(run: RunInfo, frames: Sequence[int], reached: int | None) -> list[int]:
    """Of some frames those that a run was asked for: every n-th of the video, or of a range.

    Args:
        run: The run.
        frames: The frames.
        reached: Where it was stopped, or ``None``.
    """
    step, scope = _step(run), scope_of(run)
    asked = [frame for frame in frames if frame % step == 0 and frame in scope]
    return asked if reached is None else [frame for frame in asked if frame <= reached]


def _model_name(reader: ProjectReader, model: str) -> str:
    """The name that people know a run's model by, "" for the bundled one."""
    if model in ("", "default"):
        return ""
    versions = {version.path: version.name for version in reader.models()}
    return versions.get(model) or model_name(model)


def from_imports(
    reader: ProjectReader, videos: Sequence[VideoEntry], approved: Mapping[int, Sequence[int]]
) -> tuple[dict[int, Found], dict[int, str], list[str]]:
    """What files proposed, as it was before anybody corrected it.

    Args:
        reader: The project.
        videos: The videos.
        approved: Their approved frames.

    Returns:
        What was found by video, the name of the file of each, and sentences for the person.
    """
    names = {category.id: category.name for category in reader.categories()}
    by_id = {video.id: video for video in videos}
    found, files = {}, {}
    notes: list[str] = []
    for video_id, proposals in reader.imported_proposals(list(by_id)).items():
        looked_at = proposals.looked_at(approved[video_id])
        if not looked_at:
            continue
        places = {frame: place for place, frame in enumerate(looked_at)}
        wanted = {
            mask_id: (track_id, places[frame])
            for frame, track_id, mask_id in proposals.pointers.tolist()
            if frame in places
        }
        masks: Masks = defaultdict(dict)
        for mask_id, rle in reader.records(list(wanted), by_id[video_id].size):
            track_id, place = wanted[mask_id]
            masks[track_id][place] = rle
        labels = {i: names.get(category, "") for i, category in proposals.categories.items()}
        found[video_id] = Found(looked_at, labels, proposals.scores, masks)
        files[video_id] = proposals.file
        num_unnamed = sum(not labels[track_id] for track_id in masks)
        is_part = len(looked_at) < len(approved[video_id])
        notes += _import_notes(proposals, by_id[video_id].name, num_unnamed, is_part)
    return found, files, list(dict.fromkeys(notes))


def _import_notes(
    proposals: ImportedProposals, video: str, num_unnamed: int, is_part: bool
) -> Iterator[str]:
    """What to know of an import that is judged.

    Args:
        proposals: What it proposed.
        video: Name of the video.
        num_unnamed: Tracks whose class is gone.
        is_part: Not all approved frames are among those that it covers.
    """
    if proposals.passed_over:
        yield (
            f"In {video} an earlier import is judged, {proposals.file}: the later one of "
            f"{proposals.passed_over[0]} holds nothing there, or what people made or reviewed "
            "too, or left out what the project had."
        )
    if proposals.may_lack:
        yield f"Whether the import of {proposals.file} left out what the project had is not known."
    if proposals.covered is None and is_part:
        yield (
            "Of an import only the frames from its first mask to its last are known to be covered."
        )
    if num_unnamed:
        tracks = "1 track" if num_unnamed == 1 else f"{num_unnamed} tracks"
        yield (
            f"The class of {tracks} from {proposals.file} is gone from the project: where classes "
            "are compared, AP leaves out what has none."
        )


def no_proposals(reader: ProjectReader) -> str:
    """Why there is nothing to judge: imports that are none of proposals are judged by their file.

    Args:
        reader: The project.
    """
    history = reader.history(_MOST_EDITS)
    imports = [e for e in history if e.kind == ImportTracks.__name__ and not e.undone]
    missing = "There are no proposals for the videos with approved frames"
    is_whole = bool(history) and history[-1].seq == 1
    if not imports and (is_whole or not reader.has_model_masks()):
        return f"{missing}; propose there first."
    found = re.search(r"from (.+\.json)$", imports[0].label) if imports else None
    file = shlex.quote(found[1]) if found else "FILE.json"
    why = "An import that holds what people made, or is not kept whole, is judged by its file"
    if not imports:
        missing = "There are no proposals whose import or run the history still knows"
        why = "What it has forgotten is judged by its file"
    return (
        f"{missing}. {why}: "
        f"ifc-studio evaluate --project {shlex.quote(_typed(reader.folder))} --pred {file}"
    )


def _typed(folder: Path) -> str:
    """A folder as one would type it where the command was given."""
    with suppress(ValueError, OSError):
        return str(folder.relative_to(Path.cwd()))
    return str(folder)
