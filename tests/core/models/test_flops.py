import pytest

from ifc_core.errors import ConfigError
from ifc_core.models.config import IFCConfig
from ifc_core.models.flops import encoder_gflops

# paper Table 1: 360 x 640 with T = 5 and 36, 720 x 1280 with T = 5 and 36
TABLE_1 = {
    "none": (5.17, 37.23, 24.62, 177.29),
    "full": (6.94, 148.70, 50.63, 1815.38),
    "decomposed": (8.33, 60.24, 36.73, 265.50),
    "ifc": (5.52, 39.73, 25.05, 180.39),
}
CELLS = [(360, 640, 5), (360, 640, 36), (720, 1280, 5), (720, 1280, 36)]


@pytest.mark.parametrize("encoder", TABLE_1)
@pytest.mark.parametrize("cell", range(4))
def test_table_1(encoder, cell):
    gflops = encoder_gflops(IFCConfig(encoder=encoder), *CELLS[cell])
    assert round(gflops, 2) == TABLE_1[encoder][cell]


def test_no_memory_costs_as_no_communication():
    without = encoder_gflops(IFCConfig(num_memory_tokens=0), 360, 640, 5)
    assert without == encoder_gflops(IFCConfig(encoder="none"), 360, 640, 5)


def test_unified_memory_costs_more():
    unified = IFCConfig(memory_grouping="unified")
    assert encoder_gflops(unified, 360, 640, 36) > encoder_gflops(IFCConfig(), 360, 640, 36)


def test_impossible_sizes():
    with pytest.raises(ConfigError, match="frames"):
        encoder_gflops(IFCConfig(), 360, 640, 0)
