"""Finding a screen, and making a virtual one."""

import os
import subprocess
import sys

import pytest

from ifc_app.display import has_display, virtual_display
from ifc_core.errors import IFCError


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux can lack a display")
def test_a_display_is_what_the_environment_names(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not has_display()
    monkeypatch.setenv("DISPLAY", ":3")
    assert has_display()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Xvfb is Linux's")
def test_a_virtual_display_serves_windows_and_goes_away(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":997")
    program = "from PySide6.QtGui import QGuiApplication as A; s = A([]).primaryScreen().size()"
    with virtual_display(640, 480) as name:
        assert os.environ["DISPLAY"] == name != ":997"
        answer = subprocess.run(
            [sys.executable, "-c", program + "; print(s.width(), s.height())"],
            env={**os.environ, "QT_QPA_PLATFORM": "xcb"},
            capture_output=True,
            text=True,
            check=True,
        )
    assert answer.stdout.split() == ["640", "480"]
    assert os.environ["DISPLAY"] == ":997"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Xvfb is Linux's")
def test_a_ctrl_c_on_the_terminal_does_not_reach_the_display(monkeypatch):
    start, started = subprocess.Popen, []

    def noting(*words, **options):
        started.append(start(*words, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", noting)
    with virtual_display(640, 480):
        (server,) = started
        assert os.getpgid(server.pid) != os.getpgid(0)
    assert server.returncode is not None


def test_without_xvfb_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(IFCError, match="apt-get install -y xvfb"), virtual_display():
        pass
