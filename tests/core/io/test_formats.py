"""Round trips through every annotation format."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask

from ifc_core.errors import FormatError, OutputError
from ifc_core.io.coco import read_coco, write_coco
from ifc_core.io.ctc import read_ctc, write_ctc
from ifc_core.io.davis import read_davis, write_davis
from ifc_core.io.mots import read_mots, write_mots
from ifc_core.io.ytvis import (
    TrackDetails,
    VideoDetails,
    YtvisFile,
    YtvisTrack,
    YtvisVideo,
    iter_ytvis_results,
    read_ytvis,
    validate_ytvis,
    validate_ytvis_results,
    write_ytvis,
    write_ytvis_results,
)
from ifc_core.structures import Category, FrameState, MaskSource, RLEMask, TrackState

CATEGORIES = (Category(1, "dog", "animal", (1, 2, 3), "d"), Category(3, "Wölfin 犬"))
FAST = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def _mask(draw: st.DrawFn, size: tuple[int, int]) -> RLEMask:
    bits = draw(st.integers(0, 2 ** (size[0] * size[1]) - 1))
    flat = [bits >> i & 1 for i in range(size[0] * size[1])]
    return RLEMask.from_array(np.array(flat, dtype=bool).reshape(size))


@st.composite
def files(draw: st.DrawFn, *, details: bool = True) -> YtvisFile:
    videos, tracks = [], []
    for number in range(draw(st.integers(1, 3))):
        size = (draw(st.integers(1, 6)), draw(st.integers(1, 6)))
        length = draw(st.integers(1, 4))
        names = tuple(f"v{number}/{frame:05d}.jpg" for frame in range(length))
        about = None
        if details and draw(st.booleans()):
            flags = tuple(draw(st.lists(st.booleans(), min_size=length, max_size=length)))
            indices = tuple(range(0, 5 * length, 5))
            about = VideoDetails(flags, 29.97, "12-ab", "clip.mp4", indices)
        videos.append(YtvisVideo(7 + number, *size, length, names, about))
        for _ in range(draw(st.integers(0, 3))):
            masks = tuple(_mask(draw, size) if draw(st.booleans()) else None for _ in range(length))
            tracks.append(
                YtvisTrack(
                    len(tracks) + 1,
                    7 + number,
                    draw(st.sampled_from([1, 3])),
                    masks,
                    is_crowd=draw(st.booleans()) and not details,
                    details=_track_details(draw, masks) if details else None,
                )
            )
    return YtvisFile(tuple(videos), CATEGORIES, tuple(tracks), {"description": "test"})


def _track_details(draw: st.DrawFn, masks: tuple[RLEMask | None, ...]) -> TrackDetails | None:
    if draw(st.booleans()):
        return None
    seen = [s for s in FrameState if s is not FrameState.ABSENT]
    states = tuple(
        draw(st.sampled_from([None, FrameState.ABSENT]))
        if m is None
        else draw(st.sampled_from(seen))
        for m in masks
    )
    sources = tuple(draw(st.sampled_from([None, *MaskSource])) for _ in masks)
    state = draw(st.sampled_from(list(TrackState)))
    return TrackDetails(states, sources, draw(st.integers(-5, 5)), state, (9, 8, 7), 'Rex "2"')


def _without_areas(file: YtvisFile) -> YtvisFile:
    tracks = tuple(
        YtvisTrack(
            t.id, t.video_id, t.category_id, t.segmentations, t.is_crowd, t.score, (), t.details
        )
        for t in file.tracks
    )
    return YtvisFile(file.videos, file.categories, tracks, file.info)


@FAST
@given(files())
def test_ytvis_round_trip_is_the_identity(tmp_path: Path, file: YtvisFile) -> None:
    path = tmp_path / "a.json"
    write_ytvis(file, path)
    assert validate_ytvis(path) == []
    assert _without_areas(read_ytvis(path)) == file


@FAST
@given(files(details=False))
def test_areas_and_boxes_are_those_of_pycocotools(tmp_path: Path, file: YtvisFile) -> None:
    path = tmp_path / "a.json"
    write_ytvis(file, path)
    for raw, track in zip(json.loads(path.read_text())["annotations"], file.tracks, strict=True):
        for i, mask in enumerate(track.segmentations):
            if mask is None:
                assert raw["segmentations"][i] is raw["areas"][i] is raw["bboxes"][i] is None
            else:
                assert coco_mask.decode(raw["segmentations"][i]).sum() == raw["areas"][i]
                assert coco_mask.toBbox(raw["segmentations"][i]).tolist() == raw["bboxes"][i]


def test_a_track_of_many_hundred_masks_is_written(tmp_path: Path) -> None:
    length = 600
    masks = [np.zeros((6, 8), dtype=np.uint8) for _ in range(length)]
    for number, mask in enumerate(masks):
        mask[1 : 2 + number % 5, 2 : 3 + number % 6] = 1
    names = tuple(f"long/{f:05d}.jpg" for f in range(length))
    video = YtvisVideo(1, 6, 8, length, names)
    track = YtvisTrack(1, 1, 1, tuple(RLEMask.from_array(m) for m in masks))
    write_ytvis(YtvisFile((video,), (Category(1, "dog"),), (track,)), tmp_path / "long.json")
    (read,) = read_ytvis(tmp_path / "long.json").tracks
    assert read.segmentations == track.segmentations
    assert read.areas == tuple(float(m.sum()) for m in masks)
    assert validate_ytvis(tmp_path / "long.json") == []


@FAST
@given(files(details=False), st.data())
def test_results_round_trip(tmp_path: Path, file: YtvisFile, data: st.DataObject) -> None:
    path = tmp_path / "r.json"
    results = tuple(
        YtvisTrack(n, t.video_id, t.category_id, t.segmentations, False, data.draw(st.floats(0, 1)))
        for n, t in enumerate(file.tracks, start=1)
    )
    assert write_ytvis_results(results, path) == len(results)
    assert tuple(iter_ytvis_results(path, file.header)) == results
    assert validate_ytvis_results(path, file.header) == []


@FAST
@given(files(details=False))
def test_coco_round_trip_keeps_overlaps_and_tracks(tmp_path: Path, file: YtvisFile) -> None:
    path = tmp_path / "c.json"
    number = write_coco(file, path)
    assert number == sum(m is not None for t in file.tracks for m in t.segmentations)
    back = read_coco(path)
    assert [(v.id, v.file_names) for v in back.videos] == [
        (v.id, v.file_names) for v in file.videos
    ]
    kept = tuple(t for t in file.tracks if any(m is not None for m in t.segmentations))
    assert back.tracks == kept
    assert [c.name for c in back.categories] == [c.name for c in CATEGORIES]


def _visible(file: YtvisFile) -> tuple[dict[tuple[int, int], np.ndarray], int]:
    """(video, frame) -> id of the topmost track; and how many pixels are hidden."""
    tops, hidden = {}, 0
    for video in file.videos:
        for frame in range(video.length):
            top = np.zeros((video.height, video.width), dtype=int)
            own = [t for t in file.tracks if t.video_id == video.id]
            own.sort(key=lambda t: (not t.is_crowd, t.details.z_order if t.details else 0, t.id))
            for track in own:
                mask = track.segmentations[frame]
                if mask is not None:
                    array = mask.to_array()
                    hidden += int((array & (top > 0)).sum())
                    top[array] = track.id
            tops[video.id, frame] = top
    return tops, hidden


def _check_flat(file: YtvisFile, back: YtvisFile, hidden: int) -> None:
    """Every original track must be found again with its visible pixels, in its own class."""
    tops, expected_hidden = _visible(file)
    assert hidden == expected_hidden
    by_name = {v.name: v for v in back.videos}
    names = {c.id: c.name for c in back.categories}
    for video in file.videos:
        other = by_name[video.name]
        found = [t for t in back.tracks if t.video_id == other.id]
        visible_tracks = [
            t
            for t in file.tracks
            if t.video_id == video.id
            and any((tops[video.id, f] == t.id).any() for f in range(video.length))
        ]
        assert len(found) == len(visible_tracks)
        for track in visible_tracks:
            wanted = [tops[video.id, f] == track.id for f in range(video.length)]
            kind = next(c.name for c in CATEGORIES if c.id == track.category_id)
            assert any(
                names[t.category_id] == kind
                and all(
                    np.array_equal(_array(t, f, wanted[f].shape), wanted[f])
                    for f in range(video.length)
                )
                for t in found
            )


def _array(track: YtvisTrack, frame: int, shape: tuple[int, ...]) -> np.ndarray:
    mask = track.segmentations[frame] if frame < len(track.segmentations) else None
    return np.zeros(shape, dtype=bool) if mask is None else mask.to_array()


@pytest.mark.parametrize(
    ("write", "read"), [(write_davis, read_davis), (write_mots, read_mots), (write_ctc, read_ctc)]
)
@FAST
@given(file=files())
def test_what_is_visible_is_kept_where_masks_may_not_overlap(
    tmp_path_factory: pytest.TempPathFactory,
    write: Callable[[YtvisFile, Path], int],
    read: Callable[[Path], YtvisFile],
    file: YtvisFile,
) -> None:
    if write is write_ctc:  # which knows no crowds
        file = replace(file, tracks=tuple(t for t in file.tracks if not t.is_crowd))
    root = tmp_path_factory.mktemp("flat") / "out"
    hidden = write(file, root)
    _check_flat(file, read(root), hidden)


def _two_track_file() -> YtvisFile:
    left = np.zeros((4, 6), dtype=bool)
    left[:, :4] = True
    right = np.zeros((4, 6), dtype=bool)
    right[:, 2:] = True
    video = YtvisVideo(1, 4, 6, 2, ("v/00000.jpg", "v/00001.jpg"))
    tracks = (
        YtvisTrack(1, 1, 1, (RLEMask.from_array(left), None)),
        YtvisTrack(2, 1, 3, (RLEMask.from_array(right), RLEMask.from_array(right))),
    )
    return YtvisFile((video,), CATEGORIES, tracks)


def test_mots_text_says_the_same_as_its_pictures(tmp_path: Path) -> None:
    file = _two_track_file()
    assert write_mots(file, tmp_path / "out") == 8
    pictures = read_mots(tmp_path / "out")
    for png in (tmp_path / "out" / "instances").rglob("*.png"):
        png.unlink()
    texts = read_mots(tmp_path / "out")
    assert [t.segmentations for t in texts.tracks] == [t.segmentations for t in pictures.tracks]
    line = (tmp_path / "out" / "instances_txt" / "v.txt").read_text().splitlines()[0].split()
    assert line[:5] == ["0", "1000", "1", "4", "6"]


def test_davis_layout_and_palette(tmp_path: Path) -> None:
    assert write_davis(_two_track_file(), tmp_path / "out") == 8
    file = tmp_path / "out" / "Annotations" / "Full-Resolution" / "v" / "00000.png"
    with Image.open(file) as image:
        assert image.mode == "P"
        assert np.asarray(image).tolist() == [[1, 1, 2, 2, 2, 2]] * 4
        assert image.getpalette()[:3] == [0, 0, 0]
    assert (tmp_path / "out" / "ImageSets" / "2017" / "all.txt").read_text() == "v\n"


def test_davis_2016_has_one_object_in_white(tmp_path: Path) -> None:
    folder = tmp_path / "Annotations" / "480p" / "bear"
    folder.mkdir(parents=True)
    picture = np.zeros((4, 6), dtype=np.uint8)
    picture[1:3, 1:3] = 255
    Image.fromarray(picture).save(folder / "00000.png")
    file = read_davis(tmp_path)
    (track,) = file.tracks
    assert not track.is_crowd
    assert track.segmentations[0].area == 4


@pytest.mark.parametrize("classes", [{"one": "dog"}, {"1": ""}, {"1": "  "}, {"-1": "dog"}])
def test_davis_classes_are_known_by_number(classes: dict[str, str], tmp_path: Path) -> None:
    write_davis(_two_track_file(), tmp_path / "out")
    (tmp_path / "out" / "davis_semantics.json").write_text(json.dumps({"v": classes}))
    with pytest.raises(FormatError, match="known by its number"):
        read_davis(tmp_path / "out")


def test_a_label_picture_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_davis(_two_track_file(), tmp_path / "out")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # as one of 24 pixels is to this limit
    with pytest.raises(FormatError, match="too large"):
        read_davis(tmp_path / "out")


@pytest.mark.parametrize("write", [write_davis, write_mots])
def test_folder_formats_do_not_touch_what_is_there(write, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious.txt").write_text("x")
    with pytest.raises(OutputError, match="exists already"):
        write(_two_track_file(), tmp_path / "out")
    assert [p.name for p in tmp_path.rglob("*")] == ["out", "precious.txt"]


@pytest.mark.parametrize("name", ["../up/0.jpg", "/abs/0.jpg", "a/../../b/0.jpg"])
def test_folder_formats_refuse_names_that_leave_the_folder(name: str, tmp_path: Path) -> None:
    file = YtvisFile((YtvisVideo(1, 4, 6, 1, (name,)),), CATEGORIES, ())
    for write in (write_davis, write_mots):
        with pytest.raises(FormatError, match="cannot be used"):
            write(file, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 1000 1 4", "expected"),
        ("0 1000 2 4 6 h0", "does not belong"),
        ("0 1000 1 4 6 zzzz", "line 1"),
        ("0 1000 1 99999 99999 h0", "line 1"),
        ("x 1000 1 4 6 h0", "expected"),
    ],
)
def test_broken_mots_text(line: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text(line + "\n")
    with pytest.raises(FormatError, match=words):
        read_mots(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image_id": 99}, "no image"),
        ({"category_id": 99}, "no category"),
        ({"segmentation": {"size": [4, 6], "counts": "zz"}}, "segmentation"),
        ({"segmentation": [[0, 0, 1e300, 0, 1, 1]]}, "outside"),
        ({"segmentation": [[0, 0, 1]]}, "three points"),
        ({"segmentation": []}, "boxes alone"),
        ({"segmentation": None}, "boxes alone"),
    ],
)
def test_broken_coco(change: dict[str, object], words: str, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    write_coco(_two_track_file(), path)
    raw = json.loads(path.read_text())
    raw["annotations"][0].update(change)
    path.write_text(json.dumps(raw))
    with pytest.raises(FormatError, match=words):
        read_coco(path)


def test_coco_whose_classes_begin_with_0(tmp_path: Path) -> None:
    mask = RLEMask.from_array(np.ones((4, 6), dtype=bool)).to_coco()
    raw = {
        "images": [{"id": 0, "file_name": "a.jpg", "height": 4, "width": 6}],
        "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
        "annotations": [
            {"id": n, "image_id": 0, "category_id": n, "segmentation": mask} for n in range(2)
        ],
    }
    path = tmp_path / "c.json"
    path.write_text(json.dumps(raw))
    file = read_coco(path)
    names = {category.id: category.name for category in file.categories}
    assert names == {2: "cat", 1: "dog"}
    assert [names[track.category_id] for track in file.tracks] == ["cat", "dog"]


def test_plain_coco_is_one_video_an_image(tmp_path: Path) -> None:
    raw = {
        "images": [{"id": i, "file_name": f"{i}.jpg", "height": 10, "width": 8} for i in (4, 9)],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [
            {"id": 1, "image_id": 9, "category_id": 1, "segmentation": [[1, 1, 5, 1, 5, 5, 1, 5]]},
            {
                "id": 2,
                "image_id": 9,
                "category_id": 1,
                "iscrowd": 1,
                "segmentation": {"size": [10, 8], "counts": [10, 10, 60]},
            },
        ],
    }
    path = tmp_path / "c.json"
    path.write_text(json.dumps(raw))
    file = read_coco(path)
    assert [(v.id, v.length) for v in file.videos] == [(4, 1), (9, 1)]
    assert [t.segmentations[0].area for t in file.tracks] == [16, 10]
    assert [t.is_crowd for t in file.tracks] == [False, True]
