"""YouTube-VIS and COCO files as training data."""

import json

import cv2
import numpy as np
import pytest

from ifc_core.data.augmentation import Augmentation
from ifc_core.data.clip_sampling import build_clip
from ifc_core.data.clip_source import ClipRequest, load_batches
from ifc_core.data.coco_source import CocoSource, read_coco_images, usable_images
from ifc_core.data.labelled_video import FrameStore
from ifc_core.data.remix import collate_raw
from ifc_core.data.sample import collate_clips
from ifc_core.data.video_source import VideoSource, read_ytvis_videos
from ifc_core.errors import FormatError, VideoError
from ifc_core.io.video import open_video
from ifc_core.structures import RLEMask
from ifc_core.training.sources import SyntheticSource


@pytest.fixture
def ytvis_file(tmp_path, video_folder):
    height, width = 48, 80
    segmentations = [None] * 10
    mask = np.zeros((height, width), dtype=np.bool_)
    mask[10:26, 8:24] = True
    segmentations[2] = RLEMask.from_array(mask).to_coco()
    content = {
        "info": {},
        "videos": [
            {
                "id": 1, "height": height, "width": width, "length": 10,
                "file_names": [f"toy/{f:05d}.png" for f in range(10)],
            }
        ],
        "categories": [{"id": 9, "name": "cat"}, {"id": 4, "name": "dog"}],
        "annotations": [
            {
                "id": 1, "video_id": 1, "category_id": 9, "segmentations": segmentations,
                "areas": [None if s is None else 256.0 for s in segmentations],
                "bboxes": [None if s is None else [8.0, 10.0, 16.0, 16.0] for s in segmentations],
                "iscrowd": 0, "height": height, "width": width, "length": 10,
            }
        ],
    }  # fmt: skip
    path = tmp_path / "train.json"
    path.write_text(json.dumps(content))
    return path


def test_ytvis_files_are_exhaustive_and_null_means_absent(ytvis_file, video_folder):
    videos, names = read_ytvis_videos(ytvis_file, video_folder.parent)
    assert names == ["dog", "cat"]
    clip = VideoSource(0, videos)(ClipRequest(0, 4, 48, 80))
    assert clip.exhaustive.all()
    assert clip.valid.all()
    assert clip.labels.tolist() == [1]


@pytest.mark.parametrize("content", [b"no picture", None])
def test_a_damaged_or_missing_picture_is_stood_in_for_and_teaches_nothing(
    ytvis_file, video_folder, content
):
    picture = video_folder / "00002.png"
    picture.unlink() if content is None else picture.write_bytes(content)
    (video,), _ = read_ytvis_videos(ytvis_file, video_folder.parent)
    store = FrameStore()
    clip = build_clip(video, [2, 3], (48, 80), store)
    assert np.array_equal(clip.frames[0], store.read(video, 1, (48, 80)))
    assert clip.exhaustive.tolist() == [False, True]
    assert not clip.masks.any()
    assert [store.is_broken(video, f) for f in (1, 2, 3)] == [False, True, False]
    assert clip.damaged == ("frame 2 of toy",)


@pytest.mark.parametrize("collate", [collate_clips, collate_raw])
def test_a_batch_knows_its_damaged_pictures(ytvis_file, video_folder, collate):
    (video_folder / "00002.png").unlink()
    videos, _ = read_ytvis_videos(ytvis_file, video_folder.parent)
    augmentation = Augmentation(("flip", "affine"))
    source = VideoSource(0, videos, augmentation=augmentation, still_share=0.5, labelled_share=0)
    requests = [[ClipRequest(2 * n, 4, 48, 80), ClipRequest(2 * n + 1, 4, 48, 80)] for n in (0, 1)]
    batches = load_batches(source, requests, collate, num_workers=1)
    found = {name for batch in batches for name in batch.to("cpu").damaged}
    assert found == {"frame 2 of toy"}


@pytest.mark.parametrize(("size", "fits"), [((24, 40), True), ((80, 48), False), ((48, 96), False)])
def test_pictures_of_another_shape_are_named_before_training(ytvis_file, video_folder, size, fits):
    for picture in video_folder.iterdir():
        cv2.imwrite(str(picture), np.zeros((*size, 3), np.uint8))
    if fits:
        assert len(read_ytvis_videos(ytvis_file, video_folder.parent)[0]) == 1
        return
    with pytest.raises(VideoError, match=rf"{size[1]} x {size[0]} pixels.* 80 x 48;") as caught:
        read_ytvis_videos(ytvis_file, video_folder.parent)
    assert caught.value.path == video_folder / "00000.png"


def test_missing_frames_are_named_before_training(ytvis_file, tmp_path):
    with pytest.raises(FormatError, match="give the folder"):
        read_ytvis_videos(ytvis_file, tmp_path / "elsewhere")


