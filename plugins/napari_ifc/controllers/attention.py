"""What the attention page shows: asked of the engine a clip at a time, read off its rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ifc_core.engine.protocol import JobEnd, JobEvent, JobStatus
from ifc_core.engine.result_codec import decode_attention
from ifc_core.errors import EngineError
from ifc_core.models.attention_rows import (
    TOKEN_STRIDE_PX,
    ClipAttention,
    FrameAttention,
    HeatMap,
    heat_map,
    rank_memory_tokens,
)
from napari_ifc.attention_state import AttentionChoice, AttentionView
from napari_ifc.controllers.engine import Deliver, Engine, Job
from napari_ifc.language import tr

KIND = "attention"


class AttentionController:
    """Asks for the clip around the current frame while the page is in front.

    Args:
        engine: Runs the network.
        deliver: Wraps a callback so that it is called in the thread of this object.
        params: Gives the request's ``video``, ``settings`` and ``models``, or ``None`` while
            nothing is open.
        mask_at: The selected track's mask on a frame, (H, W) bool, or ``None``.
        on_view: Called with each new view.
    """

    def __init__(
        self,
        engine: Engine,
        deliver: Deliver,
        params: Callable[[], dict[str, Any] | None],
        mask_at: Callable[[int], npt.NDArray[np.bool_] | None],
        on_view: Callable[[AttentionView], None],
    ) -> None:
        self._engine = engine
        self._deliver = deliver
        self._params = params
        self._mask_at = mask_at
        self._on_view = on_view
        self._choice = AttentionChoice()
        self._picked: tuple[float, float] | None = None
        self._active = False
        self._frame_index = 0
        self._found: FrameAttention | None = None
        self._job: Job | None = None
        self._asked_frame: int | None = None
        self._generation = 0
        self.view = AttentionView(tr("Open a video to see what the model looks at."))

    @property
    def found(self) -> FrameAttention | None:
        """The rows that are shown."""
        return self._found

    @property
    def choice(self) -> AttentionChoice:
        """What is chosen."""
        return self._choice

    def set_active(self, active: bool) -> None:
        """Begin or stop to follow the current frame."""
        self._active = active
        if active:
            self._look()
        else:
            self._drop_job()
            self._show(replace(self.view, heat=None, busy=False))

    def forget(self) -> None:
        """Drop what is shown: another video, another model."""
        self._drop_job()
        self._found = None
        if self._active:
            self._look()
        else:
            self._show(AttentionView())

    def stop(self) -> None:
        """Ask nothing more: the video is being closed."""
        self._drop_job()
        self._found = self._picked = None
        self._show(AttentionView(tr("Open a video to see what the model looks at.")))

    def go_to(self, frame_index: int) -> None:
        """Follow to another frame of the video."""
        self._frame_index = frame_index
        if self._active:
            self._look()

    def choose(self, choice: AttentionChoice) -> None:
        """Show another layer, head, token or scale."""
        self._choice = choice
        self.refresh()

    def pick(self, y: float, x: float) -> None:
        """Look at the attention of a place, given as shares of the frame's height and width."""
        self._picked = (y, x)
        self.refresh()

    def clip_heat(self) -> list[tuple[int, HeatMap]]:
        """(frame of the video, heat map) for every frame of the clip that is shown."""
        found, view = self._found, self.view
        if found is None or view.heat is None:
            return []
        choice = self._fitting_choice(view)
        maps = self._maps(found.attention, choice, view)
        if maps is None:
            return []
        size = found.attention.frame_size
        return [
            (frame, heat_map(maps, place, size, choice.scale))
            for place, frame in enumerate(view.clip_frames)
        ]

    def refresh(self) -> None:
        """Show the same frame anew, after the selection or its mask changed."""
        if self._active and self._found is not None and self._place() is not None:
            self._show_rows(self._found)

    # Asking

    def _place(self) -> int | None:
        """Place of the current frame in the clip at hand, if that clip can show it."""
        if self._found is None:
            return None
        frames = self._found.prediction.frame_indices
        nearest = int(np.abs(frames - self._frame_index).argmin())
        step = int(frames[1] - frames[0]) if len(frames) > 1 else 1
        return nearest if abs(int(frames[nearest]) - self._frame_index) * 2 <= step - 1 else None

    def _look(self) -> None:
        if self._place() is not None and self._found is not None:
            self._show_rows(self._found)
            return
        if self._job is None:
            self._ask()

    def _ask(self) -> None:
        params = self._params()
        if params is None:
            self._show(AttentionView(tr("Open a video to see what the model looks at.")))
            return
        self._generation += 1
        generation = self._generation
        self._asked_frame = self._frame_index
        self._show(replace(self.view, sentence=tr("Looking at this clip"), busy=True, failed=False))
        on_event = self._deliver(lambda event: self._take(generation, event))
        asked = params | {"frame_index": self._frame_index}
        try:
            self._job = self._engine.request(KIND, asked, on_event)
        except EngineError as error:  # whoever shows the page or a frame has asked for no engine
            self._show(AttentionView(str(error), failed=True))

    def _take(self, generation: int, event: JobEvent | JobEnd) -> None:
        if generation != self._generation or not isinstance(event, JobEnd):
            return
        self._job = None
        if event.status is JobStatus.FAILED:
            self._show(AttentionView(str(event.error), failed=True))
            return
        if event.status is JobStatus.SUCCEEDED:
            self._found = decode_attention(event.result)
        if not self._active:
            return
        if self._asked_frame != self._frame_index and self._place() is None:
            self._ask()  # the person scrubbed on while the engine worked
        elif self._found is not None:
            self._show_rows(self._found)

    def _drop_job(self) -> None:
        self._generation += 1
        job, self._job = self._job, None
        if job is not None:
            job.cancel()

    # Showing

    def _show_rows(self, found: FrameAttention) -> None:
        place = self._place()
        rows = found.attention
        base = AttentionView(
            num_layers=len(rows.encode_receive),
            num_heads=int(rows.encode_receive[0].shape[1]) if rows.encode_receive else 0,
            num_tokens=rows.num_memory_tokens,
            clip_frames=tuple(int(i) for i in found.prediction.frame_indices),
            position=place or 0,
        )
        if rows.num_memory_tokens == 0:
            self._show(replace(base, sentence=tr("This model has no memory tokens."), failed=True))
            return
        self._show(self._with_token(base, found))

    def _with_token(self, base: AttentionView, found: FrameAttention) -> AttentionView:
        rows, choice, place = found.attention, self._fitting_choice(base), base.position
        mask = self._mask_at(self._frame_index)
        ranking: tuple[tuple[int, float], ...] = ()
        query: int | None = None
        if mask is not None and mask.any():
            ranked = rank_memory_tokens(rows, choice.layer, place, mask, choice.head)
            ranking = tuple((item.token, item.mass) for item in ranked)
            query = query_of(found.prediction.mask_logits, place, mask)
        token = choice.token
        if token is None:
            token = ranking[0][0] if ranking else 0
        base = replace(
            base,
            token=token,
            ranking=ranking,
            query=query,
            place=self._picked,
            place_shares=self._place_shares(rows, choice, place),
        )
        maps = self._maps(rows, choice, base)
        if maps is None:
            return replace(base, sentence=_MISSING[choice.source])
        heat = heat_map(maps, place, rows.frame_size, choice.scale)
        over_time = None
        if choice.source == "token" and choice.layer < len(rows.gather_communicate):
            over_time = rows.memory_over_time(choice.layer, token, choice.head)
        return replace(base, sentence=_sentence(base, choice, heat), heat=heat, over_time=over_time)

    def _maps(
        self, rows: ClipAttention, choice: AttentionChoice, view: AttentionView
    ) -> npt.NDArray[np.float32] | None:
        """(T, h, w) attention of what was chosen, or ``None`` where it is not to be had."""
        frames = range(rows.num_frames)
        if choice.source == "token":
            of = [
                rows.memory_to_pixels(choice.layer, frame, view.token, choice.head)
                for frame in frames
            ]
            return np.stack(of)
        if choice.source == "query":
            if view.query is None:
                return None
            layer = min(choice.layer, len(rows.decoder) - 1)
            return rows.query_to_pixels(layer, view.query, choice.head)
        if self._picked is None:
            return None
        cell = _cell(self._picked, rows)
        of = [rows.pixel_to_pixels(choice.layer, frame, cell, choice.head) for frame in frames]
        return np.stack(of)

    def _place_shares(
        self, rows: ClipAttention, choice: AttentionChoice, frame: int
    ) -> tuple[tuple[int, float], ...]:
        if self._picked is None:
            return ()
        cell = _cell(self._picked, rows)
        shares = rows.pixel_to_memory(choice.layer, frame, cell, choice.head)
        return tuple((int(i), float(shares[i])) for i in np.argsort(-shares, kind="stable"))

    def _fitting_choice(self, base: AttentionView) -> AttentionChoice:
        """The choice, within what this model has."""
        choice = self._choice
        head, token = choice.head, choice.token
        return replace(
            choice,
            layer=min(choice.layer, base.num_layers - 1),
            head=None if head is None else min(head, base.num_heads - 1),
            token=None if token is None else min(token, base.num_tokens - 1),
        )

    def _show(self, view: AttentionView) -> None:
        self.view = view
        self._on_view(view)


