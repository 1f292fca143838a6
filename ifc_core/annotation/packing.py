"""A project as one file to hand on, and back."""

from __future__ import annotations

import shutil
import sqlite3
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath

from ifc_core.annotation.connection import DATABASE_NAME, is_full, translated
from ifc_core.annotation.model_versions import IN_PROJECT
from ifc_core.annotation.opening import SUBFOLDERS
from ifc_core.annotation.packed_names import is_packable, picture_names, safe_name, safe_names
from ifc_core.annotation.reading import ProjectReader
from ifc_core.annotation.store import Project
from ifc_core.annotation.targets import check_target
from ifc_core.errors import FormatError, OutputError, ProjectError
from ifc_core.io.atomic import atomic_output
from ifc_core.io.fingerprint import folder_fingerprint
from ifc_core.io.frame_list import list_frames
from ifc_core.io.leftovers import remove_leftovers, temporary_name
from ifc_core.io.problems import why_no_file
from ifc_core.jobs import JobContext

_ROOTS = ("models", "videos")
_CHUNK_BYTES = 1 << 20
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError)
_FOREIGN_FLAGS = 0x01 | 0x20 | 0x40  # encrypted, patched, strongly encrypted


def pack_project(
    reader: ProjectReader,
    path: Path | str,
    *,
    with_videos: bool = False,
    context: JobContext | None = None,
) -> int:
    """Write a project with its models, and its videos on request, as one ZIP file.

    Args:
        reader: The project; may be open for writing elsewhere.
        path: The target, by custom ``NAME.ifcpack``.
        with_videos: Also the video files and frame folders.
        context: Progress and cancellation; a cancelled pack leaves no file.

    Returns:
        Size of the file in bytes.

    Raises:
        OutputError: The target cannot be written, or a video of the project is there.
        ProjectError: A video is wanted and is not to be found, or has pictures of names that no
            pack can hold.
        VideoError: A folder of frames cannot be read.
    """
    context = context or JobContext()
    check_target(reader, Path(path))
    models = _model_files(reader.folder)
    files = list(models.items())
    videos = _video_files(reader) if with_videos else {}
    files += [pair for pairs in videos.values() for pair in pairs]
    with atomic_output(path) as temporary, _scratch_beside(temporary, Path(path)) as scratch:
        copy = scratch / DATABASE_NAME
        try:
            _copy_database(reader, copy, videos, models)
        except ProjectError as error:
            if not (isinstance(error.__cause__, sqlite3.Error) and is_full(error.__cause__)):
                raise
            raise OutputError(
                f"Cannot write {path}: no space left on device.", path=Path(path)
            ) from error
        # Files of the year 1970 are common in containers, and ZIP begins with 1980.
        with zipfile.ZipFile(temporary, "w", strict_timestamps=False) as pack:
            pack.write(copy, DATABASE_NAME, zipfile.ZIP_DEFLATED, 6)
            for number, (file, name) in enumerate(files, 1):
                pack.write(file, name, zipfile.ZIP_STORED)
                context.advance(number, len(files), f"Packing {PurePosixPath(name).name}", "files")
    return Path(path).stat().st_size


@contextmanager
def _scratch_beside(temporary: Path, target: Path) -> Iterator[Path]:
    """A folder for the copy of the database, where the next pack finds what a killed one left."""
    folder = temporary.with_name(temporary_name(target.with_suffix("")))
    try:
        folder.mkdir(0o700)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"Cannot write {target}: {reason}.", path=target) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _model_files(folder: Path) -> dict[Path, str]:
    """Model file -> name in the pack."""
    found = sorted((folder / "models").rglob("*"))
    return safe_names((p for p in found if p.is_file() and not p.is_symlink()), folder)


def _video_files(reader: ProjectReader) -> dict[int, list[tuple[Path, str]]]:
    """Video id -> (file, name in the pack), the first one's folder standing for the video.

    Of a folder the pictures alone are packed: other files may have names that no pack can hold.
    """
    found: dict[int, list[tuple[Path, str]]] = {}
    for entry in reader.videos():
        path = reader.find_video_file(entry.id)
        if path is None:
            raise ProjectError(
                f"{entry.name} is not where it was ({entry.path}), so it cannot be packed.",
                path=reader.folder,
            )
        place = f"videos/{entry.id}/{safe_name(path.name)}"
        if path.is_file():
            found[entry.id] = [(path, place)]
        else:
            names = picture_names(list_frames(path), reader.folder)
            found[entry.id] = [(p, f"{place}/{name}") for p, name in names.items()]
    return found


def _copy_database(
    reader: ProjectReader,
    target: Path,
    videos: dict[int, list[tuple[Path, str]]],
    models: dict[Path, str],
) -> None:
    """Copy the project file; videos and models are looked for under their packed names."""
    with translated(reader.folder):
        db = sqlite3.connect(target, isolation_level=None)
        try:
            reader.back_up(db)
            db.execute("PRAGMA journal_mode = DELETE")
            for video_id, files in videos.items():
                place = PurePosixPath(files[0][1])
                stored = place if len(place.parts) == 3 else place.parent
                db.execute(
                    "UPDATE videos SET stored_path = ?, absolute_hint = '' WHERE id = ?",
                    (str(stored), video_id),
                )
                if stored != place:
                    _know_frames(db, video_id, files)
            new = {f.relative_to(reader.folder).as_posix(): name for f, name in models.items()}
            for model_id, path in db.execute("SELECT id, path FROM models").fetchall():
                packed = new.get(path.removeprefix(IN_PROJECT))
                if packed is not None and path.startswith(IN_PROJECT):
                    db.execute(
                        "UPDATE models SET path = ? WHERE id = ?", (IN_PROJECT + packed, model_id)
                    )
        finally:
            db.close()


