"""The project: one SQLite file in a folder, one writer, every change in the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from ifc_core.annotation.edits.base import Edit
from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.records import EditResult, ModelVersion, StagedInstance, StagedMask
from ifc_core.structures import Video


class Project(ProjectReader):
    """A project that is open in this process, used from the thread that opened it.

    Attributes:
        folder: The ``NAME.ifcproj`` folder with ``project.sqlite``, ``models/``, ``runs/``,
            ``exports/``.
        read_only: Whether changes are refused.
        notice: One sentence for the person, such as why the project is read-only or that
            it was repaired after a crash; may be empty.
        annotator: Name stored with every edit and record.
    """

    folder: Path
    read_only: bool
    notice: str
    annotator: str

    @classmethod
    def create(cls, folder: Path | str, name: str = "", annotator: str = "") -> Self:
        """Make a new project; ``ProjectError`` where one is there already."""
        raise NotImplementedError

    @classmethod
    def open(
        cls,
        folder: Path | str,
        read_only: bool = False,
        *,
        if_locked: Literal["read_only", "error"] = "read_only",
        annotator: str = "",
    ) -> Self:
        """Open a project.

        Where another process holds it for writing, or the folder cannot be written, the
        project is opened read-only and ``notice`` says why.

        Args:
            folder: The project folder (or its ``project.sqlite``).
            read_only: Do not even try to write.
            if_locked: ``"error"`` raises ``ProjectLockedError`` instead.
            annotator: Name stored with edits; by default the name of the account.

        Raises:
            ProjectError: There is no project, it is damaged, or it is of a later version.
        """
        raise NotImplementedError

    # Edits

    def apply(self, edit: Edit) -> EditResult:
        """Make one change in one transaction; it is on disk when this returns.

        Raises:
            EditError: The edit does not fit; nothing was changed.
            ProjectError: Read-only, or the disk is full; nothing was changed.
        """
        raise NotImplementedError

    def undo(self) -> EditResult | None:
        """Take back the last edit, or return ``None`` where there is none."""
        raise NotImplementedError

    def redo(self) -> EditResult | None:
        """Do the next undone edit again, or return ``None``."""
        raise NotImplementedError

    @property
    def undo_label(self) -> str | None:
        """What undo would take back, or ``None``."""
        raise NotImplementedError

    @property
    def redo_label(self) -> str | None:
        """What redo would do again, or ``None``."""
        raise NotImplementedError

    def subscribe(self, callback: Callable[[EditResult], None]) -> Callable[[], None]:
        """Call back after every edit, undo and redo; returns a function that ends it."""
        raise NotImplementedError

    def compact(self, keep_edits: int = 1000) -> int:
        """Forget all but the last edits and the records only they need; returns bytes freed."""
        raise NotImplementedError

    def sync(self) -> None:
        """Wait until everything written so far would survive a power loss."""
        raise NotImplementedError

    # Videos

    def add_video(self, video: Video, name: str = "", annotation_step: int = 1) -> int:
        """Add a video (an edit) and return its id; the same fingerprint twice is refused."""
        raise NotImplementedError

    def locate_video(self, video_id: int, search: Sequence[Path] = ()) -> Path | None:
        """Find a video's file: where it was, beside the project, or in folders to search.

        A file elsewhere is known again by its fingerprint, and the new place is stored.

        Returns:
            The path, or ``None`` where the person must be asked.
        """
        raise NotImplementedError

    # Runs (outside the journal)

    def begin_run(
        self, kind: str, video_id: int, settings: Mapping[str, Any], model: str = ""
    ) -> int:
        """Begin to stage results and return the run's id."""
        raise NotImplementedError

    def stage(self, run_id: int, frame_index: int, masks: Iterable[StagedMask]) -> None:
        """Add (or replace) the provisional masks of one frame; cheap at 30 frames a second."""
        raise NotImplementedError

    def stage_instances(self, run_id: int, instances: Iterable[StagedInstance]) -> None:
        """Set what is known of instances (label, score); may be called again."""
        raise NotImplementedError

    def finish_run(self, run_id: int) -> None:
        """The run is complete: it can be accepted (an edit) or discarded."""
        raise NotImplementedError

    def discard_run(self, run_id: int) -> None:
        """Drop a run with all it staged, as if it had never been (cancel does this too)."""
        raise NotImplementedError

    def set_signals(
        self,
        track_id: int,
        uncertainty: Mapping[int, float] | None = None,
        link_score: Mapping[int, float] | None = None,
    ) -> None:
        """Store measurements per frame with the track's present records (not an edit)."""
        raise NotImplementedError

    # Models (outside the journal)

    def add_model(
        self,
        name: str,
        path: Path | str,
        *,
        sha256: str = "",
        parent: str = "",
        provenance: Mapping[str, Any] | None = None,
        metrics: Mapping[str, Any] | None = None,
        activate: bool = False,
    ) -> ModelVersion:
        """Make a model version known; files in ``models/`` are stored by relative path."""
        raise NotImplementedError

    def set_active_model(self, name: str | None) -> None:
        """Choose the model Propose uses; ``None`` for the bundled one."""
        raise NotImplementedError

    def roll_back_model(self) -> ModelVersion | None:
        """Go back to the model that was active before, and return it."""
        raise NotImplementedError
