"""What a process that proposes brings along: each one pays for it before its first frame."""

import subprocess
import sys

import torch

from ifc_core.models.checkpoint import (
    CheckpointInfo,
    expected_shapes,
    read_checkpoint,
    write_checkpoint,
)
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.models.unfilled import unfilled
from ifc_core.structures import Category

_PROPOSE = """
import sys
import numpy as np
from ifc_core.inference.settings import ProposeSettings
from ifc_core.inference.tiling import predict
from ifc_core.models.registry import load_model

frames = np.zeros((3, 64, 96, 3), np.uint8)
settings = ProposeSettings(short_side=64, precision="fp32")
assert len(list(predict(load_model(sys.argv[1]), enumerate(frames), settings, None))) == 3
print([name for name in sys.argv[2:] if name in sys.modules])
"""


def _tiny() -> tuple[IFC, CheckpointInfo]:
    torch.manual_seed(0)
    model = IFC(IFCConfig.preset("tiny", num_classes=1), [Category(1, "object")])
    return model, CheckpointInfo(model.config, model.categories)


def test_proposing_needs_neither_torchvision_nor_the_compiler(tmp_path):
    model, info = _tiny()
    path = tmp_path / "tiny.safetensors"
    write_checkpoint(path, info, model.state_dict())
    unwanted = ["torchvision", "torch._dynamo", "torch._inductor", "sympy"]
    command = [sys.executable, "-c", _PROPOSE, str(path), *unwanted]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_is_drawn_for_a_network_of_shapes_alone():
    model, info = _tiny()
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    with unfilled():
        empty = IFC(info.model_config)
    assert torch.equal(torch.rand(1), expected)
    assert all(tensor.is_meta for tensor in empty.state_dict().values())
    own = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert expected_shapes(info.model_config) == own


def test_a_built_network_shares_nothing_with_its_checkpoint(tmp_path):
    model, info = _tiny()
    path = tmp_path / "tiny.safetensors"
    write_checkpoint(path, info, model.state_dict())
    checkpoint = read_checkpoint(path)
    first, second = checkpoint.build(), checkpoint.build()
    for name, tensor in first.state_dict().items():
        assert tensor.dtype == torch.float32, name
        assert tensor.device.type == "cpu", name
    assert all(
        p.requires_grad == q.requires_grad
        for p, q in zip(model.parameters(), first.parameters(), strict=True)
    )
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.zero_()
    assert any(parameter.any() for parameter in second.parameters())
