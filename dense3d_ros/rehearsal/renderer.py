"""Compile the renderer of the moving hand and keep it in numba's cache: `make setup` runs this module."""

from __future__ import annotations

import sys
from collections.abc import Callable

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.learning.synthetic.compilation import announced
from dense3d_ros.rehearsal.depth_source import rendered_images


def compile_renderer(say: Callable[[str], None]) -> None:
    """Draw one image as `depth_camera` draws them. Where that compiles something, `say` hears of it."""
    with announced(say):
        camera = Camera(475.0, 475.0, 319.5, 239.5, 640, 480)
        next(rendered_images(camera, 30.0, 0, "structured_light", "soma", "gestures"))


def main() -> int:
    """Returns the exit status."""
    try:
        compile_renderer(lambda line: print(line, flush=True))
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
