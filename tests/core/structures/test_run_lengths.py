"""Batches of count strings, against the plain decoder and pycocotools."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ifc_core.errors import FormatError
from ifc_core.structures import RLEMask
from ifc_core.structures.mask import decode_counts
from ifc_core.structures.run_lengths import (
    NO_MASK,
    PAIR_END,
    RunPairs,
    decode_batch,
    decode_marked,
    decode_pairs,
)


@st.composite
def _masks(draw: st.DrawFn) -> RLEMask:
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    share = draw(st.sampled_from([0.0, 0.02, 0.5, 0.98, 1.0]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return RLEMask.from_array(rng.random((height, width)) < share)


@settings(deadline=None)
@given(st.lists(_masks(), max_size=12))
def test_runs_are_those_of_the_plain_decoder(masks: list[RLEMask]) -> None:
    batch = decode_batch([mask.counts for mask in masks])
    assert batch.is_valid.all()
    assert len(batch) == len(masks)
    assert batch.totals.tolist() == [mask.size[0] * mask.size[1] for mask in masks]
    for i, mask in enumerate(masks):
        runs = batch.runs[batch.offsets[i] : batch.offsets[i + 1]].tolist()
        assert runs == decode_counts(mask.counts)
        assert sum(runs[1::2]) == mask.area


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(st.binary(max_size=20), _masks().map(lambda m: m.counts)), max_size=8))
def test_garbage_is_told_from_masks_and_harms_no_neighbour(strings: list[bytes]) -> None:
    batch = decode_batch(strings)
    for i, string in enumerate(strings):
        try:
            runs = decode_counts(string)
            sound = bool(string) and max(runs, default=0) < 1 << 31
        except FormatError:
            sound = False
        if sound:
            assert batch.is_valid[i]
            assert batch.runs[batch.offsets[i] : batch.offsets[i + 1]].tolist() == runs
        elif batch.is_valid[i]:
            # Only a number beyond any picture may be taken modulo 2**32.
            assert max(runs) >= 1 << 31


def _pairs(strings: list[bytes]) -> RunPairs:
    lengths = np.array([len(s) + len(PAIR_END) for s in strings], dtype=np.int64)
    return decode_pairs(b"".join(s + PAIR_END for s in strings), lengths)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(st.binary(max_size=20), _masks().map(lambda m: m.counts)), max_size=8))
def test_pairs_say_the_same_as_runs(strings: list[bytes]) -> None:
    batch, pairs = decode_batch(strings), _pairs(strings)
    assert pairs.is_valid.tolist() == batch.is_valid.tolist()
    for i in np.flatnonzero(batch.is_valid):
        runs = batch.runs[batch.offsets[i] : batch.offsets[i + 1]].tolist()
        own = slice(pairs.bounds[i], pairs.bounds[i + 1])
        assert pairs.background[own].tolist() == runs[::2]
        assert pairs.foreground[own].tolist() == [*runs[1::2], 0][: (len(runs) + 1) // 2]
        assert (pairs.areas[i], pairs.totals[i]) == (sum(runs[1::2]), sum(runs))


def test_nothing() -> None:
    assert len(decode_batch([])) == 0
    assert not decode_batch([b"", b""]).is_valid.any()
    assert len(_pairs([])) == 0
    assert not _pairs([b"", b""]).is_valid.any()


def test_large_pictures() -> None:
    size = (30000, 30000)
    mask = RLEMask.from_coco({"size": list(size), "counts": [10**8, 7 * 10**8, 10**8]})
    batch = decode_batch([mask.counts])
    assert batch.runs.tolist() == [10**8, 7 * 10**8, 10**8]
    assert batch.totals.tolist() == [9 * 10**8]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.none() | _masks().map(lambda m: m.counts) | st.just(b"zz"), max_size=10))
def test_marked_strings_are_told_from_missing_ones(strings: list[bytes | None]) -> None:
    data = b"".join(NO_MASK if s is None else s + PAIR_END for s in strings)
    pairs, places = decode_marked(data)
    present = [place for place, string in enumerate(strings) if string is not None]
    assert places.tolist() == present
    alone = _pairs([strings[place] or b"" for place in present])
    assert pairs.is_valid.tolist() == alone.is_valid.tolist()
    assert pairs.bounds.tolist() == alone.bounds.tolist()
    for n in np.flatnonzero(pairs.is_valid):
        own = slice(pairs.bounds[n], pairs.bounds[n + 1])
        assert pairs.background[own].tolist() == alone.background[own].tolist()
        assert pairs.foreground[own].tolist() == alone.foreground[own].tolist()


def test_what_stands_before_a_missing_mask_is_broken() -> None:
    pairs, places = decode_marked(b'04"04!!04"')
    assert places.tolist() == [0, 1, 3]
    assert pairs.is_valid.tolist() == [True, False, True]
    assert pairs.areas[[0, 2]].tolist() == [4, 4]
