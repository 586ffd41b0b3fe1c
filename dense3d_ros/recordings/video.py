"""Images as a video that browsers play: H.264 in an MP4, through the Python package av."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from dense3d_ros.atomic_write import atomic_write
from dense3d_ros.recordings.drawing import read_image
from dense3d_ros.skeleton_drawing import ColourImage

CODEC = "libx264"
_OPTIONS = {"crf": "20", "preset": "veryfast"}


def can_write_video() -> bool:
    """Whether av is installed."""
    return find_spec("av") is not None


def write_video(path: Path, images: Sequence[Path], rate: float) -> None:
    """Image files as an MP4 of `rate` frames a second, read one after the other.

    All are fitted to the top left of the first one's size, black where they are smaller. OSError where that does not
    work; then there is no file.
    """
    import av

    # Into an open file, because FFmpeg takes no name that is not UTF-8.
    with (
        atomic_write(path) as temporary,
        temporary.open("wb") as file,
        av.open(file, "w", format="mp4") as container,
    ):
        stream = container.add_stream(CODEC, rate=Fraction(rate).limit_denominator(1000), options=_OPTIONS)
        height, width = _even(read_image(images[0])).shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for image in map(read_image, images):
            frame = np.zeros((height, width, 3), np.uint8)
            fitted = _even(image)[:height, :width]
            frame[: fitted.shape[0], : fitted.shape[1]] = fitted
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        container.mux(stream.encode())


def _even(image: ColourImage) -> ColourImage:
    """With an even number of rows and columns, as H.264 with halved colour needs it; the last ones are repeated."""
    height, width = image.shape[:2]
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
