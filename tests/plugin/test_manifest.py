"""What the plugin offers to napari."""

import json
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from fake_engine import NUM_FRAMES, SIZE
from npe2 import PluginManifest

from ifc_core.io.ytvis import read_ytvis, validate_ytvis
from napari_ifc import contributions

MANIFEST = Path(contributions.__file__).with_name("napari.yaml")


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_file(MANIFEST)


def test_it_is_the_one_that_the_distribution_names(manifest):
    (entry,) = [e for e in entry_points(group="napari.manifest") if e.name == manifest.name]
    assert entry.value == "napari_ifc:napari.yaml"
    manifest.validate_imports()


def test_every_command_exists_and_every_contribution_names_one(manifest):
    c = manifest.contributions
    ids = {command.id for command in c.commands}
    used = [x.command for x in (*c.widgets, *c.readers, *c.writers, *c.sample_data)]
    used += [item.command for items in c.menus.values() for item in items]
    assert set(used) <= ids
    assert set(c.menus) == {
        "napari/file/io_utilities",
        "napari/layers/annotate",
        "napari/layers/segment",
        "napari/layers/track",
    }


def test_manifest_and_package_load_neither_torch_nor_qt():
    code = (
        "import sys, napari_ifc, napari_ifc.contributions\n"
        "from npe2 import PluginManifest\n"
        f"PluginManifest.from_file({str(MANIFEST)!r})\n"
        "print([m for m in ('torch', 'PySide6', 'napari') if m in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_studio_loads_no_torch():
    code = "import sys, napari_ifc.studio; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("False")


def test_reader_gives_a_lazy_layer(clip):
    data, options, kind = contributions.video_layer(clip)
    assert kind == "image"
    assert data.shape == (NUM_FRAMES, *SIZE, 3)
    assert options["rgb"]
    assert options["metadata"] == {"ifc_video": str(clip)}  # nobody said a rate of a folder
    assert data[2].shape == (*SIZE, 3)


def test_readers_refuse_what_they_cannot_read(clip):
    assert contributions.video_reader([str(clip)]) is None
    assert contributions.video_reader(str(clip)) is None
    assert contributions.project_reader(["a", "b"]) is None


def test_sample_is_the_bundled_clip():
    ((data, options, _),) = contributions.sample_clip()
    assert data.shape[0] > 1
    assert options["name"] == "bedroom"
    assert options["metadata"]["fps"] > 0


@pytest.mark.parametrize("flat", [True, False])
def test_labels_are_written_as_valid_ytvis(tmp_path, flat):
    labels = np.zeros((3, *SIZE), np.int32)
    labels[0, 2:9, 3:7] = 5
    labels[2, 20:30, 3:7] = 5
    labels[1, 10:20, 30:40] = 900
    data = labels[0] if flat else labels
    path = tmp_path / "labels.json"
    assert contributions.write_labels(str(path), data, {"name": "cells"}) == [str(path)]
    assert validate_ytvis(path) == []
    file = read_ytvis(path)
    if flat:
        (track,) = file.tracks
        assert np.array_equal(track.segmentations[0].to_array(), labels[0] == 5)
        return
    five, many = file.tracks
    assert five.segmentations[1] is None
    assert np.array_equal(five.segmentations[2].to_array(), labels[2] == 5)
    assert np.array_equal(many.segmentations[1].to_array(), labels[1] == 900)
    assert json.loads(path.read_text())["videos"][0]["length"] == 3
