"""Samples of an edge run are never those of another one."""

import json
from types import SimpleNamespace

import pytest
from edge_runs import Proposer, config, filled, keep, matched

from ifc_core.errors import CheckpointError
from ifc_core.jobs import JobContext
from ifc_core.training import edge_sample_store, edge_sampling
from ifc_core.training.distributed import Ranks
from ifc_core.training.edge_batches import EdgeBatches
from ifc_core.training.edge_samples import ClipSamples
from ifc_core.training.edge_training import EdgeTrainer, train_edges

FOREVER = float("inf")
MODEL = Proposer()


@pytest.fixture
def drawn(proposer, monkeypatch):
    """The seeds of the clips that are rendered from now on."""
    seeds, render = [], edge_sampling.render_clip

    def noted(seed, spec):
        seeds.append(seed)
        return render(seed, spec)

    monkeypatch.setattr(edge_sampling, "render_clip", noted)
    return seeds


def gather(settings):
    return EdgeTrainer(settings).samples.gather(JobContext(), FOREVER)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", 7),
        ("num_frames", 2),
        ("sizes", [[96, 64]]),
        ("difficulties", ["hard"]),
        ("synthetic", {"photographs": False, "real_fraction": 0.0, "max_objects": 3}),
    ],
)
def test_samples_of_other_settings_are_refused(drawn, tmp_path, name, value):
    gather(config(tmp_path))
    other = config(tmp_path, **{name: value})
    with pytest.raises(CheckpointError, match=rf"samples is .* other settings \({name}\); choose"):
        train_edges(other)
    assert len(drawn) == 4
    assert gather(config(tmp_path, stages=[{"iterations": 9}], lr=1e-4))  # these decide no sample
    assert len(drawn) == 4


def test_samples_of_another_proposer_are_refused(drawn, tmp_path, monkeypatch):
    known = {"mine": "aa", "renamed": "aa", "other": "bb"}

    def find_model(name):
        if name not in known:
            raise CheckpointError("There is no such model.", path=name)
        return SimpleNamespace(info=SimpleNamespace(sha256=known[name]))

    monkeypatch.setattr(edge_sample_store, "find_model", find_model)
    gather(config(tmp_path, proposer="mine"))
    with pytest.raises(CheckpointError, match=r"other settings \(proposer\)"):
        gather(config(tmp_path, proposer="other"))
    for same in ("renamed", "gone"):  # nothing has to be drawn with it
        assert gather(config(tmp_path, proposer=same))
    assert len(drawn) == 4


def test_samples_of_other_pictures_are_refused_and_moved_folders_are_not(drawn, clip, tmp_path):
    def folder(name, content):
        (tmp_path / name).mkdir()
        (tmp_path / name / "instances.json").write_text(content, encoding="utf-8")
        (tmp_path / name / "a.png").write_text(content, encoding="utf-8")
        return str(tmp_path / name)

    def settings(cutouts, sprites):
        synthetic = {"cutout_dir": cutouts, "sprite_dir": sprites}
        return config(tmp_path / "run", clips=1, synthetic=synthetic)

    first, moved, other = folder("first", "{}"), folder("moved", "{}"), folder("other", "{ }")
    keep(settings(first, first), matched(clip), matched(clip))
    assert gather(settings(moved, moved))
    assert gather(settings(str(tmp_path / "gone"), moved))
    for cutouts, sprites, name in (
        (other, first, "cutout_dir"),
        (first, other, "sprite_dir"),
        (first, None, "sprite_dir"),
    ):
        with pytest.raises(CheckpointError, match=rf"other settings \({name}\)"):
            gather(settings(cutouts, sprites))
    assert not drawn


def test_more_clips_are_drawn_into_a_short_last_file(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(edge_sampling, "_CLIPS_A_FILE", 2)
    gather(config(tmp_path / "parts", clips=3))
    few = list(drawn)
    drawn.clear()
    gather(config(tmp_path / "parts", clips=5))
    assert drawn[0] == few[2]  # the last one of before, and two more
    assert len(drawn) == 3
    gather(config(tmp_path / "whole", clips=5))
    for file in sorted((tmp_path / "whole").glob("*/*.npy")):
        kept = tmp_path / "parts" / file.relative_to(tmp_path / "whole")
        assert kept.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("damage", ["{", "[]", "{}", json.dumps({"settings": 3, "clips": 4}), None])
def test_samples_that_nothing_is_known_of_are_drawn_again(drawn, tmp_path, damage):
    gather(config(tmp_path))
    record = tmp_path / "samples" / "0000.json"
    known = json.loads(record.read_text(encoding="utf-8"))
    if damage is None:
        record.unlink()
    else:
        record.write_text(damage, encoding="utf-8")
    assert gather(config(tmp_path))
    assert len(drawn) == 8
    assert json.loads(record.read_text(encoding="utf-8")) == known


CELLS = {
    "proposer": "ifc-r18-cells",
    "clips": 3,
    "num_frames": 1,
    "sizes": [[64, 96]],
    "difficulties": ["easy"],
    "synthetic": {"world": "cells", "max_objects": 5},
}


def test_clips_of_another_world_are_drawn_beside_the_first(drawn, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(edge_sampling, "load_model", lambda name, _: asked.append(name) or MODEL)
    told = []
    settings = config(tmp_path, also=[CELLS])
    sampling = EdgeTrainer(settings).samples
    assert sampling.gather(JobContext(lambda p: told.append((p.done, p.total))), FOREVER)
    assert asked == ["default", "ifc-r18-cells"]
    assert len(set(drawn)) == 7
    assert told == [(done, 7) for done in range(7)]
    record = json.loads((tmp_path / "samples-2" / "0000.json").read_text(encoding="utf-8"))
    assert record["clips"] == 3
    assert record["settings"]["synthetic"]["world"] == "cells"
    alone = config(tmp_path / "alone")
    assert gather(alone)  # the first source is what it is without others
    for folder in ("samples", "unmatched"):
        file = f"{folder}/0000.npy"
        assert (tmp_path / file).read_bytes() == (alone.output / file).read_bytes()


def test_batches_take_of_each_source_what_it_has(clip, tmp_path):
    settings = config(tmp_path, clips=1, also=[CELLS], stages=[{"iterations": 9, "batch_size": 4}])
    stores = EdgeTrainer(settings).samples.stores()
    one = matched(clip)[:1]
    for (store, count), gray, times in zip(stores, (50, 200), (3, 1), strict=True):
        assert count == 1
        samples = one.repeat(times, axis=0)
        samples[..., :3] = gray
        store.write(0, 1, ClipSamples(samples, samples[:0]))
    batches = EdgeBatches(stores, settings, Ranks())
    for number in range(9):  # an epoch is all four of them
        grays = sorted(float(picture.median()) for picture in batches[number][0])
        assert sum(gray > 120 for gray in grays) == 1, grays


def test_a_state_is_not_gone_on_from_with_other_clips_beside(clip, tmp_path):
    train_edges(filled(tmp_path, clip))
    with pytest.raises(CheckpointError, match="also"):
        EdgeTrainer(filled(tmp_path, clip, also=[CELLS]))
