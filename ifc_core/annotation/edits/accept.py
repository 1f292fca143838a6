"""Edits that turn the staged results of a run into tracks, as one step."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ifc_core.annotation.category_ids import free_category_id
from ifc_core.annotation.delta import unpack_rgb
from ifc_core.annotation.edits.base import Edit, names_of
from ifc_core.annotation.ignored_ground import IgnoredGround
from ifc_core.annotation.lineage import linked
from ifc_core.annotation.matching import find_matches
from ifc_core.annotation.neighbour_colors import color_fresh_tracks
from ifc_core.annotation.pointer_tables import (
    FRAME,
    MASK,
    POINTER_WIDTH,
    REVISION,
    SOURCE,
    STATE,
    TRACK,
    Table,
)
from ifc_core.annotation.records import WHOLE, RunState, Scope, StagedInstance
from ifc_core.annotation.refilling import staged_owners, touched_tracks
from ifc_core.annotation.rows import normalised
from ifc_core.annotation.staged_table import StagedTable
from ifc_core.annotation.staging import read_instances
from ifc_core.annotation.transaction import (
    ABSENT,
    APPROVED,
    CORRECTED,
    DERIVED,
    HUMAN,
    MODEL,
    PROPOSED,
    EditTransaction,
)
from ifc_core.io.problems import as_name
from ifc_core.structures import Category, Track, TrackKind, TrackState
from ifc_core.structures.palette import unlike_color


@dataclass(frozen=True, slots=True)
class AcceptRun(Edit):
    """Take the results of a propose run into the project as proposals.

    Human work is never overwritten: on frames where a person corrected, approved,
    rejected or marked a track absent that track is left alone, and nothing is added to
    approved frames. An instance that covers the same object as a track with human work
    fills the untouched frames of that track instead of becoming a second one, and one
    that covers a rejected track is left out. A track that a person named, classed, linked,
    split, merged, swapped or restored goes on, frame by frame, with what covers the same as before
    (of a lineage every track, also where a file brought the links);
    where nothing of the run does on any frame it keeps its proposals. What lies mostly in crowds
    and regions to ignore is left out, and these stay as they are. New tracks that touch differ
    in hue.

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
        staged = StagedTable.read(tx.db, self.run_id, self.scope, max(1, self.min_area_px))
        chosen = [i for i in _instances(tx, self.run_id, staged) if self._wants(i)]
        chosen.sort(key=lambda instance: -instance.score)
        size = tx.video(video_id).size
        matches = find_matches(tx, video_id, size, staged, chosen, self.match_iou)
        kept = np.array(sorted(tx.exhaustive(video_id)), dtype=np.int64)
        staged = staged.only(~np.isin(staged.frames, kept))
        rejected = {i for i, track in matches.items() if track.state is TrackState.REJECTED}
        if rejected:
            tx.notes.append(f"{len(rejected)} instances cover rejected tracks and were left out.")
            chosen = [instance for instance in chosen if instance.instance_id not in rejected]
        ground = IgnoredGround(tx, video_id)
        chosen = _outside(tx, ground, staged, chosen, matches)
        going_on, spared, staged = self._going_on(tx, video_id, staged, chosen, matches)
        if self.replace_proposals:
            _drop_proposals(tx, video_id, self.scope, spared | ground.track_ids)
        fresh: list[tuple[StagedInstance, StagedTable]] = []
        for instance in chosen:
            records, match = staged.of(instance.instance_id), matches.get(instance.instance_id)
            if match is None:
                fresh.append((instance, records))
            else:
                going_on.append((match, records))
        filled = [(track, _not_shown(tx, track, records)) for track, records in going_on]
        made = _new_tracks(tx, video_id, [entry for entry in fresh if len(entry[1])])
        _show(tx, video_id, [*filled, *made])
        color_fresh_tracks(tx, video_id, [track.id for track, _ in made])
        tx.set_run_state(self.run_id, RunState.ACCEPTED.value)
        return f"Accept proposals, {len(made)} new {'track' if len(made) == 1 else 'tracks'}"

    def _going_on(
        self,
        tx: EditTransaction,
        video_id: int,
        staged: StagedTable,
        chosen: Sequence[StagedInstance],
        matches: Mapping[int, Track],
    ) -> tuple[list[tuple[Track, StagedTable]], set[int], StagedTable]:
        """What goes on in touched tracks, which of them keep what they have, and the rest."""
        taken = {track.id for track in matches.values()}
        touched = [
            t
            for t in touched_tracks(tx, video_id)
            if t.id not in taken and t.kind is TrackKind.OBJECT
        ]
        free = [i.instance_id for i in chosen if i.track_id is None]
        owners = staged_owners(
            tx,
            video_id,
            staged,
            free,
            [track.id for track in touched],
            self.scope,
            self.match_iou,
            matches.keys(),
        )
        going_on = [(track, staged.only(owners == track.id)) for track in touched]
        spared = {track.id for track, records in going_on if not len(records)}
        return going_on, spared, staged.only(owners == 0)

    def _wants(self, instance: StagedInstance) -> bool:
        chosen = self.instance_ids is None or instance.instance_id in self.instance_ids
        return chosen and instance.score >= self.min_score


