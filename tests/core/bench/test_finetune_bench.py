"""The fine-tune bench: which frames are corrected, and a run over a small labelled folder."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ifc_core.bench.finetune import FinetuneBenchOptions, corrected_frames, run_finetune
from ifc_core.errors import ConfigError
from ifc_core.io.ytvis import YtvisTrack
from ifc_core.models.checkpoint import CheckpointInfo, write_checkpoint
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.models.preferences import ModelPreferences
from ifc_core.structures import Category, RLEMask

_SPOT = RLEMask.from_array(np.eye(8, dtype=bool))


def track(*frames: int, length: int = 40) -> YtvisTrack:
    return YtvisTrack(1, 1, 1, tuple(_SPOT if i in frames else None for i in range(length)))


def test_corrected_frames_are_spread_over_the_clip():
    assert corrected_frames([track(*range(40))], 40, 5) == [4, 12, 20, 28, 36]
    assert corrected_frames([track(0, length=3)], 3, 5) == [0, 1, 2]


def test_shots_cut_together_get_two_frames_an_object():
    shots = [track(*range(20)), track(*range(20, 40))]
    assert corrected_frames(shots, 40, 5) == [5, 15, 25, 35]
    together = [track(*range(21)), track(*range(20, 40))]
    assert corrected_frames(together, 40, 4) == [5, 15, 25, 35]
    assert corrected_frames(together, 40, 1) == [20]


def test_a_run_judges_on_frames_that_nobody_corrected(labelled_folder):
    model = labelled_folder / "tiny.safetensors"
    config = IFCConfig.preset("tiny", num_classes=1)
    info = CheckpointInfo(config, (Category(1, "object"),), ModelPreferences(short_side=64))
    write_checkpoint(model, info, IFC(config).state_dict(), "fp32")
    options = FinetuneBenchOptions(
        data=labelled_folder, model=str(model), frames=2, iterations=2, held_out_share=0.0
    )
    figures = run_finetune(options)
    json.dumps(figures, allow_nan=False)
    (row,) = figures["clips"]
    assert row["corrected_frames"] == [2, 6]
    assert row["judged_frames"] == 6
    assert row["iterations"] == 2
    tracks = json.loads((labelled_folder / "clip_ytvis.json").read_text())["annotations"]
    masks = [t["segmentations"][i] for t in tracks for i in range(8) if i not in (2, 6)]
    for name in ("before", "after"):
        assert row[name]["masks"] == sum(mask is not None for mask in masks)
        assert 0 <= row[name]["mean_j"] <= 1
        assert len(row[name]["track_j"]) == len(tracks)
        assert row[name]["tracks"] >= 0
        assert 0.0 <= row[name]["score_threshold"] <= 0.9


def test_a_folder_without_the_clip_is_named(labelled_folder):
    with pytest.raises(ConfigError, match="no labelled clip"):
        run_finetune(FinetuneBenchOptions(data=labelled_folder, clips=("other",)))
    with pytest.raises(ConfigError, match="--data"):
        run_finetune(FinetuneBenchOptions())
