"""Files of a fine-tuning: how far it came, its result, and that one process trains it."""

import json

import pytest

from ifc_core.cli.finetune import outcome
from ifc_core.errors import FormatError, ProjectLockedError
from ifc_core.training.run_files import (
    is_training,
    keep_result,
    kept_result,
    planned_iterations,
    read_note,
    read_settings,
    saved_iteration,
    training_lock,
    unfinished_runs,
    write_settings,
)
from ifc_core.training.stopped_runs import StoppedRun

SCORE = {"num_masks": 9, "mean_j": 0.5, "ap": 0.25, "per_class": {"cat": 0.5}}
NO_SCORE = {"num_masks": 0, "mean_j": None, "ap": -1.0}
RESULT = {
    "name": "cat-1", "path": "/elsewhere/models/cat-1.safetensors", "sha256": "", "parent": "",
    "verdict": "better", "promote": True, "provenance": {}, "metrics": {}, "before": SCORE,
    "after": SCORE, "comparisons": [], "seconds": 90.5,
}  # fmt: skip


@pytest.fixture
def run_folder(tmp_path):
    folder = tmp_path / "cats.ifcproj" / "runs" / "finetune-20261129-130405-006"
    folder.mkdir(parents=True)
    write_settings(folder, {"run_id": folder.name, "preset": "balanced"})
    return folder


def test_how_far_a_run_came_is_read_from_its_files(run_folder):
    run = StoppedRun(run_folder, {"preset": "balanced"})
    young = "the fine-tuning of 2026-11-29 13:04 (balanced, nothing trained yet)"
    assert str(run.words) == young
    (run_folder / "plan.json").write_text('{"iterations": 250}')
    facts = json.dumps({"__metadata__": {"facts": json.dumps({"iteration": 40})}}).encode()
    (run_folder / "train").mkdir()
    state = run_folder / "train" / "resume.safetensors"
    state.write_bytes(len(facts).to_bytes(8, "little") + facts)
    assert (saved_iteration(run_folder), planned_iterations(run_folder)) == (40, 250)
    assert str(run.words).endswith("(balanced, 40 of 250 iterations)")
    for damaged in (b"", b"\xff" * 20, b"\2" + bytes(7) + b"{}", b"\2" + bytes(7) + b"[]"):
        state.write_bytes(damaged)
        assert str(run.words) == young


@pytest.mark.parametrize(
    "text",
    ['{"iterations": 5', '{"iterations": "many"}', '{"iterations": 0}', "[]", "{}", "[" * 100_000,
     '{"iterations": 5, "batch_size": 2}', '{"batch_size": 2, "short_side": null}'],
    ids=lambda text: text[:40],
)  # fmt: skip
def test_a_damaged_note_of_a_run_is_named(run_folder, text):
    (run_folder / "plan.json").write_text(text)
    with pytest.raises(FormatError, match=r"plan\.json is damaged; delete it") as caught:
        read_note(run_folder)
    assert caught.value.path == run_folder / "plan.json"


def test_a_run_goes_on_as_it_was_noted(run_folder):
    assert read_note(run_folder) == {}
    for note in ({"iterations": 5}, {"batch_size": 2, "short_side": 96}):
        (run_folder / "plan.json").write_text(json.dumps(note))
        assert read_note(run_folder) == note


def test_a_result_is_found_in_a_project_that_was_moved(run_folder):
    keep_result(run_folder, RESULT)
    assert kept_result(run_folder) is None  # without the version's file
    file = run_folder.parents[1] / "models" / "cat-1.safetensors"
    file.parent.mkdir()
    file.write_bytes(b"weights")
    assert kept_result(run_folder) == {**RESULT, "path": str(file)}


@pytest.mark.parametrize(
    "change",
    [{"name": 1}, {"promote": "yes"}, {"metrics": []}, {"path": ""}, {"before": {}}, {"after": {}},
     {"after": NO_SCORE | {"num_masks": 1}}, {"verdict": "nothing held out"}, {"seconds": None},
     {"comparisons": None}, {"comparisons": [1]}, {"rehearsal_after": "0.5"}, {"fallback": [1]},
     {"unseen": 3}, {"metrics": {"after": [1]}}, {"parent": "\ud800"}, {"num_seen": "3"}],
)  # fmt: skip
def test_a_damaged_result_is_none(run_folder, change):
    (run_folder.parents[1] / "models").mkdir()
    (run_folder.parents[1] / "models" / "cat-1.safetensors").write_bytes(b"weights")
    keep_result(run_folder, RESULT | change)
    assert kept_result(run_folder) is None
    (run_folder / "result.json").write_text("[1")
    assert kept_result(run_folder) is None


WHOLE = RESULT | {
    "rehearsal_before": 0.5, "rehearsal_after": 0.4, "skipped": 1, "num_damaged": 2, "num_seen": 3,
    "fallback": [1, 144], "unseen": [2, 360, 5],
    "metrics": {"before": SCORE, "after": {"mean_j": 0.5}},
}  # fmt: skip
JUNK = (
    None, True, -1, 7, 0.5, float("nan"), float("inf"), 10**400, "7", "\ud800", [], [7], [None] * 2,
    ["a"] * 3, [-1] * 3, {}, {"num_masks": 9}, SCORE | {"ap": None}, SCORE | {"mean_j": "0.5"},
    SCORE | {"num_masks": True}, {"after": []}, {"after": {"mean_j": "0.5"}}, {"before": SCORE},
)  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_taken_for_a_result_can_be_told(run_folder, name):
    file = run_folder.parents[1] / "models" / "cat-1.safetensors"
    file.parent.mkdir()
    file.write_bytes(b"weights")
    kept = {key: value for key, value in WHOLE.items() if key != name}
    for values in (kept, *({**kept, name: junk} for junk in JUNK)):
        (run_folder / "result.json").write_text(json.dumps(values))
        found = kept_result(run_folder)
        assert found is None or outcome(found)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"verdict": "not enough to judge", "before": NO_SCORE, "after": NO_SCORE},
        {"verdict": "mixed", "rehearsal_before": None, "rehearsal_after": None},
        {"fallback": None, "unseen": None, "comparisons": ["runs/1.png"]},
    ],
)
def test_each_end_of_a_run_is_a_result(run_folder, change):
    file = run_folder.parents[1] / "models" / "cat-1.safetensors"
    file.parent.mkdir()
    file.write_bytes(b"weights")
    keep_result(run_folder, WHOLE | change)
    assert kept_result(run_folder) == {**WHOLE, **change, "path": str(file)}


def test_settings_belong_to_their_run(run_folder):
    (found,) = unfinished_runs(run_folder.parents[1])
    assert read_settings(found) == {"run_id": run_folder.name, "preset": "balanced"}
    write_settings(run_folder, {"run_id": "another"})
    assert read_settings(run_folder) is None


def test_one_process_trains_a_run(run_folder):
    assert not is_training(run_folder)
    with training_lock(run_folder):
        assert is_training(run_folder)
        with pytest.raises(ProjectLockedError, match="another process"), training_lock(run_folder):
            pass
    assert not is_training(run_folder)
