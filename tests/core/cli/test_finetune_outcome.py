"""What the command says of the end of a fine-tuning, and of what happens on the way."""

from pathlib import Path
from typing import Any

from ifc_core.cli.finetune import describe, outcome
from ifc_core.training.finetune_settings import (
    FinetuneResult,
    FinetuneStarted,
    FinetuneStep,
    FinetuneValidation,
    HeldOutScore,
    event_to_json,
)


def result(**changes: Any) -> FinetuneResult:
    values: dict[str, Any] = {
        "name": "new",
        "path": Path("new.safetensors"),
        "sha256": "",
        "parent": "old",
        "verdict": "better",
        "promote": True,
        "before": HeldOutScore(9, 0.25, 0.1),
        "after": HeldOutScore(9, 0.75, 0.2),
        "rehearsal_before": None,
        "rehearsal_after": None,
        "iterations": 5,
        "seconds": 3.0,
        "comparisons": (),
        "provenance": {},
    }
    return FinetuneResult(**{**values, **changes})


def told(**changes: Any) -> str:
    return outcome(event_to_json(result(**changes)))


def test_the_outcome_says_what_was_gained_and_forgotten_and_what_the_project_uses_now() -> None:
    assert told(rehearsal_before=0.55, rehearsal_after=0.5) == (
        "new is better on 9 held-out masks. Gained: mean J 0.25 before, 0.75 after; "
        "AP 0.10 before, 0.20 after. Forgotten: mean J on generated clips 0.55 before, 0.50 "
        "after. The project uses it from now on. It took 3 s."
    )
    assert "Nothing forgotten" in told(rehearsal_before=0.5, rehearsal_after=0.5)
    assert "keeps its model. It" in told(verdict="not better", promote=False)
    mixed = told(verdict="mixed", promote=False)
    assert "outlines 9 held-out masks better, but finds or names objects worse" in mixed
    assert "keeps its model until you choose" in mixed


def test_the_outcome_gives_figures_where_there_are_any() -> None:
    unjudged = {"verdict": "not enough to judge", "promote": False}
    few = told(**unjudged, after=HeldOutScore(2, 0.5, 0.1), rehearsal_before=0.5, rehearsal_after=0)
    assert "2 held-out masks are not enough" in few
    assert "mean J 0.25 before, 0.50 after" in few
    assert "0.50 before, 0.00 after" in few
    nothing = HeldOutScore(0, float("nan"), -1.0)
    none = told(**unjudged, before=nothing, after=nothing)
    assert "nothing was held out to judge it by" in none
    assert "mean J" not in none


def test_the_outcome_says_what_went_wrong_on_the_way() -> None:
    text = told(skipped=12, num_damaged=3, num_seen=1)
    assert "1 of the held-out frames was seen by the model it began with" in text
    assert "12 iterations were skipped" in text
    assert "3 pictures that cannot be decoded" in text


def test_events_in_words() -> None:
    started = FinetuneStarted(10, 0, "cpu", ("fox",), 4, 2, "Smaller frames were taken.")
    assert describe(started).endswith("10 iterations on cpu; Smaller frames were taken.")
    seen = describe(FinetuneStarted(10, 0, "cpu", ("fox",), 4, 2, num_seen=2))
    assert "2 of the held-out frames were seen by the model it began with" in seen
    assert describe(FinetuneValidation(5, HeldOutScore(9, 0.5, 0.1))).endswith("mean J 0.500")
    assert describe(FinetuneStep(1, 10, 2.0, {}, None)) == ""