@dataclass(frozen=True, slots=True)
class AcceptPropagation(Edit):
    """Take the results of a propagation into the tracks they belong to, as proposals.

    Frames that a person drew, corrected, approved, rejected or marked absent are kept. Where
    the object was not found, what an earlier propagation made goes; a model's proposal only
    beside a frame on which a person marked the track absent.

    Attributes:
        run_id: The run; its staged instance ids are track ids.
        scope: Leave out other frames.
        astray: Frames on which the new mask is not to be believed: a model's proposal stays.
    """

    run_id: int
    scope: Scope = WHOLE
    astray: tuple[int, ...] = ()

    def perform(self, tx: EditTransaction) -> str:
        """Show the staged records on frames that no person reviewed."""
        video_id = _video_of_run(tx, self.run_id)
        staged = StagedTable.read(tx.db, self.run_id, self.scope, 0)
        exhaustive = np.array(sorted(tx.exhaustive(video_id)), dtype=np.int64)
        num_kept = num_written = num_spared = num_believed = 0
        tracks = []
        for instance in _instances(tx, self.run_id, staged):
            track = tx.track(instance.track_id or instance.instance_id)
            tracks.append(track)
            records = staged.of(instance.instance_id)
            known = tx.pointer_table(video_id, [track.id])
            shown = _present(known, records.shown_in(video_id, track.id))
            drawn_or_decided = (shown[:, STATE] != PROPOSED) | (shown[:, SOURCE] == HUMAN)
            reviewed = (shown[:, MASK] > 0) & drawn_or_decided
            free = ~(reviewed | np.isin(records.frames, exhaustive))
            found = records.areas > 0
            spared = free & ~found & (shown[:, MASK] > 0) & (shown[:, SOURCE] != DERIVED)
            spared &= ~_beside_absence(known, records.frames)
            believed = free & found & (shown[:, MASK] > 0) & (shown[:, SOURCE] == MODEL)
            believed &= np.isin(records.frames, np.array(self.astray, dtype=np.int64))
            num_kept += int(np.count_nonzero(~free))
            num_written += int(np.count_nonzero(free & found & ~believed))
            num_spared += int(np.count_nonzero(spared))
            num_believed += int(np.count_nonzero(believed))
            taken = free & ~spared & ~believed
            _replace(tx, shown[taken], records.only(taken))
        if num_kept:
            tx.notes.append(f"{num_kept} reviewed masks were kept.")
        if num_believed:
            where = _frames_text(num_believed)
            tx.notes.append(
                "Proposals were kept where the new masks hardly overlap them and "
                f"are less sure: {where}."
            )
        if num_spared:
            where = _frames_text(num_spared)
            tx.notes.append(f"Proposals were kept where the object was not found: {where}.")
        tx.set_run_state(self.run_id, RunState.ACCEPTED.value)
        return _propagated_text(tracks, num_written)


