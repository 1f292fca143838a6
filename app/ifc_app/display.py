"""Is there a screen, and a virtual one where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ifc_core.errors import IFCError


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
    server = subprocess.Popen(
        [
            *(program, "-displayfd", str(write_end), "-screen", "0", f"{width}x{height}x24"),
            *("-nolisten", "tcp", "+extension", "GLX"),
        ],
        pass_fds=[write_end],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C on the terminal is for us, who end it in our turn
    )
    os.close(write_end)
    previous = os.environ.get("DISPLAY")
    try:
        with os.fdopen(read_end) as reply:
            number = reply.readline().strip()  # ends when the server is ready, or gone
        if not number:
            raise IFCError(f"The virtual display did not start (Xvfb exit code {server.wait()}).")
        os.environ["DISPLAY"] = f":{number}"
        yield os.environ["DISPLAY"]
    finally:
        if previous is None:
            os.environ.pop("DISPLAY", None)
        else:
            os.environ["DISPLAY"] = previous
        server.terminate()
        server.wait()
