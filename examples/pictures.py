"""One picture of each kind, as the recognizer sees it, with labelled axes: makes ``docs/pictures.png``.

The photograph is one that scikit-learn ships; the sound is a made-up bird; the bytes are those of the Python
interpreter; the pointer's path is made up as well.

    python examples/pictures.py docs/pictures.png
"""

from __future__ import annotations

import sys
import sysconfig
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image
from sklearn.datasets import load_sample_image

import photism

RATE_HZ = 44_100


def write_bird(path: Path) -> Path:
    """Write four seconds of rising and falling whistles over a little noise."""
    t = np.arange(4 * RATE_HZ) / RATE_HZ
    sound = np.random.default_rng(0).normal(0, 0.002, t.size)
    for start, low, high in (
        (0.3, 2500, 4500),
        (0.9, 4200, 3000),
        (1.5, 2500, 5200),
        (2.6, 3000, 6000),
        (3.1, 6000, 2600),
    ):
        inside = (t >= start) & (t < start + 0.4)
        u = (t[inside] - start) / 0.4
        phase = 2 * np.pi * 0.4 * (low * u + (high - low) * u**2 / 2)
        sound[inside] += 0.3 * np.sin(np.pi * u) ** 2 * (np.sin(phase) + 0.3 * np.sin(2 * phase))
    soundfile.write(path, sound, RATE_HZ)
    return path


def write_path(path: Path) -> Path:
    """Write a pointer's path to a target: fast at first, slow at the end, with one detour."""
    u = np.linspace(0, 1, 160)
    x = 200 + 1300 * (3 * u**2 - 2 * u**3) + 60 * np.sin(9 * u)
    y = 800 - 500 * u**0.6 + 120 * np.sin(5 * u) * (1 - u)
    t = np.cumsum(8 + 30 * u**3 + 120 * np.exp(-(((u - 0.55) / 0.02) ** 2)))
    rows = [f"{a:.0f},{b:.0f},{c:.0f}" for a, b, c in zip(x, y, t, strict=True)]
    path.write_text("x,y,t\n" + "\n".join(rows) + "\n")
    return path


def main() -> None:
    """Draw the four and put them on one sheet."""
    out = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        Image.fromarray(load_sample_image("flower.jpg")).save(place / "flower.jpg")
        interpreter = Path(sysconfig.get_config_var("BINDIR"), f"python{sysconfig.get_python_version()}")
        files = [place / "flower.jpg", write_bird(place / "bird.wav"), interpreter, write_path(place / "path.csv")]
        sheets = []
        for number, file in enumerate(files):
            photism.render(file, place / f"{number}.png", axes=True)
            sheets.append(Image.open(place / f"{number}.png").convert("RGB"))
        photograph, sound, binary, mouse = sheets
        width, row = binary.width, photograph.height
        whole = Image.new("RGB", (width, row + binary.height + mouse.height), "white")
        whole.paste(photograph, (0, 0))
        whole.paste(sound, (width // 2, 0))
        whole.paste(binary, (0, row))
        whole.paste(mouse, (0, row + binary.height))
        whole.thumbnail((1200, 2000))
        whole.save(out, optimize=True)


if __name__ == "__main__":
    main()
