"""What a file is, told from its content; and what a whole data set is, told from its files.

Covered: the kind of one file with the facts that a renderer fits to, from a few kilobytes; the kind of a data set
with labels. Not covered: decoding (``photism.data.decode``); which files belong to a
data set (``photism.data.sources``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from photism.data.decode_bytes import byte_facts
from photism.data.decode_image import image_facts, image_format
from photism.data.decode_sound import sound_facts, sounds_like
from photism.data.decode_track import looks_like_track, track_facts
from photism.data.files import HEAD_BYTES, open_regular
from photism.errors import DataError
from photism.types import KINDS, Kind, Sniffed

__all__ = ["decide_kind", "sniff"]

_NEARLY_ALL_FRACTION = 0.85
_MOST_FRACTION = 0.5
_IN_EARNEST_FRACTION = 0.1
_TELLING_CLASS_FILES = 3
"""A class of fewer files says nothing about what the labels mean: its files may be strays."""
_KIND_WORDS: Mapping[Kind, str] = {
    "image": "images", "sound": "sounds", "binary": "nothing but bytes", "mouse": "pointer tracks",
}  # fmt: skip


def sniff(path: Path) -> Sniffed:
    """Tell from its content what a file is; everything that is nothing else is bytes.

    The magic number decides which parser looks at the header, and a header that does not hold up leaves the file
    among the bytes. Damage further on is not looked for: that is for decoding.

    Parameters
    ----------
    path
        A regular file; its ending is not looked at.

    Returns
    -------
    Sniffed
        ``facts`` always hold ``size_bytes`` and ``file_bytes`` (they differ for hex dumps, where ``size_bytes``
        estimates the bytes listed); ``width_px``, ``height_px`` (upright) for images; ``duration_s``, ``rate_hz``,
        ``channels`` for sounds; ``n_points``, ``duration_s``, ``x_min_px``, ``x_max_px``, ``y_min_px``, ``y_max_px``,
        ``tick_s`` for tracks. A damaged track has only its size.

    Raises
    ------
    DecodeError
        If the file is missing, unreadable, special or empty.
    """
    with open_regular(path) as (stream, size_bytes):
        head = stream.read(HEAD_BYTES)
        size = byte_facts(head, size_bytes)
        format_name = image_format(head)
        if format_name is not None:
            facts = image_facts(stream, format_name)
            if facts is not None:
                return Sniffed("image", {**size, **facts})
        elif sounds_like(head, stream):
            facts = sound_facts(stream)
            if facts is not None:
                return Sniffed("sound", {**size, **facts})
        elif looks_like_track(head):
            return Sniffed("mouse", {**size, **track_facts(stream, size_bytes)})
        return Sniffed("binary", size)


def decide_kind(sniffed: Sequence[Sniffed], labels: Sequence[str | None]) -> Kind:
    """Decide as what a whole data set is read.

    Parameters
    ----------
    sniffed
        What each usable file is.
    labels
        Each file's label; None where there is none.

    Returns
    -------
    Kind
        The kind that nearly all files (85 %) are, if every class has files of it; ``binary`` if most files are
        nothing but bytes, or if a class has no file of the leading kind while no third kind is there in earnest: the
        labels are then about file types.

    Raises
    ------
    DataError
        If two decodable kinds are there in earnest, if one kind shares the files with bytes without leading
        clearly, or if there are no files. The sentence lists what was found and names ``--kind``.

    Notes
    -----
    A kind is there in earnest if a tenth of all files, or half of a class of three or more, are of it.

    Examples
    --------
    >>> image, raw = Sniffed("image", {}), Sniffed("binary", {})
    >>> decide_kind([image] * 9 + [raw], ["cat", "dog"] * 5)
    'image'
    >>> decide_kind([image] * 9 + [raw] * 3, ["jpg"] * 9 + ["exe"] * 3)
    'binary'
    """
    if len(sniffed) == 0:
        raise DataError("No usable file was found; at least one was expected.")
    counts = Counter(each.kind for each in sniffed)
    if counts["binary"] > _MOST_FRACTION * len(sniffed):
        return "binary"
    leading = max((kind for kind in KINDS if kind != "binary"), key=lambda kind: counts[kind])
    others = _in_earnest(sniffed, labels) - {leading, "binary"}
    about_file_types = leading in _missing_somewhere(sniffed, labels)
    nearly_all = counts[leading] >= _NEARLY_ALL_FRACTION * len(sniffed)
    if nearly_all and not about_file_types:
        return leading
    if about_file_types and not others:
        return "binary"
    found = ", ".join(f"{counts[kind]} {_KIND_WORDS[kind]}" for kind in KINDS if counts[kind])
    choices = "|".join(kind for kind in KINDS if counts[kind] or kind == "binary")
    raise DataError(
        f"The files are of more than one kind ({found}), and one kind was expected; say with --kind {choices} "
        "how to read them (binary reads every file as bytes)."
    )


def _by_label(sniffed: Sequence[Sniffed], labels: Sequence[str | None]) -> dict[str | None, Counter[Kind]]:
    """Count kinds in each class."""
    classes: dict[str | None, Counter[Kind]] = {}
    for each, label in zip(sniffed, labels, strict=True):
        classes.setdefault(label, Counter())[each.kind] += 1
    return classes


def _in_earnest(sniffed: Sequence[Sniffed], labels: Sequence[str | None]) -> set[Kind]:
    """Find the kinds that are more than strays."""
    counts = Counter(each.kind for each in sniffed)
    found = {kind for kind in KINDS if counts[kind] >= _IN_EARNEST_FRACTION * len(sniffed)}
    for per_kind in _by_label(sniffed, labels).values():
        n_files = per_kind.total()
        if n_files >= _TELLING_CLASS_FILES:
            found |= {kind for kind in KINDS if per_kind[kind] * 2 >= n_files}
    return found


def _missing_somewhere(sniffed: Sequence[Sniffed], labels: Sequence[str | None]) -> set[Kind]:
    """Find the kinds that some class, large enough to tell, has no file of."""
    classes = [per_kind for per_kind in _by_label(sniffed, labels).values() if per_kind.total() >= _TELLING_CLASS_FILES]
    return {kind for kind in KINDS if any(per_kind[kind] == 0 for per_kind in classes)}
