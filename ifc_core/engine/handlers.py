"""What the engine does for each kind of request. torch is imported with the first job.

==============  ==============================================================================
kind            params -> events -> result
==============  ==============================================================================
``ping``        nothing; answers beside a running job
``system``      -> devices, memory, versions
==============  ==============================================================================
"""

from __future__ import annotations

from typing import Any

from ifc_core.engine.server import Handler, ServerJob


def build_handlers() -> dict[str, Handler]:
    """The handlers of a new engine process, by kind."""
    return {"ping": ping}


def ping(params: dict[str, Any], job: ServerJob) -> dict[str, Any]:
    """Answer, to show that the process lives."""
    return {}
