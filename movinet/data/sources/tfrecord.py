"""TFRecord files and SequenceExamples in NumPy alone, so that a process that decodes clips need not load TensorFlow.

A file is a row of records: length (8 bytes), its checksum (4), payload, its checksum (4), all little-endian, the
checksum a masked CRC-32C.  A SequenceExample is a protocol buffer: a context and lists, by name.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from movinet.config.errors import InputError

HEADER, FOOTER = 12, 4  # bytes before and after the payload
POLYNOMIAL = 0x82F63B78  # Castagnoli's, reflected
NOT_ONE = "not a SequenceExample, or one cut short"
LANE = 1024  # bytes that one lane of the long checksum takes; a power of two

Feature = Sequence[bytes] | Sequence[int] | Sequence[float]


class TFRecordError(InputError):
    """Bytes that are no record; the text says what is wrong, not where."""


def framed(payload: bytes) -> bytes:
    """A record of a TFRecord file."""
    length = struct.pack("<Q", len(payload))
    return b"".join([length, _masked(length), payload, _masked(payload)])


def record_spans(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """(offset, payload bytes) of each record, from the headers alone. Raises TFRecordError where none follows."""
    size, offset = file.seek(0, 2), 0
    while offset < size:
        file.seek(offset)
        header = file.read(HEADER)
        if header[:2] == b"\x1f\x8b":
            raise TFRecordError("compressed by gzip; unpack it first")
        if len(header) < HEADER or _masked(header[:8]) != header[8:]:
            raise TFRecordError(f"no record at byte {offset}")
        (length,) = struct.unpack("<Q", header[:8])
        if offset + HEADER + length + FOOTER > size:
            raise TFRecordError(f"the record at byte {offset} is cut short")
        yield offset, length
        offset += HEADER + length + FOOTER


def read_payload(path: Path, offset: int) -> bytes:
    """The payload of the record at a byte of a file, its checksums tested. Raises TFRecordError and OSError."""
    with path.open("rb") as file:
        file.seek(offset)
        header = file.read(HEADER)
        if len(header) < HEADER or _masked(header[:8]) != header[8:]:
            raise TFRecordError(f"no record at byte {offset}")
        (length,) = struct.unpack("<Q", header[:8])
        payload, footer = file.read(length), file.read(FOOTER)
    if len(payload) < length or _masked(payload) != footer:
        raise TFRecordError(f"the record at byte {offset} is damaged")
    return payload


def read_context(file: BinaryIO, offset: int, length: int) -> dict[str, Feature]:
    """The context of a record, without the frames behind it where the writer put it first, as all known ones do."""
    file.seek(offset + HEADER)
    start = file.read(min(length, 16))
    if start[:1] == b"\n":
        size, first = _varint(start, 1)
        file.seek(offset + HEADER + first)
        return _features(file.read(min(size, length)))
    file.seek(offset + HEADER)
    return parse(file.read(length))[0]


def serialize(context: Mapping[str, Feature], lists: Mapping[str, Sequence[Feature]]) -> bytes:
    """A SequenceExample. Features are lists of bytes, of ints or of floats."""
    features = b"".join(_field(1, _field(1, name.encode()) + _field(2, _feature(v))) for name, v in context.items())
    entries = [
        _field(1, _field(1, name.encode()) + _field(2, b"".join(_field(1, _feature(value)) for value in values)))
        for name, values in lists.items()
    ]
    return _field(1, features) + _field(2, b"".join(entries))


def parse(payload: bytes) -> tuple[dict[str, Feature], dict[str, list[Feature]]]:
    """Context and feature lists of a SequenceExample. Raises TFRecordError."""
    context: dict[str, Feature] = {}
    lists: dict[str, list[Feature]] = {}
    for number, part in _parts(payload):
        if number == 1:
            context |= _features(part)
        elif number == 2:
            for _, entry in _parts(part):
                name, values = _entry(entry)
                lists[name] = [_values(feature) for _, feature in _parts(values)]
    return context, lists


def _features(message: Any) -> dict[str, Feature]:
    return {name: _values(feature) for name, feature in (_entry(entry) for _, entry in _parts(message))}


def _entry(message: Any) -> tuple[str, Any]:
    parts = dict(_parts(message))
    return bytes(parts.get(1, b"")).decode(errors="replace"), parts.get(2, b"")


def _values(feature: Any) -> Feature:
    """A Feature holds one list: of bytes (1), floats (2) or integers (3); numbers packed or one by one."""
    for kind, content in _parts(feature):
        if kind == 1:
            return [bytes(value) for _, value in _parts(content)]
        if kind == 2:
            packed = b"".join(value for _, value in _parts(content))
            return list(struct.unpack(f"<{len(packed) // 4}f", packed[: len(packed) // 4 * 4]))
        if kind == 3:
            found: list[int] = []
            for _, value in _fields(content):
                found += [value] if isinstance(value, int) else _varints(value)
            return [value - (value >> 63 << 64) for value in found]  # two's complement
    return []


def _feature(values: Feature) -> bytes:
    if all(isinstance(value, bytes) for value in values):
        return _field(1, b"".join(_field(1, value) for value in values))  # pyright: ignore[reportArgumentType]
    if all(isinstance(value, int) for value in values):
        return _field(3, _field(1, b"".join(_to_varint(int(value) % 2**64) for value in values)))
    return _field(2, _field(1, struct.pack(f"<{len(values)}f", *values)))


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _to_varint(len(content)) + content


def _parts(message: Any) -> Iterator[tuple[int, memoryview]]:
    """The fields of a message that has no numbers of its own."""
    for number, value in _fields(message):
        if isinstance(value, int):
            raise TFRecordError(NOT_ONE)
        yield number, value


def _fields(message: Any) -> Iterator[tuple[int, Any]]:
    """(number, value) of each field: an int, or a view of bytes (also of a fixed 4 or 8)."""
    data, at = memoryview(message), 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if kind == 2:
            size, at = _varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise TFRecordError(NOT_ONE)
        if at + size > len(data):
            raise TFRecordError(NOT_ONE)
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: Any, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = 0
    for place in range(at, min(at + 10, len(data))):
        value |= (data[place] & 127) << 7 * (place - at)
        if data[place] < 128:
            return value & (2**64 - 1), place + 1
    raise TFRecordError(NOT_ONE)


def _varints(data: Any) -> list[int]:
    found, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        found.append(value)
    return found


def _to_varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli). Long data goes in lanes side by side, joined by what a lane of zeros does to a register."""
    table = _table()
    if len(data) <= LANE:
        register = 0xFFFFFFFF
        for byte in data:
            register = int(table[(register ^ byte) & 255]) ^ register >> 8
        return register ^ 0xFFFFFFFF
    lanes = 1 << ((len(data) - 1) // LANE).bit_length()
    padded = np.zeros(lanes * LANE, np.uint8)  # zeros in front leave a register of zero as it is
    padded[-len(data) :] = np.frombuffer(data, np.uint8)
    padded[-len(data) :][:4] ^= 255  # the same as a register that starts with all bits set
    registers = np.zeros(lanes, np.uint32)
    for column in np.ascontiguousarray(padded.reshape(lanes, LANE).T):
        registers = table[(registers ^ column) & 255] ^ registers >> 8
    zeros = _lane_of_zeros()
    while len(registers) > 1:
        registers = _applied(zeros, registers[::2]) ^ registers[1::2]
        zeros = _applied(zeros, zeros)
    return int(registers[0]) ^ 0xFFFFFFFF


@cache
def _table() -> np.ndarray:
    values = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        values = np.where(values & 1, values >> 1 ^ np.uint32(POLYNOMIAL), values >> 1)
    return values


@cache
def _lane_of_zeros() -> np.ndarray:
    """What LANE zero bytes make of each bit of a register: the columns of a linear map over bits."""
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    columns = _table()[bits & 255] ^ bits >> 8
    for _ in range(LANE.bit_length() - 1):
        columns = _applied(columns, columns)
    return columns


def _applied(columns: np.ndarray, registers: np.ndarray) -> np.ndarray:
    out = np.zeros_like(registers)
    for place in range(32):
        out ^= np.where(registers >> np.uint32(place) & 1, columns[place], np.uint32(0))
    return out
