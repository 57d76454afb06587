"""The atlas told in words that a stranger understands: what a stage sees, what it answers to, what it does not mind.

Sentences come from claims whose interval excludes zero; what was not told apart from random weights is said as such or
left to the table. It measures nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from photism.layers.atlas import Atlas
from photism.layers.claims import Claim
from photism.layers.measures import MEASURES
from photism.layers.stage_atlas import SURE_OF_CLASS, ChannelAtlas, StageAtlas
from photism.report import words
from photism.types import Axis

__all__ = ["channel_title", "claim_lines", "headline", "sight", "stage_sentences"]

WHOLE, WIDE = 0.75, 0.25
ALIKE = 0.7
"""A layer is only said not to mind a change where its answers stay at least so alike; random weights are a low bar."""

# What a claim says in passing, more or less than random weights would.
_PLAIN: Mapping[str, str] = {
    "orientation": "wants lines of one direction",
    "frequency": "wants lines of one fineness",
    "colour": "cares for colour",
    "corner": "answers to corners",
    "cross": "answers to crosses",
    "curve": "answers to curves",
    "pattern": "prefers stripes that repeat to single edges",
    "pitch": "wants one pitch",
    "sweep": "tells rising from falling sounds",
    "chirp": "prefers moving pitch to steady tones",
    "click": "prefers clicks to tones",
    "harmonic": "prefers sounds with overtones to single tones",
    "noise": "prefers noise to tones",
    "bytes": "wants one sort of bytes",
    "zero": "prefers runs of zeros to random bytes",
    "text": "prefers text to random bytes",
    "code": "prefers opcode-like bytes to text",
    "stroke": "wants one sort of stroke",
    "curved": "prefers curved strokes to straight ones",
    "pause": "prefers strokes with a pause",
    "gentle": "prefers gentle starts to a steady pace",
    "shift": "does not mind where a thing is",
    "scale": "does not mind how large a thing is",
    "rotation": "does not mind when a thing is turned",
    "flip": "does not mind when a thing is mirrored",
    "shift_time": "does not mind when a sound comes",
    "shift_frequency": "does not mind how high a sound is",
    "stretch": "does not mind how fast a sound goes",
    "reversal": "does not mind the direction of time",
    "swap": "does not mind the order of two bytes",
    "tiles": "does not mind when the picture is cut up and shuffled",
    "phases": "needs only textures",
    "another": "finds things of one class alike",
    "class": "has channels that know classes",
    "probe": "knows the classes",
    "field": "looks wider",
}


def headline(atlas: Atlas) -> str:
    """Say in one sentence how knowledge of the classes grows from the first layer to the last.

    Parameters
    ----------
    atlas : Atlas
    """
    reads = [(one, claim) for one in atlas.stages if (claim := one.claim("probe")) is not None]
    beside = f" {atlas.partner}, which answers together with it, is not drawn here." if atlas.partner else ""
    if not reads:
        return f"{len(atlas.stages)} layers of {atlas.backbone}.{beside}"
    first, best = reads[0], max(reads, key=lambda pair: pair[1].value)
    return (
        f"Read by a plain linear probe, the first layer tells the {len(atlas.labels)} classes with "
        f"{words.percent(first[1].value, digits=0)} and {best[0].stage.name} with "
        f"{words.percent(best[1].value, digits=0)} (random weights there: {words.percent(best[1].twins, digits=0)}; "
        f"{words.count(atlas.looked.n_for_twins)} files, out of fold; the report's probes had more).{beside}"
    )


def sight(atlas: Atlas, one: StageAtlas) -> str:
    """Say how much of a picture one place of a stage sees, in the data's units where its sides have such.

    Parameters
    ----------
    atlas : Atlas
    one : StageAtlas
    """
    height, width = atlas.chosen.pixels.shape[:2]
    if one.effective_px >= WHOLE * min(height, width):
        return "sees the whole picture"
    units = _extent(atlas.sides[0], one.effective_px / width, along=True)
    said = f"sees spots about {one.effective_px:.0f} px wide"
    share = words.percent(one.effective_px / width, digits=0)
    return f"{said} ({units})" if units else f"{said} ({share} of the picture's side)"


def _extent(axis: Axis, share: float, *, along: bool) -> str:
    if axis.unit == "s" and axis.scale == "linear" and along:
        seconds = abs(axis.stop - axis.start) * share
        return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
    return ""


def stage_sentences(atlas: Atlas, one: StageAtlas) -> list[str]:
    """Tell a stage in a few sentences: what it sees, what its channels answer to, what is claimed of it.

    Parameters
    ----------
    atlas : Atlas
    one : StageAtlas
    """
    wide = one.effective_px >= WIDE * min(atlas.chosen.pixels.shape[:2])
    said = [f"It {sight(atlas, one)}. {_channels(one, wide=wide)}"]
    held = [claim for claim in one.claims if claim.holds and claim.key not in ("field", "class")]
    held = [claim for claim in held if MEASURES[claim.key].unit != "likeness" or _plainly(claim)]
    more = _plain([claim for claim in held if claim.more])
    less = _plain([claim for claim in held if not claim.more])
    if more:
        said.append(f"More than random weights would, it {_joined(more)}.")
    if less:
        said.append(f"Less than random weights would, it {_joined(less)}.")
    if not held:
        said.append("Nothing that was measured tells it apart from the same layer with random weights.")
    probe = one.claim("probe")
    if probe is not None and probe.holds:
        said.append(
            f"A linear reader of its answers tells the classes with {words.percent(probe.value, digits=0)} "
            f"({words.percent(max(0.0, probe.low), digits=0)} to {words.percent(min(1.0, probe.high), digits=0)}; "
            f"random weights {words.percent(probe.twins, digits=0)})."
        )
    return said


def _channels(one: StageAtlas, *, wide: bool) -> str:
    """What the channels answer to: classes where many know one, else the stimuli."""
    n = sum(count for _, count in one.classes)
    total = words.count(one.stage.channels)
    if wide and n >= max(3, 0.03 * one.stage.channels):
        some = _joined([f"{words.count(count)} {label}" for label, count in one.classes[:3]])
        return f"{words.count(n)} of its {total} channels tell one class from the rest: {some}."
    named = [(name, count) for name, count in one.tally if not name.endswith("of these")][:3]
    if not named:
        return f"None of its {total} channels prefers one sort of made-up stimuli."
    counts = _joined([f"{words.count(count)} to {name}" for name, count in named])
    verb = "answer" if not named or named[0][1] > 1 else "answers"
    return f"Of its {total} channels, asked with made-up stimuli, {counts.replace(' to ', f' {verb} most to ', 1)}."


def _plainly(claim: Claim) -> bool:
    """Whether a likeness may be told without its figure: high where it is higher than random, low where lower."""
    return claim.key == "another" or (claim.value >= ALIKE) == claim.more


def _plain(claims: Sequence[Claim]) -> list[str]:
    strongest = sorted(claims, key=lambda claim: -abs(claim.difference))
    return [_PLAIN[claim.key] for claim in strongest[:5]]


def _joined(parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts) or "none"
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def channel_title(one: ChannelAtlas) -> tuple[str, str]:
    """Return a channel's title and what is said below it.

    Parameters
    ----------
    one : ChannelAtlas
    """
    told = f"tells {one.label} from the rest, AUROC {one.auroc:.2f}"
    if one.label is not None and one.auroc >= SURE_OF_CLASS:
        return f"fires on {one.label}", f"AUROC {one.auroc:.2f}; of the stimuli, most to {one.caption}"
    return one.caption, told


def claim_lines(one: StageAtlas) -> tuple[str, ...]:
    """Return the sentences of what is claimed of a stage; what does not exclude zero is not printed.

    Parameters
    ----------
    one : StageAtlas
    """
    return tuple(claim.to_text() for claim in one.claims if claim.holds)
