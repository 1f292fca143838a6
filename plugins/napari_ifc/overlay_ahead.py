"""Paints the masks of the frames that probably come next, in a thread of its own.

A frame and its masks come onto the screen together. Where the picture of its masks is painted
already it is taken, where it is just being painted the window waits for it, else the window
paints it itself: never is a picture shown that was made for anything else.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from napari_ifc.overlay import DrawnMask, Ground

Paint = Callable[[Sequence[DrawnMask]], Ground]
Read = Callable[[], Sequence[DrawnMask]]

_MAX_BYTES = 96 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """A picture to paint.

    Attributes:
        key: All that decides what is in it; equal keys mean the same picture.
        read: Gives the masks, lowest first; called in the thread.
        paint: Paints them; called in the thread.
    """

    key: Hashable
    read: Read
    paint: Paint


@dataclass(frozen=True, slots=True, eq=False)
class Painted:
    """What was painted ahead.

    Attributes:
        masks: All masks of the frame, lowest first.
        ground: The picture of those that are filled.
    """

    masks: Sequence[DrawnMask]
    ground: Ground


class OverlayAhead:
    """Keeps a few painted pictures; each is given away once.

    Plans and takings come from one thread, the window's.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._plans: list[Plan] = []
        self._busy_with: Plan | None = None
        self._painted: OrderedDict[Hashable, Painted] = OrderedDict()
        self._closed = False
        self._thread: threading.Thread | None = None

    def plan(self, plans: Sequence[Plan]) -> None:
        """Have pictures painted, the first one first; what was planned before is dropped.

        Pictures that were painted already are kept where they are among the plans.
        """
        with self._changed:
            if self._closed:
                return
            wanted = {plan.key for plan in plans}
            for key in [key for key in self._painted if key not in wanted]:
                del self._painted[key]
            self._plans = [plan for plan in plans if plan.key not in self._painted]
            self._changed.notify_all()
        if self._thread is None and plans:
            self._thread = threading.Thread(
                target=self._work, name="ifc-overlay-ahead", daemon=True
            )
            self._thread.start()

    def take(self, key: Hashable) -> Painted | None:
        """A picture that was planned; ``None`` where its painting has not begun, or failed."""
        with self._changed:
            while self._busy_with is not None and self._busy_with.key == key:
                self._changed.wait()
            self._plans = [plan for plan in self._plans if plan.key != key]
            return self._painted.pop(key, None)

    def close(self) -> None:
        """Stop the thread, after the picture it is at."""
        with self._changed:
            self._closed = True
            self._plans.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        self._painted.clear()

    # In the thread

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (self._plans or self._closed):
                    self._changed.wait()
                if self._closed:
                    return
                plan = self._busy_with = self._plans.pop(0)
            painted = None
            try:
                # Whatever fails here fails again, and says so, when the window paints the frame.
                with suppress(Exception):
                    masks = plan.read()
                    painted = Painted(masks, plan.paint(masks))
            finally:  # whatever happened, the window may wait for this one
                with self._changed:
                    self._busy_with = None
                    if painted is not None:
                        self._keep(plan.key, painted)
                    self._changed.notify_all()

    def _keep(self, key: Hashable, painted: Painted) -> None:
        self._painted[key] = painted
        held = sum(one.ground.nbytes for one in self._painted.values())
        while held > _MAX_BYTES and len(self._painted) > 1:
            _, dropped = self._painted.popitem()  # what is needed last
            held -= dropped.ground.nbytes
