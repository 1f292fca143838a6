"""Scores that are no probabilities are not brought into a project."""

import json

import pytest

from ifc_core.annotation.importing import import_annotations
from ifc_core.errors import FormatError

from .conftest import NUM_FRAMES, box


@pytest.mark.parametrize("score", [1e9, -5, 1.01])
def test_a_score_that_is_no_probability_is_refused_with_all_of_its_file(empty, tmp_path, score):
    masks = [box(1, 2).to_coco()] * NUM_FRAMES
    result = {"video_id": 1, "category_id": 1, "segmentations": masks}
    path = tmp_path / "r.json"
    path.write_text(json.dumps([{**result, "score": 1.0}, {**result, "score": score}]))
    with pytest.raises(
        FormatError, match=rf"r\.json: track 2 has the score {score:g}".replace("+", r"\+")
    ):
        import_annotations(empty, path)
    assert empty.tracks(1) == []
    path.write_text(json.dumps([{**result, "score": 0.0}, {**result, "score": 1}]))
    assert import_annotations(empty, path).tracks == 2
