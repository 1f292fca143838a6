"""Frames that the edge network decides: the frames beside them, and masks put together."""

import cv2
import numpy as np
import pytest
import torch

from ifc_core.inference.edge_motion import FrameMotion
from ifc_core.inference.edge_refiner import CropBox, DecidedMask, crop_places, places_in_crop
from ifc_core.inference.mask_output import encode_logits
from ifc_core.inference.refined_frames import RefinedFrames
from ifc_core.inference.results import EncodedMask
from ifc_core.tracking.video_tracker import TrackedFrame

SIZE = (96, 128)


def frame_of(position, ids=(0,)):
    nothing = (None,) * len(ids)
    return TrackedFrame(position, ids, torch.zeros(len(ids), 12, 16), nothing, nothing)


def numbered(number):
    """A frame whose every pixel is its number."""
    return np.full((*SIZE, 3), number, np.uint8)


class Notes:
    """Stands in for the network; notes by which frames the motion of each frame is told."""

    def __init__(self):
        self.told = []

    def decide(self, logits, frame, region_xywh, motion):
        now = None if motion is None else int(motion.now.flat[0])
        beside = () if motion is None else tuple(int(s.picture.flat[0]) for s in motion.steps)
        self.told.append((now, beside))
        return [None] * len(logits)


def positions(given):
    return [frame.frame_index for frame, _ in given]


def test_motion_is_told_by_the_frames_beside_in_the_same_shot():
    notes = Notes()
    frames = RefinedFrames(notes, None)
    given = []
    for position in range(6):
        frames.note(position, numbered(position), begins_shot=position in (0, 3))
        if position >= 1:
            given.append(positions(frames.add(frame_of(position - 1))))
    given.append(positions(frames.add(frame_of(5))))
    given.append(positions(frames.finish()))
    assert notes.told == list(enumerate([(1,), (0, 2), (1,), (4,), (3, 5), (4,)]))
    assert given == [[], [0], [1, 2], [], [3], [4], [5]]  # a shot's last frame waits for none


def test_with_low_delay_no_frame_waits():
    frames = RefinedFrames(Notes(), None, waits=False)
    for position in range(3):
        frames.note(position, numbered(position), begins_shot=position == 0)
        assert positions(frames.add(frame_of(position))) == [position]
    assert positions(frames.finish()) == []


def test_a_frame_without_a_track_still_shows_the_next_one_how_it_moves():
    notes = Notes()
    frames = RefinedFrames(notes, None)
    for position in range(3):
        frames.note(position, numbered(position), begins_shot=False)
    for position, ids in ((0, (0,)), (1, ()), (2, (0,))):
        list(frames.add(frame_of(position, ids)))
    assert notes.told == [(0, (1,)), (None, ()), (2, (1,))]


def test_who_goes_on_knows_the_frame_before():
    notes = Notes()
    frames = RefinedFrames(notes, None)
    for position in (4, 5, 6):
        frames.note(position, numbered(position), begins_shot=False)
    frames.forget(4)
    list(frames.add(frame_of(5)))
    assert notes.told == [(5, (4, 6))]


def test_nothing_is_kept_of_frames_that_are_past():
    frames = RefinedFrames(Notes(), (20, 10, 100, 80))
    for position in range(30):
        frames.note(position, numbered(position), begins_shot=position % 7 == 0)
        if position >= 2:
            list(frames.add(frame_of(position - 2)))
    assert len(frames._images) <= 2
    assert len(frames._pictures) <= 3
    assert len(frames._cuts) <= 1


# ---- masks put together ----------------------------------------------------------------

BOX = CropBox(8, 16, 88, 112)


def square(x):
    """A textured square at x before a plain ground, and its mask."""
    rng = np.random.default_rng(2)
    thing = cv2.GaussianBlur(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8), (0, 0), 1.5)
    image, mask = np.full((*SIZE, 3), 60, np.uint8), np.zeros(SIZE, bool)
    image[30:70, x : x + 40] = thing
    mask[30:70, x : x + 40] = True
    return image, mask


