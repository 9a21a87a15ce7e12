"""Programs in forks: a fork is to be as Python started anew is, to itself and to the one who started it."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from mcp_workbench.forking import warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Python is started anew")
# Whether it was forked, and what a program sees of how it was started.
TELLS = """
import json, os, sys, time, warnings, fastmcp
print(json.dumps({
    "forked": "wave" in sys.modules, "argv": sys.argv, "path": sys.path[0], "name": __name__,
    "folder": os.getcwd(), "word": os.environ.get("WORD"), "level": fastmcp.settings.log_level,
    "input": sys.stdin.read(), "zone": time.tzname, "compiled": sys.dont_write_bytecode,
    "at once": sys.stdout.write_through, "banner": fastmcp.settings.show_server_banner,
    "warnings": [*map(str, warnings.filters), *sys.warnoptions],
}))
"""
Python = tuple[str, ...]


@pytest.fixture(scope="module")
def python() -> Iterator[Python]:
    with warm(["fastmcp:FastMCP", "wave"]) as command:  # no other module imports it
        yield command


def told(command: list[str], folder: Path, **settings: str) -> dict[str, object]:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **settings},
        input="x\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    found: dict[str, object] = __import__("json").loads(done.stdout)
    return found


PYTHONS_OWN = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "ignore,once"}


@pytest.mark.parametrize("more", [{}, {"TZ": "JST-9", "FASTMCP_SHOW_SERVER_BANNER": "false", **PYTHONS_OWN}])
@pytest.mark.parametrize("how", ["file", "-P", "-c", "-m"])
def test_it_sees_what_it_would_see_started_anew(
    python: Python, tmp_path: Path, how: str, more: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PYTHONS_OWN:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "tells.py").write_text(TELLS)
    given = {
        "file": [str(tmp_path / "elsewhere" / "tells.py")],
        "-P": ["-P", str(tmp_path / "elsewhere" / "tells.py")],
        "-c": ["-c", TELLS],
        "-m": ["-m", "tells"],
    }[how]
    folder = tmp_path / "elsewhere" if how == "-m" else tmp_path
    settings = {"WORD": "a word", "FASTMCP_LOG_LEVEL": "WARNING", "FASTMCP_HOME": str(tmp_path), **more}
    forked = told([*python, *given, "one", "two"], folder, **settings)
    anew = told([sys.executable, *given, "one", "two"], folder, **settings)
    assert forked == {**anew, "forked": True}
    assert anew["forked"] is False


def test_one_fork_knows_nothing_of_another(python: Python) -> None:
    for _ in "12":
        code = "import sys, wave; sys.exit(hasattr(wave, 'ours') or setattr(wave, 'ours', 1))"
        assert subprocess.run([*python, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [("FASTMCP_LOG_ENABLED", "false"), ("PYTHONDEVMODE", "1"), ("PYTHONWARNINGS", "error")],
)
def test_with_what_is_read_at_import_it_is_started_anew(
    python: Python, tmp_path: Path, name: str, value: str
) -> None:
    code = "import sys; sys.exit('wave' in sys.modules)"
    assert subprocess.run([*python, "-c", code], check=False).returncode == 1
    done = subprocess.run([*python, "-c", code], env={**os.environ, name: value}, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("option", ["-W", "-X"])
def test_with_other_options_it_is_started_anew(python: Python, option: str) -> None:
    given = {"-W": "error", "-X": "importtime"}[option]
    done = subprocess.run(
        [*python, option, given, "-c", "import sys; sys.exit('wave' in sys.modules)"],
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0


def test_sitecustomize_is_imported(python: Python, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os\nos.environ['WORD'] = 'from the site'\n")
    code = "import os; print(os.environ['WORD'])"
    done = subprocess.run(
        [*python, "-c", code],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"from the site\n"


def test_an_import_that_fails_is_shown_and_everything_is_started_anew(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with warm(["no_such_module"]) as python:
        for _ in "12":
            done = subprocess.run([*python, "-c", "print('here')"], capture_output=True, check=True)
            assert done.stdout == b"here\n"
    assert "No module named 'no_such_module'" in capfd.readouterr().err


STARTS = """
import asyncio, os, subprocess, sys
ASKED = "import sys; print('wave' in sys.modules, *sys.argv[1:])"
def start(*command, **options):
    done = subprocess.run([*command, "-c", ASKED, "a word"], stdout=subprocess.PIPE, text=True, **options)
    assert done.args[0] == command[0]
    return done.stdout.strip()
async def start_async():
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", ASKED, stdout=subprocess.PIPE)
    return (await process.communicate())[0].decode().strip()
beside = {**os.environ, "PATH": os.path.dirname(sys.executable)}
print([start(sys.executable), start("python", env=beside), start(sys.executable, pass_fds=[2])])
print(asyncio.run(start_async()), start("/usr/bin/env", "python3", env=beside))
with open("/proc/self/cmdline") as own:
    print(own.read().count("wave"), subprocess.run([sys.argv[1]], stdout=subprocess.PIPE).stdout.decode())
