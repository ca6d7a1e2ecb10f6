"""The passphrase as a credential of systemd: a file named by its name, in a folder of its own."""

import os
from pathlib import Path

import pytest

from ojak_client.failures import Failure
from ojak_client.inputs import SECRET_LIMIT_BYTES, Inputs
from ojak_client.messages import Message

NAME = "ojak-passphrase"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / NAME).write_text("열쇠 말\nmore\n", encoding="utf-8")
    (tmp_path / "outside").write_text("바깥\n", encoding="utf-8")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder


def refusal(name: str, *, passphrase_fd: int | None = None) -> Failure:
    inputs = Inputs(passphrase_fd=passphrase_fd, passphrase_credential=name)
    with pytest.raises(Failure) as caught:
        inputs.passphrase()
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


def test_the_passphrase_is_the_first_line_of_the_credential(folder: Path) -> None:
    assert folder.exists()
    inputs = Inputs(passphrase_credential=NAME)
    with inputs.passphrase() as passphrase, inputs.new_passphrase() as again:
        assert passphrase.text() == again.text() == "열쇠 말"
    assert passphrase.data == b""


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../outside", f"./{NAME}", "a\0b", "missing", "x" * 300]
)
def test_a_name_that_is_a_path_or_names_nothing_is_refused(folder: Path, name: str) -> None:
    assert folder.exists()
    refused = refusal(name)
    assert refused.message is Message.BAD_DESCRIPTOR
    assert refused.values == {"option": "--passphrase-credential"}


def test_an_absolute_name_is_refused(folder: Path) -> None:
    assert refusal(str(folder / NAME)).message is Message.BAD_DESCRIPTOR


def test_a_link_a_pipe_and_a_folder_are_no_credentials(folder: Path) -> None:
    (folder / "link").symlink_to(folder.parent / "outside")
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    opened = len(list(Path("/proc/self/fd").iterdir()))
    for name in ("link", "pipe", "folder"):
        assert refusal(name).message is Message.BAD_DESCRIPTOR
    assert len(list(Path("/proc/self/fd").iterdir())) == opened


@pytest.mark.parametrize("value", [None, "", "relative"])
def test_without_its_folder_in_the_environment_there_is_no_credential(
    folder: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.chdir(folder.parent)
    if value is None:
        monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    else:
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", value)
    assert refusal(NAME).message is Message.BAD_DESCRIPTOR


def test_the_environment_itself_never_gives_the_passphrase(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / NAME).unlink()
    monkeypatch.setenv(NAME, "열쇠 말")
    monkeypatch.setenv("OJAK_PASSPHRASE", "열쇠 말")
    assert refusal(NAME).message is Message.BAD_DESCRIPTOR


def test_too_much_and_no_utf8_are_refused_without_quoting_them(folder: Path) -> None:
    (folder / "long").write_bytes(b"x" * (SECRET_LIMIT_BYTES + 1))
    (folder / "bytes").write_bytes(b"\xff\xfe\n")
    (folder / "empty").write_bytes(b"")
    assert refusal("long").message is Message.TOO_BIG
    assert refusal("bytes").message is Message.NOT_UTF8
    assert refusal("empty").message is Message.PASSPHRASE_EMPTY


def test_a_passphrase_has_one_source(folder: Path) -> None:
    assert folder.exists()
    refused = refusal(NAME, passphrase_fd=0)
    assert refused.message is Message.ONE_SOURCE
    assert refused.values == {"option": "--passphrase-credential, --passphrase-fd"}
