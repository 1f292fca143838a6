"""The ``attention`` job: what the network attended to around one frame."""

from __future__ import annotations

from typing import Any

from ifc_core.engine.model_cache import ModelCache
from ifc_core.engine.propose_job import search_folders
from ifc_core.engine.result_codec import encode_attention
from ifc_core.engine.server import ServerJob
from ifc_core.errors import ConfigError
from ifc_core.inference.settings import ProposeSettings
from ifc_core.io.readable_frames import StandInReader
from ifc_core.io.video import open_video


def attention(params: dict[str, Any], job: ServerJob, models: ModelCache) -> dict[str, Any]:
    """Run the clip that centres a frame best and give its attention rows.

    Broken frames of that clip are stood in for by their neighbours, as where a run proposes; the
    frame itself must be whole.

    Args:
        params: ``video`` (a path), ``frame_index``, ``settings`` (``ProposeSettings.to_json``)
            and, at will, ``models`` (folders searched for the model).
        job: Asked for cancellation.
        models: Where models are kept.

    Returns:
        What :func:`ifc_core.engine.result_codec.decode_attention` reads.

    Raises:
        ConfigError: The model has no memory tokens to look at.
        VideoError: The frame cannot be read.
    """
    from ifc_core.inference.attention_query import attention_at

    settings = ProposeSettings.from_json(params.get("settings", {}))
    model = models.get(settings.model, settings.device, search_folders(params))
    if model.config.encoder not in ("ifc", "none"):
        raise ConfigError(
            f"A model with the {model.config.encoder} encoder has no memory tokens to look at.",
            name="model",
            value=settings.model,
        )
    frame_index = int(params["frame_index"])
    with StandInReader(open_video(str(params["video"]), job.context)) as reader:
        reader.read_whole(frame_index)
        found = attention_at(model, reader, frame_index, settings, job.context)
    return encode_attention(found)
