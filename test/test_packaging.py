"""The files that describe the package agree with each other, and what is installed is what the source has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
import xml.etree.ElementTree as ElementTree
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from dense3d_ros.geometry.hand import JOINT_COUNT, JOINT_NAMES, SKELETON, Handedness

ROOT = Path(__file__).resolve().parents[1]
EXECUTABLES = ("dense3d", "depth_camera", "hand_pose", "hand_retarget", "hand_state")
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
"""What README promises, and scripts/check_pythons tries."""


def share_folder() -> Path:
    """share/dense3d_ros of the installation that these tests run against."""
    packages = pytest.importorskip("ament_index_python.packages", reason="ROS 2 is not installed")
    try:
        return Path(packages.get_package_share_directory("dense3d_ros"))
    except packages.PackageNotFoundError:
        pytest.skip("dense3d_ros is not installed: `make setup` or colcon does it")


def message_constants(path: Path) -> dict[str, int]:
    """NAME -> value of the constants in a .msg file."""
    pattern = re.compile(r"^uint8 ([A-Z][A-Z0-9_]*)=(\d+)$", re.MULTILINE)
    return {name: int(value) for name, value in pattern.findall(path.read_text(encoding="utf-8"))}


def test_versions_agree() -> None:
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    match = re.search(r'^version = "(.+)"$', project, re.MULTILINE)
    assert match is not None
    assert package.findtext("version") == match[1]
    assert package.findtext("license") == "Apache-2.0"
    assert 'license = "Apache-2.0"' in project
    assert package.findtext("name") == "dense3d_ros"
    assert 'name = "dense3d_ros"' in project


def test_installed_version_is_the_source_version() -> None:
    share_folder()
    assert version("dense3d_ros") == ElementTree.parse(ROOT / "package.xml").getroot().findtext("version")


def test_message_constants_are_those_of_the_hand() -> None:
    constants = message_constants(ROOT / "msg" / "HandPose.msg")
    joints = {name.upper(): index for index, name in enumerate(JOINT_NAMES)}
    handedness = {member.name: int(member) for member in Handedness}
    assert constants == {**joints, **handedness, "JOINT_COUNT": JOINT_COUNT}


def test_generated_message_is_the_one_in_the_source() -> None:
    messages = pytest.importorskip("dense3d_ros.msg", reason="the messages are not built (make setup)")
    hand = messages.HandPose()
    assert hand.WRIST == 0
    assert hand.LITTLE_TIP == len(hand.joints) - 1 == len(hand.joint_scores) - 1 == JOINT_COUNT - 1
    assert list(hand.get_fields_and_field_types()) == [
        "skeleton", "track_id", "handedness", "score", "joints", "joint_scores", "wrist",
    ]  # fmt: skip
    assert list(messages.HandPoseArray.get_fields_and_field_types()) == ["header", "hands", "model"]
    comments = (ROOT / "msg" / "HandPose.msg").read_text(encoding="utf-8")
    assert f'"{SKELETON}"' in comments


def test_messages_survive_serialisation() -> None:
    """Loads the compiled half: every library of the generated code is found."""
    serialization = pytest.importorskip("rclpy.serialization", reason="ROS 2 is not installed")
    messages = pytest.importorskip("dense3d_ros.msg", reason="the messages are not built (make setup)")
    hand = messages.HandPose(skeleton=SKELETON, track_id=7, handedness=messages.HandPose.LEFT, score=0.5)
    hand.joints[hand.LITTLE_TIP].z = 0.4
    hand.joint_scores[hand.THUMB_TIP] = 0.25
    sent = messages.HandPoseArray(hands=[hand], model="hand")
    sent.header.frame_id = "camera_depth_optical_frame"
    received = serialization.deserialize_message(serialization.serialize_message(sent), messages.HandPoseArray)
    assert received == sent
    assert received.hands[0].joints[20].z == 0.4
    assert received.hands[0].joint_scores[4] == 0.25


@pytest.mark.parametrize("folder", ["config", "launch", "msg"])
def test_share_files_are_installed_as_they_are(folder: str) -> None:
    share = share_folder()
    sources = [path for path in (ROOT / folder).iterdir() if path.is_file()]
    assert sources
    for source in sources:
        assert (share / folder / source.name).read_bytes() == source.read_bytes(), source.name


def test_executables_are_installed() -> None:
    folder = share_folder().parents[1] / "lib" / "dense3d_ros"
    assert sorted(path.name for path in folder.iterdir() if path.name != "__pycache__") == list(EXECUTABLES)
    for name in EXECUTABLES:
        assert os.access(folder / name, os.X_OK), name
        assert (folder / name).read_bytes() == (ROOT / "scripts" / name).read_bytes()


def test_console_command() -> None:
    share_folder()
    (command,) = [entry for entry in entry_points(group="console_scripts") if entry.name == "dense3d"]
    assert command.value == "dense3d_ros.cli:main"


def test_source_and_generated_half_are_one_package_from_anywhere(tmp_path: Path) -> None:
    share_folder()
    code = (
        "from dense3d_ros import msg; from dense3d_ros.geometry import camera; "
        "print(camera.__file__, msg.HandPose().score)"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    module, score = result.stdout.split()
    assert Path(module).read_bytes() == (ROOT / "dense3d_ros" / "geometry" / "camera.py").read_bytes()
    assert float(score) == 0.0


def test_what_a_user_needs_is_imported_when_it_is_used(tmp_path: Path) -> None:
    code = (
        "import sys, dense3d_ros; before = set(sys.modules); "
        "from dense3d_ros import Camera, DepthImage, HandPoseEstimator, load_model; "
        "print('numpy' in before or 'torch' in before, Camera.__module__, callable(load_model)); "
        "print(hasattr(dense3d_ros, 'Detector'))"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["False", "dense3d_ros.geometry.camera", "True", "False"]


def test_every_module_is_a_package_member() -> None:
    for module in (ROOT / "dense3d_ros").rglob("*.py"):
        assert (module.parent / "__init__.py").exists(), module


def test_pip_requirements_cover_what_is_imported() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[(.*?)\]", project, re.MULTILINE | re.DOTALL)
    assert block is not None
    declared = set(re.findall(r'"([\w-]+)"', block[1]))
    extras = {
        name: set(re.findall(r'"([\w-]+)[^"]*"', names))
        for name, names in re.findall(
            r"^(bags|demo|gpu|learning|onnxruntime|rerun|retargeting|video) = \[(.*)\]$", project, re.MULTILINE
        )
    }
    assert declared == {wanted.name for wanted in requirements("run.txt")}
    assert extras["demo"] == {wanted.name for wanted in requirements("demo.txt")} - {"setuptools"}
    assert extras["learning"] == {wanted.name for wanted in requirements("learning.txt")}
    assert extras["gpu"] <= extras["learning"]
    assert extras["bags"] | extras["video"] == {wanted.name for wanted in requirements("recordings.txt")}
    assert extras["retargeting"] == {wanted.name for wanted in requirements("retargeting.txt")}
    assert extras["rerun"] == {wanted.name for wanted in requirements("rerun.txt")} == {"rerun-sdk"}
    modules = {name.replace("opencv-python-headless", "cv2").replace("pyyaml", "yaml") for name in declared}
    # rosbags brings what unpacks zstd, where Python has no `compression`.
    known = modules.union(*extras.values()) | set(sys.stdlib_module_names)
    known |= {"dense3d_ros", "dex_retargeting", "backports", "compression", "rerun"}
    statement = re.compile(r"^\s*(?:from|import) (\w+)[\w.]*(?: import .+| as \w+)?$", re.MULTILINE)
    for module in (ROOT / "dense3d_ros").rglob("*.py"):
        if not {"nodes", "rehearsal"} & set(module.parts):
            assert set(statement.findall(module.read_text(encoding="utf-8"))) <= known, module


def requirements(*names: str) -> list[Requirement]:
    """What files of requirements/ ask for."""
    lines = [line for name in names for line in (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()]
    return [Requirement(line) for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("numpy", ["numpy1.txt", "numpy2.txt"])
def test_every_requirement_is_pinned_once(python: str, numpy: str) -> None:
    pins = [
        pin.name
        for pin in requirements("constraints.txt", numpy)
        if pin.marker is None or pin.marker.evaluate({"python_version": python})
    ]
    assert len(pins) == len(set(pins))
    assert {
        wanted.name
        for wanted in requirements("run.txt", "demo.txt", "learning.txt", "recordings.txt", "ros.txt", "test.txt")
    } <= set(pins)
    assert {wanted.name for wanted in requirements("rerun.txt")} | {"pyarrow", "attrs", "pillow"} <= set(pins)
    assert {"onnx", "onnxruntime", "ml-dtypes"} <= set(pins)  # the extras, which must not move NumPy either


def test_numpy_is_pinned_to_the_major_version_of_the_file() -> None:
    for major in (1, 2):
        versions = [str(pin.specifier) for pin in requirements(f"numpy{major}.txt") if pin.name == "numpy"]
        assert versions
        assert all(version.startswith(f"=={major}.") for version in versions)


def test_the_promised_pythons_are_the_same_everywhere() -> None:
    first, last = PYTHONS[0], PYTHONS[-1]
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "Makefile", "README.md")}
    assert f'requires-python = ">={first}"' in texts["pyproject.toml"]
    bounds = (tuple(map(int, version.split("."))) for version in (first, last))
    assert "not {} <= sys.version_info[:2] <= {}".format(*bounds) in texts["Makefile"]
    assert f"CPython {first} to {last}" in texts["Makefile"]
    assert f"Python {first}–{last}" in texts["README.md"]
    script = (ROOT / "scripts" / "check_pythons").read_text(encoding="utf-8")
    assert f"promised=({' '.join(f'python{version}' for version in PYTHONS)})" in script
    forgotten = [
        file.name for file in (ROOT / "requirements").glob("*.txt") if f"requirements/{file.name}" not in script
    ]
    assert forgotten == []


def commands(*arguments: str) -> str:
    """What make would do in a checkout where nothing was done yet."""
    make = shutil.which("make")
    if make is None or not (ROOT / "Makefile").is_file():
        pytest.skip("needs make and a checkout")
    environment = {name: value for name, value in os.environ.items() if name != "AMENT_PREFIX_PATH"}
    command = [make, "--dry-run", "--always-make", "VENV=missing", f"PYTHON={sys.executable}", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_size_is_told_before_the_download_and_the_renderer_compiled_before_it_is_used(target: str) -> None:
    done = commands(target)
    steps = [
        "MB to download",
        "requirements/run.txt",
        *(["GB to download", "requirements/learning.txt"] if target == "test" else []),
        "rehearsal.renderer",
        {"demo": "dense3d demo", "test": "-m pytest"}[target],
    ]
    places = [done.index(step) for step in steps]
    assert places == sorted(places)
    assert ("requirements/learning.txt" in done) == (target == "test")


@pytest.mark.parametrize("is_moved", [True, False])
def test_an_environment_that_was_copied_is_made_anew(tmp_path: Path, is_moved: bool) -> None:
    """With the source folder, say: its pip, and what else is installed in it, would be those of the first place."""
    make = shutil.which("make")
    if make is None or not (ROOT / "Makefile").is_file():
        pytest.skip("needs make and a checkout")
    first, second = tmp_path / "first", tmp_path / "second"
    venv.create(first, symlinks=True, with_pip=False)
    (first / "bin" / "pip").write_text(f"#!{first}/bin/python\n")
    for stamp in (".created-wheels", ".requirements"):
        (first / stamp).touch()
    shutil.copytree(first, second, symlinks=True)
    environment = {name: value for name, value in os.environ.items() if name != "AMENT_PREFIX_PATH"}
    command = [make, "--dry-run", f"VENV={second if is_moved else first}", f"PYTHON={sys.executable}", "requirements"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert ("was copied or moved here" in done) == is_moved
    assert (f"rm -rf {second}" in done) == is_moved
    assert ("-r requirements/run.txt" in done) == is_moved


def test_an_environment_stays_in_a_folder_with_an_apostrophe(tmp_path: Path) -> None:
    make = shutil.which("make")
    if make is None or not (ROOT / "Makefile").is_file():
        pytest.skip("needs make and a checkout")
    folder = tmp_path / "the robot's"
    pip = folder / ".venv" / "bin" / "pip"
    pip.parent.mkdir(parents=True)
    pip.write_text(f"#!{pip.parent}/python\n")
    command = [make, "--dry-run", "--file", str(ROOT / "Makefile"), f"PYTHON={sys.executable}", "requirements"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert "was copied or moved here" not in done.stdout
    assert done.stderr == ""


def test_beside_ros_the_numpy_of_ros_is_kept(tmp_path: Path) -> None:
    """Even where pip put another one into the user's own folder: ROS was not compiled for that one."""
    (tmp_path / "ros").mkdir()
    (tmp_path / "ros" / "rclpy.py").touch()
    (tmp_path / "ros" / "numpy.py").write_text(
        "import sys\n__version__ = '1.26.4' if sys.flags.no_user_site else '2.4.6'\n"
    )
    done = commands(
        "requirements", "AMENT_PREFIX_PATH=/opt/ros/none", f"PYTHON=PYTHONPATH={tmp_path / 'ros'} {sys.executable}"
    )
    assert "-c requirements/numpy1.txt" in done
    assert "requirements/ros.txt" not in done
    assert "venv --system-site-packages" in done


def test_package_xml_declares_the_ros_packages_that_are_imported() -> None:
    declared = {
        element.text
        for element in ElementTree.parse(ROOT / "package.xml").getroot()
        if element.tag in ("depend", "exec_depend")
    }
    ros = re.compile(
        r"^\s*(?:from|import) "
        r"(rclpy|launch|launch_ros|cv_bridge|message_filters|ament_index_python|\w+_msgs|\w+_interfaces)\b",
        re.MULTILINE,
    )
    sources = [*(ROOT / "dense3d_ros").rglob("*.py"), *(ROOT / "launch").glob("*.py")]
    imported = {name for path in sources for name in ros.findall(path.read_text(encoding="utf-8"))}
    assert imported <= declared
