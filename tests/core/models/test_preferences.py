"""What a model prefers: its keys in files, and what is refused."""

import pytest

from ifc_core.cli.models import describe_info
from ifc_core.errors import ConfigError
from ifc_core.models.checkpoint import CheckpointInfo
from ifc_core.models.config import IFCConfig
from ifc_core.models.preferences import ModelPreferences
from ifc_core.structures import Category

OTHER = ModelPreferences(96, 32, 0.3, 0.7, 0.2, 7, "fast")
STORED = {
    "preferred_short_side": 96,
    "preferred_size_multiple": 32,
    "preferred_score_threshold": 0.3,
    "preferred_duplicate_iou": 0.7,
    "preferred_continuation_score": 0.2,
    "preferred_lookahead": 7,
    "preferred_edges": "fast",
}  # as files have it, in their order


def test_files_keep_their_keys_and_order():
    assert list(OTHER.to_fields().items()) == list(STORED.items())
    assert ModelPreferences.from_fields(STORED | {"version": 1}) == OTHER


def test_a_model_is_described_by_the_same_keys():
    info = CheckpointInfo(IFCConfig.preset("tiny", num_classes=1), (Category(1, "object"),), OTHER)
    assert list(describe_info(info).items())[: len(STORED)] == list(STORED.items())


def test_older_files_are_as_published():
    assert ModelPreferences.from_fields({"preferred_short_side": 360}) == ModelPreferences()
    with pytest.raises(KeyError, match="preferred_short_side"):
        ModelPreferences.from_fields({"preferred_edges": "best"})


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("short_side", 31, "The preferred short side must be from 32 to 8192 pixels."),
        ("short_side", True, "The preferred short side must be from 32 to 8192 pixels."),
        ("size_multiple", 0, "The preferred size multiple must be from 1 to 64 pixels."),
        ("lookahead", 1.5, "The preferred lookahead must be from 0 to 200 frames."),
        ("edges", ["best"], "The preferred edges must be one of off, fast, best."),
        ("score_threshold", 1.5, "The preferred score threshold must be from 0 to 1."),
        ("duplicate_iou", 0.05, "The preferred duplicate IoU must be from 0.1 to 1."),
        ("continuation_score", "1", "The preferred continuation score must be from 0 to 1."),
    ],
)
def test_an_impossible_one_is_one_sentence(name, value, sentence):
    with pytest.raises(ConfigError) as caught:
        ModelPreferences(**{name: value})
    assert str(caught.value) == sentence
    assert (caught.value.name, caught.value.value) == (f"preferred_{name}", value)
