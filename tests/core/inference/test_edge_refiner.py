"""Masks decided again by the edge network: what it is shown, and what becomes of its answer."""

import cv2
import numpy as np
import pytest
import torch

from ifc_core.errors import DeviceMemoryError
from ifc_core.evaluation.region_boundary import boundary_accuracy
from ifc_core.inference.edge_motion import FrameMotion, flow_picture
from ifc_core.inference.edge_refiner import (
    CropBox,
    EdgeRefiner,
    crop_around,
    crop_logits,
    crop_picture,
    load_edge_refiner,
)
from ifc_core.inference.mask_output import encode_logits
from ifc_core.models.edge_network import EdgeAnswer, EdgeNetwork
from ifc_core.structures import RLEMask

SIZE = (180, 200)


class Answers(torch.nn.Module):
    """Stands in for the network; notes how many crops it was given at once."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer
        self.counts = []
        self.motion = []

    def forward(self, pictures, prior, motion=None):
        self.counts.append(len(prior))
        self.motion.append(motion)
        masks = self.answer(pictures.float(), prior)
        return EdgeAnswer(masks, 3 + masks.mean((1, 2)) / 10)


def grid(*parts, shape=(22, 25)):
    """Logits that are positive in (top, left, bottom, right) of cells."""
    logits = np.full(shape, -5, np.float32)
    for top, left, bottom, right in parts:
        logits[top:bottom, left:right] = 5
    return logits


def bright(pictures, _):
    """An answer: what is bright."""
    return torch.where(pictures.mean(1) > 127, 5.0, -5.0)


def decided(refiner, *seen, **more):
    """The masks that are taken, without what is kept for the frames beside."""
    return [mask and mask.encoded for mask in refiner.decide(*seen, **more)]


def test_a_crop_holds_the_object_with_a_margin_inside_the_frame():
    box = crop_around(grid((8, 10, 12, 14)), SIZE)
    cell = np.array(SIZE) / (22, 25)
    assert box.top < 8 * cell[0] - 8
    assert box.bottom > 12 * cell[0] + 8
    assert box.left < 10 * cell[1] - 8
    assert box.right > 14 * cell[1] + 8
    whole = crop_around(grid((0, 0, 22, 25)), SIZE)
    assert (whole.top, whole.left, whole.bottom, whole.right) == (0, 0, *SIZE)
    assert whole.xywh == (0, 0, 200, 180)
    assert crop_around(grid(), SIZE) is None


def test_specks_far_away_do_not_widen_a_crop_but_parts_do():
    alone = crop_around(grid((4, 4, 9, 9)), SIZE)
    assert crop_around(grid((4, 4, 9, 9), (20, 22, 21, 23)), SIZE) == alone
    both = crop_around(grid((4, 4, 9, 9), (16, 18, 20, 22)), SIZE)
    assert both.bottom > alone.bottom
    assert both.right > alone.right


def test_a_thin_object_gets_room_to_its_sides():
    box = crop_around(grid((1, 12, 21, 13)), SIZE)
    _, _, width, height = box.xywh
    assert width >= 0.45 * height


def test_picture_and_logits_are_cut_alike(star):
    """A pixel's place in the crop is the same for both: the logits' zero lies on the edge."""
    box = crop_around(star.logits, SIZE)
    inside = crop_picture(star.mask.astype(np.uint8) * 255, box, 96) > 127
    told = crop_logits(star.logits, SIZE, box, 96) > 0
    assert (inside & told).sum() / (inside | told).sum() > 0.85
    shifted = np.roll(told, 4, axis=1)
    assert (inside & shifted).sum() / (inside | shifted).sum() < 0.85
    large = cv2.resize(star.logits, SIZE[::-1], interpolation=cv2.INTER_LINEAR)
    part = large[box.top : box.bottom, box.left : box.right]
    again = crop_logits(star.logits, SIZE, box, 96)
    assert np.abs(cv2.resize(part, (96, 96)) - again).mean() < 0.15


def test_the_bundled_network_brings_masks_closer_to_the_truth(star):
    (refined,) = decided(load_edge_refiner("cpu"), star.logits[None], star.frame)
    found = refined.rle.to_array()
    before = boundary_accuracy(star.coarse, star.mask, tolerance=1.0)
    assert boundary_accuracy(found, star.mask, tolerance=1.0) > before + 0.1
    before = (star.coarse & star.mask).sum() / (star.coarse | star.mask).sum()
    assert (found & star.mask).sum() / (found | star.mask).sum() > before


def test_low_precision_decides_alike(star):
    exact = load_edge_refiner("cpu")
    (wanted,) = exact.decide(star.logits[None], star.frame)
    (found,) = exact.for_run("bf16", []).decide(star.logits[None], star.frame)
    assert found.encoded.rle.iou(wanted.encoded.rle) > 0.99
    assert found.encoded.quality == pytest.approx(wanted.encoded.quality, abs=0.01)
    assert 0 < np.abs(found.logits - wanted.logits).max() < 0.5
    (again,) = exact.decide(star.logits[None], star.frame)
    assert (again.logits == wanted.logits).all()


class Narrow:
    """A network whose memory holds a number of crops."""

    def __init__(self, fits):
        self.network, self.fits, self.tried = EdgeNetwork().eval(), fits, []

    def to(self, *args, **kwargs):
        return self

    def __call__(self, pictures, prior, motion=None):
        self.tried.append(len(prior))
        if len(prior) > self.fits:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self.network(pictures, prior, motion)


def test_fewer_crops_at_once_where_memory_runs_out(star):
    rows = np.stack([np.roll(star.logits, shift, 1) for shift in range(5)])
    wanted = EdgeRefiner(EdgeNetwork().eval()).decide(rows, star.frame)
    network, notices = Narrow(2), []
    found = EdgeRefiner(network).for_run("fp32", notices).decide(rows, star.frame)
    assert network.tried[:4] == [5, 2, 2, 1]
    assert [f.encoded.rle for f in found] == [w.encoded.rle for w in wanted]
    assert notices == ["Memory ran out, so edges of 2 masks are now decided at a time."]
    with pytest.raises(DeviceMemoryError, match="edges of masks"):
        EdgeRefiner(Narrow(0)).decide(rows, star.frame)


def test_a_network_that_keeps_the_prior_gives_the_coarse_mask(star):
    refiner = EdgeRefiner(EdgeNetwork().eval())
    (mask,) = decided(refiner, star.logits[None], star.frame)
    assert mask.rle.iou(encode_logits(star.logits, SIZE)) > 0.98


def test_an_answer_far_from_the_coarse_mask_is_not_taken(star):
    coarse = encode_logits(star.logits, SIZE)
    for answer in (lambda _, prior: -prior, lambda _, prior: prior - 100):
        (mask,) = decided(EdgeRefiner(Answers(answer)), star.logits[None], star.frame)
        assert mask.rle == coarse
        assert 0 <= mask.quality < 0.2  # they share hardly anything, whatever the network says


def test_an_answer_that_keeps_a_part_of_the_coarse_mask_is_taken_after_a_closer_look(star):
    frame = np.zeros_like(star.frame)
    frame[65:115, 75:125] = 255
    network = Answers(bright)
    (found,) = EdgeRefiner(network).decide(star.logits[None], frame)
    assert found.is_fine
    assert found.encoded.quality > 0.5  # as the network says
    assert found.encoded.rle.iou(encode_logits(star.logits, SIZE)) < 0.5
    assert found.encoded.rle.iou(RLEMask.from_array(frame[..., 0] > 0)) > 0.95
    assert network.counts == [1, 1]
    assert max(found.box.size) < 0.8 * max(crop_around(star.logits, SIZE).size)


def looks(first, second):
    """An answer on the first crop, and another one on the next."""
    answers = iter((first, second))
    return lambda pictures, prior: next(answers)(pictures, prior)


@pytest.mark.parametrize(
    "second",
    [lambda _, prior: prior * 0 - 5, lambda _, prior: prior * 0 + 5],
    ids=["nothing", "all of its view, and cut there"],
)
def test_a_closer_look_that_fails_leaves_the_first_one(star, second):
    frame = np.zeros_like(star.frame)
    frame[65:115, 75:125] = 255
    network = Answers(looks(bright, second))
    (found,) = EdgeRefiner(network).decide(star.logits[None], frame)
    assert network.counts == [1, 1]
    assert found.box == crop_around(star.logits, SIZE)
    assert found.encoded.rle.iou(RLEMask.from_array(frame[..., 0] > 0)) > 0.9


def test_an_answer_that_departs_is_decided_again_from_itself(star):
    frame = np.zeros_like(star.frame)
    frame[30:150, 40:165] = 255  # of about the same extent as the star
    told = []

    def answer(pictures, prior):
        told.append(prior)
        return bright(pictures, prior) if len(told) == 1 else prior + 1

    network = Answers(answer)
    (found,) = EdgeRefiner(network).decide(star.logits[None], frame)
    assert network.counts == [1, 1]
    box = crop_around(star.logits, SIZE)
    assert found.box == box
    assert (told[0].numpy() == crop_logits(star.logits, SIZE, box, 128)[None]).all()
    assert set(told[1].unique().tolist()) == {-5.0, 5.0}  # its own answer
    assert set(np.unique(found.logits)) == {-4.0, 4.0}


def test_a_look_elsewhere_is_told_the_coarse_mask(star):
    frame = np.zeros_like(star.frame)
    frame[65:115, 75:125] = 255
    told = []

    def answer(pictures, prior):
        told.append(prior)
        return bright(pictures, prior)

    (found,) = EdgeRefiner(Answers(answer)).decide(star.logits[None], frame)
    assert found.box.xywh != crop_around(star.logits, SIZE).xywh
    left, top, across, down = found.box.xywh
    box = CropBox(top, left, top + down, left + across)
    assert (told[1].numpy() == crop_logits(star.logits, SIZE, box, 128)[None]).all()


def test_an_answer_that_is_not_taken_gets_no_second_look(star):
    frame = np.zeros_like(star.frame)
    frame[2:20, 2:20] = 255  # beside the star
    network = Answers(bright)
    (found,) = EdgeRefiner(network).decide(star.logits[None], frame)
    assert network.counts == [1]
    assert not found.is_fine


def test_an_answer_of_specks_alone_is_no_error(star):
    frame = np.zeros_like(star.frame)
    frame[60:120:10, 70:130:10] = 255
    (found,) = EdgeRefiner(Answers(bright)).decide(star.logits[None], cv2.dilate(frame, None))
    assert found is not None
    specks = grid(*((r, c, r + 1, c + 1) for r in range(0, 20, 4) for c in range(0, 20, 4)))
    assert crop_around(specks, SIZE) is not None


def test_what_is_seen_in_the_middle_is_looked_at_once(star):
    network = Answers(lambda _, prior: prior)
    EdgeRefiner(network).decide(star.logits[None], star.frame)
    assert network.counts == [1]


def test_masks_keep_their_order_and_the_empty_ones_their_place(star):
    rows = np.stack([grid(), star.logits, grid(), grid((1, 1, 5, 5))])
    masks = decided(EdgeRefiner(EdgeNetwork().eval()), rows, star.frame)
    assert [mask is None for mask in masks] == [True, False, True, False]
    assert masks[1].rle.iou(encode_logits(star.logits, SIZE)) > 0.98
    assert decided(EdgeRefiner(EdgeNetwork().eval()), rows[:0], star.frame) == []


def test_a_crowd_passes_in_parts_and_comes_out_the_same(star):
    network = Answers(lambda pictures, prior: prior + pictures.mean((1, 2, 3))[:, None, None] / 99)
    rows = np.stack([grid((r, c, r + 3, c + 3)) for r in range(0, 18, 3) for c in range(0, 21, 3)])
    masks = decided(EdgeRefiner(network), rows, star.frame)
    assert max(network.counts) <= 32
    assert sum(network.counts) == len(rows)
    alone = [decided(EdgeRefiner(network), row[None], star.frame)[0] for row in rows]
    assert [mask.rle for mask in masks] == [mask.rle for mask in alone]
    assert [mask.quality for mask in masks] == pytest.approx([mask.quality for mask in alone])


def test_a_region_is_decided_in_its_place(star):
    """The region alone as a frame, and as a part of a larger one, give the same pixels."""
    large = np.random.default_rng(0).integers(0, 256, (240, 280, 3), dtype=np.uint8)
    large[30:210, 50:250] = star.frame
    refiner = load_edge_refiner("cpu")
    (alone,) = decided(refiner, star.logits[None], star.frame)
    (placed,) = decided(refiner, star.logits[None], large, (50, 30, 200, 180))
    assert placed.rle.size == (240, 280)
    found = placed.rle.to_array()
    assert np.array_equal(found[30:210, 50:250], alone.rle.to_array())
    assert placed.rle.area == alone.rle.area
    assert placed.quality == alone.quality


def test_each_crop_is_told_how_it_moves(star):
    """The star goes four pixels to the right before a ground that stays; a speck beside it."""
    ground, thing = np.roll(star.frame, 90, axis=0), star.frame
    grays = [
        flow_picture(np.where(np.roll(star.mask, x, 1)[..., None], np.roll(thing, x, 1), ground))
        for x in (-4, 0, 4)
    ]
    rows = np.stack([star.logits, grid((0, 0, 3, 3))])
    network = Answers(lambda pictures, prior: prior)
    refiner = EdgeRefiner(network)
    told = decided(refiner, rows, star.frame, motion=FrameMotion.between(*grays))
    assert told == decided(refiner, rows, star.frame)  # this network does not listen
    moving, nothing = network.motion
    assert nothing is None
    assert moving.shape == (2, 8, 64, 64)
    inside = crop_logits(star.logits, SIZE, crop_around(star.logits, SIZE), 64) > 2
    assert np.median(moving[0, 0].numpy()[inside]) == pytest.approx(4, abs=0.7)
    assert np.median(moving[0, 4].numpy()[inside]) == pytest.approx(4, abs=0.7)
    assert moving[1, :2].abs().median() < 0.3


@pytest.mark.parametrize("size", [(9, 13), (37, 500), (700, 40)])
def test_odd_sizes(size):
    frame = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    logits = grid((0, 0, 3, 2), shape=(4, 5))
    (mask,) = decided(load_edge_refiner("cpu"), logits[None], frame)
    assert mask.rle.size == size
    assert mask.rle.area > 0
