"""``ifc-studio bench``: speed and quality on this machine, as JSON with stated baselines."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import json
import math
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from ifc_core.cli.desktop import COMMAND_GROUP
from ifc_core.cli.reporting import job, print_json, print_line
from ifc_core.errors import ConfigError, InputError

app = typer.Typer()

ENTRY_PREFIX = "bench-"
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_NEVER_ZERO = frozenset(
    [
        "num_frames",
        "height",
        "width",
        "clip_length",
        "clip_stride",
        "frame_step",
        "short_side",
        "instances",
        "fps",
        "sizes",
        "seconds",
    ]
)  # of any bench; elsewhere 0 mostly leaves a part out


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a bench is found.

    Attributes:
        module: Module of the two names below.
        function: Takes the options, returns figures ready for JSON.
        options: Frozen dataclass with a default for every field.
        help: One line.
    """

    module: str
    function: str
    options: str
    help: str


BENCHES = {
    "infer": Bench(
        "ifc_core.bench.infer",
        "run_infer",
        "InferOptions",
        "Frames per second of proposing, by stage, against the plain way.",
    ),
    "tracker": Bench(
        "ifc_core.bench.tracker",
        "run_tracker",
        "TrackerOptions",
        "Linking clips into tracks against full tracker buffers.",
    ),
    "live": Bench(
        "ifc_core.bench.live",
        "run_live",
        "LiveOptions",
        "A source at the pace of a camera: frames kept, dropped, delayed.",
    ),
    "tiles": Bench(
        "ifc_core.bench.tiles",
        "run_tiles",
        "TilesOptions",
        "Small objects in a large frame, at once and in tiles; objects from --data.",
    ),
    "uncertainty": Bench(
        "ifc_core.bench.uncertainty",
        "run_uncertainty",
        "UncertaintyOptions",
        "Whether stored signals find bad masks in --data, and swapped identities.",
    ),
    "divisions": Bench(
        "ifc_core.bench.divisions",
        "run_divisions",
        "DivisionsOptions",
        "Whether cells that divide are found from true and spoiled tracks of generated clips.",
    ),
    "reidentify": Bench(
        "ifc_core.bench.reidentify",
        "run_reidentify",
        "ReidentifyOptions",
        "How surely objects are known again after an absence, on generated clips.",
    ),
    "model": Bench(
        "ifc_core.cli.bench",
        "bench_model",
        "ModelBenchOptions",
        "How well a model finds and tracks: generated clips and labelled ones in --data.",
    ),
    "evaluate": Bench(
        "ifc_core.bench.evaluate",
        "bench_evaluate",
        "EvaluateBenchSettings",
        "Speed of scoring against the published algorithm.",
    ),
    "video": Bench(
        "ifc_core.bench.video",
        "run_video",
        "VideoBenchOptions",
        "Opening, seeking and decoding of a long video, against plain PyAV.",
    ),
    "effort": Bench(
        "ifc_core.bench.effort",
        "run_effort",
        "EffortOptions",
        "Corrected frames until a track is good, by method: on --data and generated clips.",
    ),
    "pairs": Bench(
        "ifc_core.bench.effort_pairs",
        "run_pairs",
        "PairsOptions",
        "Masks by distance from one correction or between two, part by part, weights fitted anew.",
    ),
    "finetune": Bench(
        "ifc_core.bench.finetune",
        "run_finetune",
        "FinetuneBenchOptions",
        "What a fine-tuning on a few corrected frames brings, for each clip in --data.",
    ),
    "finetune-look": Bench(
        "ifc_core.bench.finetune_look",
        "run_finetune_look",
        "FinetuneLookOptions",
        "What a few labelled clips of cells of one look bring on others of it, generated.",
    ),
    "store": Bench(
        "ifc_core.bench.store",
        "run_store",
        "StoreBenchOptions",
        "Latency of edits, opening, and export and import of many masks.",
    ),
}

