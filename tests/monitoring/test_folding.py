"""Paths and messages, with what is somebody's taken out."""

import pytest

from checks.engine.probes.folding import fold_message, fold_path, is_raw


@pytest.mark.parametrize(
    ("path", "folded"),
    [
        ("/", "/"),
        ("/pontos-de-apoio-dados-auxiliares", "/pontos-de-apoio-dados-auxiliares"),
        ("/clientes/77131/audios", "/clientes/:id/audios"),
        ("/a/deadbeef01", "/a/:id"),
        ("/a/feedface", "/a/feedface"),
        ("/a/c0ffee77-1300-4000-8000-00000000000a", "/a/:id"),
        ("/a/ana%40exemplo.invalid", "/a/:id"),
        ("/a/ana@exemplo.invalid", "/a/:id"),
        ("/s/Ab3dE9fG12hIjKlMnOp", "/s/:id"),
        ("/v2/api", "/v2/api"),
        ("/x?secret=abc", "/x"),
        ("/:id/x", "/:id/x"),
        ("no path", ":other"),
        ("/" + "a" * 200, ":other"),
    ],
)
def test_paths(path: str, folded: str) -> None:
    assert fold_path(path) == folded
    assert fold_path(folded) == folded


@pytest.mark.parametrize(
    ("message", "shape"),
    [
        ("falha ao enviar para +5511977130001", "falha ao enviar para *"),
        ("falha ao conectar para Maria da Silva", "falha ao conectar para * da *"),
        ("timeout after 3.2s (host=db1)", "timeout after *"),
        ("", ""),
        (" ".join(["um"] * 40), " ".join(["um"] * 12)),
    ],
)
def test_messages(message: str, shape: str) -> None:
    assert fold_message(message) == shape


@pytest.mark.parametrize(
    ("label", "raw"),
    [
        ("/clientes/:id", False),
        ("/clientes/{id}", False),
        ("/clientes/<int:id>/audios", False),
        ("/media/*", False),
        ("GET /me", False),
        ("Me#show", False),
        ("Penhas::Controller::Me", False),
        ("users/show", False),
        ("other", False),
        ("http://api1:3000/me", False),
        ("/clientes/77131", True),
        ("clientes/77131", True),
        ("GET /clientes/77131", True),
        ("https://api.example/clientes/77131", True),
        ("/me?token=abcdefgh", True),
        ("77131", True),
        ("6f1c1a52-9d0f-4a51-8f58-0f6f0b6a6d51", True),
        ("ana@exemplo.invalid", True),
    ],
)
def test_a_label_holds_a_route_or_what_is_one_requests(label: str, *, raw: bool) -> None:
    assert is_raw(label) is raw
