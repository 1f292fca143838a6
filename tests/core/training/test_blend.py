"""Weights between those of two networks."""

import copy

import torch

from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.structures import Category
from ifc_core.training.blend import blend


def test_blending_goes_from_one_network_to_the_other():
    torch.manual_seed(0)
    parent = IFC(IFCConfig.preset("tiny", num_classes=1), [Category(1, "object")]).eval()
    trained = copy.deepcopy(parent)
    with torch.no_grad():
        for value in trained.parameters():
            value += 1.0
    for share in (0.0, 0.25, 1.0):
        mixed = blend(parent, trained, share).state_dict()
        for name, value in parent.named_parameters():
            torch.testing.assert_close(mixed[name], value + share)
