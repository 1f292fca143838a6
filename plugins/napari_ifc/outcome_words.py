"""What came of a fine-tuning and which model is in use, for its card and for the message."""

from __future__ import annotations

from napari_ifc.finetune_state import Outcome
from napari_ifc.language import tr

_IN_USE = {
    "better": tr("Better than the old model: Propose uses it now."),
    "not better": tr("Not better than the old model, but chosen: Propose uses it now."),
    "mixed": tr("Better in one way, worse in another: Propose uses it now."),
    "not enough to judge": tr("Not enough held-out masks to judge: Propose uses it now."),
}
_PARENT_IN_USE = {
    "better": tr("Better than the old model, which Propose uses until you choose below."),
    "not better": tr("Not better than the old model: Propose keeps the old one."),
}
_OTHER_IN_USE = {
    "better": tr(
        "Better than {parent}, the model it began with; Propose uses {used} and keeps it until "
        "you choose below."
    ),
    "not better": tr("Not better than {parent}, the model it began with; Propose keeps {used}."),
    "mixed": tr("Better in one way, worse in another: choose yourself below."),
    "not enough to judge": tr("Not enough held-out masks to judge: choose yourself below."),
}
_ENDS = {
    "better": tr("{name} is ready: better than the model before, and in use now."),
    "not better": tr("{name} is ready, but not better; the model before stays in use."),
    "mixed": tr("{name} is ready: better in one way, worse in another."),
    "not enough to judge": tr("{name} is ready; there was too little to judge it by."),
}
_ENDS_BESIDE = {
    "better": tr("{name} is ready: better than {parent}; {used} is in use and stays so."),
    "not better": tr("{name} is ready, but not better than {parent}; {used} stays in use."),
}


def verdict_text(outcome: Outcome) -> str:
    """What came of it and which model Propose uses now, for the card."""
    words = _OTHER_IN_USE
    if outcome.in_use:
        words = _IN_USE
    elif outcome.parent_in_use:
        words = {**_OTHER_IN_USE, **_PARENT_IN_USE}
    return words[outcome.verdict].format(parent=outcome.parent, used=outcome.used)


def end_text(outcome: Outcome) -> str:
    """The same in one sentence at the end of the run, or an empty text for an unknown verdict."""
    is_usual = outcome.in_use if outcome.verdict == "better" else outcome.parent_in_use
    words = _ENDS if is_usual else {**_ENDS, **_ENDS_BESIDE}
    text = words.get(outcome.verdict, "")
    return text.format(name=outcome.name, parent=outcome.parent, used=outcome.used)
