"""Settings that every test needs before Qt, napari or torch is imported."""

import functools
import os

import pytest

_LONGEST_WAIT_MS = 60_000

os.environ["QT_API"] = "pyside6"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side


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
