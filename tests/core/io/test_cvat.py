"""XML of CVAT: tracks of videos, shapes of images, and what is wrong with either."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from ifc_core.errors import FormatError
from ifc_core.io.cvat import _Reading, is_cvat, iter_cvat
from ifc_core.io.drawn_shapes import rows_mask, rows_of
from ifc_core.io.pending_tracks import PendingTracks
from ifc_core.io.ytvis_types import YtvisFile, YtvisHeader
from ifc_core.jobs import JobContext
from ifc_core.structures import RLEMask

SIZE = (40, 60)
TASK = (
    "<meta><task><id>7</id><name>shot</name><size>6</size><mode>interpolation</mode>"
    "<start_frame>0</start_frame><stop_frame>5</stop_frame><frame_filter></frame_filter>"
    "<labels><label><name>cat</name><color>#0a141e</color></label>"
    "<label><name>dog</name></label><label><name>paw</name><parent>cat</parent></label></labels>"
    "<original_size><width>60</width><height>40</height></original_size></task>"
    "<dumped>today</dumped><source>film.mp4</source></meta>"
)
SQUARE = 'points="10.00,5.00;30.00,5.00;30.00,15.00;10.00,15.00"'


def document(*parts: str) -> str:
    head = '<?xml version="1.0" encoding="utf-8"?>'
    return "\n".join([head, "<annotations>", "<version>1.1</version>", *parts, "</annotations>"])


def read(path: Path, text: str) -> tuple[YtvisFile, list[str]]:
    path.write_text(text, encoding="utf-8")
    return read_file(path)


def read_file(path: Path) -> tuple[YtvisFile, list[str]]:
    header, tracks = pending(path)
    return YtvisFile(header.videos, tuple(header.categories), tuple(tracks)), list(tracks.notes)


def pending(path: Path) -> tuple[YtvisHeader, PendingTracks]:
    steps = iter_cvat(path, JobContext())
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def track(number: int, label: str, *shapes: str) -> str:
    return f'<track id="{number}" label="{label}" source="manual">{"".join(shapes)}</track>'


def shape(frame: int, *, outside: int = 0, kind: str = "polygon", told: str = SQUARE) -> str:
    return (
        f'<{kind} frame="{frame}" keyframe="1" outside="{outside}" occluded="0" {told} z_order="0">'
        f'<attribute name="age">3</attribute></{kind}>'
    )


def image(number: int, name: str, *shapes: str, size: tuple[int, int] = SIZE) -> str:
    sides = f'width="{size[1]}" height="{size[0]}"'
    return f'<image id="{number}" name="{name}" {sides}>{"".join(shapes)}</image>'


def square() -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[5:15, 10:30] = True
    return mask


def test_tracks_of_a_video_have_their_shapes_until_they_are_outside(tmp_path: Path) -> None:
    cat = track(0, "cat", shape(1), shape(2), shape(3, outside=1))
    dog = track(1, "dog", shape(5))
    file, notes = read(tmp_path / "a.xml", document(TASK, cat, dog))
    (video,) = file.videos
    assert (video.name, video.length, video.height, video.width) == ("film", 6, *SIZE)
    assert not video.numbers
    assert [c.name for c in file.categories] == ["cat", "dog"]
    assert file.categories[0].color_rgb == (10, 20, 30)
    assert [(t.category_id, t.label) for t in file.tracks] == [(1, "0"), (2, "1")]
    shown = [[m is not None for m in t.segmentations] for t in file.tracks]
    assert shown == [[False, True, True, False, False, False], [False] * 5 + [True]]
    assert (file.tracks[0].segmentations[1].to_array() == square()).all()
    assert notes == []


def test_frames_of_a_part_of_a_video_keep_their_numbers(tmp_path: Path) -> None:
    meta = TASK.replace("<start_frame>0<", "<start_frame>20<")
    meta = meta.replace("<stop_frame>5<", "<stop_frame>30<").replace(
        "<frame_filter></frame_filter>", "<frame_filter>step=5</frame_filter>"
    )
    file, _ = read(tmp_path / "a.xml", document(meta, track(0, "cat", shape(25))))
    (video,) = file.videos
    assert list(video.numbers) == [20, 25, 30]
    assert [m is not None for m in file.tracks[0].segmentations] == [False, True, False]
    with pytest.raises(FormatError, match="line 5: there is no frame 26"):
        read(tmp_path / "b.xml", document(meta, track(0, "cat", shape(26))))


def test_masks_are_runs_along_the_rows_of_their_box(tmp_path: Path) -> None:
    inside = np.array([[1, 1, 0], [0, 1, 0]], bool)
    runs = ", ".join(map(str, rows_of(inside)))
    assert runs == "0, 2, 2, 1, 1"
    told = f'rle="{runs}" left="4" top="3" width="3" height="2"'
    file, _ = read(
        tmp_path / "a.xml", document(TASK, track(0, "cat", shape(0, kind="mask", told=told)))
    )
    wanted = np.zeros(SIZE, bool)
    wanted[3:5, 4:7] = inside
    assert (file.tracks[0].segmentations[0].to_array() == wanted).all()


@pytest.mark.parametrize("seed", range(5))
def test_runs_along_rows_come_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inside = rng.random(tuple(rng.integers(1, 9, 2))) < 0.5
    height, width = inside.shape
    mask = rows_mask(rows_of(inside), (60 - width, 0, width, height), SIZE).to_array()
    assert (mask[:height, 60 - width :] == inside).all()
    assert mask.sum() == inside.sum()


def test_an_ellipse_may_be_turned(tmp_path: Path) -> None:
    told = 'cx="30.00" cy="20.00" rx="12.00" ry="4.00" rotation="90.00"'
    text = document(TASK, track(0, "cat", shape(0, kind="ellipse", told=told)))
    file, _ = read(tmp_path / "a.xml", text)
    mask = file.tracks[0].segmentations[0]
    assert mask.bbox_xywh == (26, 8, 8, 24)
    assert mask.area == pytest.approx(np.pi * 12 * 4, rel=0.03)


def test_a_box_becomes_a_region_to_ignore(tmp_path: Path) -> None:
    told = 'xtl="10.00" ytl="5.00" xbr="30.00" ybr="15.00"'
    text = document(TASK, track(0, "cat", shape(0, kind="box", told=told), shape(1, outside=1)))
    file, notes = read(tmp_path / "a.xml", text)
    assert file.tracks[0].is_crowd
    assert (file.tracks[0].segmentations[0].to_array() == square()).all()
    assert len(notes) == 1
    assert notes[0].startswith("1 box without a mask")
    assert pending(tmp_path / "a.xml")[1].incomplete == frozenset()


def test_what_has_no_inside_makes_no_frame_complete(tmp_path: Path) -> None:
    line = shape(0, kind="polyline", told='points="1.00,1.00;9.00,9.00"')
    skeleton = (
        '<skeleton frame="1" keyframe="1" z_order="0"><points label="paw" keyframe="1" outside="0" '
        'occluded="0" points="3.00,3.00"></points></skeleton>'
    )
    text = document(TASK, track(0, "cat", line, skeleton), track(1, "dog", shape(0)))
    _, notes = read(tmp_path / "a.xml", text)
    assert notes == [
        "Shapes without an inside were left out (1 x polyline, 1 x skeleton), so no frame of their "
        "videos counts as complete."
    ]
    assert pending(tmp_path / "a.xml")[1].incomplete == {1}


def test_gaps_that_nothing_explains_are_told(tmp_path: Path) -> None:
    known = track(0, "cat", shape(0), shape(1, outside=1), shape(4))
    _, notes = read(tmp_path / "a.xml", document(TASK, known))
    assert notes == []
    _, notes = read(tmp_path / "b.xml", document(TASK, track(0, "cat", shape(0), shape(4))))
    assert len(notes) == 1
    assert notes[0].startswith("1 gap between the shapes of tracks")


def test_shapes_of_images_are_joined_by_their_group(tmp_path: Path) -> None:
    told = f'label="cat" occluded="0" {SQUARE}'
    other = told.replace("30.00", "40.00")
    pictures = [
        image(0, "cam/0.jpg", f'<polygon {told} group_id="3"/>', f"<polygon {told}/>"),
        image(1, "cam/1.jpg"),
        image(
            4,
            "cam/4.jpg",
            f'<polygon {told} group_id="3"/>',
            f'<polygon {other} group_id="3"/>',
            f"<polygon {told}/>",
        ),
    ]
    meta = TASK.replace("interpolation", "annotation")
    file, _ = read(tmp_path / "a.xml", document(meta, *pictures))
    (video,) = file.videos
    assert video.file_names == ("cam/0.jpg", "cam/1.jpg", "cam/4.jpg")
    assert video.numbers == (0, 1, 4)
    shown = {t.label: [m is not None for m in t.segmentations] for t in file.tracks}
    assert shown["3"] == [True, False, True]
    assert len(file.tracks) == 3  # each of the others is by itself
    joined = next(t for t in file.tracks if t.label == "3").segmentations[2]
    assert joined.bbox_xywh == (10, 5, 30, 10)


def test_images_of_other_folders_and_sizes_are_other_videos(tmp_path: Path) -> None:
    pictures = [
        image(0, "a/0.jpg"),
        image(1, "a/1.jpg", size=(20, 30)),
        image(2, "b/0.jpg"),
        image(3, "a/2.jpg"),
    ]
    file, _ = read(tmp_path / "a.xml", document(TASK, *pictures))
    told = [(v.name, v.height, v.length) for v in file.videos]
    assert told == [("a", 40, 2), ("a", 20, 1), ("b", 40, 1)]


def test_images_without_a_folder_are_looked_for_beside_the_file(tmp_path: Path) -> None:
    text = document(TASK, image(0, "0.jpg"), image(1, "1.jpg"))
    assert read(tmp_path / "a.xml", text)[0].videos[0].name == "film"
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "0.jpg").touch()
    assert read(tmp_path / "a.xml", text)[0].videos[0].name == "images"


def test_tasks_of_a_project_are_videos(tmp_path: Path) -> None:
    one = TASK.removeprefix("<meta>").partition("<dumped>")[0]
    other = one.replace("<id>7<", "<id>8<").replace("shot", "other")
    meta = f"<meta><project><name>p</name><tasks>{one}{other}</tasks></project></meta>"
    tracks = [
        track(n, "cat", shape(0)).replace("<track", f'<track task_id="{task}"')
        for n, task in enumerate((8, 7))
    ]
    file, _ = read(tmp_path / "a.xml", document(meta, *tracks))
    assert [v.name for v in file.videos] == ["other", "shot"]
    assert [t.video_id for t in file.tracks] == [1, 2]


def test_a_download_is_read_as_it_comes(tmp_path: Path) -> None:
    packed = tmp_path / "task.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("annotations.xml", document(TASK, track(0, "cat", shape(1))))
        archive.writestr("images/frame_000000.PNG", b"")
    assert is_cvat(packed, packed.read_bytes()[:1000])
    assert not is_cvat(packed.with_suffix(".docx"), packed.read_bytes()[:1000])
    assert len(read_file(packed)[0].tracks) == 1
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(FormatError, match=r"other\.zip needs one annotations\.xml and has none"):
        read_file(other)
    packed.write_bytes(packed.read_bytes()[:-40])  # a download that broke off
    with pytest.raises(FormatError):
        read_file(packed)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("<html></html>", "line 1: expected <annotations>"),
        ("<annotations><version>", "valid XML"),
        ("", "valid XML"),
        (
            '<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>',
            "a document type has no place",
        ),
        (document(TASK.replace("original_size", "size_of")), ""),
        (document(track(0, "cat", shape(0))), "how large the frames"),
        (document(TASK, track(0, "cat", shape(6))), "there is no frame 6"),
        (document(TASK, track(0, "cat", shape(0), shape(0))), "two shapes on frame 0"),
        (document(TASK, track(0, "", shape(0))), "expected the name of a class"),
        (document(TASK, track(0, "cat", shape(0, told='points="1,1;2,2"'))), "three points"),
        (document(TASK, track(0, "cat", shape(0, told='points="a,b;c"'))), "cannot be read"),
        (document(TASK, track(0, "cat", shape(0, told='points="nan,1;2,2;3,1"'))), "finite"),
        (document(TASK, track(0, "cat", shape(0, told='points="1e9,1;2,2;3,1"'))), "outside"),
        (
            document(
                TASK,
                track(
                    0,
                    "cat",
                    shape(0, kind="mask", told='rle="0, 9" left="58" top="0" width="3" height="3"'),
                ),
            ),
            "outside its frame",
        ),
        (
            document(
                TASK,
                track(
                    0,
                    "cat",
                    shape(0, kind="mask", told='rle="0, 8" left="0" top="0" width="3" height="3"'),
                ),
            ),
            "do not fill its box",
        ),
        (
            document(
                TASK,
                track(0, "cat", shape(0, kind="ellipse", told='cx="1" cy="1" rx="0.00" ry="1.00"')),
            ),
            "radii",
        ),
        (document(image(0, "../a.jpg")), "no path inside"),
        (document(image(0, "a.jpg", size=(0, 5))), "5x0 pixels"),
        (document(image(3, "a.jpg"), image(3, "b.jpg")), "comes after 3"),
        (document(TASK.replace("<stop_frame>5<", "<stop_frame>99999999<")), "frames at most"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(tmp_path: Path, text: str, match: str) -> None:
    if not match:  # a size is asked for only where there are tracks
        assert read(tmp_path / "a.xml", text)[0].tracks == ()
        return
    with pytest.raises(FormatError, match=match):
        read(tmp_path / "a.xml", text)


def test_a_polygon_may_reach_over_the_edge(tmp_path: Path) -> None:
    told = 'points="-3.00,-2.00;70.00,-2.00;70.00,50.00;-3.00,50.00"'
    file, _ = read(tmp_path / "a.xml", document(TASK, track(0, "cat", shape(0, told=told))))
    assert file.tracks[0].segmentations[0] == RLEMask.from_array(np.ones(SIZE, bool))


def test_images_of_no_folder_do_not_go_to_that_of_others(tmp_path: Path) -> None:
    names = ("far/1.png", "2.png", "far/2.png", "3.png")
    images = [image(number, name) for number, name in enumerate(names)]
    file, _ = read(tmp_path / "a.xml", document(*images))
    found = [video.file_names for video in file.videos]
    assert found == [("far/1.png", "far/2.png"), ("a/2.png", "a/3.png")]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("<annotations>" + "<a>" * 101, "100 elements lie in one another"),
        (document(f'<image id="{"0" * (17 << 20)}"/>'), "more than 16 MB"),
        ('<?xml version="1.0" encoding="x-none"?><annotations/>', "encoding is not known"),
    ],
    ids=["deep", "long", "encoding"],
)
def test_what_would_fill_the_memory_is_refused(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(FormatError, match=match):
        read(tmp_path / "a.xml", text)


def test_a_text_of_any_length_is_cut(tmp_path: Path) -> None:
    reading = _Reading(tmp_path / "a.xml")
    reading.feed(b"<annotations><meta><dumped>")
    for _ in range(100):
        reading.feed(b"x" * (1 << 16))
    assert sum(map(len, reading._texts)) <= 1 << 16


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_damaged_download_is_told(tmp_path: Path, compression: int) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("annotations.xml", document(*(image(n, f"{n}.png") for n in range(99))))
    raw = bytearray(path.read_bytes())
    raw[90:130] = b"\xff" * 40
    path.write_bytes(raw)
    with pytest.raises(FormatError, match="cannot be read"):
        read_file(path)


def test_a_download_with_a_password_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("annotations.xml", document(TASK))
    raw = bytearray(path.read_bytes())
    raw[raw.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    with pytest.raises(FormatError, match="a password"):
        read_file(path)
