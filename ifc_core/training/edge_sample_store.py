"""Samples of an edge run on disk, with what they were drawn with beside them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ifc_core.errors import CheckpointError
from ifc_core.io.atomic import atomic_output
from ifc_core.models.registry import find_model
from ifc_core.training.edge_config import ClipSource
from ifc_core.training.edge_samples import ClipSamples, SampleFiles
from ifc_core.training.run_state import check_same_run


def sample_settings(source: ClipSource, seed: int) -> dict[str, Any]:
    """What decides the samples of a run's source, as JSON values.

    Model and folders count by what is in them, since they may have been moved. Where one cannot
    be read it is left out: samples that are drawn need it no more, and drawing says what is wrong.

    Args:
        source: Of the samples.
        seed: Of the run.
    """
    synthetic = dict(source.synthetic)
    folders = {name: synthetic.pop(name, None) for name in _CONTENT}
    found: dict[str, Any] = {
        "seed": seed,
        "num_frames": source.num_frames,
        "sizes": source.sizes,
        "difficulties": source.difficulties,
        "synthetic": synthetic,
    }
    with suppress(CheckpointError):
        if info := find_model(source.proposer).info:
            found["proposer"] = info.sha256
    for name, folder in folders.items():
        with suppress(OSError):
            found[name] = None if folder is None else _CONTENT[name](Path(str(folder)))
    plain: dict[str, Any] = json.loads(json.dumps(found, default=str))
    return plain


def _objects_in(folder: Path) -> str:
    """What a COCO folder holds, by its table alone: it names the pictures and their sizes."""
    with (folder / "instances.json").open("rb") as table:
        return hashlib.file_digest(table, "sha256").hexdigest()


def _pictures_in(folder: Path) -> str:
    """What a folder of sprites holds, by the names and lengths of their files."""
    with os.scandir(folder) as entries:
        files = sorted(
            (entry.name, entry.stat().st_size)
            for entry in entries
            if entry.name.endswith((".png", ".webp"))
        )
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()


_CONTENT = {"cutout_dir": _objects_in, "sprite_dir": _pictures_in}


@dataclass(frozen=True, slots=True)
class SampleStore:
    """Numbered pairs of files, of masks that cover a true one and of others, each with a record.

    The record (``samples/NUMBER.json``) says what the pair was drawn with and of how many clips;
    a pair without one counts as not drawn.

    Attributes:
        folder: Output folder of the run.
        settings: Of the present run, as :func:`sample_settings` gives them.
        number: Of the source among those of the run, from 1; beyond the first one it ends the
            names of the folders.
    """

    folder: Path
    settings: Mapping[str, Any]
    number: int = 1

    @property
    def matched(self) -> SampleFiles:
        """Samples of masks that cover a true one."""
        return SampleFiles(self.folder / self._named("samples"))

    @property
    def unmatched(self) -> SampleFiles:
        """Samples of others."""
        return SampleFiles(self.folder / self._named("unmatched"))

    def has(self, number: int, clips: int) -> bool:
        """Whether pair ``number`` was drawn, and of that many clips.

        Raises:
            CheckpointError: It was drawn with other settings.
        """
        if not (self.matched.has(number) and self.unmatched.has(number)):
            return False
        try:
            record = json.loads(self._record(number).read_text(encoding="utf-8"))
            settings, drawn = dict(record["settings"]), record["clips"]
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return False
        check_same_run(self.matched.folder, self.settings, settings)
        return bool(drawn == clips)

    def write(self, number: int, clips: int, samples: ClipSamples) -> None:
        """Keep the samples of some clips as pair ``number``; the record comes last.

        Raises:
            OutputError: A file cannot be written.
        """
        record = self._record(number)
        record.unlink(missing_ok=True)
        self.unmatched.write(number, samples.unmatched)
        self.matched.write(number, samples.matched)
        with atomic_output(record) as temporary:
            told = {"clips": clips, "settings": dict(self.settings)}
            temporary.write_text(json.dumps(told, indent=1), encoding="utf-8")

    def _named(self, folder: str) -> str:
        return folder if self.number == 1 else f"{folder}-{self.number}"

    def _record(self, number: int) -> Path:
        return self.matched.folder / f"{number:04d}.json"
