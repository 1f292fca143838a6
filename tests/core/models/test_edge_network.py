"""The network that decides edges again: its arithmetic and its files."""

import json

import pytest
import torch
from safetensors.torch import save_file

from ifc_core.errors import CheckpointError
from ifc_core.models.backbone import BatchNorm
from ifc_core.models.edge_network import (
    MOTION_CHANNELS,
    EdgeNetwork,
    nearest_side,
    new_edge_network,
    read_edge_network,
    write_edge_network,
)
from ifc_core.models.names import DEFAULT_MODEL
from ifc_core.models.registry import load_model


@pytest.fixture
def trained():
    """A network whose answer depends on everything it is told."""
    torch.manual_seed(4)
    network = EdgeNetwork()
    torch.nn.init.normal_(network.answer.weight, std=0.1)
    for adapter in network.adapters:
        torch.nn.init.normal_(adapter[1].weight, std=0.1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.running_mean, std=0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    return network.eval()


def crops(side=32, count=3):
    generator = torch.Generator().manual_seed(1)
    pictures = torch.randint(0, 256, (count, 3, side, side), generator=generator, dtype=torch.uint8)
    return pictures, 3 * torch.randn(count, side, side, generator=generator)


def test_a_new_network_leaves_every_decision_as_it_was():
    pictures, prior = crops()
    answer = EdgeNetwork().eval()(pictures, prior)
    assert answer.masks.shape == prior.shape
    assert torch.equal(answer.masks > 0, prior > 0)
    assert answer.quality.shape == (len(prior),)


def test_nothing_known_of_motion_is_no_motion(trained):
    pictures, prior = crops()
    still = torch.zeros(len(prior), MOTION_CHANNELS, 16, 16)
    with torch.inference_mode():
        plain = trained(pictures, prior)
        assert all(map(torch.equal, plain, trained(pictures, prior, still)))
        for channel in range(MOTION_CHANNELS):
            moving = still.clone()
            moving[:, channel, :, 8:] = 7.0
            assert (trained(pictures, prior, moving).masks - plain.masks).abs().max() > 1e-3


@pytest.mark.parametrize("side", [32, 48, 128])
def test_bytes_and_real_numbers_say_the_same_at_any_side(trained, side):
    pictures, prior = crops(side)
    with torch.inference_mode():
        answer = trained(pictures, prior)
        assert answer.masks.shape == (3, side, side)
        again = trained(pictures.float(), prior)
        others = trained(255 - pictures, prior), trained(pictures, -prior)
    for place, least in ((0, 1e-3), (1, 1e-6)):  # the masks and their quality
        assert torch.equal(answer[place], again[place])
        assert all((answer[place] - other[place]).abs().max() > least for other in others)


def test_merged_norms_change_nothing(trained):
    pictures, prior = crops()
    with torch.inference_mode():
        plain = trained(pictures, prior)
        fused = trained.fuse()(pictures, prior)
        assert all(map(torch.equal, fused, trained.fuse()(pictures, prior)))  # once more
    assert not any(isinstance(m, torch.nn.BatchNorm2d | BatchNorm) for m in trained.modules())
    torch.testing.assert_close(tuple(fused), tuple(plain), rtol=1e-4, atol=1e-4)


def test_the_backbones_stages_are_told_by_every_adapter(trained):
    pictures, prior = crops(64)
    with torch.inference_mode():
        plain = trained(pictures, prior).masks
        for adapter in trained.adapters:
            weight = adapter[1].weight.clone()
            adapter[1].weight.zero_()
            assert (trained(pictures, prior).masks - plain).abs().max() > 1e-3
            adapter[1].weight.copy_(weight)


def test_stages_are_a_trained_backbones_and_stay_so():
    network, model = new_edge_network().train(), load_model(DEFAULT_MODEL)
    before = {name: value.clone() for name, value in network.stages.state_dict().items()}
    pictures, prior = crops()
    assert not any(parameter.requires_grad for parameter in network.stages.parameters())
    network(pictures, prior)  # statistics of live norms would move
    after = network.stages.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    with torch.inference_mode():
        maps = network.stages(pictures)
        frames = model.normalize(pictures.permute(0, 2, 3, 1))
        torch.testing.assert_close(maps[:2], model.backbone.eval().early_maps(frames))
    assert [m.shape[1:] for m in maps] == [(64, 8, 8), (128, 4, 4), (256, 2, 2)]


def test_evidence_says_which_side_a_colour_belongs_to():
    picture = torch.zeros(1, 3, 32, 32)
    picture[:, 0, :, :16] = 1.0  # red on the left, green on the right
    picture[:, 1, :, 16:] = 1.0
    inside = torch.zeros(1, 1, 32, 32)
    inside[..., :12] = 1.0  # four columns short of the red
    told = nearest_side(picture, inside)
    assert told.shape == (1, 3, 32, 32)
    assert told.abs().max() <= 1
    assert (told[..., 12:14] > 0.2).all()  # red, though outside
    assert (told[..., 20:24] < -0.2).all()
    assert (nearest_side(picture, torch.zeros_like(inside)) < 0).all()  # nothing is inside


def test_a_file_gives_back_what_was_written(trained, tmp_path):
    path = tmp_path / "edges.safetensors"
    write_edge_network(path, trained.state_dict(), {"seed": 4})
    again = read_edge_network(path)
    assert again.provenance == {"seed": 4}
    assert not again.training
    pictures, prior = crops()
    with torch.inference_mode():  # filters are stored in half precision
        torch.testing.assert_close(
            tuple(again(pictures, prior)), tuple(trained(pictures, prior)), rtol=1e-2, atol=1e-2
        )


def changed(trained, **tensors):
    return {**trained.state_dict(), **tensors}


@pytest.mark.parametrize(
    ("metadata", "change", "sentence"),
    [
        (None, {}, "no edge network"),
        ({"ifc_studio_edges": "[1]"}, {}, "no edge network"),
        ({"ifc_studio_edges": json.dumps({"version": 9, "provenance": {}})}, {}, "newer"),
        ({"ifc_studio_edges": json.dumps({"version": 4, "provenance": {}})}, {}, "older"),
        (
            {"ifc_studio_edges": json.dumps({"version": 5, "provenance": {}})},
            {"answer.bias": torch.zeros(5)},
            "not those of an edge network",
        ),
        (
            {"ifc_studio_edges": json.dumps({"version": 5, "provenance": {}})},
            {"answer.bias": torch.full((4,), float("nan"))},
            "NaN",
        ),
    ],
)
def test_a_strangers_file_is_refused(trained, tmp_path, metadata, change, sentence):
    path = tmp_path / "edges.safetensors"
    save_file(changed(trained, **change), path, metadata=metadata)
    with pytest.raises(CheckpointError, match=sentence):
        read_edge_network(path)


def test_a_cut_off_or_missing_file_is_refused(trained, tmp_path):
    path = tmp_path / "edges.safetensors"
    write_edge_network(path, trained.state_dict(), {})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError):
        read_edge_network(path)
    with pytest.raises(CheckpointError, match="Cannot read"):
        read_edge_network(tmp_path / "none.safetensors")


def test_weights_that_are_not_finite_are_not_written(trained, tmp_path):
    path = tmp_path / "edges.safetensors"
    with pytest.raises(CheckpointError, match="NaN"):
        write_edge_network(
            path, changed(trained, **{"answer.bias": torch.full((4,), torch.inf)}), {}
        )
    assert not path.exists()