@dataclass(frozen=True, slots=True)
class TakePropagated(Edit):
    """Take what an accepted propagation found in place of the proposals that it left.

    Attributes:
        run_id: The run.
        frames: Where; what is on them now is replaced as far as it is a model's proposal.
    """

    run_id: int
    frames: tuple[int, ...]

    def perform(self, tx: EditTransaction) -> str:
        """Show the staged records on those frames."""
        row = tx.db.execute(
            "SELECT video_id, state FROM runs WHERE id = ?", (self.run_id,)
        ).fetchone()
        if row is None or row[1] != RunState.ACCEPTED.value:
            tx.fail("That propagation was taken back; nothing of it can be taken.")
        video_id = int(row[0])
        wanted = np.array(sorted(set(self.frames) - tx.exhaustive(video_id)), dtype=np.int64)
        staged = StagedTable.read(tx.db, self.run_id, WHOLE, 1)
        num_written, tracks = 0, []
        for instance in _instances(tx, self.run_id, staged):
            track = tx.track(instance.track_id or instance.instance_id)
            records = staged.of(instance.instance_id)
            records = records.only(np.isin(records.frames, wanted))
            known = tx.pointer_table(video_id, [track.id])
            shown = _present(known, records.shown_in(video_id, track.id))
            is_left = (shown[:, STATE] == PROPOSED) & (shown[:, SOURCE] == MODEL)
            is_left &= shown[:, MASK] > 0
            if is_left.any():
                tracks.append(track)
                num_written += int(np.count_nonzero(is_left))
                _replace(tx, shown[is_left], records.only(is_left))
        if not tracks:
            tx.fail("None of the proposals that the propagation left is there any more.")
        return _propagated_text(tracks, num_written)


