"""What commands show: progress, results as JSON, and a clean stop on Ctrl-C."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from ifc_core.io.problems import for_terminal, printable
from ifc_core.jobs import JobContext, Progress
from ifc_core.stop_signals import stop_on_signals

PLAIN_INTERVAL_SECONDS = 5.0
_UNESCAPED = re.compile("[\x7f-\x9f]")  # controls that JSON leaves as they are


@contextmanager
def job(label: str, *, stream: TextIO | None = None) -> Iterator[JobContext]:
    """Run long work under a progress display, stopping cleanly on Ctrl-C.

    A terminal gets a progress bar; anything else gets a plain line now and then. Both go to
    standard error, so that standard output holds results alone. The first Ctrl-C (or request to
    end, or hang-up) asks the job to stop at its next check; the second one interrupts at once.
    Those that the process ignores, as after ``nohup``, stay ignored.

    Args:
        label: What is being done, such as ``"Proposing on clip.mp4"``.
        stream: Where to write; standard error where left out.

    Yields:
        The context to hand to the work.
    """
    target = sys.stderr if stream is None else stream
    show = _bar if target.isatty() else _plain_lines
    reporting = show(printable(label), target)
    with reporting as on_progress, stop_on_signals(JobContext(on_progress)) as context:
        yield context


def print_json(value: Any) -> None:
    """Write a value to standard output as indented JSON.

    Args:
        value: Anything that :mod:`json` can write; NaN and infinity are refused.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    sys.stdout.write(_UNESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")
    sys.stdout.flush()


def print_line(text: str) -> None:
    """Write one line to standard output; names in it command no terminal."""
    sys.stdout.write(for_terminal(text) + "\n")
    sys.stdout.flush()


def counted(number: int, thing: str) -> str:
    """A number of things in words.

    Args:
        number: How many.
        thing: What one of them is called; the last word becomes plural by rule.

    Returns:
        Text such as ``"1 new video"`` or ``"2 categories"``.
    """
    plural = f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}s"
    return f"{number} {thing if number == 1 else plural}"


def print_note(text: str) -> None:
    """Tell on standard error what a person should know, though the command goes on."""
    sys.stderr.write(f"ifc-studio: note: {for_terminal(text)}\n")


@contextmanager
def _bar(label: str, stream: TextIO) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (  # names of files are text, whatever brackets they have
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    bars = RichProgress(*columns, console=Console(file=stream), transient=True)
    task = bars.add_task(for_terminal(label), total=None, note="")

    def show(progress: Progress) -> None:
        note = for_terminal(progress.message)
        bars.update(task, completed=progress.done, total=progress.total, note=note)

    bars.start()
    try:
        yield show
    finally:
        with suppress(OSError):  # a terminal that was closed must not hide how the job ended
            bars.stop()


@contextmanager
def _plain_lines(label: str, stream: TextIO) -> Iterator[Callable[[Progress], None]]:
    last = -PLAIN_INTERVAL_SECONDS

    def show(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        finished = progress.total is not None and progress.done >= progress.total
        if not finished and now - last < PLAIN_INTERVAL_SECONDS:
            return
        last = now
        stream.write(plain_line(label, progress) + "\n")
        stream.flush()

    yield show


def plain_line(label: str, progress: Progress) -> str:
    """One line of progress for a log.

    Args:
        label: What is being done.
        progress: How far it has come.

    Returns:
        Text such as ``"Proposing: 20/82 frames, 0:31 left"``.
    """
    total = "" if progress.total is None else f"/{progress.total}"
    is_one = progress.total is None and progress.done == 1
    unit = progress.unit.removesuffix("s") if is_one else progress.unit
    parts = [f"{label}: {progress.done}{total} {unit}"]
    if progress.eta_seconds is not None and progress.done != progress.total:
        minutes, seconds = divmod(round(progress.eta_seconds), 60)
        hours, minutes = divmod(minutes, 60)
        clock = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
        parts.append(f"{clock}:{seconds:02d} left")
    if progress.message:
        parts.append(progress.message)
    return for_terminal(", ".join(parts))
