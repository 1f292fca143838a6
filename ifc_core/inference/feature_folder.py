"""Features of clips on disk: what memory had to let go need not be computed again."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from ifc_core.errors import IFCError
from ifc_core.inference.clip_features import ClipFeatures
from ifc_core.io.atomic import atomic_output
from ifc_core.models.safetensors_file import save_tensors


class FeatureFolder:
    """Clips of one video and one model in a folder that all share; the oldest go first.

    A full or read-only disk costs only time: nothing here raises for it.

    Args:
        folder: The shared folder; made when first written to.
        identity: Names video, model and sizes: features of another identity are never read.
        max_bytes: Bound on all files in the folder.
    """

    def __init__(self, folder: Path, identity: str, max_bytes: int) -> None:
        self._folder = folder
        self._identity = identity
        self._max_bytes = max_bytes

    def read(self, frames: tuple[int, ...]) -> ClipFeatures | None:
        """The clip of these frames, or ``None``; a damaged file is removed."""
        file = self._file(frames)
        try:
            # In memory of their own: a file that is still mapped cannot be removed on Windows.
            tensors = {name: value.clone() for name, value in load_file(file).items()}
            clip = ClipFeatures(frames, tensors["features"], tensors["weights"], tensors["probs"])
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, KeyError):
            with contextlib.suppress(OSError):
                file.unlink()
            return None
        with contextlib.suppress(OSError):
            file.touch()  # it was used now
        return clip

    def write(self, clip: ClipFeatures) -> None:
        """Keep a clip, if it is within the bound, and let go of the oldest beyond it."""
        if clip.num_bytes > self._max_bytes:
            return
        tensors = {
            "features": clip.mask_features.contiguous(),
            "weights": clip.mask_weights.contiguous(),
            "probs": clip.class_probs.contiguous(),
        }
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with atomic_output(self._file(clip.frame_indices)) as temporary:
                save_tensors(tensors, temporary)
            self._trim()
        except (OSError, SafetensorError, IFCError):
            return

    def _trim(self) -> None:
        found = []
        for file in self._folder.glob("*.safetensors"):
            with contextlib.suppress(FileNotFoundError):  # another process trims, too
                found.append((file, file.stat()))
        total = sum(stat.st_size for _, stat in found)
        for file, stat in sorted(found, key=lambda entry: entry[1].st_mtime_ns):
            if total <= self._max_bytes:
                return
            with contextlib.suppress(OSError):  # another program's scanner may hold it open
                file.unlink(missing_ok=True)
                total -= stat.st_size

    def _file(self, frames: tuple[int, ...]) -> Path:
        name = hashlib.sha256(f"{self._identity} {frames}".encode()).hexdigest()[:32]
        return self._folder / f"{name}.safetensors"
