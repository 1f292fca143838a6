"""The quick reader of result files: it reads what it should, and leaves the rest to the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ifc_core.errors import FormatError
from ifc_core.evaluation import plain_results
from ifc_core.evaluation.plain_results import PlainResults
from ifc_core.evaluation.track_iou import CodedTrack
from ifc_core.evaluation.ytvis_ap import evaluate_files
from ifc_core.structures import RLEMask

SIZE = (37, 700)
_SIZES = {1: SIZE, 2: (5, 9)}


def _coco(mask: RLEMask | None, is_size_first: bool = True) -> dict[str, Any] | None:
    if mask is None:
        return None
    coded = {"size": list(mask.size), "counts": mask.counts.decode("ascii")}
    return coded if is_size_first else dict(reversed(coded.items()))


def _noise(seed: int, size: tuple[int, int] = SIZE) -> RLEMask:
    """A mask whose counts hold digits of all kinds, backslashes among them."""
    rng = np.random.default_rng(seed)
    rows = rng.random(size) < rng.choice([0.004, 0.05, 0.5])
    return RLEMask.from_array(rows)


def _read(path: Path) -> tuple[list[tuple[dict[str, Any], CodedTrack]], bool]:
    reader = PlainResults(path, _SIZES)
    return [(dict(r.fields), r.masks) for r in reader], reader.is_complete


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.none() | st.integers(0, 99), min_size=1, max_size=5), max_size=6),
    st.booleans(),
    st.sampled_from([(", ", ": "), (",", ":")]),
    st.booleans(),
    st.integers(1, 4000),
)
def test_masks_are_read_as_json_says(
    tmp_path_factory: pytest.TempPathFactory,
    records: list[list[int | None]],
    is_size_first: bool,
    separators: tuple[str, str],
    is_score_last: bool,
    chunk: int,
) -> None:
    wanted, written = [], []
    for number, seeds in enumerate(records):
        masks = [None if seed is None else _noise(seed) for seed in seeds]
        fields: dict[str, Any] = {"video_id": 1, "category_id": number}
        entries = [_coco(mask, is_size_first) for mask in masks]
        tail = {"segmentations": entries, "score": 0.5}
        written.append(fields | (tail if is_score_last else dict(reversed(tail.items()))))
        strings = [None if mask is None else mask.counts for mask in masks]
        wanted.append((number, CodedTrack.of(strings)))
    path = tmp_path_factory.mktemp("results") / "pred.json"
    path.write_text(json.dumps(written, separators=separators))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_results, "_CHUNK_BYTES", max(chunk, 60))
        found, is_complete = _read(path)
    assert [(fields["category_id"], masks) for fields, masks in found] == wanted
    assert all(fields["score"] == 0.5 for fields, _ in found)
    assert is_complete == bool(records)  # an empty list is left to the careful reader


def _record(masks: str, **fields: Any) -> str:
    head = json.dumps({"video_id": 2, "category_id": 1, "score": 0.5} | fields)
    return f'{head[:-1]}, "segmentations": {masks}}}'


_MASK = json.dumps(_coco(_noise(1, (5, 9))))


@pytest.mark.parametrize(
    "odd",
    [
        _record(f"[{_MASK}, 7]"),
        _record(f"[{_MASK}0, {_MASK}]"),
        _record(f"[{_MASK}, null7, null]"),
        _record(f"[{_MASK} , {_MASK}]"),
        _record(f"[[{_MASK}, {_MASK}]]"),
        _record(f'[{_MASK}, {{"size": [9, 5], "counts": "d1"}}]'),
        _record(f'[{_MASK}, {{"size": [5, 9], "counts": [45]}}]'),
        _record(f'[{_MASK}, {{"size": [5, 9], "counts": "a\\"b"}}]'),
        _record(f'[{_MASK}, {{"size": [5, 9], "counts": "a!b"}}]'),
        _record("[]"),
        _record("null"),
        _record(f"[{_MASK}]", video_id=9),
        _record(f"[{_MASK}]", video_id=[2]),
        _record(f"[{_MASK}]", note="a\\b"),
        _record(f"[{_MASK}]", extra={"segmentations": [1]}),
        _record(f"[{_MASK}]").replace("0.5", "NaN"),
        _record(f"[{_MASK}]")[:-1],
    ],
)
def test_what_is_out_of_the_ordinary_ends_it(odd: str, tmp_path: Path) -> None:
    path = tmp_path / "pred.json"
    path.write_text(f"[{_record(f'[{_MASK}, null]')}, {odd}, {_record(f'[{_MASK}]')}]")
    found, is_complete = _read(path)
    # A stray number before a missing mask is found when it is decoded.
    assert not is_complete or (len(found) == 3 and "null7" in odd)
    # An odd escape ends it where the part of the file begins that was looked at.
    assert (not found) == ('\\"b' in odd)
    assert all(masks.coded[-1:] in b'!"' for _, masks in found)


def _files(tmp_path: Path, results: str) -> tuple[Path, Path]:
    gt = {
        "videos": [
            {"id": 2, "height": 5, "width": 9, "length": 2, "file_names": ["a.jpg", "b.jpg"]}
        ],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [
            {
                "id": 1,
                "video_id": 2,
                "category_id": 1,
                "segmentations": [json.loads(_MASK), None],
                "areas": [_noise(1, (5, 9)).area, None],
                "iscrowd": 0,
            }
        ],
    }
    paths = tmp_path / "gt.json", tmp_path / "pred.json"
    paths[0].write_text(json.dumps(gt))
    paths[1].write_text(results)
    return paths


def test_records_after_an_odd_one_count_as_well(tmp_path: Path) -> None:
    plain = _record("[null, null]")
    odd = _record(f"[ {_MASK}, null ]", score=1)
    figures = evaluate_files(*_files(tmp_path, f"[{plain}, {odd}, {plain}]"))
    assert figures["AP"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        (f"[{_MASK}, null7]", "cut off"),
        (f"[null7, {_MASK}]", "cut off"),
        (f"[{_MASK}, null, null]", r"result 1\.segmentations: 3 entries .* 2 frames"),
        (f"[{_MASK}]", r"result 1\.segmentations: 1 entries .* 2 frames"),
        (f'[{_MASK}, {{"size": [5, 9], "counts": "0"}}]', r"result 1\.segmentations\[1\]: \S"),
        ('[null, {"size": [5, 9], "counts": ""}]', r"result 1\.segmentations\[1\]: \S"),
    ],
)
def test_what_is_wrong_names_its_record(masks: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=words):
        evaluate_files(*_files(tmp_path, f"[{_record('[null, null]')}, {_record(masks)}]"))


def test_a_broken_annotation_names_its_file(tmp_path: Path) -> None:
    gt, pred = _files(tmp_path, "[]")
    text = json.loads(gt.read_text())
    text["annotations"][0]["segmentations"][0]["counts"] = "zz"
    gt.write_text(json.dumps(text))
    with pytest.raises(FormatError, match=r"gt\.json.*annotation.*segmentations\[0\]"):
        evaluate_files(gt, pred)
