"""The atlas from a run's folder to its page, on a small network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.layers.planted import noise, small_network
from tests.recognizers.backbone_samples import random_backbone
from tests.small_training import Small

from photism.data.records import write_split_csv
from photism.errors import DataError, InputError, RunError
from photism.layers.atlas import Atlas
from photism.layers.dream import dream_channels
from photism.layers.exemplars import Patch
from photism.layers.filters import first_filters
from photism.layers.places import place_of, with_place
from photism.layers.projection import manner_of, project
from photism.layers.specimens import choose_samples, read_taught
from photism.layers.staged import stage_network
from photism.recognizers.frozen_pass import Panel
from photism.recognizers.recognizer import Recognizer, save_recognizer
from photism.report.atlas_page import build_atlas_page, tell_atlas
from photism.types import Axis, Sample
from photism.verbs.layers import draw_layers


@pytest.fixture(scope="module")
def run(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run's folder with what the atlas reads of it; one file has a hostile name."""
    folder = tmp_path_factory.mktemp("atlas") / "RUN"
    folder.mkdir()
    recognizer = Recognizer(
        random_backbone(), small.material.labels, small.recipe, (Panel("photograph", 64, 64, False, False),),
        small.fitted.head, None, "torch-fp32",
    )  # fmt: skip
    save_recognizer(folder / "recognizer", recognizer)
    write_split_csv(folder / "split.csv", small.material.samples, small.material.hashes)
    (folder / "plan.json").write_text(json.dumps({"data": str(small.folder), "weights": None}))
    return folder


@pytest.fixture(scope="module")
def atlas(run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Atlas, Path]:
    out = tmp_path_factory.mktemp("out") / "DIR"
    return draw_layers(run, out, command="photism layers <RUN>"), out


