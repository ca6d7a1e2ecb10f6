"""What aiohttp costs alone: a handler that reads the body and answers one of the right length.

python -m tests.bench.relay.no_op application PORT    as one writes it first
python -m tests.bench.relay.no_op server PORT         without router, as our relay is made
"""

import asyncio
import sys

import uvloop
from aiohttp import web

from ojak_protocol.sync import MAX_REQUEST_BYTES, REPLY_BYTES, SyncClass

ANSWERS = {
    # The second sync of a cycle asks for one box; so it is the only one of its length that does.
    SyncClass.ZERO.body_bytes: bytes(REPLY_BYTES[1]),
    SyncClass.ONE.body_bytes: bytes(REPLY_BYTES[0]),
}


async def answer(request: web.BaseRequest) -> web.Response:
    body = await request.read()
    if request.path == "/polls":
        return web.Response(body=bytes(REPLY_BYTES[0]), content_type="application/cbor")
    return web.Response(body=ANSWERS[len(body)], content_type="application/cbor")


async def main(kind: str, port: int) -> None:
    if kind == "server":
        listening: object = await asyncio.get_running_loop().create_server(
            web.Server(answer), "127.0.0.1", port
        )
    else:
        application = web.Application(client_max_size=MAX_REQUEST_BYTES)
        application.router.add_post("/v1/sync", answer)
        application.router.add_post("/polls", answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        listening = web.TCPSite(runner, "127.0.0.1", port)
        await listening.start()
    assert listening is not None
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
