"""What a fine-tuning would learn from, in words."""

from __future__ import annotations

from napari_ifc.finetune_state import Material
from napari_ifc.language import tr

_MOST_NAMES = 3


def material_text(material: Material) -> str:
    """What would be learned from, and what of it is not here."""
    if material.masks == 0 and material.absent:
        return absent_text(material)
    if material.masks == 0:
        return tr(
            "Nothing to learn from yet. Correct masks on a few frames (five are a good start) or "
            "approve frames that are right."
        )
    classes = ", ".join(f"{name} ({count})" for name, count in material.classes)
    masks = tr("1 mask") if material.masks == 1 else tr("{count:,} masks")
    masks = masks.format(count=material.masks)
    frames = frames_text(material.frames)
    approved = tr("{frames} approved as complete").format(frames=frames_text(material.exhaustive))
    text = tr(
        "Learns from {masks} on {frames}: {classes}; {approved}. On frames that "
        "are not approved only your masks are taught, and the rest of the picture "
        "is left open."
    ).format(masks=masks, frames=frames, classes=classes, approved=approved)
    return f"{text} {absent_text(material)}".strip()


def absent_text(material: Material) -> str:
    """Which videos are left out since their files are not found; empty where none is."""
    if not material.absent:
        return ""
    names = ", ".join(material.absent[:_MOST_NAMES])
    if (more := len(material.absent) - _MOST_NAMES) > 0:
        names = tr("{names} and {count} more").format(names=names, count=more)
    return tr("Left out until it is found: {names} (menu Videos, Locate this video).").format(
        names=names
    )


def frames_text(count: int) -> str:
    """So many frames."""
    return (tr("1 frame") if count == 1 else tr("{count:,} frames")).format(count=count)
