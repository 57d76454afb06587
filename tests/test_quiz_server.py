"""The quiz's server: what it shows, what it never sends, and what it refuses; the same quiz in a terminal."""

from __future__ import annotations

import base64
import http.client
import io
import json
import re
import shutil
import socket
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image as PillowImage

from photism.data.sniff import sniff
from photism.errors import DataError, InputError, OptionError
from photism.executor import SerialExecutor
from photism.people.quiz import Item, Quiz, Scale
from photism.people.trial_log import TrialLog, trial_columns
from photism.people.trials import read_trials
from photism.pictures.table import fit_recipe
from photism.report.quiz_page import ExhibitJob, Sheet, build_quiz_page, make_exhibit, name_keys
from photism.report.quiz_text import make_text_exhibit
from photism.types import Kind, Recipe, Sample
from photism.verbs import quiz_terminal
from photism.verbs.quiz import quiz
from photism.verbs.quiz_server import ExhibitDesk, QuizServer
from photism.verbs.quiz_terminal import read_answer

LABELS = ("<b>red</b>", "=green", "blue")
SECRET = "EXIF-and-file-name-that-nobody-may-see"


def write_image(path: Path, colour: tuple[int, int, int]) -> Path:
    exif = PillowImage.Exif()
    exif[0x010E] = SECRET
    pixels = np.full((30, 40, 3), colour, np.uint8)
    PillowImage.fromarray(pixels).save(path, format="JPEG", exif=exif)
    return path


def recipe_of(path: Path, kind: Kind) -> Recipe:
    return fit_recipe(kind, [sniff(path).facts], size_px=64)


@dataclass(frozen=True)
class Asked:
    """A server that runs, and a way to ask it."""

    server: QuizServer
    out: Path

    def ask(
        self, path: str, body: object = None, *, method: str | None = None, token: str | None = None, **headers: str
    ) -> tuple[int, Any, http.client.HTTPMessage]:
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if raw is not None else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=20)
        token = self.server.token if token is None else token
        connection.request(method or ("GET" if raw is None else "POST"), f"/{token}/{path}", raw, sent)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.headers.get_content_type() == "application/json":
            return answer.status, json.loads(content), answer.headers
        return answer.status, content, answer.headers

    def answer(self, reader: str, key: str, answer: object = 0, **fields: object) -> tuple[int, Any]:
        body = {"reader": reader, "key": key, "answer": answer, "rating": None, "seconds": 1.25} | fields
        return self.ask("answer", body)[:2]


@contextmanager
def serving(folder: Path, items: list[Item], recipe: Recipe, scale: Scale | None = None) -> Iterator[Asked]:
    out = folder / "trials.csv"
    with TrialLog(out, trial_columns(rating=scale is not None, condition=False)) as log:
        state = Quiz(items, LABELS, log, scale=scale)
        sheet = Sheet(recipe.kind, LABELS, len(items), scale, "<i>dark room</i>")
        desk = ExhibitDesk(recipe, SerialExecutor())
        with QuizServer(state, sheet, desk, command=lambda: "photism compare RUN x", note="note") as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            try:
                yield Asked(server, out)
            finally:
                server.shutdown()
                thread.join()


@pytest.fixture
def images(tmp_path: Path) -> list[Item]:
    folder = tmp_path / f"data {SECRET}"
    folder.mkdir()
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200)]
    paths = [write_image(folder / f"{SECRET}-{k}.jpg", colours[k % 3]) for k in range(6)]
    return [Item(Sample(path, path.name, LABELS[k % 3]), LABELS[0]) for k, path in enumerate(paths)]


@pytest.fixture
def asked(tmp_path: Path, images: list[Item]) -> Iterator[Asked]:
    with serving(tmp_path, images, recipe_of(images[0].sample.path, "image")) as running:
        yield running


