"""Sound files: recognised by their first bytes, decoded by libsndfile at their own rate and channel count.

Covered: every format of libsndfile that has a magic number (WAV, RF64, W64, FLAC, Ogg Vorbis and Opus, MP3, AIFF,
AU, CAF, VOC, IRCAM, NIST, PAF, PVF, SVX, AVR, WVE, XI). Not covered: headerless formats (raw PCM, HTK, SDS), which
any bytes could be; MATLAB files, which are rarely sound; resampling and mixing, which are the renderer's.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float32

from photism.data.files import DEFAULT_LIMITS, HEAD_BYTES, Limits, open_regular, quiet, shown
from photism.errors import DecodeError
from photism.types import Waveform

__all__ = ["decode_sound", "sound_facts", "sounds_like"]

_MAGIC: tuple[bytes, ...] = (
    b"OggS",
    b"fLaC",
    b".snd",
    b"dns.",
    b"caff",
    b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb",
    b"Creative Voice File\x1a",
    b"NIST_1A\n",
    b" paf",
    b"fap ",
    b"PVF1\n",
    b"\x64\xa3\x01\x00",
    b"\x64\xa3\x02\x00",
    b"\x64\xa3\x03\x00",
    b"\x64\xa3\x04\x00",
    b"2BIT",
    b"ALawSoundFile**\0",
    b"Extended Instrument: ",
)
_RIFF = (b"RIFF", b"RIFX", b"RF64")
_FORMS = (b"AIFF", b"AIFC", b"8SVX", b"16SV")
# where a chunked file keeps its samples: the form of a chunk's size, and that chunk's name
_CHUNKED: Mapping[bytes, tuple[str, bytes]] = {
    b"RIFF": ("<I", b"data"),
    b"RIFX": (">I", b"data"),
    b"FORM": (">I", b"SSND"),
}
_CHUNKS_LOOKED_AT = 64
_BLOCK_VALUES = 1 << 22
# a size field of a stream whose length was not known when it was written
_STREAMED = frozenset({0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFF000, 0x80000000})
_TRUNCATED_BELOW_FRACTION = 0.95
_MAX_RATE_HZ = 10_000_000

# MPEG audio: kbit/s by index for (MPEG-1, MPEG-2 and 2.5), layers I to III; ISO 11172-3 and 13818-3, table 2.4.2.3
_KBITS: Mapping[tuple[bool, int], tuple[int, ...]] = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG1_RATES_HZ = (44100, 48000, 32000)
# how far the first frame may lie behind the end that a tag states
_ID3_PADDING_BYTES = 2048
_MPEG_FRAMES_WANTED = 3


def sounds_like(head: bytes, stream: BufferedReader) -> bool:
    """Tell whether the first bytes announce a sound; for MPEG audio, whether frames follow one another.

    Eleven set bits, the mark of an MPEG frame, happen once in some two thousand random bytes; three frames in a row
    whose headers agree do not.

    Parameters
    ----------
    head : bytes
        The file's first bytes.
    stream : BufferedReader
        The open file, read further for MPEG audio.
    """
    if head[:4] in _RIFF:
        return head[8:12] == b"WAVE"
    if head[:4] == b"FORM":
        return head[8:12] in _FORMS
    if head.startswith(_MAGIC):
        return True
    if head[:3] == b"ID3" and len(head) >= 10 and max(head[6:10]) < 128:
        a, b, c, d = head[6:10]  # seven bits a byte
        start = 10 + (a << 21 | b << 14 | c << 7 | d) + (10 if head[5] & 0x10 else 0)
        stream.seek(start)
        after = stream.read(HEAD_BYTES)
        if after.startswith(b"fLaC"):
            return True
        syncs = (place for place in range(min(len(after), _ID3_PADDING_BYTES)) if after[place] == 0xFF)
        return any(_mpeg_frames_follow(after, place) for place in syncs)
    return _mpeg_frames_follow(head, 0)


def sound_facts(stream: BufferedReader) -> Mapping[str, float] | None:
    """Read duration (s), rate (Hz) and channels from the header; None where libsndfile refuses it.

    For an MP3 without a length in its header libsndfile walks over all frames, which takes about as long as reading
    the file.

    Parameters
    ----------
    stream : BufferedReader
        The open file.
    """
    with quiet():
        try:
            with _open_sound(stream) as sound:
                rate_hz, channels, frames = sound.samplerate, sound.channels, sound.frames
        except (soundfile.SoundFileError, OSError, ValueError, TypeError):
            return None
    if rate_hz <= 0 or channels <= 0:
        return None
    return {"duration_s": frames / rate_hz, "rate_hz": float(rate_hz), "channels": float(channels)}


def decode_sound(path: Path, *, limits: Limits = DEFAULT_LIMITS) -> Waveform:
    """Decode a sound file to float samples in [-1, 1], one row a channel, at the file's own rate.

    Parameters
    ----------
    path
        The file; its ending is not looked at.
    limits
        ``limits.seconds`` and ``limits.values`` are compared with the header, and again with what is decoded.

    Returns
    -------
    Waveform
        ``samples`` float32 (channels, time) in [-1, 1]; ``rate_hz`` as in the file.

    Raises
    ------
    DecodeError
        If the file is not a sound, holds no samples, is damaged, ends before 95 % of what its header promises,
        holds NaN or infinity, or exceeds a limit.

    Notes
    -----
    Integers are divided by their full scale. A file that goes beyond full scale (floats, or a lossy codec's
    overshoot) is divided by its peak: the shape of the wave is kept, its absolute level is not.
    """
    name = shown(path)
    with open_regular(path) as (stream, size_bytes):
        head = stream.read(HEAD_BYTES)
        if not sounds_like(head, stream):
            raise DecodeError(f"{name} is not a sound: its first bytes are not those of a known sound format.")
        if head[:4] in _CHUNKED:
            _refuse_short_chunk(stream, size_bytes, name, *_CHUNKED[head[:4]])
        with quiet():
            try:
                with _open_sound(stream) as sound:
                    rate_hz = int(sound.samplerate)
                    if not 0 < rate_hz <= _MAX_RATE_HZ:
                        raise DecodeError(f"{name} claims a rate of {rate_hz} Hz; 1 to {_MAX_RATE_HZ} was expected.")
                    samples = _read_samples(sound, name, limits)
            except (soundfile.SoundFileError, OSError, ValueError, TypeError) as error:
                said = error.error_string if isinstance(error, soundfile.LibsndfileError) else str(error)
                detail = said.strip().rstrip(".")
                raise DecodeError(f"{name} is a damaged sound file: {detail}.") from error
    return Waveform(_within_full_scale(samples, name), rate_hz)


def _open_sound(stream: BufferedReader) -> soundfile.SoundFile:
    """Hand libsndfile its own descriptor of the open file, at its start."""
    descriptor = os.dup(stream.fileno())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return soundfile.SoundFile(descriptor, closefd=True)


def _read_samples(sound: soundfile.SoundFile, name: str, limits: Limits) -> Float32[np.ndarray, "t c"]:
    """Read block by block, so that a header's false claim cannot claim memory."""
    rate_hz, channels, promised = sound.samplerate, sound.channels, sound.frames
    most = int(min(limits.seconds * rate_hz, limits.values // channels))
    too_long = DecodeError(
        f"{name} is longer than {limits.seconds:g} s or {limits.values} samples (limits seconds, values)."
    )
    unknown = promised <= 0 or promised >= 1 << 62
    if not unknown and promised > most:
        raise too_long
    blocks: list[np.ndarray] = []
    n_read = 0
    while True:
        block = sound.read(max(1, _BLOCK_VALUES // channels), dtype="float32", always_2d=True)
        if len(block) == 0:
            break
        blocks.append(block)
        n_read += len(block)
        if n_read > most:
            raise too_long
        if n_read >= promised and not unknown:
            break
    if n_read == 0:
        raise DecodeError(f"{name} holds no sound: its header is followed by no samples.")
    if not unknown and n_read < _TRUNCATED_BELOW_FRACTION * promised:
        raise DecodeError(f"{name} is truncated: it promises {promised} samples a channel and holds {n_read}.")
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def _within_full_scale(samples: Float32[np.ndarray, "t c"], name: str) -> Float32[np.ndarray, "c t"]:
    """Refuse what is not a number, divide by the peak what goes beyond full scale, put channels first."""
    peak = max(float(samples.max()), -float(samples.min()))
    if not np.isfinite(peak):
        raise DecodeError(f"{name} holds samples that are NaN or infinite; finite samples were expected.")
    if peak > 1.0:
        samples = np.clip(samples / np.float32(peak), -1.0, 1.0)
    return np.ascontiguousarray(samples.T)


def _refuse_short_chunk(stream: BufferedReader, size_bytes: int, name: str, size_form: str, wanted: bytes) -> None:
    """Raise DecodeError if the chunk that holds the samples promises clearly more than the file holds.

    libsndfile shortens such a file without a word; a copy that broke off would pass for a shorter sound.
    """
    place = 12
    for _ in range(_CHUNKS_LOOKED_AT):
        stream.seek(place)
        header = stream.read(8)
        if len(header) < 8:
            return
        promised = int(struct.unpack(size_form, header[4:])[0])
        if header[:4] == wanted:
            held = size_bytes - place - 8
            if promised not in _STREAMED and held < _TRUNCATED_BELOW_FRACTION * promised:
                raise DecodeError(f"{name} is truncated: it promises {promised} bytes of sound and holds {held}.")
            return
        place += 8 + promised + (promised & 1)


def _mpeg_frames_follow(data: bytes, place: int) -> bool:
    """Tell whether MPEG audio frames whose version, layer and rate agree follow one another from ``place``."""
    first: tuple[int, int] | None = None
    for _ in range(_MPEG_FRAMES_WANTED):
        frame = _mpeg_frame(data[place : place + 4])
        if frame is None or (first is not None and frame[0] != first):
            return False
        first = frame[0]
        place += frame[1]
    return True


def _mpeg_frame(header: bytes) -> tuple[tuple[int, int], int] | None:
    """Parse a frame header: what must not change between frames, and the frame's length in bytes."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    kbits_index, rate_index, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or kbits_index in (0, 15) or rate_index == 3 or header[3] & 3 == 2:
        return None
    is_mpeg1 = version == 3
    rate_hz = _MPEG1_RATES_HZ[rate_index] // (1 if is_mpeg1 else 2 if version == 2 else 4)
    bits_a_second = _KBITS[is_mpeg1, layer][kbits_index] * 1000
    if layer == 1:
        length = (12 * bits_a_second // rate_hz + padding) * 4
    else:
        length = (144 if is_mpeg1 or layer == 2 else 72) * bits_a_second // rate_hz + padding
    return (header[1], rate_index), length
