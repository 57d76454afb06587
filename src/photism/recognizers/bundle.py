"""A recognizer on disk: ``recognizer.json``, ``head.safetensors``, ``backbone.safetensors``; nothing that can execute.

Where two networks answer together the second one's three files lie in the folder ``partner``.

Everything that answering needs is inside, so that ``predict`` never asks a hub. Hashes of the tensor files and of the
JSON itself are checked on load; a folder is written whole or not at all. Does not cover what the values mean
(``recognizer``).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from photism.errors import RunError, WeightsError
from photism.recognizers.backbones import Backbone, backbone_from_json
from photism.recognizers.sealed import read_sealed, write_sealed
from photism.store import cache_root
from photism.types import JSON

__all__ = ["FORMAT", "Bundle", "load_bundle", "save_bundle"]

# Raise it when an older photism could not read, or would misread, what is written now.
# What has no partner is still written as the first format, which every photism reads.
FORMAT, FORMAT_ALONE = 2, 1
PARTNER = "partner"
JSON_NAME = "recognizer.json"
HEAD_NAME = "head.safetensors"
BACKBONE_NAME = "backbone.safetensors"


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a folder holds: small JSON values, what was taught, the frozen network, and a second bundle if there is one.

    Numbers in ``meta`` must be finite.
    """

    meta: Mapping[str, JSON]
    tensors: Mapping[str, NDArray[Any]]
    backbone: Backbone
    partner: Bundle | None = None


def save_bundle(folder: Path, bundle: Bundle) -> None:
    """Write a recognizer to ``folder`` in one step, taking the place of one that is there.

    Parameters
    ----------
    folder : Path
    bundle : Bundle

    Raises
    ------
    ValueError
        Where its ``meta`` is not JSON.
    OSError
        Where the folder cannot be written.
    """
    files = _files_of(bundle)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        for name, content in files.items():
            (fresh / name).parent.mkdir(exist_ok=True)
            with (fresh / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        fresh.chmod(0o755)  # mkdtemp makes folders that only their owner may read
        if folder.exists():
            old = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
            folder.rename(old / folder.name)
            fresh.rename(folder)
            shutil.rmtree(old)
        else:
            fresh.rename(folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _files_of(bundle: Bundle) -> dict[str, bytes]:
    """Everything that is written, by its name in the folder."""
    files = {
        HEAD_NAME: save({key: np.ascontiguousarray(value) for key, value in bundle.tensors.items()}),
        BACKBONE_NAME: _backbone_content(bundle.backbone),
    }
    if bundle.partner is not None:
        files |= {f"{PARTNER}/{name}": content for name, content in _files_of(bundle.partner).items()}
    body: dict[str, JSON] = {
        "format": FORMAT_ALONE if bundle.partner is None else FORMAT,
        "meta": dict(bundle.meta),
        "backbone": bundle.backbone.to_json(),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    body["self_sha256"] = _self_hash(body)
    files[JSON_NAME] = json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False).encode()
    return files


def _backbone_content(backbone: Backbone) -> bytes:
    """The network's weights as safetensors; kept in the cache, because asking the network itself imports torch."""
    path = cache_root() / "backbones" / f"{backbone.weights_sha256}.safetensors"
    content = read_sealed(path)
    if content is None:
        content = save(backbone.state())
        write_sealed(path, content)
    return content


def load_bundle(folder: Path) -> Bundle:
    """Read a recognizer and check that it is what was written.

    Raises
    ------
    RunError
        Where the folder or a file of it is missing or damaged, or was written by a newer photism.
    """
    if not folder.is_dir():
        raise RunError(
            f"{folder}: expected the folder of a recognizer, found {'a file' if folder.exists() else 'nothing'}"
        )
    body = _read_json(folder / JSON_NAME)
    head = _read_tensors(folder / HEAD_NAME, body)
    state = _read_tensors(folder / BACKBONE_NAME, body)
    try:
        backbone = backbone_from_json(body["backbone"], state)
    except WeightsError as error:
        raise RunError(f"{folder}: the recognizer's backbone is damaged: {error}") from error
    partner = _partner_of(folder, body) if body["format"] == FORMAT else None
    return Bundle(cast("Mapping[str, JSON]", body["meta"]), head, backbone, partner)


def _partner_of(folder: Path, body: Mapping[str, Any]) -> Bundle:
    """Read the second network, and check that it is the one that the first was written with."""
    partner = load_bundle(folder / PARTNER)
    path = folder / PARTNER / JSON_NAME
    if hashlib.sha256(path.read_bytes()).hexdigest() != body["sha256"].get(f"{PARTNER}/{JSON_NAME}"):
        raise RunError(f"{path}: damaged, it is not the partner that this recognizer was written with")
    return partner


def _read_json(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_bytes())
    except OSError as error:
        raise RunError(f"{path}: expected a recognizer's description, found none that can be read") from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path}: damaged, this is not JSON") from error
    version = body.get("format") if isinstance(body, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise RunError(f"{path}: written by a newer photism (format {version}); this one reads up to format {FORMAT}")
    if version not in (FORMAT_ALONE, FORMAT) or body.get("self_sha256") != _self_hash(body):
        raise RunError(f"{path}: damaged, its content is not what photism wrote")
    return cast("dict[str, Any]", body)


def _self_hash(body: Mapping[str, JSON]) -> str:
    """Hash the description without its own hash."""
    rest = {key: value for key, value in body.items() if key != "self_sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _read_tensors(path: Path, body: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunError(f"{path}: expected a recognizer's tensors, found none that can be read") from error
    found = hashlib.sha256(content).hexdigest()
    if found != body["sha256"].get(path.name):
        raise RunError(f"{path}: damaged, expected SHA-256 {body['sha256'].get(path.name)}, received {found}")
    try:
        return load(content)
    except SafetensorError as error:
        raise RunError(f"{path}: damaged, this is not safetensors") from error
