"""The training processes that torchrun started, of which this one is one; alone without torchrun."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributed import ReduceOp, all_reduce, broadcast_object_list


@dataclass(frozen=True)
class Processes:
    """device: of this process. rank: its number among `count`."""

    device: torch.device
    rank: int = 0
    count: int = 1

    @classmethod
    def from_environment(cls, device: str) -> Processes:
        """As torchrun says; "cuda" becomes this process's own GPU. ValueError if its machine has fewer."""
        rank, local, count = (
            int(os.environ.get(name, default)) for name, default in (("RANK", 0), ("LOCAL_RANK", 0), ("WORLD_SIZE", 1))
        )
        if device == "cuda":
            gpus = torch.cuda.device_count()
            if local >= gpus:
                raise ValueError(
                    f"there are {gpus} GPUs for process {local + 1} of this machine; start one for each GPU"
                )
            device = f"cuda:{local}"
        return cls(torch.device(device), rank, count)

    def any(self, flag: Tensor) -> bool:
        """Whether the flag is true in any process, so that all of them do the same."""
        if self.count > 1:
            flag = flag.to(self.device, torch.float32)
            all_reduce(flag, ReduceOp.MAX)
        return bool(flag)

    def from_first(self, text: str) -> str:
        """The first process's text."""
        texts = [text]
        if self.count > 1:
            broadcast_object_list(texts, src=0, device=self.device)
        return texts[0]