def _know_frames(db: sqlite3.Connection, video_id: int, files: list[tuple[Path, str]]) -> None:
    """Let a frame folder be known again by the names that its pictures have in the pack."""
    names = [PurePosixPath(name).name for _, name in files]
    if any(file.name != name for (file, _), name in zip(files, names, strict=True)):
        db.execute(
            "UPDATE videos SET fingerprint = ? WHERE id = ? AND fingerprint != ''",
            (folder_fingerprint([file for file, _ in files], names), video_id),
        )


def unpack_project(path: Path | str, folder: Path | str, context: JobContext | None = None) -> Path:
    """Make a project folder from a pack.

    Args:
        path: The pack.
        folder: The new project folder; must not exist or be empty.
        context: Cancellation; a cancelled one leaves no folder.

    Returns:
        The folder.

    Raises:
        FormatError: The file is no pack, or a name in it leaves the folder.
        ProjectError: The project in it is damaged, or of a later version.
        OutputError: The folder cannot be made, or the disk has no room for it.
        JobCancelled: It was not wanted any more.
    """
    context = context or JobContext()
    source, target = Path(path), Path(folder).absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"{target} exists already and is not an empty folder.", path=target)
    try:
        with _opened(source) as pack, ExitStack() as made:
            names = [info for info in pack.infolist() if not info.is_dir()]
            _check_names([info.filename for info in names], source)
            made.callback(_make_folder(target.parent))
            remove_leftovers(target.parent)  # of one that was killed: it may have filled the disk
            _check_room(sum(info.file_size for info in names), source, target)
            partial = target.with_name(temporary_name(target))
            partial.mkdir(0o700)
            try:
                inner = partial / target.name  # what goes wrong is told under this name
                inner.mkdir()
                for info in names:
                    _extract(pack, info, inner, context)
                for below in SUBFOLDERS:
                    (inner / below).mkdir(exist_ok=True)
                _bring_up_to_date(inner)
                if target.exists():  # empty, and in the way on Windows
                    target.rmdir()
                inner.replace(target)
                made.pop_all()
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    except _DAMAGED as error:
        raise FormatError(f"{source.name} is no project pack, or damaged.", path=source) from error
    except OSError as error:
        place = target if error.filename != str(source) else source
        reason = error.strerror or str(error)
        raise OutputError(f"{source.name} cannot be unpacked: {reason}.", path=place) from error
    return target


def _make_folder(folder: Path) -> Callable[[], None]:
    """Make a folder with those around it; what is returned takes away the ones that are new."""
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)

    def take_away() -> None:
        with suppress(OSError):  # somebody put something there meanwhile
            for place in new:
                place.rmdir()

    return take_away


def _bring_up_to_date(folder: Path) -> None:
    """Make sure that it is a project, of the present schema; the pack is the copy of an earlier."""
    Project.open(folder, if_locked="error").close()
    for copy in folder.glob("*.before-v*.sqlite"):
        copy.unlink()


def _opened(path: Path) -> zipfile.ZipFile:
    if reason := why_no_file(path):
        raise FormatError(reason, path=path)
    try:
        return zipfile.ZipFile(path)
    except NotImplementedError as error:  # the library's word for a later version of the format
        raise zipfile.BadZipFile(str(error)) from error


def _check_names(names: list[str], path: Path) -> None:
    if DATABASE_NAME not in names:
        raise FormatError(f"{path.name} is no project pack.", path=path)
    for name in names:
        parts = name.split("/")
        bad = not all(parts) or ".." in parts or not is_packable(name)
        if bad or not (name == DATABASE_NAME or (len(parts) > 1 and parts[0] in _ROOTS)):
            raise FormatError(
                f"{path.name} holds {name[:80]!r}, which is no place in a project.",
                path=path,
                where=name,
            )


def _check_room(num_bytes: int, path: Path, target: Path) -> None:
    """Refuse what the disk cannot hold; no file yields more than the pack says of it."""
    free = shutil.disk_usage(target.parent).free
    if num_bytes > free:
        raise OutputError(
            f"{path.name} unpacks to {num_bytes / 1e6:,.1f} MB, and the disk has "
            f"{free / 1e6:,.1f} MB free.",
            path=target,
        )


def _extract(
    pack: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path, context: JobContext
) -> None:
    is_ours = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if not is_ours or info.flag_bits & _FOREIGN_FLAGS:
        raise zipfile.BadZipFile("packed in a way that no pack of ours is")
    place = folder / PurePosixPath(info.filename)
    place.parent.mkdir(parents=True, exist_ok=True)
    with pack.open(info) as packed, place.open("xb") as file:
        while block := packed.read(_CHUNK_BYTES):
            context.raise_if_cancelled()
            file.write(block)
