"""Ways in which a model file can be damaged."""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from safetensors.numpy import load

from dense3d_ros.perception.model_file import FORMAT
from dense3d_ros.perception.tensor_file import digest


@dataclass
class ModelFile:
    """The parts of a model file, to be changed and put together again."""

    metadata: dict[str, str]
    tensors: dict[str, dict[str, Any]]
    body: bytearray
    padding: int = 0

    @classmethod
    def from_bytes(cls, data: bytes) -> ModelFile:
        """Take a good file apart."""
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        return cls(header.pop("__metadata__"), header, bytearray(data[8 + length :]))

    def to_bytes(self) -> bytes:
        """The file, whatever is in it by now."""
        return with_header(json.dumps({"__metadata__": self.metadata, **self.tensors}) + " " * self.padding, self.body)

    def describe(self, **changes: Any) -> None:
        """Change entries of the description."""
        self.metadata["description"] = json.dumps(json.loads(self.metadata["description"]) | changes)

    def values(self, name: str) -> np.ndarray[Any, Any]:
        """A tensor's values, to be changed in place."""
        dtype = {"F16": np.float16, "F32": np.float32, "I64": np.int64}[self.tensors[name]["dtype"]]
        first, last = self.tensors[name]["data_offsets"]
        return np.frombuffer(self.body, dtype, offset=first, count=(last - first) // np.dtype(dtype).itemsize)

    def sign(self) -> None:
        """A digest that fits, as of somebody who knows how to make one."""
        self.metadata["sha256"] = digest(self.metadata["description"], load(self.to_bytes()))

    def forget_the_digest(self) -> None:
        """As files were before there was one."""
        self.metadata.pop("sha256", None)


Random = np.random.Generator
Damage = Callable[[Random, bytes], bytes]
"""A good file -> a damaged one."""
T = TypeVar("T")


def one(random: Random, options: Sequence[T]) -> T:
    """One of the options, of whatever type they are."""
    return options[int(random.integers(len(options)))]


def with_header(header: str | bytes, body: bytes | bytearray) -> bytes:
    """A file of this header and body."""
    encoded = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(encoded)) + encoded + body


def _header_end(data: bytes) -> int:
    return int(8 + struct.unpack("<Q", data[:8])[0])


def cut_short(random: Random, data: bytes) -> bytes:
    """A copy that did not end, in the header or in the weights."""
    return data[: random.integers(0, one(random, [9, _header_end(data), len(data)]))]


def header_length(random: Random, data: bytes) -> bytes:
    """Another length of the header."""
    lengths = (0, 1, 2**63, 2**64 - 1, len(data), int(random.integers(0, 2**40)), _header_end(data) - 8 + 1)
    return struct.pack("<Q", one(random, lengths)) + data[8:]


def bit_in_header(random: Random, data: bytes) -> bytes:
    """One bit of the header."""
    return _flipped(data, int(random.integers(0, 8 * _header_end(data))))


def bit_in_description(random: Random, data: bytes) -> bytes:
    """One bit between the metadata's name and their end."""
    start = data.index(b"__metadata__")
    return _flipped(data, int(random.integers(8 * start, 8 * (data.index(b"}", data.index(b"sha256", start)) + 1))))


def bit_in_weights(random: Random, data: bytes) -> bytes:
    """One bit of the weights."""
    return _flipped(data, int(random.integers(8 * _header_end(data), 8 * len(data))))


def bytes_overwritten(random: Random, data: bytes) -> bytes:
    """A few bytes anywhere, by noise or by zeros, as a bad block is."""
    count = int(one(random, [1, 2, 16, 512, 4096]))
    start = int(random.integers(0, one(random, [_header_end(data), len(data) - count])))
    noise = random.bytes(count) if random.random() < 0.5 else bytes(count)
    return data[:start] + noise + data[start + count :]


def bytes_moved(random: Random, data: bytes) -> bytes:
    """Bytes too many or too few somewhere, as a text-mode copy makes them."""
    start, count = int(random.integers(0, len(data))), int(one(random, [1, 7, 4096]))
    return data[:start] + (random.bytes(count) + data[start:] if random.random() < 0.5 else data[start + count :])


