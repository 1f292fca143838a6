"""A run may ask for more queries than the weights have that it starts from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ifc_core.errors import CheckpointError
from ifc_core.models.checkpoint import CheckpointInfo, write_checkpoint
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.structures import Category
from ifc_core.training.starting import load_weights

QUERIES = ("decoder.query_position.weight", "decoder.query_content.weight")


def network(num_queries: int, seed: int = 0) -> IFC:
    torch.manual_seed(seed)
    config = IFCConfig.preset("tiny", num_queries=num_queries, num_classes=1, query_content=True)
    model = IFC(config, [Category(1, "object")])
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