def decided(mask, *, weight=2.0, is_fine=True):
    """A network's answer that is right, at a weight."""
    part = mask[BOX.top : BOX.bottom, BOX.left : BOX.right].astype(np.float32)
    logits = (2 * cv2.resize(part, (64, 64)) - 1) * weight
    left, top, width, height = BOX.xywh
    rle = encode_logits(logits, SIZE, (left, top, width, height))
    return DecidedMask(EncodedMask(rle, 0.7), BOX, np.asarray(logits, np.float32), is_fine)


class Scripted:
    """Stands in for the network: answers that are prepared, frame by frame."""

    def __init__(self, answers):
        self.answers = iter(answers)

    def decide(self, logits, frame, region_xywh, motion):
        return next(self.answers)


def with_a_hole(mask, weight):
    """An answer that misses the middle of an object, as sure as ``weight`` says."""
    right = decided(mask)
    rows, columns = (slice(24, 40), slice(20, 44))
    logits = right.logits.copy()
    logits[rows, columns] = -weight
    rle = encode_logits(logits, SIZE, BOX.xywh)
    return DecidedMask(EncodedMask(rle, 0.7), BOX, logits, is_fine=True)


def run(answers, *, ids=((0,), (0,), (0,)), cuts=(0,), waits=True, xs=(40, 43, 46)):
    """The masks of three frames, by position."""
    frames = RefinedFrames(Scripted(answers), None, waits=waits)
    for position, x in enumerate(xs):
        frames.note(position, square(x)[0], begins_shot=position in cuts)
    given = [pair for n, own in enumerate(ids) for pair in frames.add(frame_of(n, own))]
    return {frame.frame_index: masks for frame, masks in [*given, *frames.finish()]}


def iou(mask, truth):
    found = mask.rle.to_array()
    return (found & truth).sum() / (found | truth).sum()


@pytest.fixture
def truths():
    return [square(x)[1] for x in (40, 43, 46)]


def test_what_one_frame_misses_its_neighbours_fill_in(truths):
    answers = [decided(truths[0])], [with_a_hole(truths[1], 1.0)], [decided(truths[2])]
    alone = with_a_hole(truths[1], 1.0).encoded
    (mask,) = run(answers)[1]
    assert iou(alone, truths[1]) < 0.8
    assert iou(mask, truths[1]) > 0.93
    assert mask.quality == alone.quality


def test_what_a_frame_is_sure_of_stays(truths):
    answers = (
        [decided(truths[0], weight=1)],
        [with_a_hole(truths[1], 3.9)],
        [decided(truths[2], weight=1)],
    )
    (mask,) = run(answers)[1]
    assert not mask.rle.to_array()[45:55, 60:66].any()


@pytest.mark.parametrize(
    "changes",
    [
        {"ids": ((1,), (0,), (2,))},
        {"cuts": (0, 1, 2)},
        {"xs": (40, 43, 46), "is_fine": False},
    ],
    ids=["other tracks", "other shots", "coarse"],
)
def test_nothing_is_put_together_that_does_not_belong_together(truths, changes):
    middle = with_a_hole(truths[1], 1.0)
    if not changes.pop("is_fine", True):
        middle = DecidedMask(middle.encoded, middle.box, middle.logits, is_fine=False)
    answers = [decided(truths[0])], [middle], [decided(truths[2])]
    (mask,) = run(answers, **changes)[1]
    assert mask == middle.encoded


def test_with_low_delay_the_frame_before_is_asked_alone(truths):
    answers = [decided(truths[0])], [with_a_hole(truths[1], 1.0)], [decided(truths[2])]
    (mask,) = run(answers, waits=False)[1]
    assert iou(mask, truths[1]) > 0.93
    answers = [with_a_hole(truths[0], 1.0)], [decided(truths[1])], [decided(truths[2])]
    (mask,) = run(answers, waits=False)[0]
    assert mask == with_a_hole(truths[0], 1.0).encoded


