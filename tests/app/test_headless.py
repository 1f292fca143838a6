"""The whole job without a screen: what it writes, and that it leaves a person's sample alone."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from ifc_app.headless import propose_and_write
from ifc_core.config import data_dir

pytestmark = pytest.mark.window


def test_the_sample_gets_a_project_of_its_own(qapp, tmp_path, monkeypatch):
    from fake_engine import FakeEngine

    from ifc_app.recent import RecentList
    from ifc_app.window import DesktopWindow

    monkeypatch.setenv("IFC_STUDIO_HOME", str(tmp_path / "home"))
    for turn in range(2):
        engine = FakeEngine((360, 640), 80)
        window = DesktopWindow(
            recent=RecentList(tmp_path / "recent"), engine_factory=lambda made=engine: made
        )
        out, scratch = tmp_path / f"out{turn}", tmp_path / f"scratch{turn}"
        out.mkdir()
        written = propose_and_write(window, None, out, scratch, Console(quiet=True))
        ids = sorted(window.studio.workspace.index.track_ids())
        assert ids == list(range(1, len(ids) + 1))
        assert ids
        window.studio.close()
        window.viewer.close()
        assert all(file.stat().st_size for file in written.values())
        annotations = json.loads(written["annotations"].read_text())["annotations"]
        assert len(annotations) == len(ids)
    assert not (data_dir() / "projects" / "bedroom.ifcproj").exists()
