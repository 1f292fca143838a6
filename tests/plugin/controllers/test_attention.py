"""The attention page's logic, with an engine that answers when told to. No Qt."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from ifc_core.engine.protocol import JobEnd, JobStatus
from ifc_core.engine.result_codec import encode_attention
from ifc_core.errors import EngineError, VideoError
from ifc_core.models.attention_rows import ClipAttention, FrameAttention
from ifc_core.structures import ClipPrediction
from napari_ifc.attention_state import AttentionChoice, AttentionView
from napari_ifc.controllers import attention
from napari_ifc.controllers.attention import AttentionController

GRID, HEADS, TOKENS, LAYERS, FRAMES = (2, 3), 2, 4, 2, 3
PIXELS = GRID[0] * GRID[1]


def rows_of_a_clip(first_frame: int, frame_index: int, tokens: int = TOKENS) -> FrameAttention:
    rng = np.random.default_rng(first_frame)

    def rows(*shape: int) -> np.ndarray:
        values = rng.random(shape).astype(np.float32)
        return values / values.sum(-1, keepdims=True)

    both = PIXELS + tokens
    receive = [rows(FRAMES, HEADS, both, both) for _ in range(LAYERS)]
    if tokens:
        # Token 2 of layer 0 reads the top left cell alone, token 1 the bottom right one.
        for token, cell in ((2, 0), (1, PIXELS - 1)):
            receive[0][:, :, PIXELS + token] = 0
            receive[0][:, :, PIXELS + token, cell] = 1
    attention = ClipAttention(
        (64, 96),
        GRID,
        FRAMES,
        tokens,
        tuple(receive),
        tuple(rows(tokens, HEADS, FRAMES, FRAMES) for _ in range(LAYERS)),
        (rows(HEADS, 5, FRAMES * both),),
    )
    frames = np.arange(first_frame, first_frame + FRAMES)
    prediction = ClipPrediction(
        frames,
        np.zeros((5, 2), np.float32),
        np.zeros((5, FRAMES, 8, 12), np.float32),
        np.zeros((5, 7), np.float32),
    )
    return FrameAttention(frame_index, frame_index - first_frame, prediction, attention)


@dataclass
class SlowEngine:
    """Keeps requests until they are answered."""

    asked: list[int] = field(default_factory=list)
    open: list[Any] = field(default_factory=list)
    cancelled: int = 0

    def request(self, kind: str, params: Any = None, on_event: Any = None) -> "SlowEngine":
        assert kind == "attention"
        assert params["video"] == "clip.mp4"
        self.asked.append(params["frame_index"])
        self.open.append(on_event)
        return self

    def cancel(self) -> None:
        self.cancelled += 1

    def answer(self, found: FrameAttention) -> None:
        self.open.pop(0)(JobEnd(1, JobStatus.SUCCEEDED, encode_attention(found)))


class Page:
    def __init__(self) -> None:
        self.engine = SlowEngine()
        self.views: list[AttentionView] = []
        self.mask: np.ndarray | None = None
        self.params: dict[str, Any] | None = {"video": "clip.mp4", "settings": {}}
        self.controller = AttentionController(
            self.engine,
            lambda callback: callback,
            lambda: self.params,
            lambda frame: self.mask,
            self.views.append,
        )

    @property
    def last(self) -> AttentionView:
        return self.views[-1]


@pytest.fixture
def page() -> Page:
    return Page()


def test_nothing_is_asked_before_the_page_is_in_front(page: Page) -> None:
    page.controller.go_to(4)
    assert page.engine.asked == []
    page.controller.set_active(True)
    assert page.engine.asked == [4]
    assert page.last.busy


def test_without_a_video_it_says_what_to_do(page: Page) -> None:
    page.params = None
    page.controller.set_active(True)
    assert page.engine.asked == []
    assert "Open a video" in page.last.sentence


def test_the_heat_map_is_the_row_of_the_token(page: Page) -> None:
    page.controller.set_active(True)
    page.engine.answer(rows_of_a_clip(0, 0))
    page.controller.choose(AttentionChoice(layer=0, token=2, scale="absolute"))
    heat = page.last.heat
    assert heat is not None
    assert heat.values.shape == (64, 96)
    assert heat.maximum == 1.0
    assert heat.values[0, 0] == pytest.approx(1.0)
    assert heat.values[-1, -1] == pytest.approx(0.0)
    assert page.last.over_time is not None
    assert page.last.over_time.shape == (FRAMES, FRAMES)
    assert (page.last.num_layers, page.last.num_heads, page.last.num_tokens) == (2, 2, 4)


def test_the_best_token_for_the_selected_mask_is_shown_at_once(page: Page) -> None:
    page.mask = np.zeros((128, 192), bool)
    page.mask[64:, 128:] = True
    page.controller.set_active(True)
    page.engine.answer(rows_of_a_clip(0, 0))
    assert page.last.token == 1
    assert page.last.ranking[0] == (1, pytest.approx(1.0))
    assert "100% of its attention lies in the selected mask" in page.last.sentence
    page.mask = np.zeros((128, 192), bool)
    page.mask[:64, :64] = True
    page.controller.refresh()
    assert page.last.token == 2


def test_frames_of_the_same_clip_are_shown_without_asking_again(page: Page) -> None:
    page.controller.set_active(True)
    page.engine.answer(rows_of_a_clip(0, 0))
    page.controller.go_to(2)
    assert page.engine.asked == [0]
    assert page.last.position == 2
    page.controller.go_to(3)
    assert page.engine.asked == [0, 3]


def test_scrubbing_while_the_engine_works_asks_once_for_the_last_frame(page: Page) -> None:
    page.controller.set_active(True)
    for frame in (10, 20, 30):
        page.controller.go_to(frame)
    assert page.engine.asked == [0]
    page.engine.answer(rows_of_a_clip(0, 0))
    assert page.engine.asked == [0, 30]
    page.engine.answer(rows_of_a_clip(29, 30))
    assert page.last.position == 1
    assert page.last.clip_frames == (29, 30, 31)


def test_leaving_the_page_cancels_and_takes_the_heat_map_away(page: Page) -> None:
    page.controller.set_active(True)
    late = page.engine.open[0]
    page.controller.set_active(False)
    assert page.engine.cancelled == 1
    count = len(page.views)
    late(JobEnd(1, JobStatus.SUCCEEDED, encode_attention(rows_of_a_clip(0, 0))))
    assert len(page.views) == count, "an answer of an earlier generation was shown"
    assert page.last.heat is None


def test_a_failure_is_one_sentence(page: Page) -> None:
    page.controller.set_active(True)
    error = VideoError("clip.mp4 cannot be read.", path="clip.mp4")
    page.engine.open.pop(0)(JobEnd(1, JobStatus.FAILED, {}, error))
    assert page.last.failed
    assert page.last.sentence == "clip.mp4 cannot be read."


def test_a_model_without_memory_says_so(page: Page) -> None:
    page.controller.set_active(True)
    page.engine.answer(rows_of_a_clip(0, 0, tokens=0))
    assert page.last.failed
    assert "no memory tokens" in page.last.sentence


def test_a_choice_beyond_the_model_is_brought_within_it(page: Page) -> None:
    page.controller.choose(AttentionChoice(layer=9, head=9, token=99))
    page.controller.set_active(True)
    page.engine.answer(rows_of_a_clip(0, 0))
    assert page.last.token == TOKENS - 1
    assert page.last.heat is not None


def test_the_query_of_the_selected_track_is_the_one_whose_mask_covers_it(page: Page) -> None:
    found = rows_of_a_clip(0, 0)
    found.prediction.mask_logits[:] = -1
    found.prediction.mask_logits[3, :, 2:6, 3:9] = 1
    page.mask = np.zeros((64, 96), bool)
    page.mask[16:48, 24:72] = True
    page.controller.set_active(True)
    page.engine.answer(found)
    page.controller.choose(AttentionChoice(layer=1, source="query", scale="absolute"))
    assert page.last.query == 3
    expected = found.attention.query_to_pixels(0, 3)[0]
    assert page.last.heat is not None
    assert page.last.heat.values[0, 0] == pytest.approx(expected[0, 0], abs=1e-6)
    assert "query 4" in page.last.sentence
    page.mask = None
    page.controller.refresh()
    assert page.last.heat is None
    assert "Select a track" in page.last.sentence


def test_a_clicked_place_tells_its_shares_of_the_tokens(page: Page) -> None:
    page.controller.set_active(True)
    found = rows_of_a_clip(0, 0)
    page.engine.answer(found)
    assert page.last.place_shares == ()
    page.controller.choose(AttentionChoice(source="pixel", scale="absolute"))
    assert "Click a place" in page.last.sentence
    page.controller.pick(0.9, 0.99)
    shares = found.attention.pixel_to_memory(0, 0, (1, 2))
    assert [token for token, _ in page.last.place_shares] == list(np.argsort(-shares))
    assert sum(share for _, share in page.last.place_shares) == pytest.approx(shares.sum())
    assert page.last.heat is not None


def test_the_film_has_the_heat_of_every_frame_of_the_clip(page: Page) -> None:
    assert page.controller.clip_heat() == []
    page.controller.set_active(True)
    page.controller.go_to(1)
    page.engine.answer(rows_of_a_clip(0, 0))
    frames = page.controller.clip_heat()
    assert [frame for frame, _ in frames] == [0, 1, 2]
    assert page.last.heat is not None
    np.testing.assert_array_equal(frames[1][1].values, page.last.heat.values)


def test_a_closed_video_is_asked_about_no_more(page: Page) -> None:
    page.controller.set_active(True)
    page.controller.stop()
    assert page.engine.cancelled == 1
    assert page.controller.found is None
    page.engine.answer(rows_of_a_clip(0, 0))
    assert page.last.heat is None


def test_an_engine_that_cannot_be_started_is_a_sentence_on_the_page():
    class Dead:
        def request(self, kind, params, on_event):
            raise EngineError("The engine cannot be started.")

    views = []
    controller = AttentionController(
        Dead(), lambda callback: callback, lambda: {"video": "x"}, lambda frame: None, views.append
    )
    controller.set_active(True)
    assert views[-1] == AttentionView("The engine cannot be started.", failed=True)
    views.clear()
    controller.go_to(7)
    assert not views[-1].busy


def test_a_model_without_memory_tokens_is_told_of_in_the_person_s_language(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "tr", lambda text: f"¡{text}!")
    page.controller.set_active(True)
    page.engine.answer(rows_of_a_clip(0, 0, tokens=0))
    assert page.last.sentence == "¡This model has no memory tokens.!"
