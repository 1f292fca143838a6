"""Corrections spread: over motion, between two corrections, and as a job."""

import cv2
import numpy as np
import pytest

from ifc_core.errors import ConfigError
from ifc_core.inference.appearance import fit_appearance, look_channels
from ifc_core.inference.correction import (
    CorrectedMask,
    CorrectSettings,
    features_help,
    spread,
)
from ifc_core.inference.flow_chain import FlowChain, signed_distance
from ifc_core.inference.flow_store import FlowStore
from ifc_core.inference.lazy_mapping import LazyMapping
from ifc_core.inference.plain_spread import interpolate_masks
from ifc_core.inference.track_spread import TrackSpreader
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.structures import RLEMask

SIZE = (96, 144)


def texture(rng, height, width, cell):
    coarse = rng.integers(0, 256, (height // cell + 2, width // cell + 2, 3), dtype=np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def moving_disc(num_frames=16, gone=()):
    """Frames of a textured disc that moves 3 pixels a frame, and its masks."""
    rng = np.random.default_rng(0)
    back = texture(rng, *SIZE, 12) // 2
    front = 128 + texture(rng, 60, 60, 6) // 2
    front[..., 2] //= 3
    yy, xx = np.mgrid[: SIZE[0], : SIZE[1]]
    frames, masks = [], []
    for t in range(num_frames):
        y, x = 40 + t, 30 + 3 * t
        mask = (yy - y) ** 2 + (xx - x) ** 2 < 16**2
        frame = back.copy()
        if t not in gone:
            frame[mask] = front[(yy - y + 30)[mask], (xx - x + 30)[mask]]
        else:
            mask = np.zeros_like(mask)
        frames.append(frame)
        masks.append(mask)
    return np.stack(frames), masks


def iou(result, truth):
    mask = np.zeros_like(truth) if result.rle is None else result.rle.to_array()
    union = (mask | truth).sum()
    return 1.0 if union == 0 else (mask & truth).sum() / union


def correction(masks, *frames):
    return [CorrectedMask(f, RLEMask.from_array(masks[f])) for f in frames]


def test_an_object_is_absent_while_hidden_and_found_when_it_returns(frames_reader):
    frames, masks = moving_disc(20, gone=range(6, 12))
    found = {
        r.frame_index: r for r in spread(frames_reader(frames), correction(masks, 2), range(20))
    }
    assert all(found[f].rle is None for f in range(8, 12))
    assert np.mean([iou(found[f], masks[f]) for f in range(14, 20)]) > 0.7
    cut = [frames[:6], np.stack([texture(np.random.default_rng(9), *SIZE, 12)] * 6)]
    after_cut = list(spread(frames_reader(np.concatenate(cut)), correction(masks, 2), range(6, 12)))
    assert sum(r.rle is None for r in after_cut) >= 5


@pytest.mark.parametrize("size", [(10, 12), (20, 20), (20, 700), (24, 24)])
def test_small_and_very_long_frames_can_be_corrected(frames_reader, size):
    rng = np.random.default_rng(3)
    ground = texture(rng, *size, 4)
    frames, masks = np.stack([ground] * 4), np.zeros((4, *size), bool)
    for t in range(4):
        masks[t, 2:8, 1 + t : 7 + t] = True
        frames[t][masks[t]] = (250, 40, 40)
    results = spread(
        frames_reader(frames), correction(masks, 0), range(4), CorrectSettings(), JobContext()
    )
    found = {r.frame_index: r for r in results}
    assert sorted(found) == [1, 2, 3]
    assert iou(found[1], masks[1]) > 0.5


@pytest.mark.parametrize("method", ["fused", "flow"])
def test_one_correction_follows_the_object_both_ways(frames_reader, method):
    frames, masks = moving_disc()
    reader = frames_reader(frames)
    settings = CorrectSettings(method=method)
    results = list(spread(reader, correction(masks, 7), range(16), settings))
    assert sorted(r.frame_index for r in results) == [f for f in range(16) if f != 7]
    assert [r.frame_index for r in results[:8]] == list(range(8, 16))
    assert np.mean([iou(r, masks[r.frame_index]) for r in results]) > 0.85
    for result in results:
        assert iou(result, masks[result.frame_index]) > 0.7
        assert 0 < result.confidence <= 1
        assert result.rle.size == SIZE


def test_confidence_falls_where_the_picture_no_longer_supports_the_mask(frames_reader):
    frames, masks = moving_disc(gone=range(6, 16))
    results = list(spread(frames_reader(frames), correction(masks, 2), range(2, 9)))
    confidence = {r.frame_index: r.confidence for r in results}
    assert confidence[3] > 0.8
    gone = next(r for r in results if r.frame_index == 7)
    assert gone.rle is None or gone.confidence < 0.5


def test_what_is_merely_not_found_may_be_there(frames_reader):
    frames, masks = moving_disc(20)
    ground, _ = moving_disc(20, gone=range(20))
    for t in range(5, 20):  # it fades so slowly that nothing took its place at once
        seen = max(0.0, 1 - 0.08 * (t - 4))
        frames[t] = np.rint(seen * frames[t] + (1 - seen) * ground[t]).astype(np.uint8)
    found = spread(frames_reader(frames), correction(masks, 2), range(20))
    lost = [r for r in found if r.rle is None]
    assert len(lost) > 3
    assert all(r.confidence <= 0.5 for r in lost)


def test_that_an_object_is_gone_is_surer_where_something_explains_it(frames_reader):
    frames, masks = moving_disc()
    rng = np.random.default_rng(9)
    reader = frames_reader(np.concatenate([frames[:6], [texture(rng, *SIZE, 12)] * 4]))
    after_cut = list(spread(reader, correction(masks, 4), range(6, 10)))
    word = list(spread(frames_reader(frames), [CorrectedMask(3, None)], range(3, 6)))
    assert [r.rle for r in after_cut + word] == [None] * 6
    assert all(r.confidence > 0.6 for r in after_cut + word)


def test_an_object_that_went_out_of_the_picture_is_surely_gone(frames_reader):
    frames, masks = moving_disc(30)  # it touches the right edge on frame 33, so cut that off
    frames, masks = frames[..., :100, :], [m[:, :100] for m in masks]
    found = {
        r.frame_index: r for r in spread(frames_reader(frames), correction(masks, 12), range(30))
    }
    assert iou(found[18], masks[18]) > 0.8
    gone = [found[f] for f in range(12, 30) if f != 12 and found[f].rle is None]
    assert {29} <= {r.frame_index for r in gone}
    assert all(r.confidence > 0.5 for r in gone)


def test_beyond_a_cut_no_frame_is_worked_on(frames_reader):
    frames, masks = moving_disc(6)
    rng = np.random.default_rng(9)
    reader = frames_reader(np.concatenate([frames, np.stack([texture(rng, *SIZE, 12)] * 40)]))
    found = {r.frame_index: r.rle for r in spread(reader, correction(masks, 2), range(46))}
    assert sorted(found) == [f for f in range(46) if f != 2]  # they have lost it, all the same
    assert all(found[f] is None for f in range(6, 46))
    assert all(found[f] is not None for f in range(6) if f != 2)
    assert max(reader.read_frames) < 12


def test_two_corrections_beat_one_between_them(frames_reader):
    rng = np.random.default_rng(1)
    frames, masks = moving_disc()
    blurred = np.stack([cv2.GaussianBlur(f, (0, 0), 1.5) for f in frames])
    blurred[8] = rng.integers(0, 256, blurred[8].shape)  # a frame that breaks every chain
    reader = frames_reader(blurred)
    one = {r.frame_index: r for r in spread(reader, correction(masks, 0), range(16))}
    two = {r.frame_index: r for r in spread(reader, correction(masks, 0, 15), range(16))}
    assert sorted(two) == list(range(1, 15))
    late = list(range(9, 15))
    gain = np.mean([iou(two[f], masks[f]) - iou(one[f], masks[f]) for f in late])
    assert gain > 0.0
    assert np.mean([iou(two[f], masks[f]) for f in late]) > 0.8


def test_only_the_scope_within_reach_is_touched(frames_reader):
    frames, masks = moving_disc()
    reader = frames_reader(frames)
    scope = spread(reader, correction(masks, 4), range(6, 9))
    assert [r.frame_index for r in scope] == [6, 7, 8]
    near = spread(reader, correction(masks, 8), range(16), CorrectSettings(reach=2))
    assert sorted(r.frame_index for r in near) == [6, 7, 9, 10]
    far = spread(reader, correction(masks, 0), range(10, 16), CorrectSettings(reach=3))
    assert list(far) == []


@pytest.mark.parametrize("method", ["interpolate", "copy"])
def test_plain_tools(frames_reader, method):
    frames, masks = moving_disc()
    settings = CorrectSettings(method=method)
    results = list(spread(frames_reader(frames), correction(masks, 2, 8), range(12), settings))
    assert [r.frame_index for r in results] == [0, 1, 3, 4, 5, 6, 7, 9, 10, 11]
    by_frame = {r.frame_index: r for r in results}
    np.testing.assert_array_equal(by_frame[0].rle.to_array(), masks[2])
    np.testing.assert_array_equal(by_frame[11].rle.to_array(), masks[8])
    middle = iou(by_frame[5], masks[5])
    assert middle > 0.9 if method == "interpolate" else middle < 0.8


def test_a_correction_to_absent_spreads_absence(frames_reader):
    frames, _ = moving_disc()
    results = list(spread(frames_reader(frames), [CorrectedMask(3, None)], range(3, 6)))
    assert [r.rle for r in results] == [None, None]


def test_a_frame_corrected_to_absent_does_not_spoil_the_others(frames_reader):
    frames, masks = moving_disc(16, gone=range(4))
    known = [CorrectedMask(2, None), *correction(masks, 6, 14)]
    results = {r.frame_index: r for r in spread(frames_reader(frames), known, range(16))}
    assert results[3].rle is None
    assert np.mean([iou(results[f], masks[f]) for f in range(7, 14)]) > 0.85


def test_progress_and_cancel(frames_reader):
    frames, masks = moving_disc()
    reports = []
    context = JobContext(reports.append)
    steps = spread(frames_reader(frames), correction(masks, 0), range(10), context=context)
    for _ in range(3):
        next(steps)
    context.cancel()
    with pytest.raises(JobCancelled):
        list(steps)
    assert [p.done for p in reports] == [1, 2, 3]
    assert {p.total for p in reports} == {9}


@pytest.mark.parametrize("frames", [[], [1, 1]])
def test_corrections_must_make_sense(frames_reader, frames):
    pictures, masks = moving_disc(3)
    with pytest.raises(ConfigError):
        list(spread(frames_reader(pictures), correction(masks, *frames), range(3)))


def test_settings_survive_json():
    settings = CorrectSettings(method="flow", short_side=240, reach=9)
    assert CorrectSettings.from_json(settings.to_json()) == settings
    for bad in ({"method": "magic"}, {"reach": 0}, {"short_side": 1.5}, {"speed": 1}):
        with pytest.raises(ConfigError):
            CorrectSettings.from_json(bad)


def test_network_evidence_is_used(frames_reader):
    """Evidence that knows the truth repairs what flow and colour cannot follow."""
    _, masks = moving_disc()
    unseen = np.stack([texture(np.random.default_rng(2), *SIZE, 12)] * 16)

    class Oracle:
        def logits(self, frame_index):
            return np.where(masks[frame_index], 6.0, -6.0).astype(np.float32)

        held_out_logits = logits

    plain = list(spread(frames_reader(unseen), correction(masks, 3), range(4, 10)))
    helped = list(
        spread(frames_reader(unseen), correction(masks, 3), range(4, 10), evidence=Oracle())
    )
    before = np.mean([iou(r, masks[r.frame_index]) for r in plain])
    after = np.mean([iou(r, masks[r.frame_index]) for r in helped])
    assert after > before + 0.1


def test_signed_distance():
    mask = np.zeros((9, 9), bool)
    mask[3:6, 3:6] = True
    distance = signed_distance(mask)
    assert ((distance > 0) == mask).all()
    assert distance[4, 4] == pytest.approx(1.5, abs=0.3)
    assert (signed_distance(np.zeros((5, 7), bool)) == -7).all()


def test_interpolation_moves_the_shape():
    yy, xx = np.mgrid[:40, :80]
    discs = [(yy - 20) ** 2 + (xx - x) ** 2 < 64 for x in (15, 40, 65)]
    middle = interpolate_masks(discs[0], discs[2], 0.5)
    assert (middle & discs[1]).sum() / (middle | discs[1]).sum() > 0.9
    nothing = np.zeros_like(discs[0])
    assert not interpolate_masks(discs[0], nothing, 0.9).any()
    assert (interpolate_masks(discs[0], nothing, 0.1) == discs[0]).all()


def shifted(num_frames, by=2):
    """A texture that moves to the right, then one frame of noise."""
    rgb = texture(np.random.default_rng(3), 80, 120, 8)
    frames = [np.roll(rgb, by * step, axis=1) for step in range(num_frames)]
    return np.stack([*frames, np.random.default_rng(4).integers(0, 256, rgb.shape, np.uint8)])


def test_a_chain_knows_a_shift_and_where_it_is_lost(frames_reader):
    store = FlowStore(frames_reader(shifted(5)), 480)
    assert store.flow_size == (40, 60)
    chain = FlowChain(store, 0)
    for frame in range(1, 5):
        chain.step(frame)
    ramp = np.tile(np.arange(60, dtype=np.float32), (40, 1))
    carried = chain.carry(ramp)
    inner = (slice(10, 30), slice(15, 50))
    assert np.abs(carried - (ramp - 4))[inner].mean() < 0.5  # 8 pixels are 4 of the flow's
    assert chain.trust[inner].mean() > 0.9
    chain.step(5)
    assert chain.trust[inner].mean() < 0.7


def test_a_second_chain_computes_nothing_again(frames_reader):
    reader = frames_reader(shifted(6))
    store = FlowStore(reader, 480)
    first, second = FlowChain(store, 0), FlowChain(store, 0)
    for chain in (first, second):
        for frame in range(1, 6):
            chain.step(frame)
        assert store.computed == 5
    np.testing.assert_allclose(first.path().shift_px(), second.path().shift_px(), atol=0.02)
    np.testing.assert_allclose(first.trust, second.trust, atol=0.002)
    every = (slice(None, None, 4), slice(None, None, 4))
    ramp = np.tile(np.arange(60, dtype=np.float32), (40, 1))
    third = FlowChain(store, 0)
    for frame in range(1, 6):
        third.step(frame)  # kept paths are sampled without being turned into numbers as a whole
    np.testing.assert_allclose(third.carry(ramp, 4), first.carry(ramp)[every], atol=0.1)


def test_what_is_kept_of_a_video_is_bounded(frames_reader):
    store = FlowStore(frames_reader(shifted(9)), 480, max_bytes=150_000)
    chain = FlowChain(store, 0)
    for frame in range(1, 9):
        chain.step(frame)
        store.is_cut(frame - 1, frame)
        assert store.num_bytes <= 150_000
    assert len(store._residuals) < 8
    before = store.computed
    store.between(0, 1)  # gone by now, and made again
    assert store.computed >= before


def test_a_part_of_the_picture_may_be_replaced_without_a_cut(frames_reader):
    rng = np.random.default_rng(5)
    scene = texture(rng, *SIZE, 12)
    frames = np.stack([scene] * 3)
    frames[2, :, :50] = 128  # a grey panel over a third
    store = FlowStore(frames_reader(frames), 480)
    assert not store.is_cut(1, 2)
    assert store.is_replaced(1, 2, (5, 10, 45, 80))
    assert store.is_replaced(2, 1, (5, 10, 45, 80))
    assert not store.is_replaced(1, 2, (80, 10, 130, 80))
    assert not store.is_replaced(0, 1, (5, 10, 45, 80))
    frames[2] = 255 - texture(np.random.default_rng(6), *SIZE, 12) // 2
    assert FlowStore(frames_reader(frames), 480).is_cut(2, 1)


@pytest.mark.parametrize(("place", "is_taken"), [((80, 125), False), ((46, 30), True)])
def test_what_is_covered_at_once_is_looked_for_near_its_place(
    frames_reader, monkeypatch, place, is_taken
):
    frames, masks = moving_disc(8, gone=range(4, 8))

    def found(looks, area_share):
        """Something that looks like the object."""
        mask = np.zeros(looks.shape, bool)
        y, x = (round(v * looks.shape[0] / SIZE[0]) for v in place)
        mask[y - 8 : y + 8, x - 8 : x + 8] = True
        return mask

    monkeypatch.setattr("ifc_core.inference.track_spread.find_again", found)
    results = spread(frames_reader(frames), correction(masks, 2), range(8))
    rles = {r.frame_index: r.rle for r in results}
    assert rles[3] is not None
    assert (rles[4] is not None) == is_taken


def test_between_two_corrections_frames_come_from_the_later_one_back(frames_reader):
    frames, masks = moving_disc(10)
    results = list(spread(frames_reader(frames), correction(masks, 1, 7), range(10)))
    assert [r.frame_index for r in results] == [6, 5, 4, 3, 2, 8, 9, 0]
    assert all(iou(r, masks[r.frame_index]) > 0.8 for r in results[:5])


def test_a_long_stretch_between_corrections_is_swept_in_pieces_of_bounded_memory(
    frames_reader, monkeypatch
):
    frames, masks = moving_disc(12)
    held = []
    original = TrackSpreader._decided

    def watched(self, prepared, logit):
        held.append(prepared.num_bytes)
        return original(self, prepared, logit)

    monkeypatch.setattr(TrackSpreader, "_decided", watched)
    whole = list(spread(frames_reader(frames), correction(masks, 1, 9), range(2, 9)))
    assert [r.frame_index for r in whole] == [8, 7, 6, 5, 4, 3, 2]
    assert min(held) > 10_000
    bound = held[-1] + held[-2] // 2  # passed with the second frame of each piece
    monkeypatch.setattr("ifc_core.inference.track_spread._SWEPT_BYTES", bound)
    pieces = list(spread(frames_reader(frames), correction(masks, 1, 9), range(2, 9)))
    assert [r.frame_index for r in pieces] == [3, 2, 5, 4, 7, 6, 8]
    assert all(iou(r, masks[r.frame_index]) > 0.8 for r in pieces)


def test_early_features_are_compared(frames_reader):
    """Features that know the object find it where nothing is to be seen moving."""
    _, masks = moving_disc()
    unseen = np.stack([texture(np.random.default_rng(2), *SIZE, 12)] * 16)

    class Features:
        def maps(self, frame_index):
            inside = masks[frame_index].astype(np.float16)
            return [np.stack([inside, -inside], axis=-1)]

    known = correction(masks, 3)
    plain = list(spread(frames_reader(unseen), known, range(4, 10)))
    helped = list(spread(frames_reader(unseen), known, range(4, 10), features=Features()))
    gain = [
        iou(h, masks[h.frame_index]) - iou(p, masks[p.frame_index])
        for h, p in zip(helped, plain, strict=True)
    ]
    assert np.mean(gain) > 0.1


def test_early_features_are_asked_where_corrections_are_few_or_far_apart(frames_reader):
    class Unwanted:
        """Maps that nobody should ask for."""

        def maps(self, frame_index):
            raise AssertionError("corrections are close enough")

    frames, masks = moving_disc()
    known = correction(masks, 0, 3, 6, 9)
    dense = list(spread(frames_reader(frames), known, range(10), features=Unwanted()))
    assert len(dense) == 6
    assert features_help(1, 5)
    assert features_help(3, 10)
    assert not features_help(3, 9)


def test_looks_separate_colours_and_need_both_classes():
    frames, masks = moving_disc(2)
    model = fit_appearance([look_channels(frames[0])], [masks[0]])
    found = model.logits(frames[1]) > 0
    assert (found & masks[1]).sum() / (found | masks[1]).sum() > 0.7
    assert fit_appearance([look_channels(frames[0])], [np.zeros(SIZE, bool)]) is None
    assert fit_appearance([], []) is None


@pytest.mark.parametrize("size", [(48, 64), (49, 63)])
def test_looks_are_weighed_as_if_all_channels_were_made(size):
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (8, 9, 3), np.uint8)
    frame = cv2.resize(coarse, size[::-1])
    mask = np.zeros(size, bool)
    mask[10:30, 12:40] = True
    evidence = np.where(mask, 1.0, -1.0).astype(np.float32)
    channels = np.concatenate([look_channels(frame), evidence[..., None]], axis=-1)
    model = fit_appearance([channels], [mask])
    whole = (channels - model.mean) / model.scale @ model.weights[1:] + model.weights[0]
    np.testing.assert_allclose(model.logits(frame, evidence), whole, atol=1e-3, rtol=1e-3)


def test_of_many_corrected_frames_few_are_in_memory_and_learnt_from(frames_reader):
    frames, masks = moving_disc()
    still = np.repeat(frames[:1], 60, axis=0)
    made = []
    many = LazyMapping(range(58), lambda frame: made.append(frame) or masks[0], 1)
    store = FlowStore(frames_reader(still), 480)
    spreader = TrackSpreader(store, many, 150, JobContext())
    assert 0 < len(made) <= 16
    results = list(spreader.run(range(60)))
    assert [r.frame_index for r in results] == [58, 59]
    assert min(iou(r, masks[0]) for r in results) > 0.9
    assert len(made) <= 20


def test_gaps_between_many_corrected_frames_are_told_by_those_beside_them(frames_reader):
    frames, masks = moving_disc(16)
    settings = CorrectSettings(short_side=96)
    ends = correction(masks, *(f for f in range(16) if f not in (6, 7)))
    found = list(spread(frames_reader(frames), ends, range(16), settings))
    assert sorted(r.frame_index for r in found) == [6, 7]
    assert min(iou(r, masks[r.frame_index]) for r in found) > 0.9
