"""What docs/python.md shows is run, as it stands."""

import contextlib
import io
import json
import re
import shutil
from pathlib import Path

import pytest

import ifc_core
from ifc_core.annotation import ProjectReader

GUIDE = Path(__file__).parents[3] / "docs" / "python.md"


@pytest.fixture
def parts(tmp_path, clip_file, sure_model, monkeypatch):
    """The examples, to be run one after the other in a folder that has the clip."""
    shutil.copy(clip_file, tmp_path / "mice.mp4")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ifc_core, "load_model", lambda device: sure_model, raising=False)

    def run(number):
        code = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)[number]
        told = io.StringIO()
        with contextlib.redirect_stdout(told):
            exec(compile(code, f"{GUIDE.name}, part {number + 1}", "exec"), {})  # noqa: S102
        return told.getvalue().splitlines()

    return run


def test_the_examples_of_the_guide_run(parts, tmp_path):
    proposed = parts(0)
    masks = [line.split() for line in proposed if line.endswith("None")]
    assert {int(frame) for frame, *_ in masks} == set(range(9))
    assert len(proposed) > len(masks)  # the table

    parts(1)
    with ProjectReader.open(tmp_path / "mice.ifcproj") as project:
        (track,) = project.tracks(1)
        assert project.mask(track.id, 3).rle.area == 300
        assert list(project.exhaustive_frames(1)) == [3]

    read = parts(2)
    assert read[0] == "mice 3 1 human 300"
    exported = json.loads((tmp_path / "mice.json").read_text())
    assert len(exported["annotations"]) == 1
    assert "1" in read[1]
    assert len((tmp_path / "mice.csv").read_text("utf-8").splitlines()) == 2
