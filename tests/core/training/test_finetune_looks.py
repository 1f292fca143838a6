"""How many frames the looks of a fine-tuning take, however many are kept aside."""

import pytest

from ifc_core.annotation.snapshot import make_snapshot
from ifc_core.training import finetune as finetune_job
from ifc_core.training.finetune_settings import FinetuneSettings, FinetuneValidation


@pytest.fixture
def run_folder(approved_project):
    """The snapshot of a cat, approved on ten frames of a clip."""
    project = approved_project(range(0, 60, 6))
    make_snapshot(project, project.folder / "runs" / "r1")
    return project.folder / "runs" / "r1"


def test_looks_during_training_take_fewer_frames_than_the_verdict(
    run_folder, tiny_model_file, monkeypatch
):
    judged, score = [], finetune_job.score_held_out

    def noted(model, videos, *rest, with_noise):
        judged.append((sum(len(v.labelled_frames) for v in videos), with_noise))
        return score(model, videos, *rest, with_noise=with_noise)

    monkeypatch.setattr(finetune_job, "score_held_out", noted)
    monkeypatch.setattr(finetune_job, "LOOK_FRAMES", 2)
    monkeypatch.setattr(finetune_job, "VERDICT_FRAMES", 3)
    chosen = FinetuneSettings(
        "r1", model=str(tiny_model_file), short_side=64, device="cpu", iterations=26,
        held_out_share=0.4,
    )  # fmt: skip
    events = list(finetune_job.finetune(run_folder.parents[1], chosen))
    assert events[0].num_held_out_frames == 4
    assert judged == [(3, True), (2, False), (3, True)]
    assert [e.score.num_masks for e in events if isinstance(e, FinetuneValidation)] == [3, 2, 3]
    assert len(events[-1].provenance["held_out"]["toy"]) == 4
