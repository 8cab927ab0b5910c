"""The panic button and the recordings: activations, messages to guardians, audio uploads with their media objects."""

import json
from collections.abc import Iterator
from hashlib import sha1
from time import gmtime, strftime

from lab import marked
from lab.seed.rhythm import Stream
from lab.seed.window import Media, Rows, Window, at

PANIC = Stream("panico", 3)
RECORDINGS = Stream("audios", 0.45, monthly_growth=0.05)


def alarms(window: Window) -> Iterator[Rows]:
    """Yield the rows of activations and recordings; the media objects that belong to them go to `window.media`."""
    activations, messages = [], []
    for moment, rng in window.moments(PANIC):
        number, sent = window.next_id("cliente_ativacoes_panico"), rng.randint(1, 3)
        latitude, longitude = marked.position(rng.randrange(1000))
        phones = [marked.phone(rng.randrange(10000)) for _ in range(sent)]
        to = json.dumps({"guards": phones})
        activations.append((number, window.client(rng, moment), at(moment), latitude, longitude, to, sent))
        for to_phone in phones:
            text = f"{marked.word('sms', number)}: preciso de ajuda. Local: {latitude},{longitude}"
            messages.append((window.next_id("sent_sms_log"), at(moment), number, to_phone, text))
    columns = "id cliente_id created_at gps_lat gps_long alert_sent_to sms_enviados"
    yield Rows("cliente_ativacoes_panico", columns, activations)
    columns = "id created_at cliente_ativacao_panico_id phonenumber message"
    yield Rows("sent_sms_log", columns, messages)
    yield from _recordings(window)


def _recordings(window: Window) -> Iterator[Rows]:
    events, uploads, audios = [], [], []
    for moment, rng in window.moments(RECORDINGS):
        event, client, parts = f"{rng.getrandbits(128):032x}", window.client(rng, moment), rng.randint(1, 3)
        total = 0
        for part in range(1, parts + 1):
            media = f"{rng.getrandbits(128):032x}"
            body = (marked.word("audio", media) + "\n").encode() + rng.randbytes(rng.randint(300, 2500))
            key = f"guardiao/{strftime('%Y/%m/%d', gmtime(moment))}/{media}.m4a"
            signature = marked.word("assinatura", f"{rng.getrandbits(80):020x}")
            query = f"AWSAccessKeyId={window.media_key_id}&Expires=2145916800&Signature={signature}"
            window.media.append(Media(key, body, moment))
            total += len(body)
            url, checksum = f"{window.media_url}/{key}?{query}", sha1(body, usedforsecurity=False).hexdigest()
            uploads.append((media, client, at(moment), "guardiao", checksum, len(body), url))
            number = window.next_id("clientes_audios")
            audios.append((number, event, client, media, part, at(moment), rng.randint(900, 15000) / 1000))
        events.append((event, client, at(moment), total))
    columns = "id cliente_id created_at intention file_sha1 file_size s3_path"
    yield Rows("media_upload", columns, uploads)
    yield Rows("clientes_audios_eventos", "event_id cliente_id created_at total_bytes", events)
    columns = "id event_id cliente_id media_upload_id event_sequence created_at audio_duration"
    yield Rows("clientes_audios", columns, audios)