def test_videos_that_share_a_folder_keep_their_own_pictures(tmp_path):
    """Their frames have the same numbers and lie in the same folder."""
    entries = []
    for number, (name, grey) in enumerate((("dark", 40), ("bright", 220)), start=1):
        files = [f"{name}_{frame}.png" for frame in range(2)]
        for file in files:
            cv2.imwrite(str(tmp_path / file), np.full((48, 80, 3), grey, dtype=np.uint8))
        entries.append({"id": number, "height": 48, "width": 80, "length": 2, "file_names": files})
    content = {"videos": entries, "categories": [{"id": 1, "name": "cat"}], "annotations": []}
    videos, _ = read_ytvis_videos(write(tmp_path / "train.json", content), tmp_path)
    store = FrameStore()
    assert [int(store.read(video, 1, (48, 80)).mean()) for video in videos] == [40, 220]


def sparse_file(path, video_folder, first, details):
    """Every second frame of a video file whose frames are known by their grey: 20, 40, ..."""
    clip = video_folder.parent / "clip.avi"
    codec = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(clip), codec, 10, (80, 48))
    for frame in range(10):
        writer.write(np.full((48, 80, 3), 20 + 20 * frame, dtype=np.uint8))
    writer.release()
    video = {
        "id": 1, "height": 48, "width": 80, "length": 4, "ifc_studio": details,
        "file_names": [f"clip/{first + 2 * f:05d}.jpg" for f in range(4)],
    }  # fmt: skip
    if details is None:
        del video["ifc_studio"]
    content = {"videos": [video], "categories": [{"id": 1, "name": "cat"}], "annotations": []}
    return write(path, content)


@pytest.mark.parametrize("details", [None, {"frame_indices": [2, 4, 6, 8]}])
def test_a_part_of_the_frames_of_a_video_file_is_told_by_its_numbers(
    tmp_path, video_folder, details
):
    path = sparse_file(tmp_path / "train.json", video_folder, 2, details)
    videos, _ = read_ytvis_videos(path, video_folder.parent)
    store = FrameStore()
    greys = [int(store.read(videos[0], f, (48, 80)).mean()) for f in range(4)]
    assert greys == pytest.approx([60, 100, 140, 180], abs=3)
    store.close()


@pytest.mark.parametrize("is_source", [True, False])
def test_indices_of_the_key_tell_the_pictures_of_the_folder_they_count(tmp_path, is_source):
    """Frames 4, 5 and 7 of pictures that count from 1, named by their index in an older file."""
    folder = tmp_path / "clip"
    folder.mkdir()
    for number in range(1, 10):
        grey = np.full((48, 80, 3), 20 * number, dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number:05d}.png"), grey)
    with open_video(folder) as reader:
        fingerprint = reader.video.fingerprint
    if not is_source:  # pictures that an export wrote, named as the file has it
        (folder / "00009.png").unlink()
    video = {
        "id": 1, "height": 48, "width": 80, "length": 3,
        "file_names": [f"clip/{index:05d}.png" for index in (4, 5, 7)],
        "ifc_studio": {"frame_indices": [4, 5, 7], "fingerprint": fingerprint},
    }  # fmt: skip
    content = {"videos": [video], "categories": [{"id": 1, "name": "cat"}], "annotations": []}
    (found,), _ = read_ytvis_videos(write(tmp_path / "train.json", content), tmp_path)
    store = FrameStore()
    greys = [int(store.read(found, f, (48, 80)).mean()) for f in range(3)]
    assert greys == ([100, 120, 160] if is_source else [80, 100, 140])


def coco_content(**changes):
    annotation = {
        "id": 1, "image_id": 5, "category_id": 3, "iscrowd": 0,
        "segmentation": [[20, 10, 60, 10, 60, 30, 20, 30]],
    }  # fmt: skip
    return {
        "images": [{"id": 5, "file_name": "00000.png", "height": 48, "width": 80}],
        "categories": [{"id": 3, "name": "box"}],
        "annotations": [{**annotation, **changes}],
    }


def write(path, content):
    path.write_text(json.dumps(content))
    return path


def test_coco_images_give_single_frames_and_moving_clips(tmp_path, video_folder):
    images, names = read_coco_images(write(tmp_path / "c.json", coco_content()), video_folder)
    assert names == ["box"]
    source = CocoSource(0, images)
    single, clip = source(ClipRequest(0, 1, 48, 80)), source(ClipRequest(0, 3, 48, 80))
    assert single.masks.shape == (1, 1, 48, 80)
    assert single.masks.sum() == pytest.approx(800, abs=90)
    assert single.exhaustive.all()
    assert clip.masks.shape == (1, 3, 48, 80)
    assert not np.array_equal(clip.masks[0, 0], clip.masks[0, 2])


def test_crowd_regions_are_left_out_and_make_their_image_partial(tmp_path, video_folder):
    path = write(tmp_path / "c.json", coco_content(iscrowd=1))
    images, _ = read_coco_images(path, video_folder)
    clip = CocoSource(0, images)(ClipRequest(0, 1, 48, 80))
    assert len(clip.labels) == 0
    assert not clip.exhaustive.any()


@pytest.mark.parametrize(
    "segmentation", [[], [[1, 2, 3]], [[1, 2, 3, 4, float("nan"), 6]], "text", None]
)
def test_bad_polygons_are_named(tmp_path, video_folder, segmentation):
    path = write(tmp_path / "c.json", coco_content(segmentation=segmentation))
    with pytest.raises(FormatError):
        read_coco_images(path, video_folder)


