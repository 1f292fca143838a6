"""To which size frames are brought."""

import pytest

from ifc_core.models.input_size import input_size


@pytest.mark.parametrize(
    ("size", "short", "longest", "expected"),
    [
        ((720, 1280), 360, 1333, (360, 640)),
        ((1280, 720), 360, 1333, (640, 360)),
        ((480, 854), 360, 1333, (360, 641)),
        ((100, 1000), 360, 1333, (133, 1333)),
        ((96, 160), 96, 1333, (96, 160)),
        ((500, 500), 360, 1333, (360, 360)),
    ],
)
def test_sizes_as_published(size, short, longest, expected):
    assert input_size(size, short, longest) == expected


@pytest.mark.parametrize(
    ("size", "short", "longest", "multiple", "expected"),
    [
        ((480, 640), 256, 1333, 32, (256, 352)),
        ((640, 480), 256, 1333, 32, (352, 256)),
        ((480, 640), 256, 1333, 16, (256, 336)),
        ((480, 854), 216, 1333, 32, (224, 384)),
        ((100, 1000), 360, 1333, 32, (128, 1312)),  # never beyond the bound
        ((10, 10), 10, 1333, 32, (32, 32)),
        ((10, 10), 10, 20, 32, (32, 32)),
    ],
)
def test_sides_are_the_nearest_multiple(size, short, longest, multiple, expected):
    assert input_size(size, short, longest, multiple=multiple) == expected
