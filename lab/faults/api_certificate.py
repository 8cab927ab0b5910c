"""What goes wrong with the certificate of an instance: the lab's speak HTTP, so one that speaks TLS takes the place."""

import asyncio
import datetime
import ipaddress
import ssl
from pathlib import Path

from lab.faults.api import NAME
from lab.faults.expect import API, all_in, at
from lab.faults.registry import Fault, register
from lab.running import Running, scratch


def self_signed(path: Path) -> None:
    """Write a key and a certificate for 127.0.0.1 that nobody but itself has signed."""
    from cryptography import x509  # noqa: PLC0415 (as late as can be: it takes a while)
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "lab")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=90))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(pem))


async def _serve(context: ssl.SSLContext) -> asyncio.Server:
    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()  # nobody who verifies comes this far

    return await asyncio.start_server(close, "127.0.0.1", 0, ssl=context)


async def _end(server: asyncio.Server) -> None:
    server.close()


def _break(running: Running) -> None:
    path = scratch(running) / "certificate.pem"
    self_signed(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    server = running.proxies.call(_serve(context))
    file = running.places.environment_file
    before = file.read_text("utf-8")
    running.kept["certificate"] = (server, before)
    port = server.sockets[0].getsockname()[1]
    plain = f"http://127.0.0.1:{running.proxies.by_name[NAME].port}"
    assert before.count(f'"{plain}"') == 1  # noqa: S101 (it is the lab's own)
    file.write_text(before.replace(f'"{plain}"', f'"https://127.0.0.1:{port}"'), "utf-8")


def _mend(running: Running) -> None:
    server, before = running.kept.pop("certificate")
    running.places.environment_file.write_text(before, "utf-8")
    running.proxies.call(_end(server))


register(
    Fault(
        f"{NAME}-certificate-self-signed",
        f"{NAME} is reached over TLS, and its certificate is one that no client accepts",
        ("api",),
        {
            **all_in("UNKNOWN", at(NAME, ("api-connection", *API))),
            f"api-certificate@{NAME}": "CRITICAL",
        },
        _break,
        _mend,
    )
)
