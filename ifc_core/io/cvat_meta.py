"""What an XML of CVAT says of itself before its shapes: classes, and the tasks that hold them.

Source: CVAT, "XML annotation format", version 1.1 (https://docs.cvat.ai/docs/other/xml_format).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ifc_core.io.problems import MAX_NAME_LETTERS, Reporter, is_text, shown, why_not_named
from ifc_core.structures import Category

_STEP = re.compile(r"step=(\d{1,7})")
_COLOR = re.compile(r"#([0-9a-fA-F]{6})")
_NUMBER = re.compile(r"\d{1,9}")
MOST_FRAMES = 1_000_000
"""Of one task; each of them needs memory."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a file.

    Attributes:
        id: Its id, as text; may be empty.
        name: Its name.
        source: File name of its video; empty where it was made of pictures.
        size: (height, width) of its frames, where it is of a video.
        frames: Numbers of its frames in the video or among the pictures, from 0; ``None`` where
            nothing says so.
    """

    id: str
    name: str
    source: str = ""
    size: tuple[int, int] | None = None
    frames: range | None = None


@dataclass(slots=True)
class Meta:
    """Takes in the elements of ``<meta>`` as they end.

    Args:
        report: Told of problems.

    Attributes:
        tasks: By their ids, as text.
    """

    report: Reporter
    tasks: dict[str, Task] = field(default_factory=dict)
    _classes: dict[str, Category] = field(default_factory=dict)
    _told: dict[str, str] = field(default_factory=dict)  # of the task that is open
    _label: dict[str, str] = field(default_factory=dict)
    _source: str = ""

    @property
    def categories(self) -> tuple[Category, ...]:
        """The classes, in the order of the file."""
        return tuple(self._classes.values())

    def end(self, path: tuple[str, ...], text: str, where: str) -> None:
        """Take in an element.

        Args:
            path: Names of the elements around it within ``<meta>``, its own last.
            text: Its text, without blanks around it.
            where: Its place in the file.
        """
        name, parents = path[-1], path[:-1]
        if parents[-1:] == ("label",):
            self._label[name] = text
        elif path[-2:] == ("labels", "label"):
            self._add_label(where)
        elif name in ("task", "job"):
            self._add_task(where)
        elif parents[-1:] in (("task",), ("job",)):
            self._told[name] = text
        elif parents[-1:] == ("original_size",):
            self._told[f"size {name}"] = text
        elif path == ("source",):
            self._source = text

    def close(self) -> None:
        """``<meta>`` ended; a source that it names itself is that of its only task."""
        if self._source and len(self.tasks) == 1:
            ((key, task),) = self.tasks.items()
            source = task.source or self._source
            self.tasks[key] = Task(task.id, task.name, source, task.size, task.frames)

    def category_id(self, name: str | None, where: str) -> int:
        """The id of a class by its name, which is new where ``<meta>`` does not list it."""
        known = self._classes.get(name or "")
        return known.id if known is not None else self._add_class(name or "", "", where)

    def _add_label(self, where: str) -> None:
        told, self._label = self._label, {}
        if told.get("parent"):  # a part of a skeleton
            return
        if told.get("name") not in self._classes:
            self._add_class(told.get("name", ""), told.get("color", ""), where)

    def _add_class(self, name: str, color: str, where: str) -> int:
        if not is_text(name) or not name.strip():
            self.report(where, f"expected the name of a class, found {shown(name)}.")
        elif reason := why_not_named(name, MAX_NAME_LETTERS):
            self.report(where, f"the name {shown(name)} {reason}.")
        number = len(self._classes) + 1
        self._classes[name] = Category(number, name)
        if found := _COLOR.fullmatch(color):
            red, green, blue = bytes.fromhex(found.group(1))
            self._classes[name] = Category(number, name, color_rgb=(red, green, blue))
        return number

    def _add_task(self, where: str) -> None:
        told, self._told = self._told, {}
        size = None
        if "size height" in told and "size width" in told:
            size = (_whole(told, "size height"), _whole(told, "size width"))
        key = told.get("id", "")
        if key in self.tasks:
            self.report(where, f"the task {shown(key)} is listed twice.")
        frames = _frames_of(told)
        if frames is not None and len(frames) > MOST_FRAMES:
            self.report(where, f"a task has {MOST_FRAMES:,} frames at most, not {len(frames):,}.")
        self.tasks[key] = Task(key, told.get("name", ""), told.get("source", ""), size, frames)


def _whole(told: Mapping[str, str], name: str) -> int:
    """A number that is told; 0 where it is none."""
    text = told.get(name, "")
    return int(text) if _NUMBER.fullmatch(text) else 0


def _frames_of(told: Mapping[str, str]) -> range | None:
    """Which frames a task holds: from the first to the last, every so many."""
    count = _whole(told, "size")
    step = _STEP.search(told.get("frame_filter", ""))
    every = max(1, int(step.group(1))) if step else 1
    first = _whole(told, "start_frame")
    if _NUMBER.fullmatch(told.get("stop_frame", "")):
        return range(first, max(first, _whole(told, "stop_frame")) + 1, every)
    return range(first, first + count * every, every) if count else None
