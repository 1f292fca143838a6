"""The choice among candidates, and what waits for an answer, as actions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from napari_ifc.actions import Action
from napari_ifc.controllers.prompts import PromptController
from napari_ifc.language import tr

if TYPE_CHECKING:
    from napari_ifc.features.correction import Correction


def candidate_actions(correction: Correction, group: str) -> Iterable[Action]:
    """Walk through candidates, accept or dismiss one; drop what has no answer yet.

    Args:
        correction: The feature whose candidates and questions these are.
        group: Where the menus show the actions.
    """
    choices: tuple[tuple[str, str, str, Callable[[PromptController], object]], ...] = (
        ("next", tr("Next candidate"), "", lambda p: p.next()),
        ("previous", tr("Previous candidate"), "Shift+C", lambda p: p.next(-1)),
        ("accept", tr("Accept the candidate as a track"), "", lambda p: p.accept()),
        (
            "into",
            tr("Accept the candidate into the selected track"),
            "",
            lambda p: p.accept(into_current=True),
        ),
        ("dismiss", tr("Dismiss the candidates"), "", lambda p: p.dismiss()),
    )

    def of_prompts(change: Callable[[PromptController], object]) -> None:
        if correction.prompts is not None:
            change(correction.prompts)

    def why_not() -> str:
        active = correction.prompts is not None and correction.prompts.view.active
        return "" if active else tr("No candidates are shown.")

    for name, text, key, change in choices:
        yield Action(
            f"candidate.{name}",
            text,
            lambda change=change: of_prompts(change),
            shortcut=key,
            group=group,
            why_not=why_not,
        )
    yield Action(
        "drawn.drop",
        tr("Drop the boxes and strokes that have no answer yet"),
        lambda: None if correction.questions is None else correction.questions.abandon(),
        group=group,
        why_not=lambda: _why_not_drop(correction),
    )
    yield Action(
        "tool.candidates",
        tr("Click an object for candidates; again for the next one"),
        lambda: _next_or_tool(correction),
        shortcut="C",
        group=tr("Draw"),
        why_not=correction.editor_reason(lambda e: e.why_not_change()),
        tip=tr("The model has more masks than it shows: click what it left out."),
    )


def _why_not_drop(correction: Correction) -> str:
    waits = correction.questions is not None and correction.questions.num_asked
    return "" if waits else tr("No box or stroke waits for an answer.")


def _next_or_tool(correction: Correction) -> None:
    prompts = correction.prompts
    if prompts is not None and prompts.view.count:
        prompts.next()
    else:
        correction.studio.layers.set_mode("candidates")
