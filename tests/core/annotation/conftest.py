"""A small project, and a full account of what a project holds."""

from pathlib import Path

import numpy as np
import pytest

from ifc_core.annotation import Project
from ifc_core.annotation.edits import NewTrack, SetCategory
from ifc_core.structures import Category, RLEMask, Video

SIZE = (20, 30)
NUM_FRAMES = 12


def box(top: int, left: int, height: int = 5, width: int = 6) -> RLEMask:
    """A mask of a rectangle, cut at the edges of the frame."""
    mask = np.zeros(SIZE, dtype=bool)
    mask[top : top + height, left : left + width] = True
    return RLEMask.from_array(mask)


def video(name: str, fingerprint: str) -> Video:
    """A video that need not exist."""
    return Video(Path("/clips") / name, NUM_FRAMES, *SIZE, 10.0, fingerprint)


_NO_SCALES = (
    "ALTER TABLE videos DROP COLUMN given_fps",
    "ALTER TABLE videos DROP COLUMN um_per_px",
)
_NO_PARENTS = (*_NO_SCALES, "ALTER TABLE tracks DROP COLUMN parent_id")
OLDER_SCHEMAS = {
    1: (
        *_NO_PARENTS,
        "ALTER TABLE signals DROP COLUMN quality",
        "PRAGMA user_version = 1",
    ),
    2: (*_NO_PARENTS, "PRAGMA user_version = 2"),
    3: (*_NO_SCALES, "PRAGMA user_version = 3"),
}
"""Version -> what takes a project file back to it."""


def state_of(project: Project) -> dict:
    """Everything that edits may change, records by their content."""
    db = project._db
    state = {
        table: sorted(db.execute(f"SELECT * FROM {table}").fetchall())  # noqa: S608
        for table in ("videos", "categories", "tracks", "exhaustive")
    }
    state["runs"] = sorted(db.execute("SELECT id, state FROM runs").fetchall())
    state["current"] = sorted(
        db.execute(
            "SELECT current.*, masks.counts FROM current JOIN masks ON masks.id = mask_id"
        ).fetchall()
    )
    count = db.execute("SELECT count(*) FROM current").fetchone()[0]
    assert count == len(state["current"]), "a pointer leads nowhere"
    return state


def fill(project: Project) -> None:
    """Two videos, two classes, and a track on three frames of the first video."""
    project.add_video(video("a.mp4", "1-aa"))
    project.add_video(video("b.mp4", "1-bb"))
    project.apply(SetCategory(Category(1, "cat")))
    project.apply(SetCategory(Category(2, "dog", color_rgb=(1, 2, 3), hotkey="d")))


@pytest.fixture
def empty(tmp_path):
    """A project with videos and classes."""
    with Project.create(tmp_path / "p.ifcproj", annotator="ann") as project:
        fill(project)
        yield project


@pytest.fixture
def project(empty):
    """A project with track 1 on frames 2 (row 1) and 6 (row 11) of video 1."""
    from ifc_core.annotation.edits import SetMask

    empty.apply(NewTrack(1, 1, 2, box(1, 2)))
    empty.apply(SetMask(1, 6, box(11, 20)))
    return empty
