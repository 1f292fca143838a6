"""Masks of finished frames: which edges they get, and when a frame is let go."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ifc_core.inference.edge_refiner import load_edge_refiner
from ifc_core.inference.edges import refine_edges
from ifc_core.inference.frame_masks import FrameMasks
from ifc_core.inference.mask_output import encode_logits
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.results import EncodedMask
from ifc_core.inference.settings import ProposeSettings
from ifc_core.tracking.video_tracker import TrackedFrame

CPU = torch.device("cpu")
SIZE = (180, 200)


def tracked(star, position=0):
    empty = np.full_like(star.logits, -5)
    logits = torch.from_numpy(np.stack([star.logits, empty]))
    return TrackedFrame(position, (0, 1), logits, (None, None), (None, None))


def made(masks, *frames):
    """What is given out for frames one after the other, and at the end."""
    given = [pair for frame in frames for pair in masks.encode([frame], SIZE)]
    return [found for _, found in [*given, *masks.finish()]]


def test_each_way_is_what_it_says(star):
    plain = encode_logits(star.logits, SIZE)
    (decided,) = load_edge_refiner("cpu").decide(star.logits[None], star.frame)
    wanted = {
        "off": EncodedMask(plain),
        "fast": EncodedMask(refine_edges(plain, star.frame, 180 / 22)),
        "best": decided.encoded,
    }
    assert len(set(wanted.values())) == 3
    for way, mask in wanted.items():
        masks = FrameMasks(way, None, CPU)
        masks.note(0, star.frame)
        assert made(masks, tracked(star)) == [[mask, None]]


def test_the_network_calculates_in_the_precision_of_the_run(star):
    refiner, qualities = load_edge_refiner("cpu"), set()
    for precision in ("bf16", "fp32"):
        masks = FrameMasks("best", None, CPU)
        masks.begin(precision, [])
        masks.note(0, star.frame)
        (decided,) = refiner.for_run(precision, []).decide(star.logits[None], star.frame)
        assert made(masks, tracked(star)) == [[decided.encoded, None]]
        qualities.add(decided.encoded.quality)
    assert len(qualities) == 2


def test_only_a_network_needs_frames_before_and_after():
    looks = {way: FrameMasks(way, None, CPU) for way in ("off", "fast", "best")}
    assert [masks.frames_ahead for masks in looks.values()] == [0, 0, 1]
    assert [masks.frames_behind for masks in looks.values()] == [0, 0, 2]
    assert FrameMasks("best", None, CPU, low_delay=True).frames_ahead == 0


@pytest.mark.parametrize("way", ["fast", "best"])
def test_without_its_frame_a_mask_stays_as_the_model_drew_it(star, way):
    plain = encode_logits(star.logits, SIZE)
    masks = FrameMasks(way, None, CPU)
    masks.note(0, star.frame)
    masks.forget(0)
    masks.note(1, star.frame[::2])  # of another size than the masks
    frames = [tracked(star, 0), tracked(star, 1)]
    assert made(masks, *frames) == [[EncodedMask(plain), None]] * 2


@pytest.mark.parametrize("way", ["fast", "best"])
def test_a_frame_that_is_there_waits_for_no_frame_that_is_not(star, way):
    """Frames stay in order where the middle one has no picture."""
    masks = FrameMasks(way, None, CPU)
    masks.note(0, star.frame)
    masks.note(2, star.frame)
    first, plain, last = made(masks, *(tracked(star, position) for position in range(3)))
    assert plain == [EncodedMask(encode_logits(star.logits, SIZE)), None]
    assert first == last != plain


@pytest.mark.parametrize("way", ["fast", "best"])
def test_a_finished_frame_is_let_go(star, way):
    masks = FrameMasks(way, None, CPU)
    masks.note(0, star.frame)
    masks.note(1, star.frame)
    ((first,), (again,)) = (made(masks, tracked(star)) for _ in range(2))
    assert first != again


def masks_of(model, frames, **settings):
    run = predict_video(model, enumerate(frames), ProposeSettings(score_threshold=0, **settings))
    return [[(m.instance_id, m.rle) for m in frame.masks] for frame in run]


def test_a_model_says_which_edges_its_masks_get(sure_model, scene, prefer):
    own = masks_of(sure_model, scene[:7])
    off, best = (masks_of(sure_model, scene[:7], edges=way) for way in ("off", "best"))
    assert own == off
    assert [[i for i, _ in frame] for frame in off] == [[i for i, _ in frame] for frame in best]
    assert off != best
    prefer(sure_model, edges="best")
    assert masks_of(sure_model, scene[:7]) == best
    assert masks_of(sure_model, scene[:7], edges="off") == off


def test_a_run_that_an_earlier_version_paused_goes_on(tiny_model, scene):
    """Its checkpoint names no clip and no frame that only frames given out had needed."""
    settings = ProposeSettings(score_threshold=0, edges="best", clip_length=3, clip_stride=3)
    frames = list(enumerate(scene[:9]))
    whole = list(predict_video(tiny_model, frames, settings))
    stopped = predict_video(tiny_model, frames, settings)
    first = [next(stopped) for _ in range(3)]
    held = stopped.checkpoint()
    stopped.close()
    assert any(clip.stop <= held.next_position for clip in held.clips)
    clips = tuple(clip for clip in held.clips if clip.stop > held.next_position)
    start = min(held.next_position, *(clip.start for clip in clips), 9)
    older = replace(held, clips=clips, restart_frame=start, restart_position=start)
    rest = list(predict_video(tiny_model, frames[start:], settings, resume=older))
    assert [r.frame_index for r in first + rest] == [r.frame_index for r in whole]
    ids = [[[m.instance_id for m in r.masks] for r in run] for run in (first + rest, whole)]
    assert ids[0] == ids[1]


def test_a_resumed_run_gives_the_same_edges(whole_and_in_parts):
    whole, parts = whole_and_in_parts(ProposeSettings(score_threshold=0, edges="best"))
    assert parts == whole
