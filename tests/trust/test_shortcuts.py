"""A planted shortcut is named with its class, nothing is called one by chance, and the numbers are what they say."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score
from statsmodels.stats.proportion import proportion_confint

from photism.data.container import FILE_NAME, FOLDER, TRACES, Nuisances
from photism.trust.nuisance_names import origins
from photism.trust.nuisance_tables import Codes, Question, code
from photism.trust.shortcuts import CARRIES, CARRIES_TRACE, JOINT, Shortcuts, find_shortcuts

LABELS = ("cat", "dog", "emu", "fox")
N = 240
Y = np.arange(N) % 4


def files(
    container: Callable[[int], dict], content: Callable[[int], dict] = lambda _: {}, n: int = N
) -> list[Nuisances]:
    return [Nuisances(container(i), content(i)) for i in range(n)]


def find(found: Sequence[Nuisances | None], y: np.ndarray = Y, groups: Sequence | None = None, **options) -> Shortcuts:
    return find_shortcuts(found, y, range(len(found)) if groups is None else groups, labels=LABELS, **options)


# ── what is planted is named ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("mark", "plain"),
    [("quality 60", "quality 90"), (8.0, 16.0), ("yes", None), (None, "yes")],
    ids=["words", "numbers", "present in one class", "absent in one class"],
)
def test_a_container_that_marks_one_class_raises_an_alarm_with_its_name(mark: object, plain: object) -> None:
    def properties(i: int) -> dict:
        value = mark if Y[i] == 2 else plain
        return {} if value is None else {"form": value}

    shortcuts = find(files(properties))
    [alarm] = shortcuts.alarms
    assert (alarm.property, alarm.sort, alarm.classes, alarm.score, alarm.chance) == (
        "form",
        "container",
        ("emu",),
        1,
        0.5,
    )
    assert 0.5 < alarm.low < alarm.score <= alarm.high <= 1
    assert "100 % of emu and 0 % of the rest" in alarm.evidence
    assert shortcuts.informative == ()
    assert (shortcuts.n_files, shortcuts.n_groups, shortcuts.n_tried) == (N, N, 1)


def test_every_class_that_is_marked_is_named_and_no_other() -> None:
    [alarm] = find(files(lambda i: {"quantisation": ("60", "70", "90", "90")[Y[i]]})).alarms
    assert set(alarm.classes) == {"cat", "dog"}


def test_a_mark_on_part_of_a_class_scores_half_of_that_part_above_chance() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(1200) % 4
    marked = (y == 1) & (rng.random(1200) < 0.6)
    [alarm] = find(files(lambda i: {"EXIF": "yes" if marked[i] else "no"}, n=1200), y).alarms
    assert alarm.classes == ("dog",)
    assert alarm.score == pytest.approx(0.5 + marked.sum() / 300 / 2, abs=1e-12)
    assert alarm.low < 0.8 < alarm.high


def test_a_mark_too_rare_to_carry_a_recognizer_is_no_alarm() -> None:
    y = np.arange(4000) % 4
    found = files(lambda i: {"EXIF": "yes" if y[i] == 1 and i % 8 == 1 and i % 80 < 24 else "no"}, n=4000)
    share = np.mean([each.container["EXIF"] == "yes" for each, c in zip(found, y, strict=True) if c == 1])
    assert 0.1 < share < 2 * (CARRIES - 0.5)
    assert find(found, y).alarms == ()


def test_content_that_tells_a_class_is_listed_with_numbers_and_is_no_alarm() -> None:
    level = np.random.default_rng(0).normal(-30, 3, N) + 12 * (Y == 3)
    shortcuts = find(files(lambda _: {"format": "WAV"}, lambda i: {"level (dB)": float(level[i])}))
    assert shortcuts.alarms == ()
    [told] = shortcuts.informative
    assert (told.property, told.sort, told.classes[0]) == ("level (dB)", "content", "fox")
    assert f"{np.median(level[Y == 3]):.4g}" in told.evidence
    assert f"{np.median(level[Y != 3]):.4g}" in told.evidence


def test_a_trace_in_the_content_needs_more_to_be_an_alarm() -> None:
    name = sorted(TRACES)[0]
    y = np.arange(1200) % 4
    for share, is_alarm in ((0.3, False), (0.8, True)):
        rng = np.random.default_rng(1)
        wall = [16.0 if c == 0 and rng.random() < share else "none" for c in y]
        shortcuts = find(files(lambda i, wall=wall: {name: wall[i]}, n=1200), y)
        [told] = shortcuts.alarms if is_alarm else shortcuts.informative
        assert (told.sort, told.classes) == ("container", ("cat",))
        assert (told.score >= CARRIES_TRACE) == is_alarm
        assert not (shortcuts.informative if is_alarm else shortcuts.alarms)


def test_what_only_two_properties_tell_together_is_found_by_the_tree() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, (2, 800))
    y = np.where(a ^ b, 1, rng.choice([0, 2, 3], 800))
    shortcuts = find(files(lambda i: {"depth": float(8 + 8 * a[i]), "order": "little" if b[i] else "big"}, n=800), y)
    [alarm] = shortcuts.alarms
    assert (alarm.property, alarm.score, alarm.classes[0]) == (JOINT, 1, "dog")
    assert "depth" in alarm.evidence
    assert "order" in alarm.evidence


def test_of_two_classes_the_one_that_is_marked_is_named() -> None:
    for marked in (0, 1):
        y = np.arange(200) % 2
        found = files(
            lambda i, y=y, marked=marked: {"form": "odd" if y[i] == marked and i % 10 < 6 else "plain"}, n=200
        )
        [alarm] = find_shortcuts(found, y, range(200), labels=("bot", "human")).alarms
        assert alarm.classes == (("bot", "human")[marked],)


# ── nothing is called a shortcut without reason ──────────────────────────────────────────────────────


def test_chance_stays_chance() -> None:
    """Properties of every sort, none related to the labels: at most a twentieth of the draws should say otherwise."""
    n_wrong = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        columns = {
            "word": rng.choice(list("abcdefgh"), N), "rare": rng.choice(["x", "y"], N, p=[0.05, 0.95]),
            "number": rng.normal(size=N), "count": rng.poisson(2, N).astype(float),
        }  # fmt: skip
        found = files(lambda i, c=columns: {k: str(c[k][i]) for k in ("word", "rare")},
                      lambda i, c=columns: {k: float(c[k][i]) for k in ("number", "count")})  # fmt: skip
        shortcuts = find(found, rng.permutation(Y))
        n_wrong += bool(shortcuts.alarms or shortcuts.informative)
    assert n_wrong <= 4  # of 40 draws at 5 %; the draws are fixed


def test_what_goes_with_a_group_does_not_tell_a_class() -> None:
    """Twelve speakers of one class each, every one with a microphone of its own."""
    group = np.repeat(np.arange(12), 20)
    found = files(lambda i: {"device": f"microphone {group[i]}"})
    assert find(found, group % 4, group.tolist()).alarms == ()
    assert find(found, group % 4).alarms != ()  # files that count for themselves would tell


def test_groups_widen_the_interval() -> None:
    found = files(lambda i: {"form": "odd" if Y[i] == 2 else "plain"})
    widths = []
    for files_a_group in (1, 2, 5):
        # groups of one class each
        groups = [f"{Y[i]}-{i // 4 // files_a_group}" for i in range(N)]
        [alarm] = find(found, groups=groups).alarms
        widths.append(alarm.high - alarm.low)
    assert widths == sorted(widths)
    assert widths[0] < widths[-1]


def test_many_properties_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    lows = []
    for n_more in (0, 30):
        noise = rng.integers(0, 2, (N, n_more))
        found = files(lambda i, noise=noise: {"form": "odd" if Y[i] == 2 else "plain"}
                      | {f"p{j}": str(v) for j, v in enumerate(noise[i])})  # fmt: skip
        lows.append(next(alarm.low for alarm in find(found).alarms if alarm.property == "form"))
    assert lows[1] < lows[0]


def test_what_cannot_be_told_says_nothing() -> None:
    """A property that is known of one class only is no evidence: NaN is not a value."""
    found = files(lambda i: {"grid": 7.0 if Y[i] == 0 else math.nan, "size": float(i % 3)})
    assert find(found).alarms == ()
    mixed = files(lambda i: {"grid": math.nan if i % 5 == 0 else 7.0 if Y[i] == 0 else 1.0})
    assert [(alarm.classes, alarm.score) for alarm in find(mixed).alarms] == [(("cat",), 1.0)]


def test_files_that_cannot_be_read_or_have_no_class_are_left_out() -> None:
    found: list[Nuisances | None] = list(files(lambda i: {"form": "odd" if Y[i] == 2 else "plain"}))
    y = Y.copy()
    found[0], found[2], y[3] = None, None, -1
    shortcuts = find(found, y)
    assert shortcuts.n_files == N - 3
    assert shortcuts.alarms[0].score == 1


@pytest.mark.parametrize("n", [0, 1, 3])
def test_too_little_to_ask_is_no_error(n: int) -> None:
    assert find(files(lambda i: {"form": str(i)}, n=n), np.arange(n)).alarms == ()
    assert "No property" in find(files(lambda i: {"form": str(i)}, n=n), np.arange(n)).to_text()


# ── names ────────────────────────────────────────────────────────────────────────────────────────────


def named(folder: Callable[[int], str], name: Callable[[int], str]) -> list[Nuisances]:
    return files(lambda i: {FOLDER: folder(i), FILE_NAME: name(i)})


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        (lambda i: f"/data/train/{LABELS[Y[i]]}", lambda i: f"{i:04d}"),
        (lambda i: f"/data/{LABELS[Y[i]].upper()}S", lambda i: f"{i:04d}"),
        (lambda i: "/data", lambda i: f"{LABELS[Y[i]]}.{i}"),
        (lambda i: "/data", lambda i: f"{LABELS[Y[i]]}{i:03d}"),
        (lambda i: f"/data/{LABELS[Y[i]]}/{LABELS[Y[i]]}-patient{Y[i] + 4 * (i // 40)}", lambda i: f"{i // 4}-A"),
        (lambda i: f"/data/{LABELS[Y[i]]}", lambda i: f"{1000 * Y[i] + i}"),
        (lambda i: f"/data/{LABELS[Y[i]]}", lambda i: f"{'ABCD'[i // 4 % (1 + Y[i])]}_{i}"),
    ],
    ids=["class folder", "class folder, in other words", "class in the name", "class joined to a number",
         "patients within classes", "running numbers", "takes counted by letters"],
)  # fmt: skip
def test_the_ways_in_which_people_name_classes_are_no_alarm(folder: Callable, name: Callable) -> None:
    shortcuts = find(named(folder, name))
    assert (shortcuts.alarms, shortcuts.informative) == ((), ())


@pytest.mark.parametrize(
    ("folder", "name", "expected"),
    [
        (lambda i: f"/d/{'new' if Y[i] == 1 else 'old'}/{LABELS[Y[i]]}", lambda i: f"{i}", "folder 1"),
        (lambda i: f"/d/{LABELS[Y[i]]}", lambda i: f"{'IMG' if Y[i] == 1 else 'DSC'}_{i:04d}", "name part 1"),
        (lambda i: f"/d/{LABELS[Y[i]]}", lambda i: f"{i:04d}-cam{9 if Y[i] == 1 else i % 3}", "name part 2"),
        (lambda i: "/d", lambda i: f"{i:016x}" if Y[i] == 1 else f"photo{i}", "form of the name"),
    ],
)
def test_an_origin_that_marks_one_class_of_several_is_an_alarm(folder: Callable, name: Callable, expected: str) -> None:
    alarms = find(named(folder, name)).alarms
    assert expected in {alarm.property for alarm in alarms}
    assert {alarm.classes for alarm in alarms} == {("dog",)}


def test_one_origin_a_class_is_listed_but_is_no_alarm() -> None:
    """It may be what the classes are called in another language, or where each was collected: nobody can tell."""
    sites = ("north", "south", "east", "west")
    shortcuts = find(named(lambda i: f"/d/{sites[Y[i]]}/{LABELS[Y[i]]}", lambda i: f"{i}"))
    assert shortcuts.alarms == ()
    assert [(each.property, each.score) for each in shortcuts.informative] == [("folder 1", 1.0)]


def test_origins_give_levels_and_parts() -> None:
    truth = np.array([0, 1, 0, 1])
    folders = ["/a/b/old", "/a/b/new/more", "/a/b/new", "/a/b/old"]
    kept, one_to_one = origins(folders, ["IMG_1", "DSC_2", "IMG_3", "IMG_4"], truth, ("cat", "dog"))
    assert kept["folder 1"] == ["old", "new", "new", "old"]
    assert kept["folder 2"] == [None, "more", None, None]
    assert kept["name part 1"] == ["IMG", "DSC", "IMG", "IMG"]
    assert kept["form of the name"] == ["a_0"] * 4
    assert one_to_one == frozenset()


# ── the numbers ──────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(1, 3))
def test_scores_agree_with_scikit_learn_and_statsmodels(seed: int, k: int, files_a_group: int) -> None:
    rng = np.random.default_rng(seed)
    n = 60 * files_a_group
    truth = np.repeat(rng.permutation(np.arange(60) % k), files_a_group)
    group = np.repeat(np.arange(60), files_a_group)
    question = Question(truth, group, k, 0)
    claimed = (rng.random((n, k)) < 0.3 + 0.4 * (truth[:, None] == np.arange(k))).astype(float)
    values = question.accuracies(claimed)
    z = 2.5
    alpha = math.erfc(z / math.sqrt(2))
    for c in range(k):
        is_class = truth == c
        score = question.score(claimed, c, z=z)
        assert score.value == pytest.approx(balanced_accuracy_score(is_class, claimed[:, c] > 0.5))
        assert values[c] == pytest.approx(score.value)
        p, q = claimed[is_class, c].mean(), 1 - claimed[~is_class, c].mean()
        # half as many observations as groups, all groups being of one size
        low_p, _ = proportion_confint(p * is_class.sum(), is_class.sum(), alpha, "wilson")
        n_p, n_q = (int(mask.sum()) / files_a_group / 2 for mask in (is_class, ~is_class))
        low_p, high_p = proportion_confint(p * n_p, n_p, alpha, "wilson")
        low_q, high_q = proportion_confint(q * n_q, n_q, alpha, "wilson")
        assert score.low == pytest.approx(max(0, score.value - math.hypot(p - low_p, q - low_q) / 2))
        assert score.high == pytest.approx(min(1, score.value + math.hypot(high_p - p, high_q - q) / 2))


def test_a_file_is_claimed_by_what_the_other_half_says() -> None:
    """Against counting by hand, file by file."""
    rng = np.random.default_rng(0)
    truth, group = rng.integers(0, 3, 90), np.arange(90) // 2
    truth = truth[group * 2]
    of = rng.integers(-1, 4, 90)
    question = Question(truth, group, 3, 0)
    claimed = question.ask(Codes(of, tuple("abcd"), None))
    for i in range(90):
        if of[i] < 0:
            assert np.isnan(claimed[i]).all()
            continue
        taught = (question.fold != question.fold[i]) & (of >= 0)
        share = np.mean(of[taught] == of[i])
        for c in range(3):
            here = ((of == of[i]) & taught & (truth == c)).sum() + 2 * share
            there = ((of == of[i]) & taught & (truth != c)).sum() + 2 * share
            n_here, n_there = (taught & (truth == c)).sum() + 2, (taught & (truth != c)).sum() + 2
            assert claimed[i, c] == (here / n_here > there / n_there)


def test_halves_keep_groups_whole_and_classes_even() -> None:
    rng = np.random.default_rng(0)
    group = np.sort(rng.integers(0, 60, 400))
    group = np.unique(group, return_inverse=True)[1]
    question = Question(group % 4, group, 4, 0)
    assert all(len(set(question.fold[group == g].tolist())) == 1 for g in range(group.max() + 1))
    for c in range(4):
        n = [len(set(group[(question.fold == f) & (group % 4 == c)].tolist())) for f in (0, 1)]
        assert abs(n[0] - n[1]) <= 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.sampled_from("abc"), st.integers(0, 60).map(float), st.just(math.nan)), min_size=1)
)
def test_equal_values_get_equal_codes_and_order_is_kept(values: list) -> None:
    codes = code(values)
    seen: dict = {}
    for value, c in zip(values, codes.of.tolist(), strict=True):
        if isinstance(value, float) and math.isnan(value):
            assert c == -1
        else:
            assert seen.setdefault(value, c) == c
            assert 0 <= c < len(codes.words)
    assert set(codes.of.tolist()) - {-1} == set(range(len(codes.words)))


def test_many_numbers_become_sixteen_bins_in_order_and_a_common_one_stays_alone() -> None:
    numbers = [*np.random.default_rng(0).normal(size=900).tolist(), *[0.0] * 100]
    codes = code(numbers)
    assert len(codes.words) == 17
    assert set(codes.of[900:].tolist()) == {codes.words.index("0")}
    bins = [numbers[i] for i in np.argsort(codes.of[:900], kind="stable")]
    edges = np.flatnonzero(np.diff(np.sort(codes.of[:900])))
    assert all(max(bins[: e + 1]) <= min(bins[e + 1 :]) for e in edges)


def test_the_same_seed_gives_the_same_and_json_holds_it() -> None:
    rng = np.random.default_rng(0)
    found = files(
        lambda i: {"form": "odd" if Y[i] == 2 and i % 3 else "plain"}, lambda _: {"size": float(rng.normal())}
    )
    first, second = find(found, seed=3), find(found, seed=3)
    assert first == second
    told = json.loads(json.dumps(first.to_json()))
    assert told["alarms"][0]["property"] == "form"
    assert told["alarms"][0]["classes"] == ["emu"]
    text = first.to_text()
    assert text.count("\n") == len(first.alarms) + bool(first.informative) + len(first.informative)
    assert f"balanced accuracy {first.alarms[0].score:.2f} (95 % interval" in text


def test_many_classes_are_counted_not_listed() -> None:
    labels = tuple(f"class {c}" for c in range(30))
    y = np.arange(900) % 30
    found = files(lambda i: {}, lambda i: {"size": float(y[i])}, n=900)
    text = find_shortcuts(found, y, range(900), labels=labels).to_text()
    assert "more classes less well" in text
    assert len(text) < 600
