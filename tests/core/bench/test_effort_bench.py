"""The effort bench on a tiny labelled clip and on a generated one."""

from pathlib import Path

import numpy as np
import pytest

from ifc_core.bench.effort import METHODS, EffortOptions, effort_objects, run_effort
from ifc_core.errors import ConfigError
from ifc_core.io.ytvis import write_ytvis
from ifc_core.io.ytvis_types import YtvisFile, YtvisTrack, YtvisVideo
from ifc_core.structures import Category, RLEMask


@pytest.fixture
def data(clip_folder: Path, clip_frames: np.ndarray) -> Path:
    """The folder of the clip, with the moving square labelled from frame 1 on."""
    count, height, width = clip_frames.shape[:3]
    masks: list[RLEMask | None] = [None]
    for t in range(1, count):
        mask = np.zeros((height, width), bool)
        mask[12:32, 6 * t : 6 * t + 20] = True
        masks.append(RLEMask.from_array(mask))
    names = tuple(f"square/{t:05d}.png" for t in range(count))
    video = YtvisVideo(1, height, width, count, names)
    track = YtvisTrack(1, 1, 1, tuple(masks))
    file = YtvisFile((video,), (Category(1, "square"),), (track,), {})
    write_ytvis(file, clip_folder.parent / "square_ytvis.json")
    return clip_folder.parent


def test_every_method_is_annotated(data: Path, tiny_model_file: Path) -> None:
    options = EffortOptions(
        data,
        0,
        METHODS,
        goal=0.9,
        most=3,
        boundary=True,
        model=str(tiny_model_file),
        finetune_iterations=1,
    )
    figures = run_effort(options)
    assert figures["options"]["data"] == data.name
    assert [o["name"] for o in figures["objects"]] == ["square#1"]
    assert 0 < figures["objects"][0]["ceiling"] <= 1
    for name in METHODS:
        total = figures["total"][name]
        found = figures["objects"][0]["methods"][name]
        assert 1 <= total["corrections"] <= 3
        assert len(found["j"]) == len(found["f"]) == found["corrections"]
        assert total["mean_j"]["1"] == found["j"][0]
        assert found["reached"] == (found["j"][-1] >= 0.9)
    assert figures["total"]["fused"]["mean_j"]["1"] > figures["total"]["copy"]["mean_j"]["1"]
    assert figures["ratio"]["fused"] >= 1
    assert figures["speed"]["frames"] == 7
    assert figures["speed"]["fit_ms"] > 0


def test_the_annotator_may_start_from_proposals(data: Path, tiny_model_file: Path) -> None:
    options = EffortOptions(
        data, 0, ("copy",), goal=0.9, most=2, model=str(tiny_model_file), start="proposals"
    )
    found = run_effort(options)["objects"][0]["methods"]["copy"]
    assert 0 <= found["proposed_j"] < 0.9  # random weights know nothing of squares
    assert found["corrections"] == len(found["j"]) == 2


def test_objects_are_chosen_by_name(data: Path) -> None:
    chosen = EffortOptions(data, 1, objects=("easy",))
    names = [item.name for item in effort_objects(chosen)]
    assert names
    assert all(name.startswith("easy") for name in names)


def test_nothing_to_measure_and_unknown_methods_are_said() -> None:
    with pytest.raises(ConfigError, match="no labelled object"):
        run_effort(EffortOptions(None, 0))
    with pytest.raises(ConfigError, match="magic"):
        EffortOptions(methods=("magic",))
    with pytest.raises(ConfigError, match="anywhere"):
        EffortOptions(start="anywhere")