def tensors_exchanged(random: Random, data: bytes) -> bytes:
    """Two tensors of the same shape under each other's names."""
    file = ModelFile.from_bytes(data)
    shapes = Counter(tuple(entry["shape"]) for entry in file.tensors.values() if entry["dtype"] != "I64")
    wanted = list(one(random, [shape for shape, count in shapes.items() if count > 1]))
    names = [name for name, entry in file.tensors.items() if entry["shape"] == wanted and entry["dtype"] != "I64"]
    first, second = (str(name) for name in random.permutation(names)[:2])
    file.tensors[first], file.tensors[second] = file.tensors[second], file.tensors[first]
    return file.to_bytes()


def hostile_description(random: Random, data: bytes) -> bytes:
    """JSON that is hard to read, or is not what it should be; signed or from before there were digests."""
    file = ModelFile.from_bytes(data)
    text = file.metadata["description"]
    deep, digits = one(random, [20, 900, 100_000]), one(random, [21, 5000, 100_000])
    nested = one(random, ["[" * deep + "]" * deep, '{"a":' * deep + "1" + "}" * deep])

    def having(key: str, value: str) -> str:
        return json.dumps(json.loads(text) | {key: "HERE"}).replace('"HERE"', value)

    texts = (
        nested,
        having(one(random, ["training", "confidences", "joints", "name", "stacks"]), nested),
        having(one(random, ["training", "errors"]), '{"samples": ' + "9" * digits + "}"),
        having("stacks", "1" * digits),
        having("half_size", one(random, ["1e999", "-1e999", "9" * 309])),
        having("confidences", '{"1": {"joint_weights": [1e308, 1e308, 1e308]}}'),
        having(one(random, ["stacks", "features", "confidences", "half_size", "resolution"]), "true"),
        having("x" * 900_000, "1"),
        having("name", one(random, ['"' + "x" * 900_000 + '"', '"\\ud800"', '"a\\nb"', '"\\u0000"'])),
        text[:-1] + ', "stacks": 1}',
        text + " " * 2_000_000,
        text[: int(random.integers(0, len(text)))],
        one(random, ["null", "true", "[]", '"\\u0000"']),
    )
    file.metadata["description"] = one(random, texts)
    file.sign() if random.random() < 0.5 else file.forget_the_digest()
    return file.to_bytes()


def wrong_values(random: Random, data: bytes) -> bytes:
    """A description that names another network, up to the largest, or none."""
    file = ModelFile.from_bytes(data)
    description = json.loads(file.metadata["description"])
    changes: tuple[dict[str, Any], ...] = (
        {"features": 1024, "stacks": 8, "wide_blocks": 16, "refining_blocks": 16},
        {"features": int(one(random, [16, 64, 256, 512, 1024])) + 2},
        {"stacks": description["stacks"] + int(random.integers(1, 10**6))},
        {"wide_blocks": description.get("wide_blocks", 0) + 1},
        {"refining_blocks": 16 - description.get("refining_blocks", 0)},
        {"stride": 12 - description.get("stride", 4), "resolution": 512},
        {"resolution": int(one(random, [0, -64, 100, 2**40]))},
        {"half_size": float(one(random, [0, -0.15, 15, np.nan, np.inf]))},
        {"ball_radius": one(random, [None, "0.1", [0.1], {}])},
        {"network": "paper"},
        {"confidences": {one(random, ["0", "2", "-1", "3.0"]): {}}, "skeleton": "nyu14"},
        {"joints": description.get("joints", ["wrist"])[::-1]},
        {"errors": {"nyu": True}},
        {"confidences": {"1": {"min_score": float(one(random, [0, -1, 1.1, np.nan]))}}},
        {"confidences": {"3": {"evidence": {"terms": {"presence": {"weight": -1}}}}}},
        {"confidences": {"3": {"predictors": list(range(100_000))}}},
    )
    file.describe(**one(random, changes))
    file.sign() if random.random() < 0.5 else file.forget_the_digest()
    return file.to_bytes()


