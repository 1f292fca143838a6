import pytest
import torch

from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC


@pytest.fixture(scope="session")
def make_model():
    """Seeded toy networks: ``make_model(encoder="none")``."""

    def make(**changes) -> IFC:
        torch.manual_seed(0)
        model = IFC(IFCConfig.preset("tiny", **changes)).eval()
        for module in model.modules():  # statistics that a wrong fold or freeze would show
            if hasattr(module, "running_var"):
                module.running_mean.uniform_(-0.1, 0.1)
                module.running_var.uniform_(0.8, 1.2)
        return model

    return make
