"""Random edits, undos, redos and restarts come to what a project of plain pictures comes to."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ifc_core.annotation import Project, StagedMask, edits
from ifc_core.errors import EditError

from .conftest import NUM_FRAMES, SIZE, fill
from .plain_model import MODEL, PROPOSED, NoFitError, PlainProject, PlainTrack, Shown, account_of
from .random_edits import random_mask, random_scope

_STEPS = 30


def _proposed(project: Project, plain: PlainProject, rng: random.Random) -> None:
    """Three tracks that a model proposed."""
    run_id = project.begin_run("propose", 1, {})
    masks = {(i, f): random_mask(rng, SIZE) for i in range(3) for f in range(NUM_FRAMES)}
    for frame in range(NUM_FRAMES):
        project.stage(run_id, frame, [StagedMask(i, masks[i, frame]) for i in range(3)])
    project.finish_run(run_id)
    project.apply(edits.AcceptRun(run_id))
    there = [i for i in range(3) if any(masks[i, f].area for f in range(NUM_FRAMES))]
    category = project.categories()[-1].id
    made = dict(zip(sorted(t.id for t in project.tracks(1)), there, strict=True))
    for track_id, instance in made.items():
        frames = {f: masks[instance, f].to_array() for f in range(NUM_FRAMES)}
        shown = {f: Shown(m, PROPOSED, MODEL) for f, m in frames.items() if m.any()}
        plain.tracks[track_id] = PlainTrack(category, PROPOSED, shown)
    plain.order = [t.id for t in project.tracks(1)]


def _step(
    project: Project, plain: PlainProject, rng: random.Random
) -> tuple[Callable[[], None], edits.Edit]:
    """A random edit, and what makes it on the plain project."""
    new = project._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'tracks'").fetchone()
    new_id = 1 + (0 if new is None else new[0])
    frame, other = rng.randrange(NUM_FRAMES), rng.randrange(NUM_FRAMES)
    rle, scope = random_mask(rng, SIZE), random_scope(rng, NUM_FRAMES)
    mask, category = rle.to_array(), rng.choice([1, 2])
    if len(plain.tracks) < 2 or rng.random() < 0.05:
        new_track = edits.NewTrack(1, category, frame, rle)
        return lambda: plain.new(new_id, category, frame, mask), new_track
    one, two = rng.sample(sorted(plain.tracks), 2)
    two = one if rng.random() < 0.05 else two
    patch = np.array([[1, 0, 1], [0, 1, 1]], bool)
    top, left = rng.randrange(SIZE[0] - 1), rng.randrange(SIZE[1] - 2)
    rule = rng.choice([*edits.OverlapRule])
    steps = [
        (lambda: plain.set_mask(one, frame, mask), edits.SetMask(one, frame, rle)),
        (
            lambda: plain.patch(one, frame, top, left, patch),
            edits.PatchMask(one, frame, top, left, patch),
        ),
        (lambda: plain.absent(one, scope), edits.MarkAbsent(one, scope)),
        (lambda: plain.clear(one, scope), edits.ClearMasks((one,), scope)),
        (lambda: plain.trim(one, scope), edits.TrimTrack(one, scope)),
        (lambda: plain.copy_mask(one, frame, other), edits.CopyMask(one, frame, (other,))),
        (lambda: plain.extend(one, frame), edits.ExtendTrack(one, frame)),
        (lambda: plain.delete(one), edits.DeleteTracks((one,))),
        (lambda: plain.relabel(one, category), edits.RelabelTracks((one,), category)),
        (lambda: plain.merge(one, two, rule), edits.MergeTracks(one, (two,), rule)),
        (lambda: plain.split(one, new_id, frame), edits.SplitTrack(one, frame)),
        (lambda: plain.swap(one, two, scope), edits.SwapIdentities(one, two, scope)),
        (lambda: plain.approve(scope), edits.ApproveFrames(1, scope)),
        (lambda: plain.unapprove(scope), edits.UnapproveFrames(1, scope)),
        (lambda: plain.approve_track(one, scope), edits.ApproveTracks((one,), scope)),
        (lambda: plain.reject_track(one), edits.RejectTracks((one,))),
        (lambda: plain.restore(one), edits.RestoreTracks((one,))),
        (lambda: plain.reject_masks(one, scope), edits.RejectMasks((one,), scope)),
        (lambda: plain.restore_masks(one, scope), edits.RestoreMasks((one,), scope)),
    ]
    return rng.choice(steps)


@pytest.mark.parametrize("seed", range(16))
def test_edits_come_to_what_they_come_to_on_plain_pictures(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    project = Project.create(tmp_path / "p.ifcproj")
    fill(project)
    plain = PlainProject(SIZE, NUM_FRAMES)
    _proposed(project, plain, rng)
    past, future = [plain], []
    for _ in range(_STEPS):
        action = rng.choice(["edit"] * 6 + ["undo", "undo", "redo", "reopen"])
        if action == "edit":
            made = past[-1].copy()
            make, edit = _step(project, made, rng)
            try:
                make()
            except NoFitError:
                with pytest.raises(EditError):
                    project.apply(edit)
            else:
                if project.apply(edit).seq:
                    past.append(made)
                    future.clear()
        elif action == "undo" and len(past) > 1:
            project.undo()
            future.append(past.pop())
        elif action == "redo" and future:
            project.redo()
            past.append(future.pop())
        elif action == "reopen":
            project.close()
            project = Project.open(tmp_path / "p.ifcproj")
        assert account_of(project, 1) == past[-1].account()
    assert project.check() == []
    project.close()
