"""How many CUDA devices there are, without importing torch where there is no driver of one."""

from __future__ import annotations

from pathlib import Path

_DRIVERS = (
    "/proc/driver/nvidia/version",
    "/dev/nvidiactl",
    "/dev/nvhost-gpu",  # Jetson
    "/dev/nvgpu",  # Jetson, newer
    "/dev/dxg",  # Windows' subsystem for Linux
    "/dev/kfd",  # AMD's, whose devices torch calls CUDA devices, too
)
"""One of these is there where torch may find a device. To import torch takes seconds and 200 MiB."""


def has_driver() -> bool:
    """Whether this machine has the driver of a device that torch may use."""
    return any(Path(path).exists() for path in _DRIVERS)


def cuda_device_count() -> int:
    """CUDA devices that torch can use; 0 without torch."""
    if not has_driver():
        return 0
    try:
        import torch
    except ModuleNotFoundError:
        return 0
    return torch.cuda.device_count() if torch.cuda.is_available() else 0
