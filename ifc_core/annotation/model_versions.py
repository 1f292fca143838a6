"""Model versions of a project: what they came from, and which one is in use."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ifc_core.annotation.records import ModelVersion
from ifc_core.annotation.rows import moment, read_object
from ifc_core.errors import EditError, ProjectError

IN_PROJECT = "project:"
"""What the stored path of a model begins with that lies in the project."""


_TEXTS = ("name", "path", "sha256", "parent", "provenance", "metrics")


def read_models(db: sqlite3.Connection, folder: Path) -> list[ModelVersion]:
    """Model versions, oldest first; damaged provenance or metrics are empty.

    Raises:
        ProjectError: A name, path, hash or parent is not text.
    """
    active = _active_id(db)
    texts = ", ".join(f"CAST({name} AS BLOB)" for name in _TEXTS)  # also what is not UTF-8
    found = db.execute(f"SELECT id, created_at, {texts} FROM models ORDER BY id")  # noqa: S608
    models = []
    for model_id, created_at, *words, provenance, metrics in found:
        name, path, sha256, parent = (_text(word, model_id, folder) for word in words)
        models.append(
            ModelVersion(
                model_id,
                name,
                _full_path(path, folder),
                sha256,
                parent,
                moment(created_at),
                read_object(provenance) or {},
                read_object(metrics) or {},
                model_id == active,
            )
        )
    return models


def _text(stored: bytes, model_id: int, folder: Path) -> str:
    try:
        return stored.decode()
    except UnicodeDecodeError as error:
        raise ProjectError(
            f"Entry {model_id} of the models of {folder.name} is damaged; run `ifc-studio project "
            "check` on it and go back to a copy.",
            path=folder,
        ) from error


def _active_id(db: sqlite3.Connection) -> int | None:
    row = db.execute("SELECT model_id FROM model_activations ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else row[0]


def active_since(db: sqlite3.Connection) -> float | None:
    """When the model in use came into use; ``None`` where no other ever was."""
    row = db.execute("SELECT created_at FROM model_activations ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else moment(row[0])


def _full_path(stored: str, folder: Path) -> str:
    if not stored.startswith(IN_PROJECT):
        return stored
    within = PurePosixPath(stored.removeprefix(IN_PROJECT))
    place = Path(os.path.normpath(folder))  # the folder's own path may hold ".."
    path = Path(os.path.normpath(place / within))
    if not path.is_relative_to(place):
        raise EditError(f"The model path {stored} leaves the project.", path=folder)
    return str(folder / path.relative_to(place))


def _stored_path(path: Path | str, folder: Path) -> str:
    place, full = Path(os.path.normpath(folder)), Path(os.path.normpath(folder / path))
    if Path(path).is_absolute() and full.is_relative_to(place):
        return IN_PROJECT + full.relative_to(place).as_posix()
    return str(path)


def add_model(
    db: sqlite3.Connection,
    folder: Path,
    name: str,
    path: Path | str,
    *,
    sha256: str,
    parent: str,
    provenance: Mapping[str, Any] | None,
    metrics: Mapping[str, Any] | None,
) -> int:
    """Enter a model version, inside the caller's transaction.

    Returns:
        Its id.

    Raises:
        EditError: There is one of that name.
    """
    if db.execute("SELECT 1 FROM models WHERE name = ?", (name,)).fetchone() is not None:
        raise EditError(f"There is a model called {name} already.", path=folder)
    entered = db.execute(
        "INSERT INTO models (name, path, sha256, parent, created_at, provenance, metrics) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            name,
            _stored_path(path, folder),
            sha256,
            parent,
            time.time(),
            json.dumps(dict(provenance or {})),
            json.dumps(dict(metrics or {})),
        ),
    )
    return int(entered.lastrowid or 0)


def activate(db: sqlite3.Connection, folder: Path, name: str | None) -> None:
    """Make a model the one in use, inside the caller's transaction.

    Raises:
        EditError: There is none of that name.
    """
    model_id = None
    if name is not None:
        row = db.execute("SELECT id FROM models WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise EditError(f"There is no model called {name} in the project.", path=folder)
        model_id = row[0]
    if model_id != _active_id(db):
        db.execute(
            "INSERT INTO model_activations (model_id, created_at) VALUES (?, ?)",
            (model_id, time.time()),
        )


def roll_back(db: sqlite3.Connection) -> None:
    """Forget the latest activation, inside the caller's transaction.

    The one before comes into use now: runs made meanwhile say nothing against it.
    """
    last = "(SELECT max(id) FROM model_activations)"
    if db.execute(f"DELETE FROM model_activations WHERE id = {last}").rowcount:  # noqa: S608
        now = (time.time(),)
        if not db.execute(
            f"UPDATE model_activations SET created_at = ? WHERE id = {last}",  # noqa: S608
            now,
        ).rowcount:
            db.execute("INSERT INTO model_activations (model_id, created_at) VALUES (NULL, ?)", now)
