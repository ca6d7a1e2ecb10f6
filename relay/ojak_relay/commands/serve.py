"""`ojak-relay serve`: settings in, a running relay out.

The address is printed on standard output once the relay accepts; all else is on standard error.
"""

import resource
import signal
import sys

import click
import uvloop

from ojak_relay.commands.options import ALL, CANNOT, WRONG_SETTINGS, options, settings
from ojak_relay.connections import bound_open_files, tls_context
from ojak_relay.errors import CannotListen, ConfigError, StoreUnusable
from ojak_relay.log import Log
from ojak_relay.memory import overwrite_freed
from ojak_relay.opening import read_pass
from ojak_relay.process import run
from ojak_relay.sockets import reason


@click.command("serve")
@options(*ALL)
def command(**flags: object) -> None:
    """Run until told to end.

    SIGTERM and SIGINT: who waits is answered, what is under way is finished. SIGHUP: the
    certificate is read again.
    """
    config = settings(flags)
    log = Log(as_json=config.log_format == "json")
    try:
        relay_pass = read_pass(config)
        tls_context(config)
    except ConfigError as error:
        log(str(error))
        raise SystemExit(WRONG_SETTINGS) from None
    log("settings:", **config.shown())
    # What waits in memory, sources among it, is to lie on no disk after a crash.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    files = bound_open_files(config)
    if files < config.connections:
        log(f"the system lets this process open {files} files, connections included")
    overwrite_freed()
    # Until the loop hears them: the first process of a container is ended by no signal that it does
    # not heed, and a certificate that is new now is read anyway.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        uvloop.run(run(config, relay_pass, log))
    except (StoreUnusable, CannotListen, ConfigError) as error:
        log(str(error))
        raise SystemExit(CANNOT) from None
    except OSError as error:
        log(f"the system refuses what a relay needs: {reason(error)}")
        raise SystemExit(CANNOT) from None
