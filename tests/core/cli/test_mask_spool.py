"""Masks of a run on disk, where the disk has an end."""

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ifc_core.cli.mask_spool import MaskSpool
from ifc_core.errors import OutputError
from ifc_core.inference.results import FrameMask, FrameResult
from ifc_core.structures import RLEMask


def noise(seed: int) -> FrameResult:
    picture = np.random.default_rng(seed).random((40, 60)) < 0.5
    return FrameResult(seed, (FrameMask(1, RLEMask.from_array(picture), 0.1, 0.2, 0.9, 0),))


def fill(spool: MaskSpool) -> None:
    for position in range(1, 100):
        spool.add(1, position, noise(position))
        spool.save(1, {"num_frames": position + 1})


def test_a_full_disk_is_one_sentence_and_what_was_saved_stays(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    with MaskSpool(path) as spool:
        spool.add(1, 0, noise(0))
        spool.save(1, {"num_frames": 1})
        spool._db.execute("PRAGMA max_page_count = 12")
        with pytest.raises(OutputError, match="full"):
            fill(spool)
    with MaskSpool(path) as spool:
        kept = spool.states()[1]["num_frames"]
        assert 1 <= kept < 100
        assert sum(mask is not None for mask in spool.track(1, 1, 100)) == kept


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="none"):
        MaskSpool(tmp_path / "none" / "spool.sqlite")


@pytest.mark.parametrize(
    "read", [MaskSpool.states, lambda spool: spool.track(1, 1, 9), lambda spool: spool.frame(1, 1)]
)
def test_what_hinders_reading_is_one_sentence_too(tmp_path: Path, read: Any) -> None:
    with MaskSpool(tmp_path / "spool.sqlite") as spool:
        spool.add(1, 1, noise(1))
        spool.save(1, {"num_frames": 1})
        spool._db.set_progress_handler(lambda: 1, 1)  # each statement fails
        with pytest.raises(OutputError, match="cannot be kept in"):
            read(spool)


def test_anew_begins_with_nothing_and_leaves_nothing_of_before(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    with MaskSpool(path) as spool:
        fill(spool)
    with MaskSpool(path, anew=True) as spool:
        assert spool.states() == {}
        assert spool.track(1, 1, 100) == (None,) * 100


@pytest.mark.parametrize(("byte", "value"), [(18, 3), (47, 9)])
def test_anew_takes_a_file_that_cannot_be_written_or_is_of_another_format(
    tmp_path: Path, byte: int, value: int
) -> None:
    path = tmp_path / "spool.sqlite"
    with MaskSpool(path) as spool:
        fill(spool)
    damaged = bytearray(path.read_bytes())
    damaged[byte] = value
    path.write_bytes(damaged)
    with MaskSpool(path, anew=True) as spool:
        assert spool.states() == {}
        spool.save(1, {"num_frames": 1})


def test_a_file_that_cannot_be_removed_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "spool.sqlite"
    path.write_bytes(b"no database" * 100)

    def held(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", held)
    with pytest.raises(OutputError, match="cannot be removed"):
        MaskSpool(path)


def test_a_file_that_was_left_damaged_goes_with_its_journal(tmp_path: Path) -> None:
    path, journal = tmp_path / "spool.sqlite", tmp_path / "spool.sqlite-journal"
    path.write_bytes(b"no database" * 100)
    journal.write_bytes(b"of another file" * 100)
    with MaskSpool(path) as spool:
        spool.add(1, 1, noise(1))
        spool.save(1, {"num_frames": 1})
    assert not journal.exists()
    db = sqlite3.connect(path)
    assert db.execute("SELECT count(*) FROM masks").fetchone() == (1,)
    db.close()
