import json
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ifc_core.errors import CheckpointError, ConfigError, OutputError
from ifc_core.models.checkpoint import (
    CheckpointInfo,
    read_checkpoint,
    read_checkpoint_info,
    save_model,
    write_checkpoint,
)
from ifc_core.models.config import IFCConfig
from ifc_core.models.preferences import ModelPreferences
from ifc_core.structures import Category

CATEGORIES = (
    Category(3, "Blatt – leaf", "plant", (1, 2, 3), "l"),
    Category(7, "stem"),
    Category(1, "root"),
)
KEY = "ifc_studio"


@pytest.fixture
def model(make_model):
    return make_model()


@pytest.fixture(scope="module")
def saved_bytes(make_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.safetensors"
    provenance = {"commit": "abc", "ap": 0.5}
    save_model(make_model(), path, categories=CATEGORIES, provenance=provenance)
    return path.read_bytes()


@pytest.fixture
def saved(saved_bytes, tmp_path):
    """A file of the weights of ``model``, which a test may spoil."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(saved_bytes)
    return path


def test_a_class_name_that_could_not_be_read_again_is_not_written(model, tmp_path):
    path = tmp_path / "long.safetensors"
    others = CATEGORIES[1:]
    with pytest.raises(ConfigError, match="has a name of 201 letters"):
        save_model(model, path, categories=(Category(2, "x" * 201), *others))
    assert not path.exists()
    save_model(model, path, categories=(Category(2, "x" * 200), *others))
    assert read_checkpoint_info(path).categories[0].name == "x" * 200


def _frames():
    return np.random.default_rng(0).integers(0, 256, (2, 40, 56, 3), dtype=np.uint8)


def _rewrite(path, change_metadata=None, change_tensors=None):
    """Save the file again with changed metadata or tensors, leaving the stored hash."""
    tensors = load_file(path)
    with path.open("rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        metadata = json.loads(file.read(length))["__metadata__"]
    fields = json.loads(metadata[KEY])
    if change_metadata:
        change_metadata(fields)
    if change_tensors:
        change_tensors(tensors)
    save_file(tensors, path, {"format": "pt", KEY: json.dumps(fields)})


def test_everything_comes_back(model, saved):
    checkpoint = read_checkpoint(saved)
    assert checkpoint.categories == CATEGORIES
    assert checkpoint.model_config == model.config
    assert checkpoint.info.provenance == {"commit": "abc", "ap": 0.5}
    assert checkpoint.info.preferences.short_side == 360
    assert checkpoint.info.preferences.score_threshold == 0.1
    assert read_checkpoint_info(saved) == checkpoint.info
    built = checkpoint.build()
    assert built.categories == CATEGORIES
    assert built.sha256 == checkpoint.info.sha256
    expected, actual = model.predict_clip(_frames()), built.predict_clip(_frames())
    np.testing.assert_array_equal(actual.mask_logits, expected.mask_logits)
    assert not built.training


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size_multiple", 32),
        ("duplicate_iou", 0.7),
        ("continuation_score", 0.7),
        ("edges", "best"),
    ],
)
def test_what_it_says_of_proposing_comes_back(model, tmp_path, name, value):
    model.preferences = ModelPreferences(**{name: value})
    path = tmp_path / "model.safetensors"
    save_model(model, path, categories=CATEGORIES)
    assert getattr(read_checkpoint_info(path).preferences, name) == value
    assert getattr(read_checkpoint(path).build().preferences, name) == value


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("size_multiple", 1),
        ("duplicate_iou", 1.0),
        ("continuation_score", 1.0),
        ("edges", "off"),
    ],
)
def test_older_files_say_nothing_of_it_and_propose_as_published(saved, name, published):
    _rewrite(saved, change_metadata=lambda f: f.pop(f"preferred_{name}"))
    assert getattr(read_checkpoint(saved).build().preferences, name) == published


def test_an_impossible_overlap_of_duplicates_is_named(saved):
    _rewrite(saved, change_metadata=lambda f: f.update(preferred_duplicate_iou=0.05))
    with pytest.raises(CheckpointError, match=r"preferred duplicate IoU must be from 0\.1 to 1"):
        read_checkpoint(saved)


def test_half_precision_keeps_vectors_exact(model, tmp_path):
    full, half = tmp_path / "full.safetensors", tmp_path / "half.safetensors"
    save_model(model, full, categories=CATEGORIES)
    save_model(model, half, categories=CATEGORIES, precision="fp16")
    assert half.stat().st_size < 0.6 * full.stat().st_size
    tensors = read_checkpoint(half).state_dict
    assert tensors["backbone.bn1.running_var"].dtype == torch.float32
    assert tensors["input_proj.weight"].dtype == torch.float16
    built = read_checkpoint(half).build()
    assert built.dtype == torch.float32
    expected, actual = model.predict_clip(_frames()), built.predict_clip(_frames())
    np.testing.assert_allclose(actual.class_logits, expected.class_logits, atol=0.02)


def test_the_hash_tells_weights_apart(model, saved, tmp_path):
    again = save_model(model, tmp_path / "again.safetensors", categories=CATEGORIES)
    assert again.sha256 == read_checkpoint_info(saved).sha256
    with torch.no_grad():
        model.input_proj.bias[0] += 1
    other = save_model(model, tmp_path / "other.safetensors", categories=CATEGORIES)
    assert other.sha256 != again.sha256


def test_written_whole_or_not_at_all(model, tmp_path):
    with pytest.raises(OutputError):
        save_model(model, tmp_path / "missing" / "m.safetensors", categories=CATEGORIES)
    with torch.no_grad():
        model.input_proj.bias[0] = float("nan")
    with pytest.raises(CheckpointError, match=r"input_proj\.bias"):
        save_model(model, tmp_path / "nan.safetensors", categories=CATEGORIES)
    assert list(tmp_path.iterdir()) == []


def test_values_too_large_for_half_precision(model, tmp_path):
    with torch.no_grad():
        model.input_proj.weight[0, 0] = 1e6
    with pytest.raises(CheckpointError, match=r"input_proj\.weight"):
        save_model(model, tmp_path / "m.safetensors", categories=CATEGORIES, precision="fp16")


def test_as_many_categories_as_classes():
    with pytest.raises(ConfigError, match="3 classes"):
        CheckpointInfo(IFCConfig.preset("tiny"), CATEGORIES[:2])
    with pytest.raises(ConfigError, match="3 classes"):
        CheckpointInfo(IFCConfig.preset("tiny"), (CATEGORIES[0],) * 3)


def test_tensors_that_do_not_fit_are_named(model, tmp_path):
    state = model.state_dict()
    state["surplus"] = torch.zeros(1)
    del state["input_proj.weight"]
    state["input_proj.bias"] = torch.zeros(7)
    info = CheckpointInfo(model.config, CATEGORIES)
    with pytest.raises(CheckpointError) as caught:
        write_checkpoint(tmp_path / "m.safetensors", info, state)
    error = caught.value
    assert error.missing == ("input_proj.weight",)
    assert error.unexpected == ("surplus",)
    assert error.mismatched == {"input_proj.bias": ((32,), (7,))}
    for name in ("input_proj.weight", "surplus", "input_proj.bias"):
        assert name in str(error)


def _delete(tensors):
    del tensors["encoder.memory_content"]


def _extra(tensors):
    tensors["encoder.memory_extra"] = torch.zeros(1)


def _reshape(tensors):
    tensors["encoder.memory_content"] = torch.zeros(3, 32)


def _integers(tensors):
    tensors["encoder.memory_content"] = torch.zeros(2, 32, dtype=torch.int32)


def _nan(tensors):
    tensors["encoder.memory_content"][1, 1] = float("nan")


def _negative(tensors):
    tensors["backbone.bn1.running_var"][0] = -1


def _other_values(tensors):
    tensors["encoder.memory_content"][1, 1] += 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_delete, "missing .encoder.memory_content"),
        (_extra, "extra .encoder.memory_extra"),
        (_reshape, r"memory_content is \[3, 32\] instead of \[2, 32\]"),
        (_integers, "memory_content .* I32"),
        (_nan, "memory_content .* NaN"),
        (_negative, "running_var .* negative"),
        (_other_values, "not the ones it was saved with"),
    ],
)
def test_hostile_tensors(saved, change, words):
    _rewrite(saved, change_tensors=change)
    with pytest.raises(CheckpointError, match=words):
        read_checkpoint(saved)


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.update(version=99),
        lambda f: f.update(model_config={"hidden_dim": 10**12}),
        lambda f: f.update(model_config=[1]),
        lambda f: f["model_config"].update(surprise=1),
        lambda f: f["model_config"].update(dropout=10**400),
        lambda f: f["model_config"].update(backbone=["resnet18"]),
        lambda f: f.update(categories=f["categories"][:1]),
        lambda f: f.update(categories="abc"),
        lambda f: f["categories"][0].update(name=5),
        lambda f: f["categories"][0].update(name="\ud800"),
        lambda f: f["categories"][0].update(name="x" * 10_000),
        lambda f: f["categories"][0].update(supercategory="x" * 201),
        lambda f: f["categories"][0].update(id="1"),
        lambda f: f["categories"][0].update(id=7),
        lambda f: f["categories"][0].update(color_rgb=[1, 2]),
        lambda f: f.pop("preferred_short_side"),
        lambda f: f.update(preferred_short_side=10**9),
        lambda f: f.update(preferred_short_side="360"),
        lambda f: f.update(preferred_score_threshold=1.5),
        lambda f: f.update(preferred_score_threshold="0.5"),
        lambda f: f.update(preferred_duplicate_iou=0),
        lambda f: f.update(preferred_duplicate_iou=1.5),
        lambda f: f.update(preferred_duplicate_iou=float("nan")),
        lambda f: f.update(preferred_duplicate_iou=True),
        lambda f: f.update(preferred_duplicate_iou="0.5"),
        lambda f: f.update(preferred_duplicate_iou=None),
        lambda f: f.update(preferred_lookahead=201),
        lambda f: f.update(preferred_edges="sharp"),
        lambda f: f.update(preferred_edges=["best"]),
        lambda f: f.update(preferred_edges=None),
        lambda f: f.update(preferred_continuation_score=-0.1),
        lambda f: f.update(preferred_continuation_score=True),
        lambda f: f.update(provenance=[]),
        lambda f: f.pop("sha256"),
        lambda f: f.pop("model_config"),
        lambda f: f.clear(),
    ],
)
def test_hostile_descriptions(saved, change):
    _rewrite(saved, change_metadata=change)
    for read in (read_checkpoint, read_checkpoint_info):
        with pytest.raises(CheckpointError) as caught:
            read(saved)
        assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"abc",
        b"\0" * 64,
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 5_000_000) + b" " * 5_000_001,
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 100) + b"[" * 100,
        struct.pack("<Q", 4) + b"null",
        b"PK\x03\x04" + b"\0" * 100,
    ],
)
def test_files_of_another_kind(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        read_checkpoint(path)


def test_a_file_cut_off_anywhere(saved):
    whole = saved.read_bytes()
    for length in (4, 8, 100, 5000, len(whole) // 2, len(whole) - 1):
        saved.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            read_checkpoint(saved)


def test_a_safetensors_file_of_another_program(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match="not an IFC Studio model"):
        read_checkpoint(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        read_checkpoint(tmp_path / "none.safetensors")
    with pytest.raises(CheckpointError):
        read_checkpoint(tmp_path)
