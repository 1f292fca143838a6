"""Files of a training run, known without loading what trains."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ifc_core.errors import FormatError, ProjectLockedError
from ifc_core.io.atomic import atomic_output
from ifc_core.models.bundled import read_metadata, stored_facts
from ifc_core.models.names import SUFFIX
from ifc_core.training.result_fields import is_result

STATE_NAME = "resume.safetensors"
"""The checkpoint that a run goes on from."""

EXPORT_NAME = "ema"
"""Folder of the averaged weights, sharded."""

TRAINING_FOLDER = "train"
"""Of a fine-tuning, in the folder of its run."""

SETTINGS_NAME = "window.json"
"""Settings of a fine-tuning that has not ended, in the folder of its run."""

NOTE_NAME = "plan.json"
"""What a fine-tuning settled, such as its number of iterations."""

RESULT_NAME = "result.json"
"""The result of a fine-tuning that the project does not know yet."""

_FALLBACK = ("batch_size", "short_side")  # noted together, where memory allowed no more
_LOCK_NAME = "training.lock"


def forget_training_state(run_folder: Path) -> bool:
    """Delete what a fine-tuning could go on from, once the project knows its version.

    Weights and moments are several times as large as the version that came of them.

    Args:
        run_folder: The run's folder in the project.

    Returns:
        Whether it is gone; another process may have it open.
    """
    try:
        (run_folder / TRAINING_FOLDER / STATE_NAME).unlink(missing_ok=True)
    except OSError:
        return False
    return True


def unfinished_runs(project_folder: Path) -> list[Path]:
    """Folders of fine-tunings that were not cleaned up, newest first."""
    found = (project_folder / "runs").glob(f"finetune-*/{SETTINGS_NAME}")
    return sorted((path.parent for path in found), reverse=True)


def read_settings(run_folder: Path) -> dict[str, Any] | None:
    """Settings of a run; ``None`` where a crash left nothing of use."""
    settings = _read_object(run_folder / SETTINGS_NAME)
    return settings if settings.get("run_id") == run_folder.name else None


def write_settings(run_folder: Path, settings: Mapping[str, Any]) -> None:
    """Keep the settings of a run that begins, so that it can go on.

    Raises:
        OutputError: They cannot be written.
    """
    with atomic_output(run_folder / SETTINGS_NAME) as temporary:
        temporary.write_text(json.dumps(dict(settings)), encoding="utf-8")


def remove_run(run_folder: Path) -> None:
    """Delete a run with all that it could go on from.

    Its settings go first: without them the rest is of no use to anybody.

    Raises:
        OSError: Something cannot be deleted.
    """
    (run_folder / SETTINGS_NAME).unlink(missing_ok=True)
    shutil.rmtree(run_folder)


def keep_result(run_folder: Path, result: Mapping[str, Any]) -> None:
    """Keep the result of a run until the project knows its version.

    Args:
        run_folder: Of the run.
        result: Fields of a ``FinetuneResult`` as JSON values.

    Raises:
        OutputError: It cannot be written.
    """
    with atomic_output(run_folder / RESULT_NAME) as temporary:
        temporary.write_text(json.dumps(dict(result), allow_nan=False), encoding="utf-8")


def kept_result(run_folder: Path) -> dict[str, Any] | None:
    """What :func:`keep_result` kept, if it did, it is whole and the version's file is there.

    The project may have been moved since; the version lies in its ``models/``.
    """
    result = _read_object(run_folder / RESULT_NAME)
    if not is_result(result):
        return None
    path = version_file(run_folder, Path(result["path"]).name)
    return None if path is None else {**result, "path": str(path)}


def version_file(run_folder: Path, name: str) -> Path | None:
    """The file of the version that a run made, in the ``models/`` of its project.

    A run that was killed while its version was entered may have renamed it: the file itself says
    which run made it.

    Args:
        run_folder: Of the run.
        name: Of the file, when it was written.
    """
    file, made = run_folder.parents[1] / "models" / name, version_files(run_folder)
    if made:
        return file if file in made else made[0]
    return file if file.is_file() and not _made_by(file) else None


def version_files(run_folder: Path) -> list[Path]:
    """Files in the ``models/`` of a project that one of its runs made, entered or not."""
    files = sorted((run_folder.parents[1] / "models").glob(f"*{SUFFIX}"))
    return [file for file in files if _made_by(file) == run_folder.name]


def _made_by(file: Path) -> str:
    """The run that a version's file says it comes of; empty where it says nothing."""
    provenance = stored_facts(file).get("provenance")
    run = provenance.get("run") if isinstance(provenance, dict) else None
    return run if isinstance(run, str) else ""


def saved_iteration(run_folder: Path) -> int:
    """Iterations after which a run would go on; 0 where nothing was saved."""
    try:
        metadata = read_metadata(run_folder / TRAINING_FOLDER / STATE_NAME)
        return int(json.loads(metadata["facts"])["iteration"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return 0


def read_note(run_folder: Path) -> dict[str, Any]:
    """What a fine-tuning settled, to be done alike where it goes on; empty at its beginning.

    Raises:
        FormatError: The note is damaged.
    """
    note = run_folder / NOTE_NAME
    if not note.exists():
        return {}
    facts = _read_object(note)
    counts = [facts[name] for name in ("iterations", *_FALLBACK) if name in facts]
    is_whole = len({name in facts for name in _FALLBACK}) == 1
    if not counts or not is_whole or any(type(n) is not int or n < 1 for n in counts):
        raise FormatError(
            f"{note} is damaged; delete it, and the run settles its iterations anew.", path=note
        )
    return facts


def planned_iterations(run_folder: Path) -> int:
    """Iterations that a run settled to do; 0 where it did not come so far."""
    number = _read_object(run_folder / NOTE_NAME).get("iterations")
    return number if isinstance(number, int) else 0


def _read_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


@contextmanager
def training_lock(run_folder: Path) -> Iterator[None]:
    """Keep others from training the same run meanwhile; it ends with the process at the latest.

    Raises:
        ProjectLockedError: Another process trains it.
    """
    from ifc_core.annotation.locking import WriterLock  # trainings on generated clips lack COCO

    lock = WriterLock(run_folder, _LOCK_NAME)
    held = True
    with suppress(OSError):  # a disk that knows no locks
        held = lock.acquire()
    if not held:
        raise ProjectLockedError(
            "This fine-tuning goes on in another process; wait for it or stop it there.",
            path=run_folder,
        )
    try:
        yield
    finally:
        lock.release()


def is_training(run_folder: Path) -> bool:
    """Whether a process trains a run right now."""
    if not (run_folder / _LOCK_NAME).exists():
        return False
    try:
        with training_lock(run_folder):
            return False
    except ProjectLockedError:
        return True