def wrong_shapes(random: Random, data: bytes) -> bytes:
    """A header that tells of other tensors than there are."""
    file = ModelFile.from_bytes(data)
    file.forget_the_digest()
    name = one(random, list(file.tensors))
    entry = dict(file.tensors[name])
    entries: tuple[Any, ...] = (
        entry | {"shape": [*entry["shape"], 2]},
        entry | {"shape": [-1, *entry["shape"]]},
        entry | {"shape": [2**62, 2**62]},
        entry | {"shape": [1] * 100_000},
        entry | {"shape": [int("9" * 300)]},
        entry | {"shape": [0]},
        entry | {"shape": [1.5]},
        entry | {"shape": None},
        entry | {"dtype": one(random, ["F64", "BF16", "BOOL", "F17", ""])},
        entry | {"dtype": ["F32"]},
        entry | {"data_offsets": [0, 2**63]},
        entry | {"data_offsets": entry["data_offsets"][::-1]},
        entry | {"data_offsets": [offset + 4 for offset in entry["data_offsets"]]},
        {},
        [],
        None,
        "x" * 1_000_000,
    )
    file.tensors[name] = one(random, entries)
    if random.random() < 0.2:
        file.tensors = {f"{index:x}": entry for index in range(100_000)}
    return file.to_bytes()


def wrong_weights(random: Random, data: bytes) -> bytes:
    """Values that no network has, signed or from before there were digests."""
    file = ModelFile.from_bytes(data)
    variances = [name for name in file.tensors if name.endswith("running_var")]
    others = [name for name, entry in file.tensors.items() if entry["dtype"] != "I64"]
    if random.random() < 0.5:
        values = file.values(one(random, variances))
        values[random.integers(len(values))] = -(10.0 ** random.uniform(-6, 6))
    else:
        values = file.values(one(random, others))
        values[random.integers(len(values))] = one(random, [np.nan, np.inf, -np.inf])
    file.sign() if random.random() < 0.5 else file.forget_the_digest()
    return file.to_bytes()


def wrong_metadata(random: Random, data: bytes) -> bytes:
    """Entries of the metadata that are foreign, missing or no texts."""
    file = ModelFile.from_bytes(data)
    changed: tuple[Any, ...] = (
        {},
        [],
        None,
        {"format": FORMAT},
        file.metadata | {"format": "x" * 1_000_000},
        file.metadata | {"format": FORMAT[:-1] + "4"},
        file.metadata | {"sha256": file.metadata["sha256"][::-1]},
        file.metadata | {"sha256": ""},
        file.metadata | {"y" * 1_000_000: ""},
        file.metadata | {"description": {"stacks": 1}},
        file.metadata | {"description": ""},
    )
    file.metadata = one(random, changed)
    return file.to_bytes()


def other_formats(random: Random, data: bytes) -> bytes:
    """Files that are something else."""
    files = (
        b"",
        b"PK\x03\x04" + data[:100_000],
        b"\x80\x02}q\x00(X\x05\x00\x00\x00stateq\x01" + data[:1000],
        b"\x08\x08\x12\x07pytorch" + random.bytes(100_000),
        b"\x89PNG\r\n\x1a\n" + random.bytes(1000),
        b"\x1f\x8b\x08\x00" + random.bytes(100_000),
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 6885572\n",
        b"<!DOCTYPE html><html><body>404</body></html>",
        random.bytes(int(random.integers(0, 1_000_000))),
        bytes(len(data)),
        with_header("{" * 4_000_000, b""),
        with_header("[" * 4_000_000, b""),
        with_header(b"\xff" * 1000, b""),
        with_header("{}", b""),
        with_header('{"__metadata__":{}}', b""),
    )
    return one(random, files)


def harmless(random: Random, data: bytes) -> bytes:
    """The same model, written otherwise: this one has to load."""
    file = ModelFile.from_bytes(data)
    names = list(file.tensors)
    random.shuffle(names)
    file.tensors = {name: file.tensors[name] for name in names}
    file.padding = int(random.integers(0, 100))
    if random.random() < 0.3:
        file.forget_the_digest()
    return file.to_bytes()


DAMAGES: tuple[Damage, ...] = (
    cut_short, header_length, bit_in_header, bit_in_description, bit_in_weights, bit_in_weights, bytes_overwritten,
    bytes_moved, tensors_exchanged, hostile_description, hostile_description, wrong_values, wrong_shapes, wrong_weights,
    wrong_metadata, other_formats, harmless,
)  # fmt: skip
"""In turn; what there are most ways of comes twice."""


def _flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
