"""The C library's allocator: keeps freed images for the next ones, gives memory back after a clean-up."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from pathlib import Path

_MEBIBYTE = 1 << 20
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3


def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform == "linux" else None


def keep_freed_memory() -> None:
    """Serve images from the heap instead of fresh pages of the system. Call it before `rclpy.init`.

    Without it every 640x480 depth image costs page faults: 0.7-1 ms of latency and a third of the CPU time of
    receiving it. Images larger than any depth camera's get fresh pages, or one of them holds the heap's top for ever.
    """
    libc = _libc()
    if libc is None or not hasattr(libc, "mallopt"):
        return
    libc.mallopt(_M_MMAP_THRESHOLD, 16 * _MEBIBYTE)
    libc.mallopt(_M_TRIM_THRESHOLD, 256 * _MEBIBYTE)
    libc.mallopt(_M_TOP_PAD, 16 * _MEBIBYTE)


def give_back_freed_memory() -> None:
    """Collect garbage and return freed memory to the system, and to the GPU where one is in use."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    libc = _libc()
    if libc is not None and hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def resident_mebibytes() -> float:
    """Memory of this process that is in RAM."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / _MEBIBYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def gpu_mebibytes() -> float:
    """GPU memory that torch holds for this process, 0 where it uses none."""
    # Another thread may just be importing torch: then it has no CUDA yet, or one that cannot say.
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    is_initialized = getattr(cuda, "is_initialized", None)
    if cuda is None or is_initialized is None or not is_initialized():
        return 0.0
    return float(cuda.memory_reserved()) / _MEBIBYTE
