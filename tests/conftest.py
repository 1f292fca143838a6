"""Settings that every test needs before Qt, napari or torch is imported."""

import os

import pytest

os.environ["QT_API"] = "pyside6"
os.environ.setdefault("OMP_NUM_THREADS", "2")


@pytest.fixture(autouse=True)
def _own_data_folder(tmp_path_factory, monkeypatch):
    """Keep what the program remembers out of the person's own folders."""
    folder = tmp_path_factory.mktemp("ifc-studio-data")
    monkeypatch.setenv("IFC_STUDIO_DATA_DIR", str(folder))
    monkeypatch.setenv("NAPARI_CONFIG", str(folder / "napari-settings.yaml"))
