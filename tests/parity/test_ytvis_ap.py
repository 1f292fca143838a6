"""Our figures are those of the published YouTube-VIS evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ifc_core.evaluation.ytvis_ap import METRICS, evaluate_files

CASES = Path(__file__).parent / "data" / "ytvis"


@pytest.mark.parametrize("case", ["02_noisy_masks", "04_missing_frames"])
def test_figures_equal_the_published_ones(case: str) -> None:
    expected = json.loads((CASES / case / "expected.json").read_text())
    figures = evaluate_files(CASES / case / "gt.json", CASES / case / "pred.json")
    assert {name: figures[name] for name in METRICS} == pytest.approx(expected["stats"], abs=1e-6)
    for row, wanted in zip(figures["per_category"], expected["per_category"], strict=True):
        assert row["category_id"] == wanted["category_id"]
        assert row["name"] == wanted["name"]
        for name in set(METRICS) & set(wanted):
            assert row[name] == pytest.approx(wanted[name], abs=1e-6)
