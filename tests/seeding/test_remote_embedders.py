"""Embedding by a service: in batches, in order, patiently, and never with a word too many."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import numpy as np
import pytest

from dashboard.seeding import remote_embedders
from dashboard.seeding.embedders import EMBEDDERS, embedded_by, embedder_named, embedder_of, embedders
from dashboard.settings import settings
from db.errors import DashboardError, RequestError
from db.notes import write_note
from tests.seeding.embedding_service import DIMS, Answer, Service, serving, vector_of

KEY = "sk-very-secret"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """A service that is configured, and a client that does not wait long."""
    monkeypatch.setattr(remote_embedders, "FIRST_PAUSE_S", 0.001)
    with serving() as served:
        monkeypatch.setenv("VECTORSCOPE_EMBEDDING_URL", f"{served.url}/")
        monkeypatch.setenv("VECTORSCOPE_EMBEDDING_MODEL", "tiny")
        monkeypatch.setenv("VECTORSCOPE_EMBEDDING_KEY", KEY)
        monkeypatch.setenv("VECTORSCOPE_EMBEDDING_BATCH", "3")
        settings.cache_clear()
        yield served
    settings.cache_clear()


def embed(*texts: str) -> list[list[float] | None]:
    return [None if v is None else v.tolist() for v in embedder_named("openai:tiny").embed(texts)]


def test_vectors_come_in_the_order_of_the_texts_and_in_batches(service: Service) -> None:
    texts = ["one", "three", "fourteen", "x", "yes", "zebra", "omega"]
    assert embed(*texts) == [vector_of(text) for text in texts]
    assert service.batches == [1, 3, 3, 1]  # the first asks for the dimensions
    assert service.asked[1] == {"model": "tiny", "input": texts[:3], "path": "/v1/embeddings"}
    assert all(sent["Authorization"] == f"Bearer {KEY}" for sent in service.sent)


def test_dimensions_are_asked_for_once(service: Service) -> None:
    embedder = embedder_named("openai:tiny")
    assert service.asked == []
    assert (embedder.dims, embedder.dims, embedder_named("openai:tiny").dims) == (DIMS, DIMS, DIMS)
    assert service.batches == [1]


def test_a_text_without_words_is_not_sent_and_has_no_vector(service: Service) -> None:
    assert embed("", "word", " ?! ") == [None, vector_of("word"), None]
    assert service.asked[-1]["input"] == ["word"]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_service_in_trouble_is_asked_again(service: Service, status: int) -> None:
    service.script = [Answer(status, "busy")] * 3
    assert embed("word") == [vector_of("word")]
    assert service.batches == [1, 1, 1, 1, 1]


def test_a_service_that_asks_for_patience_gets_it(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    service.script = [Answer(429, "", {"Retry-After": "7"}), Answer(503, "", {"Retry-After": soon})]
    embed("word")
    assert slept[0] == 7
    assert 20 < slept[1] <= 30


def test_a_service_that_asks_for_an_hour_is_given_up(service: Service) -> None:
    service.script = [Answer(429, "", {"Retry-After": "3600"})]
    with pytest.raises(DashboardError, match="answered 429"):
        embed("word")
    assert len(service.asked) == 1


def test_a_service_that_never_recovers_is_given_up(service: Service) -> None:
    service.script = [Answer(500, "broken")] * 9
    with pytest.raises(DashboardError, match="answered 500: Internal Server Error"):
        embed("word")
    assert len(service.asked) == remote_embedders.ATTEMPTS


def test_a_refusal_is_told_in_the_services_words_and_not_repeated(service: Service) -> None:
    told = {"error": {"message": f"Incorrect API key provided: {KEY}.\nSee the manual."}}
    service.script = [Answer(401, json.dumps(told))]
    with pytest.raises(DashboardError) as refused:
        embed("word")
    assert "answered 401: Incorrect API key provided: ***. See the manual." in refused.value.message
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("status", "setting"),
    [
        (401, "VECTORSCOPE_EMBEDDING_KEY"),
        (403, "VECTORSCOPE_EMBEDDING_KEY"),
        (404, "VECTORSCOPE_EMBEDDING_MODEL"),
    ],
)
def test_a_refusal_for_good_names_the_setting_to_correct(service: Service, status: int, setting: str) -> None:
    service.script = [Answer(status)]
    with pytest.raises(DashboardError) as refused:
        embed("word")
    assert setting in refused.value.remedy
    assert "later" not in refused.value.remedy


def test_a_silent_service_is_waited_for_only_so_long(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_embedders, "TIMEOUT_S", 0.1)
    service.script = [Answer(after_s=0.5)]
    began = time.monotonic()
    assert embed("word") == [vector_of("word")]
    assert time.monotonic() - began < 5
    service.script = [Answer(after_s=0.3)] * 9
    with pytest.raises(DashboardError, match=r"did not answer \(ReadTimeout\)"):
        embed("word")


def test_no_service_at_all_is_told(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VECTORSCOPE_EMBEDDING_URL", "http://user:secret@127.0.0.1:1/v1")
    settings.cache_clear()
    with pytest.raises(DashboardError, match=r"127.0.0.1:1 did not answer \(ConnectError\)"):
        embed("word")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(body="<html>"), id="not JSON"),
        pytest.param(Answer(body="[]"), id="another document"),
        pytest.param(Answer(body='{"data": []}'), id="no vectors"),
        pytest.param(Answer(body='{"data": [{"index": 1, "embedding": [1]}]}'), id="another's vector"),
        pytest.param(Answer(body='{"data": [{"index": 0, "embedding": ["a"]}]}'), id="words"),
        pytest.param(Answer(body='{"data": [{"index": 0, "embedding": [null, 1]}]}'), id="a gap"),
        pytest.param(Answer(body='{"data": [{"index": 0, "embedding": 5}]}'), id="one number"),
        pytest.param(Answer(body='{"data": [{"index": 0, "embedding": []}]}'), id="nothing"),
        pytest.param(Answer(body='{"data": [{"index": 0, "embedding": [1e999]}]}'), id="infinity"),
    ],
)
def test_an_answer_that_holds_no_vectors_is_refused(service: Service, answer: Answer) -> None:
    service.script = [answer]
    with pytest.raises(DashboardError, match="for each of 1 texts"):
        embed("word")


def test_a_service_that_changes_its_mind_about_the_length_is_refused(service: Service) -> None:
    service.script = [Answer(), Answer(dims=3)]
    with pytest.raises(DashboardError, match="vectors of 3 dimensions, and of 4 before"):
        embed("word")


@pytest.mark.parametrize(
    "script",
    [
        [Answer(500, KEY)] * 9,
        [Answer(401, json.dumps({"error": KEY}))],
        [Answer(body=KEY)],
        [Answer(after_s=0.3)] * 9,
    ],
    ids=["broken", "refused", "not JSON", "silent"],
)
def test_nothing_that_is_raised_shows_the_key_or_a_password(
    service: Service, script: list[Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_embedders, "TIMEOUT_S", 0.1)
    service.script = list(script)
    with pytest.raises(DashboardError) as refused:
        embed("word")
    told = (
        f"{refused.value!r} {refused.value.message} {refused.value.remedy} {embedder_named('openai:tiny')!r}"
    )
    assert KEY not in told
    assert "secret" not in told


def test_the_settings_do_not_show_the_key(service: Service) -> None:
    assert KEY not in repr(settings())


def test_a_column_remembers_its_model_and_is_searched_by_it(service: Service) -> None:
    note = write_note(embedded_by(embedder_named("openai:tiny"), ["title"]))
    found = embedder_of(note)
    assert service.asked == []  # a page may look as often as it likes
    assert found
    assert np.array(found.embed(["word"])[0]).tolist() == vector_of("word")


def test_the_configured_model_is_offered(service: Service) -> None:
    assert [e.key for e in embedders()] == [*(e.key for e in EMBEDDERS), "openai:tiny"]
    assert "the texts leave this machine" in embedders()[-1].about


def test_a_column_whose_service_is_not_configured_says_so_when_it_is_searched(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = write_note({"embedder": "openai:tiny"})
    monkeypatch.delenv("VECTORSCOPE_EMBEDDING_URL")
    settings.cache_clear()
    assert embedders() == EMBEDDERS
    found = embedder_of(note)
    assert found
    with pytest.raises(RequestError, match=r"made by openai:tiny.* none is configured"):
        found.embed(["word"])


@pytest.mark.parametrize("url", ["ftp://h/v1", "localhost:11434/v1", "http://[::1", "nonsense"])
def test_an_address_that_cannot_be_used_is_refused_by_its_setting(
    service: Service, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VECTORSCOPE_EMBEDDING_URL", url)
    settings.cache_clear()
    with pytest.raises(RequestError, match="VECTORSCOPE_EMBEDDING_URL is not an http"):
        embedder_named("openai:tiny")