def _frames_text(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def _propagated_text(tracks: Sequence[Track], num_written: int) -> str:
    written = f"{num_written} {'mask' if num_written == 1 else 'masks'}"
    return f"Propagate {names_of(tracks)}, {written}"


def _video_of_run(tx: EditTransaction, run_id: int) -> int:
    row = tx.db.execute("SELECT video_id, state FROM runs WHERE id = ?", (run_id,)).fetchone()
    if row is None:
        tx.fail(f"There is no run {run_id} in the project.")
    if row[1] == RunState.ACCEPTED.value:
        tx.fail(f"Run {run_id} was accepted already.")
    return int(row[0])


def _instances(tx: EditTransaction, run_id: int, staged: StagedTable) -> list[StagedInstance]:
    known = {i.instance_id: i for i in read_instances(tx.db, run_id)}
    for instance_id in staged.instance_ids:  # a run that was cut off told no labels and scores
        known.setdefault(instance_id, StagedInstance(instance_id, "object", 0.0))
    return list(known.values())


def _outside(
    tx: EditTransaction,
    ground: IgnoredGround,
    staged: StagedTable,
    chosen: Sequence[StagedInstance],
    matches: dict[int, Track],
) -> list[StagedInstance]:
    """The instances that do not lie mostly in ground to ignore, and its regions unmatched."""
    inside = {i for i, track in matches.items() if track.id in ground.track_ids}
    for instance_id in inside:
        del matches[instance_id]
    ids = [instance.instance_id for instance in chosen if instance.instance_id not in matches]
    inside |= ground.covered(staged, ids)
    outside = [instance for instance in chosen if instance.instance_id not in inside]
    count = len(chosen) - len(outside)
    if count:
        tx.notes.append(f"Instances that lie mostly in regions to ignore were left out: {count}.")
    return outside


def _drop_proposals(
    tx: EditTransaction, video_id: int, scope: Scope, spared: Collection[int]
) -> None:
    """Take away a model's proposals that nobody touched, and tracks that were only that."""
    shown_tracks = [t for t in tx.tracks(video_id) if t.state is not TrackState.REJECTED]
    tracks = [track for track in shown_tracks if track.id not in spared]
    shown = tx.pointer_table(video_id, [track.id for track in tracks])
    kept = np.array(sorted(tx.exhaustive(video_id)), dtype=np.int64)
    in_scope = (shown[:, FRAME] >= (scope.first or 0)) & ~np.isin(shown[:, FRAME], kept)
    if scope.last is not None:
        in_scope &= shown[:, FRAME] <= scope.last
    is_gone = in_scope & (shown[:, STATE] == PROPOSED) & (shown[:, SOURCE] == MODEL)
    with_gone, with_rest = (set(shown[m, TRACK].tolist()) for m in (is_gone, ~is_gone))
    tx.change(shown[is_gone], None)
    empty = with_gone - with_rest - linked(tx.parents(video_id))  # these are filled anew
    tx.drop_tracks([t for t in tracks if t.id in empty and t.state is TrackState.PROPOSED])


def _new_tracks(
    tx: EditTransaction, video_id: int, fresh: Sequence[tuple[StagedInstance, StagedTable]]
) -> list[tuple[Track, StagedTable]]:
    """A track for each instance, best score first; the best lies on top, too."""
    top = tx.top(video_id) + len(fresh)
    made = []
    for place, (instance, records) in enumerate(fresh):
        track = tx.new_track(
            video_id,
            _category_id(tx, instance.label),
            score=instance.score,
            state=TrackState.PROPOSED,
            z_order=top - place,
        )
        made.append((track, records))
    return made


def _show(tx: EditTransaction, video_id: int, parts: Sequence[tuple[Track, StagedTable]]) -> None:
    """Show records on frames of tracks where nothing is annotated."""
    if parts:
        shown = [records.shown_in(video_id, track.id) for track, records in parts]
        tx.change(np.concatenate(shown), np.concatenate([r.pointers() for _, r in parts]))


def _not_shown(tx: EditTransaction, track: Track, records: StagedTable) -> StagedTable:
    """The records of frames where a track shows nothing."""
    present = tx.pointer_table(track.video_id, [track.id])[:, FRAME]
    return records.only(~np.isin(records.frames, present))


def _present(known: Table, shown: Table) -> Table:
    """(n, 8) what a track shows on frames, given all that it shows; record 0 for nothing."""
    if len(known) and len(shown):
        place = np.searchsorted(known[:, FRAME], shown[:, FRAME]).clip(max=len(known) - 1)
        is_known = known[place, FRAME] == shown[:, FRAME]
        shown[is_known] = known[place[is_known]]
    return shown


def _beside_absence(known: Table, frames: Table) -> npt.NDArray[np.bool_]:
    """(n,) bool, frames whose neighbour among a track's reviewed frames, on a side, is absent."""
    words = known[np.isin(known[:, STATE], (CORRECTED, APPROVED, ABSENT))]
    # Nothing lies before the first and after the last one.
    is_absent = np.concatenate(([False], words[:, STATE] == ABSENT, [False]))
    after = np.searchsorted(words[:, FRAME], frames) + 1
    beside: npt.NDArray[np.bool_] = is_absent[after - 1] | is_absent[after]
    return beside


def _replace(tx: EditTransaction, shown: Table, records: StagedTable) -> None:
    """Show records in place of proposals; an absent one takes the proposal away."""
    new = records.pointers()
    new[:, REVISION - MASK] = shown[:, REVISION] + 1
    new[records.areas == 0] = 0
    changed = (shown[:, MASK:POINTER_WIDTH] != new).any(axis=1)
    tx.change(shown[changed], new[changed])


def _category_id(tx: EditTransaction, label: str) -> int:
    """The category of that name; made where there is none."""
    name = as_name(normalised(label.strip())) or "object"
    row = tx.db.execute("SELECT id FROM categories WHERE name = ?", (name,)).fetchone()
    if row is not None:
        return int(row[0])
    used = [unpack_rgb(color) for (color,) in tx.db.execute("SELECT color FROM categories")]
    category = Category(free_category_id(tx.db), name, "", unlike_color(used))
    tx.put_category(category)
    return category.id
