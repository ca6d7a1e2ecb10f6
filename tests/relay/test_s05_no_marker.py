"""S5: nothing of what clients send, and nothing of where they are, is left by a relay."""

from pathlib import Path

from ojak_protocol.sync import Deposit
from tests.relay.kit import pages, running
from tests.relay.marked import (
    BOX,
    ID,
    KEY,
    SOURCES,
    asked,
    marks_in,
    marks_in_files,
    send_all,
)
from tests.relay.planted import running_with, tells_sources


def test_s5_no_mark_is_left_in_output_answers_or_files(tmp_path: Path) -> None:
    folder = tmp_path / "all that it writes"
    folder.mkdir()
    with running(*pages(folder / "store")) as relay:
        relay.sync(asked(deposits=(Deposit(ID, None, 600, 0, BOX),)))
        # What lies there is found, so that a search that finds nothing means something.
        assert set(marks_in_files(folder)) == {"id in store", "box in store"}
        assert send_all(relay) == []
        relay.sync(asked(deletes=(KEY,)))
        code, err = relay.stop()
    assert code == 0
    assert marks_in(err.encode()) == []
    assert "127.66" not in err
    assert len(err.splitlines()) == 1
    assert marks_in_files(folder) == []
    for source in SOURCES:
        packed = bytes(map(int, source.split(".")))
        assert packed not in (folder / "store").read_bytes()


def test_s5_the_search_sees_a_relay_that_logs_or_quotes(tmp_path: Path) -> None:
    with running_with(tells_sources, *pages(tmp_path / "store")) as relay:
        send_all(relay)
        assert set(marks_in(relay.stop()[1].encode())) >= set(SOURCES)
