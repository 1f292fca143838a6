"""The bench of knowing objects again."""

import torch

from ifc_core.bench.reidentify import Absence, ReidentifyOptions, cosines, joined, run_reidentify


def _unit(*values: float) -> torch.Tensor:
    return torch.tensor(values)


def test_joins_are_counted_by_object() -> None:
    # Object 1 looks much like 0 did, 2 comes back as it was; each is remembered in one half.
    before = {0: _unit(1, 0, 0), 1: _unit(0, 1, 0), 2: _unit(0, 0, 1)}
    after = {1: _unit(1, 0.2, 0), 2: _unit(0, 0.1, 1)}
    loose = joined([Absence(before, after)], 0.9)
    assert (loose["joined"], loose["precision"]) == (2, 0.5)
    assert (loose["coming_back"], loose["recall"]) == (2, 0.5)
    strict = joined([Absence(before, after)], 0.99)
    assert (strict["joined"], strict["precision"], strict["recall"]) == (1, 1.0, 0.5)
    assert joined([Absence({}, {})], 0.9)["precision"] is None
    spread = cosines([Absence(before, after)])
    assert spread["same"]["p90"] > spread["other"]["p50"]


def test_it_runs(tiny_model_file) -> None:
    figures = run_reidentify(
        ReidentifyOptions(str(tiny_model_file), clips=1, away=2, height=64, width=64)
    )
    assert [row["threshold"] for row in figures["thresholds"]][:2] == [0.5, 0.6]
