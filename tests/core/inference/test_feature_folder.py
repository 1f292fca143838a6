"""Features of clips on disk: found again, bounded, and no harm where a file is damaged."""

import os
from pathlib import Path

import pytest
import torch

from ifc_core.inference.clip_features import ClipFeatureCache
from ifc_core.inference.feature_folder import FeatureFolder
from ifc_core.inference.settings import ProposeSettings

SETTINGS = ProposeSettings(clip_length=3)


@pytest.fixture
def reader(scene, frames_reader):
    return frames_reader(scene)


def cache(model, reader, folder):
    return ClipFeatureCache(model, reader, SETTINGS, folder=folder)


def test_what_was_computed_once_is_read_by_the_next(tiny_model, reader, tmp_path):
    folder = FeatureFolder(tmp_path / "features", "video model", 1 << 30)
    first = cache(tiny_model, reader, folder)
    made = first.clip_of(1)
    second = cache(tiny_model, reader, folder)
    found = second.clip_of(1)
    assert (first.misses, second.misses) == (1, 0)
    assert torch.equal(found.mask_features, made.mask_features)
    assert torch.equal(found.mask_weights, made.mask_weights)
    assert torch.equal(found.class_probs, made.class_probs)
    other = FeatureFolder(tmp_path / "features", "video other-model", 1 << 30)
    assert other.read(made.frame_indices) is None


def full_folder(model, reader, path):
    """A folder that has room for two clips and holds "a", the older one, and "b"; and "abc"."""
    clip = cache(model, reader, None).clip_of(1)
    folder = FeatureFolder(path, "x", 2 * clip.num_bytes + 2000)
    clips = [
        type(clip)((n,), clip.mask_features, clip.mask_weights, clip.class_probs) for n in "abc"
    ]
    for age, one in enumerate(clips[:2]):
        folder.write(one)
        os.utime(folder._file(one.frame_indices), (1000 + age, 1000 + age))
    return folder, clips


def test_the_folder_keeps_to_its_bound_and_the_oldest_goes(tiny_model, reader, tmp_path):
    folder, clips = full_folder(tiny_model, reader, tmp_path)
    assert folder.read(("a",)) is not None  # used now, so "b" is the oldest
    folder.write(clips[2])
    assert [folder.read((n,)) is not None for n in "abc"] == [True, False, True]
    small = FeatureFolder(tmp_path / "small", "x", 10)
    small.write(clips[0])
    assert small.read(("a",)) is None


def test_a_file_that_cannot_be_removed_does_not_keep_the_others(
    tiny_model, reader, tmp_path, monkeypatch
):
    folder, clips = full_folder(tiny_model, reader, tmp_path)
    held = folder._file(("a",))
    unlink = Path.unlink

    def refuses(file, missing_ok=False):
        if file == held:
            raise PermissionError("held open")
        unlink(file, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuses)
    folder.write(clips[2])
    assert [folder.read((n,)) is not None for n in "abc"] == [True, False, True]


def test_a_damaged_file_is_computed_again_and_a_bad_folder_is_no_error(
    tiny_model, reader, tmp_path
):
    folder = FeatureFolder(tmp_path, "x", 1 << 30)
    clip = cache(tiny_model, reader, folder).clip_of(1)
    file = folder._file(clip.frame_indices)
    file.write_bytes(b"not tensors")
    again = cache(tiny_model, reader, folder)
    again.clip_of(1)
    assert again.misses == 1
    assert folder.read(clip.frame_indices) is not None
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, no folder")
    bad = cache(tiny_model, reader, FeatureFolder(blocked, "x", 1 << 30))
    assert bad.clip_of(1).frame_indices == clip.frame_indices
