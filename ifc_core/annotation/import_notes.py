"""What an import tells of the videos and tracks that it brought in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ifc_core.annotation.covered_tracks import Overlaps
from ifc_core.annotation.edits.catalog import AddVideo
from ifc_core.annotation.file_frames import FrameRule
from ifc_core.annotation.file_videos import FileVideo
from ifc_core.annotation.rows import normalised
from ifc_core.annotation.store import Project
from ifc_core.io.ytvis_types import YtvisHeader, YtvisVideo
from ifc_core.structures import Category

_RULES = {
    FrameRule.PICTURES: "The pictures of {names} have other names than in the file, so the numbers "
    "in the names alone say which frames are meant; look whether the masks lie on theirs.",
    FrameRule.FROM_0: "The numbers that the file gives the frames of {names} are counted from 0; "
    "look whether the masks lie on theirs, and undo if they were counted from 1.",
    FrameRule.FROM_1: "The numbers that the file gives the frames of {names} are counted from 1; "
    "look whether the masks lie on theirs, and undo if they were counted from 0.",
}


@dataclass(frozen=True, slots=True)
class Belief:
    """What the tracks of a file are taken for where it says nothing of reviews itself.

    Attributes:
        found: File ids of the videos whose tracks a program found; others hold truth.
        is_complete: Truth shows every object of its classes.
        is_folder: It is a folder of masks.
        is_by_id: It is results whose ids are taken for those of the project.
        overlaps: What becomes of tracks that cover some of the project; ``None`` where nobody
            looks for them.
        incomplete: File ids of the videos of which something was left out, so that no frame of
            them is complete.
    """

    found: Collection[int] = ()
    is_complete: bool = False
    is_folder: bool = False
    is_by_id: bool = False
    overlaps: Overlaps | None = Overlaps.BOTH
    incomplete: Collection[int] = ()

    def unsaid(self, videos: Iterable[YtvisVideo]) -> list[YtvisVideo]:
        """The videos of a file that it could be taken to show completely."""
        left_out = {*self.found, *self.incomplete}
        return [v for v in videos if v.details is None and v.id not in left_out]


@dataclass(frozen=True, slots=True)
class VideoMasks:
    """How many masks of a file a video has got.

    Attributes:
        name: Of the video in the project.
        masks: Their number.
    """

    name: str
    masks: int


def masks_by_video(
    project: Project,
    videos: Sequence[YtvisVideo],
    places: Mapping[int, FileVideo],
    masks_of: Mapping[int, int],
) -> tuple[VideoMasks, ...]:
    """How many masks each video of a file has got, as the project calls it.

    Args:
        project: After the import.
        videos: Videos of the file.
        places: Where they went.
        masks_of: Masks by their ids in the file.
    """
    names: dict[int, str] = {}
    masks: Counter[int] = Counter()
    for video in videos:
        place = places[video.id].place
        names[_key(place)] = project.video(place).name if isinstance(place, int) else place.name
        masks[_key(place)] += masks_of.get(video.id, 0)
    return tuple(VideoMasks(name, masks[key]) for key, name in names.items())


def missing_videos(
    videos: Sequence[YtvisVideo], places: Mapping[int, FileVideo], masks_of: Mapping[int, int]
) -> dict[str, int]:
    """Masks of the videos that were not found, by name; those that share a place once."""
    names: dict[int, str] = {}
    masks: Counter[str] = Counter()
    for video in videos:
        place = places[video.id].place
        if places[video.id].is_missing and isinstance(place, AddVideo):
            name = video.name if "/" in video.file_names[0] else place.name
            masks[names.setdefault(id(place), name)] += masks_of.get(video.id, 0)
    return dict(masks)


def video_notes(
    videos: Sequence[YtvisVideo],
    places: Mapping[int, FileVideo],
    missing: Mapping[str, int],
    believed: Belief,
) -> tuple[str, ...]:
    """What became of the videos of a file, and what is believed of them."""
    notes = list(dict.fromkeys(place.guess for place in places.values() if place.guess))
    if missing:
        notes.append(_missing_note(missing))
        notes += dict.fromkeys(place.problem for place in places.values() if place.problem)
    notes += _number_notes(videos, places)
    unsaid = believed.unsaid(videos)
    if unsaid and believed.is_folder:
        notes.append(_truth_note([v.name for v in unsaid], believed.is_complete))
    elif unsaid and believed.is_complete:
        plain = len({_key(places[video.id].place) for video in unsaid})
        notes.append(
            f"{'1 video carries' if plain == 1 else f'{plain} videos carry'} no review states, "
            "so every frame counts as approved and null as absent."
        )
    return tuple(notes)


def is_believed_complete(videos: Sequence[YtvisVideo], believed: Belief) -> bool:
    """Whether frames count as complete though the file says nothing of it."""
    return believed.is_complete and bool(believed.unsaid(videos))


def unnamed_note(
    header: YtvisHeader, there: Sequence[Category], believed: Belief
) -> tuple[str, ...]:
    """That frames which count as complete are taken to show nothing of classes of the project.

    Args:
        header: Of the file.
        there: Classes of the project.
        believed: What the file is taken for.
    """
    named = {normalised(category.name.strip()) for category in header.categories}
    names = [c.name for c in there if normalised(c.name) not in named]
    if not names or not is_believed_complete(header.videos, believed):
        return ()
    if len(names) == 1:
        return (
            f"The file does not name the class {names[0]}, so these frames are taken to show none "
            "of it; undo where that is wrong.",
        )
    return (
        f"The file does not name the classes {_listed(names)}, so these frames are taken to show "
        "none of them; undo where that is wrong.",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" and more" if len(names) > 5 else "")


def _truth_note(names: Sequence[str], is_complete: bool) -> str:
    """What a folder of masks that no program found is taken for."""
    if is_complete:
        return (
            f"These are true masks: all frames of {_listed(names)} count as approved, and tracks "
            "as absent where they have no mask."
        )
    return (
        f"These are true masks: tracks of {_listed(names)} count as approved, and as absent where "
        "they have no mask; no frame counts as complete, since some objects may have none."
    )


def _missing_note(missing: Mapping[str, int]) -> str:
    """That videos are not here, and what becomes of their masks."""
    names = _listed(list(missing))
    is_one, count = len(missing) == 1, sum(missing.values())
    were = "was not found and is" if is_one else "were not found and are"
    where = f"{names} {were} listed without pictures"
    if not count:
        return f"{where}."
    masks = "1 mask is" if count == 1 else f"{count:,} masks are"
    if is_one:
        return f"{where}; its {masks} kept until you locate it."
    return f"{where}; their {masks} kept until you locate them."


def _number_notes(videos: Sequence[YtvisVideo], places: Mapping[int, FileVideo]) -> list[str]:
    """Sentences on videos of which numbers alone say which frames are meant, if any."""
    by_rule: dict[FrameRule, dict[str, None]] = {}
    for video in videos:
        by_rule.setdefault(places[video.id].rule, {})[video.name] = None
    return [
        _RULES[rule].format(names=_listed(list(names)))
        for rule, names in by_rule.items()
        if rule in _RULES
    ]


def _key(place: int | AddVideo) -> int:
    return place if isinstance(place, int) else -id(place)


def twice_note(count: int) -> tuple[str, ...]:
    """A person may want both, so nothing is left out; but it is said."""
    if not count:
        return ()
    which = "1 track shows" if count == 1 else f"{count} tracks show"
    return (f"{which} only masks of one that was there already; undo what was not meant.",)


def linked_note(project: Project, tracks: Collection[int]) -> tuple[str, ...]:
    """How many of the new tracks are daughters now, and of how many mothers."""
    mothers = [p for track in tracks if (p := project.track(track).parent_id) is not None]
    count, number = len(mothers), len(set(mothers))
    if not count:
        return ()
    if count == 1:
        return ("1 daughter was linked to its mother.",)
    whose = "1 mother" if number == 1 else f"{number} mothers"
    return (f"{count} daughters were linked to {whose}.",)


_SETTLED = {
    Overlaps.BOTH: "both are there now.",
    Overlaps.OURS: "where both show an object, what was there stayed and theirs was left out.",
    Overlaps.THEIRS: "where both show an object, what was there is rejected, unless people made it "
    "and theirs is a proposal.",
    Overlaps.PROPOSALS: "the new ones are proposals, beside what was there.",
}


def covered_note(
    ious: Sequence[float], overlaps: Overlaps | None, num_apart: int
) -> tuple[str, ...]:
    """How many tracks show what others show, how well they agree, and what became of them."""
    if not ious or overlaps is None:
        return ()
    which = "1 track covers one" if len(ious) == 1 else f"{len(ious)} tracks cover ones"
    mean = sum(ious) / len(ious)
    notes = (f"{which} of the project with a mean IoU of {mean:.2f}: {_SETTLED[overlaps]}",)
    if not num_apart:
        return notes
    where = "1 frame" if num_apart == 1 else f"{num_apart:,} frames"
    return (*notes, f"On {where} such masks have an IoU of less than 0.5: both are there.")


def by_id_note(told: Sequence[VideoMasks]) -> tuple[str, ...]:
    """That results were taken for those of this project's videos."""
    names = [video.name for video in told if video.masks]
    if not names:
        return ()
    return (
        f"The results name videos and classes by ids, which were taken for those of this project: "
        f"{_listed(names)}. Undo if they are those of another file.",
    )
