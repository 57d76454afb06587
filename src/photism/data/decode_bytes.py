"""Files read as bytes: raw ones as they are, hex dumps as the bytes they list.

Covered: raw files of any size (mapped, not loaded); the ``.bytes`` listings of the Microsoft malware challenge; Intel
HEX; Motorola S-records. Not covered: archives and packed files, which stay the bytes they are; the output of
``xxd`` and ``hexdump``, which is text like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BufferedReader
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Bool, Int, UInt8

from photism.data.files import DEFAULT_LIMITS, HEAD_BYTES, Limits, open_regular, shown
from photism.errors import DecodeError
from photism.types import ByteString

__all__ = ["Encoding", "byte_facts", "decode_bytes", "dump_encoding"]

Encoding: TypeAlias = Literal["raw", "hex listing", "intel hex", "s-record"]

_LISTING_LINE = re.compile(rb"[0-9A-Fa-f]{6,16}:?(?:[ \t]+(?:[0-9A-Fa-f]{2}|\?\?)){1,64}[ \t]*")
_INTEL_LINE = re.compile(rb":[0-9A-Fa-f]{10,}[ \t]*")
_MOTOROLA_LINE = re.compile(rb"S[0-9][0-9A-Fa-f]{6,}[ \t]*")
_DUMP_STARTS = b"0123456789ABCDEFabcdef:S"
# below this a plain read is cheaper than a map with its page faults
_MAP_FROM_BYTES = 1 << 20

_NOT_HEX, _UNKNOWN = 255, 254
_NIBBLES = np.full(256, _NOT_HEX, np.uint8)
_NIBBLES[list(b"0123456789abcdef")] = range(16)
_NIBBLES[list(b"ABCDEF")] = range(10, 16)
_NIBBLES[ord("?")] = _UNKNOWN
# text is read in pieces, since finding its words takes some twenty times its memory
_PIECE_BYTES = 1 << 22


def dump_encoding(head: bytes, size_bytes: int) -> Encoding:
    """Tell from the first bytes (at least one) how a file lists bytes: every whole line must be of one dump format.

    Parameters
    ----------
    head : bytes
        The file's first bytes.
    size_bytes : int
        Size on disk: tells whether the last line of ``head`` is whole.

    Examples
    --------
    >>> dump_encoding(b"00401000 56 8D ?? 24\\r\\n", 22)
    'hex listing'
    >>> dump_encoding(b":00000001FF\\n", 12)
    'intel hex'
    >>> dump_encoding(b"MZ\\x90\\0", 4)
    'raw'
    """
    if head[0] not in _DUMP_STARTS or b"\0" in head:
        return "raw"
    lines = head.splitlines()
    if size_bytes > len(head) and len(lines) > 1:
        lines.pop()  # most likely cut
    lines = [line for line in lines if line.strip()]
    forms: tuple[tuple[re.Pattern[bytes], Encoding], ...] = (
        (_LISTING_LINE, "hex listing"),
        (_INTEL_LINE, "intel hex"),
        (_MOTOROLA_LINE, "s-record"),
    )
    for pattern, encoding in forms:
        if lines and all(pattern.fullmatch(line) for line in lines):
            holds_up = _addresses_rise(lines) if encoding == "hex listing" else _record_holds_up(lines[0], encoding)
            return encoding if holds_up else "raw"
    return "raw"


def byte_facts(head: bytes, size_bytes: int) -> Mapping[str, float]:
    """Count the bytes that the signal will hold: for a dump an estimate from its first lines.

    ``size_bytes`` is what a renderer fits to; ``file_bytes`` is the size on disk.

    Parameters
    ----------
    head : bytes
        The file's first bytes.
    size_bytes : int
        Size on disk.
    """
    encoding = dump_encoding(head, size_bytes)
    listed = float(size_bytes)
    if encoding != "raw":
        whole = head if len(head) >= size_bytes else head[: max(head.rfind(b"\n") + 1, 1)]
        n_listed = sum(_n_listed(line, encoding) for line in whole.splitlines())
        listed = max(1.0, float(round(size_bytes * n_listed / len(whole))))
    return {"size_bytes": listed, "file_bytes": float(size_bytes)}


def decode_bytes(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> ByteString:
    """Read a file as bytes: mapped read-only when large, or the bytes that a hex dump lists.

    Parameters
    ----------
    path
        The file; its ending is not looked at.
    limits
        ``limits.bytes`` caps raw files, ``limits.text_bytes`` caps dumps, which are held whole.

    Returns
    -------
    ByteString
        ``values`` uint8 (n,), read-only; a memory map from 1 MiB on, so that gigabytes need no memory.
        ``encoding`` is ``raw``, ``hex listing``, ``intel hex`` or ``s-record``.

    Raises
    ------
    DecodeError
        If the file is empty or special, exceeds a limit, or is a dump with a bad line, a wrong checksum or no bytes.

    Notes
    -----
    ``??`` in a listing marks a byte whose value is not in the file (memory that the loader fills with zeros); it is
    read as 0, so that all other bytes keep their distances. Addresses of a listing are not looked at. Records of
    Intel HEX and S-records are put in the order of their addresses; gaps between them are closed, since a gap of
    gigabytes costs nothing to write. Where two records claim the same address the file is refused.
    """
    name = shown(path)
    with open_regular(path) as (stream, size_bytes):
        head = stream.read(HEAD_BYTES)
        encoding = dump_encoding(head, size_bytes)
        cap, option = (limits.bytes, "bytes") if encoding == "raw" else (limits.text_bytes, "text_bytes")
        if size_bytes > cap:
            raise DecodeError(f"{name} is {size_bytes} bytes long; at most {cap} were expected (limit {option}).")
        if encoding == "raw":
            return ByteString(_read_raw(stream, size_bytes, name))
        stream.seek(0)
        text = stream.read(limits.text_bytes + 1)
    values = _read_listing(text, name) if encoding == "hex listing" else _read_records(text, encoding, name)
    if len(values) == 0:
        raise DecodeError(f"{name} is a hex dump ({encoding}) that lists no bytes.")
    values.flags.writeable = False
    return ByteString(values, encoding)


def _read_raw(stream: BufferedReader, size_bytes: int, name: str) -> UInt8[np.ndarray, " n"]:
    """Map a large file, read a small one; both read-only."""
    try:
        if size_bytes >= _MAP_FROM_BYTES:
            return np.memmap(stream, dtype=np.uint8, mode="r", shape=(size_bytes,))
        stream.seek(0)
        values = np.frombuffer(stream.read(), np.uint8)
    except (OSError, ValueError) as error:
        raise DecodeError(f"{name} cannot be read: {error}.") from error
    if len(values) == 0:
        raise DecodeError(f"{name} became empty while it was read.")
    return values


def _read_listing(text: bytes, name: str) -> UInt8[np.ndarray, " n"]:
    """Read ``address byte byte ...`` lines, piece by piece, each piece ending with a line."""
    pieces = []
    start = 0
    while start < len(text):
        stop = text.rfind(b"\n", start, start + _PIECE_BYTES) + 1 if start + _PIECE_BYTES < len(text) else len(text)
        if stop <= start:
            raise DecodeError(f"{name} has a line of more than {_PIECE_BYTES} bytes, which no hex listing has.")
        pieces.append(_read_listing_piece(text, start, stop, name))
        start = stop
    return np.concatenate(pieces)


def _read_listing_piece(text: bytes, begin: int, end: int, name: str) -> UInt8[np.ndarray, " n"]:
    """Read whole lines all at once: a loop over the lines of a few megabytes takes a second."""
    codes = np.frombuffer(text, np.uint8, count=end - begin, offset=begin)
    starts, ends = _token_edges(codes <= 32)
    if len(starts) == 0:
        return np.zeros(0, np.uint8)
    # the first word of a line is its address: a line's end lies between it and the word before
    line_ends = np.flatnonzero((codes == 10) | (codes == 13))
    line_of = np.searchsorted(line_ends, starts)
    is_address = np.ones(len(starts), bool)
    is_address[1:] = line_of[1:] != line_of[:-1]
    starts, lengths = starts[~is_address], (ends - starts)[~is_address]
    high, low = _NIBBLES[codes[starts]], _NIBBLES[codes[np.minimum(starts + 1, len(codes) - 1)]]
    unknown = (high == _UNKNOWN) & (low == _UNKNOWN)
    bad = (lengths != 2) | (((high > 15) | (low > 15)) & ~unknown)
    if bad.any():
        place = begin + int(starts[np.argmax(bad)])
        line = text.count(b"\n", 0, place) + 1
        word = text[place : place + 12].split()[0].decode("ascii", "backslashreplace")
        raise DecodeError(f"{name}, line {line}: two hex digits or ?? were expected, but {word!r} was found.")
    return np.where(unknown, np.uint8(0), (high << 4) | (low & 15))


def _token_edges(is_space: Bool[np.ndarray, " n"]) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " k"]]:
    """Find where runs of non-space begin and end."""
    padded = np.ones(len(is_space) + 2, np.int8)
    padded[1:-1] = is_space
    steps = np.diff(padded)
    return np.flatnonzero(steps == -1), np.flatnonzero(steps == 1)


def _read_records(text: bytes, encoding: Encoding, name: str) -> UInt8[np.ndarray, " n"]:
    """Read Intel HEX or S-records, check every checksum, and put the data in the order of addresses."""
    parse = _intel_records if encoding == "intel hex" else _motorola_records
    records = sorted(parse(text, name), key=lambda record: record[0])
    for (start, data), (next_start, _) in pairwise(records):
        if start + len(data) > next_start:
            raise DecodeError(f"{name} lists the byte at address 0x{next_start:X} twice.")
    return np.frombuffer(bytearray().join(data for _, data in records), np.uint8)


def _numbered_records(text: bytes, skip: int, name: str) -> Iterator[tuple[int, bytes, bytes]]:
    """Give line number, the line, and the bytes of each record after its ``skip`` first characters."""
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line:
            continue
        try:
            yield number, line, bytes.fromhex(line[skip:].decode("ascii"))
        except ValueError as error:
            raise DecodeError(f"{name}, line {number}: pairs of hex digits were expected.") from error


def _intel_records(text: bytes, name: str) -> Iterator[tuple[int, bytes]]:
    """Give (address, data) of each data record of Intel's format (Hexadecimal Object File Format, rev. A, 1988)."""
    base = 0
    for number, line, record in _numbered_records(text, 1, name):
        if line[:1] != b":" or len(record) < 5 or record[0] != len(record) - 5:
            raise DecodeError(f"{name}, line {number}: the length of an Intel HEX record does not fit its line.")
        if sum(record) & 0xFF:
            raise DecodeError(f"{name}, line {number}: the checksum of an Intel HEX record is wrong.")
        kind, data = record[3], record[4:-1]
        if kind == 0 and data:
            yield base + int.from_bytes(record[1:3], "big"), data
        elif kind == 1:
            return
        elif kind in (2, 4):
            base = int.from_bytes(data, "big") << (4 if kind == 2 else 16)
        elif kind not in (0, 3, 5):
            raise DecodeError(f"{name}, line {number}: Intel HEX has no record of type {kind:02X}.")