"""


def test_what_a_fork_starts_with_this_python_is_a_fork_too(python: Python, tmp_path: Path) -> None:
    """Also a command that is installed beside it; what needs more than a fork has is started anew."""
    command = Path(sys.executable).with_name(f"says-whether-{tmp_path.parent.name}-{os.getpid()}")
    command.write_text(f"#!{sys.executable}\nimport sys\nprint('wave' in sys.modules, sys.argv)\n")
    command.chmod(0o700)
    try:
        done = subprocess.run(
            [*python, "-c", STARTS, str(command)], stdout=subprocess.PIPE, text=True, check=True
        )
    finally:
        command.unlink()
    assert done.stdout.splitlines() == [
        "['True a word', 'True a word', 'False a word']",
        "True False a word",
        f"1 True {[str(command)]}",
        "",
    ]


# How it ends --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "ends"),
    [("raise SystemExit(7)", 7), ("1 / 0", 1), ("import os; os.kill(os.getpid(), 9)", -9), ("", 0)],
)
def test_its_exit_code_is_the_forks(python: Python, code: str, ends: int) -> None:
    assert subprocess.run([*python, "-c", code], stderr=subprocess.DEVNULL, check=False).returncode == ends


@pytest.mark.parametrize(
    "code",
    [
        "1 / 0",
        "raise SystemExit('why')",
        "def f():\n    raise ValueError('why')\nf()",
        "import sys\nsys.excepthook = lambda kind, *_: print('caught', kind)\n1 / 0",
        "class Held:\n    def __del__(self):\n        print('let go', flush=True)\nheld = Held()",
        "async def never():\n    pass\nheld = never()",
        "import threading, time\n"
        "def late():\n    time.sleep(0.2)\n    print('late')\nthreading.Thread(target=late).start()",
        "print('unflushed', end='')",
        "import os, sys\nif (child := os.fork()) == 0:\n    sys.exit(3)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))",
        "import os, signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "os.kill(os.getpid(), signal.SIGINT)",
    ],
)
def test_its_last_words_are_those_of_python_started_anew(python: Python, code: str) -> None:
    forked, anew = (
        subprocess.run([*command, "-c", code], capture_output=True, text=True, check=False)
        for command in (python, (sys.executable,))
    )
    # Of a coroutine that was never awaited, only a fork still says how to learn more.
    hint = "RuntimeWarning: Enable tracemalloc to get the object allocation traceback\n"
    said = (forked.returncode, forked.stdout, forked.stderr.replace(hint, ""))
    assert said == (anew.returncode, anew.stdout, anew.stderr) != (0, "", "")


SLEEPS = """
import atexit, os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
atexit.register(child.kill)
atexit.register(print, "in order", flush=True)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
print(os.getpid(), child.pid, flush=True)
time.sleep(60)
"""


@contextmanager
def started(
    python: Python, code: str = SLEEPS
) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """A process that sleeps, and that which runs in it and what this started."""
    process = subprocess.Popen([*python, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, [psutil.Process(int(number)) for number in process.stdout.readline().split()]
    finally:
        process.kill()
        process.communicate()


def gone(processes: list[psutil.Process]) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes):
            return True
        time.sleep(0.02)
    return False


def test_a_signal_is_passed_on(python: Python) -> None:
    with started(python) as (process, there):
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=10)
        assert (process.returncode, said) == (3, "in order\n")
        assert gone(there)


def test_who_is_killed_while_asking_leaves_no_stream_open(python: Python) -> None:
    read, write = os.pipe()
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(python[-1])
        socket.send_fds(line, [b"\0"], [write] * 3)
    os.close(write)
    assert select.select([read], [], [], 10)[0]
    assert os.read(read, 1) == b""  # closed by all who had it
    os.close(read)


def test_when_who_asked_is_killed_all_that_was_started_ends(python: Python) -> None:
    with started(python) as (process, there):
        process.kill()
        assert gone(there)


def test_ctrl_c_in_a_terminal_is_not_for_the_first_process() -> None:
    code = (
        "import signal, time; from mcp_workbench.forking import warm\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background job ignores it
        "with warm(['wave']) as python:\n"
        "    print('here', flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert said.count("KeyboardInterrupt") == 1


def test_with_the_first_process_everything_ends() -> None:
    with warm(["wave"]) as python, started(python) as (process, there):
        parent = there[0].parent()
        assert parent is not None
        assert parent.pid != process.pid
    assert gone([parent, *there])


def test_so_it_does_when_the_program_that_started_it_is_killed() -> None:
    code = (
        "import subprocess, sys; from mcp_workbench.forking import warm\n"
        "with warm(['wave']) as python:\n"
        f"    subprocess.run([*python, '-c', {SLEEPS!r}], check=False)\n"
    )
    with started((sys.executable,), code) as (process, there):
        parent = there[0].parent()
        assert parent is not None
        process.kill()
        assert gone([parent, *there])
