"""Class names of the public data sets that models are published for."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

from ifc_core.structures import Category

_COCO = (
    "1 person|2 bicycle|3 car|4 motorcycle|5 airplane|6 bus|7 train|8 truck|9 boat|"
    "10 traffic light|11 fire hydrant|13 stop sign|14 parking meter|15 bench|16 bird|17 cat|"
    "18 dog|19 horse|20 sheep|21 cow|22 elephant|23 bear|24 zebra|25 giraffe|27 backpack|"
    "28 umbrella|31 handbag|32 tie|33 suitcase|34 frisbee|35 skis|36 snowboard|37 sports ball|"
    "38 kite|39 baseball bat|40 baseball glove|41 skateboard|42 surfboard|43 tennis racket|"
    "44 bottle|46 wine glass|47 cup|48 fork|49 knife|50 spoon|51 bowl|52 banana|53 apple|"
    "54 sandwich|55 orange|56 broccoli|57 carrot|58 hot dog|59 pizza|60 donut|61 cake|62 chair|"
    "63 couch|64 potted plant|65 bed|67 dining table|70 toilet|72 tv|73 laptop|74 mouse|"
    "75 remote|76 keyboard|77 cell phone|78 microwave|79 oven|80 toaster|81 sink|"
    "82 refrigerator|84 book|85 clock|86 vase|87 scissors|88 teddy bear|89 hair drier|"
    "90 toothbrush"
)
_YTVIS_2019 = (
    "person giant_panda lizard parrot skateboard sedan ape dog snake monkey hand rabbit duck cat "
    "cow fish train horse turtle bear motorbike giraffe leopard fox deer owl surfboard airplane "
    "truck zebra tiger elephant snowboard boat shark mouse frog eagle earless_seal tennis_racket"
)
_YTVIS_2021 = (
    "airplane bear bird boat car cat cow deer dog duck earless_seal elephant fish flying_disc fox "
    "frog giant_panda giraffe horse leopard lizard monkey motorbike mouse parrot person rabbit "
    "shark skateboard snake snowboard squirrel surfboard tennis_racket tiger train truck turtle "
    "whale zebra"
)
_OVIS = (
    "Person Bird Cat Dog Horse Sheep Cow Elephant Bear Zebra Giraffe Poultry Giant_panda Lizard "
    "Parrot Monkey Rabbit Tiger Fish Turtle Bicycle Motorcycle Airplane Boat Vehicle"
)

TABLES = ("coco", "ytvis-2019", "ytvis-2021", "ovis")
"""Names that :func:`class_table` knows."""

# (classes, memory tokens) of the published checkpoints -> table; None stands for any M.
_PUBLISHED = {
    (80, None): "coco",
    (25, None): "ovis",
    (40, 8): "ytvis-2019",
    (40, 32): "ytvis-2021",
}


def class_table(name: str) -> tuple[Category, ...]:
    """The categories of a data set, with its ids, in the order of a model's outputs.

    Args:
        name: One of :data:`TABLES`.

    Raises:
        KeyError: There is no such table.
    """
    if name == "coco":
        pairs = [entry.split(" ", 1) for entry in _COCO.split("|")]
        return named_categories([n for _, n in pairs], [int(i) for i, _ in pairs])
    names = {"ytvis-2019": _YTVIS_2019, "ytvis-2021": _YTVIS_2021, "ovis": _OVIS}[name]
    return named_categories(names.split())


def published_table(num_classes: int, num_memory_tokens: int) -> str | None:
    """The table that a published checkpoint was trained on, where its sizes tell.

    YTVIS 2019 and 2021 both have 40 classes; the published models differ in M (8 and 32).
    """
    exact = _PUBLISHED.get((num_classes, num_memory_tokens))
    return exact or _PUBLISHED.get((num_classes, None))


def named_categories(
    names: Sequence[str], ids: Sequence[int] | None = None
) -> tuple[Category, ...]:
    """Categories of these names, numbered from 1 unless ``ids`` are given, each its own colour."""
    numbers = range(1, len(names) + 1) if ids is None else ids
    return tuple(
        Category(number, name, color_rgb=distinct_color(index))
        for index, (number, name) in enumerate(zip(numbers, names, strict=True))
    )


def distinct_color(index: int) -> tuple[int, int, int]:
    """Colour number ``index`` of an endless series whose neighbours differ clearly."""
    hue = (0.44 + index * 0.618034) % 1.0
    value = (0.95, 0.75, 0.6)[index // 8 % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.85, value)
    return round(red * 255), round(green * 255), round(blue * 255)
