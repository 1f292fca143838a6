"""What a person should know of a film that is shown otherwise than by a player."""

from __future__ import annotations

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

_SQUARE_WITHIN = 0.01  # sizes that are rounded to whole pixels make ratios such as 1281:1280


def stream_notice(container: InputContainer, stream: VideoStream, name: str) -> str:
    """Sentences about other films in the file and about pixels that are not square.

    Args:
        container: The file.
        stream: The film of it that is shown.
        name: The file's name.

    Returns:
        The sentences, or an empty text.
    """
    told = []
    pictures = Disposition.attached_pic | Disposition.timed_thumbnails
    films = [other for other in container.streams.video if not other.disposition & pictures]
    if len(films) > 1:
        told.append(f"{name} holds {len(films)} films, of which the first is shown.")
    aspect = stream.sample_aspect_ratio
    if aspect and abs(float(aspect) - 1) > _SQUARE_WITHIN:
        told.append(
            f"The pixels of {name} are not square ({aspect.numerator}:{aspect.denominator}): it is "
            "shown, annotated and measured as it is stored, where a player stretches it."
        )
    return " ".join(told)