def _motorola_records(text: bytes, name: str) -> Iterator[tuple[int, bytes]]:
    """Give (address, data) of each S1, S2 and S3 record."""
    for number, line, record in _numbered_records(text, 2, name):
        if line[:1] != b"S" or len(record) < 3 or record[0] != len(record) - 1:
            raise DecodeError(f"{name}, line {number}: the length of an S-record does not fit its line.")
        if sum(record) & 0xFF != 0xFF:
            raise DecodeError(f"{name}, line {number}: the checksum of an S-record is wrong.")
        kind = line[1] - ord("0")
        if kind in (1, 2, 3):
            address_bytes = kind + 1
            if len(record) < address_bytes + 2:
                raise DecodeError(f"{name}, line {number}: an S{kind} record is too short for its address.")
            if data := record[1 + address_bytes : -1]:
                yield int.from_bytes(record[1 : 1 + address_bytes], "big"), data
        elif not 0 <= kind <= 9 or kind == 4:
            raise DecodeError(f"{name}, line {number}: there is no S-record of this type.")


def _n_listed(line: bytes, encoding: Encoding) -> int:
    """Count the data bytes of one line of a dump from its length."""
    if encoding == "hex listing":
        return max(len(line.split()) - 1, 0)
    if encoding == "intel hex":
        return max(len(line.strip()) - 11, 0) // 2 if line[7:9] == b"00" else 0
    overhead = {b"S1": 10, b"S2": 12, b"S3": 14}.get(line[:2])
    return 0 if overhead is None else max(len(line.strip()) - overhead, 0) // 2


def _addresses_rise(lines: list[bytes]) -> bool:
    """Check that the second line's address continues the first, so that a table of numbers stays text."""
    if len(lines) < 2:
        return True
    first, second = lines[0].split(), lines[1].split()
    return int(second[0].rstrip(b":"), 16) - int(first[0].rstrip(b":"), 16) == len(first) - 1


def _record_holds_up(line: bytes, encoding: Encoding) -> bool:
    """Check the first record's length and checksum, so that text that only looks like records stays text."""
    parse = _intel_records if encoding == "intel hex" else _motorola_records
    try:
        list(parse(line, ""))
    except DecodeError:
        return False
    return True
