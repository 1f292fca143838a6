"""The YouTube-VIS protocol, rule by rule, against a plain loop over its text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from ifc_core.errors import FormatError
from ifc_core.evaluation.records import EvaluationSet
from ifc_core.evaluation.ytvis_ap import METRICS, evaluate_files, evaluate_records
from ifc_core.io.ytvis import YtvisTrack, YtvisVideo
from ifc_core.structures import RLEMask

SIZE = (300, 300)


def _box(x: int, y: int, w: int, h: int, size: tuple[int, int] = SIZE) -> RLEMask:
    mask = np.zeros(size, dtype=bool)
    mask[y : y + h, x : x + w] = True
    return RLEMask.from_array(mask)


def _video(video_id: int = 1, length: int = 2, size: tuple[int, int] = SIZE) -> YtvisVideo:
    return YtvisVideo(video_id, *size, length, tuple(f"{i}.jpg" for i in range(length)))


def _score(truth: list[YtvisTrack], found: list[YtvisTrack], length: int = 2) -> dict[str, Any]:
    return evaluate_records(EvaluationSet.build([_video(length=length)], {1: "a"}, truth, found))


def _published_iou(found: YtvisTrack, wanted: YtvisTrack) -> float:
    common = united = 0
    for d, g in zip(found.segmentations, wanted.segmentations, strict=True):
        if d is not None and g is not None:
            pair = [d.to_coco(), g.to_coco()]
            common += int(coco_mask.area(coco_mask.merge(pair, True)))
            united += int(coco_mask.area(coco_mask.merge(pair, False)))
        else:
            united += sum(m.area for m in (d, g) if m is not None)
    return common / united if united else 0.0


@st.composite
def _tracks(draw: st.DrawFn, size: tuple[int, int], length: int) -> list[YtvisTrack]:
    tracks = []
    for number in range(draw(st.integers(0, 4))):
        masks: list[RLEMask | None] = []
        for _ in range(length):
            kind = draw(st.sampled_from(["none", "empty", "full", "noise", "noise"]))
            noise = np.random.default_rng(draw(st.integers(0, 999))).random(size) < draw(
                st.sampled_from([0.1, 0.5, 0.9])
            )
            arrays = {"empty": noise & False, "full": noise | True, "noise": noise}
            masks.append(None if kind == "none" else RLEMask.from_array(arrays[kind]))
        tracks.append(YtvisTrack(number + 1, 1, 1, tuple(masks), score=0.5))
    return tracks


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_space_time_iou_is_the_published_one(data: st.DataObject) -> None:
    size = (data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9)))
    length = data.draw(st.integers(1, 4))
    found = data.draw(_tracks(size, length))
    wanted = data.draw(_tracks(size, length))
    records = EvaluationSet.build([_video(1, length, size)], {1: "a"}, wanted, found).videos[0]
    ious = records.compare(records.results, records.annotations).ious
    assert ious.shape == (len(found), len(wanted))
    for d, f in enumerate(found):
        for g, w in enumerate(wanted):
            assert ious[d, g] == pytest.approx(_published_iou(f, w), abs=1e-12)


def test_perfect_predictions_score_one() -> None:
    masks = (_box(10, 10, 50, 50), None)
    figures = _score([YtvisTrack(1, 1, 1, masks)], [YtvisTrack(1, 1, 1, masks, score=0.3)])
    for name in ("AP", "AR1", "AP75", "APs"):
        assert figures[name] == pytest.approx(1.0)
    assert figures["APm"] == figures["APl"] == figures["ARl"] == -1.0


def test_nothing_found_scores_zero_and_nothing_to_find_is_undefined() -> None:
    masks = (_box(10, 10, 50, 50), None)
    assert _score([YtvisTrack(1, 1, 1, masks)], [])["AP"] == 0.0
    figures = _score([], [YtvisTrack(1, 1, 1, masks, score=0.3)])
    assert {figures[name] for name in METRICS} == {-1.0}


def test_frames_on_which_one_side_is_missing_count_in_the_union() -> None:
    box = _box(0, 0, 100, 100)
    figures = _score(
        [YtvisTrack(1, 1, 1, (box, box))], [YtvisTrack(1, 1, 1, (box, None), score=0.9)]
    )
    # The IoU is exactly one half: right at the first threshold alone.
    assert figures["AP50"] == pytest.approx(1.0)
    assert figures["AP"] == pytest.approx(0.1)


def test_crowds_are_ignored_and_take_any_number() -> None:
    crowd = YtvisTrack(1, 1, 1, (_box(0, 0, 100, 100),) * 2, is_crowd=True)
    thing = YtvisTrack(2, 1, 1, (_box(200, 200, 50, 50),) * 2)
    on_crowd = [YtvisTrack(n, 1, 1, crowd.segmentations, score=0.9 + n / 100) for n in (1, 2)]
    on_thing = YtvisTrack(3, 1, 1, thing.segmentations, score=0.1)
    assert _score([crowd, thing], [*on_crowd, on_thing])["AP"] == pytest.approx(1.0)
    plain = YtvisTrack(1, 1, 1, crowd.segmentations)
    assert _score([plain, thing], [*on_crowd, on_thing])["AP"] < 0.9


def test_area_ranges_use_the_stated_areas_and_include_both_ends() -> None:
    mask = _box(0, 0, 128, 128)
    found = [YtvisTrack(1, 1, 1, (mask, None), score=0.5)]
    both = _score([YtvisTrack(1, 1, 1, (mask, None))], found)
    assert both["APs"] == pytest.approx(1.0)
    assert both["APm"] == pytest.approx(1.0)
    assert both["APl"] == -1.0
    stated = _score([YtvisTrack(1, 1, 1, (mask, None), areas=(70000.0, None))], found)
    assert stated["APs"] == stated["APm"] == -1.0
    assert stated["APl"] == pytest.approx(1.0)


def test_empty_masks_do_not_lower_the_mean_area() -> None:
    empty, mask = RLEMask.empty(SIZE), _box(0, 0, 200, 100)
    figures = _score(
        [YtvisTrack(1, 1, 1, (mask, empty))], [YtvisTrack(1, 1, 1, (mask, empty), score=1.0)]
    )
    assert figures["APm"] == pytest.approx(1.0)
    assert figures["APs"] == -1.0


def test_misses_outside_the_area_range_are_no_mistakes() -> None:
    small, large = _box(0, 0, 50, 50), _box(0, 0, 290, 290)
    figures = _score(
        [YtvisTrack(1, 1, 1, (small, small))],
        [
            YtvisTrack(1, 1, 1, (large, large), score=0.9),
            YtvisTrack(2, 1, 1, (small, small), score=0.5),
        ],
    )
    assert figures["APs"] == pytest.approx(1.0)
    assert figures["AP"] == pytest.approx(0.5)


def test_annotation_with_id_zero_is_never_found() -> None:
    masks = (_box(0, 0, 50, 50),) * 2
    assert _score([YtvisTrack(0, 1, 1, masks)], [YtvisTrack(1, 1, 1, masks, score=1)])["AP"] == 0


def test_only_the_hundred_best_of_a_video_and_class_count() -> None:
    masks, miss = (_box(0, 0, 50, 50),) * 2, (_box(200, 200, 20, 20),) * 2
    found = [YtvisTrack(n, 1, 1, miss, score=0.9) for n in range(1, 101)]
    late = YtvisTrack(101, 1, 1, masks, score=0.1)
    assert _score([YtvisTrack(1, 1, 1, masks)], [*found, late])["AR100"] == 0.0
    assert _score([YtvisTrack(1, 1, 1, masks)], [*found[1:], late])["AR100"] == 1.0


def test_ties_keep_the_order_of_the_file() -> None:
    masks, miss = (_box(0, 0, 50, 50),) * 2, (_box(200, 200, 20, 20),) * 2
    right = YtvisTrack(1, 1, 1, masks, score=0.5)
    wrong = YtvisTrack(2, 1, 1, miss, score=0.5)
    truth = [YtvisTrack(1, 1, 1, masks)]
    assert _score(truth, [right, wrong])["AR1"] == 1.0
    assert _score(truth, [wrong, right])["AR1"] == 0.0


def test_figures_per_category() -> None:
    masks = (_box(10, 10, 50, 50), None)
    records = EvaluationSet.build(
        [_video()],
        {1: "a", 4: "b", 9: "c"},
        [YtvisTrack(1, 1, 1, masks), YtvisTrack(2, 1, 4, masks)],
        [YtvisTrack(1, 1, 4, masks, score=0.3), YtvisTrack(2, 1, 9, masks, score=0.8)],
    )
    figures = evaluate_records(records)
    assert [(r["category_id"], r["name"], r["AP"]) for r in figures["per_category"]] == [
        (1, "a", 0.0),
        (4, "b", pytest.approx(1.0)),
        (9, "c", -1.0),
    ]
    assert figures["AP"] == pytest.approx(0.5)


def _write(tmp_path: Path, results: object) -> tuple[Path, Path]:
    rle = _box(1, 1, 4, 4, (10, 12)).to_coco()
    gt = {
        "videos": [{"id": 1, "height": 10, "width": 12, "length": 2, "file_names": ["a", "b"]}],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": [
            {"id": 1, "video_id": 1, "category_id": 1, "segmentations": [rle, None], "iscrowd": 0}
        ],
    }
    paths = tmp_path / "gt.json", tmp_path / "pred.json"
    paths[0].write_text(json.dumps(gt))
    paths[1].write_text(results if isinstance(results, str) else json.dumps(results))
    return paths


def _result(**change: object) -> dict[str, object]:
    rle = _box(1, 1, 4, 4, (10, 12)).to_coco()
    return {
        "video_id": 1,
        "category_id": 1,
        "score": 0.5,
        "segmentations": [rle, None],
    } | change


def test_files(tmp_path: Path) -> None:
    assert evaluate_files(*_write(tmp_path, [_result()]))["AP"] == pytest.approx(1.0)
    assert evaluate_files(*_write(tmp_path, []))["AP"] == 0.0


@pytest.mark.parametrize(
    "segmentation",
    [
        {"size": [10, 12], "counts": ""},
        {"size": [10, 12], "counts": "zzzzzzzzzz"},
        {"size": [10, 12], "counts": "0" * 50},
        {"size": [10, 12], "counts": "PPPPPPPPPPPPPP"},
        {"size": [10, 12], "counts": "é"},
        {"size": [10, 12], "counts": "\x00\x01"},
        {"size": [10, 12], "counts": None},
        {"size": [12, 10], "counts": "h3"},
        {"size": [10**9, 10**9], "counts": "h3"},
        {"size": [10, 12], "counts": [120, -1, 1]},
        {"size": [10, 12], "counts": [1e308, 2]},
        {"counts": "h3"},
        {"size": [10, 12]},
        [[1, 2, 3]],
        [["a", "b", "c", "d", "e", "f"]],
        "rle",
        7,
        True,
    ],
)
def test_broken_masks_name_their_record(segmentation: object, tmp_path: Path) -> None:
    paths = _write(tmp_path, [_result(), _result(segmentations=[None, segmentation])])
    with pytest.raises(FormatError, match=r"pred\.json, result 1\.segmentations\[1\]: \S"):
        evaluate_files(*paths)


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ([_result(), _result(score=None)], r"result 1\.score"),
        ([_result(score="0.5")], r"result 0\.score"),
        ([_result(score=True)], r"result 0\.score"),
        ([_result(video_id=9)], r"result 0\.video_id: there is no video with id 9"),
        ([_result(category_id=9)], r"result 0\.category_id: there is no category with id 9"),
        ([_result(category_id="1")], r"result 0\.category_id"),
        ([_result(segmentations=[None])], r"result 0\.segmentations: 1 entries .* 2 frames"),
        ([_result(segmentations=None)], r"result 0\.segmentations"),
        ([7], r"result 0: a record must be an object"),
        ({"annotations": []}, "must be a list"),
        ("[" * 100_000, "nested too deeply"),
        ("[{", "cut off"),
        ("", "expected"),
        ('[{"score": NaN}]', "NaN"),
        ('[{"score": -Infinity}]', "Infinity"),
        ('[{"score": 1' + "0" * 5000 + "}]", "digits"),
        ("[] []", "more text"),
    ],
)
def test_broken_results_name_their_record(results: object, words: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=words) as caught:
        evaluate_files(*_write(tmp_path, results))
    assert "\n" not in str(caught.value)
