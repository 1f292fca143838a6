"""Edits that turn the staged results of a run into tracks, as one step."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from ifc_core.annotation.delta import Pointer
from ifc_core.annotation.edits.base import Edit
from ifc_core.annotation.matching import find_matches
from ifc_core.annotation.records import WHOLE, RunState, Scope, StagedInstance
from ifc_core.annotation.rows import PALETTE, normalised
from ifc_core.annotation.schema import SOURCE_CODE
from ifc_core.annotation.staging import read_instances
from ifc_core.annotation.transaction import PROPOSED, EditTransaction
from ifc_core.structures import Category, MaskSource, Track, TrackState

_MODEL = SOURCE_CODE[MaskSource.MODEL]

StagedPointers = dict[int, dict[int, Pointer]]
"""instance id -> frame -> what the frame would show; no area where the object is absent."""


@dataclass(frozen=True, slots=True)
class AcceptRun(Edit):
    """Take the results of a propose run into the project as proposals.

    Human work is never overwritten: on frames where a person corrected, approved,
    rejected or marked a track absent that track is left alone, and nothing is added to
    approved frames. An instance that covers the same object as a track with human work
    fills the untouched frames of that track instead of becoming a second one, and one
    that covers a rejected track is left out.

    Attributes:
        run_id: The run.
        instance_ids: Which instances, or ``None`` for all.
        min_score: Leave out instances below this score.
        min_area_px: Leave out masks with fewer pixels.
        scope: Leave out other frames.
        replace_proposals: Take away earlier proposals of a model in the video, in scope,
            that nobody touched.
        match_iou: From this mean IoU on human frames an instance and a track are the
            same object.
    """

    run_id: int
    instance_ids: tuple[int, ...] | None = None
    min_score: float = 0.0
    min_area_px: int = 0
    scope: Scope = WHOLE
    replace_proposals: bool = True
    match_iou: float = 0.5

    def perform(self, tx: EditTransaction) -> str:
        """Show the staged records in matched or new tracks."""
        video_id = _video_of_run(tx, self.run_id)
        staged = _staged_pointers(tx, self.run_id, self.scope, max(1, self.min_area_px))
        chosen = [i for i in _instances(tx, self.run_id, staged) if self._wants(i)]
        if self.replace_proposals:
            _drop_proposals(tx, video_id, self.scope)
        sizes = tx.video(video_id).size
        matches = find_matches(tx, video_id, sizes, staged, chosen, self.match_iou)
        kept = tx.exhaustive(video_id)
        num_new = num_skipped = 0
        for instance in sorted(chosen, key=lambda i: i.score):
            frames = staged.get(instance.instance_id, {})
            match = matches.get(instance.instance_id)
            if match is not None and match.state is TrackState.REJECTED:
                num_skipped += 1
                continue
            present = {} if match is None else tx.pointers(match.id)
            free = {f: p for f, p in frames.items() if f not in kept and f not in present}
            if free:
                num_new += match is None
                tx.point(match or _new_track(tx, video_id, instance), free)
        if num_skipped:
            tx.notes.append(f"{num_skipped} instances cover rejected tracks and were left out.")
        tx.set_run_state(self.run_id, RunState.ACCEPTED.value)
        return f"Accept proposals, {num_new} new tracks"

    def _wants(self, instance: StagedInstance) -> bool:
        chosen = self.instance_ids is None or instance.instance_id in self.instance_ids
        return chosen and instance.score >= self.min_score


@dataclass(frozen=True, slots=True)
class AcceptPropagation(Edit):
    """Take the results of a propagation into the tracks they belong to, as proposals.

    Frames that a person corrected, approved, rejected or marked absent are kept.

    Attributes:
        run_id: The run; its staged instance ids are track ids.
        scope: Leave out other frames.
    """

    run_id: int
    scope: Scope = WHOLE

    def perform(self, tx: EditTransaction) -> str:
        """Show the staged records on frames that no person reviewed."""
        video_id = _video_of_run(tx, self.run_id)
        staged = _staged_pointers(tx, self.run_id, self.scope, 0)
        kept = tx.exhaustive(video_id)
        num_kept = num_written = 0
        for instance in _instances(tx, self.run_id, staged):
            track = tx.track(instance.track_id or instance.instance_id)
            present = tx.pointers(track.id)
            frames: dict[int, Pointer | None] = {}
            for frame_index, pointer in staged.get(instance.instance_id, {}).items():
                old = present.get(frame_index)
                if frame_index in kept or (old is not None and old.state != PROPOSED):
                    num_kept += 1
                    continue
                revision = 1 if old is None else old.revision + 1
                frames[frame_index] = pointer._replace(revision=revision) if pointer.area else None
            tx.point(track, frames)
            num_written += len(frames)
        if num_kept:
            tx.notes.append(f"{num_kept} reviewed masks were kept.")
        tx.set_run_state(self.run_id, RunState.ACCEPTED.value)
        return f"Propagate, {num_written} masks"


def _video_of_run(tx: EditTransaction, run_id: int) -> int:
    row = tx.db.execute("SELECT video_id, state FROM runs WHERE id = ?", (run_id,)).fetchone()
    if row is None:
        tx.fail(f"There is no run {run_id} in the project.")
    if row[1] == RunState.ACCEPTED.value:
        tx.fail(f"Run {run_id} was accepted already.")
    return int(row[0])


def _staged_pointers(
    tx: EditTransaction, run_id: int, scope: Scope, min_area_px: int
) -> StagedPointers:
    staged: StagedPointers = defaultdict(dict)
    found = tx.db.execute(
        "SELECT frame_index, instance_id, mask_id, masks.source, masks.area FROM staged "
        "JOIN masks ON masks.id = mask_id WHERE staged.run_id = ?",
        (run_id,),
    )
    for frame_index, instance_id, mask_id, source, area in found:
        if frame_index in scope and area >= min_area_px:
            staged[instance_id][frame_index] = Pointer(mask_id, PROPOSED, 1, source, area)
    return staged


def _instances(tx: EditTransaction, run_id: int, staged: StagedPointers) -> list[StagedInstance]:
    known = {i.instance_id: i for i in read_instances(tx.db, run_id)}
    for instance_id in staged:  # a run that was cut off never told the labels and scores
        known.setdefault(instance_id, StagedInstance(instance_id, "object", 0.0))
    return list(known.values())


def _drop_proposals(tx: EditTransaction, video_id: int, scope: Scope) -> None:
    """Take away a model's proposals that nobody touched, and tracks that were only that."""
    kept = tx.exhaustive(video_id)
    for track in tx.tracks(video_id):
        if track.state is TrackState.REJECTED:
            continue
        present = tx.pointers(track.id)
        gone = {
            f
            for f, p in present.items()
            if p.state == PROPOSED and p.source == _MODEL and f in scope and f not in kept
        }
        if gone and len(gone) == len(present) and track.state is TrackState.PROPOSED:
            tx.drop_track(track)
        else:
            tx.point(track, dict.fromkeys(gone))


def _new_track(tx: EditTransaction, video_id: int, instance: StagedInstance) -> Track:
    return tx.new_track(
        video_id,
        _category_id(tx, instance.label),
        score=instance.score,
        state=TrackState.PROPOSED,
    )


def _category_id(tx: EditTransaction, label: str) -> int:
    """The category of that name; made where there is none."""
    name = normalised(label.strip()) or "object"
    row = tx.db.execute("SELECT id FROM categories WHERE name = ?", (name,)).fetchone()
    if row is not None:
        return int(row[0])
    highest, count = tx.db.execute("SELECT max(id), count(*) FROM categories").fetchone()
    category = Category((highest or 0) + 1, name, "", PALETTE[count % len(PALETTE)])
    tx.put_category(category)
    return category.id
