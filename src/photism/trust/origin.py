"""Files that come from one source: one recording, session or person, as file names and what is written in files say.

Covers names that carry an identifier and a take (``rec12_a``, ``1-100032-B``, ``patient7_scan2``), images of one camera
taken seconds apart (EXIF), and sounds with the same title, artist and album (tags). Does not cover sources that only
the content betrays; names are patterns, so what is found is a suspicion to be looked at, and plain counters
(``train_0001``) are no source.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path, PurePosixPath

import PIL.Image
import soundfile

from photism.data.decode_image import image_format
from photism.data.decode_sound import sounds_like
from photism.data.files import HEAD_BYTES, open_regular, quiet
from photism.data.listing import printable
from photism.errors import DecodeError, WorkerError
from photism.executor import Executor
from photism.types import JSON, Progress, Sample, silent

__all__ = ["Origin", "Tags", "read_tags", "same_origin", "source_in_name"]

MOST_FRACTION = 0.2
"""A source that more than this share of all files would have is the name of a class, a device or the set."""
BURST_S = 10.0
"""Pictures of one camera with no longer pause between them are one session."""

_WORDS = (
    "session|sess|subject|subj|patient|participant|speaker|spkr?|user|actor|recording|record|rec|video|scene|case|"
    "source|src"
)
_NAMED = re.compile(rf"(?:^|[^a-z])({_WORDS})[-_ .]?([a-z]?\d+)(?![a-z0-9]*\d)", re.IGNORECASE)
_LONG_ID = re.compile(r"(?:^|[^0-9a-z])([1-9]\d{4,}|[0-9a-f]*\d[0-9a-f]*[a-f][0-9a-f]{6,})$", re.IGNORECASE)
_TAKE_WORDS = "copy|aug|flip|flipped|crop|rot|orig|left|right|part|take|frame|seg|segment|chunk|tile|slice|view"
_TAKE = re.compile(
    rf"^(?P<id>.*\d)(?:[-_ .]+(?P<mark>[a-z]|\d{{1,3}}|(?:{_TAKE_WORDS})[-_ ]?\d*)|\s*\(\d{{1,3}}\))$", re.IGNORECASE
)
_TARGET = re.compile(r"^(?P<rest>.*[-_][A-Za-z])[-_]\d{1,3}$")  # ESC-50: fold-recording-take-class
_COUNTED = re.compile(r"^(?P<id>(?:.*[-_ .])?[a-z]+\d{2,})[-_ ]+\d+$", re.IGNORECASE)
_EXIF_IFD, _MAKE, _MODEL, _TAKEN, _SERIAL = 0x8769, 0x010F, 0x0110, 0x9003, 0xA431
_HEADERS_RAISE = (
    ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, SyntaxError, TypeError, ValueError,
    struct.error, zlib.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Origin:
    """Files that seem to come from one source.

    Parameters
    ----------
    members : tuple of int
        Indices into the samples, rising; two at least.
    source : str
        What they share: an identifier, a camera and a time, a title.
    how : str
        Where that was found: "file names", "EXIF camera and time" or "title, artist and album".
    """

    members: tuple[int, ...]
    source: str
    how: str

    def to_json(self) -> dict[str, JSON]:
        """Return the source as JSON values."""
        return {"members": list(self.members), "source": self.source, "how": self.how}

    def to_text(self) -> str:
        """Return it as a sentence.

        >>> Origin((0, 3), "rec12", "file names").to_text()
        '2 files seem to come from one source, rec12 (file names).'
        """
        return f"{len(self.members)} files seem to come from one source, {self.source} ({self.how})."


@dataclass(frozen=True, slots=True)
class Tags:
    """What a file says about where it comes from; empty and None where it says nothing.

    ``taken_s`` counts seconds on the camera's own clock.
    """

    camera: str = ""
    taken_s: float | None = None
    track: str = ""


def same_origin(samples: Sequence[Sample], executor: Executor, *, progress: Progress = silent) -> tuple[Origin, ...]:
    """Find the files that seem to come from one source.

    Parameters
    ----------
    samples : sequence of Sample
        With their names; those that cannot be read are judged by their names alone.
    executor : Executor
        Where headers are read.
    progress : callable
        Told ("origins", done, total).

    Returns
    -------
    tuple of Origin
        Sorted by the first member; a file may be in several.
    """
    tags: list[Tags] = []
    for answer in executor.map(read_tags, [sample.path for sample in samples]):
        tags.append(Tags() if isinstance(answer, WorkerError) else answer)
        progress("origins", len(tags), len(samples))
    found = [*_by_name(samples), *_by_camera(tags), *_by_track(samples, tags)]
    return tuple(sorted(found, key=lambda origin: (origin.members, origin.how)))


def source_in_name(name: str) -> tuple[str, bool] | None:
    """Read an identifier of a source from a file's name.

    Parameters
    ----------
    name : str
        As the user wrote it; folders and ending are not looked at.

    Returns
    -------
    source : str
        The identifier, in lower case.
    anywhere : bool
        True where it means the same under every label (a long number, a word such as ``patient``); False for a short
        one, which may be counted anew in every class.

    Examples
    --------
    >>> source_in_name("dog/1-100032-A.ogg"), source_in_name("x/rec12_b.wav"), source_in_name("train_0001.png")
    (('100032', True), ('rec12', True), None)
    """
    stem = PurePosixPath(name.replace("\\", "/")).stem
    if named := _NAMED.search(stem):
        return (named[1] + named[2]).lower(), True
    if target := _TARGET.match(stem):
        stem = target["rest"]
    take = _TAKE.match(stem)
    if take is not None:
        if long := _LONG_ID.search(take["id"]):
            return long[1].lower(), True
        if take["mark"] is None or not take["mark"].isdigit():
            return take["id"].lower(), False
    if counted := _COUNTED.match(stem):
        return counted["id"].lower(), False
    return None


def read_tags(path: Path) -> Tags:
    """Read a file's header for its origin (run in a worker).

    Parameters
    ----------
    path : Path
        Any file; one that is neither image nor sound, or cannot be read, says nothing.
    """
    try:
        with open_regular(path) as (stream, _), quiet():
            head = stream.read(HEAD_BYTES)
            form = image_format(head)
            if form is not None:
                return _image_tags(stream, form)
            return _sound_tags(stream) if sounds_like(head, stream) else Tags()
    except (DecodeError, soundfile.SoundFileError, PIL.Image.DecompressionBombError, *_HEADERS_RAISE):
        return Tags()


def _image_tags(stream: BufferedReader, form: str) -> Tags:
    stream.seek(0)
    with PIL.Image.open(stream, formats=(form,)) as image:
        if form == "PNG" and "exif" not in image.info:
            return Tags()  # asking it would decode it whole
        exif = image.getexif()
    inner = exif.get_ifd(_EXIF_IFD)
    maker = [str(value).strip("\0 ") for value in (exif.get(_MAKE), exif.get(_MODEL), inner.get(_SERIAL)) if value]
    taken = str(inner.get(_TAKEN) or "").strip("\0 ")
    if not maker or not taken:
        return Tags()
    moment = datetime.strptime(taken, "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC)
    return Tags(camera=" ".join(maker), taken_s=moment.timestamp())


def _sound_tags(stream: BufferedReader) -> Tags:
    stream.seek(0)
    with soundfile.SoundFile(stream) as sound:
        said = sound.copy_metadata()
    if not said.get("title"):
        return Tags()
    return Tags(track=" · ".join(str(said[key]) for key in ("title", "artist", "album") if said.get(key)))


def _by_name(samples: Sequence[Sample]) -> list[Origin]:
    sources: dict[tuple[str, str | None], list[int]] = {}
    for i, sample in enumerate(samples):
        source = source_in_name(sample.name)
        if source is not None:
            sources.setdefault((source[0], None if source[1] else sample.label), []).append(i)
    kept = [(source, members) for (source, _), members in _told_apart(sources, samples).items()]
    return _origins(kept, len(samples), "file names")


def _told_apart(
    sources: Mapping[tuple[str, str | None], list[int]], samples: Sequence[Sample]
) -> Mapping[tuple[str, str | None], list[int]]:
    """Leave out identifiers that are but another name of the class: one to a label and one label to each."""
    labels = {key: {samples[i].label for i in members} for key, members in sources.items()}
    each_one = all(len(said) == 1 for said in labels.values())
    n_labels = len({label for said in labels.values() for label in said})
    return {} if each_one and len(sources) == n_labels and n_labels > 1 else sources


def _by_camera(tags: Sequence[Tags]) -> list[Origin]:
    """Runs of pictures of one camera without a longer pause than ``BURST_S``."""
    taken: dict[str, list[tuple[float, int]]] = {}
    for i, each in enumerate(tags):
        if each.taken_s is not None:
            taken.setdefault(each.camera, []).append((each.taken_s, i))
    found: list[tuple[str, list[int]]] = []
    for camera, moments in taken.items():
        before = None
        for moment, i in sorted(moments):
            if before is None or moment - before > BURST_S:
                stamp = datetime.fromtimestamp(moment, UTC).isoformat(" ", "seconds").removesuffix("+00:00")
                found.append((f"{camera}, {stamp}", []))
            found[-1][1].append(i)
            before = moment
    return _origins(found, len(tags), "EXIF camera and time")


def _by_track(samples: Sequence[Sample], tags: Sequence[Tags]) -> list[Origin]:
    tracks: dict[str, list[int]] = {}
    for i, each in enumerate(tags):
        if each.track and each.track != samples[i].label:
            tracks.setdefault(each.track, []).append(i)
    return _origins(tracks.items(), len(tags), "title, artist and album")


def _origins(found: Iterable[tuple[str, Sequence[int]]], n_samples: int, how: str) -> list[Origin]:
    """Keep what two files share at least, and not a large share of all."""
    most = max(2.0, MOST_FRACTION * n_samples)
    return [
        Origin(tuple(sorted(members)), printable(source), how) for source, members in found if 2 <= len(members) <= most
    ]
