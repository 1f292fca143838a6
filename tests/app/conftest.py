"""The plugin's fakes, importable here too, and one window for the tests of a module."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "plugin"))


@pytest.fixture(scope="module")
def lasting_window(qapp, tmp_path_factory, unwatched):
    """The window in which the tests of a module work one after the other."""
    from ifc_app.recent import RecentList
    from ifc_app.window import DesktopWindow

    made = DesktopWindow(recent=RecentList(tmp_path_factory.mktemp("app") / "recent"))
    unwatched(made.viewer)
    made.show()
    yield made
    made.studio.close()
    made.viewer.close()


@pytest.fixture
def tidied_window(lasting_window, tmp_path, qtbot):
    """Like ``window``, but that of the module's other tests: making one takes a second.

    For tests that change nothing of it but what it has open and what it remembers of that. A
    module takes it by a fixture ``window`` of its own.
    """
    studio = lasting_window.studio
    lasting_window.recent._folder = tmp_path / "recent"
    lasting_window.start_page.refresh()
    yield lasting_window
    studio.tasks.cancel()
    qtbot.waitUntil(lambda: not studio.tasks.is_running)
    studio.close_project()
    studio.panel.banner.clear()
    studio.show_napari_panels(False)
    lasting_window._show_start_page()
    lasting_window.start_page.setFocus()
