"""Frames decoded in a thread of their own while the device works on earlier ones."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


@contextmanager
def read_ahead(items: Iterable[_Item], capacity: int) -> Iterator[Iterator[_Item]]:
    """Iterate over ``items`` with up to ``capacity`` of them waiting, read by a second thread.

    Nothing else may use the source meanwhile; it is left alone again when the block ends.

    Args:
        items: The source; its errors come out where its items would.
        capacity: 0 reads in the caller's thread, one item at a time.

    Yields:
        The items in order.
    """
    if capacity < 1:
        yield iter(items)
        return
    reader = _Reader(iter(items), capacity)
    thread = threading.Thread(target=reader.run, name="read-ahead", daemon=True)
    thread.start()
    try:
        yield reader.items()
    finally:
        reader.stop()
        thread.join()


@dataclass(slots=True)
class _Reader(Generic[_Item]):
    source: Iterator[_Item]
    capacity: int
    _waiting: deque[_Item] = field(default_factory=deque)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _ended: threading.Event = field(default_factory=threading.Event)
    _unwanted: threading.Event = field(default_factory=threading.Event)
    _error: BaseException | None = None

    def run(self) -> None:
        """Read until the source ends or nobody wants more."""
        try:
            for item in self.source:
                with self._changed:
                    self._changed.wait_for(self._has_room)
                    if self._unwanted.is_set():
                        return
                    self._waiting.append(item)
                    self._changed.notify_all()
        except BaseException as error:
            self._error = error  # raised where the items are used
        finally:
            with self._changed:
                self._ended.set()
                self._changed.notify_all()

    def items(self) -> Iterator[_Item]:
        """What was read, in order."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended.is_set())
                if not self._waiting:
                    break
                item = self._waiting.popleft()
                self._changed.notify_all()
            yield item
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Read nothing more."""
        with self._changed:
            self._unwanted.set()
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return len(self._waiting) < self.capacity or self._unwanted.is_set()
