"""States of a training that are damaged or of another shape of run, and shards of weights."""

import json

import pytest
import torch

from ifc_core.errors import CheckpointError
from ifc_core.models.safetensors_file import save_tensors
from ifc_core.training.run_state import read_shards, read_state, write_shards, write_state
from ifc_core.training.trainer import Trainer

GUIDED = {"guided_queries": 2}


@pytest.fixture
def stopped(toy_config, toy_source):
    """Settings of a run with a guide that has saved its state."""
    config = toy_config(**GUIDED)
    for _ in Trainer(config, source=toy_source).run():
        pass
    return config


def change_state(config, change):
    """Write the state again as ``change(tensors, facts)`` leaves it."""
    path = config.output / "resume.safetensors"
    tensors, facts = read_state(path)
    change(tensors, facts)
    write_state(path, {name: value.clone() for name, value in tensors.items()}, facts)
    return path


@pytest.mark.parametrize("kind", ["model/class_head", "average/class_head", "guide/"])
@pytest.mark.parametrize("damage", ["missing", "extra", "of the wrong shape"])
def test_tensors_that_do_not_fit_are_named(stopped, toy_source, kind, damage):
    def spoil(tensors, facts):
        name = next(name for name in tensors if name.startswith(kind))
        if damage == "missing":
            del tensors[name]
        elif damage == "extra":
            tensors[kind.split("/")[0] + "/more"] = torch.zeros(1)
        else:
            tensors[name] = tensors[name][:1].repeat(7, *[1] * (tensors[name].dim() - 1))

    change_state(stopped, spoil)
    with pytest.raises(CheckpointError, match=f"resume.safetensors do not fit .*1 {damage}"):
        Trainer(stopped, source=toy_source)


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors, name: tensors.pop(f"optimizer/exp_avg/{name}"),
        lambda tensors, name: tensors.update({f"optimizer/exp_avg_sq/{name}": torch.zeros(3)}),
        lambda tensors, name: tensors.update({f"optimizer/step/{name}": torch.zeros(3)}),
        lambda tensors, name: tensors.update({"optimizer/nothing": torch.zeros(3)}),
    ],
    ids=["missing", "misshapen", "many steps", "of no parameter"],
)
def test_moments_that_do_not_fit_are_named(stopped, toy_source, change):
    change_state(stopped, lambda tensors, facts: change(tensors, "input_proj.weight"))
    with pytest.raises(CheckpointError, match=r"resume.safetensors do not fit"):
        Trainer(stopped, source=toy_source)


@pytest.mark.parametrize(
    "facts",
    [{"iteration": "many"}, {"iteration": -1}, {"average_updates": None}, {"skipped": 0.5},
     {"scaler": [1]}],
    ids=str,
)  # fmt: skip
def test_facts_of_the_wrong_kind_are_named(stopped, toy_source, facts):
    change_state(stopped, lambda tensors, known: known.update(facts))
    with pytest.raises(CheckpointError, match="no usable training checkpoint"):
        Trainer(stopped, source=toy_source)


def test_values_that_are_not_finite_are_neither_written_nor_read(stopped, toy_source):
    path = stopped.output / "resume.safetensors"
    tensors, facts = read_state(path)
    tensors = {name: value.clone() for name, value in tensors.items()}
    broken = next(name for name in tensors if name.startswith("average/class_head"))
    tensors[broken].view(-1)[0] = float("inf")
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=r"average/class_head.* go on from .*resume"):
        write_state(path, tensors, facts)
    assert path.read_bytes() == before
    save_tensors(tensors, path, {"facts": json.dumps(facts)})
    with pytest.raises(CheckpointError, match=r"not finite \(average/class_head.*delete it"):
        Trainer(stopped, source=toy_source)


def test_a_run_goes_on_without_moments_of_parameters_that_it_trains_no_more(
    stopped, toy_config, toy_source
):
    frozen = toy_config(**GUIDED, frozen_stages=3)
    assert Trainer(frozen, source=toy_source).iteration == 4
    without = change_state(
        stopped,
        lambda tensors, facts: [tensors.pop(n) for n in list(tensors) if n.startswith("optimizer")],
    )
    assert without.is_file()
    assert Trainer(stopped, source=toy_source).iteration == 4


def test_shards_keep_to_their_size_and_replace_the_last_export(tmp_path):
    tensors = {f"t{i}": torch.randn(1000) for i in range(20)} | {"count": torch.tensor(3)}
    write_shards(tmp_path, {"old": torch.ones(3)}, {"iteration": 1})
    write_shards(tmp_path, tensors, {"iteration": 2}, max_bytes=14_000)
    files = sorted(tmp_path.glob("*.safetensors"))
    assert len(files) > 2
    assert max(file.stat().st_size for file in files) <= 14_000
    read, facts = read_shards(tmp_path)
    assert facts == {"iteration": 2}
    assert read.keys() == tensors.keys()
    assert read["count"].item() == 3
    files[0].write_bytes(files[0].read_bytes()[:-1] + b"x")
    with pytest.raises(CheckpointError, match="damaged"):
        read_shards(tmp_path)


def test_a_tensor_larger_than_a_shard_has_one_of_its_own(tmp_path):
    tensors = {"a": torch.randn(500), "wide": torch.randn(9000), "b": torch.randn(500)}
    write_shards(tmp_path, tensors, {"iteration": 1}, max_bytes=14_000)
    sizes = [file.stat().st_size for file in sorted(tmp_path.glob("*.safetensors"))]
    assert [size > 14_000 for size in sizes] == [False, True, False]
    read, _ = read_shards(tmp_path)
    for name, value in tensors.items():
        assert torch.equal(read[name], value.half().float()), name
