"""Which folders hold annotations, and where the frames of such a folder lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ifc_core.annotation.connection import DATABASE_NAME
from ifc_core.annotation.exporting import ExportFormat
from ifc_core.errors import FormatError
from ifc_core.io.ctc_folders import mask_folders, undoubted_masks
from ifc_core.io.davis import RESOLUTIONS
from ifc_core.io.frame_list import is_frame_name, video_files
from ifc_core.io.label_images import picture_mode, read_labels
from ifc_core.io.label_stacks import holds_labels
from ifc_core.io.labelme import holds_labelme
from ifc_core.io.video_suffixes import FILE_SUFFIXES, STACK_SUFFIXES
from ifc_core.io.yolo_writing import is_yolo

_MOTS, _MOTS_TEXT = "instances", "instances_txt"
_DAVIS = "Annotations"
_PALETTE, _SMALL = ("P", "1"), ("P", "1", "L")  # modes of pictures, in any folder and in DAVIS's
_DEEP = ("I", "I;16", "I;16B", "I;16L")
_MOST_GREYS, _MOST_DEEP = 64, 256  # values in a picture of labels; what a camera took has more
_EVEN_SHARE = 0.75  # of the pixels of many cells that are like the next one; of a camera's fewer
_DEPTH = 2  # folders below the one that is looked at, as in 480p/VIDEO
_MOST = 200  # entries that are looked at in each


def annotation_format(folder: Path) -> ExportFormat | None:
    """The format of a folder that holds annotations; ``None`` for any other, such as frames.

    It is told by the names of the published layouts together with what the pictures there are:
    TIFFs of labels in the layout of cell tracking, pictures of labels that are all called masks or
    the like, else PNGs of labels, in a folder of any other name with a palette and one folder
    further down, or JSON files of LabelMe apart from their pictures. What holds JPEG or colour
    pictures holds frames, whatever it is called.

    Args:
        folder: The folder; what cannot be read holds none.
    """
    if not folder.is_dir():
        return None
    masks = undoubted_masks(folder, _MOST)
    if masks and all(_are_cells(path) for path in _some(masks)):
        return ExportFormat.CTC
    if holds_labels(folder):
        return ExportFormat.CTC
    if folder.name in (_MOTS, _MOTS_TEXT):
        return ExportFormat.MOTS if _is_mots(folder) else None
    pictures = _pictures(folder)
    if not pictures and holds_labelme(folder):
        return ExportFormat.LABELME
    is_below = _DAVIS in (parent.name for parent in (folder, *folder.parents[:2]))
    if is_below and not _are_frames(pictures):
        return ExportFormat.DAVIS if _holds_labels(folder, _SMALL) else None
    if pictures:
        return None
    if any(_is_mots(folder / name) for name in (_MOTS, _MOTS_TEXT)):
        return ExportFormat.MOTS
    is_davis = _holds_labels(folder / _DAVIS, _SMALL) or _holds_labels(folder, _PALETTE)
    return ExportFormat.DAVIS if is_davis else None


def named_format(folder: Path) -> ExportFormat:
    """The format that a person means who imports a folder: of its content, else of its name.

    Raises:
        FormatError: It is a project, a folder of videos, or a dataset of YOLO.
    """
    if (folder / DATABASE_NAME).is_file():
        raise FormatError(
            f"{folder} is a project, which cannot be imported itself; export it (ifc-studio "
            f"project export {folder} --scope everything -o FILE.json) and import that file.",
            path=folder,
        )
    names = {folder.name, *(path.name for path in _entries(folder) if path.is_dir())}
    by_name = ExportFormat.DAVIS if names.isdisjoint((_MOTS, _MOTS_TEXT)) else ExportFormat.MOTS
    found = annotation_format(folder) or (ExportFormat.CTC if mask_folders(folder) else None)
    if found is None and names.isdisjoint((_DAVIS, _MOTS, _MOTS_TEXT)) and video_files(folder):
        raise FormatError(
            f"{folder} holds videos and no annotations; name the videos themselves to add them, "
            "or project locate to find those of the project that were moved.",
            path=folder,
        )
    if found is None and is_yolo(folder):
        raise yolo_error(folder)
    if found is None and holds_labelme(folder):
        return ExportFormat.LABELME
    if found is None and _are_tiffs(folder) and by_name is ExportFormat.DAVIS:
        return ExportFormat.CTC  # labels of any name
    return found or by_name


def yolo_error(path: Path) -> FormatError:
    """Why a dataset of YOLO is not imported."""
    return FormatError(
        f"{path.name} is a dataset of YOLO, which knows no tracks and is not read; have the other "
        "program write COCO or LabelMe.",
        path=path,
    )


def frames_root(source: Path, names: Sequence[str], form: ExportFormat) -> Path:
    """The folder below which the frames of imported annotations are looked for.

    Args:
        source: The file or folder of annotations.
        names: Of their videos.
        form: Their format. Those of cell tracking lie beside a folder or file of each video.
    """
    root = source.parent
    if not source.is_dir():
        return root
    if form is ExportFormat.LABELME and any(_pictures(source / name) for name in names):
        return source
    is_ctc = form is ExportFormat.CTC
    for base in (source, *source.parents[:2]):
        if is_ctc and any(_is_video_in(base, name, source) for name in names):
            return base
        pictures = base / "JPEGImages"
        places = [pictures / kind for kind in RESOLUTIONS]
        held = [p for p in places if any((p / name).is_dir() for name in names)]
        if held:
            return held[0] if len(held) == 1 else pictures
        for place in (pictures, base / "images"):
            if any((place / name).is_dir() for name in names):
                return place
    if is_ctc and any(_is_same(root / name, source) for name in names):
        return source  # the labels themselves are no frames
    return root


def _is_same(place: Path, source: Path) -> bool:
    return place.resolve() == source.resolve()


def _is_video_in(base: Path, name: str, masks: Path) -> bool:
    """Whether a folder holds a video of this name, as a file or a folder other than the masks."""
    if (base / name).is_dir():
        return not _is_same(base / name, masks)
    suffixes = (*FILE_SUFFIXES, *(suffix.upper() for suffix in FILE_SUFFIXES))
    return any((base / f"{name}{suffix}").is_file() for suffix in suffixes)


def _are_cells(path: Path) -> bool:
    """Whether a picture is rather of labels than of a camera, by its values.

    Hundreds of cells are usual, but each is larger than a few pixels. Of pictures that cannot be
    read, such as volumes, whoever imports them is told what is wrong.
    """
    mode = picture_mode(path)
    if mode not in (*_SMALL, *_DEEP):
        return False
    try:
        labels = read_labels(path)
    except FormatError:
        return True
    if len(np.unique(labels)) <= (_MOST_DEEP if mode in _DEEP else _MOST_GREYS):
        return True
    return float(np.mean(labels[:, 1:] == labels[:, :-1])) >= _EVEN_SHARE


def _is_mots(folder: Path) -> bool:
    """Whether a folder called as those of MOTS holds what they hold: text, or 16-bit PNGs."""
    if _are_frames(_pictures(folder)):
        return False
    is_text = any(path.suffix.lower() == ".txt" for path in _entries(folder))
    return is_text or _holds_labels(folder, _DEEP)


def _holds_labels(folder: Path, modes: Sequence[str]) -> bool:
    """Whether the first PNGs in a folder, or below it, are of labels and held in these modes."""
    pictures = _first_pictures(folder, _DEPTH)
    if not pictures or _are_frames(pictures):
        return False
    return all(_is_labels(path, modes) for path in _some(pictures))


def _some(pictures: Sequence[Path]) -> set[Path]:
    """The first, middle and last one; the first may be empty."""
    return {pictures[0], pictures[len(pictures) // 2], pictures[-1]}


def _is_labels(path: Path, modes: Sequence[str]) -> bool:
    mode = picture_mode(path)
    if mode not in modes or mode in _PALETTE:
        return mode in modes
    try:
        most = _MOST_GREYS if mode == "L" else _MOST_DEEP
        return len(np.unique(read_labels(path))) <= most
    except FormatError:
        return False


def _are_frames(pictures: Sequence[Path]) -> bool:
    """Whether not all of them are PNGs: labels are never kept otherwise."""
    return any(path.suffix.lower() != ".png" for path in pictures)


def _are_tiffs(folder: Path) -> bool:
    pictures = _pictures(folder)
    return bool(pictures) and all(p.suffix.lower() in STACK_SUFFIXES for p in pictures)


def _pictures(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if is_frame_name(path.name)]


def _first_pictures(folder: Path, depth: int) -> list[Path]:
    """The pictures of the first folder that holds a PNG: this one, or one below it."""
    pictures = _pictures(folder)
    if any(path.suffix.lower() == ".png" for path in pictures):
        return pictures
    below = (path for path in _entries(folder) if depth and path.is_dir())
    return next(filter(None, (_first_pictures(path, depth - 1) for path in below)), [])


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(folder.iterdir())[:_MOST]
    except OSError:
        return
