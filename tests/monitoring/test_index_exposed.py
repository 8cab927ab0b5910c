"""Documents of the index are read, looked at and dropped: counts are what is left of them."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from checks.engine.model import ProbeError, Reason
from checks.engine.probes.elasticsearch_exposed import PAGE, RECENT, SUSPECTS
from checks.engine.readings.elasticsearch import ElasticsearchExposed
from tests.monitoring.asked import Answer, Kept, Server, kept_of

Documents = Sequence[dict[str, Any]]


def _index(server: Server, recent: Documents, suspects: Documents = ()) -> Kept:
    """Ask an index whose last hour has some documents, and some that have a word for a secret."""

    def answer(path: str) -> Answer:
        if "_search" not in path:
            return 200, b"{}"
        asked = json.loads(parse_qs(urlsplit(path).query)["source"][0])
        found = recent if "range" in asked["query"] else suspects
        page = found[asked["from"] : asked["from"] + asked["size"]]
        return 200, json.dumps({"hits": {"total": {"value": len(found)}, "hits": page}}).encode()

    server.answer = answer
    return kept_of(server, "elasticsearch", "elasticsearch_exposed")


def _read(server: Server, recent: Documents, suspects: Documents = ()) -> ElasticsearchExposed:
    found = _index(server, recent, suspects).outcomes["elasticsearch_exposed"]
    assert isinstance(found, ElasticsearchExposed), found
    return found


def _documents(*texts: object, name: str = "message") -> list[dict[str, Any]]:
    return [{"_id": f"{name}{number}", "_source": {name: text}} for number, text in enumerate(texts)]


def test_what_is_found_is_counted_by_document_and_not_shown(server: Server) -> None:
    texts = ("login de ana@exemplo.invalid", "de ana@exemplo.invalid a bia@exemplo.invalid", "cpf 529.982.247-25", "ok")
    found = _read(server, _documents(*texts))
    assert found.personal == (("CPF", 1), ("e-mail address", 2))
    assert (found.recent, found.recent_read) == (4, 4)
    assert not any(word in repr(dataclasses.asdict(found)) for word in ("ana", "bia", "529", "exemplo"))


@pytest.mark.parametrize(
    ("name", "text"),
    [("endpoint", "/reset?email=ana%40exemplo.invalid"), ("message", ["begun", "sms para +5511977130001"])],
)
def test_an_endpoint_and_each_of_several_texts_are_looked_at(server: Server, name: str, text: object) -> None:
    assert len(_read(server, _documents(text, name=name)).personal) == 1


def test_check_digits_decide_not_the_number_of_digits(server: Server) -> None:
    assert _read(server, _documents("job 52998224724", "job 11111111111")).personal == ()


def test_a_word_makes_a_suspect_and_a_pattern_a_secret(server: Server) -> None:
    suspects = _documents("a senha foi trocada", "password=***", "token=abcdefgh1", "secret=abcd1234")
    found = _read(server, _documents("nothing", name="endpoint"), suspects)
    assert found.secrets == (("maintenance secret", 1), ("token or key", 1))
    assert (found.suspects, found.suspects_read) == (4, 4)


def test_a_document_that_both_searches_find_counts_once(server: Server) -> None:
    both = _documents("login ana@exemplo.invalid token=abcdefgh1")
    found = _read(server, both, both)
    assert (found.secrets, found.personal) == ((("token or key", 1),), (("e-mail address", 1),))


def test_of_older_documents_only_secrets_count(server: Server) -> None:
    found = _read(server, _documents("ok", name="endpoint"), _documents("ana@exemplo.invalid token=abcdefgh1"))
    assert (found.secrets, found.personal) == ((("token or key", 1),), ())


def test_our_own_requests_count_nowhere(server: Server) -> None:
    found = _read(server, _documents("GET /?secret=abcd1234 penhas-checks/ana@exemplo.invalid"))
    assert (found.secrets, found.personal, found.own) == ((), (), 1)


def test_no_more_documents_are_read_than_it_says(server: Server) -> None:
    many = _documents(*["ok"] * (RECENT + 3 * PAGE))
    found = _read(server, many, many)
    assert (found.recent, found.recent_read) == (len(many), RECENT)
    assert (found.suspects, found.suspects_read) == (len(many), SUSPECTS)
    assert sum("_search" in path for path, _ in server.asked) == (RECENT + SUSPECTS) // PAGE


def test_documents_without_a_text_are_no_documents_without_a_finding(server: Server) -> None:
    for documents in (_documents("x", name="text"), [{"_id": "1"}]):
        error = _index(server, documents).outcomes["elasticsearch_exposed"]
        assert isinstance(error, ProbeError)
        assert error.reason is Reason.NO_DATA


def test_no_index_is_a_reading_and_an_empty_one_too(server: Server) -> None:
    assert _read(server, []).exists
    server.answer = lambda path: (200, b"{}") if path == "/" else (404, b"{}")
    found = kept_of(server, "elasticsearch", "elasticsearch_exposed").outcomes["elasticsearch_exposed"]
    assert isinstance(found, ElasticsearchExposed)
    assert not found.exists


def test_an_answer_of_another_shape_is_a_value(server: Server) -> None:
    for body in (
        b"[]",
        b'{"hits":{"total":3,"hits":[]}}',
        b'{"hits":{"total":{"value":1},"hits":[{"_id":"1","_source":3}]}}',
    ):
        server.answer = lambda path, body=body: (200, body if "_search" in path else b"{}")  # type: ignore[misc]
        error = kept_of(server, "elasticsearch", "elasticsearch_exposed").outcomes["elasticsearch_exposed"]
        assert isinstance(error, ProbeError)
        assert error.reason is Reason.PROTOCOL
