"""Settings that every test needs before Qt, napari or torch is imported."""

import atexit
import functools
import gc
import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings

_LONGEST_WAIT_MS = 60_000
_MANY_BLOCKS = 200_000  # of memory, as about 100,000 objects take

# On a machine with much else to do no test fails for the time that it takes.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

os.environ["QT_API"] = "pyside6"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side


def _hear_signals():
    """Hear what a background job of a script or ``nohup`` does not, here and in children."""
    usual = {"SIGTERM": signal.SIG_DFL, "SIGHUP": signal.SIG_DFL}
    for name, handler in {"SIGINT": signal.default_int_handler, **usual}.items():
        number = getattr(signal, name, None)  # Windows has no hang-up
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


_hear_signals()


@pytest.fixture(autouse=True, scope="session")
def _shared_data_folder(tmp_path_factory):
    """The same as below for what several tests share."""
    folder = tmp_path_factory.mktemp("ifc-studio-shared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IFC_STUDIO_HOME", str(folder / "home"))
        patch.setenv("NAPARI_CONFIG", str(folder / "napari-settings.yaml"))
        yield


@pytest.fixture(autouse=True)
def _own_data_folder(tmp_path_factory, monkeypatch):
    """Keep what the program remembers out of the person's own folders."""
    folder = tmp_path_factory.mktemp("ifc-studio-data")
    monkeypatch.setenv("IFC_STUDIO_HOME", str(folder / "home"))
    monkeypatch.setenv("NAPARI_CONFIG", str(folder / "napari-settings.yaml"))


@pytest.fixture
def qtbot(qtbot):
    """Waits that end when what they wait for is there, on a machine busy with other things too."""
    for name in ("waitSignal", "waitSignals", "waitUntil"):
        setattr(qtbot, name, functools.partial(getattr(qtbot, name), timeout=_LONGEST_WAIT_MS))
    return qtbot


@pytest.fixture(scope="session")
def unwatched():
    """Has napari's window no longer look at every event of the whole program.

    It does so in Python, for menus that are hidden until the pointer comes near; no test is
    about that. It took a fifth of the time of a test with a window.
    """
    from qtpy.QtWidgets import QApplication

    def unwatch(viewer):
        QApplication.instance().removeEventFilter(viewer.window._qt_window)
        return viewer

    return unwatch


@pytest.fixture
def window(qapp, qtbot, tmp_path, unwatched):
    """The window of the desktop program; whatever it starts is real, and nothing of it may stay."""
    from ifc_app.recent import RecentList
    from ifc_app.window import DesktopWindow

    made = DesktopWindow(recent=RecentList(tmp_path / "recent"))
    unwatched(made.viewer)
    made.show()
    yield made
    made.studio.close()
    made.viewer.close()


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Spare what is imported for the tests from every collection of garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        _spare()
        gc.enable()


_spared_blocks = 0


@pytest.fixture(autouse=True)
def _spared_rest():
    """The same for what is imported later, and for what earlier tests left.

    napari keeps much of every window that was closed. Blocks of memory are counted at once,
    objects in the time that many a test takes.
    """
    if sys.getallocatedblocks() - _spared_blocks > _MANY_BLOCKS:
        _spare()


def _spare():
    """Leave all objects that there are out of the garbage collector's rounds.

    napari collects garbage whenever a layer goes. Looking through all of torch, or of a hundred
    closed windows, each time took more than half a second, several times in each test with a
    window.
    """
    global _spared_blocks
    _delete_what_waits()
    gc.collect()
    gc.freeze()
    _spared_blocks = sys.getallocatedblocks()
    atexit.unregister(gc.unfreeze)
    atexit.register(gc.unfreeze)  # what is left counts as leaked for some libraries


def _delete_what_waits():
    """Have Qt delete what it is to delete: closed studios go then, and are not kept for ever.

    Between tests no event loop runs that would come to it.
    """
    core = sys.modules.get("qtpy.QtCore")
    if core is not None and core.QCoreApplication.instance() is not None:
        core.QCoreApplication.sendPostedEvents(None, core.QEvent.Type.DeferredDelete)


def pytest_collection_modifyitems(items):
    """Skip GPU tests where there is no GPU, unless one is demanded (then they fail)."""
    on_gpu = [item for item in items if item.get_closest_marker("cuda")]
    if not on_gpu or os.environ.get("IFC_REQUIRE_CUDA") == "1":
        return
    import torch

    if not torch.cuda.is_available():
        for item in on_gpu:
            item.add_marker(
                pytest.mark.skip(reason="no CUDA device (IFC_REQUIRE_CUDA=1 demands one)")
            )
