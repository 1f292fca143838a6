"""What the tests of evaluation share; modules beside them can be imported."""

import sys
from pathlib import Path

import pytest

from ifc_core.annotation import Project, Scope, edits
from ifc_core.structures import Category, Video

sys.path.insert(0, str(Path(__file__).parent))

from judged_project import NUM_FRAMES, SIZE, box


@pytest.fixture
def project(tmp_path: Path):
    """A cat at 0 and a dog at 30; frames 1 to 3 are approved."""
    with Project.create(tmp_path / "p.ifcproj") as project:
        project.add_video(Video(tmp_path / "clip.mp4", NUM_FRAMES, *SIZE, 10.0, "1-a"))
        for number, (name, left) in enumerate((("cat", 0), ("dog", 30)), start=1):
            project.apply(edits.SetCategory(Category(number, name)))
            track = project.apply(edits.NewTrack(1, number)).tracks_added[0]
            for frame in range(NUM_FRAMES):
                project.apply(edits.SetMask(track, frame, box(left)))
        project.apply(edits.ApproveFrames(1, Scope(1, 3)))
        yield project
