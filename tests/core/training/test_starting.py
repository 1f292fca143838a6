"""What a run makes of weights of other classes, more queries or memory, or another input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from ifc_core.errors import CheckpointError
from ifc_core.models.checkpoint import CheckpointInfo, write_checkpoint
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.structures import Category
from ifc_core.training.run_state import write_shards
from ifc_core.training.starting import build_model, load_weights, told_of_a_run

QUERIES = ("decoder.query_position.weight", "decoder.query_content.weight")


def network(
    num_queries: int, seed: int = 0, names: Sequence[str] = ("object",), **fields: Any
) -> IFC:
    torch.manual_seed(seed)
    config = IFCConfig.preset(
        "tiny", num_queries=num_queries, num_classes=len(names), query_content=True, **fields
    )
    model = IFC(config, [Category(i, name) for i, name in enumerate(names, start=1)])
    for name in QUERIES:  # as if they had learnt something
        torch.nn.init.normal_(model.get_parameter(name))
    return model


@pytest.fixture
def few(tmp_path: Path) -> tuple[IFC, Path]:
    model = network(6)
    path = tmp_path / "few.safetensors"
    write_checkpoint(path, CheckpointInfo(model.config, model.categories), model.state_dict())
    return model, path


def test_further_queries_are_shaken_copies(few: tuple[IFC, Path]) -> None:
    start, path = few
    grown = network(15, seed=1)
    load_weights(grown, path, seed=4)
    old, new = start.state_dict(), grown.state_dict()
    for name, value in old.items():
        if name not in QUERIES:
            torch.testing.assert_close(new[name], value)
    for name in QUERIES:
        rows, copies = old[name], new[name]
        torch.testing.assert_close(copies[:6], rows)
        away = torch.cdist(copies[6:], rows)
        assert away.argmin(dim=1).tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2]
        assert (away.min(dim=1).values > 0.1).all()
        assert len(copies.unique(dim=0)) == 15
    again, other = network(15, seed=2), network(15, seed=2)
    load_weights(again, path, seed=4)
    load_weights(other, path, seed=5)
    assert torch.equal(again.state_dict()[QUERIES[0]], new[QUERIES[0]])
    assert not torch.equal(other.state_dict()[QUERIES[0]], new[QUERIES[0]])


def test_fewer_queries_than_the_file_has_are_refused(few: tuple[IFC, Path]) -> None:
    with pytest.raises(CheckpointError) as caught:
        load_weights(network(5), few[1])
    assert set(caught.value.mismatched) == set(QUERIES)


def test_one_query_is_copied_as_well(few: tuple[IFC, Path], tmp_path: Path) -> None:
    one = network(1)
    path = tmp_path / "one.safetensors"
    write_checkpoint(path, CheckpointInfo(one.config, one.categories), one.state_dict())
    grown = network(3)
    load_weights(grown, path)
    assert all(grown.state_dict()[name].isfinite().all() for name in QUERIES)


def stored(model: IFC, path: Path) -> Path:
    write_checkpoint(path, CheckpointInfo(model.config, model.categories), model.state_dict())
    return path


def test_classes_are_known_by_name_and_not_by_place(tmp_path: Path) -> None:
    old = network(6, names=("person", "zebra", "truck"))
    new = network(6, seed=1, names=("truck", "person", "owl", "ape"))
    told: list[str] = []
    load_weights(new, stored(old, tmp_path / "coco.safetensors"), tell=told.append)
    for kind in ("weight", "bias"):
        before = old.state_dict()[f"class_head.layers.1.{kind}"]
        after = new.state_dict()[f"class_head.layers.1.{kind}"]
        mean = before[:-1].mean(0)
        wanted = torch.stack([before[2], before[0], mean, mean, before[3]])
        torch.testing.assert_close(after, wanted)
    assert len(told) == 1
    assert told[0].startswith("2 of 4 classes are new to coco.safetensors (owl, ape)")
    same_number = network(6, seed=1, names=("zebra", "truck", "person"))
    load_weights(same_number, tmp_path / "coco.safetensors", tell=told.append)
    rows = same_number.state_dict()["class_head.layers.1.bias"]
    torch.testing.assert_close(rows, old.state_dict()["class_head.layers.1.bias"][[1, 2, 0, 3]])
    assert len(told) == 1  # all of them are known


def test_further_memory_tokens_are_shaken_copies(tmp_path: Path) -> None:
    old, new = network(6), network(6, seed=1, num_memory_tokens=5)
    path = stored(old, tmp_path / "few.safetensors")
    load_weights(new, path)
    for name in ("encoder.memory_content", "encoder.memory_position"):
        rows, copies = old.state_dict()[name], new.state_dict()[name]
        torch.testing.assert_close(copies[:2], rows)
        assert len(copies.unique(dim=0)) == 5
    with pytest.raises(CheckpointError):
        load_weights(network(6, num_memory_tokens=1), path)


def test_settings_that_no_shape_shows_are_told(tmp_path: Path) -> None:
    path = stored(network(6), tmp_path / "rgb.safetensors")
    told: list[str] = []
    load_weights(network(6, seed=1), path, tell=told.append)
    assert told == []
    load_weights(network(6, color_order="bgr", num_heads=2), path, tell=told.append)
    assert len(told) == 1
    assert (
        "rgb.safetensors was trained with color_order rgb, not bgr, num_heads 4, not 2" in told[0]
    )


def test_the_folder_of_a_run_will_do_and_what_will_not_is_named(tmp_path: Path) -> None:
    old, new = network(6), network(6, seed=1)
    facts = {"model": old.config.to_dict(), "categories": ["object"]}
    write_shards(tmp_path / "run" / "ema", old.state_dict(), facts)
    load_weights(new, tmp_path / "run")
    name = "class_head.layers.1.weight"
    torch.testing.assert_close(new.state_dict()[name], old.state_dict()[name], rtol=1e-3, atol=1e-4)
    state = tmp_path / "run" / "resume.safetensors"
    state.touch()
    with pytest.raises(CheckpointError, match=r"name the folder .*run or the model file"):
        load_weights(new, state)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match="holds no exported weights"):
        load_weights(new, tmp_path / "empty")


def test_frozen_stages_without_weights_are_told(toy_config: Any, few: tuple[IFC, Path]) -> None:
    told: list[str] = []
    build_model(toy_config(frozen_stages=2), told.append)
    assert len(told) == 1
    assert "stay random" in told[0]
    build_model(toy_config(), told.append)
    assert len(told) == 1


def test_a_run_that_is_found_is_told_with_what_it_began_from() -> None:
    folder = Path("runs/a")
    going = told_of_a_run(folder, 3, 9, {"init": None}, {"init": "coco"})
    assert going == f"Going on with the run in {folder}, at iteration 3 of 9."
    done = told_of_a_run(folder, 9, 9, {"init": "b"}, {"init": None})
    assert "is complete with 9 of 9 iterations, so nothing is trained" in done
    assert done.endswith("It began from random weights; b is not looked at.")
