"""How a fine-tuning ended, in words: the command line and the window say the same.

Nothing here needs torch, since the window's process has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of English with named values, so that it can be translated.

    Attributes:
        text: With places such as ``{name}``.
        values: What stands there.
    """

    text: str
    values: Mapping[str, str]

    def __str__(self) -> str:
        """The sentence in English."""
        return self.text.format(**self.values)


def outcome_sentences(result: Mapping[str, Any]) -> tuple[Sentence, ...]:
    """What came of a fine-tuning: the verdict, what was gained, what was forgotten, what now.

    Args:
        result: The fields of a :class:`~ifc_core.training.finetune_settings.FinetuneResult` as
            JSON values.

    Returns:
        Sentences to be put one after the other.
    """
    verdict = str(result["verdict"])
    masks = int(result["after"]["num_masks"])
    judged = verdict if masks else "nothing held out"
    if judged == "mixed" and result["after"]["mean_j"] < result["before"]["mean_j"]:
        judged = "mixed, outlines worse"
    values = {"name": str(result["name"]), "count": str(masks)}
    told = [Sentence(_VERDICTS[judged], values)]
    told += [text for text in (_gained(result), _forgotten(result)) if text is not None]
    told += notice_sentences(result)
    text = _USED if result["promote"] else _NOT_USED.get(verdict, _OPEN)
    told.append(Sentence(text, {"parent": str(result.get("parent", ""))}))
    return tuple(told)


def notice_sentences(result: Mapping[str, Any]) -> tuple[Sentence, ...]:
    """What went wrong on the way without ending the run.

    Args:
        result: As for :func:`outcome_sentences`.
    """
    notices = (("skipped", _SKIPPED), ("num_damaged", _DAMAGED))
    found = ((text, result.get(field)) for field, text in notices)
    told = [Sentence(text, {"count": str(count)}) for text, count in found if count]
    if result.get("num_seen"):
        told.insert(0, seen_sentence(int(result["num_seen"])))
    if result.get("unseen"):
        told.insert(0, unseen_sentence(*result["unseen"]))
    if result.get("fallback"):
        told.insert(0, memory_sentence(*result["fallback"]))
    return tuple(told)


def seen_sentence(count: int) -> Sentence:
    """That some frames to judge by were trained on before, since there are no others.

    Args:
        count: Such frames.
    """
    return Sentence(_SEEN if count > 1 else _ONE_SEEN, {"count": str(count)})


def unseen_sentence(count: int, short_side: int, smallest_px: int) -> Sentence:
    """That some masks are too small for whole frames, and what is done about it.

    Args:
        count: Masks.
        short_side: Of the frames, in pixels.
        smallest_px: Longer side of the smallest of them, in pixels of its frame.
    """
    values = {"count": str(count), "side": str(short_side), "size": str(smallest_px)}
    return Sentence(_UNSEEN if count > 1 else _ONE_UNSEEN, values)


def memory_sentence(clips: int, short_side: int) -> Sentence:
    """That memory allowed a smaller training only.

    Args:
        clips: At a time.
        short_side: Of the frames, in pixels.
    """
    return Sentence(_MEMORY, {"clips": str(clips), "side": str(short_side)})


def figure_pair(before: float, after: float) -> tuple[str, str]:
    """Two figures with the digits that tell them apart, three at most."""
    digits = 2 if round(before, 2) != round(after, 2) else 3
    return f"{before:.{digits}f}", f"{after:.{digits}f}"


def _gained(result: Mapping[str, Any]) -> Sentence | None:
    before, after = result["before"], result["after"]
    if before["mean_j"] is None or after["mean_j"] is None:
        return None
    j_before, j_after = figure_pair(before["mean_j"], after["mean_j"])
    ap_before, ap_after = figure_pair(before["ap"], after["ap"])
    values = {
        "j_before": j_before,
        "j_after": j_after,
        "ap_before": ap_before,
        "ap_after": ap_after,
    }
    return Sentence(_GAINED, values)


def _forgotten(result: Mapping[str, Any]) -> Sentence | None:
    before, after = result.get("rehearsal_before"), result.get("rehearsal_after")
    if before is None or after is None:
        return None
    told_before, told_after = figure_pair(before, after)
    text = _FORGOTTEN if after < before else _REMEMBERED
    return Sentence(text, {"before": told_before, "after": told_after})


_VERDICTS = {
    "better": "{name} is better on {count} held-out masks.",
    "not better": "{name} is not better on {count} held-out masks.",
    "mixed": "{name} outlines {count} held-out masks better, but finds or names objects worse.",
    "mixed, outlines worse": "{name} finds or names objects better, but outlines {count} held-out "
    "masks worse.",
    "not enough to judge": "{name} is ready; {count} held-out masks are not enough to judge it.",
    "nothing held out": "{name} is ready; nothing was held out to judge it by.",
}
_GAINED = (
    "Gained: mean J {j_before} before, {j_after} after; AP {ap_before} before, {ap_after} after."
)
_FORGOTTEN = "Forgotten: mean J on generated clips {before} before, {after} after."
_REMEMBERED = "Nothing forgotten: mean J on generated clips {before} before, {after} after."
_MEMORY = "Memory ran out, so it trains with a batch of {clips} and a short side of {side} pixels."
_SEEN = (
    "{count} of the held-out frames were seen by the model it began with, since no others are "
    "labelled; correct some more for a fair comparison."
)
_ONE_SEEN = (
    "1 of the held-out frames was seen by the model it began with, since no others are labelled; "
    "correct some more for a fair comparison."
)
_UNSEEN = (
    "{count} masks are too small to be seen with a short side of {side} pixels and are learnt "
    "close up; propose in tiles for objects of {size} pixels to find such things."
)
_ONE_UNSEEN = (
    "1 mask is too small to be seen with a short side of {side} pixels and is learnt close up; "
    "propose in tiles for objects of {size} pixels to find such things."
)
_SKIPPED = "{count} iterations were skipped, since their gradients were not finite."
_DAMAGED = "{count} pictures that cannot be decoded were left out."
_USED = "The project uses it from now on."
_NOT_USED = {
    "not better": "The project keeps its model.",
    "better": "It was compared with {parent}, but the project uses another model and keeps it "
    "until you choose.",
}
_OPEN = "The project keeps its model until you choose."

TEXTS = (
    *_VERDICTS.values(),
    _GAINED,
    _FORGOTTEN,
    _REMEMBERED,
    _MEMORY,
    _SEEN,
    _ONE_SEEN,
    _UNSEEN,
    _ONE_UNSEEN,
    _SKIPPED,
    _DAMAGED,
    _USED,
    *_NOT_USED.values(),
    _OPEN,
)
"""All that :func:`outcome_sentences` can say, for translations."""
