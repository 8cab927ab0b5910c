"""Personal data and secrets of the lab, each with a distinctive stem: what a test looks for in all that a run leaves.

Called by every module of lab.seed and lab.api that writes a sensitive column, key, URL or log line. No value belongs
to anyone: names and addresses say that they are marked, the network is TEST-NET-3, `.invalid` never resolves.
"""

from hashlib import sha256

_WORD = "MARCADA-"
_MAIL = "marcada."
_PHONE = "+551197713"
_POSTCODE = "04777-"
_BIRTH = "1913-11-"
_HASH = "c0ffee7713"
_NETWORK = "203.0.113."
_LATITUDE = "-23.77713"
_LONGITUDE = "-46.77713"

BACKUP_SEED = f"{_WORD}SEMENTE-0"  # signs the manifests; the same in every lab, as the cached backups are

MARKERS: tuple[str, ...] = (_WORD, _MAIL, _PHONE, _POSTCODE, _BIRTH, _HASH, _NETWORK, _LATITUDE, _LONGITUDE)


def word(kind: str, number: int | str) -> str:
    """Return a marked text, such as a name, a message, a token or a signature."""
    return f"{_WORD}{kind.upper()}-{number}"


def full_name(number: int) -> str:
    """Return a marked full name."""
    return f"{_WORD}NOME-{number} de Souza"


def mail(number: int) -> str:
    """Return a marked e-mail address."""
    return f"{_MAIL}{number}@exemplo.invalid"


def phone(number: int) -> str:
    """Return a marked mobile number in E.164 form."""
    return f"{_PHONE}{number % 10000:04d}"


def postcode(number: int) -> str:
    """Return a marked postcode (CEP)."""
    return f"{_POSTCODE}{number % 1000:03d}"


def birth(number: int) -> str:
    """Return a marked date of birth."""
    return f"{_BIRTH}{number % 28 + 1:02d}"


def digest(text: str) -> str:
    """Return a marked value of the shape of a SHA-256, as cpf_hash and the password column hold."""
    return _HASH + sha256(text.encode()).hexdigest()[len(_HASH) :]


def address(number: int) -> str:
    """Return a marked IP address."""
    return f"{_NETWORK}{number % 254 + 1}"


def position(number: int) -> tuple[str, str]:
    """Return marked coordinates, latitude and longitude, as text."""
    return f"{_LATITUDE}{number % 1000:03d}", f"{_LONGITUDE}{number % 1000:03d}"
