"""What stands from the first day: support points, categories, feeds, tags, questionnaires, settings, reports."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from psycopg import Connection

from lab import marked
from lab.seed.window import Rows, at

_CATEGORIES = ("Delegacia da Mulher", "Casa Abrigo", "Centro de Referência", "Defensoria Pública", "Saúde", "ONG")
_CITIES = (
    ("São Paulo", "SP", -23.55, -46.63),
    ("Rio de Janeiro", "RJ", -22.91, -43.21),
    ("Belo Horizonte", "MG", -19.92, -43.94),
    ("Salvador", "BA", -12.97, -38.50),
    ("Recife", "PE", -8.05, -34.88),
    ("Fortaleza", "CE", -3.73, -38.53),
    ("Porto Alegre", "RS", -30.03, -51.23),
    ("Belém", "PA", -1.46, -48.49),
    ("Manaus", "AM", -3.12, -60.02),
    ("Brasília", "DF", -15.79, -47.88),
)
_TAGS = [
    "direitos",
    "saúde",
    "justiça",
    "trabalho",
    "maternidade",
    "política",
    "cultura",
    "educação",
    "raça",
    "território",
    "tecnologia",
    "esporte",
]
_POINTS = 350
_REPORTS = 5


def reference(origin: float) -> Iterator[Rows]:
    """Yield the rows that are written once, at `origin` (epoch seconds)."""
    rng, day = Random("pontos de apoio"), at(origin)
    categories = [(n, label, f"#{rng.getrandbits(24):06x}", day) for n, label in enumerate(_CATEGORIES, 1)]
    yield Rows("ponto_apoio_categoria", "id label color created_on", categories)
    points = []
    for number in range(1, _POINTS + 1):
        category = rng.randint(1, len(_CATEGORIES))
        city, state, latitude, longitude = rng.choice(_CITIES)
        name = f"{_CATEGORIES[category - 1]} {city} {number}"
        street = f"Rua {rng.randint(1, 90)} de Março, {rng.randint(1, 999)}"
        there = round(latitude + rng.gauss(0, 0.1), 6), round(longitude + rng.gauss(0, 0.1), 6)
        points.append((number, category, name, street, city, state, *there, f"0800 {rng.randint(100, 999)} 0180", day))
    columns = "id categoria nome logradouro municipio uf latitude longitude telefone1 created_on"
    yield Rows("ponto_apoio", columns, points)
    feeds = [(n, f"Fonte {n}", f"https://fonte{n}.invalid/rss", day) for n in range(1, 9)]
    yield Rows("rss_feeds", "id fonte url created_at", feeds)
    yield Rows("tags", "id title", enumerate(_TAGS, 1))
    quiz = [(n, f"Questionário {n}", n == 1, json.dumps([{"code": f"q{i}"} for i in range(1, 9)]), day) for n in (1, 2)]
    yield Rows("questionnaires", "id name is_anonymous questions created_on", quiz)
    mail = [(1, f'"PenhaS" <{marked.mail(0)}>', "Shypper::TemplateResolvers::HTTP")]
    yield Rows("emaildb_config", "id from template_resolver_class", mail)
    settings = [
        (1, "SMS_GUARD_LINK", f"https://sms.invalid/{marked.word('segredo', 'sms')}", day),
        (2, "FCM_SERVER_KEY", marked.word("segredo", "fcm"), day),
        (3, "EMAIL_SMTP_PASSWORD", marked.word("segredo", "smtp"), day),
    ]
    yield Rows("penhas_config", "id name value valid_from", settings)


def reports(connection: Connection[Any], origin: float) -> None:
    """Write a few reports as large objects, each with its row; run once, when there are clients."""
    for number in range(1, _REPORTS + 1):
        content = (marked.word("relatorio", number) + "\n").encode() * 40
        connection.execute(
            "INSERT INTO relatorios_chat_cliente (cliente_id, created_at, conteudo)"
            " VALUES (%s, %s, lo_from_bytea(0, %s))",
            (number, at(origin), content),
        )
