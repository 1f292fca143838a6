"""Label pictures: which are read, and how their labels become masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ifc_core.errors import FormatError
from ifc_core.io.label_images import iter_label_masks, read_labels
from ifc_core.structures import RLEMask


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (7, 5), (40, 30)])
@pytest.mark.parametrize("most", [1, 3, 60_000])
def test_labels_cut_out_are_those_of_the_whole_picture(size: tuple[int, int], most: int) -> None:
    rng = np.random.default_rng(most)
    for _ in range(20):
        labels = rng.integers(0, most + 1, size).astype(np.uint16)
        if min(size) > 4:  # pieces apart, and some at the edges
            labels[:, rng.integers(0, size[1])] = most
            labels[rng.integers(1, size[0]) :, rng.integers(1, size[1]) :] = 0
        wanted = [
            (label, RLEMask.from_array(labels == label)) for label in np.unique(labels) if label
        ]
        assert list(iter_label_masks(labels)) == wanted
    assert list(iter_label_masks(np.zeros(size, np.uint16))) == []
    ((_, full),) = iter_label_masks(np.full(size, most, np.uint16))
    assert full == RLEMask.from_array(np.ones(size, bool))


def test_a_label_picture_of_several_planes_is_refused(tmp_path: Path) -> None:
    planes = [Image.fromarray(np.full((6, 8), n, np.uint16)) for n in range(3)]
    planes[0].save(tmp_path / "deep.tif", save_all=True, append_images=planes[1:])
    with pytest.raises(FormatError, match=r"deep\.tif holds 3 pictures, such as the planes"):
        read_labels(tmp_path / "deep.tif")
    planes[2].save(tmp_path / "flat.tif")
    assert (read_labels(tmp_path / "flat.tif") == 2).all()


def test_numbers_with_a_fraction_are_no_labels(tmp_path: Path) -> None:
    Image.fromarray(np.full((6, 8), 1.5, np.float32)).save(tmp_path / "real.tif")
    with pytest.raises(FormatError, match=r"real\.tif holds numbers with a fraction"):
        read_labels(tmp_path / "real.tif")
