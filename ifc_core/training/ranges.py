"""Checks of the numbers in settings, alike for all runs."""

from __future__ import annotations

import sys

from ifc_core.errors import ConfigError

MOST = sys.float_info.max
"""Bound of what need only be finite."""

MAX_SEED = 2**63 - 1
"""Largest seed of all generators that a run uses."""


def check_range(
    name: str, value: float, low: float = 0, high: float = MOST, *, is_above: bool = False
) -> None:
    """Refuse a number that is out of range; what is not a number is out of every range.

    Args:
        name: Of the setting.
        value: Of it.
        low: Least value.
        high: Largest value; infinity for one that may be infinite.
        is_above: Whether ``low`` itself is refused too.

    Raises:
        ConfigError: The number is out of range.
    """
    if (low < value if is_above else low <= value) and value <= high:
        return
    kind = "number" if high > MOST else "finite number"
    if high < MOST:
        words = f"from {low:.4g} to {high:.4g}"
    elif is_above:
        words = f"a {kind} above {low:.4g}"
    else:
        words = f"a {kind} of at least {low:.4g}"
    raise ConfigError(f"{name} must be {words} (got {value}).", name=name, value=value)


def check_seed(seed: int) -> None:
    """Refuse a seed that not all generators take.

    Raises:
        ConfigError: It is negative or too large.
    """
    if not 0 <= seed <= MAX_SEED:
        raise ConfigError(
            f"seed must be at least 0 and below 2^63 (got {seed}).", name="seed", value=seed
        )
