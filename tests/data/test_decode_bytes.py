"""Bytes: raw files as they are, dumps as the bytes they list, with every checksum looked at."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photism.data import decode_bytes as module
from photism.data.decode_bytes import byte_facts, decode_bytes, dump_encoding
from photism.data.files import Limits
from photism.errors import DecodeError


def listing(data: bytes, *, start: int = 0x401000, newline: str = "\r\n") -> bytes:
    """Write bytes as the Microsoft malware challenge does."""
    rows = (f"{start + i:08X} {data[i : i + 16].hex(' ').upper()}" for i in range(0, len(data), 16))
    return (newline.join(rows) + newline).encode()


def intel_hex(data: bytes, *, start: int = 0x1_FFF0, row: int = 16) -> bytes:
    """Write Intel HEX with an extended address before every row."""
    lines = []
    for i in range(0, len(data), row):
        place = start + i
        for kind, address, body in (
            (4, 0, struct.pack(">H", place >> 16)),
            (0, place & 0xFFFF, data[i : i + row]),
        ):
            record = struct.pack(">BHB", len(body), address, kind) + body
            lines.append(f":{record.hex()}{-sum(record) & 0xFF:02x}".upper())
    return ("\n".join([*lines, ":00000001FF"]) + "\n").encode()


def s_records(data: bytes, *, kind: int = 3, row: int = 16) -> bytes:
    """Write S-records of one address size, with a header and a terminator."""
    lines = ["S00600004844521B"]
    for i in range(0, len(data), row):
        body = (0x1000 + i).to_bytes(kind + 1, "big") + data[i : i + row]
        record = bytes([len(body) + 1]) + body
        lines.append(f"S{kind}{record.hex()}{~sum(record) & 0xFF:02x}".upper())
    return ("\n".join([*lines, "S9030000FC"]) + "\n").encode()


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@settings(deadline=None, max_examples=60)
@given(data=st.binary(min_size=1, max_size=3000))
def test_raw_bytes_and_dumps_come_back(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "dump"
    expected = np.frombuffer(data, np.uint8)
    dumps = {"hex listing": listing(data), "intel hex": intel_hex(data), "s-record": s_records(data)}
    for encoding, text in dumps.items():
        signal = decode_bytes(write(path, text))
        assert signal.encoding == encoding
        np.testing.assert_array_equal(signal.values, expected)
        assert not signal.values.flags.writeable
    raw = decode_bytes(write(path, b"\0" + data))
    assert raw.encoding == "raw"
    np.testing.assert_array_equal(raw.values[1:], expected)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_listing_in_pieces_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newline: str) -> None:
    data = np.random.default_rng(0).bytes(5003)
    monkeypatch.setattr(module, "_PIECE_BYTES", 1 << 20 if newline == "\r" else 777)
    values = decode_bytes(write(tmp_path / "f", listing(data, newline=newline))).values
    assert values.tobytes() == data


def test_unknown_bytes_are_zero_and_keep_their_place(tmp_path: Path) -> None:
    text = b"00401000 56 8D ?? 24\r\n00401004 ?? ?? ff 0A\r\n"
    assert decode_bytes(write(tmp_path / "f", text)).values.tolist() == [0x56, 0x8D, 0, 0x24, 0, 0, 0xFF, 0x0A]


@pytest.mark.parametrize("word", ["5", "5G", "?5", "568", "[bracket]"])
def test_a_bad_word_far_down_is_refused_with_its_line(tmp_path: Path, word: str) -> None:
    text = listing(bytes(5000)) + f"00402390 00 {word} 01\r\n".encode()
    with pytest.raises(DecodeError, match=r"line 314: two hex digits"):
        decode_bytes(write(tmp_path / "f", text))


@pytest.mark.parametrize("dump", [intel_hex, s_records])
def test_a_wrong_checksum_is_refused_with_its_line(tmp_path: Path, dump: object) -> None:
    lines = dump(bytes(range(256)) * 40).splitlines()  # type: ignore[operator]
    last = lines[300]
    lines[300] = last[:-1] + (b"0" if last[-1:] != b"0" else b"1")
    with pytest.raises(DecodeError, match="line 301: the checksum"):
        decode_bytes(write(tmp_path / "f", b"\n".join(lines)))


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_s_records_of_every_address_size(tmp_path: Path, kind: int) -> None:
    assert decode_bytes(write(tmp_path / "f", s_records(b"photism" * 9, kind=kind))).values.tobytes() == b"photism" * 9


def test_records_are_put_in_the_order_of_addresses(tmp_path: Path) -> None:
    lines = s_records(bytes(range(64))).splitlines()
    assert decode_bytes(write(tmp_path / "f", b"\n".join(lines[::-1]))).values.tolist() == list(range(64))
    with pytest.raises(DecodeError, match="twice"):
        decode_bytes(write(tmp_path / "f", b"\n".join([*lines[:3], lines[1]])))


def test_segment_addresses_of_intel_hex(tmp_path: Path) -> None:
    text = b":020000021000EC\n:0100000041BE\n:020000020000FC\n:0100000042BD\n:00000001FF\n"
    assert decode_bytes(write(tmp_path / "f", text)).values.tobytes() == b"BA"


@pytest.mark.parametrize(
    "text",
    [
        b":hello\n",
        b"S is a letter\n",
        b"2024 12 13\n",
        b"123456 12 13\n123999 12 13\n",
        b":0000000001\n",
        b"\0" * 9,
        b"S9\n",
    ],
)
def test_what_only_looks_like_a_dump_is_raw(tmp_path: Path, text: bytes) -> None:
    signal = decode_bytes(write(tmp_path / "f", text))
    assert signal.encoding == "raw"
    assert signal.values.tobytes() == text


def test_a_dump_without_bytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match="lists no bytes"):
        decode_bytes(write(tmp_path / "f", b":00000001FF\n"))


def test_large_files_are_mapped(tmp_path: Path) -> None:
    path = write(tmp_path / "f", bytes(range(256)) * 8192)
    values = decode_bytes(path).values
    assert isinstance(values, np.memmap)
    assert not values.flags.writeable
    assert values[-1] == 255
    assert len(values) == 2 << 20


def test_limits(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=r"at most 10 were expected \(limit bytes\)"):
        decode_bytes(write(tmp_path / "f", bytes(11)), limits=Limits(bytes=10))
    with pytest.raises(DecodeError, match=r"limit text_bytes"):
        decode_bytes(write(tmp_path / "f", listing(b"abc")), limits=Limits(text_bytes=10))


@pytest.mark.parametrize("dump", [listing, intel_hex, s_records])
def test_facts_estimate_the_bytes_listed(dump: object) -> None:
    text = dump(bytes(40_000))  # type: ignore[operator]
    facts = byte_facts(text[:4096], len(text))
    assert facts["file_bytes"] == len(text)
    assert facts["size_bytes"] == pytest.approx(40_000, rel=0.02)
    assert dump_encoding(text[:4096], len(text)) != "raw"
