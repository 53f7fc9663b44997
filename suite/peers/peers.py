"""The other processors: their installation and the commands that read a file."""

import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Resolve the link to the cache of tools: a Python environment keeps the path it was created at, and clones come and go.
HOME = (ROOT / ".tools").resolve() / "peers"


class Unavailable(Exception):
    """A peer cannot be installed on this machine; the text gives the reason."""


class Peer:
    """A processor: its name, version, dialects, and the command that reads a file."""

    def __init__(self, name, version, dialects, command, what, plain=False):
        self.name = name
        self.version = version
        self.dialects = dialects
        self.command = command
        self.what = what
        # Whether it cannot read the benchmark's policies and count ranges, and also gets a file without them.
        self.plain = plain


def home(name):
    """Returns the folder of a peer's version."""
    return HOME / f"{name}-{peer(name).version}"


def python(name):
    """Returns the Python interpreter of a peer's environment."""
    return str(home(name) / "bin" / "python")


def script(name, program):
    """Returns the path of a program in a peer's environment."""
    return str(home(name) / "bin" / program)


PEERS = [
    Peer(
        "tosca-parser",
        "2.15.0",
        ["1.3"],
        lambda file: [script("tosca-parser", "tosca-parser"), "--template-file", file],
        "OpenStack: parses, checks, prints names",
    ),
    Peer(
        "opera",
        "0.2.2",
        ["1.3"],
        lambda file: [script("opera", "opera-tosca-parser"), "parse", file],
        "opera-tosca-parser: parses, checks grammar",
    ),
    Peer(
        "unfurl",
        "1.2.0",
        ["1.3"],
        lambda file: [script("unfurl", "unfurl"), "--home", "", "validate", file],
        "parses and checks",
    ),
    Peer(
        "puccini-wheel",
        "0.21.0",
        ["1.3", "2.0"],
        lambda file: [python("puccini-wheel"), "-P", str(HERE / "puccini_wheel.py"), file],
        "Puccini in Go, from PyPI: compiles and resolves",
    ),
    Peer(
        "puccini-rust",
        "0.0.4",
        ["2.0"],
        lambda file: [str(home("puccini-rust") / "release" / "puccini-rust"), os.path.abspath(file)],
        "library puccini-tosca: loads, completes, compiles; resolves nothing",
        plain=True,
    ),
]


def peer(name):
    """Returns the peer with a name."""
    for one in PEERS:
        if one.name == name:
            return one
    raise SystemExit(f"expected one of {', '.join(one.name for one in PEERS)}, found {name}")


def go_puccini(binary, verb):
    """Returns go-puccini, which must be built separately: the Go module proxy does not serve it."""
    return Peer(
        f"go-puccini {verb}",
        "built elsewhere",
        ["1.3", "2.0"],
        lambda file: [binary, verb, file],
        f"puccini-tosca {verb}",
    )


def install(name):
    """Installs a peer below .tools/peers, unless it is up to date.

    Raises Unavailable if it cannot be installed on this machine.
    """
    if name == "puccini-rust":
        install_rust()
    else:
        install_python(name)


def install_python(name):
    """Creates an environment with exactly the packages of requirements/NAME.txt, checked by hash."""
    requirements = HERE / "requirements" / f"{name}.txt"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    folder = home(name)
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    run([sys.executable, "-m", "venv", str(folder)], name)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--no-deps", "--require-hashes", "-r", str(requirements)], name)
    stamp.write_text(wanted)


def install_rust():
    """Builds puccini-rust with its lock file. Cargo builds only what is out of date."""
    if not shutil.which("cargo"):
        raise Unavailable("puccini-rust: expected cargo, found none")
    manifest = HERE / "puccini-rust" / "Cargo.toml"
    target = home("puccini-rust")
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", str(manifest)]
    run([*command, "--target-dir", str(target)], "puccini-rust")


def run(command, name):
    """Runs an installer's command. If it fails, its output is the reason."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        last = " / ".join(done.stdout.strip().splitlines()[-3:])
        raise Unavailable(f"{name}: {last}")


class Run:
    """The result of one run: exit code (None after the time limit), seconds, peak memory in KiB, standard error."""

    def __init__(self, code, seconds, peak, said):
        self.code = code
        self.seconds = seconds
        self.peak = peak
        self.said = said


def measure(command, limit, directory=None):
    """Runs a program with a time limit in seconds, in a new process group. Peak memory includes child processes."""
    environment = {**os.environ, "NO_COLOR": "1", "UNFURL_HOME": ""}
    start = time.perf_counter()
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=directory,
        env=environment,
        start_new_session=True,
    )
    late = threading.Event()

    def end():
        late.set()
        os.killpg(child.pid, signal.SIGKILL)

    said = []
    reader = threading.Thread(target=lambda: said.append(child.stderr.read()))
    reader.start()
    timer = threading.Timer(limit, end)
    timer.start()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    timer.cancel()
    reader.join()
    child.stderr.close()
    child.returncode = os.waitstatus_to_exitcode(status)
    # Linux counts in KiB, macOS in bytes.
    peak = usage.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
    text = said[0].decode(errors="replace").strip()
    return Run(None if late.is_set() else child.returncode, seconds, peak, text)
