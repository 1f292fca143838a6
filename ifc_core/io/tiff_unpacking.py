"""Unpacks the strips and tiles of TIFF pages no further than their size says.

tifffile has a packed segment unpacked whole, however much that gives, and looks at its size then;
a thousand times the bytes of a file is nothing unusual. So what it would give to zlib is unpacked
here, up to a bound, and its own decoder gets the rest of the work: predictor, bits and shape.
"""

from __future__ import annotations

import copy
import math
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

_ROOM_BYTES = 1 << 16
"""More than a segment should have; some programs fill up their last one."""

_MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


class _Unpacker(Protocol):
    """What zlib and lzma have alike."""

    @property
    def eof(self) -> bool: ...

    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


def _lzma() -> _Unpacker:
    import lzma  # which not every Python has

    return lzma.LZMADecompressor()


_UNPACKERS: dict[int, Callable[[], _Unpacker]] = {
    8: zlib.decompressobj,
    32946: zlib.decompressobj,
    50013: zlib.decompressobj,
    34925: _lzma,
}
"""By the number of the compression in the file: Deflate, its former numbers, and LZMA."""


def bound_unpacking(page: Any) -> None:
    """Have the strips or tiles of a page, and of all like it, refused where they unpack to more.

    Of other compressions libraries know the size.

    Args:
        page: A page of tifffile, or a frame, which is decoded like the page that it refers to.
            Reading it raises ``ValueError`` then where a segment is too long.
    """
    like = page.keyframe
    make = _UNPACKERS.get(int(like.compression))
    if make is None or isinstance(like.__dict__.get("decode"), partial):
        return
    unpacked = copy.copy(like)
    unpacked.compression, unpacked.fillorder = 1, 1
    for known in ("decode", "hash"):  # of the packed page, by which its decoder is kept
        unpacked.__dict__.pop(known, None)
    most = 2 * math.prod(like.chunks) * like.dtype.itemsize + _ROOM_BYTES
    like.decode = partial(_decode, unpacked.decode, make, most, int(like.fillorder) == 2)


def _decode(
    rest: Callable[..., Any],
    make: Callable[[], _Unpacker],
    most: int,
    is_mirrored: bool,
    data: bytes | None,
    index: int,
    **how: Any,
) -> Any:
    """Decode a segment as tifffile does, which calls this in several threads at once."""
    if data is not None:
        unpacker = make()
        packed = data.translate(_MIRRORED) if is_mirrored else data
        data = unpacker.decompress(packed, most + 1)
        if len(data) > most:
            raise ValueError(f"strip or tile {index} unpacks to more than it should")
        if not unpacker.eof:
            raise ValueError(f"strip or tile {index} is cut off")
    return rest(data, index, **how)
