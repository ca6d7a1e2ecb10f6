"""What a process on a borrowed device closes behind itself, seen from outside it."""

import ast
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import cffi
import pytest

from ojak_client import prctl
from ojak_client.hardening import wipe

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

REPORT = """
import ctypes, resource, sys
from pathlib import Path
if "readline" in sys.argv:
    import readline
    readline.add_history("typed before")
from ojak_client.hardening import harden
if "hard" in sys.argv:
    print(harden())
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
print(resource.getrlimit(resource.RLIMIT_CORE))
print(sys.dont_write_bytecode)
if "readline" in sys.argv:
    print(readline.get_current_history_length())
"""


def child(script: str, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env={key: value for key, value in os.environ.items() if "BYTECODE" not in key},
    )
    return done.stdout.splitlines()


@LINUX
def test_a_hardened_process_cannot_be_dumped() -> None:
    assert child(REPORT, "hard") == ["()", "0", "(0, 0)", "True"]


def test_what_calls_prctl_is_what_cffi_writes_for_its_declaration(tmp_path: Path) -> None:
    builder = cffi.FFI()
    builder.set_source("ojak_client.prctl", None)
    # It is declared with a variable number; x86-64 and arm64 pass those as they pass these.
    builder.cdef("int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long);")
    builder.emit_python_code(str(tmp_path / "written.py"))

    def calls(written: str) -> list[str]:
        return [ast.dump(one) for one in ast.walk(ast.parse(written)) if isinstance(one, ast.Call)]

    ours = Path(prctl.__file__).read_text(encoding="utf-8")
    assert calls(ours) == calls((tmp_path / "written.py").read_text(encoding="utf-8"))


@LINUX
def test_a_process_is_dumpable_before() -> None:
    dumpable, _, bytecode = child(REPORT)
    assert (dumpable, bytecode) == ("1", "False")


@LINUX
def test_lines_typed_before_are_forgotten() -> None:
    assert child(REPORT, "readline")[-1] == "1"
    assert child(REPORT, "hard", "readline")[-1] == "0"


@LINUX
def test_a_crash_leaves_no_core(tmp_path: Path) -> None:
    crash = (
        "import os, resource; from pathlib import Path\n"
        "from ojak_client.hardening import harden; harden()\n"
        "limits = Path('/proc/self/limits').read_text().splitlines()\n"
        "core = next(line for line in limits if line.startswith('Max core'))\n"
        "print(core, flush=True)\n"
        "os.abort()"
    )
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    with subprocess.Popen(
        [sys.executable, "-c", crash],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)),  # noqa: PLW1509 - one thread here
    ) as process:
        output, _ = process.communicate(timeout=60)
    assert output.split()[4:6] == ["0", "0"]
    assert process.returncode == -signal.SIGABRT
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_done_is_said() -> None:
    script = (
        "import sys; sys.platform = 'plan9'; sys.modules['resource'] = None\n"
        "from ojak_client.hardening import harden\n"
        "print([measure.name for measure in harden()])"
    )
    assert child(script) == ["['NO_CORE_DUMPS', 'NOT_DUMPABLE']"]


def test_wiping_overwrites_the_same_memory() -> None:
    secret = bytearray(b"three answers")
    view = memoryview(secret)
    wipe(secret)
    assert bytes(view) == bytes(13)
