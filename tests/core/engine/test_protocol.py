import io
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifc_core.engine.protocol import MAX_MESSAGE_BYTES, MessageWriter, field, read_message
from ifc_core.errors import EngineError

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def framed(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


@given(st.lists(json_values, max_size=4))
def test_messages_survive_the_pipe(values: list[object]) -> None:
    pipe = io.BytesIO()
    writer = MessageWriter(pipe)
    messages = [{"type": "event", "data": value} for value in values]
    for message in messages:
        writer.send(message)
    pipe.seek(0)
    assert [read_message(pipe) for _ in messages] == messages
    assert read_message(pipe) is None


@given(st.binary(max_size=64))
def test_foreign_bytes_are_refused_or_end_the_stream(data: bytes) -> None:
    try:
        message = read_message(io.BytesIO(data))
    except EngineError:
        return
    assert message is None
    assert data == b""


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x00",
        struct.pack(">I", 10) + b"{}",
        framed(b"not json"),
        framed(b"\xff\xfe"),
        framed(b"[1]"),
        framed(b"{}"),
        framed(b'{"type": 3}'),
        framed(b"[" * 100_000 + b"]" * 100_000),
        struct.pack(">I", MAX_MESSAGE_BYTES + 1),
    ],
    ids=["header", "body", "text", "bytes", "list", "untyped", "type", "deep", "large"],
)
def test_broken_streams_are_refused(data: bytes) -> None:
    with pytest.raises(EngineError):
        read_message(io.BytesIO(data))


def test_an_announced_size_is_not_allocated() -> None:
    class Counting(io.BytesIO):
        largest = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.largest = max(self.largest, size or 0)
            return super().read(size)

    stream = Counting(struct.pack(">I", MAX_MESSAGE_BYTES) + b"x")
    with pytest.raises(EngineError, match="inside a message"):
        read_message(stream)
    assert stream.largest <= 1 << 20


def test_the_sender_refuses_what_the_reader_would() -> None:
    writer = MessageWriter(io.BytesIO())
    with pytest.raises(EngineError, match="more than"):
        writer.send({"type": "event", "data": "x" * (MAX_MESSAGE_BYTES + 1)})


def test_sending_on_a_closed_stream_says_that_the_peer_is_gone() -> None:
    writer = MessageWriter(io.BytesIO())
    assert writer.close()
    with pytest.raises(BrokenPipeError):
        writer.send({"type": "x"})


@pytest.mark.parametrize("value", [None, "1", True, 1.5])
def test_fields_are_checked(value: object) -> None:
    message = json.loads(json.dumps({"type": "cancel", "id": value}))
    with pytest.raises(EngineError, match="'id'"):
        field(message, "id", int)
