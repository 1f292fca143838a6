import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

import ifc_core
import ifc_resources
from ifc_core.errors import CheckpointError, ConfigError
from ifc_core.models import registry
from ifc_core.models.checkpoint import read_checkpoint_info, save_model
from ifc_core.structures import Category

CATEGORIES = tuple(Category(i, f"class {i}") for i in (1, 2, 3))


@pytest.fixture
def model(make_model):
    made = make_model()
    made.categories = CATEGORIES
    return made


@pytest.fixture
def bundled(model, tmp_path, monkeypatch):
    """A resources folder with one model in its manifest."""
    root = tmp_path / "resources"
    root.mkdir()
    file = root / "small.safetensors"
    save_model(model, file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    entry = {"name": "small", "file": file.name, "sha256": digest}
    (root / "models.json").write_text(json.dumps({"models": [entry]}))
    monkeypatch.setattr(ifc_resources, "_ROOT", root)
    return file


def _user_model(model, name):
    folder = registry.user_models_dir()
    folder.mkdir(parents=True, exist_ok=True)
    save_model(model, folder / f"{name}.safetensors")
    return folder / f"{name}.safetensors"


def test_load_by_file_and_by_name(model, tmp_path):
    path = tmp_path / "mine.safetensors"
    save_model(model, path)
    frames = np.random.default_rng(0).integers(0, 256, (2, 40, 56, 3), dtype=np.uint8)
    expected = model.predict_clip(frames)
    for loaded in (ifc_core.load_model(path), ifc_core.load_model("mine", search=[tmp_path])):
        np.testing.assert_allclose(
            loaded.predict_clip(frames).mask_logits, expected.mask_logits, atol=1e-5
        )
        assert loaded.categories == CATEGORIES
        assert not loaded.training
    folded = ifc_core.load_model(path, fold_batch_norm=True)
    np.testing.assert_allclose(
        folded.predict_clip(frames).mask_logits, expected.mask_logits, atol=1e-4
    )


def test_bundled_model(bundled):
    (entry,) = registry.list_models()
    assert (entry.name, entry.kind, entry.problem) == ("small", "bundled", "")
    assert entry.size_bytes == bundled.stat().st_size
    assert entry.info == read_checkpoint_info(bundled)
    assert ifc_core.load_model("small").sha256 == entry.info.sha256
    with pytest.raises(CheckpointError, match="comes with the program"):
        registry.remove_model("small")


def test_a_bundled_file_that_was_changed(bundled):
    with bundled.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(CheckpointError, match="damaged; install it again"):
        ifc_core.load_model("small")
    bundled.unlink()
    with pytest.raises(CheckpointError, match="missing; install it again"):
        ifc_core.load_model("small")


def test_nearer_models_hide_farther_ones(bundled, model, tmp_path):
    user = _user_model(model, "small")
    assert registry.find_model("small").path == user
    project = tmp_path / "project" / "models"
    project.mkdir(parents=True)
    save_model(model, project / "small.safetensors")
    assert registry.find_model("small", [project]).kind == "project"


@pytest.mark.parametrize("word", ["", "default"])
def test_the_default_is_the_bundled_model_whatever_has_its_name(
    bundled, model, tmp_path, monkeypatch, word
):
    monkeypatch.setattr(registry, "DEFAULT_MODEL", "small")
    project = tmp_path / "project" / "models"
    project.mkdir(parents=True)
    save_model(model, project / "small.safetensors")
    _user_model(model, "small")
    found = registry.find_model(word, [project])
    assert (found.kind, found.path) == ("bundled", bundled)
    assert registry.find_model("small", [project]).kind == "project"  # it stays reachable


def test_who_names_no_model_gets_the_bundled_one(bundled, make_model, monkeypatch):
    monkeypatch.setattr(registry, "DEFAULT_MODEL", "small")
    other = make_model(num_queries=7)
    other.categories = CATEGORIES
    _user_model(other, "small")
    assert ifc_core.load_model().sha256 == read_checkpoint_info(bundled).sha256
    assert ifc_core.load_model("small").config == other.config


def test_names_of_the_programs_models_are_reserved(bundled):
    for name in ("small", "Small", "", "default", "Default"):
        assert registry.is_reserved(name)
    assert not registry.is_reserved("small-2")


def test_remove(model):
    path = _user_model(model, "old")
    assert registry.remove_model("old") == path
    assert not path.exists()
    with pytest.raises(CheckpointError, match="no model"):
        registry.remove_model("old")


def test_unusable_files_are_listed_with_their_problem(model):
    _user_model(model, "good")
    (registry.user_models_dir() / "bad.safetensors").write_bytes(b"nonsense")
    entries = {e.name: e for e in registry.list_models() if e.kind == "user"}
    assert entries["good"].problem == ""
    assert "not a safetensors file" in entries["bad"].problem
    assert entries["bad"].info is None


def test_unknown_names(model):
    _user_model(model, "leaves")
    with pytest.raises(CheckpointError, match="did you mean leaves"):
        ifc_core.load_model("leafes")
    with pytest.raises(CheckpointError, match="no model and no file"):
        ifc_core.load_model("/nowhere/x.safetensors")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta", "cpu:x"])
def test_devices_that_are_not_there(device):
    with pytest.raises(ConfigError) as caught:
        registry.resolve_device(device)
    assert caught.value.name == "device"


def test_precision_names():
    cpu = torch.device("cpu")
    assert registry.resolve_precision("bf16", cpu) == torch.bfloat16
    assert registry.resolve_precision("fp16", cpu) == torch.float16
    assert registry.resolve_precision("auto", torch.device("mps")) == torch.float32
    with pytest.raises(ConfigError, match="fp8"):
        registry.resolve_precision("fp8", cpu)


def test_importing_the_package_leaves_torch_unloaded():
    code = "import sys, ifc_core; print(ifc_core.__version__, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == [ifc_core.__version__, "False"], done.stderr
    assert ifc_core.load_model is registry.load_model
    with pytest.raises(AttributeError, match="load_models"):
        _ = ifc_core.load_models
