"""One process or many: the same run under ``torchrun``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from ifc_core.errors import EngineError


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among those of a run.

    Attributes:
        rank: Of this process, over all machines.
        world_size: Number of processes.
        local_rank: Of this process on its machine; chooses the GPU.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and talks to people."""
        return self.rank == 0

    def mean(self, sums: torch.Tensor) -> torch.Tensor:
        """Mean of a tensor over all processes (the tensor itself where there is one)."""
        if self.world_size == 1:
            return sums
        total = sums.detach().clone()
        dist.all_reduce(total)
        return total / self.world_size

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether any process says yes, so that all of them stop at the same iteration."""
        if self.world_size == 1:
            return flag
        value = torch.tensor(float(flag), device=device)
        dist.all_reduce(value, op=dist.ReduceOp.MAX)
        return bool(value.item() > 0)

    def agree(self, number: int, device: torch.device) -> bool:
        """Whether all processes have the same number; where not, none of them hears yes."""
        here = torch.tensor(float(number), device=device)
        return not self.any(bool(self.mean(here) != here), device)


def _is_lost_process(error: BaseException) -> bool:
    """Whether an error says that another process of the run cannot be reached any more."""
    return isinstance(error, dist.DistError) or (
        isinstance(error, RuntimeError) and "gloo" in str(error)  # which has no class of its own
    )


@contextmanager
def saved_if_lost(save: Callable[[], object]) -> Iterator[None]:
    """Save what this process has where another one of the run is lost, for whoever goes on.

    Args:
        save: Writes it.
    """
    try:
        yield
    except RuntimeError as error:
        if _is_lost_process(error):
            save()
        raise


@contextmanager
def joined_ranks(device_type: str) -> Iterator[Ranks]:
    """Join the other processes of a ``torchrun`` launch for the length of a run.

    Args:
        device_type: ``cuda`` talks over NCCL, anything else over Gloo.

    Yields:
        This process's place; a lone one where the program was not started by ``torchrun``.

    Raises:
        EngineError: Another process of the run ended, or none is found where it should be.
    """
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size == 1:
        yield Ranks()
        return
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    if device_type == "cuda":
        torch.cuda.set_device(local_rank)
    owned = not dist.is_initialized()
    try:
        if owned:
            dist.init_process_group("nccl" if device_type == "cuda" else "gloo")
        yield Ranks(dist.get_rank(), world_size, local_rank)
    except RuntimeError as error:
        if not _is_lost_process(error):
            raise
        raise EngineError(
            f"Another of the run's {world_size} processes ended or cannot be reached; see what "
            "that one said, and give the same command again to go on from what was saved."
        ) from error
    finally:
        if owned and dist.is_initialized():
            dist.destroy_process_group()
