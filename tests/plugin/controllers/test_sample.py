"""The sample opens with proposals, wherever its project goes."""

from ifc_core.annotation import Project
from ifc_core.structures import FrameState, MaskSource
from napari_ifc.controllers.sample import sample_path
from napari_ifc.controllers.session import open_session


def test_the_sample_comes_with_proposals_of_the_model(tmp_path):
    session = open_session(sample_path(tmp_path), tmp_path)
    try:
        video_id = session.entry.id
        assert session.project.folder == tmp_path / "bedroom.ifcproj"
        tracks = session.project.tracks(video_id)
        assert tracks
        shown = [m for m in session.project.masks_at(video_id, 40) if m.rle is not None]
        assert shown
        assert {m.state for m in shown} == {FrameState.PROPOSED}
        assert {m.source for m in shown} == {MaskSource.MODEL}
        assert session.project.locate_video(video_id) == session.reader.video.path
        session.project.undo()
        assert session.project.tracks(video_id) == []
    finally:
        session.close()
    assert sample_path(tmp_path).name == "bedroom.mp4"
    with Project.open(tmp_path / "bedroom.ifcproj") as project:
        assert project.tracks(video_id) == [], "what was done to it before is kept"
