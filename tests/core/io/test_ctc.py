"""Folders of the Cell Tracking Challenge."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ifc_core.errors import FormatError
from ifc_core.io.ctc import (
    CtcLosses,
    _Labels,
    read_ctc,
    stream_ctc,
    write_ctc,
    write_ctc_frames,
)
from ifc_core.io.ctc_folders import mask_folders
from ifc_core.io.frame_source import FileFrames
from ifc_core.io.label_images import read_labels
from ifc_core.io.ytvis import TrackDetails, YtvisFile, YtvisTrack, YtvisVideo
from ifc_core.structures import Category, RLEMask, TrackState

CLASSES = (Category(1, "cell"), Category(4, "Wölfin 犬"))


def box(left: int, right: int, size: tuple[int, int] = (6, 12)) -> RLEMask:
    bits = np.zeros(size, bool)
    bits[1:5, left:right] = True
    return RLEMask.from_array(bits)


def video(length: int, names: list[str] | None = None) -> YtvisVideo:
    frames = names or [f"01/{n:06d}.png" for n in range(length)]
    return YtvisVideo(1, 6, 12, length, tuple(frames))


def put(folder: Path, frames: list[dict[int, RLEMask]], stem: str = "man_track") -> Path:
    """Masks as the challenge writes them, compressed by LZW."""
    folder.mkdir(parents=True)
    for number, masks in enumerate(frames):
        labels = np.zeros((6, 12), np.uint16)
        for label, mask in masks.items():
            labels[mask.to_array()] = label
        Image.fromarray(labels).save(folder / f"{stem}{number:03d}.tif", compression="tiff_lzw")
    return folder


def test_a_track_with_a_gap_is_two_labels_and_one_track_again(tmp_path: Path) -> None:
    a, b = box(0, 3), box(6, 9)
    file = YtvisFile(
        (video(5),),
        CLASSES,
        (
            YtvisTrack(1, 1, 1, (a, a, None, a, a)),
            YtvisTrack(2, 1, 4, (None, b, b, b, None)),
        ),
    )
    assert write_ctc(file, tmp_path / "out") == 0
    folder = tmp_path / "out" / "01_RES"
    assert sorted(p.name for p in folder.glob("*.tif")) == [f"mask{n:03d}.tif" for n in range(5)]
    lines = (folder / "res_track.txt").read_text().splitlines()
    assert lines == ["1 0 1 0", "2 1 3 0", "3 3 4 1"]
    assert np.unique(read_labels(folder / "mask003.tif")).tolist() == [0, 2, 3]
    assert json.loads((folder / "classes.json").read_text("utf-8"))["2"] == "Wölfin 犬"
    back = read_ctc(tmp_path / "out")
    assert [t.segmentations for t in back.tracks] == [t.segmentations for t in file.tracks]
    names = {c.id: c.name for c in back.categories}
    assert [names[t.category_id] for t in back.tracks] == ["cell", "Wölfin 犬"]
    assert [v.name for v in back.videos] == ["01"]


def test_what_is_wholly_covered_is_not_said_to_be_there(tmp_path: Path) -> None:
    below, above = box(2, 4), box(0, 8)
    details = [TrackDetails(z, TrackState.PROPOSED) for z in (0, 1)]
    file = YtvisFile(
        (video(3),),
        CLASSES,
        (
            YtvisTrack(1, 1, 1, (below, below, below), details=details[0]),
            YtvisTrack(2, 1, 1, (None, above, None), details=details[1]),
        ),
    )
    assert write_ctc(file, tmp_path / "out") == below.area
    text = (tmp_path / "out" / "01_RES" / "res_track.txt").read_text()
    assert text.splitlines() == ["1 0 0 0", "2 1 1 0", "3 2 2 1"]
    tracks = read_ctc(tmp_path / "out" / "01_RES").tracks
    assert [[m is not None for m in t.segmentations] for t in tracks] == [
        [True, False, True],
        [False, True, False],
    ]


def test_frames_keep_the_numbers_of_their_pictures(tmp_path: Path) -> None:
    names = [f"01/{n:06d}.png" for n in (7, 8, 1200)]
    file = YtvisFile((video(3, names),), CLASSES, (YtvisTrack(1, 1, 1, (box(0, 3),) * 3),))
    write_ctc(file, tmp_path / "out")
    assert (tmp_path / "out" / "01_RES" / "mask1200.tif").is_file()
    assert (tmp_path / "out" / "01_RES" / "res_track.txt").read_text() == "1 7 1200 0\n"
    assert read_ctc(tmp_path / "out").videos[0].file_names[2] == "01/001200.tif"


def test_mother_and_daughters_stay_tracks_of_their_own(tmp_path: Path) -> None:
    masks = [{1: box(0, 6)}, {1: box(0, 6)}, {2: box(0, 2), 3: box(4, 6)}, {2: box(0, 2)}]
    folder = put(tmp_path / "02_GT" / "TRA", masks)
    (folder / "man_track.txt").write_text("1 0 1 0\n2 2 3 1\n3 2 2 1\n")
    file = read_ctc(tmp_path)
    assert [t.parent_id for t in file.tracks] == [None, 1, 1]
    assert file.categories == (Category(1, "cell"),)
    assert file.videos[0].name == "02"
    (folder / "man_track.txt").write_text("1 0 1 0\n2 2 3 1\n3 2 2 0\n")  # no gap: it divided
    assert [t.parent_id for t in read_ctc(folder).tracks] == [None, 1, None]


def test_outlines_are_read_in_place_of_spots_with_the_text_of_the_truth(tmp_path: Path) -> None:
    spot, whole = box(1, 2), box(0, 5)
    truth = put(tmp_path / "01_GT" / "TRA", [{1: spot}, {}, {2: spot}])
    (truth / "man_track.txt").write_text("1 0 0 0\n2 2 2 1\n")
    put(tmp_path / "01_RES", [{9: spot}], "mask")
    put(tmp_path / "01_ST" / "SEG", [{1: whole}, {}, {2: whole}], "man_seg")
    found = {name: masks.path for name, masks in mask_folders(tmp_path).items()}
    assert found == {"01": tmp_path / "01_ST" / "SEG"}
    (track,) = read_ctc(tmp_path).tracks
    assert track.segmentations == (whole, None, whole)


def test_what_contradicts_itself_is_told(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="holds no masks"):
        read_ctc(tmp_path)
    folder = put(tmp_path / "a_RES", [{1: box(0, 2)}, {}, {1: box(0, 2), 2: box(5, 7)}], "mask")
    text = folder / "res_track.txt"
    text.write_text("1 0 0 0\n2 2 2 1\n")  # 1 is there on frame 2 as well
    with pytest.raises(FormatError, match="label 2 goes on with one that is there"):
        list(read_ctc(tmp_path).tracks)
    for line in ("1 0 0", "1 0 0 x", "-1 0 0 0", "9999999999 0 0 0"):
        text.write_text(f"{line}\n")
        with pytest.raises(FormatError, match="line 1: expected"):
            read_ctc(tmp_path)
    text.write_bytes(b"\xff\xfe\n")
    with pytest.raises(FormatError, match="is not a text of tracks"):
        read_ctc(tmp_path)
    text.unlink()
    assert len(read_ctc(tmp_path).tracks) == 2
    for wrong in ("[]", '{"x": "cell"}', '{"1": 3}', "{"):
        (folder / "classes.json").write_text(wrong)
        with pytest.raises(FormatError, match=r"classes\.json"):
            read_ctc(tmp_path)
    (folder / "classes.json").unlink()
    Image.fromarray(np.zeros((3, 3), np.uint16)).save(folder / "mask003.tif")
    with pytest.raises(FormatError, match="differs in size"):
        read_ctc(tmp_path)
    (folder / "mask003.tif").write_bytes(b"no picture")
    with pytest.raises(FormatError, match="not a picture"):
        read_ctc(tmp_path)


def test_parents_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    folder = put(tmp_path / "a_RES", [{1: box(0, 2)}, {2: box(0, 2)}], "mask")
    (folder / "res_track.txt").write_text("1 5 0 2\n2 5 0 1\n3 9 9 3\n")
    assert len(read_ctc(tmp_path).tracks) >= 1


def test_more_labels_than_16_bits_hold_are_refused(tmp_path: Path) -> None:
    side = 182
    shape = YtvisVideo(1, side, side, 4, tuple(f"v/{n:06d}.png" for n in range(4)))
    tracks = []
    for number in range(33_000):  # each a pixel of its own, seen twice
        runs = [number, 1, side * side - number - 1]
        mask = RLEMask.from_coco({"size": [side, side], "counts": runs})
        tracks.append(YtvisTrack(number + 1, 1, 1, (None, mask, None, mask)))
    with pytest.raises(FormatError, match=r"65,535 labels"):
        write_ctc(YtvisFile((shape,), CLASSES, tuple(tracks)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_outlines_whose_labels_are_no_tracks_are_refused(tmp_path: Path) -> None:
    gold = put(tmp_path / "01_GT" / "SEG", [{1: box(0, 3)}, {1: box(6, 9)}], "man_seg")
    with pytest.raises(FormatError, match=r"numbered frame by frame and are no tracks; import"):
        read_ctc(gold)
    assert mask_folders(tmp_path) == {}
    silver = put(tmp_path / "01_ST" / "SEG", [{1: box(0, 3)}, {1: box(1, 4)}], "man_seg")
    for place in (silver, tmp_path):
        (track,) = read_ctc(place).tracks
        assert track.segmentations == (box(0, 3), box(1, 4))


def test_volumes_are_refused(tmp_path: Path) -> None:
    folder = put(tmp_path / "a_RES", [{1: box(0, 2)}, {1: box(0, 2)}], "mask")
    planes = [Image.fromarray(np.zeros((6, 12), np.uint16)) for _ in range(4)]
    planes[0].save(folder / "mask001.tif", save_all=True, append_images=planes[1:])
    with pytest.raises(FormatError, match=r"mask001\.tif holds 4 pictures, such as the planes"):
        read_ctc(tmp_path)


def test_a_video_of_more_tracks_than_labels_is_written_if_few_of_them_are_seen(
    tmp_path: Path,
) -> None:
    unseen = [YtvisTrack(n, 1, 1, (None,)) for n in range(1, 65_600)]
    seen = [YtvisTrack(65_600 + n, 1, 1, (box(4 * n, 4 * n + 2),)) for n in range(2)]
    write_ctc(YtvisFile((video(1),), CLASSES, (*unseen, *seen)), tmp_path / "out")
    tracks = read_ctc(tmp_path / "out").tracks
    assert [track.segmentations for track in tracks] == [(box(0, 2),), (box(4, 6),)]


def test_a_frame_of_more_masks_than_labels_is_refused(tmp_path: Path) -> None:
    tracks = tuple(YtvisTrack(n, 1, 1, (box(0, 2),)) for n in range(1, 65_537))
    with pytest.raises(FormatError, match=r"65,535 labels"):
        write_ctc(YtvisFile((video(1),), CLASSES, tracks), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_masks_are_read_frame_by_frame_and_not_before_they_are_asked_for(tmp_path: Path) -> None:
    for name, length in (("a", 2), ("b", 3)):
        put(tmp_path / f"{name}_RES", [{1: box(0, 2)}] * length, "mask")
    header, tracks = stream_ctc(tmp_path)
    assert [(v.name, v.length, v.height, v.width) for v in header.videos] == [
        ("a", 2, 6, 12),
        ("b", 3, 6, 12),
    ]
    assert header.categories == (Category(1, "cell"),)
    steps = tracks.steps()
    assert next(steps) == (1, 5)
    assert [*steps] == [(n, 5) for n in range(2, 6)]
    assert [track.video_id for track in tracks] == [1, 2]
    (tmp_path / "b_RES" / "mask002.tif").write_bytes(b"no picture")
    _, tracks = stream_ctc(tmp_path)
    with pytest.raises(FormatError, match=r"mask002\.tif is not a picture"):
        list(tracks)


def test_results_are_told_from_truth_video_by_video(tmp_path: Path) -> None:
    put(tmp_path / "01_GT" / "TRA", [{1: box(0, 2)}])
    put(tmp_path / "01_RES", [{1: box(0, 2)}], "mask")
    put(tmp_path / "02_RES", [{1: box(0, 2)}], "mask")
    header, tracks = stream_ctc(tmp_path)
    assert [(v.id, v.name) for v in header.videos] == [(1, "01"), (2, "02")]
    assert tracks.found == {2}


def test_of_text_and_masks_the_masks_count(tmp_path: Path) -> None:
    folder = put(tmp_path / "a_RES", [{1: box(0, 2)}, {1: box(0, 2), 2: box(5, 7)}], "mask")
    text = folder / "res_track.txt"
    text.write_text("1 1 1 0\n7 0 1 0\n")  # 1 begins before, 2 is not listed, 7 is not there
    shown = [[m is not None for m in t.segmentations] for t in read_ctc(tmp_path).tracks]
    assert shown == [[True, True], [False, True]]
    text.write_text("1 0 1 0\n2 1 1 0\n1 1 1 0\n")
    with pytest.raises(FormatError, match=r"res_track\.txt, line 3: the label 1 is listed twice"):
        read_ctc(tmp_path)


def test_a_label_that_no_class_is_known_of_is_told(tmp_path: Path) -> None:
    folder = put(tmp_path / "a_RES", [{1: box(0, 2)}, {2: box(0, 2)}], "mask")
    (folder / "res_track.txt").write_text("1 0 0 0\n")
    (folder / "classes.json").write_text('{"1": "wolf"}')
    with pytest.raises(FormatError, match=r"mask001\.tif: neither .* lists the label 2"):
        read_ctc(tmp_path)
    (folder / "res_track.txt").write_text("1 0 0 0\n2 1 1 0\n")
    file = read_ctc(tmp_path)
    assert [c.name for c in file.categories] == ["wolf", "cell"]
    assert [t.category_id for t in file.tracks] == [1, 2]


def lines_of(folder: Path) -> list[str]:
    return (folder / "01_RES" / "res_track.txt").read_text().splitlines()


def test_divisions_are_written_and_read_again(tmp_path: Path) -> None:
    a, b, c = box(0, 8), box(0, 3), box(5, 8)
    file = YtvisFile(
        (video(5),),
        CLASSES,
        (
            YtvisTrack(7, 1, 1, (a, None, a, None, None)),  # with a gap
            YtvisTrack(8, 1, 1, (None, None, None, b, b), parent_id=7),
            YtvisTrack(9, 1, 1, (None, None, None, c, None), parent_id=7),
        ),
    )
    write_ctc(file, tmp_path / "out")
    assert lines_of(tmp_path / "out") == ["7 0 0 0", "8 3 4 10", "9 3 3 10", "10 2 2 7"]
    tracks = read_ctc(tmp_path / "out").tracks
    assert [t.segmentations for t in tracks] == [t.segmentations for t in file.tracks]
    assert [t.parent_id for t in tracks] == [None, 1, 1]


def test_a_mother_that_goes_on_ends_where_her_bud_begins(tmp_path: Path) -> None:
    a, b = box(0, 5), box(7, 9)
    file = YtvisFile(
        (video(4),),
        CLASSES,
        (YtvisTrack(1, 1, 1, (a,) * 4), YtvisTrack(2, 1, 1, (None, None, b, b), parent_id=1)),
    )
    write_ctc(file, tmp_path / "out")
    assert sorted(lines_of(tmp_path / "out")) == ["1 0 1 0", "2 2 3 1", "3 2 3 1"]
    tracks = read_ctc(tmp_path / "out").tracks
    assert sorted(t.parent_id or 0 for t in tracks) == [0, 1, 1]
    assert np.unique(read_labels(tmp_path / "out" / "01_RES" / "mask003.tif")).tolist() == [0, 2, 3]


def test_labels_are_the_numbers_of_tracks_and_are_told_again(tmp_path: Path) -> None:
    tracks = (
        YtvisTrack(300, 1, 1, (box(0, 3), None, box(0, 3))),
        YtvisTrack(12, 1, 1, (None, box(4, 7), box(4, 7))),
        YtvisTrack(70_000, 1, 1, (box(8, 11),) * 3),  # more than 16 bits hold
    )
    write_ctc(YtvisFile((video(3),), CLASSES, tracks), tmp_path / "out")
    assert lines_of(tmp_path / "out") == ["12 1 2 0", "300 0 0 0", "301 0 2 0", "302 2 2 300"]
    back = read_ctc(tmp_path / "out").tracks
    assert {t.label: t.segmentations for t in back} == {
        "300": tracks[0].segmentations,
        "12": tracks[1].segmentations,
        "301": tracks[2].segmentations,
    }


def test_where_numbers_run_out_those_of_tracks_that_are_not_seen_yet_are_given() -> None:
    labels = _Labels([3, 65_535, 0, 65_536])
    assert [labels.own(65_535), labels.free(), labels.free(), labels.free()] == [65_535, 1, 2, 4]
    given = [labels.free() for _ in range(65_535 - 4)]
    assert (given[-2:], len(set(given))) == ([65_534, 3], 65_531)
    assert labels.own(3) > 65_535  # given away meanwhile


def test_mothers_that_are_cut_are_counted_once(tmp_path: Path) -> None:
    a, b, c = box(0, 4), box(5, 7), box(8, 10)
    tracks = (
        YtvisTrack(1, 1, 1, (a,) * 4),
        YtvisTrack(2, 1, 1, (None, b, b, b), parent_id=1),
        YtvisTrack(3, 1, 1, (None, None, c, c), parent_id=1),
    )
    file = YtvisFile((video(4),), CLASSES, tracks)
    assert write_ctc_frames(FileFrames(file), tmp_path / "out") == CtcLosses(0, 1)


def test_a_parent_that_was_never_seen_before_is_none(tmp_path: Path) -> None:
    a, b = box(0, 5), box(7, 9)
    tracks = (
        YtvisTrack(1, 1, 1, (None, None, a)),  # begins after what is said to descend from it
        YtvisTrack(2, 1, 1, (b, b, b), parent_id=1),
        YtvisTrack(3, 1, 1, (None, box(10, 12), None), parent_id=99),
    )
    write_ctc(YtvisFile((video(3),), CLASSES, tracks), tmp_path / "out")
    assert sorted(line.split()[3] for line in lines_of(tmp_path / "out")) == ["0", "0", "0"]


def test_daughters_that_divide_on_the_frame_on_which_they_begin(tmp_path: Path) -> None:
    a, b, c = box(0, 3), box(4, 7), box(8, 11)
    tracks = (
        YtvisTrack(1, 1, 1, (a, None)),
        YtvisTrack(2, 1, 1, (None, b), parent_id=1),
        YtvisTrack(3, 1, 1, (None, c), parent_id=2),
    )
    write_ctc(YtvisFile((video(2),), CLASSES, tracks), tmp_path / "out")
    assert sorted(lines_of(tmp_path / "out")) == ["1 0 0 0", "2 1 1 1", "3 1 1 0"]
