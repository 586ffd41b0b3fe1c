"""Where `depth_camera` gets its images: a folder of PNGs, or the rendered hand, read ahead on a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, cycle, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dense3d_ros.geometry.camera import Camera
from dense3d_ros.geometry.depth import DepthFormatError, DepthImage
from dense3d_ros.recordings.png_folder import ImageReader, find_frames

SourceImage = tuple[DepthImage, "NDArray[np.float32] | None"]
"""A depth image and the true joints (21, 3) in metres, if they are known."""


class FolderImages(Iterator[SourceImage]):
    """A folder's PNGs in the order of `find_frames`, whose values count `unit` metres, once or for ever.

    ValueError where the folder is missing or has none. A file that is no depth PNG, or of another size than the first,
    raises DepthFormatError; the next call goes on with the next file.
    """

    def __init__(self, folder: Path, unit: float, loop: bool) -> None:
        files = [frame.path for frame in find_frames(folder)]
        self._files = cycle(files) if loop else iter(files)
        self._reader = ImageReader(unit)

    def __next__(self) -> SourceImage:
        return self._reader.read(next(self._files)), None


def rendered_images(
    camera: Camera, rate: float, seed: int, sensor: str, mesh: str, motion: str
) -> Iterator[SourceImage]:
    """The moving hand for ever, `rate` images a second of its time; the other arguments as of HandAnimation.

    RuntimeError, at once, where what renders it is not installed.
    """
    try:
        # What plays back a folder does without.
        from dense3d_ros.learning.synthetic.animation import HandAnimation
    except ModuleNotFoundError as error:
        raise RuntimeError(
            f"the rendered hand needs the Python package {error.name}: run `make requirements-demo` in the "
            "repository, or set the parameter folder to depth images of your own"
        ) from error

    def images() -> Iterator[SourceImage]:
        animation = HandAnimation(camera, seed=seed, sensor=sensor, mesh=mesh, motion=motion)
        for index in count():
            metres, joints = animation.frame(index / rate)
            yield DepthImage(metres), joints

    return images()


def played_back(images: Iterator[SourceImage], number: int, encoding: str) -> Iterator[SourceImage]:
    """The first `number` images, made and encoded before the first of them is given, forth and back for ever."""
    kept = []
    for metres, joints in islice(images, number):
        values = encoded(metres, encoding)
        kept.append((DepthImage(values, 0.001 if values.dtype == np.uint16 else 1.0), joints))
    yield from cycle([*kept, *kept[-2:0:-1]])


class ReadAhead:
    """Takes images from an iterator on a thread of its own, one ahead.

    The first rendered image can take a minute, and then the caller must be able to go on.
    """

    def __init__(self, images: Iterator[SourceImage]) -> None:
        self._images = images
        self._next: queue.Queue[SourceImage | Exception] = queue.Queue(maxsize=1)
        self._stopped = False
        threading.Thread(target=self._read, name="images", daemon=True).start()

    def take(self) -> SourceImage | None:
        """The next image, None if it is not there yet. Raises what the iterator raised, StopIteration at its end."""
        try:
            image = self._next.get_nowait()
        except queue.Empty:
            return None
        if isinstance(image, Exception):
            raise image
        return image

    def stop(self) -> None:
        """Read no further; does not wait for the image at hand."""
        self._stopped = True
        # The thread may wait for room.
        with suppress(queue.Empty):
            self._next.get_nowait()

    def _read(self) -> None:
        while not self._stopped:
            try:
                self._next.put(next(self._images))
            except DepthFormatError as error:
                self._next.put(error)
            except Exception as error:
                self._next.put(error)
                return


def encoded(depth: DepthImage, encoding: str) -> NDArray[np.uint16] | NDArray[np.float32]:
    """The values of a depth image as 16UC1 (whole millimetres, 0 invalid) or 32FC1 (metres, NaN invalid)."""
    if encoding == "16UC1" and depth.values.dtype == np.uint16 and depth.unit == 0.001:
        return depth.values
    metres = depth.metres()
    if encoding == "32FC1":
        metres[metres == 0] = np.nan
        return metres
    millimetres: NDArray[np.uint16] = np.rint(metres * 1000.0).clip(0, 65535).astype(np.uint16)
    return millimetres
