"""Scales of stacks, as ImageJ and OME write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from ifc_core.io.video import open_video

PAGES = np.zeros((3, 8, 10), np.uint16)


def scale_of(path: Path) -> tuple[float | None, float | None]:
    with open_video(path) as reader:
        assert not reader.has_rate
        return reader.frame_seconds, reader.um_per_px


@pytest.mark.parametrize(
    ("told", "resolution", "expected"),
    [
        ({"finterval": 90.0, "unit": "um"}, (2.0, 2.0), (90.0, 0.5)),
        ({"finterval": 5, "tunit": "min", "unit": "micron"}, (4.0, 4.0), (300.0, 0.25)),
        ({"unit": "\\u00B5m"}, (1.0, 1.0), (None, 1.0)),
        ({"unit": "nm"}, (0.01, 0.01), (None, 0.1)),
        ({"finterval": 2.0, "unit": "pixel"}, (1.0, 1.0), (2.0, None)),
        ({"unit": "um"}, (2.0, 3.0), (None, None)),  # no square pixels
        ({"unit": "um", "finterval": -1.0}, (2.0, 2.0), (None, 0.5)),
        ({"unit": "um", "finterval": float("nan")}, (2.0, 2.0), (None, 0.5)),
        ({"finterval": 1.0, "tunit": "fortnight"}, (1.0, 1.0), (None, None)),
        ({}, (1.0, 1.0), (None, None)),
    ],
)
def test_imagej(
    tmp_path: Path, told: dict[str, Any], resolution: tuple[float, float], expected: Any
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, PAGES, imagej=True, resolution=resolution, metadata={"axes": "TYX", **told}
    )
    assert scale_of(path) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"PhysicalSizeX": 0.65, "PhysicalSizeY": 0.65, "TimeIncrement": 30.0}, (30.0, 0.65)),
        (
            {
                "PhysicalSizeX": 650,
                "PhysicalSizeXUnit": "nm",
                "PhysicalSizeY": 650,
                "PhysicalSizeYUnit": "nm",
                "TimeIncrement": 2,
                "TimeIncrementUnit": "min",
            },
            (120.0, 0.65),
        ),
        ({"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.7}, (None, None)),
        ({"PhysicalSizeX": 1e300, "PhysicalSizeY": 1e300, "TimeIncrement": 0}, (None, None)),
        ({"PhysicalSizeX": 1, "PhysicalSizeXUnit": "reference frame"}, (None, None)),
    ],
)
def test_ome(tmp_path: Path, told: dict[str, Any], expected: Any) -> None:
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, PAGES, ome=True, metadata={"axes": "TYX", **told})
    assert scale_of(path) == pytest.approx(expected)


def test_plain_pages_and_dots_per_inch_say_nothing(tmp_path: Path) -> None:
    dots = {"resolution": (300, 300), "resolutionunit": "INCH"}
    tifffile.imwrite(tmp_path / "a.tif", PAGES, photometric="minisblack", **dots)
    assert scale_of(tmp_path / "a.tif") == (None, None)


def test_a_resolution_of_nothing_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, PAGES, imagej=True, resolution=(2, 2), metadata={"axes": "TYX", "unit": "um"}
    )
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[0].tags["XResolution"].overwrite((0, 1))
    assert scale_of(path) == (None, None)
