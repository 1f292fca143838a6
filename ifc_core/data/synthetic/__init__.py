"""The synthetic world: clips with exact masks, made on the fly from a seed."""

from ifc_core.data.synthetic.scene import render_clip
from ifc_core.data.synthetic.spec import DIFFICULTIES, ClipSpec, Difficulty

__all__ = ["DIFFICULTIES", "ClipSpec", "Difficulty", "render_clip"]
