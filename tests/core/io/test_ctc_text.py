"""What the text of tracks says is compared with the masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ifc_core.annotation import Project
from ifc_core.annotation.importing import import_annotations
from ifc_core.io.ctc import stream_ctc, write_ctc
from ifc_core.io.label_images import write_label_tiff
from ifc_core.io.ytvis_types import YtvisFile, YtvisTrack, YtvisVideo
from ifc_core.structures import Category, RLEMask


def put(folder: Path, labels_of: list[list[int]]) -> Path:
    """Masks with some labels on each frame, side by side."""
    folder.mkdir(parents=True)
    for number, labels in enumerate(labels_of):
        picture = np.zeros((6, 30), np.uint16)
        for label in labels:
            picture[1:5, 3 * label : 3 * label + 2] = label
        write_label_tiff(picture, folder / f"man_track{number:03d}.tif")
    return folder


def told(folder: Path) -> list[str]:
    _, tracks = stream_ctc(folder)
    list(tracks)
    return list(tracks.notes)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 0 2 0\n2 3 4 1\n3 3 4 1\n", []),
        ("", ["3 labels of the masks are not listed (1, 2, 3)"]),
        ("1 0 2 0\n2 3 4 1\n", ["1 label of the masks is not listed (3)"]),
        ("1 0 2 0\n2 3 4 1\n3 3 4 1\n9 0 1 0\n", ["1 listed label has no mask (9)"]),
        (
            "1 2 0 0\n2 3 4 1\n3 3 80 1\n",
            ["2 labels begin or end on other frames than are listed (1, 3)"],
        ),
        (
            "1 0 2 0\n2 3 4 7\n3 3 4 7\n7 0 2 0\n",
            ["1 listed label has no mask (7)", "2 labels have a mother without masks (2, 3)"],
        ),
    ],
)
def test_a_text_that_differs_from_the_masks_is_told(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    """The masks count, but divisions are lost with the lines that tell them."""
    folder = put(tmp_path / "01_GT" / "TRA", [[1]] * 3 + [[2, 3]] * 2)
    (folder / "man_track.txt").write_text(text)
    notes = told(folder)
    if not expected:
        assert notes == []
        return
    (note,) = notes
    assert note == (
        "The text of tracks of 01 does not agree with its masks, which are what counts: "
        f"{'; '.join(expected)}. Divisions may be missing."
    )


def test_masks_without_a_text_are_not_said_to_differ_from_it(tmp_path: Path) -> None:
    assert told(put(tmp_path / "01_GT" / "TRA", [[1]])) == []


def test_what_the_program_writes_agrees(tmp_path: Path) -> None:
    bits = np.zeros((6, 30), bool)
    bits[1:5, 2:9] = True
    mask = RLEMask.from_array(bits)
    names = tuple(f"01/{n:06d}.png" for n in (3, 4, 6, 7))
    track = YtvisTrack(1, 1, 1, (mask, None, mask, mask))
    file = YtvisFile((YtvisVideo(1, 6, 30, 4, names),), (Category(1, "cell"),), (track,))
    write_ctc(file, tmp_path / "out")
    assert told(tmp_path / "out") == []


def test_the_import_tells_it(tmp_path: Path) -> None:
    folder = put(tmp_path / "data" / "01_GT" / "TRA", [[1], [1], [2, 3]])
    (folder / "man_track.txt").write_text("1 0 1 0\n2 2 2 1\n")
    with Project.create(tmp_path / "p.ifcproj") as project:
        notes = import_annotations(project, tmp_path / "data").notes
    assert [note for note in notes if "does not agree with its masks" in note]
