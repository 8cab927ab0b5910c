"""The people: clients, their sessions, activity, log-in errors and guardians."""

from collections.abc import Iterator

from lab import marked
from lab.seed.rhythm import DAY, Stream
from lab.seed.window import Rows, Window, at

HISTORY = 540.0
RETENTION = 29.0
CLIENTS = Stream("clientes", 2.6, days=HISTORY, monthly_growth=0.03)
SESSIONS = Stream("sessions", 9, days=RETENTION)
ACTIVITY = Stream("activity", 48, monthly_growth=0.02)
LOGIN_ERRORS = Stream("login_erros", 4)
GUARDIANS = Stream("guardioes", 5)

_GENDERS = ("Feminino", "Feminino", "Feminino", "Feminino", "MulherTrans", "NaoBinario", "Outro")


def people(window: Window) -> Iterator[Rows]:
    """Yield the rows of the people's tables; clients first, because everyone else refers to them."""
    yield _clients(window)
    yield _guardians(window)
    sessions = [
        (window.next_id("clientes_active_sessions"), window.client(rng, t), at(t))
        for t, rng in window.moments(SESSIONS)
    ]
    if window.flavour == "guide":
        yield Rows("clientes_active_sessions", "id cliente_id created_at", sessions)
    else:
        yield Rows("clientes_active_sessions", "id cliente_id", (row[:2] for row in sessions))
    activity = [
        (window.next_id("clientes_app_activity_log"), at(t), window.client(rng, t))
        for t, rng in window.moments(ACTIVITY)
    ]
    yield Rows("clientes_app_activity_log", "id created_at cliente_id", activity)
    errors = (
        (window.next_id("login_erros"), window.client(rng, t), marked.address(rng.randrange(254)), at(t))
        for t, rng in window.moments(LOGIN_ERRORS)
    )
    yield Rows("login_erros", "id cliente_id remote_ip created_at", errors)


def _clients(window: Window) -> Rows:
    rows = []
    for moment, rng in window.moments(CLIENTS):
        number = window.next_id("clientes")
        window.joined.append(moment)
        rows.append(
            (
                number,
                rng.choices(("active", "setup", "banned", "deleted"), (90, 5, 1, 4))[0],
                at(moment),
                marked.full_name(number),
                marked.word("apelido", number),
                marked.mail(number),
                marked.digest(f"senha {number}"),
                marked.digest(f"cpf {number}"),
                marked.word("cpf", number % 10000),
                marked.postcode(number),
                marked.birth(number),
                rng.choice(_GENDERS),
                rng.choices((True, False), (20, 80))[0],
                rng.choices((True, False), (60, 40))[0],
            )
        )
    created = "created_at" if window.flavour == "guide" else "created_on"
    columns = (
        f"id status {created} nome_completo apelido email senha_sha256 cpf_hash cpf_prefix cep dt_nasc genero"
        " modo_anonimo_ativo ja_foi_vitima_de_violencia"
    )
    return Rows("clientes", columns, rows)


def _guardians(window: Window) -> Rows:
    rows = []
    for moment, rng in window.moments(GUARDIANS):
        number = window.next_id("clientes_guardioes")
        status = rng.choices(("accepted", "pending", "refused", "removed_by_user"), (70, 15, 5, 10))[0]
        rows.append(
            (
                number,
                window.client(rng, moment),
                at(moment),
                status,
                marked.word("guardia", number),
                marked.phone(number),
                marked.word("convite", f"{number}-{rng.getrandbits(64):016x}"),
                at(moment + 60) if status == "accepted" else None,
                at(moment + 30 * DAY),
            )
        )
    columns = "id cliente_id created_at status nome celular_e164 token accepted_at expires_at"
    return Rows("clientes_guardioes", columns, rows)
