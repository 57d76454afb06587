"""Decode one file to the signal of a kind: the one place where kinds are told apart.

One branch a kind. Telling the kind is ``photism.data.sniff``; turning signals into pictures is ``photism.pictures``.
"""

from __future__ import annotations

from pathlib import Path

from photism.data.decode_bytes import decode_bytes
from photism.data.decode_image import decode_image
from photism.data.decode_sound import decode_sound
from photism.data.decode_track import decode_track
from photism.data.files import DEFAULT_LIMITS, Limits
from photism.types import Kind, Signal

__all__ = ["DEFAULT_LIMITS", "Limits", "decode"]


def decode(path: Path, kind: Kind, *, limits: Limits = DEFAULT_LIMITS, min_side_px: int | None = None) -> Signal:
    """Decode a file as the given kind.

    Parameters
    ----------
    path
        A regular file; its ending is not looked at.
    kind
        What to read it as; every file can be read as ``binary``.
    limits
        Caps beyond which a file is refused.
    min_side_px
        For JPEG images: decode no larger than needed to keep both sides at this many pixels. See ``decode_image``.

    Returns
    -------
    Signal
        ``Image``, ``Waveform``, ``ByteString`` or ``PointerTrack``, as the kind says.

    Raises
    ------
    DecodeError
        One plain sentence that names the file, what was expected and what was found.
    """
    if kind == "image":
        return decode_image(path, limits=limits, min_side_px=min_side_px)
    if kind == "sound":
        return decode_sound(path, limits=limits)
    if kind == "mouse":
        return decode_track(path, limits=limits)
    return decode_bytes(path, limits=limits)
