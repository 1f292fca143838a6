"""What ``ifc-studio project info`` says of a project."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ifc_core.annotation import ProjectReader, VideoEntry


def project_facts(reader: ProjectReader) -> dict[str, Any]:
    """What a project holds and how far its review has come, as JSON values.

    Args:
        reader: The project.
    """
    categories = [{"id": c.id, "name": c.name} for c in reader.categories()]
    open_runs = [
        {"id": r.id, "kind": r.kind, "video_id": r.video_id, "masks": r.masks_staged}
        for r in reader.open_runs()
    ]
    models = [{"name": m.name, "path": m.path, "active": m.active} for m in reader.models()]
    progress = reader.progress_by_video()
    missing = {entry.id for entry in videos_not_found(reader)}
    return {
        "name": reader.name,
        "path": str(reader.folder),
        "categories": categories,
        "videos": [
            _video_facts(reader, entry)
            | {
                "approved_tracks": progress[entry.id].approved_tracks,
                "found": entry.id not in missing,
            }
            for entry in reader.videos()
        ],
        "open_runs": open_runs,
        "models": models,
        "edits": reader.num_edits(),
    }


def videos_not_found(reader: ProjectReader) -> list[VideoEntry]:
    """The videos that are neither where they were nor anywhere near."""
    from ifc_core.annotation.locating import Nearby

    nearby = Nearby()
    entries = reader.videos()
    return [e for e in entries if reader.find_video_file(e.id, nearby=nearby) is None]


def _video_facts(reader: ProjectReader, entry: VideoEntry) -> dict[str, Any]:
    facts = asdict(entry) | {"path": str(entry.path)}
    facts["tracks"] = len(reader.tracks(entry.id, include_rejected=False))
    facts["review"] = asdict(reader.review(entry.id))
    return facts
