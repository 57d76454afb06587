"""Freed memory goes back to the system."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import pathlib, sys
from photism.recognizers.machine import give_memory_back

def held():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

blocks = [bytes([i % 255 + 1]) * 60_000 for i in range(3000)]  # 180 MB
kept = blocks[::50]  # what lies between keeps the top from being given back by itself
del blocks
before = held()
give_memory_back()
print(before - held())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc keeps what was freed")
def test_freed_memory_is_given_back() -> None:
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(told.stdout) > 100_000  # kB
