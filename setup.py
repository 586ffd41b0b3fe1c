"""`pip install .` runs the same CMake build as colcon and installs what that installs.

`pip install -e .` leaves the Python half in the source tree and puts this folder on the path.
The ROS 2 packages must be there already: a sourced ROS 2 installation, or the wheels of requirements/ros.txt.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.editable_wheel import editable_wheel

from distutils.command.install_data import install_data  # isort: skip  (setuptools' own, known after its import)

NAME = "dense3d_ros"
SOURCE = Path(__file__).resolve().parent
# One folder for each environment, because CMake caches where it found ROS and Python.
ENVIRONMENT = "\n".join([sys.prefix, sys.version, os.environ.get("AMENT_PREFIX_PATH", "")])
BUILD = SOURCE / "build" / f"cmake-{hashlib.sha256(ENVIRONMENT.encode()).hexdigest()[:8]}"
STAGE = BUILD / "stage"
INTERFACES = SOURCE / "interfaces"
"""Message packages that a ROS 2 installation has and its wheels lack."""


class RosDistribution(Distribution):
    """Compiled, so that the wheel belongs to one platform; all of its files are data files."""

    def has_ext_modules(self) -> bool:
        return True

    def has_data_files(self) -> bool:
        return True

    def has_data(self) -> bool:
        """`editable_wheel` asks by this name."""
        return True


class EditableWheel(editable_wheel):
    """Tells `InstallData` to leave the Python half where it is."""

    def run(self) -> None:
        self.get_finalized_command("install_data").editable = True
        super().run()


class InstallData(install_data):
    """Builds with CMake and hands over the files that `cmake --install` makes."""

    editable = False

    def run(self) -> None:
        stage = build_and_stage()
        for file in sorted(path for path in stage.rglob("*") if path.is_file()):
            relative = file.relative_to(stage)
            # pip writes the .dist-info; the egg-info is colcon's.
            if any(part.endswith(".egg-info") for part in relative.parts):
                continue
            if self.editable and is_source_module(relative):
                continue
            target = Path(self.install_dir, relative.parent)
            self.mkpath(str(target))
            copied, _ = self.copy_file(str(file), str(target))
            self.outfiles.append(copied)
        shutil.rmtree(STAGE)


def is_source_module(installed: Path) -> bool:
    """Whether this path in the install tree is a file of the source folder dense3d_ros/.

    Its __init__.py does not count: the generated half needs one too.
    """
    parts = installed.parts
    if "site-packages" not in parts:
        return False
    module = Path(*parts[parts.index("site-packages") + 1 :])
    return module != Path(NAME, "__init__.py") and (SOURCE / module).exists()


def build_and_stage() -> Path:
    """Configure, build and install into a staging folder; returns what is the environment's prefix in it."""
    if shutil.which("cmake") is None:
        raise SystemExit(f"{NAME}: cmake is missing (Debian, Ubuntu: apt-get install cmake g++ python3-dev)")
    shutil.rmtree(STAGE, ignore_errors=True)
    build(SOURCE, BUILD)
    for package in sorted(path.parent for path in INTERFACES.glob("*/package.xml")):
        if not is_installed_elsewhere(package.name):
            build(package, BUILD.with_name(f"{BUILD.name}-{package.name}"))
    return STAGE / Path(sys.prefix).relative_to("/")


def is_installed_elsewhere(package: str) -> bool:
    """Whether a ROS 2 installation has it. What this environment has may be our own, which pip removes now."""
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    others = [Path(prefix) for prefix in prefixes if prefix and Path(prefix).resolve() != Path(sys.prefix).resolve()]
    return any((prefix / "share" / package / "package.xml").exists() for prefix in others)


def build(source: Path, folder: Path) -> None:
    """Configure and build `source` in `folder`, and install it into STAGE."""
    definitions = {
        "CMAKE_INSTALL_PREFIX": sys.prefix,
        "Python3_EXECUTABLE": sys.executable,
        "BUILD_TESTING": "OFF",
    }
    environment = cmake_environment() | {"DESTDIR": str(STAGE)}
    for arguments in (
        ["-S", str(source), "-B", str(folder), *(f"-D{key}={value}" for key, value in definitions.items())],
        ["--build", str(folder), "--parallel", str(os.cpu_count() or 1)],
        ["--install", str(folder)],
    ):
        if subprocess.run(["cmake", *arguments], env=environment, check=False).returncode:
            raise SystemExit(
                f"{NAME}: `cmake {arguments[0]}` failed, its messages are above. It needs a C++ compiler, "
                "the Python headers (python3-dev), NumPy and ROS 2: source a ROS 2 installation, or install "
                "requirements/ros.txt into this environment first. Where ROS is not wanted, put this folder "
                "on PYTHONPATH instead: everything but dense3d_ros.nodes works from there."
            )


def cmake_environment() -> dict[str, str]:
    """This environment's ROS packages and programs first, pip's build environment left out."""
    environment = dict(os.environ)
    for variable, first in (("AMENT_PREFIX_PATH", sys.prefix), ("PATH", str(Path(sys.executable).parent))):
        environment[variable] = os.pathsep.join(filter(None, [first, environment.get(variable)]))
    # CMake itself does not read AMENT_PREFIX_PATH.
    prefixes = [environment["AMENT_PREFIX_PATH"], environment.get("CMAKE_PREFIX_PATH")]
    environment["CMAKE_PREFIX_PATH"] = os.pathsep.join(filter(None, prefixes))
    python_path = environment.pop("PYTHONPATH", "").split(os.pathsep)
    kept = [entry for entry in python_path if entry and "pip-build-env" not in entry]
    if kept:
        environment["PYTHONPATH"] = os.pathsep.join(kept)
    environment.pop("PYTHONNOUSERSITE", None)
    return environment


setup(
    distclass=RosDistribution,
    packages=[],
    package_dir={"": "."},  # what `pip install -e .` writes into its .pth file
    cmdclass={"install_data": InstallData, "editable_wheel": EditableWheel},
)
