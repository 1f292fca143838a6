"""The project: one SQLite file in a folder, one writer, every change in the journal."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, Self

from ifc_core.annotation import bulk_records, history, model_versions, rows
from ifc_core.annotation.connection import (
    DATABASE_NAME,
    older,
    translated,
    translated_at_opening,
    writing,
)
from ifc_core.annotation.delta import summarise
from ifc_core.annotation.edits.accept import AcceptPropagation, AcceptRun
from ifc_core.annotation.edits.base import Edit
from ifc_core.annotation.edits.batch import Batch
from ifc_core.annotation.edits.catalog import AddVideo, SetVideo
from ifc_core.annotation.locating import check_same, fits, is_longer, is_same_video
from ifc_core.annotation.locking import WriterLock
from ifc_core.annotation.opening import (
    SUBFOLDERS,
    account_name,
    make_database,
    open_database,
    take_lock,
    told_after_crash,
)
from ifc_core.annotation.place_watch import PlaceWatch
from ifc_core.annotation.reading import ProjectReader, project_folder
from ifc_core.annotation.records import (
    EditResult,
    ModelVersion,
    RunInfo,
    StagedInstance,
    StagedMask,
    VideoEntry,
)
from ifc_core.annotation.staging import Staging
from ifc_core.annotation.syncing import QuietSyncer, sync_file
from ifc_core.annotation.transaction import EditTransaction
from ifc_core.errors import IFCError, OlderProjectError, ProjectError
from ifc_core.structures import MaskSource, RLEMask, Video


class Project(ProjectReader):
    """A project that is open in this process, used from one thread at a time.

    An acknowledged edit survives the end of the process, however it comes. In WAL mode a
    power loss may cost the edits of the last second or two, never more and never the
    project; in DELETE mode (network shares) it costs nothing.

    Attributes:
        folder: The ``NAME.ifcproj`` folder with ``project.sqlite``, ``models/``, ``runs/``,
            ``exports/``.
        read_only: Whether changes are refused.
        notice: One sentence for the person, such as why the project is read-only or that
            it was checked after a crash; may be empty.
        annotator: Name stored with every edit and record.
    """

    def __init__(
        self,
        folder: Path,
        db: sqlite3.Connection,
        lock: WriterLock | None,
        notice: str,
        annotator: str,
    ) -> None:
        super().__init__(folder, db)
        self._lock = lock
        self.read_only = lock is None
        self.notice = notice
        self.annotator = annotator or account_name()
        self._callbacks: list[Callable[[EditResult], None]] = []
        self._staging = Staging(db, folder)
        self._place = PlaceWatch(folder)
        self._syncer = QuietSyncer(folder / (DATABASE_NAME + "-wal"))
        if lock is not None:
            self._staging.drop_empty_leftovers()

    @classmethod
    def create(cls, folder: Path | str, name: str = "", annotator: str = "") -> Self:
        """Make a new project.

        Args:
            folder: The folder, by custom ``NAME.ifcproj``; it may exist if it is empty.
            name: Name of the project; by default the folder's without its suffix.
            annotator: Name stored with edits; by default the name of the account.

        Raises:
            ProjectError: There is something already, or the place cannot be written.
        """
        place = Path(folder).absolute()
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise ProjectError(f"{place} exists already and is not an empty folder.", path=place)
        made = not place.exists()
        try:
            for below in SUBFOLDERS:
                (place / below).mkdir(parents=True)
            make_database(place, name or place.stem)
        except (OSError, IFCError) as error:
            shutil.rmtree(place, ignore_errors=True)
            if not made:
                place.mkdir(exist_ok=True)
            if isinstance(error, IFCError):
                raise
            raise ProjectError(
                f"{place} cannot be made: {error.strerror or error}.", path=place
            ) from error
        return cls.open(place, annotator=annotator)

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
            ProjectLockedError: Another process holds it and ``if_locked`` is ``"error"``.
            ProjectError: There is no project, it is damaged, or it is of a later version.
        """
        place = project_folder(folder)
        lock = WriterLock(place)
        notice = "The project was opened read-only, as asked." if read_only else ""
        held = False
        if not read_only:
            held, notice = take_lock(lock, place, if_locked)
        try:
            with translated_at_opening(place):
                was_left_open = held and lock.unclean
                db = open_database(place, held, was_left_open=was_left_open)
                if was_left_open:
                    notice = told_after_crash(db, lock.held_since)
                return cls(place, db, lock if held else None, notice, annotator)
        except OlderProjectError as error:
            lock.release(clean=not lock.unclean)
            raise older(place, notice) from error
        except BaseException:
            lock.release(clean=not lock.unclean)
            raise

    def close(self) -> None:
        """Write what is buffered and let go of the project."""
        if not self._is_open:
            return
        try:
            if not self.read_only:
                with suppress(ProjectError), translated(self.folder):  # edits are on disk already
                    self._staging.flush()
                    self._db.execute("PRAGMA optimize")
        finally:
            self._syncer.close()
            super().close()
            if self._lock is not None:
                self._lock.release()

    # Edits

    @contextmanager
    def _changing(self) -> Iterator[None]:
        if self.read_only:
            raise ProjectError(
                self.notice or "The project is open read-only; nothing was changed.",
                path=self.folder,
            )
        self._place.check()
        with writing(self._db, self.folder):
            yield
        self._syncer.touch()

    @contextmanager
    def _walking(self) -> Iterator[None]:
        """Like :meth:`_changing`, for what reads entries of the history."""
        try:
            with self._changing():
                yield
        except ValueError as error:
            raise ProjectError(
                "An entry of the history is damaged, so nothing was changed; "
                "ifc-studio project check names it.",
                path=self.folder,
            ) from error

    def _annotator_id(self) -> int:
        name = (self.annotator,)
        self._db.execute("INSERT OR IGNORE INTO annotators (name) VALUES (?)", name)
        row = self._db.execute("SELECT id FROM annotators WHERE name = ?", name).fetchone()
        return int(row[0])

    def apply(self, edit: Edit) -> EditResult:
        """Make one change in one transaction; it is on disk when this returns.

        An edit that changes nothing is not entered in the history.

        Raises:
            EditError: The edit does not fit; nothing was changed.
            ProjectError: Read-only, or the disk is full; nothing was changed.
        """
        if isinstance(edit, AcceptRun | AcceptPropagation | Batch) and not self.read_only:
            self._staging.flush()
        now = time.time()
        with self._changing():
            annotator_id = self._annotator_id()
            tx = EditTransaction(self._db, self.folder, annotator_id, now)
            label = edit.perform(tx)
            label = label[:1].upper() + label[1:]
            tx.delta.drop_unchanged()
            seq = 0
            if not tx.delta.is_empty:
                seq = history.append(self._db, edit, label, tx.delta, annotator_id, now)
        note = " ".join(tx.notes)
        result = summarise(tx.delta, seq, type(edit).__name__, label, "do", note)
        return self._announce(result) if seq else result

    def undo(self) -> EditResult | None:
        """Take back the last edit, or return ``None`` where there is none."""
        with self._walking():
            result = history.step_back(self._db)
        return result and self._announce(result)

    def redo(self) -> EditResult | None:
        """Do the next undone edit again, or return ``None``."""
        with self._walking():
            result = history.step_forward(self._db)
        return result and self._announce(result)

    def _announce(self, result: EditResult) -> EditResult:
        for callback in tuple(self._callbacks):
            callback(result)
        return result

    @property
    def undo_label(self) -> str | None:
        """What undo would take back, or ``None``."""
        return history.undo_label(self._db)

    @property
    def redo_label(self) -> str | None:
        """What redo would do again, or ``None``."""
        return history.redo_label(self._db)

    def subscribe(self, callback: Callable[[EditResult], None]) -> Callable[[], None]:
        """Call back after every edit, undo and redo; returns a function that ends it."""
        self._callbacks.append(callback)

        def unsubscribe() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return unsubscribe

    def compact(self, keep_edits: int = 1000) -> int:
        """Forget all but the last edits, and the records that only they need.

        Args:
            keep_edits: Edits that can still be undone afterwards.

        Returns:
            Bytes freed on disk.
        """
        self._staging.flush()
        with self._walking():
            history.forget(self._db, keep_edits)
        before = self._size()
        with translated(self.folder):
            self._db.execute("VACUUM")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return max(0, before - self._size())

    def _size(self) -> int:
        return (self.folder / DATABASE_NAME).stat().st_size

    def sync(self) -> None:
        """Wait until everything written so far would survive a power loss.

        It happens by itself within about a second of a change; this is for those who must know.
        """
        if self.read_only:
            return
        self._staging.flush()
        with translated(self.folder):
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        sync_file(self.folder / (DATABASE_NAME + "-wal"))

    # Videos

    def add_video(self, video: Video, name: str = "", annotation_step: int = 1) -> int:
        """Add a video (an edit) and return its id; the same fingerprint twice is refused."""
        return self.apply(AddVideo(video, name, annotation_step)).videos_changed[0]

    def locate_video(self, video_id: int, search: Sequence[Path] = ()) -> Path | None:
        """Find a video's file: where it was, beside the project, or in folders to search.

        A file elsewhere is known again by its fingerprint, and the new place is stored
        (unless the project is read-only).

        Returns:
            The path, or ``None`` where the person must be asked.
        """
        found = self.find_video_file(video_id, search)
        if found is not None and found != self.video(video_id).path and not self.read_only:
            self._learn(video_id, found)
        return found

    def relink_video(self, video_id: int, path: Path) -> EditResult:
        """Say where a video is now (an edit); a file of other content is refused.

        The file is opened: what only its annotations told of so far gets its frames and rate,
        also where they do not go to its end.

        Raises:
            ProjectError: The file is another one.
            VideoError: It cannot be read.
        """
        from ifc_core.io.video import open_video  # loads the decoder

        entry = self.video(video_id)
        if entry.fingerprint and not is_same_video(path, entry):
            raise ProjectError(f"{path.name} is not the video {entry.name}.", path=path)
        with open_video(path) as reader:
            found = reader.video
        check_same(found, entry, self.videos())
        return self.apply(SetVideo(video_id, found=found))

    def complete_video(self, video_id: int, opened: Video, *, is_edit: bool = True) -> VideoEntry:
        """Take over what an opened file says of a video that was known by a part of it.

        Nothing is changed where nothing is new, or in a project that is read-only.

        Args:
            video_id: The video.
            opened: Its file.
            is_edit: Whether a person asked for it, so that it can be undone; where the video is
                merely shown it is stored outside the journal, like a new place.

        Returns:
            The video as it is now.
        """
        entry = self.video(video_id)
        is_known = fits(opened, entry) or is_longer(opened, entry)
        is_news = is_known and (not entry.fingerprint or entry.num_frames < opened.num_frames)
        others = (other for other in self.videos() if other.id != video_id)
        is_taken = any(other.fingerprint == opened.fingerprint for other in others)
        if is_news and not is_taken and not self.read_only:
            if is_edit:
                self.apply(SetVideo(video_id, found=opened))
            else:
                self._learn(video_id, opened.path, opened)
        return self.video(video_id)

    def _learn(self, video_id: int, place: Path, opened: Video | None = None) -> None:
        """Store where a video is, and what its file says of it, outside the journal."""
        known: dict[str, object] = {}
        known["stored_path"], known["absolute_hint"] = rows.stored_paths(place, self.folder)
        if opened is not None:
            known |= {"num_frames": opened.num_frames, "fps": opened.fps}
            known["fingerprint"] = opened.fingerprint
        names = ", ".join(f"{name} = ?" for name in known)
        with self._changing():
            self._db.execute(
                f"UPDATE videos SET {names} WHERE id = ?",  # noqa: S608 - fixed names
                (*known.values(), video_id),
            )

    # Runs (outside the journal)

    def begin_run(
        self, kind: str, video_id: int, settings: Mapping[str, Any], model: str = ""
    ) -> int:
        """Begin to stage results and return the run's id."""
        with self._changing():
            annotator_id = self._annotator_id()
        return self._staging.begin(kind, video_id, settings, model, annotator_id)

    def stage(self, run_id: int, frame_index: int, masks: Iterable[StagedMask]) -> None:
        """Add (or replace) the provisional masks of one frame; cheap at 30 frames a second."""
        self._staging.stage(run_id, frame_index, masks)

    def stage_instances(self, run_id: int, instances: Iterable[StagedInstance]) -> None:
        """Set what is known of instances (label, score); may be called again."""
        self._staging.stage_instances(run_id, instances)

    def save_checkpoint(self, run_id: int, state: Mapping[str, Any]) -> None:
        """Keep where a run stands (JSON values): all it staged so far is on disk before."""
        self._staging.save_checkpoint(run_id, state)

    def pause_run(self, run_id: int) -> None:
        """Stop feeding a run for now; it is an open one from then on."""
        self._staging.pause(run_id)

    def take_up_run(self, run_id: int) -> None:
        """Feed a run again that was paused or cut off.

        Raises:
            EditError: The run is over, or there is none of this number.
        """
        self._staging.take_up(run_id)

    def finish_run(self, run_id: int) -> None:
        """The run is complete: it can be accepted (an edit) or discarded."""
        self._staging.finish(run_id)

    def discard_run(self, run_id: int) -> None:
        """Drop a run with all it staged, as if it had never been (cancel does this too)."""
        self._staging.discard(run_id)

    def staged_masks_at(self, run_id: int, frame_index: int) -> list[StagedMask]:
        """Provisional masks of one frame."""
        self._staging.flush()
        return super().staged_masks_at(run_id, frame_index)

    def open_runs(self) -> list[RunInfo]:
        """Runs with staged results, or able to go on, that nobody accepted or discarded.

        Those in state *running* were cut off by a crash (a run that this process still
        feeds is not listed).
        """
        return [run for run in super().open_runs() if run.id not in self._staging.live]

    def append_records(
        self,
        items: Sequence[tuple[RLEMask | None, MaskSource]],
        areas: Sequence[int] | None = None,
    ) -> range:
        """Append records that nothing shows yet, for an edit that will; returns their ids."""
        with self._changing():
            annotator_id = self._annotator_id()
            return bulk_records.append_records(self._db, items, annotator_id, areas=areas)

    def drop_records(self, ranges: Iterable[range]) -> None:
        """Remove records of :meth:`append_records` that nothing came to show."""
        with self._changing():
            bulk_records.drop_records(self._db, ranges)

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
        with self._changing():
            model_id = model_versions.add_model(
                self._db,
                self.folder,
                name,
                path,
                sha256=sha256,
                parent=parent,
                provenance=provenance,
                metrics=metrics,
            )
            if activate:
                model_versions.activate(self._db, self.folder, name)
        return next(model for model in self.models() if model.id == model_id)

    def set_active_model(self, name: str | None) -> None:
        """Choose the version Propose uses; ``None`` for none of the project's."""
        with self._changing():
            model_versions.activate(self._db, self.folder, name)

    def roll_back_model(self) -> ModelVersion | None:
        """Go back to the model that was active before, and return it."""
        with self._changing():
            model_versions.roll_back(self._db)
        return self.active_model()