def test_a_mask_that_all_others_deny_stays(truths):
    """The track's masks beside are elsewhere: nothing would be left."""
    far = np.zeros(SIZE, bool)
    far[10:20, 18:28] = True
    answers = [decided(far, weight=4)], [decided(truths[1], weight=1)], [decided(far, weight=4)]
    (mask,) = run(answers)[1]
    assert mask.rle.area > 0


@pytest.mark.parametrize("step", [20, 30, 40])
def test_what_flow_does_not_find_again_takes_nothing_away(step):
    """A square that moves by much of its size, or all of it, between two frames."""
    xs = (44 - step, 44, 44 + step)
    truths = [square(x)[1] for x in xs]
    (mask,) = run([[decided(truth, weight=4)] for truth in truths], xs=xs)[1]
    assert iou(mask, truths[1]) > 0.93


def test_what_leaves_the_picture_is_not_cut_back_at_its_border():
    box = CropBox(0, 0, 96, 128)
    xs = (-6, -3, 0)
    images, masks = [], []
    for x in xs:
        image, mask = (np.roll(part, x - 40, axis=1) for part in square(40))
        image[:, 100:], mask[:, 100:] = 60, False
        images.append(image)
        masks.append(mask)
    answers = []
    for mask in masks:
        logits = np.asarray((2 * cv2.resize(mask.astype(np.float32), (64, 64)) - 1) * 2, np.float32)
        encoded = EncodedMask(encode_logits(logits, SIZE), 0.7)
        answers.append([DecidedMask(encoded, box, logits, is_fine=True)])
    frames = RefinedFrames(Scripted(answers), None)
    for position, image in enumerate(images):
        frames.note(position, image, begins_shot=position == 0)
    given = [pair for n in range(3) for pair in frames.add(frame_of(n))]
    (_, (mask,)) = given[1]
    assert iou(mask, masks[1]) > 0.93


def test_cells_at_the_border_hear_in_full_what_came_over_it():
    """A crop coarser than the flow: its outermost cells reach beyond the outermost pixels."""
    wide = np.pad(square(8)[0], ((0, 0), (8, 0), (0, 0)), mode="reflect")
    images = [wide[:, 14:], wide[:, 8:]]  # what is there comes in by 6 pixels
    images[0] = np.pad(images[0], ((0, 0), (0, 6), (0, 0)), mode="edge")
    sure = np.full((16, 16), 4.0, np.float32)
    doubtful = sure.copy()
    doubtful[:, 0] = -1.2
    whole = CropBox(0, 0, *SIZE)
    answers = [
        [DecidedMask(EncodedMask(encode_logits(own, SIZE), 0.7), whole, own, is_fine=True)]
        for own in (sure, doubtful)
    ]
    frames = RefinedFrames(Scripted(answers), None, waits=False)
    for position, image in enumerate(images):
        frames.note(position, np.ascontiguousarray(image), begins_shot=position == 0)
        given = list(frames.add(frame_of(position)))
    (_, (found,)) = given[0]
    assert found.rle.to_array()[35:65, 0].all()


def test_places_in_a_crop_undo_the_places_of_a_crop():
    for grid in ((36, 50), (96, 128), (200, 300)):
        there = crop_places(grid, SIZE, BOX, 32)
        again = places_in_crop(there, grid, SIZE, BOX, 32)
        x, y = np.meshgrid(np.arange(32), np.arange(32))
        assert np.abs(again - np.stack([x, y], -1)).max() < 1e-3


def test_flow_is_known_by_its_direction():
    now = square(40)[0][..., 0]
    motion = FrameMotion.between(None, now, square(43)[0][..., 0])
    assert motion.flow(-1) is None
    assert motion.flow(1)[50, 60, 0] == pytest.approx(3, abs=0.5)
