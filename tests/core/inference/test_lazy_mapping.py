"""Values that are made when they are asked for."""

import pytest

from ifc_core.inference.lazy_mapping import LazyMapping


def test_values_are_made_when_asked_for_and_few_are_kept():
    made = []
    squares = LazyMapping([3, 1, 2], lambda key: made.append(key) or key * key, 2)
    assert made == []
    assert list(squares) == [3, 1, 2]
    assert len(squares) == 3
    assert 1 in squares
    assert 4 not in squares
    assert [squares[3], squares[1], squares[3], squares[2], squares[3]] == [9, 1, 9, 4, 9]
    assert made == [3, 1, 2]
    assert squares[1] == 1  # had to go when 2 came
    assert made == [3, 1, 2, 1]
    with pytest.raises(KeyError):
        squares[4]
    assert made == [3, 1, 2, 1]
