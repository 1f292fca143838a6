"""What a class may be."""

import pytest

from ifc_core.errors import ConfigError
from ifc_core.structures import Category


@pytest.mark.parametrize(
    ("identity", "told"), [(0, "positive"), (-1, "positive"), (1 << 62, "most")]
)
def test_an_id_that_no_file_takes_is_refused(identity: int, told: str) -> None:
    """A model of unknown origin brings its classes along, and its masks are written with them."""
    with pytest.raises(ConfigError, match=told):
        Category(identity, "cat")
    assert Category((1 << 62) - 1, "cat").id > 0
