"""Labels of some frames of a film land on those frames, or nowhere."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from ifc_core.annotation import Project
from ifc_core.annotation.importing import import_annotations
from ifc_core.errors import FormatError
from ifc_core.io.video import open_video
from ifc_core.structures import RLEMask, Video

from .conftest import SIZE, box

FILM = 16


@pytest.fixture
def film(tmp_path):
    """A project of two films, ``shot01`` of 16 frames and ``shot02`` of 20."""
    with Project.create(tmp_path / "p.ifcproj") as project:
        for number, length in ((1, FILM), (2, 20)):
            shot = tmp_path / f"shot{number:02d}.mp4"
            shot.write_bytes(b"no film, but there")
            project.add_video(Video(shot, length, *SIZE, 25.0, f"{number}-aa"))
        yield project


def ytvis(path, *videos):
    """A file of videos (name, names of pictures), each with a mask on every picture."""
    entries, annotations = [], []
    for number, (name, stems) in enumerate(videos, start=1):
        shape = {"height": SIZE[0], "width": SIZE[1], "length": len(stems)}
        names = [f"{name}/{stem}.jpg" for stem in stems]
        entries.append({"id": number, "file_names": names, **shape})
        masks = [box(1, place).to_coco() for place in range(len(stems))]
        track = {"id": number, "video_id": number, "category_id": 1, "iscrowd": 0}
        annotations.append({**track, "segmentations": masks, **shape})
    classes = [{"id": 1, "name": "dog"}]
    content = {"videos": entries, "categories": classes, "annotations": annotations}
    path.write_text(json.dumps(content))
    return path


def coco(path, frame_ids, stems):
    """CocoVID: pictures of ``shot01`` with a mask on each."""
    return cocovid(path, {"shot01": list(zip(frame_ids, stems, strict=True))})


def cocovid(path, videos):
    """CocoVID: a mask on each picture of some videos, whose frame ids and stems are given."""
    images, annotations = [], []
    pictures = [
        (video, name, place, *picture)
        for video, (name, pictures) in enumerate(videos.items(), start=1)
        for place, picture in enumerate(pictures)
    ]
    for number, (video, name, place, frame, stem) in enumerate(pictures, start=1):
        shape = {"height": SIZE[0], "width": SIZE[1], "video_id": video, "frame_id": frame}
        images.append({"id": number, "file_name": f"{name}/{stem}.jpg", **shape})
        mask = {"segmentation": box(1, place).to_coco(), "instance_id": 6 + video}
        annotations.append({"id": number, "image_id": number, "category_id": 1, **mask})
    content = {"images": images, "annotations": annotations}
    path.write_text(json.dumps({**content, "categories": [{"id": 1, "name": "dog"}]}))
    return path


def frames(project, video_id=1):
    """Frame -> mask of the only track of a video."""
    (track,) = project.tracks(video_id)
    shown = {r.frame_index: r.rle for r in project.track_masks(track.id) if r.rle is not None}
    assert project.exhaustive_frames(video_id) == sorted(shown)
    return shown


@pytest.mark.parametrize(
    ("stems", "expected", "rule"),
    [
        (["00001", "00006", "00011", "00016"], [0, 5, 10, 15], "counted from 1"),
        (["frame_00000", "frame_00005", "frame_00010"], [0, 5, 10], "counted from 0"),
        (["frame_00001", "frame_00006", "frame_00011"], [1, 6, 11], "counted from 0"),
        (["00015"], [15], "counted from 0"),
        (["00016"], [15], "counted from 1"),
        (["00000", "00015"], [0, 15], "counted from 0"),
    ],
)
def test_numbers_say_which_frames_and_the_import_says_how(film, tmp_path, stems, expected, rule):
    report = import_annotations(film, ytvis(tmp_path / "label.json", ("shot01", stems)))
    assert frames(film) == {frame: box(1, place) for place, frame in enumerate(expected)}
    (note,) = [note for note in report.notes if "counted from" in note]
    assert note.startswith("The numbers that the file gives the frames of shot01 are " + rule)
    assert report.videos == 0


def test_a_person_may_say_that_frames_are_counted_from_1(film, tmp_path):
    label = ytvis(tmp_path / "label.json", ("shot01", ["frame_00001", "frame_00006"]))
    report = import_annotations(film, label, first_number=1)
    assert list(frames(film)) == [0, 5]
    assert "are counted from 1" in " ".join(report.notes)
    other = ytvis(tmp_path / "other.json", ("shot01", ["00000", "00005"]))
    with pytest.raises(FormatError, match=r"The number 0 .* lies before its first frame"):
        import_annotations(film, other, first_number=1)


def test_videos_of_one_file_are_counted_alike(film, tmp_path):
    """The fourth frame of every five is the last of the one film, and not of the other."""
    stems = ["00001", "00006", "00011", "00016"]
    import_annotations(film, ytvis(tmp_path / "a.json", ("shot02", stems), ("shot01", stems)))
    assert list(frames(film, 1)) == list(frames(film, 2)) == [0, 5, 10, 15]
    film.undo()
    from_0 = ["00000", "00005"]  # of which the other film cannot be counted so
    import_annotations(film, ytvis(tmp_path / "b.json", ("shot02", from_0), ("shot01", stems)))
    assert (list(frames(film, 1)), list(frames(film, 2))) == ([0, 5, 10, 15], [0, 5])


def test_as_many_names_as_frames_need_no_numbers(film, tmp_path):
    stems = [f"t{80 * frame}ms" for frame in range(FILM)]
    report = import_annotations(film, ytvis(tmp_path / "label.json", ("shot01", stems)))
    assert list(frames(film)) == list(range(FILM))
    assert "counted from" not in " ".join(report.notes)


@pytest.mark.parametrize(
    ("stems", "why"),
    [
        (["t0ms", "t80ms", "t160ms"], r"3 frames of shot01, which has 16.*\(t0ms, t80ms"),
        (["00003", "00700"], r"The numbers 700 .* lie beyond the 16 frames"),
        (["00017"], "The numbers 17 "),
    ],
)
def test_names_that_say_no_frame_bring_nothing_in(film, tmp_path, stems, why):
    with pytest.raises(FormatError, match=why):
        import_annotations(film, ytvis(tmp_path / "label.json", ("shot01", stems)))
    assert film.tracks(1) == []
    assert len(film.videos()) == 2


def test_one_picture_of_davis_is_not_the_first_frame(film, tmp_path):
    def davis(stem):
        folder = tmp_path / stem / "Annotations" / "480p" / "shot01"
        folder.mkdir(parents=True)
        picture = Image.fromarray(box(1, 2).to_array().astype(np.uint8))
        picture.putpalette([0, 0, 0, 255, 0, 0])
        picture.save(folder / f"{stem}.png")
        return tmp_path / stem

    with pytest.raises(FormatError, match=r"700 .* lie beyond"):
        import_annotations(film, davis("00700"))
    report = import_annotations(film, davis("00007"))
    assert [f.frame_index for f in film.track_frames(film.tracks(1)[0].id) if f.area_px] == [7]
    assert "counted from 0" in " ".join(report.notes)


@pytest.mark.parametrize(
    ("frame_ids", "stems", "expected"),
    [
        ((0, 5, 10, 15), ("00001", "00006", "00011", "00016"), [0, 5, 10, 15]),
        ((0, 5, 10), ("t0ms", "t80ms", "t160ms"), [0, 5, 10]),
        ((1, 6, 16), ("a", "b", "c"), [0, 5, 15]),
        ((0, 1, 2), ("00004", "00005", "00007"), [4, 5, 7]),  # as exports number them
    ],
)
def test_frame_ids_of_cocovid_say_which_frames(film, tmp_path, frame_ids, stems, expected):
    import_annotations(film, coco(tmp_path / "coco.json", frame_ids, stems))
    assert frames(film) == {frame: box(1, place) for place, frame in enumerate(expected)}


def test_times_as_frame_ids_say_nothing(film, tmp_path):
    times = (1403636579763, 1403636579813)
    import_annotations(film, coco(tmp_path / "coco.json", times, ("00003", "00004")))
    assert list(frames(film)) == [3, 4]


def test_frame_ids_of_a_video_that_is_not_there_are_kept(tmp_path):
    path = coco(tmp_path / "coco.json", (0, 5, 10, 15), ("a", "b", "c", "d"))
    with Project.create(tmp_path / "empty.ifcproj") as project:
        assert import_annotations(project, path).missing_videos == ("shot01",)
        assert list(frames(project)) == [0, 5, 10, 15]
        assert project.video(1).num_frames == FILM


def by_id(*frame_ids):
    return [(frame, f"p{frame}") for frame in frame_ids]


def counted(report):
    """What an import says of how the frames of videos were counted, by video."""
    notes = [note.split("frames of ")[1] for note in report.notes if "are counted from" in note]
    return {note.split(" are ")[0]: note.split("counted from ")[1][0] for note in notes}


@pytest.mark.parametrize(
    ("frame_ids", "expected", "told"),
    [
        (range(1, 12), range(11), {"shot01": "1"}),
        (range(2, 12), range(2, 12), {"shot01": "0"}),
        ((1, 6, 11), (1, 6, 11), {"shot01": "0"}),
    ],
)
def test_ids_from_1_of_a_video_that_is_not_there_are_told(tmp_path, frame_ids, expected, told):
    path = cocovid(tmp_path / "coco.json", {"shot01": by_id(*frame_ids)})
    with Project.create(tmp_path / "empty.ifcproj") as project:
        assert counted(import_annotations(project, path)) == told
        assert list(frames(project)) == list(expected)
        assert project.video(1).num_frames == max(expected) + 1


def test_a_video_whose_ids_are_from_1_can_be_located(tmp_path):
    path = cocovid(tmp_path / "coco.json", {"shot01": by_id(*range(1, 12))})
    clip = tmp_path / "elsewhere" / "shot01"
    clip.mkdir(parents=True)
    for number in range(11):
        Image.new("RGB", SIZE[::-1]).save(clip / f"{number}.png")
    with Project.create(tmp_path / "empty.ifcproj") as project:
        import_annotations(project, path)
        project.relink_video(1, clip)
        assert project.video(1).fingerprint
        assert len(project.videos()) == 1


@pytest.mark.parametrize("others", [by_id(0, 3), by_id(0, 1, 2)])
def test_a_video_that_is_not_there_and_has_a_0_keeps_all_from_counting_from_1(
    film, tmp_path, others
):
    """Else it would have a frame before its first one, and nothing came in."""
    known = {"shot01": by_id(4, FILM), "shot02": by_id(4, 8)}
    path = cocovid(tmp_path / "coco.json", known | {"ghost": others})
    report = import_annotations(film, path)
    assert counted(report) == {"shot01": "1", "shot02": "0"}
    assert [list(frames(film, video)) for video in (1, 2)] == [[3, 15], [4, 8]]
    assert list(frames(film, 3)) == [number for number, _ in others]
    film.undo()
    import_annotations(film, cocovid(path, known | {"ghost": by_id(2, 3)}))
    ids = [entry.id for entry in film.videos()]
    assert [list(frames(film, video)) for video in ids] == [[3, 15], [3, 7], [1, 2]]


def test_a_frame_before_the_first_one_is_refused_where_the_video_is_not_there(film, tmp_path):
    path = cocovid(tmp_path / "coco.json", {"ghost": by_id(0, 5)})
    with pytest.raises(FormatError, match=r"The number 0 .* of ghost lies before its first frame"):
        import_annotations(film, path, first_number=1)
    assert len(film.videos()) == 2


@pytest.mark.parametrize("frame_ids", [(0, 5, 10), (5, 10)])
def test_frame_ids_count_before_numbers_in_names_of_pictures(tmp_path, frame_ids):
    clip = tmp_path / "clip" / "shot01"
    clip.mkdir(parents=True)
    for number in range(1, 13):
        Image.new("RGB", SIZE[::-1]).save(clip / f"pic_{number}.png")
    (tmp_path / "labels").mkdir()
    names = [(frame, f"img_{frame:05d}") for frame in frame_ids]
    path = cocovid(tmp_path / "labels" / "coco.json", {"shot01": names})
    with Project.create(tmp_path / "p.ifcproj") as project:
        with open_video(clip) as reader:
            project.add_video(reader.video)
        assert counted(import_annotations(project, path)) == {"shot01": "0"}
        assert list(frames(project)) == list(frame_ids)


@pytest.mark.parametrize(
    ("lines", "first", "expected", "told"),
    [
        ((1, 3, 5), None, [0, 2, 4], {"shot01": "1"}),
        ((2, 3, 5), None, [2, 3, 5], {"shot01": "0"}),
        ((0, 3, 5), None, [0, 3, 5], {}),
        ((1, 3, 5), 0, [1, 3, 5], {}),
        ((2, 3, 5), 1, [1, 2, 4], {}),
    ],
)
def test_a_text_of_mots_says_how_it_was_counted(film, tmp_path, lines, first, expected, told):
    text = tmp_path / "mots" / "instances_txt" / "shot01.txt"
    text.parent.mkdir(parents=True)
    line = f"1000 1 {SIZE[0]} {SIZE[1]} {box(1, 2).counts.decode()}"
    text.write_text("".join(f"{number} {line}\n" for number in lines))
    report = import_annotations(film, tmp_path / "mots", first_number=first)
    assert counted(report) == told
    (track,) = film.tracks(1)
    assert [f.frame_index for f in film.track_frames(track.id) if f.area_px] == expected
    if 0 in lines:
        with pytest.raises(FormatError, match="begins at frame 1"):
            import_annotations(film, tmp_path / "mots", first_number=1)


def test_a_video_of_another_shape_is_not_said_to_be_missing_alone(film, tmp_path):
    """What is wrong is told: masks of another size, or more of them than the film has frames."""
    (tmp_path / "labels").mkdir()  # not beside the films, which cannot be opened
    long = ytvis(tmp_path / "labels" / "long.json", ("shot01", [f"{n:05d}" for n in range(18)]))
    (problem,) = [n for n in import_annotations(film, long).notes if "another video" in n]
    assert problem == (
        "The project's shot01 has 30x20 pixels and 16 frames, shot01 of the file has 30x20 and 18, "
        "so it is another video."
    )
    small = json.loads(long.read_text())
    mask = RLEMask.from_array(np.eye(5, 6, dtype=bool)).to_coco()
    small["videos"][0] |= {"height": 5, "width": 6}
    small["annotations"][0] |= {"height": 5, "width": 6, "segmentations": [mask] * 18}
    long.write_text(json.dumps(small))
    assert "shot01 of the file has 6x5 and 18" in " ".join(import_annotations(film, long).notes)


def test_a_text_of_mots_that_goes_beyond_the_film_brings_nothing_in(film, tmp_path):
    """Its frames are known from its lines alone, so one of them is wrong."""
    folder = tmp_path / "mots" / "instances_txt"
    folder.mkdir(parents=True)
    line = f"1000 1 {SIZE[0]} {SIZE[1]} {box(1, 2).counts.decode()}"
    (folder / "shot01.txt").write_text(f"0 {line}\n16 {line}\n")
    with pytest.raises(FormatError, match=r"frame 16, .* the project's shot01 has 16 frames"):
        import_annotations(film, tmp_path / "mots")
    (folder / "shot01.txt").write_text(f"0 {line}\n9 {line}\n")
    import_annotations(film, tmp_path / "mots")
    assert [f.frame_index for f in film.track_frames(film.tracks(1)[0].id) if f.area_px] == [0, 9]
