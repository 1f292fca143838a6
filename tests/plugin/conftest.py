"""A tiny clip, projects on it, and a studio in a real (virtual) window."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def shared_viewer(qapp, unwatched):
    """One window for all tests that leave it as it was: making one takes seconds."""
    import napari

    viewer = unwatched(napari.Viewer(show=False))
    yield viewer
    viewer.close()


@pytest.fixture
def clear_viewer(shared_viewer):
    """The shared window, empty; whoever uses it must take away what it docks."""
    yield shared_viewer
    shared_viewer.layers.clear()
    assert not shared_viewer.window.dock_widgets


@pytest.fixture
def desk(clear_viewer, tmp_path, clip):
    """A studio with the clip open, and the hands to work in it."""
    from desk import Desk

    made = Desk(clear_viewer, tmp_path / "projects", clip)
    yield made
    made.close()


@pytest.fixture(scope="module")
def lasting_desks(shared_viewer):
    """The desk that the tests of a module work at one after the other, once there is one."""
    desks = []
    yield desks
    for made in desks:
        made.close()
    shared_viewer.layers.clear()
    assert not shared_viewer.window.dock_widgets


@pytest.fixture
def desks(lasting_desks, shared_viewer, tmp_path):
    """Makes the desk of ``tidied_desk`` and ``empty_desk``, which is tidied at the end."""
    from desk import Desk

    def take(clip=None):
        if lasting_desks:
            lasting_desks[0].begin_anew(tmp_path / "projects", clip)
        else:
            lasting_desks.append(Desk(shared_viewer, tmp_path / "projects", clip))
        return lasting_desks[0]

    yield take
    made = lasting_desks[0]
    if made.studio.is_closed:
        made.close()
        lasting_desks.clear()
    else:
        made.leave()
    shared_viewer.layers.clear()


@pytest.fixture
def tidied_desk(desks, clip):
    """Like ``desk``, but with the studio of the module's other tests, which is half as dear.

    For tests that change nothing of a studio but what it has open: closing that takes all with it.
    A test may close the studio as well, and the next one gets another. A module takes it by a
    fixture ``desk`` of its own.
    """
    return desks(clip)


@pytest.fixture
def empty_desk(desks):
    """The same with nothing open."""
    return desks()


@pytest.fixture
def own_studio(lasting_desks):
    """Gives a test whose module shares a studio one that nobody used before or uses after it."""

    def close():
        while lasting_desks:
            lasting_desks.pop().close()

    close()
    yield
    close()


@pytest.fixture
def second(desk, tmp_path, clip):
    """Id of a second video of the project, of which the first is shown."""
    from ifc_core.jobs import JobContext
    from napari_ifc.controllers.videos import adding, look_through

    other = tmp_path / "other"
    shutil.copytree(clip, other)
    sorted(other.iterdir())[-1].unlink()
    edit, _ = adding(desk.project, look_through([other], JobContext()))
    desk.editor.apply(edit)
    return desk.project.videos()[1].id


@pytest.fixture(autouse=True)
def _small_pictures_are_quick(request, monkeypatch):
    """A small picture is decoded at once, however busy the machine is.

    Whether a frame is waited for is decided by how long the last ones took. Tests of frames that
    take long say so themselves.
    """
    if request.node.get_closest_marker("window"):
        from napari_ifc.frame_cache import FrameCache

        monkeypatch.setattr(FrameCache, "_seconds_a_frame", lambda cache: 0.0)


@pytest.fixture
def clip(tmp_path):
    """A folder of ten small frames, each of its own colour."""
    from fake_engine import NUM_FRAMES, SIZE

    folder = tmp_path / "clip"
    folder.mkdir()
    for number in range(NUM_FRAMES):
        frame = np.full((*SIZE, 3), (20 * number, 100, 255 - 20 * number), np.uint8)
        cv2.imwrite(str(folder / f"{number:05d}.png"), frame)
    return folder


@pytest.fixture
def session(clip, tmp_path):
    """An open session on the clip."""
    from napari_ifc.controllers.session import open_session

    opened = open_session(clip, tmp_path / "projects")
    yield opened
    opened.reader.close()
    opened.project.close()