@pytest.mark.parametrize("far", [1e9, -1e9, 1e300, 10**400, "20"])
def test_a_polygon_that_native_code_could_not_hold_is_named(tmp_path, video_folder, far):
    path = write(tmp_path / "c.json", coco_content(segmentation=[[0, 0, far, 0, far, far]]))
    with pytest.raises(FormatError, match=r"annotations\[0\] cannot be used"):
        read_coco_images(path, video_folder)


@pytest.mark.parametrize("height", [float("inf"), -5, 0, 10**9, 10**400])
@pytest.mark.parametrize("masks", [True, False])
def test_an_image_of_an_impossible_size_is_refused(tmp_path, video_folder, height, masks):
    content = coco_content()
    content["images"][0]["height"] = height
    content["annotations"] = content["annotations"] if masks else []
    with pytest.raises(FormatError):
        read_coco_images(write(tmp_path / "c.json", content), video_folder)


def test_a_coco_file_that_is_nested_too_deeply_is_refused(tmp_path, video_folder):
    (tmp_path / "c.json").write_text("[" * 200_000)
    with pytest.raises(FormatError, match="Cannot read"):
        read_coco_images(tmp_path / "c.json", video_folder)


def test_images_outside_the_root_are_refused(tmp_path, video_folder):
    content = coco_content()
    content["images"][0]["file_name"] = "../secret.png"
    with pytest.raises(FormatError, match="outside"):
        read_coco_images(write(tmp_path / "c.json", content), video_folder)


def test_a_picture_that_is_none_is_named(tmp_path, video_folder):
    (video_folder / "00000.png").write_bytes(b"no picture")
    images, _ = read_coco_images(write(tmp_path / "c.json", coco_content()), video_folder)
    with pytest.raises(VideoError, match=r"00000\.png"):
        CocoSource(0, images)(ClipRequest(0, 1, 48, 80))


def many_pictures(folder):
    """Of five: a sound one, another, one in portrait, one that is none, and one that is missing."""
    pictures = folder / "pictures"
    pictures.mkdir()
    names = ("a.png", "b.png", "portrait.png", "text.png", "missing.png")
    for name, size in zip(names, ((48, 80), (24, 40), (80, 48)), strict=False):
        cv2.imwrite(str(pictures / name), np.full((*size, 3), 90, dtype=np.uint8))
    (pictures / "text.png").write_bytes(b"no picture")
    images = [
        {"id": n, "file_name": name, "height": 48, "width": 80} for n, name in enumerate(names)
    ]
    return write(folder / "c.json", {**coco_content(image_id=0), "images": images}), pictures


def test_pictures_that_cannot_be_used_are_told_before_training(tmp_path):
    images, _ = read_coco_images(*many_pictures(tmp_path))
    kept, left_out = usable_images(images)
    assert [image.name for image in kept] == ["a.png", "b.png"]
    assert left_out == (
        "portrait.png, 48 x 80 pixels instead of 80 x 48",
        "text.png, which is no picture",
        "missing.png, which is missing",
    )
    with pytest.raises(FormatError, match=r"None of the 3 pictures .*portrait\.png, 48 x 80"):
        usable_images(images[2:])


def test_a_picture_that_breaks_later_is_stood_in_for_by_the_next_and_named(tmp_path):
    images, _ = read_coco_images(*many_pictures(tmp_path))
    kept, _ = usable_images(images)
    kept[0].path.write_bytes(kept[0].path.read_bytes()[:60])
    source = CocoSource(0, kept)
    batches = load_batches(
        source, [[ClipRequest(n, 2, 48, 80) for n in range(2)]], collate_clips, num_workers=1
    )
    (batch,) = list(batches)
    assert batch.damaged == ("a.png",)
    assert batch.frames.shape == (2, 2, 48, 80, 3)
    assert all(len(target.labels) == 0 for target in batch.targets)  # the next has no objects


def test_a_mask_of_another_size_than_its_image_is_named(tmp_path, video_folder):
    rle = RLEMask.from_array(np.ones((80, 48), dtype=np.bool_)).to_coco()
    path = write(tmp_path / "c.json", coco_content(segmentation=rle))
    with pytest.raises(FormatError, match=r"annotations\[0\] is 48 x 80 pixels, its image 80 x 48"):
        read_coco_images(path, video_folder)


def test_workers_render_after_the_parent_used_many_threads_and_leave_it_its_own():
    before = cv2.getNumThreads()
    cv2.setNumThreads(4)
    try:
        cv2.GaussianBlur(np.zeros((2000, 2000), np.float32), (0, 0), 9)  # threads are there now
        source = SyntheticSource(3, (("photographs", False),))
        wanted = [[ClipRequest(i, 1, 64, 96)] for i in range(2)]
        batches = list(load_batches(source, wanted, collate_clips, num_workers=1))
        assert [tuple(batch.frames.shape) for batch in batches] == [(1, 1, 64, 96, 3)] * 2
        assert cv2.getNumThreads() == 4
    finally:
        cv2.setNumThreads(before)
