"""Masks of a run on disk, where the disk has an end."""

from pathlib import Path

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
