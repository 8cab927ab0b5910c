"""The rest of the application's life: searches, chat, mail, news and questionnaires."""

import json
from collections.abc import Iterator

from lab import marked
from lab.seed.rhythm import Stream
from lab.seed.window import Rows, Window, at

SEARCHES = Stream("buscas", 12)
CHATS = Stream("conversas", 0.7)
MESSAGES = Stream("mensagens", 14)
MAILS = Stream("emails", 6, settle=60)
NEWS = Stream("noticias", 5, monthly_growth=0.0, settle=60)
QUIZZES = Stream("questionarios", 2)


def community(window: Window) -> Iterator[Rows]:
    """Yield the rows of searches, chat, mail, news and questionnaires."""
    table = "ponto_apoio_keywords_log"
    searches = (
        (window.next_id(table), window.client(rng, t), at(t), marked.word("busca", rng.randrange(900)))
        for t, rng in window.moments(SEARCHES)
    )
    yield Rows(table, "id cliente_id created_on keywords", searches)
    yield from _chat(window)
    yield _mail(window)
    yield from _news(window)
    quizzes = (
        (
            window.next_id("anonymous_quiz_session"),
            rng.randint(1, 2),
            at(t),
            marked.word("aparelho", f"{rng.getrandbits(64):016x}"),
            json.dumps({"resposta": marked.word("resposta", rng.randrange(900))}),
        )
        for t, rng in window.moments(QUIZZES)
    )
    columns = "id questionnaire_id created_at remote_id responses"
    yield Rows("anonymous_quiz_session", columns, quizzes)


def _chat(window: Window) -> Iterator[Rows]:
    talks = []
    for moment, rng in window.moments(CHATS):
        one, other = window.client(rng, moment), window.client(rng, moment)
        talks.append((window.next_id("chat_session"), at(moment), [one, other], one))
    yield Rows("chat_session", "id created_at participants session_started_by", talks)
    newest = window.last.get("chat_session", 0)
    if newest == 0:
        return
    messages = (
        (
            window.next_id("chat_message"),
            rng.randint(max(1, newest - 60), newest),
            window.client(rng, t),
            at(t),
            f"{marked.word('mensagem', rng.randrange(10**6))} ".encode() * rng.randint(1, 4),
        )
        for t, rng in window.moments(MESSAGES)
    )
    yield Rows("chat_message", "id chat_session_id cliente_id created_at message", messages)


def _mail(window: Window) -> Rows:
    rows = (
        (
            window.next_id("emaildb_queue"),
            1,
            at(t),
            rng.choice(("forgot_password.html", "welcome.html", "guardiao.html")),
            marked.mail(rng.randint(1, 3000)),
            marked.word("assunto", rng.randrange(900)),
            json.dumps({"nome": marked.full_name(rng.randint(1, 3000)), "codigo": marked.word("codigo", "7713")}),
            True,
            at(t + rng.uniform(1, 40)),
            at(t),
        )
        for t, rng in window.moments(MAILS)
    )
    columns = "id config_id created_at template to subject variables sent updated_at visible_after"
    return Rows("emaildb_queue", columns, rows)


def _news(window: Window) -> Iterator[Rows]:
    news, tagged = [], []
    for moment, rng in window.moments(NEWS):
        number = window.next_id("noticias")
        link = f"https://noticias.invalid/{number}-{rng.getrandbits(32):08x}"
        news.append((number, rng.randint(1, 8), f"Notícia {number}", link, at(moment), at(moment), at(moment + 30)))
        for tag in sorted(rng.sample(range(1, 13), rng.randint(0, 2))):
            tagged.append((window.next_id("noticias_tags"), number, tag))
    columns = "id rss_feed_id title hyperlink display_created_time created_at indexed_at"
    yield Rows("noticias", columns, news)
    yield Rows("noticias_tags", "id noticia_id tag_id", tagged)