def test_a_whole_quiz_and_nothing_is_given_away(asked: Asked, images: list[Item]) -> None:
    status, page, headers = asked.ask("")
    sent = [page]
    assert status == 200
    nonce = re.findall(r"nonce-([\w-]+)", headers["Content-Security-Policy"])
    assert f'<script nonce="{nonce[0]}">'.encode() in page
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert (headers["Cache-Control"], headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == (
        "no-store",
        "nosniff",
        "no-referrer",
    )
    assert b"&lt;b&gt;red&lt;/b&gt;" in page
    assert b"<b>red</b>" not in page
    assert b"<i>dark" not in page
    assert not re.search(rb"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", page)

    _, state, _ = asked.ask("start", {"name": "Ann"})
    reader, right = state["reader"], 0
    known = asked.server.reader(reader)
    while not state["finished"]:
        assert "tally" not in state
        status, item, _ = asked.ask(f"item/{reader}/{state['key']}")
        uri = re.search(r'src="data:image/png;base64,([^"]+)"', item["html"])
        assert status == 200
        assert uri is not None
        png = base64.b64decode(uri[1])
        assert PillowImage.open(io.BytesIO(png)).size == (40, 30)
        assert item["sound"] is False
        sent += [json.dumps(state).encode(), item["html"].encode(), png]
        truth = LABELS.index(known.keys[state["key"]].truth)
        guess = 2
        right += guess == truth
        _, state = asked.answer(reader, state["key"], guess)
    assert right == 2
    assert dict(state["tally"])["you"].startswith("2 of 6 right")
    assert dict(state["tally"])["the recognizer, on the same items"].startswith("2 of 6 right")
    assert state["command"].startswith("photism compare ")
    everything = b"".join(sent)
    assert SECRET.encode() not in everything
    assert b"truth" not in everything.replace(b"truths", b"")
    trials = read_trials(asked.out).trials
    assert len(trials) == 6
    assert {trial.response_time_s for trial in trials} == {1.25}
    assert {trial.sample for trial in trials} == {item.sample.name for item in images}


def test_wrong_requests_get_a_4xx_and_a_sentence(asked: Asked) -> None:
    port = asked.server.server_port
    start = {"name": "Ann"}
    wrong = {
        "token": (404, asked.ask("", token="wrong")),
        "no token": (404, asked.ask("", token="")),
        "host": (403, asked.ask("", Host="evil.example")),
        "host, rebound": (403, asked.ask("start", start, Host=f"evil.example:{port}")),
        "another port": (403, asked.ask("", Host="127.0.0.1:1")),
        "origin": (403, asked.ask("start", start, Origin="https://evil.example")),
        "origin null": (403, asked.ask("start", start, Origin="null")),
        "form": (415, asked.ask("start", start, Content_Type="text/plain")),
        "too large": (413, asked.ask("start", {"name": "x" * 5000})),
        "no JSON": (400, asked.ask("start", b"{")),
        "deep JSON": (400, asked.ask("start", b"[" * 4000)),
        "a list": (400, asked.ask("start", [1])),
        "no name": (400, asked.ask("start", {"name": 3})),
        "an empty name": (400, asked.ask("start", {"name": "  "})),
        "elsewhere": (404, asked.ask("../../etc/passwd")),
        "elsewhere by POST": (404, asked.ask("nothing", start)),
        "method": (405, asked.ask("", method="DELETE")),
        "no reader": (404, asked.ask("now/" + "0" * 24)),
    }
    for name, (status, found) in wrong.items():
        assert found[0] == status, name
        assert re.fullmatch(r"[A-Z].*\.", found[1]["error"]), name
        assert "evil" not in found[1]["error"], name
        assert found[2]["Content-Security-Policy"].startswith("default-src 'none'"), name
    assert asked.ask("", Host=f"localhost:{port}")[0] == 200
    assert asked.ask("start", start, Origin=f"http://127.0.0.1:{port}")[0] == 200
    assert asked.out.read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("request_line", "status"),
    [(b"GET /\xff\xfe/ HTTP/1.1", 404), (b"GET /" + b"x" * 70000 + b" HTTP/1.1", 414), (b"\x00\x01 nothing", 400)],
)
def test_a_malformed_request_is_answered_like_every_other(asked: Asked, request_line: bytes, status: int) -> None:
    host = f"Host: 127.0.0.1:{asked.server.server_port}".encode()
    with socket.create_connection(("127.0.0.1", asked.server.server_port), timeout=20) as connection:
        connection.sendall(request_line + b"\r\n" + host + b"\r\n\r\n")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        said = answer.read()
    assert answer.status == status
    assert re.fullmatch(r"[A-Z].*\.", json.loads(said)["error"])
    assert b"\xff" not in said
    assert b"xxx" not in said