def test_a_run_becomes_a_page_and_figures(atlas: tuple[Atlas, Path]) -> None:
    found, out = atlas
    page = (out / "atlas.html").read_text(encoding="utf-8")
    figures = json.loads((out / "atlas.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in figures["stages"]] == list(random_backbone().stage_names)
    assert figures["looked_at"]["n_twins"] >= 5
    assert page.count("<section") == len(found.stages) + 3
    assert "http" not in page.replace("http-equiv", "")
    assert "&lt;RUN&gt;" in page
    assert found.manner == "deconvolution with switches"
    for one in found.stages:
        assert len(one.channels) >= 3
        assert all(len(channel.patches) == 6 and len(channel.projections) == 3 for channel in one.channels)
        assert all(patch.pixels.shape == (one.side_px, one.side_px, 3) for c in one.channels for patch in c.patches)
        assert one.stage.receptive_field_px is None or one.effective_px <= one.stage.receptive_field_px


def test_only_what_differs_from_random_weights_is_claimed(atlas: tuple[Atlas, Path]) -> None:
    """This network *is* random: nothing may be claimed of its tuning, and the page says so."""
    found, _ = atlas
    claims = [claim for one in found.stages for claim in one.claims]
    held = [claim for claim in claims if claim.holds]
    assert len(claims) > 100
    assert len(held) < 0.1 * len(claims)
    told = tell_atlas(found)
    assert "Nothing that was measured tells it apart" in told


def test_test_files_are_left_alone(run: Path, small: Small, atlas: tuple[Atlas, Path]) -> None:
    test = {one.name for one in small.material.samples if one.part == "test"}
    assert test
    assert not test & {one.name for one in read_taught(run / "split.csv", small.folder)}
    shown = {p.name for one in atlas[0].stages for c in one.channels for p in c.patches}
    assert shown
    assert not test & shown


def test_pictures_can_be_left_out(atlas: tuple[Atlas, Path]) -> None:
    page = build_atlas_page(atlas[0], title="t", pictures=False)
    with_pictures = build_atlas_page(atlas[0], title="t")
    # The first layer's filters are the network's own, not the user's.
    assert page.count("data:image") == len(atlas[0].filters) < with_pictures.count("data:image")  # type: ignore[arg-type]
    assert atlas[0].chosen.name not in page


def test_names_from_files_are_escaped(atlas: tuple[Atlas, Path]) -> None:
    from dataclasses import replace

    found = atlas[0]
    hostile = '<script>alert("x")</script>'
    stage = found.stages[0]
    patch = replace(stage.channels[0].patches[0], name=hostile, label=hostile)
    channel = replace(stage.channels[0], label=hostile, auroc=0.99, patches=(patch,))
    chosen = replace(found.chosen, name=hostile)
    bad = replace(found, chosen=chosen, stages=(replace(stage, channels=(channel,)), *found.stages[1:]))
    page = build_atlas_page(bad, title=hostile, command=hostile)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_wrong_input_gets_a_sentence(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="--data says where"):
        draw_layers(run, tmp_path / "a", data=tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="0 of"):
        draw_layers(run, tmp_path / "b", data=tmp_path / "empty")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="new or empty folder"):
        draw_layers(run, tmp_path / "full")
    (tmp_path / "torn.csv").write_text("a,b\n1,2\n")
    with pytest.raises(RunError, match="own list of its files"):
        read_taught(tmp_path / "torn.csv", tmp_path)


def test_files_are_chosen_so_that_classes_and_groups_alternate() -> None:
    samples = [Sample(Path(f"{c}{i}"), f"{c}{i}", c, group=f"{c}{i // 5}") for c in "abc" for i in range(20)]
    chosen = choose_samples(samples, 12, seed=0)
    assert [one.label for one in chosen] == list("abc") * 4
    assert len({one.group for one in chosen}) == 12  # four groups a class, one file of each
    assert chosen == choose_samples(samples[::-1], 12, seed=0)
    assert len(choose_samples(samples, 1000, seed=0)) == 60


def test_places_are_told_in_the_datas_units() -> None:
    sides = (Axis("time", "s", 0.0, 5.0, anywhere=True), Axis("frequency", "Hz", 8000.0, 0.0))
    patches = [Patch(0, "f", "a", (0, 0, 1, 1), (row, 3), 1.0, np.zeros((1, 1, 3), np.uint8)) for row in (8, 9, 9, 10)]
    said = place_of(patches, sides, (16, 16))
    assert said == "2.6–3.9 kHz"
    assert with_place("rising chirps, about 80 ms", said) == "rising chirps, 2.6–3.9 kHz, about 80 ms"
    far = [Patch(0, "f", "a", (0, 0, 1, 1), (row, 3), 1.0, np.zeros((1, 1, 3), np.uint8)) for row in (0, 15)]
    assert place_of(far, sides, (16, 16)) == ""


def test_a_dream_makes_its_channel_fire() -> None:
    network = small_network()
    (one,) = dream_channels(network, [("s2", 3)], size_px=(32, 32), steps=24, seed=0)
    assert one.end > one.start
    best = float(network.answers(noise(30))["s2"].mean[:, 3].max())
    assert float(network.answers(one.pixels[None])["s2"].mean[0, 3]) > best
    (again,) = dream_channels(network, [("s2", 3)], size_px=(32, 32), steps=24, seed=0)
    np.testing.assert_array_equal(one.pixels, again.pixels)


def test_alexnets_five_layers_go_by_the_names_of_the_field() -> None:
    network = stage_network(random_backbone("alexnet"))
    assert network.names == ("conv1", "conv2", "conv3", "conv4", "conv5")
    assert manner_of(network) == "deconvolution with switches"
    filters = first_filters(network)
    assert filters is not None
    assert filters.shape == (64, 11, 11, 3)
    answers = network.answers(noise(2, 96))
    assert [answers[name].top.shape[1] for name in network.names] == [64, 192, 384, 256, 256]
    place = Patch(0, "f", "a", (0, 0, 96, 96), (1, 1), 1.0, noise(1, 96)[0])
    assert np.abs(project(network, "conv5", [(3, place)], noise(1, 96))).max() > 0
