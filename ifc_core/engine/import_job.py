"""The ``import_model`` job: a published checkpoint to a model of ours."""

from __future__ import annotations

from typing import Any

from ifc_core.engine.server import ServerJob


def import_published(params: dict[str, Any], job: ServerJob) -> dict[str, Any]:
    """Convert a checkpoint into the user's models folder; no code in the file is run.

    Args:
        params: ``file`` (a ``.pth``) and, where the class names cannot be told from it,
            ``categories`` (the name of a table or a file of names).
        job: Gets one ``progress``.

    Returns:
        ``name``, ``path``, ``sha256``, ``categories`` (names) and ``backbone``.

    Raises:
        CheckpointError: The file cannot be used; it names the tensors.
        ConfigError: The class names are needed; its ``name`` is ``"categories"``.
        OutputError: The model cannot be written.
    """
    from ifc_core.models.convert import import_model

    job.context.advance(0, None, "reading the checkpoint", unit="tensors")
    target, info = import_model(str(params["file"]), None, params.get("categories") or None)
    return {
        "name": target.stem,
        "path": str(target),
        "sha256": info.sha256,
        "categories": [category.name for category in info.categories],
        "backbone": info.model_config.backbone,
    }