def test_a_body_without_a_length_is_refused(asked: Asked) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", asked.server.server_port, timeout=20)
    connection.putrequest("POST", f"/{asked.server.token}/start")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    assert connection.getresponse().status == 411
    connection.close()


def test_wrong_answers_get_a_4xx_and_are_not_kept(asked: Asked) -> None:
    _, state, _ = asked.ask("start", {"name": "Ann"})
    reader, key = state["reader"], state["key"]
    for answer in (3, -1, "0", None, True, 0.0, [0]):
        assert asked.answer(reader, key, answer)[0] == 400, answer
    for fields in ({"seconds": -1}, {"seconds": None}, {"seconds": True}, {"seconds": 1e9}, {"rating": 3}):
        assert asked.answer(reader, key, 0, **fields)[0] == 400, fields
    assert (
        asked.ask("answer", b'{"reader":"%s","key":"%s","answer":0,"seconds":NaN}' % (reader.encode(), key.encode()))[0]
        == 400
    )
    assert asked.answer("x", key)[0] == 404
    assert asked.answer(reader, "0" * 20)[0] == 404
    assert asked.answer(reader, state["next"])[0] == 409
    assert asked.out.read_text().count("\n") == 1
    assert asked.answer(reader, key)[0] == 200
    status, said = asked.answer(reader, key, 1)
    assert (status, said["error"]) == (409, "This item is answered already; a confirmed answer stays.")
    assert asked.ask(f"item/{reader}/{key}")[0] == 409  # and is not shown again
    assert asked.out.read_text().count("\n") == 2


def test_only_the_present_item_and_the_next_are_shown(asked: Asked) -> None:
    _, state, _ = asked.ask("start", {"name": "Ann"})
    reader = state["reader"]
    keys = asked.server.reader(reader).pending()
    assert [asked.ask(f"item/{reader}/{key}")[0] for key in keys[:3]] == [200, 200, 409]
    assert asked.ask(f"item/{reader}/{'0' * 20}")[0] == 404
    assert asked.ask(f"sound/{reader}/{keys[0]}")[0] == 404
    _, other, _ = asked.ask("start", {"name": "Bo"})
    assert asked.ask(f"item/{other['reader']}/{keys[0]}")[0] == 404  # keys are a reader's own


