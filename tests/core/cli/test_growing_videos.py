"""Videos that were opened while a recorder or a camera still wrote them."""

from __future__ import annotations

import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from ifc_core.annotation import Project, Scope, edits
from ifc_core.annotation.locating import find_video, is_same_video, same_video
from ifc_core.errors import OtherContentError, ProjectError
from ifc_core.io.video import open_video
from ifc_core.structures import Category, RLEMask, Video

SIZE = (48, 80)
NUM_FRAMES = 30


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole recording; its beginning can be read too, wherever it ends."""
    path = tmp_path_factory.mktemp("recorder") / "camera.ts"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(NUM_FRAMES):
            noise = np.random.default_rng(number).integers(0, 255, (*SIZE, 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(noise, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture
def begun(run, tmp_path: Path, recording: Path) -> Path:
    """A project of the first half of it, with a mask on frame 3 that is approved."""
    film = tmp_path / "films" / "camera.ts"
    film.parent.mkdir()
    data = recording.read_bytes()
    film.write_bytes(data[: len(data) // 2])
    place = tmp_path / "p.ifcproj"
    assert run("new", place, film)[0] == 0
    with Project.open(place) as project:
        assert 5 < project.video(1).num_frames < NUM_FRAMES - 5
        _annotate(project)
    film.write_bytes(data)
    return place


def _annotate(project: Project) -> None:
    picture = np.zeros(project.video(1).size, bool)
    picture[10:30, 20:40] = True
    project.apply(edits.SetCategory(Category(1, "cat")))
    project.apply(edits.NewTrack(1, 1, 3, RLEMask.from_array(picture)))
    project.apply(edits.ApproveFrames(1, Scope.this_frame(3)))


def test_a_recording_that_went_on_is_still_the_video(run, begun: Path, tmp_path: Path) -> None:
    known = _entry(begun)
    assert run("check", begun)[1] == "p.ifcproj: no faults.\n"
    code, out, _ = run("export", begun, "-o", tmp_path / "out.json", "--frames")
    assert code == 0
    assert "1 mask of 1 track" in out
    code, out, _ = run("locate", begun, tmp_path)
    assert code == 0
    assert (
        f"camera went on being recorded: it has {NUM_FRAMES} frames, not {known.num_frames}; "
        f"look at the last ones before {known.num_frames} again."
    ) in out
    with Project.open(begun) as project, open_video(project.video(1).path) as reader:
        assert project.video(1).video == reader.video
        assert len(project.masks_at(1, 3)) == 1
        project.undo()
        assert project.video(1).num_frames == known.num_frames
    assert "went on" in run("locate", begun, tmp_path)[1]
    assert "went on" not in run("locate", begun, tmp_path)[1]


def test_adding_it_again_adds_no_second_one(run, begun: Path, tmp_path: Path) -> None:
    code, out, _ = run("import", begun, tmp_path / "films" / "camera.ts")
    assert code == 0
    assert "0 new videos" in out
    assert "of which only a part was known so far" in out
    assert _entry(begun).num_frames == NUM_FRAMES


def test_it_is_found_by_its_name_where_it_was_moved(begun: Path, tmp_path: Path) -> None:
    entry = _entry(begun)
    away = tmp_path / "away"
    (tmp_path / "films").rename(away)
    assert find_video(entry, "", begun, [away]) == away / "camera.ts"
    (away / "camera.ts").rename(away / "other.ts")
    assert find_video(entry, "", begun, [away]) is None
    with open_video(away / "other.ts") as reader:
        assert same_video([entry], reader.video) is None


def test_more_bytes_without_more_frames_are_another_content(begun: Path, tmp_path: Path) -> None:
    whole = tmp_path / "films" / "camera.ts"
    entry = _entry(begun)
    size = int(entry.fingerprint.partition("-")[0])
    whole.write_bytes(whole.read_bytes()[:size] + b"\0")
    assert not is_same_video(whole, entry)


def test_a_folder_that_a_camera_goes_on_filling(run, tmp_path: Path, clip_folder: Path) -> None:
    frames = tmp_path / "timelapse"
    shutil.copytree(clip_folder, frames)
    names = sorted(file.name for file in frames.iterdir())
    late = frames / names[-1]
    late.rename(tmp_path / names[-1])
    place = tmp_path / "p.ifcproj"
    assert run("new", place, frames)[0] == 0
    (tmp_path / names[-1]).rename(late)
    assert "timelapse: 0 tracks, 0 masks, 0 new videos" in run("import", place, frames)[1]
    assert _entry(place).num_frames == len(names)
    (frames / names[0]).unlink()  # not at its end
    assert find_video(_entry(place), "", place) is None


def test_one_whose_head_was_written_anew_is_taken_where_a_person_says_so(
    run, begun: Path, tmp_path: Path
) -> None:
    """Recorders note the length at the head of an mkv or avi file when they are done."""
    film = tmp_path / "films" / "camera.ts"
    data = bytearray(film.read_bytes())
    data[5] ^= 1
    film.write_bytes(data)
    entry = _entry(begun)
    with Project.open(begun) as project:
        with pytest.raises(ProjectError, match="is not the video camera"):
            project.relink_video(1, film)
        with open_video(film) as reader, pytest.raises(OtherContentError) as raised:
            _check(reader.video, project)
        assert raised.value.is_longer
        assert str(raised.value) == (
            "camera.ts is not the video camera: its content is another, and it has "
            f"{NUM_FRAMES} frames, not {entry.num_frames}."
        )
    code, out, _ = run("locate", begun, tmp_path / "films")
    assert code == 2
    assert f"{NUM_FRAMES} frames in place of {entry.num_frames}, and another content" in out
    assert "--recoded takes it where it was still being recorded" in out
    assert run("locate", begun, tmp_path / "films", "--recoded")[0] == 0
    assert _entry(begun).num_frames == NUM_FRAMES


def _entry(place: Path):
    with Project.open(place, read_only=True) as project:
        return project.video(1)


def _check(found: Video, project: Project) -> None:
    from ifc_core.annotation.locating import check_same

    check_same(found, project.video(1), project.videos())
