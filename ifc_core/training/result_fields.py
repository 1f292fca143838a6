"""What the result of a fine-tuning holds as JSON values, and whether a file holds one.

A kept result lies in the project's folder, which may come from anywhere. What is entered is told of
at once, so all that is told is looked at before. Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from ifc_core.io.problems import is_text

Verdict = Literal["better", "not better", "mixed", "not enough to judge"]
"""Whether a new version is better than the model that it was compared with."""

_TEXTS = ("name", "path", "sha256", "parent")
_FIGURES = ("rehearsal_before", "rehearsal_after")
_COUNTS = ("skipped", "num_damaged", "num_seen")
_TUPLES = {"fallback": 2, "unseen": 3}
_MOST = 1 << 53  # larger ones are damage, and not every one is a float


def is_result(values: Mapping[str, Any]) -> bool:
    """Whether values are the fields of a ``FinetuneResult``, as far as anything asks for them.

    Args:
        values: From a file of unknown origin.
    """
    comparisons, verdict = values.get("comparisons"), values.get("verdict")
    return (
        all(is_text(values.get(name)) for name in _TEXTS)
        and isinstance(verdict, str)
        and verdict in get_args(Verdict)
        and isinstance(values.get("promote"), bool)
        and isinstance(values.get("provenance"), dict)
        and all(_is_score(values.get(name)) for name in ("before", "after"))
        and _are_metrics(values.get("metrics"))
        and all(_is_figure(values.get(name)) for name in _FIGURES)
        and isinstance(comparisons, list)
        and all(is_text(path) for path in comparisons)
        and _is_number(values.get("seconds"))
        and all(_is_count(values.get(name, 0)) for name in _COUNTS)
        and all(_are_counts(values.get(name), length) for name, length in _TUPLES.items())
    )


def _is_score(value: object) -> bool:
    """Whether it tells of held-out frames; figures are missing only where nothing was held out."""
    if not isinstance(value, dict) or not _is_count(value.get("num_masks")):
        return False
    figures = (value.get("mean_j"), value.get("ap"))
    return all(map(_is_number if value["num_masks"] else _is_figure, figures))


def _are_metrics(value: object) -> bool:
    """Whether a project can keep it with the version, whose list shows a figure of it."""
    if not isinstance(value, dict):
        return False
    scores = [value[name] for name in ("before", "after") if name in value]
    return all(isinstance(score, dict) and _is_figure(score.get("mean_j")) for score in scores)


def _are_counts(value: object, length: int) -> bool:
    return value is None or (
        isinstance(value, list) and len(value) == length and all(map(_is_count, value))
    )


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < _MOST


def _is_figure(value: object) -> bool:
    return value is None or _is_number(value)


def _is_number(value: object) -> bool:
    """Whether it is a finite number; NaN is within no bounds."""
    return type(value) in (int, float) and -_MOST < value < _MOST  # type: ignore[operator]
