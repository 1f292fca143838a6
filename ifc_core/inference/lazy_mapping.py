"""A mapping whose values are made when they are asked for, so that few are in memory at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class LazyMapping(Mapping[Key, Value]):
    """Values by key, the least recently used first to go; not for several threads.

    Args:
        keys: In their order, each once.
        make: Makes the value of a key; asked again after the value had to go.
        most: Values kept at once, at least 1.
    """

    def __init__(self, keys: Iterable[Key], make: Callable[[Key], Value], most: int) -> None:
        self._keys = dict.fromkeys(keys)
        self._make = make
        self._most = most
        self._kept: OrderedDict[Key, Value] = OrderedDict()

    def __getitem__(self, key: Key) -> Value:
        if key not in self._keys:
            raise KeyError(key)
        if key not in self._kept:
            self._kept[key] = self._make(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)
