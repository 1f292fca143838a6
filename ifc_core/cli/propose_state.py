"""What ``ifc-studio propose`` keeps, so that a command that was cut off can go on."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ifc_core.cli.mask_spool import MaskSpool, remove_spool
from ifc_core.config import cache_dir
from ifc_core.errors import ConfigError, OutputError
from ifc_core.inference.results import InstanceSummary
from ifc_core.inference.run_checkpoint import RunCheckpoint
from ifc_core.inference.settings import ProposeSettings

_VERSION = 4
_KEPT_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True, slots=True)
class VideoState:
    """Where the work on one video stands.

    Attributes:
        num_frames: Frames that are in the spool.
        seconds: Spent so far.
        checkpoint: From where to go on; ``None`` when the video is done.
        instances: What was found, when it is done.
        notices: Sentences for the person, when it is done.
        shot_starts: First frame of each shot, when it is done.
    """

    num_frames: int
    seconds: float
    checkpoint: RunCheckpoint | None = None
    instances: tuple[InstanceSummary, ...] = ()
    notices: tuple[str, ...] = ()
    shot_starts: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        plain = asdict(self)
        plain["checkpoint"] = None if self.checkpoint is None else self.checkpoint.to_json()
        return plain

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> VideoState:
        """Read what :meth:`to_json` gave.

        Raises:
            ConfigError: The checkpoint is of another version.
        """
        raw = values["checkpoint"]
        instances = (
            InstanceSummary(**{**row, "class_probs": tuple(row["class_probs"])})
            for row in values["instances"]
        )
        return cls(
            values["num_frames"],
            values["seconds"],
            None if raw is None else RunCheckpoint.from_json(raw),
            tuple(instances),
            tuple(values["notices"]),
            tuple(values["shot_starts"]),
        )


class ProposeState:
    """The masks and the state of a command, in a file in the user's cache.

    The same command finds the same file: the same output, settings, model and videos.

    Args:
        output: The file that the command writes.
        settings: What the person chose.
        weights_sha256: Hashes of the weights that take part.
        fingerprints: Of the videos.
        restart: Forget what an earlier try left.

    Raises:
        InputError: The same command is running in another process.
        OutputError: The cache cannot be written.
    """

    def __init__(
        self,
        output: Path,
        settings: ProposeSettings,
        weights_sha256: Sequence[str],
        fingerprints: Sequence[str],
        restart: bool = False,
    ) -> None:
        where = [str(output.resolve()), settings.to_json()]
        facts = [*where, list(weights_sha256), list(fingerprints)]
        text = json.dumps([_VERSION, *facts], sort_keys=True, default=str)
        folder = cache_dir() / "propose"
        self.path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _remove_old(folder)
        except OSError as error:
            raise OutputError(
                f"{folder} cannot be written ({error.strerror}).", path=folder
            ) from error
        self.spool = MaskSpool(self.path, anew=restart)
        try:
            self.videos = _read_states(self.spool)
        except (ConfigError, KeyError, TypeError, ValueError):
            self.spool.close()
            self.spool = MaskSpool(self.path, anew=True)
            self.videos = {}
        except BaseException:
            self.spool.close()  # or this process itself is taken for the one that runs
            raise

    def save(self, number: int, state: VideoState) -> None:
        """Keep where a video stands, together with the masks so far."""
        self.spool.save(number, state.to_json())
        self.videos[number] = state

    def close(self, *, is_done: bool) -> None:
        """Let go of the file; remove it when the command is done or nothing was kept."""
        self.spool.close()
        if is_done or not self.videos:
            remove_spool(self.path)


def _read_states(spool: MaskSpool) -> dict[int, VideoState]:
    return {number: VideoState.from_json(state) for number, state in spool.states().items()}


def _remove_old(folder: Path) -> None:
    """Remove what commands left that nobody gave again for a month."""
    for file in folder.glob("*.sqlite"):
        with suppress(OSError):
            if time.time() - file.stat().st_mtime > _KEPT_SECONDS:
                remove_spool(file)