WINDOW_BENCHES = {"ui": "Latencies of the window, on a virtual screen where there is none."}
"""Help of the window's benches, whose modules are not loaded only to list them."""


@app.command(
    epilog="Example: ifc-studio bench infer --set num_frames=20 --set height=180 --set width=320"
)
def bench(
    name: Annotated[
        str, typer.Argument(help="Which bench; without it, all are listed.", metavar="NAME")
    ] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", "-s", help="NAME=VALUE of one of the bench's options, repeatable."),
    ] = None,
    options: Annotated[
        bool, typer.Option("--options", help="Only list the bench's options and their defaults.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option(help="Folder of clips, for the benches that use some.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the JSON there, too.")
    ] = None,
) -> None:
    """Measure this machine. Ratios are against a stated baseline in the same run."""
    if not name:
        _list()
        return
    run, options_class = _find(name)
    if options:
        _list_options(options_class)
        return
    assignments = list(settings or ())
    if data is not None:
        if not data.is_dir():
            raise InputError(f"There is no folder {data}.")
        assignments.append(f"data={data}")
    chosen = read_options(options_class, assignments)
    if output is None:
        figures = {"bench": name, **run(chosen)}
    else:
        from ifc_core.io.atomic import atomic_output

        with atomic_output(output) as temporary:  # what cannot be written is told before the work
            figures = {"bench": name, **run(chosen)}
            text = json.dumps(figures, indent=2, allow_nan=False)
            temporary.write_text(text + "\n", encoding="utf-8")
    print_json(figures)


def _list() -> None:
    for name, entry in BENCHES.items():
        print_line(f"{name:13s} {entry.help}")
    for point in _installed():
        name = point.name.removeprefix(ENTRY_PREFIX)
        print_line(f"{name:13s} {WINDOW_BENCHES.get(name, f'(from {point.value})')}")


def _list_options(kind: type[Any] | None) -> None:
    """``NAME=VALUE`` of each, as ``--set`` takes it."""
    if kind is None:
        print_line("The options of this bench belong to the window; docs/performance.md has them.")
        return
    defaults = kind()
    for field in dataclasses.fields(kind):
        value = getattr(defaults, field.name)
        several = isinstance(value, tuple | list)
        shown = ",".join(str(part) for part in value) if several else value
        print_line(f"{field.name}={'' if shown is None else shown}")


def _installed() -> list[metadata.EntryPoint]:
    """Benches of the window, which the core does not know."""
    points = metadata.entry_points(group=COMMAND_GROUP)
    return [point for point in points if point.name.startswith(ENTRY_PREFIX)]


def _find(name: str) -> tuple[Callable[[Any], dict[str, Any]], type[Any] | None]:
    if name in BENCHES:
        entry = BENCHES[name]
        module = importlib.import_module(entry.module)
        return getattr(module, entry.function), getattr(module, entry.options)
    for point in _installed():
        if point.name == ENTRY_PREFIX + name:
            return point.load(), None
    known = [*BENCHES, *(p.name.removeprefix(ENTRY_PREFIX) for p in _installed())]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known)}."
    raise ConfigError(f"There is no bench called {name!r}; {hint}", name="bench", value=name)


def read_options(kind: type[Any] | None, assignments: Sequence[str]) -> Any:
    """Build the options of a bench.

    Args:
        kind: A dataclass with a default for every field; ``None`` gives a plain dictionary.
        assignments: ``NAME=VALUE``; lists are separated by commas.

    Returns:
        The options.

    Raises:
        ConfigError: A name is unknown, or a value does not fit.
    """
    pairs = [assignment.partition("=") for assignment in assignments]
    for name, equals, _ in pairs:
        if not equals:
            raise ConfigError(f"{name!r} must have the form NAME=VALUE.", name=name, value=None)
    if kind is None:
        return {name: value for name, _, value in pairs}
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for name, _, text in pairs:
        if name not in hints:
            raise ConfigError(
                f"This bench has no option {name!r}; it has: {', '.join(hints)}.",
                name=name,
                value=text,
            )
        try:
            values[name] = _parse(text, hints[name])
        except ValueError as error:
            raise ConfigError(f"{name} cannot be {text!r}.", name=name, value=text) from error
        _check_range(name, values[name])
    return kind(**values)