def test_two_people_answer_at_once(asked: Asked) -> None:
    def play(name: str) -> None:
        state = asked.ask("start", {"name": name})[1]
        reader = state["reader"]
        while not state["finished"]:
            asked.ask(f"item/{reader}/{state['key']}")
            state = asked.answer(reader, state["key"])[1]

    threads = [threading.Thread(target=play, args=(name,)) for name in ("Ann", "Bo", "Cy")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read_trials(asked.out)
    assert len(found.trials) == 18
    assert set(found.observers) == {"Ann", "Bo", "Cy"}
    assert found.repeated == 0


def test_an_item_that_cannot_be_read_is_left_out(tmp_path: Path, images: list[Item]) -> None:
    images[2].sample.path.write_bytes(b"\xff\xd8\xff no image at all")
    with serving(tmp_path, images, recipe_of(images[0].sample.path, "image")) as asked:
        state = asked.ask("start", {"name": "Ann"})[1]
        reader, left_out = state["reader"], 0
        while not state["finished"]:
            status, said, _ = asked.ask(f"item/{reader}/{state['key']}")
            if status == 410:
                assert SECRET not in said["error"]
                left_out += 1
                state = asked.ask(f"now/{reader}")[1]
            else:
                state = asked.answer(reader, state["key"])[1]
    assert (left_out, state["total"]) == (1, 5)
    assert len(read_trials(asked.out).trials) == 5


def test_an_answer_that_cannot_be_written_is_told_and_can_be_given_again(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = asked.ask("start", {"name": "Ann"})[1]
    log = asked.server.quiz._log
    with monkeypatch.context() as patch:
        patch.setattr(log, "append", lambda cells: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        status, said = asked.answer(state["reader"], state["key"])
    assert (status, "No space left" in said["error"]) == (500, True)
    assert asked.answer(state["reader"], state["key"])[0] == 200


def test_a_rating_goes_with_the_answer(tmp_path: Path, images: list[Item]) -> None:
    scale = Scale(1, 5, "blue")
    with serving(tmp_path, images, recipe_of(images[0].sample.path, "image"), scale) as asked:
        page = asked.ask("")[1].decode()
        assert "How sure are you that it is blue?" in page
        assert 'data-keys="a"' in page  # digits are the rating's
        state = asked.ask("start", {"name": "Ann"})[1]
        for rating in (None, 0, 6, "3", 3.0, True):
            assert asked.answer(state["reader"], state["key"], rating=rating)[0] == 400, rating
        assert asked.answer(state["reader"], state["key"], rating=4)[0] == 200
    assert read_trials(asked.out).trials[0].rating == 4


def test_a_port_that_is_taken_gets_a_sentence(asked: Asked) -> None:
    with pytest.raises(InputError, match="cannot be used"):
        QuizServer(
            asked.server.quiz,
            asked.server.sheet,
            asked.server.desk,
            command=lambda: None,
            note="",
            port=asked.server.server_port,
        )


# ── exhibits ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_sound_is_sent_decoded(tmp_path: Path) -> None:
    path = tmp_path / "tone.flac"
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)
    soundfile.write(path, np.stack([tone, -tone], axis=1), 8000)
    with serving(tmp_path, [Item(Sample(path, "tone.flac", "blue"))], recipe_of(path, "sound")) as asked:
        state = asked.ask("start", {"name": "Ann"})[1]
        assert asked.ask(f"item/{state['reader']}/{state['key']}")[1]["sound"] is True
        status, content, headers = asked.ask(f"sound/{state['reader']}/{state['key']}")
    assert (status, headers["Content-Type"]) == (200, "audio/wav")
    with wave.open(io.BytesIO(content)) as sent:
        assert (sent.getnchannels(), sent.getframerate(), sent.getnframes()) == (2, 8000, 8000)
        samples = np.frombuffer(sent.readframes(8000), "<i2").reshape(-1, 2) / 32767
    assert np.abs(samples[:, 0] - tone).max() < 1e-4
    assert np.abs(samples[:, 1] + tone).max() < 1e-4


def test_bytes_are_escaped_and_drawn(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"<script>alert(1)</script>&" + bytes(range(256)) * 20)
    found = make_exhibit(ExhibitJob(path, recipe_of(path, "binary")))
    assert "<script" not in found.html
    assert "&lt;script&gt;" in found.html
    assert "the first 4096 of them" in found.html
    assert "data:image/webp;base64," in found.html
    assert 'style="' not in found.html  # the page's policy allows none


def test_a_track_is_drawn_with_its_moments(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("x,y,t\n" + "\n".join(f"{10 * k},{5 * k},{20 * k * k}" for k in range(50)))
    found = make_exhibit(ExhibitJob(path, recipe_of(path, "mouse")))
    moments = np.array(json.loads(re.search(r'data-moments="([^"]+)"', found.html)[1])).reshape(-1, 2)
    assert '<path class="track"' in found.html
    assert moments[-1].tolist() == [pytest.approx(48.02), 1.0]
    assert np.allclose(moments[:, 1], np.arange(50) / 49, atol=1e-4)
    assert np.allclose(moments[:, 0], 0.02 * np.arange(50) ** 2, atol=1e-4)


def test_a_large_image_is_reduced_and_a_broken_one_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    PillowImage.new("RGB", (3000, 1000), (9, 9, 9)).save(path)
    found = make_exhibit(ExhibitJob(path, recipe_of(path, "image")))
    assert 'width="1600" height="533"' in found.html
    assert "3000 by 1000" in found.html
    recipe = recipe_of(path, "image")
    path.write_bytes(b"nothing")
    assert isinstance(make_exhibit(ExhibitJob(path, recipe)), str)


def test_keys_never_begin_one_another() -> None:
    for n in (2, 10, 36, 37, 1296, 1297):
        keys = name_keys(n)
        assert len(set(keys)) == n
        assert len({len(key) for key in keys}) == 1
    assert not any(key.isdigit() for key in name_keys(2, letters_only=True))


def test_the_page_of_many_labels_has_a_way_to_find_one() -> None:
    page = build_quiz_page(Sheet("binary", tuple(f"isa-{k}" for k in range(72)), 5, None, None), nonce="n")
    assert 'id="filter"' in page
    assert 'data-keys="11"' in page


# ── in a terminal ────────────────────────────────────────────────────────────────────────────────────


def test_typed_answers_are_keys_or_labels_with_a_rating() -> None:
    plain = Sheet("image", ("cat", "2"), 3, None, None)
    assert [read_answer(text, plain) for text in ("1\n", " CAT ", "2", "3", "", "1 4")] == [
        ("cat", None), ("cat", None), ("2", None), None, None, None,
    ]  # fmt: skip
    rated = Sheet("image", ("cat", "big dog"), 3, Scale(1, 5, "big dog"), None)
    assert [read_answer(text, rated) for text in ("a 3", "Big Dog 5\n", "a", "a 6", "3", "a ²", "")] == [
        ("cat", 3), ("big dog", 5), None, None, None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["image", "binary", "mouse"])
def test_a_terminal_shows_what_it_can(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / "x"
    if kind == "image":
        PillowImage.new("RGB", (30, 20), (250, 0, 0)).save(path, format="PNG")
    elif kind == "binary":
        path.write_bytes(b"\x1b[31mred" + bytes(500))
    else:
        path.write_text("x,y,t\n" + "\n".join(f"{k},{k % 7},{20 * k}" for k in range(60)))
    shown = make_text_exhibit((ExhibitJob(path, recipe_of(path, kind)), 60, 20))
    lines = shown.html.splitlines()
    assert 1 < len(lines) <= 22
    expected = {"image": "38;2;250;0;0", "binary": "1b 5b 33 31 6d 72 65 64  ·[31mred", "mouse": "60 points"}
    assert expected[kind] in shown.html
    assert max(len(re.sub(r"\x1b\[[\d;]*m", "", line)) for line in lines) <= 60


def test_a_sound_needs_a_player(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiz_terminal.shutil, "which", lambda name: f"/usr/bin/{name}" if name == "aplay" else None)
    assert quiz_terminal.find_player() == ("aplay", "-q")
    monkeypatch.setattr(quiz_terminal.shutil, "which", lambda name: None)
    with pytest.raises(OptionError, match="use the browser"):
        quiz_terminal.find_player()


def test_the_verb_asks_what_was_held_out_and_continues(trained: Path, digits: Path, tmp_path: Path) -> None:
    out, said = tmp_path / "trials.csv", []

    def play(typed: str) -> tuple[Any, str]:
        screen = io.StringIO()
        terminal = (io.StringIO(typed), screen)
        return quiz(trained, digits, out=out, n=8, terminal=terminal, announce=said.append), screen.getvalue()

    first, screen = play("\nAnn\nwhat?\n1\n2\n3\n")
    assert not first.finished
    assert first.n_items == 8
    assert first.n_taught == 8  # the digits have no test part, and validation was fitted to in the end
    assert "no measure of it" in said[-1]
    assert "a name of 1 to 80" in screen
    assert "none of the answers" in screen
    second, screen = play("ann\n" + "1\n" * 9)
    assert "[4 of 8]" in screen
    assert second.finished
    tally = second.tallies[0]
    assert (tally.observer, tally.reader.n, tally.recognizer.n) == ("Ann", 8, 8)
    assert second.to_text().splitlines()[0].startswith("Ann: ")
    assert json.loads(json.dumps(second.to_json(), allow_nan=False))["finished"] is True
    parts = {line.split(",")[0]: line.rsplit(",", 2)[1] for line in (trained / "split.csv").read_text().splitlines()}
    trials = read_trials(out).trials
    assert second.compare is None  # compare would refuse what the recognizer was fitted to
    assert {parts[trial.sample] for trial in trials} == {"valid"}
    assert len({trial.truth for trial in trials}) == 8  # one of each class before a second of any


def test_files_that_the_run_never_saw_are_called_as_compare_finds_them(
    trained: Path, digits: Path, tmp_path: Path
) -> None:
    for label in ("digit_3", "digit_8"):
        shutil.copytree(digits / label, tmp_path / "new" / label)
    shutil.copy(digits / "digit_3" / "0001.png", tmp_path / "=1+1.png")
    for file in tmp_path.rglob("*.png"):  # other files, not copies of what was taught
        pixels = np.asarray(PillowImage.open(file)).copy()
        pixels.flat[0] ^= 1
        PillowImage.fromarray(pixels).save(file)
    out = tmp_path / "study" / "trials.csv"
    out.parent.mkdir()
    typed = io.StringIO("Ann\n" + "1\n" * 6)
    played = quiz(trained, tmp_path / "new", out=out, n=6, terminal=(typed, io.StringIO()), announce=lambda said: None)
    assert (played.n_taught, played.finished) == (0, True)
    assert played.compare == f"photism compare {trained} {out} --margin 0.05 --readers fixed"
    assert played.tallies[0].reader.n_right == 0
    assert all((out.parent / trial.sample).is_file() for trial in read_trials(out).trials)
    (tmp_path / "table.csv").write_text("path,label\n=1+1.png,digit_3\n")
    typed = io.StringIO("Ann\n1\n")
    quiz(
        trained,
        tmp_path / "table.csv",
        out=tmp_path / "t.csv",
        terminal=(typed, io.StringIO()),
        announce=lambda s: None,
    )
    assert read_trials(tmp_path / "t.csv").trials[0].sample == "./=1+1.png"


def test_wrong_options_get_a_sentence(trained: Path, digits: Path, tmp_path: Path) -> None:
    def refused(match: str, data: Path = digits, error: type[InputError] = OptionError, **options: Any) -> None:
        out = tmp_path / "t.csv"
        with pytest.raises(error, match=match):
            quiz(trained, data, out=out, announce=lambda said: None, **options)
        assert not out.exists()

    refused("--n expects", n=0)
    refused("--part expects", part="all")
    refused("two classes", rating="1..5")
    refused("--positive goes with --rating", positive="digit_1")
    refused("part test", error=DataError, part="test")
    other = tmp_path / "data" / "cat"
    other.mkdir(parents=True)
    PillowImage.new("RGB", (9, 9)).save(other / "1.png")
    refused("no file of a class", data=other.parent, error=DataError)
