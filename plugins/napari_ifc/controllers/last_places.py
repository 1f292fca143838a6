"""Where each project was left: which video was shown, and at which frame each of them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ifc_core.config import data_dir
from ifc_core.errors import OutputError
from ifc_core.io.atomic import atomic_output

FILE = "places.json"
_MOST_PROJECTS = 100
_MOST_VIDEOS = 1000


@dataclass(frozen=True, slots=True)
class LastPlace:
    """Where a project was left; videos are known by their fingerprints, wherever they are.

    Attributes:
        video: The one that was shown last, empty where nobody knows.
        frames: Frames at which videos were left.
    """

    video: str = ""
    frames: Mapping[str, int] = field(default_factory=dict)


class LastPlaces:
    """Keeps them in a small file beside the list of what was opened lately.

    A damaged file counts as an empty one, and one that cannot be written stays as it is: nothing
    of value is in it.

    Args:
        file: The file; that of the data folder if ``None``.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or data_dir() / FILE

    def of(self, project: Path) -> LastPlace:
        """Where the project in a folder was left."""
        found = self._read().get(_key(project))
        if not isinstance(found, dict) or not isinstance(found.get("frames"), dict):
            return LastPlace()
        frames = {v: f for v, f in found["frames"].items() if isinstance(f, int) and f >= 0}
        return LastPlace(str(found.get("video", "")), frames)

    def keep(self, project: Path, place: LastPlace) -> None:
        """Remember where a project is left; those left longest ago are forgotten."""
        known = self._read()
        known.pop(_key(project), None)
        frames = dict(list(place.frames.items())[-_MOST_VIDEOS:])
        known[_key(project)] = {"video": place.video, "frames": frames}
        kept = dict(list(known.items())[-_MOST_PROJECTS:])
        with contextlib.suppress(OutputError, OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with atomic_output(self._file) as temporary:
                temporary.write_text(json.dumps(kept), encoding="utf-8")

    def _read(self) -> dict[str, object]:
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}


def _key(project: Path) -> str:
    return str(project.resolve())
