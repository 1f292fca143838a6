"""Is there a screen, and a virtual one where there is none."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from ifc_core.errors import IFCError

_STEP_SECONDS = 0.2


def has_display() -> bool:
    """Whether a window can be shown. Always true on Windows and macOS."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def virtual_display(width: int = 1600, height: int = 1000) -> Iterator[str]:
    """Run Xvfb for the time of a ``with`` block and point ``DISPLAY`` at it.

    Args:
        width: Screen width in pixels.
        height: Screen height in pixels.

    Yields:
        The display's name, such as ``":7"``.

    Raises:
        IFCError: Xvfb is not installed or does not start.
    """
    program = shutil.which("Xvfb")
    if program is None:
        raise IFCError(
            "There is no display and no virtual one: "
            "run `sudo apt-get install -y xvfb`, or set DISPLAY."
        )
    read_end, write_end = os.pipe()
    command = [
        *(program, "-displayfd", str(write_end), "-screen", "0", f"{width}x{height}x24"),
        *("-nolisten", "tcp", "+extension", "GLX"),
    ]
    previous = os.environ.get("DISPLAY")
    servers: list[subprocess.Popen[bytes]] = []
    try:
        # Signals are heard in this thread: one that ends the wait while the server is started in
        # another one, or that thread itself, leaves it known, so that it does not outlive us.
        with ThreadPoolExecutor(1) as starter:
            starter.submit(_start, command, write_end, servers).result()
        (server,) = servers
        os.close(write_end)
        number = _number(read_end)
        if not number:
            raise IFCError(f"The virtual display did not start (Xvfb exit code {server.wait()}).")
        os.environ["DISPLAY"] = f":{number}"
        yield os.environ["DISPLAY"]
    finally:
        if previous is None:
            os.environ.pop("DISPLAY", None)
        else:
            os.environ["DISPLAY"] = previous
        for server in servers:
            server.terminate()
            server.wait()


def _number(reply: int) -> str:
    """What the server says once it is ready; empty where it is gone.

    It is waited for in steps: a signal that comes just before a read blocks would be heard after.
    """
    with os.fdopen(reply) as lines:
        while not select.select([lines], [], [], _STEP_SECONDS)[0]:
            pass
        return lines.readline().strip()


def _start(command: list[str], reply: int, servers: list[subprocess.Popen[bytes]]) -> None:
    """Start the server, which writes the number of its display into a file that is open."""
    server = subprocess.Popen(
        command,
        pass_fds=[reply],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C on the terminal is for us, who end it in our turn
    )
    servers.append(server)
