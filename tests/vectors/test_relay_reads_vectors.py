"""A real relay reads every request of the vectors: it replies to each, or refuses it plainly."""

import http.client
from http import HTTPStatus

from ojak_protocol.addresses import MailboxId
from ojak_protocol.sync import MAX_REQUEST_BYTES, Deposit, decode_reply, decode_request
from tests.relay.kit import CBOR, MEMORY, Relay, request, running
from tests.vectors.notation import GOOD, Case, load


def posted(relay: Relay, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(relay.host, relay.port, timeout=20)
    connection.request("POST", "/v1/sync", body, CBOR)
    answer = connection.getresponse()
    read = answer.read()
    connection.close()
    return answer.status, read


def outcome(relay: Relay, case: Case) -> str:
    status, read = posted(relay, case.data("body"))
    if status == HTTPStatus.OK:
        decode_reply(read, decode_request(case.data("body")))
        return GOOD
    assert status == HTTPStatus.BAD_REQUEST
    return "refused"


def test_a_real_relay_answers_good_requests_and_refuses_bad_ones() -> None:
    cases = [
        case for case in load("sync-request.json") if len(case.data("body")) <= MAX_REQUEST_BYTES
    ]
    first = MailboxId(cases[0].many("polls")[0])
    with running(*MEMORY) as relay:
        # Something lies where all of them look first, so that none has to wait.
        relay.sync(request(deposits=(Deposit(first, None, 3600, 0, bytes(4000)),)))
        found = {case.name: outcome(relay, case) for case in cases}
    assert found == {case.name: GOOD if case.expect == GOOD else "refused" for case in cases}
