"""Measurements of masks."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import regionprops

from ifc_core.errors import OutputError
from ifc_core.io.measurements import (
    COLUMNS,
    MeasuredMask,
    Motion,
    intensity_columns,
    measure_mask,
    measure_masks,
    write_measurements,
)
from ifc_core.structures import RLEMask, rle_runs

FACTS = ("a", 3, 0.5, 0.65, 7, None, "cell", "", 1.0, "approved", "human")


def measured(bits: np.ndarray, values: np.ndarray | None = None):
    found = measure_mask(RLEMask.from_array(bits), values)
    assert found is not None
    return found


@given(arrays(np.bool_, (9, 13), elements=st.booleans()).filter(lambda bits: bits.any()))
@settings(max_examples=60, deadline=None)
def test_moments_are_those_of_scikit_image(bits: np.ndarray) -> None:
    shape, _ = measured(bits)
    expected = regionprops(bits.astype(np.uint8))[0]
    assert shape.area_px == expected.area
    assert (shape.y_px, shape.x_px) == pytest.approx(expected.centroid)
    top, left, bottom, right = expected.bbox
    assert shape.box_xywh == (left, top, right - left, bottom - top)
    assert shape.major_axis_px == pytest.approx(expected.axis_major_length, abs=1e-4)
    assert shape.minor_axis_px == pytest.approx(expected.axis_minor_length, abs=1e-4)


@pytest.mark.parametrize("angle", [-80, -45, 0, 20, 60, 90])
def test_the_angle_is_that_of_the_long_axis(angle: int) -> None:
    bits = np.zeros((200, 220), np.uint8)
    cv2.ellipse(bits, (120, 90), (60, 20), angle, 0, 360, 1, -1)
    shape, _ = measured(bits > 0)
    difference = (shape.angle_deg - angle + 90) % 180 - 90
    assert abs(difference) < 0.5
    assert -90 <= shape.angle_deg <= 90
    assert (shape.major_axis_px, shape.minor_axis_px) == pytest.approx((120, 40), rel=0.03)


def test_the_outline_of_a_square_with_a_hole_and_of_two_pieces() -> None:
    bits = np.zeros((30, 30), bool)
    bits[5:15, 5:15] = True
    bits[8:11, 8:11] = False  # inner outlines do not count
    assert measured(bits)[0].perimeter_px == pytest.approx(4 * 9)
    bits[20:25, 20:25] = True
    assert measured(bits)[0].perimeter_px == pytest.approx(4 * 9 + 4 * 4)


def test_a_single_pixel_and_nothing() -> None:
    bits = np.zeros((6, 6), bool)
    assert measure_mask(RLEMask.from_array(bits)) is None
    bits[2, 4] = True
    shape, means = measured(bits)
    assert (shape.area_px, shape.x_px, shape.y_px, shape.box_xywh) == (1, 4, 2, (4, 2, 1, 1))
    assert (shape.major_axis_px, shape.perimeter_px, means) == (0, 0, ())


def test_intensities_are_means_of_what_lies_under_the_mask() -> None:
    values = np.stack([np.arange(48).reshape(6, 8), 1000 - np.arange(48).reshape(6, 8)])
    bits = np.zeros((6, 8), bool)
    bits[2, 3:5] = True
    _, means = measured(bits, values.astype(np.uint16))
    assert means == (19.5, 980.5)


def test_the_table(tmp_path: Path) -> None:
    bits = np.zeros((6, 8), bool)
    bits[1:3, 2:6] = True
    shape, _ = measured(bits)
    hostile = ("=1+1", *FACTS[1:6], "@cmd", "-x", *FACTS[8:])
    lines = [MeasuredMask(FACTS, shape, (1.23456,)), MeasuredMask(hostile, shape)]
    assert write_measurements(lines, tmp_path / "a.csv", intensity_columns(2)) == 2
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert tuple(first) == (*COLUMNS, "mean_intensity_1", "mean_intensity_2")
    assert (first["video"], first["parent"], first["time_s"]) == ("a", "", "0.5")
    assert (first["area_px"], first["x_px"], first["y_px"]) == ("8", "3.5", "1.5")
    assert (first["mean_intensity_1"], first["mean_intensity_2"]) == ("1.235", "")
    assert (second["video"], second["class"], second["name"]) == ("'=1+1", "'@cmd", "'-x")


def test_no_line_has_more_cells_than_there_are_names(tmp_path: Path) -> None:
    shape, _ = measured(np.ones((2, 3), bool))
    lines = [MeasuredMask(FACTS, shape, (1.0, 2.0, 3.0)), MeasuredMask(FACTS, shape, (4.0,))]
    assert write_measurements(lines, tmp_path / "a.csv", intensity_columns(1)) == 2
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file)
    assert [len(row) for row in rows] == [len(names)] * 2
    assert [row[-1] for row in rows] == ["", "4.0"]


def test_a_table_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    def lines():
        raise RuntimeError("no")
        yield

    (tmp_path / "a.csv").write_text("mine")
    with pytest.raises(RuntimeError):
        write_measurements(lines(), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "mine"
    with pytest.raises(OutputError):
        write_measurements([], tmp_path / "no" / "a.csv")


def test_nothing_is_less_than_nothing() -> None:
    bits = np.zeros((40, 60), np.bool_)
    bits[10:25, 20:40] = True
    shape, _ = measured(bits)
    assert "-0.0" not in map(str, [*shape.row(), *Motion(-0.001, -0.0).row()])


def test_the_masks_of_a_frame_are_measured_together_as_each_alone(monkeypatch) -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(0, 900, (2, 40, 50))
    rles = [RLEMask.from_array(rng.random((40, 50)) < share) for share in (0.4, 0.01, 0.0, 1.0)]
    alone = [measure_mask(rle, values) for rle in rles]
    decode = rle_runs.decode_batch
    asked: list[int] = []
    monkeypatch.setattr(rle_runs, "decode_batch", lambda s: asked.append(len(s)) or decode(s))
    assert list(measure_masks(rles, values)) == alone
    assert alone[2] is None
    assert asked == [4]
    assert list(measure_masks([])) == []
