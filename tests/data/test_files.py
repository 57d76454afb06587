"""Opening: only regular files, never waiting, and quietly."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from photism.data.files import Limits, open_regular, quiet, shown
from photism.errors import DecodeError, OptionError


def refusal(path: Path) -> str:
    """Open what cannot be opened and return the sentence."""
    with pytest.raises(DecodeError) as raised, open_regular(path):
        pass
    return str(raised.value)


def test_a_regular_file_is_opened_and_closed(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    with open_regular(tmp_path / "f") as (stream, size_bytes):
        descriptor = stream.fileno()
        assert (stream.read(), size_bytes) == (b"abc", 3)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_special_files_get_a_sentence_and_do_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is a named pipe" in refusal(tmp_path / "pipe")
    assert "is a folder" in refusal(tmp_path)
    assert "is a device" in refusal(Path("/dev/null"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        assert "cannot be opened" in refusal(tmp_path / "s")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "cannot be opened" in refusal(tmp_path / "loop")
    (tmp_path / "empty").touch()
    assert "is empty" in refusal(tmp_path / "empty")
    assert "cannot be opened: No such file" in refusal(tmp_path / "absent")
    assert "cannot be opened" in refusal(Path("nul\0byte"))


def test_a_file_of_holes_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "f").open("wb") as stream:
        stream.truncate(1 << 30)
    if (tmp_path / "f").stat().st_blocks * 512 < 1 << 26:  # this file system has holes
        assert "is sparse" in refusal(tmp_path / "f")


def test_names_can_always_be_printed() -> None:
    name = shown(Path(os.fsdecode(b"caf\xe9 \x1b[31m\n.png")))
    assert name == "caf\\xe9 \\x1b[31m\\n.png"
    name.encode("utf-8")
    assert shown(Path("Grüße.png")) == "Grüße.png"


def test_what_c_libraries_print_is_swallowed_and_the_rest_is_not(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet(), quiet():
        os.write(2, b"complaint")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_quiet_blocks_of_many_threads_overlap(capfd: pytest.CaptureFixture[str]) -> None:
    def complain() -> None:
        for _ in range(200):
            with quiet():
                os.write(2, b"complaint")

    threads = [threading.Thread(target=complain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_quiet_ends_with_an_exception(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), quiet():
        raise KeyError
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_limits_are_positive() -> None:
    with pytest.raises(OptionError, match="pixels must be a positive number, but it is 0"):
        Limits(pixels=0)
    with pytest.raises(OptionError, match="seconds"):
        Limits(seconds=float("nan"))
