"""Damaged and hostile files through sniff, decode and render: no crash, no hang, no wrong size, nothing on stderr.

Each kind runs in a process of its own, so that a crash of a C library fails one test and not the session, and so that
what libraries write to file descriptor 2 is seen. ``PHOTISM_FUZZ=2000`` runs that many inputs a kind (default 200).
By hand: ``python tests/properties/test_decode_fuzz.py KIND N SEED``.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import soundfile

N_INPUTS = int(os.environ.get("PHOTISM_FUZZ", "200"))
SLOWEST_S = 10.0
SIZE_PX = 64
IMAGE_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO", "JPEG2000", "AVIF")
SOUND_FORMATS = (
    ("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "IMA_ADPCM"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"), ("AIFF", "PCM_24"), ("AU", "ULAW"), ("CAF", "PCM_16"), ("W64", "PCM_16"),
    ("RF64", "PCM_16"), ("VOC", "PCM_16"), ("NIST", "PCM_16"), ("PAF", "PCM_16"), ("PVF", "PCM_16"), ("SVX", "PCM_16"),
    ("AVR", "PCM_16"), ("IRCAM", "PCM_16"), ("WVE", "ALAW"), ("XI", "DPCM_16"),
)  # fmt: skip


def image_seeds(generator: np.random.Generator) -> list[bytes]:
    """Encode one small image in every format, and in the modes that take other paths."""
    pixels = PIL.Image.fromarray(generator.integers(0, 256, (24, 31, 3), dtype=np.uint8))
    variants = [(pixels, name, {}) for name in IMAGE_FORMATS]
    variants += [(pixels.convert(mode), "PNG", {}) for mode in ("1", "L", "LA", "P", "RGBA", "I;16")]
    variants += [(pixels.convert(mode), "TIFF", {}) for mode in ("1", "P", "CMYK", "F", "I", "LAB", "YCbCr")]
    variants += [(pixels, "TIFF", {"compression": name}) for name in ("tiff_lzw", "tiff_deflate", "jpeg", "packbits")]
    variants += [(pixels.convert("CMYK"), "JPEG", {}), (pixels, "JPEG", {"progressive": True})]
    seeds = []
    for image, name, options in variants:
        buffer = io.BytesIO()
        image.save(buffer, name, **options)
        seeds.append(buffer.getvalue())
    return seeds


def sound_seeds(generator: np.random.Generator) -> list[bytes]:
    """Encode half a second of noise in every format."""
    samples = generator.uniform(-0.5, 0.5, 4000)
    seeds = []
    for name, subtype in SOUND_FORMATS:
        buffer = io.BytesIO()
        soundfile.write(buffer, samples, 8000, format=name, subtype=subtype)
        seeds.append(buffer.getvalue())
    return seeds


def binary_seeds(generator: np.random.Generator) -> list[bytes]:
    """Make raw bytes and one file of each dump format."""
    raw = generator.integers(0, 256, 512, dtype=np.uint8).tobytes()
    rows = [raw[i : i + 16] for i in range(0, len(raw), 16)]
    listing = "".join(f"{0x401000 + 16 * i:08X} {row.hex(' ').upper()}\r\n" for i, row in enumerate(rows))
    intel, motorola = "", ""
    for i, row in enumerate(rows):
        record = bytes([len(row)]) + struct.pack(">HB", 16 * i, 0) + row
        intel += f":{record.hex()}{-sum(record) & 255:02x}\n".upper()
        record = bytes([len(row) + 3]) + struct.pack(">H", 16 * i) + row
        motorola += f"S1{record.hex()}{~sum(record) & 255:02x}\n".upper()
    listing += f"{0x401000 + 16 * len(rows):08X} {'?? ' * 16}\r\n"
    return [raw, listing.encode(), intel.encode(), motorola.encode(), b"\0" * 300]


def mouse_seeds(generator: np.random.Generator) -> list[bytes]:
    """Write the same track in every layout."""
    points = [(int(x), int(y), 8 * i) for i, (x, y) in enumerate(generator.integers(0, 900, (40, 2)))]
    objects = [{"x": x, "y": y, "t": t} for x, y, t in points]
    balabit = "record timestamp,client timestamp,button,state,x,y\n"
    balabit += "".join(f"{t / 1000},{t / 1000},NoButton,Move,{x},{y}\n" for x, y, t in points)
    texts = [
        "x,y,t\n" + "".join(f"{x},{y},{t}\n" for x, y, t in points),
        "time;x;y\n" + "".join(f"{t / 1000:.3f};{x},5;{y},5\n".replace(".", ",") for x, y, t in points),
        "timestamp\tx\ty\n" + "".join(f"2020-01-01T00:00:00.{t:03d}Z\t{x}\t{y}\n" for x, y, t in points),
        balabit.replace("NoButton,Move,", "Left,Pressed,", 3),
        "\n".join(map(json.dumps, objects)),
        json.dumps(objects, indent=1),
    ]
    return [text.encode() for text in texts] + [texts[0].encode("utf-16")]


SEEDS: dict[str, Callable[[np.random.Generator], list[bytes]]] = {
    "image": image_seeds,
    "sound": sound_seeds,
    "binary": binary_seeds,
    "mouse": mouse_seeds,
}
EXTREMES = (b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\0\0\0\x80")
TEXT_EXTREMES = (b"nan", b"inf", b"-1e308", b"99999999999999999999", b"\xff", b'"', b"\n", b"??", b"[" * 400, b"\0")


def mutate(seed: bytes, chance: random.Random) -> bytes:
    """Damage a valid file: cut, flip, overwrite, insert, repeat; or make something up behind its first bytes."""
    data = bytearray(seed)
    if chance.random() < 0.05:
        return seed[: chance.choice((0, 4, 12))] + chance.randbytes(chance.choice((1, 7, 100, 5000)))
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        # headers are where damage hurts
        place = chance.randrange(len(data) or 1) if chance.random() < 0.5 else chance.randrange(min(len(data), 64) or 1)
        match chance.randrange(7):
            case 0:
                del data[place:]
            case 1 if data:
                data[min(place, len(data) - 1)] ^= 1 << chance.randrange(8)
            case 2:
                value = chance.choice(EXTREMES + TEXT_EXTREMES)
                data[place : place + len(value)] = value
            case 3:
                data[place:place] = chance.choice(TEXT_EXTREMES) if chance.random() < 0.5 else chance.randbytes(9)
            case 4 if chr(data[min(place, len(data) - 1)] if data else 0).isdigit():
                data[place] = ord(chance.choice("0123456789-. "))
            case 5:
                data[place:place] = data[place : place + chance.randrange(200)]
            case _:
                del data[place : place + chance.randrange(40)]
    return bytes(data)


def run(kind: str, n_inputs: int, seed: int) -> dict[str, int]:
    """Put damaged files through the street; raise on the first thing that must not happen."""
    from photism.data.decode import Limits, decode
    from photism.data.sniff import sniff
    from photism.errors import DecodeError

    pictures = importlib.import_module(f"photism.pictures.{kind}")
    chance = random.Random(seed)
    seeds = SEEDS[kind](np.random.default_rng(seed))
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "input")
        facts = []
        for data in seeds:
            path.write_bytes(data)
            sniffed = sniff(path)
            assert sniffed.kind == kind, (kind, sniffed, data[:32])
            facts.append(sniffed.facts)
        recipe = pictures.fit_recipe(facts, size_px=SIZE_PX)
        for number in range(n_inputs):
            data = mutate(chance.choice(seeds), chance) if number >= len(seeds) else seeds[number]
            path.write_bytes(data)
            started = time.perf_counter()
            try:
                sniff(path)
                signal = decode(path, kind, limits=Limits(pixels=4_000_000, values=4_000_000, points=100_000))
                sizes = {p.pixels.shape for window in pictures.render(signal, recipe) for p in window}
                assert len(sizes) == 1, sizes
                outcomes["rendered"] += 1
            except DecodeError as error:
                is_sentence = str(path) in str(error) and "\n" not in str(error)
                outcomes["refused" if is_sentence and number >= len(seeds) else f"refused wrongly: {error}"] += 1
            except Exception as error:
                Path(tempfile.gettempdir(), f"photism-fuzz-{kind}").write_bytes(data)
                raise AssertionError(f"{kind} {number}: {type(error).__name__}: {error}") from error
            assert time.perf_counter() - started < SLOWEST_S, (kind, number)
    return dict(outcomes)


@pytest.mark.parametrize("kind", sorted(SEEDS))
def test_damaged_files_are_rendered_or_refused_in_silence(kind: str) -> None:
    command = [sys.executable, __file__, kind, str(N_INPUTS), "20261122"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 + N_INPUTS, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""
    outcomes = json.loads(done.stdout)
    assert outcomes.keys() == {"rendered", "refused"}
    assert sum(outcomes.values()) == N_INPUTS


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
