"""Random edits for whatever state a project is in, some of which do not fit it."""

import random

import numpy as np

from ifc_core.annotation import Project, Scope, StagedInstance, StagedMask, edits
from ifc_core.errors import EditError
from ifc_core.structures import Category, RLEMask, TrackKind


def random_mask(rng: random.Random, size: tuple[int, int]) -> RLEMask:
    """A rectangle, sometimes empty."""
    mask = np.zeros(size, dtype=bool)
    top, left = rng.randrange(size[0]), rng.randrange(size[1])
    mask[top : top + rng.randrange(8), left : left + rng.randrange(8)] = True
    return RLEMask.from_array(mask)


def random_scope(rng: random.Random, num_frames: int) -> Scope:
    """This frame, from here on, a range, or everything."""
    first = rng.randrange(num_frames)
    last = rng.randrange(first, num_frames)
    return rng.choice(
        [Scope.this_frame(first), Scope.from_here(first), Scope(first, last), Scope.whole()]
    )


def random_edit(rng: random.Random, project: Project) -> edits.Edit:
    """One edit; ids are mostly of tracks that exist."""
    video = project.videos()[0 if rng.random() < 0.85 else 1]
    categories = [c.id for c in project.categories()]
    category = rng.choice(categories) if categories and rng.random() < 0.97 else 77
    mask = random_mask(rng, video.size)
    tracks = [track.id for track in project.tracks(video.id)]
    if len(tracks) < 2 and rng.random() < 0.8:
        return edits.NewTrack(video.id, category, rng.randrange(video.num_frames), mask)
    if not tracks or rng.random() < 0.03:
        tracks.append(10_000)
    one = rng.choice(tracks)
    other = rng.choice([track for track in tracks if track != one] or tracks)
    some = tuple(rng.sample(tracks, rng.randint(1, min(3, len(tracks)))))
    shown = [f.frame_index for f in project.track_frames(one) if f.area_px]
    anywhere = list(range(video.num_frames))
    frame = rng.choice(shown if shown and rng.random() < 0.7 else anywhere)
    last = rng.choice(shown if shown and rng.random() < 0.7 else anywhere)
    frame, last = sorted((frame, last))
    scope = random_scope(rng, video.num_frames)
    patch = np.array([[1, 0], [1, 1]], dtype=bool)
    accept = (rng, project, video.id, video.num_frames, video.size, tracks)
    makers = [
        lambda: edits.SetMask(one, rng.choice(anywhere), mask, rng.random()),
        lambda: edits.PatchMask(one, frame, rng.randrange(18), rng.randrange(28), patch),
        lambda: edits.NewTrack(video.id, category, frame, mask, kind=rng.choice([*TrackKind])),
        lambda: edits.MarkAbsent(one, scope),
        lambda: edits.ClearMasks(some, scope, rng.random() < 0.5),
        lambda: edits.CopyMask(one, frame, (last, rng.choice(anywhere))),
        lambda: edits.InterpolateMasks(one, frame, last),
        lambda: edits.ExtendTrack(one, rng.choice(anywhere)),
        lambda: edits.TrimTrack(one, scope),
        lambda: edits.DeleteTracks((one,)),
        lambda: edits.RelabelTracks(some, category, scope),
        lambda: edits.SetTrack(one, name=rng.choice(["", "Tom"])),
        lambda: edits.SetZOrder(video.id, some),
        lambda: edits.MergeTracks(one, (other,), rng.choice([*edits.OverlapRule])),
        lambda: edits.SplitTrack(one, frame),
        lambda: edits.SwapIdentities(one, other, scope),
        lambda: edits.LinkDivision(one, some if rng.random() < 0.5 else (one, other), None),
        lambda: edits.LinkDivision(one, some, None, rng.randint(0, 2)),
        lambda: edits.UnlinkTracks(some),
        lambda: edits.RefuseDivision(one, some, frame),
        lambda: edits.SeparatePieces(one, frame, rng.random() < 0.5, least_px=1),
        lambda: edits.ApproveFrames(video.id, scope),
        lambda: edits.UnapproveFrames(video.id, scope),
        lambda: edits.ApproveTracks(some, scope),
        lambda: edits.RejectTracks(some),
        lambda: edits.RestoreTracks(some),
        lambda: edits.RejectMasks(some, scope),
        lambda: edits.SetCategory(Category(rng.randint(1, 4), rng.choice("wxyz"))),
        lambda: edits.RemoveCategory(category, rng.choice([None, *categories])),
        lambda: edits.SetVideo(video.id, name=rng.choice("pqr")),
        lambda: edits.Batch((edits.NewTrack(video.id, category), edits.RejectTracks((one,)))),
        lambda: random_accept(*accept),
        lambda: edits.TakePropagated(rng.randint(1, 40), tuple(range(video.num_frames))),
    ]
    return rng.choice(makers)()


def random_accept(
    rng: random.Random,
    project: Project,
    video_id: int,
    num_frames: int,
    size: tuple[int, int],
    tracks: list[int],
) -> edits.Edit:
    """Stage a small run and accept it."""
    spread = rng.random() < 0.4 and 10_000 not in tracks
    kind = "propagate" if spread else "propose"
    run_id = project.begin_run(kind, video_id, {"seed": 1})
    instances = rng.sample(tracks, 1) if spread else [1, 2]
    for frame in range(rng.randrange(num_frames), num_frames):
        masks = [StagedMask(i, random_mask(rng, size), 0.5, rng.random()) for i in instances]
        project.stage(run_id, frame, masks)
    project.finish_run(run_id)
    if spread:
        astray = tuple(rng.sample(range(num_frames), rng.randrange(num_frames)))
        return edits.AcceptPropagation(run_id, random_scope(rng, num_frames), astray)
    names = [StagedInstance(i, rng.choice(["cat", "new"]), rng.random()) for i in instances]
    project.stage_instances(run_id, names)
    return edits.AcceptRun(run_id, min_score=0.2, scope=random_scope(rng, num_frames))


def try_edit(rng: random.Random, project: Project) -> bool:
    """Apply a random edit; returns whether it fitted and changed anything."""
    edit = random_edit(rng, project)
    try:
        return project.apply(edit).seq > 0
    except EditError:
        return False
