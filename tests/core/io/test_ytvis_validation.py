"""Every fault of a YouTube-VIS file is found, with its place; nothing hangs or crashes."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ifc_core.errors import FormatError
from ifc_core.io.ytvis import (
    read_ytvis,
    read_ytvis_header,
    validate_ytvis,
    validate_ytvis_results,
)
from ifc_core.structures import RLEMask


def _mask(height: int = 6, width: int = 8) -> RLEMask:
    array = np.zeros((height, width), dtype=bool)
    array[1:4, 2:7] = True
    return RLEMask.from_array(array)


def _sound() -> dict[str, Any]:
    mask = _mask()
    track = {
        "video_id": 1,
        "category_id": 2,
        "iscrowd": 0,
        "height": 6,
        "width": 8,
        "length": 2,
        "segmentations": [mask.to_coco(), None],
        "areas": [15, None],
        "bboxes": [[2.0, 1.0, 5.0, 3.0], None],
        "ifc_studio": {
            "states": [["approved", 1], ["absent", 1]],
            "sources": [["human", 1], [None, 1]],
            "z_order": 3,
            "state": "approved",
            "name": "Rex",
            "color": [1, 2, 3],
        },
    }
    return {
        "info": {},
        "videos": [
            {
                "id": 1,
                "height": 6,
                "width": 8,
                "length": 2,
                "file_names": ["v/0.jpg", "v/1.jpg"],
                "ifc_studio": {"exhaustive": [[True, 2]], "fps": 25, "source": "clip.mp4"},
            }
        ],
        "categories": [{"id": 2, "name": "dog", "color": [1, 2, 3]}],
        "annotations": [{"id": 1, **copy.deepcopy(track)}, {"id": 2, **copy.deepcopy(track)}],
    }


def _write(path: Path, data: object) -> Path:
    path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
    return path


def _set(*keys: object, value: object) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        place: Any = data
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change


def _drop(*keys: object) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        place: Any = data
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]

    return change


A, V = ("annotations", 1), ("videos", 0)
HUGE = {"size": [6, 8], "counts": "o" * 10_000 + "0"}
FAULTS = {
    "no videos": (_drop("videos"), "", "videos"),
    "no categories": (_drop("categories"), "", "categories"),
    "no annotations": (_drop("annotations"), "", "annotations"),
    "videos no list": (_set("videos", value={}), "videos", "list"),
    "video id text": (_set(*V, "id", value="1"), "videos[0].id", "integer"),
    "video id bool": (_set(*V, "id", value=True), "videos[0].id", "integer"),
    "height 0": (_set(*V, "height", value=0), "videos[0].height", "1"),
    "width huge": (_set(*V, "width", value=10**12), "videos[0].width", "65536"),
    "length huge": (_set(*V, "length", value=10**15), "videos[0].length", "10000000"),
    "pixels huge": (
        lambda d: d["videos"][0].update(height=65000, width=65000),
        "videos[0]",
        "too large",
    ),
    "names short": (_set(*V, "file_names", value=["v/0.jpg"]), "videos[0].file_names", "1 names"),
    "name up": (
        _set(*V, "file_names", 1, value="../../etc/passwd"),
        "videos[0].file_names[1]",
        "leaves",
    ),
    "name absolute": (_set(*V, "file_names", 1, value="/a"), "videos[0].file_names[1]", "leaves"),
    "name drive": (_set(*V, "file_names", 1, value="C:\\a"), "videos[0].file_names[1]", "leaves"),
    "name backslash": (
        _set(*V, "file_names", 1, value="a\\..\\..\\b"),
        "videos[0].file_names[1]",
        "leaves",
    ),
    "name null byte": (
        _set(*V, "file_names", 1, value="a\0b"),
        "videos[0].file_names[1]",
        "leaves",
    ),
    "name half a character": (
        _set(*V, "file_names", 1, value="v/\ud800.jpg"),
        "videos[0].file_names[1]",
        "expected a name",
    ),
    "source half a character": (
        _set(*V, "ifc_studio", "source", value="\ud800.mp4"),
        "videos[0].ifc_studio.source",
        "text",
    ),
    "frame far away": (
        _set(*V, "ifc_studio", "frame_indices", value=[0, 4_000_000_000]),
        "videos[0].ifc_studio.frame_indices",
        "below 10000000",
    ),
    "video twice": (lambda d: d["videos"].append(d["videos"][0]), "videos[1].id", "twice"),
    "video id large": (_set(*V, "id", value=1 << 62), "videos[0].id", "to 4611686018427387903, "),
    "category id large": (
        _set("categories", 0, "id", value=1 << 62),
        "categories[0].id",
        "positive integer up to 4611686018427387903, ",
    ),
    "annotation id large": (
        _set(*A, "id", value=1 << 62),
        "annotations[1].id",
        "from 0 to 4611686018427387903, ",
    ),
    "category id 0": (_set("categories", 0, "id", value=0), "categories[0].id", "positive"),
    "category unnamed": (_set("categories", 0, "name", value=" "), "categories[0].name", "name"),
    "category half a character": (
        _set("categories", 0, "name", value="do\ud800"),
        "categories[0].name",
        "name",
    ),
    "supercategory half a character": (
        _set("categories", 0, "supercategory", value="\udfff"),
        "categories[0].supercategory",
        "name",
    ),
    "category color": (
        _set("categories", 0, "color", value=[1, 2, 300]),
        "categories[0].color",
        "255",
    ),
    "names equal": (
        lambda d: d["categories"].append({"id": 5, "name": "dog"}),
        "categories",
        "both called",
    ),
    "names equal in another form": (
        lambda d: (
            d["categories"][0].update(name="K\u00e4fer"),
            d["categories"].append({"id": 5, "name": "Ka\u0308fer "}),
        ),
        "categories",
        "both called",
    ),
    "track twice": (_set(*A, "id", value=1), "annotations[1].id", "twice"),
    "track id 0": (_set(*A, "id", value=0), "annotations[1].id", "begin at 1"),
    "track id float": (_set(*A, "id", value=2.0), "annotations[1].id", "integer"),
    "track no object": (_set("annotations", 1, value=[]), "annotations[1]", "object"),
    "video unknown": (_set(*A, "video_id", value=7), "annotations[1].video_id", "no video"),
    "category unknown": (
        _set(*A, "category_id", value=7),
        "annotations[1].category_id",
        "no category",
    ),
    "crowd 2": (_set(*A, "iscrowd", value=2), "annotations[1].iscrowd", "0 or 1"),
    "length differs": (_set(*A, "length", value=3), "annotations[1].length", "2"),
    "masks short": (
        _set(*A, "segmentations", value=[None]),
        "annotations[1].segmentations",
        "2 frames",
    ),
    "masks text": (_set(*A, "segmentations", value="x"), "annotations[1].segmentations", "list"),
    "size swapped": (
        _set(*A, "segmentations", 0, "size", value=[8, 6]),
        "annotations[1].segmentations[0]",
        "6x8 where the video is 8x6",
    ),
    "size huge": (
        _set(*A, "segmentations", 0, "size", value=[10**9, 10**9]),
        "annotations[1].segmentations[0]",
        "impossible",
    ),
    "counts empty": (
        _set(*A, "segmentations", 0, "counts", value=""),
        "annotations[1].segmentations[0]",
        "count string",
    ),
    "counts garbage": (
        _set(*A, "segmentations", 0, "counts", value="~~~~~~~~~~~"),
        "annotations[1].segmentations[0]",
        "foreign",
    ),
    "counts endless": (
        _set(*A, "segmentations", 0, value=HUGE),
        "annotations[1].segmentations[0]",
        "number",
    ),
    "counts short": (
        _set(*A, "segmentations", 0, "counts", value="h0"),
        "annotations[1].segmentations[0]",
        "48",
    ),
    "counts list": (
        _set(*A, "segmentations", 0, "counts", value=[1, "a"]),
        "annotations[1].segmentations[0]",
        "48",
    ),
    "polygon outside": (
        _set(*A, "segmentations", 0, value=[[0, 0, 1e9, 0, 0, 1e9]]),
        "annotations[1].segmentations[0]",
        "outside",
    ),
    "polygon endless": (
        _set(*A, "segmentations", 0, value=[[0, 0, 8, 0] * 200_000 + [8, 6]]),
        "annotations[1].segmentations[0]",
        "too long",
    ),
    "area wrong": (_set(*A, "areas", 0, value=14), "annotations[1].areas[0]", "15 pixels"),
    "area missing": (_set(*A, "areas", 0, value=None), "annotations[1].areas[0]", "there"),
    "area of nothing": (_set(*A, "areas", 1, value=5), "annotations[1].areas[1]", "null"),
    "areas short": (_set(*A, "areas", value=[15]), "annotations[1].areas", "2 areas"),
    "area negative": (_set(*A, "areas", 0, value=-15), "annotations[1].areas[0]", "area"),
    "box wrong": (
        _set(*A, "bboxes", 0, value=[0, 0, 1, 1]),
        "annotations[1].bboxes[0]",
        "the mask's box",
    ),
    "box short": (_set(*A, "bboxes", 0, value=[0, 0]), "annotations[1].bboxes[0]", "width"),
    "boxes short": (_set(*A, "bboxes", value=[]), "annotations[1].bboxes", "2 boxes"),
    "states short": (
        _set(*A, "ifc_studio", "states", value=[["approved", 1]]),
        "annotations[1].ifc_studio.states",
        "2 frames",
    ),
    "states endless": (
        _set(*A, "ifc_studio", "states", value=[["approved", 10**12]]),
        "annotations[1].ifc_studio.states",
        "sum to 2",
    ),
    "state unknown": (
        _set(*A, "ifc_studio", "states", value=[["nonsense", 2]]),
        "annotations[1].ifc_studio.states",
        "unknown entry",
    ),
    "state against mask": (
        _set(*A, "ifc_studio", "states", value=[["absent", 2]]),
        "annotations[1].ifc_studio.states",
        "has a mask",
    ),
    "track name half a character": (
        _set(*A, "ifc_studio", "name", value="Rex\ud800"),
        "annotations[1].ifc_studio",
        "name text",
    ),
    "exhaustive text": (
        _set(*V, "ifc_studio", "exhaustive", value=[["yes", 2]]),
        "videos[0].ifc_studio.exhaustive",
        "true or false",
    ),
}


def test_a_sound_file_has_no_problems(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.json", _sound())
    assert validate_ytvis(path) == []
    assert len(read_ytvis(path).tracks) == 2


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found_in_its_place(name: str, tmp_path: Path) -> None:
    change, where, words = FAULTS[name]
    data = _sound()
    change(data)
    problems = validate_ytvis(_write(tmp_path / "a.json", data))
    assert any(p.where == where and words in p.message for p in problems), problems


def test_all_faults_are_listed(tmp_path: Path) -> None:
    data = _sound()
    data["videos"][0]["file_names"][0] = "/x"
    data["annotations"][0]["areas"][0] = 1
    data["annotations"][0]["iscrowd"] = 5
    data["annotations"][1]["segmentations"][0]["counts"] = "~"
    places = {p.where for p in validate_ytvis(_write(tmp_path / "a.json", data))}
    assert places == {
        "videos[0].file_names[0]",
        "annotations[0].areas[0]",
        "annotations[0].iscrowd",
        "annotations[1].segmentations[0]",
    }


def test_the_listing_is_bounded(tmp_path: Path) -> None:
    data = _sound()
    data["annotations"] = [7] * 5000
    problems = validate_ytvis(_write(tmp_path / "a.json", data))
    assert len(problems) == 1001
    assert "more problems" in problems[-1].message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        '"text"',
        "[" * 200_000,
        '{"videos":' + '{"a":' * 200_000,
        '{"videos":[],"videos":[]}',
        '{"videos":[NaN],"categories":[],"annotations":[]}',
        '{"videos":[1e999],"categories":[],"annotations":[]}',
        '{"videos":[' + "9" * 10_000 + '],"categories":[],"annotations":[]}',
        '{"videos":[],"categories":[],"annotations":[]} trailing',
        '{"videos":[],"categories":[],"annotations":[',
        '{"videos":[{}{}],"categories":[],"annotations":[]}',
        '{"videos" [],"categories":[],"annotations":[]}',
        '\ufeff{"videos":[],"categories":[]}',
    ],
)
def test_broken_text_is_a_problem_and_not_a_crash(text: str, tmp_path: Path) -> None:
    path = _write(tmp_path / "a.json", text)
    assert validate_ytvis(path)
    with pytest.raises(FormatError) as caught:
        read_ytvis(path)
    assert "\n" not in str(caught.value)


def test_binary_and_missing_files(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(bytes(range(256)) * 100)
    assert "UTF-8" in validate_ytvis(path)[0].message
    assert "cannot be read" in validate_ytvis(tmp_path / "none.json")[0].message


def test_random_damage_is_survived(tmp_path: Path) -> None:
    text = json.dumps(_sound())
    rng = random.Random(5)
    path = tmp_path / "a.json"
    for _ in range(300):
        broken = list(text)
        for _ in range(rng.choice((1, 3, 30))):
            broken[rng.randrange(len(broken))] = rng.choice('0123456789[]{},:"eE-.~a\\ ')
        _write(path, "".join(broken))
        problems = validate_ytvis(path)
        if not problems:
            read_ytvis(path)


def test_random_values_are_survived(tmp_path: Path) -> None:
    rng = random.Random(6)
    odd = [None, True, -1, 0, 2**70, 1.5, "", "x", [], {}, [[]], [None], {"size": [6, 8]}]
    path = tmp_path / "a.json"
    for _ in range(300):
        data = _sound()
        for _ in range(rng.choice((1, 2, 4))):
            place: Any = data
            while True:
                key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
                inner = place[key]
                if not isinstance(inner, dict | list) or not inner or rng.random() < 0.3:
                    place[key] = copy.deepcopy(rng.choice(odd))
                    break
                place = inner
        validate_ytvis(_write(path, data))
        with suppress(FormatError):
            read_ytvis(path)


def test_the_published_training_file_of_2019_is_read(tmp_path: Path) -> None:
    """Each of its annotations says that it is one frame long."""
    data = _sound()
    for annotation in data["annotations"]:
        annotation |= {"height": 6, "width": 8, "length": 1}
    path = _write(tmp_path / "train.json", data)
    assert [len(track.segmentations) for track in read_ytvis(path).tracks] == [2, 2]
    assert validate_ytvis(path) == []


@pytest.mark.parametrize("change", [_drop("annotations"), _set("annotations", value=None)])
def test_results_may_refer_to_a_published_file_without_annotations(
    change: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    data = _sound()
    masks = data["annotations"][0]["segmentations"]
    change(data)
    path = _write(tmp_path / "valid.json", data)
    with pytest.raises(FormatError, match="annotations"):
        read_ytvis_header(path)
    header = read_ytvis_header(path, needs_annotations=False)
    assert [video.length for video in header.videos] == [2]
    results = [{"video_id": 1, "category_id": 2, "score": 0.5, "segmentations": masks}]
    file = _write(tmp_path / "results.json", results)
    assert validate_ytvis_results(file, header) == []


def test_the_order_of_the_keys_does_not_matter(tmp_path: Path) -> None:
    data = _sound()
    turned = dict(reversed(data.items()))
    assert next(iter(turned)) == "annotations"
    path = _write(tmp_path / "a.json", turned)
    assert validate_ytvis(path) == []
    assert len(read_ytvis(path).tracks) == 2


def test_large_files_stream(tmp_path: Path) -> None:
    """Entries that straddle the chunks of reading are put together again."""
    data = _sound()
    data["info"] = {"filler": "x" * (5 << 20)}
    track = data["annotations"][0]
    data["annotations"] = [{**track, "id": n} for n in range(1, 2001)]
    path = _write(tmp_path / "a.json", data)
    assert validate_ytvis(path) == []
    assert [t.id for t in read_ytvis(path).tracks] == list(range(1, 2001))


def test_strict_reading_names_file_and_place(tmp_path: Path) -> None:
    data = _sound()
    data["annotations"][1]["segmentations"][0]["counts"] = "~"
    path = _write(tmp_path / "broken.json", data)
    with pytest.raises(FormatError, match=r"^broken\.json, annotations\[1\]") as caught:
        read_ytvis(path)
    assert caught.value.path == path
    assert caught.value.where == "annotations[1].segmentations[0]"
