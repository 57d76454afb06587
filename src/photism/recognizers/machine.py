"""What this machine's processor is called, what it can do, and what of it and of memory this process uses."""

from __future__ import annotations

import ctypes
import hashlib
import platform
import sys
from functools import cache
from pathlib import Path

__all__ = ["give_memory_back", "processor_has", "processor_name"]


def processor_name() -> str:
    """Name the processor for keys of the cache: two of one marketing name may differ in what they can do."""
    model, abilities = _listed()
    digest = hashlib.sha256(" ".join(sorted(abilities)).encode()).hexdigest()[:8]
    return f"{platform.machine()} {model} {digest}"


def processor_has(*abilities: str) -> bool:
    """Say whether the processor lists one of these instruction set extensions, as Linux spells them."""
    return not _listed()[1].isdisjoint(abilities)


def give_memory_back() -> None:
    """Return what was freed to the system, where the C library keeps it (glibc does: some hundred MB after training).

    References
    ----------
    malloc_trim(3)
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:  # musl has none
            trim(0)


@cache
def _listed() -> tuple[str, frozenset[str]]:
    """Read the processor's model and its extensions (none where the system does not tell)."""
    model, abilities = platform.processor() or platform.machine(), ""
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                model = value.strip()
            elif key.strip() in ("flags", "Features"):
                abilities = value
    return model, frozenset(abilities.split())
