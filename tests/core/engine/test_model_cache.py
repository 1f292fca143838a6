import os
import shutil
from pathlib import Path

import pytest

from ifc_core.engine.model_cache import ModelCache
from ifc_core.errors import CheckpointError
from ifc_core.models import registry
from ifc_core.models.registry import DEFAULT_MODEL


@pytest.fixture
def loads() -> list[str]:
    return []


@pytest.fixture
def cache(loads: list[str]) -> ModelCache:
    def load(name: str, device: str, precision: str, search: object = ()) -> object:
        loads.append(name)
        return object()

    return ModelCache(2, load)


def copies(source: Path, folder: Path, *names: str) -> list[str]:
    return [str(shutil.copy(source, folder / f"{name}.safetensors")) for name in names]


def test_a_model_is_loaded_once(
    cache: ModelCache, loads: list[str], tiny_model_file: Path, tmp_path: Path
) -> None:
    (path,) = copies(tiny_model_file, tmp_path, "a")
    assert cache.get(path, "cpu") is cache.get("a", "cpu", (tmp_path,))
    assert len(loads) == 1


def test_a_loaded_model_is_not_read_again(
    cache: ModelCache, tiny_model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = copies(tiny_model_file, tmp_path, "a")
    first = cache.get(path, "cpu")

    def read(path: Path) -> None:
        raise AssertionError("every click would wait for it")

    monkeypatch.setattr(registry, "read_checkpoint_info", read)
    assert cache.get(path, "cpu") is first


def test_a_file_that_changed_is_loaded_again(
    cache: ModelCache, loads: list[str], tiny_model_file: Path, tmp_path: Path
) -> None:
    (path,) = copies(tiny_model_file, tmp_path, "a")
    first = cache.get(path, "cpu")
    os.utime(path, (1, 1))
    assert cache.get(path, "cpu") is not first


def test_the_one_not_used_for_longest_goes(
    cache: ModelCache, loads: list[str], tiny_model_file: Path, tmp_path: Path
) -> None:
    a, b, c = copies(tiny_model_file, tmp_path, "a", "b", "c")
    kept = cache.get(a, "cpu")
    cache.get(b, "cpu")
    cache.get(a, "cpu")
    cache.get(c, "cpu")
    assert cache.get(a, "cpu") is kept
    cache.get(b, "cpu")
    assert loads == [a, b, c, b]


def test_the_default_is_no_model_of_a_project(
    cache: ModelCache, loads: list[str], tiny_model_file: Path, tmp_path: Path
) -> None:
    copies(tiny_model_file, tmp_path, DEFAULT_MODEL)
    bundled = cache.get("default", "cpu", (tmp_path,))
    assert cache.get("", "cpu") is bundled
    assert cache.get(DEFAULT_MODEL, "cpu", (tmp_path,)) is not bundled
    assert loads == ["default", DEFAULT_MODEL]


def test_a_name_that_is_no_model(cache: ModelCache) -> None:
    with pytest.raises(CheckpointError, match="nonsense"):
        cache.get("nonsense", "cpu")