def query_of(mask_logits: npt.NDArray[Any], place: int, mask: npt.NDArray[np.bool_]) -> int | None:
    """The object query whose mask covers a mask best.

    Args:
        mask_logits: (Q, T, h, w) of the clip.
        place: Place of the frame in the clip.
        mask: (H, W) on that frame.

    Returns:
        The query, or ``None`` where none overlaps.
    """
    height, width = mask_logits.shape[2:]
    small = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    inside, found = small > 0.5, mask_logits[:, place] > 0
    both = (found & inside).sum(axis=(1, 2))
    either = (found | inside).sum(axis=(1, 2))
    overlap = both / np.maximum(either, 1)
    best = int(overlap.argmax())
    return best if overlap[best] > 0 else None


def _cell(picked: tuple[float, float], rows: ClipAttention) -> tuple[int, int]:
    """The grid cell of a place, given as shares of the frame's height and width."""
    height, width = rows.frame_size
    y = int(picked[0] * height) // TOKEN_STRIDE_PX
    x = int(picked[1] * width) // TOKEN_STRIDE_PX
    return min(max(y, 0), rows.grid_size[0] - 1), min(max(x, 0), rows.grid_size[1] - 1)


_MISSING = {
    "token": "",
    "query": tr("Select a track that the model finds on this frame to see where its query looked."),
    "pixel": tr("Click a place on the frame to see what it attends to."),
}


def _sentence(view: AttentionView, choice: AttentionChoice, heat: HeatMap) -> str:
    if choice.source == "query":
        return tr("Object query {query} of the selected track; {legend}.").format(
            query=(view.query or 0) + 1, legend=heat.legend
        )
    if choice.source == "pixel":
        return tr("What the clicked place attends to; {legend}.").format(legend=heat.legend)
    text = tr("Memory token {token}; colour is {legend}.").format(
        token=view.token + 1, legend=heat.legend
    )
    for ranked, share in view.ranking:
        if ranked == view.token:
            text += tr(" {share} of its attention lies in the selected mask.").format(
                share="<1%" if 0 < share < 0.005 else f"{share:.0%}"
            )
    return text
