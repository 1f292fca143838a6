"""What the engine does for each kind of request. torch is imported with the first job.

================  ==============================================================================
kind              what it does; parameters, events and result are at the function named
================  ==============================================================================
``ping``          answers, beside a running job too
``system``        :func:`ifc_core.engine.system_report.system_report`, beside a running job too
``load_model``    :func:`load_model`, so that the first run need not wait for it
``unload``        :func:`unload`: lets go of models and device memory
``propose``       :func:`ifc_core.engine.propose_job.propose`
``estimate``      :func:`ifc_core.engine.estimate_job.estimate`
``attention``     :func:`ifc_core.engine.attention_job.attention`
``spread``        :func:`ifc_core.engine.spread_job.spread_correction`
``candidates``    :func:`ifc_core.engine.correction_jobs.find_candidates`
``box``           :func:`ifc_core.engine.correction_jobs.mask_in_box`
``scribble``      :func:`ifc_core.engine.correction_jobs.mask_from_scribbles`
``finetune``      :func:`ifc_core.engine.finetune_job.finetune_model`
``import_model``  :func:`ifc_core.engine.import_job.import_published`
================  ==============================================================================
"""

from __future__ import annotations

from typing import Any

from ifc_core.engine.attention_job import attention
from ifc_core.engine.correction_cache import CorrectionCache
from ifc_core.engine.correction_jobs import find_candidates, mask_from_scribbles, mask_in_box
from ifc_core.engine.estimate_job import estimate
from ifc_core.engine.finetune_job import finetune_model
from ifc_core.engine.import_job import import_published
from ifc_core.engine.model_cache import ModelCache
from ifc_core.engine.propose_job import propose, search_folders
from ifc_core.engine.server import Handler, ServerJob
from ifc_core.engine.spread_job import spread_correction


def build_handlers() -> dict[str, Handler]:
    """The handlers of a new engine process, by kind; they share one cache of models."""
    models = ModelCache()
    caches = CorrectionCache(models)
    return {
        "ping": lambda params, job: {},
        "system": system,
        "load_model": lambda params, job: load_model(params, models),
        "unload": lambda params, job: unload(models, caches),
        "propose": lambda params, job: propose(params, job, models),
        "estimate": lambda params, job: estimate(params, job, models),
        "attention": lambda params, job: attention(params, job, models),
        "spread": lambda params, job: spread_correction(params, job, caches),
        "candidates": lambda params, job: find_candidates(params, job, caches),
        "box": lambda params, job: mask_in_box(params, job, caches),
        "scribble": lambda params, job: mask_from_scribbles(params, job, caches),
        "finetune": finetune_model,
        "import_model": import_published,
    }


def system(params: dict[str, Any], job: ServerJob) -> dict[str, Any]:
    """Describe the machine."""
    from ifc_core.engine.system_report import system_report

    return system_report()


def load_model(params: dict[str, Any], models: ModelCache) -> dict[str, Any]:
    """Load a model and keep it.

    Args:
        params: ``model`` (name or file), ``device``, ``models`` (folders to search).
        models: Where it is kept.

    Returns:
        ``categories`` (names), ``device``, ``sha256``, ``num_parameters``.
    """
    model = models.get(
        str(params.get("model", "")), str(params.get("device", "auto")), search_folders(params)
    )
    return {
        "categories": [category.name for category in model.categories],
        "device": str(model.device),
        "sha256": model.sha256,
        "num_parameters": sum(p.numel() for p in model.parameters()),
    }


def unload(models: ModelCache, caches: CorrectionCache) -> dict[str, Any]:
    """Let go of models and device memory, for instance before fine-tuning takes the GPU."""
    caches.clear()
    models.clear()
    return {}
