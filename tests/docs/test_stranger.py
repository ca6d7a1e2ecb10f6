"""A guest written from the document alone meets a real host and exchanges letters with it."""

import ast
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.docs import stranger
from tests.docs.stranger import Guest, Relay
from tests.relay.kit import running

SOURCE = Path(stranger.__file__)


class Host:
    """The real command, with a profile in a folder of the test."""

    def __init__(self, folder: Path, relay: str) -> None:
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "OJAK_LANG": "en",
            "OJAK_HOME": str(folder / "host"),
            "OJAK_RELAY": relay,
        }
        (folder / "passphrase").write_text("a long passphrase\n", encoding="utf-8")

    def start(self, *arguments: str, answers: str = "") -> subprocess.Popen[str]:
        (self.folder / "answers").write_text(answers, encoding="utf-8")
        with (
            (self.folder / "passphrase").open() as passphrase,
            (self.folder / "answers").open() as given,
        ):
            secrets = ["--no-input", "--passphrase-fd", str(passphrase.fileno())]
            if answers:
                arguments = (*arguments, "--answers-fd", str(given.fileno()))
            return subprocess.Popen(
                [sys.executable, "-m", "ojak_client", *secrets, *arguments],
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                pass_fds=(passphrase.fileno(), given.fileno()),
            )

    def run(self, *arguments: str, text: str = "", answers: str = "") -> str:
        process = self.start(*arguments, answers=answers)
        out, err = process.communicate(text, timeout=60)
        assert process.returncode in (0, 10), err
        return out

    @contextmanager
    def keeping(self) -> Iterator[None]:
        process = self.start("keep")
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)

    def read_until(self, text: str) -> str:
        """Read until *text* came; a letter is shown once, so all that was shown is returned."""
        shown = ""
        while text not in shown:
            shown += self.run("read", "--to-stdout")
        return shown


def test_a_stranger_with_the_document_meets_a_host_and_turns_the_ratchet_twice(
    tmp_path: Path,
) -> None:
    with running("--store", "memory") as relay:
        host = Host(tmp_path, f"http://{relay.host}:{relay.port}")
        questions = [f"--question={n}?" for n in (1, 2, 3)]
        printed = host.run(
            "invite",
            "--name",
            "엄마",
            *questions,
            answers="왜가리 도둑\n노란 도시락통\n앞집 량반\n",
        )
        digits = re.sub(r"\D", "", re.findall(r"\d{4}-\d{4}-\d{4}", printed)[0])
        host.run("send", "--at-once", "엄마", text="엄마, 잘 있어요.\n")
        guest = Guest(
            Relay(relay.host, relay.port), digits, ("외가리 도둑", "노란 도시락통", "앞집 양반")
        )
        with host.keeping():
            assert guest.meet()[1] == "엄마, 잘 있어요."
            guest.say("딸아, 나도 잘 있다.")
            assert "딸아, 나도 잘 있다." in host.read_until("딸아")
            guest.say("또 쓴다.")
            assert "또 쓴다." in host.read_until("또")
            assert re.search(r'arrived\. Count: "1"', host.run("status"))
            host.run("send", "엄마", text="고마워요.\n")
            heard = guest.hear()
        assert heard[1] == "고마워요."
        assert heard[2][0] == 2


def test_the_stranger_imports_nothing_of_ojak() -> None:
    modules = [
        name
        for node in ast.walk(ast.parse(SOURCE.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    ]
    assert modules
    assert not [name for name in modules if "ojak" in name or name.startswith("tests")]