def _check_range(name: str, value: Any) -> None:
    """Refuse numbers that mean nothing in any bench: they are counts, sizes, times and shares."""
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, bool) or not isinstance(number, int | float):
            continue
        never_zero = name in _NEVER_ZERO
        if not math.isfinite(number) or number < 0 or (never_zero and number == 0):
            least = "more than 0" if never_zero else "0 or more"
            raise ConfigError(
                f"{name} cannot be {number:g}; it is {least}.", name=name, value=number
            )


def _parse(text: str, hint: Any) -> Any:
    """A value of the type of a dataclass field."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if text.lower() == "none" and type(None) in inner:
            return None
        return _parse(text, next(kind for kind in inner if kind is not type(None)))
    if origin is tuple:
        return tuple(_parse(part, inner[0]) for part in text.split(",") if part)
    if hint is bool:
        if text.lower() not in _FLAGS:
            raise ValueError(text)
        return _FLAGS[text.lower()]
    return hint(text)


@dataclass(frozen=True, slots=True)
class ModelBenchOptions:
    """What the ``model`` bench measures.

    Attributes:
        model: Name or file of the weights.
        data: Folder with ``*_ytvis.json`` files and their clips, or ``None``.
        clips: Generated clips of each difficulty; 0 leaves them out.
        world: Of the generated clips, ``things`` or ``cells``; empty takes the one that the model
            learnt first.
        clip_length: T.
        clip_stride: S.
        frame_step: Only every n-th frame is looked at.
        short_side: Of the network's input in pixels; ``None`` takes the model's own.
        score_threshold: Tracks under it do not count as found; ``None`` takes the model's own.
        duplicate_iou: Masks of a clip that overlap this much are one thing; 1 keeps all; ``None``
            takes the model's own.
        continuation_score: Instances that a clip is not sure of, but that are at least so
            probable, may continue tracks; 1 leaves them out; ``None`` takes the model's own.
        lookahead: Frames that the decision who is who looks ahead; 0 links each clip as it comes;
            ``None`` takes the model's own.
        edges: How edges are decided again: ``off``, ``fast`` or ``best``; ``None`` takes the
            model's own.
        tiles: Look in tiles as well: ``auto``, ``ROWSxCOLUMNS`` or the smallest object, such as
            ``24px``; empty for the whole frame alone.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        precision: ``auto``, ``fp32``, ``bf16``, ``fp16`` or ``int8``.
    """

    model: str = "default"
    data: Path | None = None
    clips: int = 20
    world: str = ""
    clip_length: int = 5
    clip_stride: int = 1
    frame_step: int = 1
    short_side: int | None = None
    score_threshold: float | None = None
    duplicate_iou: float | None = None
    continuation_score: float | None = None
    lookahead: int | None = None
    edges: str | None = None
    tiles: str = ""
    device: str = "auto"
    precision: str = "fp32"


def bench_model(options: ModelBenchOptions) -> dict[str, Any]:
    """Run :func:`ifc_core.bench.model.run` under a progress display.

    Args:
        options: What to measure.

    Returns:
        The figures.
    """
    from ifc_core.bench.model import run
    from ifc_core.data.synthetic.spec import check_world
    from ifc_core.engine.model_cache import ModelCache
    from ifc_core.inference.settings import ProposeSettings

    values = dataclasses.asdict(options)
    data, clips = values.pop("data"), values.pop("clips")
    named = values.pop("world")
    world = check_world(named) if named else None
    settings = ProposeSettings(**values)
    model = ModelCache().get(options.model, options.device)
    with job("Measuring the model") as context:
        return run(model, data, settings, synthetic_clips=clips, world=world, context=context)
