"""What the command line promises, whatever a repository holds and wherever the output goes.

Everything here runs the program in a process of its own, with little memory and a deadline. The
program is the installed console script where there is one: ``python -m`` puts the working folder,
and with it the repository's own modules, first on the path before the program's first line runs.
Where it is not installed, ``python -P -m`` stands in.
"""

from __future__ import annotations

import errno
import json
import os
import pty
import re
import signal
import stat
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support import NOW, ROOT, manifest, write_files

pytestmark = pytest.mark.slow

PROGRAM = Path(sys.executable).with_name("kaizen-agentic")
INSTALLED = PROGRAM.exists()
COMMAND = [str(PROGRAM)] if INSTALLED else [sys.executable, "-P", "-m", "kaizen_schedule"]
LINUX = sys.platform == "linux"
CPU_SECONDS = 5
DEADLINE = 30.0
"""Seconds until what hangs is ended; work is limited to few seconds by the processor's clock."""
MEMORY = 300 * 1024 * 1024
SECRET = "ghp_" + "a1B2" * 9
RUN_KEY = "repo:coach:2026-11-23T08:00:00Z"

MANIFEST = manifest("coach: {cadence: weekly}", "optimization: {cadence: weekly}")
PROMPT = "---\nname: coach\ndescription: helps\n---\nBe kind.\n"
RECORD = '{"timestamp": "2026-11-23T09:00:00Z", "outcome": "success", "duration_s": 60}\n'
STATE = {
    "agents/agent-coach.md": PROMPT,
    ".kaizen/agents/coach/memory.md": "## 2026-11-23\n\nNote.\n",
    ".kaizen/metrics/coach/executions.jsonl": RECORD,
    "README.md": "# Readme\n",
}
HEALTHY = {".kaizen/schedule.yml": MANIFEST, **STATE}

READ_ONLY: dict[str, Sequence[str]] = {
    "validate": ("schedule", "validate", "--now", NOW),
    "list": ("schedule", "list", "--now", NOW),
    "prepare": ("schedule", "prepare", "coach", "--now", NOW),
    "prepare json": ("schedule", "prepare", "coach", "--now", NOW, "--format", "json"),
    "agents": ("agents", "list"),
    "metrics": ("metrics", "show", "coach", "--now", NOW),
    "memory": ("memory", "brief", "coach"),
}


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it left."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """Standard output as exactly one strict JSON value."""
        assert self.out.endswith("}\n"), self
        return json.loads(self.out, parse_constant=_refuse)


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A plain environment: of the tester's own only what Python and its coverage need."""
    kept = {key: value for key, value in os.environ.items() if key.startswith("COVERAGE_")}
    home = tmp_path / "home"
    home.mkdir()
    here = {} if INSTALLED else {"PYTHONPATH": str(ROOT)}
    return {
        **kept,
        **here,
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "KAIZEN_TRACEBACK": "1",  # a defect shows itself as one
    }


LIMITS = f"ulimit -t {CPU_SECONDS}; ulimit -v {MEMORY // 1024}; "

# Root, too, is told what it may not read: the capabilities to pass over permissions go.
WITHOUT_OVERRIDE = """
import ctypes, os, sys
for capability in (1, 2):  # DAC_OVERRIDE, DAC_READ_SEARCH
    if ctypes.CDLL(None).prctl(24, capability, 0, 0, 0):
        sys.exit("the capabilities cannot be dropped")
os.execv(sys.argv[1], sys.argv[1:])
"""


class Runner:
    """Runs commands in a folder."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = dict(env)

    def __call__(
        self,
        *words: str | Path,
        cwd: Path,
        env: Mapping[str, str | None] | None = None,
        shell: str = '"$@"',
        override: bool = True,
        stdin: bytes = b"",
    ) -> Ended:
        """Run a command.

        Args:
            words: Its words.
            cwd: The working folder.
            env: Changes of the environment; None takes a variable away.
            shell: What a shell makes of the command, such as ``"$@" >&-``.
            override: Let root read what nobody may.
            stdin: What stands on standard input.
        """
        changed = {**self.env, **(env or {})}
        launcher: list[str] = []
        if not override and os.geteuid() == 0:
            if not LINUX:
                pytest.skip("root reads everything here")
            launcher = [sys.executable, "-S", "-c", WITHOUT_OVERRIDE]
        limits = LIMITS if LINUX else ""
        done = subprocess.run(
            ["/bin/sh", "-c", limits + shell, "sh", *launcher, *COMMAND, *map(str, words)],
            cwd=cwd,
            env={key: value for key, value in changed.items() if value is not None},
            input=stdin,
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )
        ended = Ended(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in ended.out + ended.err, ended.err
        assert "Exception ignored" not in ended.err, ended.err
        assert "a defect of this program" not in ended.out + ended.err
        assert SECRET not in ended.out + ended.err
        assert not unseen(ended.out), ended.out
        assert not unseen(ended.err), ended.err
        return ended


@pytest.fixture
def run(env: dict[str, str]) -> Runner:
    return Runner(env)


def unseen(text: str) -> set[str]:
    """Characters that a terminal obeys or hides: controls, bidi marks, tags, lone surrogates."""
    return {
        character
        for character in set(text) - {"\n", "\t"}
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    }


def snapshot(folder: Path) -> dict[bytes, tuple[Any, ...]]:
    """Everything beneath a folder: what it is, when it changed, and what it holds."""
    found: dict[bytes, tuple[Any, ...]] = {}
    top = os.fsencode(folder)
    for base, folders, files in os.walk(top):
        for name in (b".", *folders, *files):
            path = os.path.join(base, name)
            info = os.lstat(path)
            content: bytes | str = b""
            if stat.S_ISLNK(info.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(info.st_mode) and info.st_size < 1 << 24:
                with open(path, "rb") as file:
                    content = file.read()
            key = os.path.relpath(path, top)
            found[key] = (
                info.st_mode, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns,
                info.st_nlink, content,
            )  # fmt: skip
    return found


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    return folder


def check_all(
    run: Runner,
    target: Path,
    names: Sequence[str] = tuple(READ_ONLY),
    *,
    override: bool = True,
    env: Mapping[str, str | None] | None = None,
) -> dict[str, Ended]:
    """Run the read-only commands, which must end well and leave everything as it is."""
    before = snapshot(target)
    ends = {}
    for name in names:
        words = READ_ONLY[name]
        ends[name] = run(*words, "--target", target, cwd=target.parent, override=override, env=env)
        assert ends[name].code in (0, 1, 2), ends[name]
        if name.endswith("json") and ends[name].out:
            assert ends[name].value
    assert snapshot(target) == before
    return ends


# --- Odd things in the place of files ------------------------------------------------------------


@dataclass(frozen=True)
class Odd:
    """Something that stands where a file should."""

    make: Callable[[Path, Path], object]
    """Puts it at a path; the second is a file outside."""
    words: str
    """What is said about it."""


def _socket(path: Path, _outside: Path) -> None:
    script = "import socket, sys; socket.socket(1).bind(sys.argv[1])"
    subprocess.run([sys.executable, "-S", "-c", script, path.name], cwd=path.parent, check=True)


def _device(path: Path, _outside: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # as /dev/zero: endless
    except PermissionError:
        pytest.skip("only root may make a device")


def _huge(path: Path, _outside: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(10 << 30)


def _unreadable(path: Path, _outside: Path) -> None:
    path.write_text(SECRET)
    path.chmod(0)


NOTHING = "leads through a link to nothing"
LOOP = "leads through a loop of links"
ODD: dict[str, Odd] = {
    "link outside": Odd(Path.symlink_to, "leads out of the repository"),
    "link to nothing": Odd(lambda path, _: path.symlink_to("nowhere"), NOTHING),
    "loop": Odd(lambda path, _: path.symlink_to(path.name), LOOP),
    "pipe": Odd(lambda path, _: os.mkfifo(path), "is a named pipe"),
    "socket": Odd(_socket, "is a socket"),
    "device": Odd(_device, "is a device"),
    "folder": Odd(lambda path, _: path.mkdir(), "is a folder"),
    "huge": Odd(_huge, "holds more than"),
    "unreadable": Odd(_unreadable, "permission denied"),
}


def put(target: Path, odd: Odd, paths: Sequence[str]) -> None:
    outside = target.parent / "outside"
    outside.write_text(f"outside {SECRET} outside")
    for path in paths:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        odd.make(target / path, outside)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_manifest_is_told(run: Runner, target: Path, name: str) -> None:
    write_files(target, STATE)
    put(target, ODD[name], [".kaizen/schedule.yml"])
    ends = check_all(
        run, target, ("validate", "list", "prepare", "prepare json"), override=name != "unreadable"
    )
    assert (ends["validate"].code, ends["list"].code) == (1 if name == "huge" else 2, 2)
    assert ODD[name].words in ends["validate"].out
    assert ends["prepare"].code == 0
    warnings = ends["prepare json"].value["warnings"]
    assert any(ODD[name].words in warning for warning in warnings), warnings


@pytest.mark.parametrize("name", ODD)
def test_odd_state_is_told(run: Runner, target: Path, name: str) -> None:
    write_files(target, {".kaizen/schedule.yml": MANIFEST})
    put(target, ODD[name], list(STATE))
    names = [key for key in READ_ONLY if key not in ("list", "prepare")]
    ends = check_all(run, target, names, override=name != "unreadable")
    # A prompt that stands here and cannot be read is never passed over for the packaged one.
    assert {key: end.code for key, end in ends.items()} == {
        "validate": 1, "prepare json": 1, "agents": 1, "metrics": 0, "memory": 0,
    }  # fmt: skip
    assert ODD[name].words in ends["validate"].out
    assert ODD[name].words in ends["agents"].out
    assert ends["prepare json"].value["ok"] is False
    if name != "huge":  # read from its end
        assert ODD[name].words in ends["metrics"].err
        assert ODD[name].words in ends["memory"].err


@pytest.mark.parametrize("name", ODD)
def test_odd_state_beside_a_good_prompt_is_left_out(run: Runner, target: Path, name: str) -> None:
    write_files(target, {".kaizen/schedule.yml": MANIFEST, "agents/agent-coach.md": PROMPT})
    put(target, ODD[name], [path for path in STATE if not path.startswith("agents")])
    ends = check_all(run, target, ["prepare", "prepare json"], override=name != "unreadable")
    assert {end.code for end in ends.values()} == {0}
    bundle = ends["prepare json"].value
    if name != "huge":
        assert sum(ODD[name].words in warning for warning in bundle["warnings"]) == 2
    readme = next(s for s in bundle["sections"] if s["name"] == "repository")["content"]
    assert ("README" in readme) == (name in ("huge", "unreadable"))


def test_links_inside_are_followed(run: Runner, target: Path) -> None:
    write_files(target, {f"real/{path}": content for path, content in HEALTHY.items()})
    for path in HEALTHY:
        link = target / path
        link.parent.mkdir(parents=True, exist_ok=True)
        if path.startswith("agents"):
            link.symlink_to(target / "real" / path)
        else:
            link.symlink_to(os.path.relpath(target / "real" / path, link.parent))
    ends = check_all(run, target)
    assert {end.code for end in ends.values()} == {0}, ends
    assert "Be kind." in ends["prepare"].out
    assert "Note." in ends["memory"].out


@pytest.mark.parametrize(
    "files",
    [{".kaizen": "a file"}, {"agents": "a file"}, {".kaizen": "", "agents": "", ".claude": ""},
     {".kaizen/schedule.yml": MANIFEST, ".kaizen/metrics": "", ".kaizen/agents": ""}],
    ids=lambda files: " ".join(files),
)  # fmt: skip
def test_files_where_folders_should_be(run: Runner, target: Path, files: dict[str, str]) -> None:
    write_files(target, files)
    ends = check_all(run, target, [key for key in READ_ONLY if key != "prepare json"])
    absent = ".kaizen/schedule.yml" not in files
    assert (ends["validate"].code, ends["list"].code) == ((2, 2) if absent else (0, 0))
    assert ends["prepare"].code == ends["metrics"].code == ends["memory"].code == 0


def test_folders_of_too_many_names(run: Runner, target: Path) -> None:
    write_files(target, {**HEALTHY, "agents/agent-x.md": PROMPT})
    for number in range(10_001):
        os.link(target / "agents" / "agent-x.md", target / "agents" / f"agent-x{number}.md")
        os.link(target / "agents" / "agent-x.md", target / f"x{number}")
    ends = check_all(run, target, ["validate", "prepare", "agents"])
    assert "holds more than 10,000 names" in ends["agents"].out
    assert ends["prepare"].code == 0


def test_ten_thousand_prompts(run: Runner, target: Path) -> None:
    write_files(target, {**HEALTHY, "agents/agent-x.md": PROMPT * 20})
    for number in range(9_990):
        os.link(target / "agents" / "agent-x.md", target / "agents" / f"agent-x{number}.md")
    # Measuring coverage takes more of the allowed time than the work itself.
    unmeasured = dict.fromkeys(key for key in os.environ if key.startswith("COVERAGE_"))
    check_all(run, target, ["agents"], env=unmeasured)


# --- Hostile text --------------------------------------------------------------------------------

TEXTS = {
    "newline": "a\nerror: forged",
    "escape": "\x1b[31m\x1b]0;title\x07",
    "bidi": "\u202egpj\u2066",
    "invisible": "a\u200b\u2060\U000e0041",
    "quotes": "\"'`",
    "shell": "$(touch pwned)`touch pwned`;touch pwned",
    "spaces": "a b  c",
    "not utf-8": "\udcff\udc80",
    "markup": "<b>*x*</b> ```",
    "dash": "-rf",
}


EVERYTHING = "".join(TEXTS.values())
UTF8 = "".join(text for name, text in TEXTS.items() if name != "not utf-8")


def as_yaml(text: str) -> str:
    """A value in double quotes, each character as an escape."""
    return '"' + "".join(f"\\U{ord(c):08x}" for c in text if not "\ud800" <= c <= "\udfff") + '"'


def test_names_and_values_are_shown_harmless(run: Runner, target: Path) -> None:
    quoted = [as_yaml(text) for name, text in TEXTS.items() if name != "not utf-8"]
    names = [*TEXTS.values(), EVERYTHING]
    write_files(
        target,
        {
            **HEALTHY,
            ".kaizen/schedule.yml": manifest(
                *(f"{text}: {{cadence: {text}, cron: {text}, {text}: 1}}" for text in quoted),
                f"coach: {{cadence: {SECRET}, {SECRET}: 1}}",
                head=('version: "1"', f"timezone: {as_yaml(UTF8)}", f"{SECRET}: 1", "agents:"),
            ),
            ".kaizen/agents/coach/memory.md": f"## 2026-11-23\n\n{SECRET}\n".encode()
            + b"\n".join(map(os.fsencode, names)),
            ".kaizen/metrics/coach/executions.jsonl": RECORD
            + json.dumps({**json.loads(RECORD), "note": f"{UTF8} {SECRET}", "run": UTF8})
            + f"\n{UTF8}{SECRET}\n",
            "agents/agent-coach.md": f"---\nname: {quoted[0]}\ndescription: {SECRET}\n"
            + "".join(f"{text}: {text}\n" for text in quoted)
            + f"---\n{UTF8}\n{SECRET}\n",
            **{f"agents/agent-{name}.md": PROMPT for name in names},
            **{f".claude/agents/{name}.md": PROMPT for name in names},
            **{f"docs/{name}/README.md": "" for name in names},
            **{f"readme.{name}": "" for name in names},
            "README.md": SECRET,
        },
    )
    ends = check_all(run, target)
    assert ends["validate"].code == ends["agents"].code == 1
    for name in ("validate", "list", "agents", "metrics"):
        assert not re.search(r"^\s*error: forged", ends[name].out + ends[name].err, re.MULTILINE)
    assert "[redacted:github-token]" in ends["validate"].out
    assert not list(target.parent.rglob("pwned"))


@pytest.mark.parametrize("name", ["everything", "not utf-8", "dash"])
def test_the_path_is_shown_harmless_and_works(run: Runner, tmp_path: Path, name: str) -> None:
    target = tmp_path / {"everything": UTF8, **TEXTS}[name].replace("/", "") / "repo"
    write_files(target, HEALTHY)
    ends = check_all(run, target)
    assert {end.code for end in ends.values()} == {0}, ends
    bundle = ends["prepare json"].value
    if name != "not utf-8":
        assert bundle["target"] == str(target)
    (target / ".kaizen" / "schedule.yml").write_text("version: 1\n")
    assert run("schedule", "validate", cwd=target).code == 1
    assert run("schedule", "validate", target, cwd=tmp_path).code == 1
    broken = run("schedule", "validate", "--target", target / "nothing", cwd=tmp_path)
    assert (broken.code, broken.out) == (2, "")
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize("name", ["everything", "not utf-8", "secret"])
def test_what_is_typed_is_shown_harmless(run: Runner, target: Path, name: str) -> None:
    text = {"everything": UTF8, "secret": SECRET, **TEXTS}[name]
    write_files(target, HEALTHY)
    before = snapshot(target)
    for words in (
        ("schedule", "prepare", "--", text),
        ("schedule", "prepare", "coach", "--run", text),
        ("schedule", "prepare", "coach", "--now", text),
        ("schedule", "validate", "--ignore", text),
        ("agents", "show", "--", text),
        ("metrics", "record", "coach", "--outcome", "success", "--duration-s", "1", "--run", text),
        ("metrics", "record", "coach", "--outcome", text, "--duration-s", "1"),
        ("schedule", "init", "--force", "--timezone", text),
        ("schedule", "init", "--force", "--agent", text),
        (f"x{text}",),
        (f"--{text}",),
    ):
        end = run(*words, cwd=target)
        assert end.code in (1, 2), words
        assert end.out == "", words
        assert end.err
    assert snapshot(target) == before


def test_secrets_stay_where_they_are(run: Runner, target: Path) -> None:
    write_files(
        target,
        {
            ".kaizen/schedule.yml": f"{SECRET}\n" + MANIFEST,
            "agents/agent-coach.md": PROMPT + f"{SECRET}\n{SECRET[:9]}\u200b{SECRET[9:]}\n",
            ".kaizen/agents/coach/memory.md": f"## x\n\n{SECRET}\n",
            ".kaizen/metrics/coach/executions.jsonl": RECORD
            + json.dumps({**json.loads(RECORD), "note": SECRET})
            + "\n",
        },
    )
    ends = check_all(run, target)
    assert "[redacted:github-token]" in ends["prepare"].out
    assert "[redacted:github-token]" in ends["memory"].out
    for end in ends.values():
        assert SECRET[9:] not in end.out + end.err
    described = PROMPT.replace("description: ", f"description: {SECRET} ", 1)
    write_files(target, {"agents/agent-coach.md": described})
    for words in (("list",), ("list", "--format", "json"), ("show", "coach", "--format", "json")):
        listed = run("agents", *words, cwd=target)
        assert "[redacted:github-token]" in listed.out
        assert SECRET[9:] not in listed.out + listed.err, words
    shown = run("agents", "show", "coach", cwd=target)
    assert shown.code == 0
    assert "[redacted:github-token]" in shown.out


# --- Nothing of the repository runs --------------------------------------------------------------

TRAP = 'import os\nopen(os.environ["TRAP"], "a").write(__name__ + "\\n")\n'
MODULES = (
    "sitecustomize", "usercustomize", "kaizen_schedule", "yaml", "click", "cronsim", "tzdata",
    "conftest", "setup", "typing", "json", "re", "zoneinfo", "dataclasses", "secrets", "_yaml",
)  # fmt: skip
HOOK = '#!/bin/sh\necho "$0" >> "$TRAP"\n'


@pytest.fixture
def trapped(tmp_path: Path, target: Path) -> tuple[Path, dict[str, str | None]]:
    """A repository full of what others would run, and where it says that it ran."""
    trap = tmp_path / "sprung"
    scripts = [
        *(f".git/hooks/{name}" for name in ("pre-commit", "post-checkout", "fsmonitor-watchman")),
        "git", "sh", "python", "python3", "kaizen-agentic", ".envrc", "bin/git",
    ]  # fmt: skip
    write_files(
        target,
        {
            **HEALTHY,
            **{f"{name}.py": TRAP for name in MODULES},
            **{f"{name}/__init__.py": TRAP for name in ("kaizen_schedule", "yaml", "tzdata")},
            **dict.fromkeys(scripts, HOOK),
            ".git/HEAD": "ref: refs/heads/main\n",
            ".git/config": f"[core]\n\tfsmonitor = {target}/git\n\thooksPath = {target}\n"
            f"[alias]\n\tstatus = !{target}/git\n[include]\n\tpath = {target}/more\n",
            ".gitattributes": "* filter=x diff=x\n",
            "x.pth": "import os; open(os.environ['TRAP'], 'a').write('pth')\n",
            "pyvenv.cfg": f"home = {target}\n",
            "agents/agent-coach.md": PROMPT + "!!python/object/apply:os.system ['touch pwned']\n",
            ".kaizen/agents/coach/memory.md": "$(touch pwned) `touch pwned`\n",
        },
    )
    for name in scripts:
        (target / name).chmod(0o755)
    return trap, {"TRAP": str(trap)}


def test_nothing_of_the_repository_runs(
    run: Runner, target: Path, trapped: tuple[Path, dict[str, str | None]]
) -> None:
    trap, env = trapped
    before = snapshot(target)
    for words in READ_ONLY.values():
        end = run(*words, cwd=target, env=env)
        assert end.code == 0, end
    assert snapshot(target) == before
    writing = (
        ("metrics", "record", "coach", "--outcome", "success", "--duration-s", "1"),
        ("memory", "add", "coach", "--text", "$(touch pwned)"),
        ("schedule", "disable", "coach"),
        ("schedule", "init", "--force"),
    )
    for words in writing:
        assert run(*words, cwd=target, env=env).code == 0
    assert not trap.exists(), trap.read_text()
    assert not list(target.parent.rglob("pwned"))


@pytest.mark.parametrize(
    "value", ["!!python/object/apply:os.system ['touch pwned']", "!!python/name:os.system ''"]
)
def test_no_tag_makes_an_object(run: Runner, target: Path, value: str) -> None:
    write_files(
        target,
        {
            ".kaizen/schedule.yml": f'version: "1"\nagents:\n  coach: {value}\n',
            "agents/agent-coach.md": f"---\nname: coach\nrisk: {value}\n---\nx\n",
        },
    )
    ends = check_all(run, target, ["validate", "prepare", "agents"])
    assert ends["validate"].code == 1
    assert not list(target.parent.rglob("pwned"))


BOMBS = {
    "nesting": "[" * 100_000,
    "aliases": "a: &a [x]\n"
    + "".join(f"{n}: &{n} [*{p}, *{p}, *{p}]\n" for p, n in pairwise("abcdefghijklmn")),
    "long key": "? " + "k" * 500_000 + "\n",
    "many keys": "".join(f"k{n}: x\n" for n in range(60_000)),
    "many findings": "agents:\n" + "".join(f"  a{n}: {{cadence: x}}\n" for n in range(30_000)),
    "controls": "\x00\x1b\u202e" * 100_000,
    "one line": "a: " + "x" * 1_000_000,
    "colons": "a: b: c\n" * 60_000,
    "not utf-8": "\udcff" * 1_000_000,
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_time_and_in_few_words(run: Runner, target: Path, name: str) -> None:
    bomb = BOMBS[name].encode("utf-8", "surrogateescape")[: 1 << 20]
    write_files(
        target,
        {
            ".kaizen/schedule.yml": bomb,
            "agents/agent-coach.md": b"---\n" + bomb[:100_000] + b"\n---\nx\n",
            ".kaizen/agents/coach/memory.md": bomb,
            ".kaizen/metrics/coach/executions.jsonl": bomb,
        },
    )
    ends = check_all(run, target, ["validate", "prepare", "agents", "metrics", "memory"])
    assert ends["validate"].code == 1
    assert all(len(end.out) + len(end.err) < 2 << 20 for end in ends.values())


# --- Exit codes ----------------------------------------------------------------------------------


@pytest.fixture
def healthy(target: Path) -> Path:
    return write_files(target, HEALTHY)


WRONG_USE: list[Sequence[str]] = [
    (),
    ("schedule",),
    ("nonsense",),
    ("schedule", "nonsense"),
    ("schedule", "validate", "--nonsense"),
    ("schedule", "validate", "--format", "xml"),
    ("schedule", "validate", "--ignore", "KS999"),
    ("schedule", "validate", "--now", "yesterday"),
    ("schedule", "validate", "--now", "2026-11-24T12:00:00"),
    ("schedule", "validate", "--target", ".", "."),
    ("schedule", "validate", "--target", "nothing"),
    ("schedule", "validate", "--target", "README.md"),
    ("schedule", "validate", "--target", ""),
    ("schedule", "init", "--force", "--target", ""),
    ("memory", "add", "coach", "--text", "x", "--target", ""),
    ("schedule", "validate", "nothing", "README.md"),
    ("schedule", "list", "--target", "nothing"),
    ("schedule", "list", "--next", "0"),
    ("schedule", "list", "--next", "1000000"),
    ("schedule", "prepare"),
    ("schedule", "prepare", "coach", "extra"),
    ("schedule", "prepare", "coach", "--target", "nothing"),
    ("schedule", "prepare", "coach", "--token-budget", "-1"),
    ("schedule", "prepare", "coach", "--expires-at", "soon"),
    ("schedule", "init", "--timezone", "Nowhere/Land", "--force"),
    ("schedule", "init", "--agent", "nobody", "--force"),
    ("schedule", "init", "--target", "nothing"),
    ("schedule", "enable", "nobody"),
    ("schedule", "disable", "nobody"),
    ("schedule", "rule", "KS999"),
    ("agents", "show", "nobody"),
    ("agents", "install", "nobody"),
    ("agents", "list", "--target", "nothing"),
    ("metrics", "show", "nobody"),
    ("metrics", "show", "coach", "--days", "0"),
    ("metrics", "record", "coach"),
    ("metrics", "record", "coach", "--outcome", "success"),
    ("metrics", "record", "coach", "--outcome", "great", "--duration-s", "1"),
    ("metrics", "record", "coach", "--outcome", "success", "--duration-s", "nan"),
    ("metrics", "record", "coach", "--outcome", "success", "--duration-s", "-1"),
    ("metrics", "record", "coach", "--outcome", "success", "--duration-s", "1", "--quality", "2"),
    ("metrics", "record", "coach", "--outcome", "success", "--duration-s", "1", "--run", "x"),
    ("metrics", "record", "../../x", "--outcome", "success", "--duration-s", "1"),
    ("memory", "brief", "nobody"),
    ("memory", "brief", "coach", "--limit", "0"),
    ("memory", "add", "nobody", "--text", "x"),
    ("memory", "add", "../x", "--text", "x"),
    ("memory", "add", "coach", "--text", " "),
    ("completion", "tcsh"),
]


@pytest.mark.parametrize("words", WRONG_USE, ids=" ".join)
def test_wrong_use_leaves_standard_output_empty(
    run: Runner, healthy: Path, words: Sequence[str]
) -> None:
    before = snapshot(healthy)
    takes_json = words[:2] in [
        ("schedule", "validate"), ("schedule", "list"), ("schedule", "prepare"),
        ("schedule", "rule"), ("agents", "show"), ("agents", "list"), ("metrics", "show"),
        ("memory", "brief"),
    ]  # fmt: skip
    if takes_json and "--format" not in words:
        words = (*words, "--format", "json")
    end = run(*words, cwd=healthy)
    assert (end.code, end.out) == (2, "")
    assert end.err
    assert snapshot(healthy) == before


JSON: dict[str, tuple[Sequence[str], Mapping[str, str], int]] = {
    "validate": (("schedule", "validate"), HEALTHY, 0),
    "validate, errors": (("schedule", "validate"), {".kaizen/schedule.yml": "a: .nan\n"}, 1),
    "validate, absent": (("schedule", "validate"), {}, 2),
    "validate, one absent": (("schedule", "validate", ".", "sub"), {**HEALTHY, "sub/x": ""}, 2),
    "validate, one no folder": (("schedule", "validate", ".", "README.md"), HEALTHY, 2),
    "validate, strict": (
        ("schedule", "validate", "--strict"),
        {".kaizen/schedule.yml": manifest("coach: {cadence: daily}")},
        1,
    ),
    "list": (("schedule", "list"), HEALTHY, 0),
    "list, off": (
        ("schedule", "list", "--all"),
        {".kaizen/schedule.yml": f"enabled: false\n{MANIFEST}"},
        0,
    ),
    "list, absent": (("schedule", "list"), {}, 2),
    "list, errors": (("schedule", "list"), {".kaizen/schedule.yml": "x"}, 1),
    "prepare": (("schedule", "prepare", "coach"), HEALTHY, 0),
    "prepare, no manifest": (("schedule", "prepare", "coach"), {}, 0),
    "prepare, nobody": (("schedule", "prepare", "nobody"), HEALTHY, 1),
    "prepare, no budget": (("schedule", "prepare", "coach", "--token-budget", "9"), HEALTHY, 1),
    "prepare, run": (
        ("schedule", "prepare", "coach", "--run", RUN_KEY,
         "--definition", "weekly-coach-orientation", "--expires-at", "2026-11-29T08:00:00Z"),
        HEALTHY,
        0,
    ),
    "prepare, expired": (
        ("schedule", "prepare", "coach", "--run", RUN_KEY, "--expires-at", "2026-11-24T08:00:00Z"),
        HEALTHY,
        1,
    ),
    "prepare, another's run": (
        ("schedule", "prepare", "optimization", "--run", RUN_KEY), HEALTHY, 1,
    ),
    "prepare, run of nothing": (("schedule", "prepare", "coach", "--run", ""), HEALTHY, 1),
    "prepare, run without manifest": (("schedule", "prepare", "coach", "--run", RUN_KEY), {}, 1),
    "agents": (("agents", "list"), HEALTHY, 0),
    "agents, unreadable": (("agents", "list"), {"agents/agent-x.md/y": ""}, 1),
    "agents, show": (("agents", "show", "coach"), HEALTHY, 0),
    "metrics": (("metrics", "show", "coach"), HEALTHY, 0),
    "metrics, none": (("metrics", "show", "coach"), {}, 0),
    "metrics, NaN": (
        ("metrics", "show", "coach"),
        {".kaizen/metrics/coach/executions.jsonl": RECORD.replace("60", "NaN") + RECORD},
        0,
    ),
    "metrics, optimize": (("metrics", "optimize", "coach"), HEALTHY, 0),
    "memory": (("memory", "brief", "coach"), HEALTHY, 0),
    "memory, none": (("memory", "brief", "coach"), {}, 0),
    "rule": (("schedule", "rule", "KS204"), {}, 0),
    "rules": (("schedule", "rule"), {}, 0),
}  # fmt: skip
TAKES_NOW = ("validate", "list", "prepare", "metrics")


@pytest.mark.parametrize("name", JSON)
def test_json_is_one_strict_value(run: Runner, target: Path, name: str) -> None:
    words, files, code = JSON[name]
    write_files(target, files)
    now = ("--now", NOW) if name.split(",")[0] in TAKES_NOW else ()
    end = run(*words, *now, "--format", "json", cwd=target)
    assert end.code == code, end
    value = end.value
    if "ok" in value:
        assert value["ok"] is (code == 0)
    elif name.startswith("validate") or code:
        pytest.fail("a failure has to say so")
    if name not in ("validate", "list, absent", "prepare", "prepare, expired", "rules"):
        return
    written = run(*words, *now, "--format", "json", "-o", "../out.json", cwd=target)
    if "refusal" in value:  # nothing stands in place of a result
        assert (written.code, written.value) == (code, value)
        assert not (target.parent / "out.json").exists()
        return
    assert (written.code, written.out) == (code, "")
    assert (target.parent / "out.json").read_text() == end.out


RESULTS: dict[str, Sequence[str]] = {
    **READ_ONLY,
    "help": ("--help",),
    "group help": ("schedule", "--help"),
    "command help": ("schedule", "prepare", "--help"),
    "version": ("--version",),
    "rule": ("schedule", "rule", "KS204"),
    "completion": ("completion", "bash"),
    "dry run": ("schedule", "init", "--dry-run", "--force"),
}
NOTHING_SAID = ("validate",)
"""Of a healthy repository there is nothing to say on standard output, so nothing can fail."""


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ('"$@" >&-', "cannot write to standard output: bad file descriptor"),
        ('"$@" >/dev/full', "cannot write to standard output: no space left on device"),
        ('"$@" </dev/null >/dev/full 2>&1', ""),
    ],
    ids=["closed", "full", "both full"],
)
def test_a_failed_write_is_never_a_success(
    run: Runner, healthy: Path, name: str, shell: str, words: str
) -> None:
    if "/dev/full" in shell and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    end = run(*RESULTS[name], cwd=healthy, shell=shell)
    assert end.code == (0 if name in NOTHING_SAID else 1)
    assert name in NOTHING_SAID or words in end.err


@pytest.mark.parametrize("name", ["validate", "list", "prepare", "help", "version", "completion"])
def test_a_reader_that_has_gone_is_no_news(env: dict[str, str], healthy: Path, name: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*COMMAND, *RESULTS[name]],
            cwd=healthy,
            env=env,
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=DEADLINE,
            check=False,
        )
    finally:
        os.close(writing)
    assert done.returncode == (0 if name in NOTHING_SAID else 1)
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert b"error" not in done.stderr.replace(b"0 errors", b"")


@pytest.mark.parametrize("shell", ['"$@" 2>&-', '"$@" 2>/dev/full', '"$@" <&-', '"$@" <&- 2>&-'])
def test_what_is_said_beside_a_result_needs_nobody(run: Runner, healthy: Path, shell: str) -> None:
    end = run(*RESULTS["prepare json"], cwd=healthy, shell=shell)
    assert end.code == 0
    assert end.value
    assert run(*RESULTS["help"], cwd=healthy, shell=shell).out.startswith("Usage: ")
    assert run("schedule", "nonsense", cwd=healthy, shell=shell).code == 2
    (healthy / ".kaizen" / "schedule.yml").unlink()
    assert run("schedule", "validate", cwd=healthy, shell=shell).code == 2


@pytest.mark.parametrize("shell", ['"$@" >&-', '"$@" <&- >&- 2>&-', '"$@" >/dev/full'])
def test_commands_without_a_result_need_no_output(run: Runner, target: Path, shell: str) -> None:
    for words in (
        ("schedule", "init", "--timezone", "UTC"),
        ("schedule", "disable", "coach"),
        ("metrics", "record", "coach", "--outcome", "success", "--duration-s", "1"),
        ("memory", "add", "coach", "--text", "x"),
        ("agents", "install", "coach"),
        ("schedule", "list", "-o", "out"),
    ):
        assert run(*words, cwd=target, shell=shell).code == 0, words
    assert "AGENT" in (target / "out").read_text()
    assert run("schedule", "validate", cwd=target).code == 0


def test_a_note_needs_a_standard_input(run: Runner, healthy: Path) -> None:
    before = snapshot(healthy)
    for shell in ('"$@" <&-', '"$@" </dev/null'):
        end = run("memory", "add", "coach", cwd=healthy, shell=shell)
        assert (end.code, end.out) == (2, "")
        assert end.err
    assert snapshot(healthy) == before
    odd = b"\xff\x1b[31m" + SECRET.encode()
    assert run("memory", "add", "coach", cwd=healthy, stdin=odd).code == 2
    assert snapshot(healthy) == before
    assert run("memory", "add", "coach", cwd=healthy, stdin=odd[1:]).code == 0
    end = run("memory", "brief", "coach", cwd=healthy)
    assert "[redacted:github-token]" in end.out


def test_interrupted_is_130(env: dict[str, str], healthy: Path) -> None:
    before = snapshot(healthy)
    controller, terminal = pty.openpty()
    try:
        process = subprocess.Popen(
            [*COMMAND, "memory", "add", "coach"],
            cwd=healthy,
            env=env,
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stderr is not None
        said = process.stderr.readline()  # it waits for the note now
        assert b"Ctrl-D" in said
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=DEADLINE)
    finally:
        os.close(controller)
        os.close(terminal)
    assert (process.returncode, out, err.strip()) == (130, b"", b"interrupted")
    assert snapshot(healthy) == before


def test_a_reader_of_a_pipe_may_never_come(env: dict[str, str], healthy: Path) -> None:
    # `-o PIPE` waits for a reader; interrupted while it waits, it ends as it should.
    os.mkfifo(healthy.parent / "pipe")
    process = subprocess.Popen(
        [*COMMAND, "schedule", "prepare", "coach", "-o", healthy.parent / "pipe"],
        cwd=healthy,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with open(healthy.parent / "pipe", "rb") as pipe:
        assert b"Be kind." in pipe.read()
    out, _ = process.communicate(timeout=DEADLINE)
    assert (process.returncode, out) == (0, b"")


ENVIRONMENTS: dict[str, dict[str, str | None]] = {
    "no HOME": {"HOME": None},
    "HOME is nowhere": {"HOME": "/nonexistent"},
    "HOME is a file": {"HOME": "/dev/null"},
    "C": {"LC_ALL": "C", "LANG": "C"},
    "POSIX, no UTF-8 mode": {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "ASCII": {"PYTHONIOENCODING": "ascii"},
    "strict ASCII": {"PYTHONIOENCODING": "ascii:strict"},
    "Latin-1": {"PYTHONIOENCODING": "latin-1"},
    "warnings are errors": {"PYTHONWARNINGS": "error"},
    "development mode": {"PYTHONDEVMODE": "1", "PYTHONWARNINGS": "error"},
    "optimised": {"PYTHONOPTIMIZE": "2"},
    "no terminal": {"TERM": None, "COLUMNS": "1", "LINES": "1"},
    "colours": {"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "TERM": "xterm-256color"},
    "odd zone": {"TZ": "\x1b[31m/nowhere"},
    "nothing at all": {"PATH": None, "HOME": None, "LC_ALL": None},
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that nobody changes."""
    note = "## 2026-11-23\n\nÜber 漢字 🎉\n"
    return write_files(
        tmp_path_factory.mktemp("shared"), {**HEALTHY, ".kaizen/agents/coach/memory.md": note}
    )


PLAIN: dict[Path, Ended] = {}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_environment_changes_nothing(run: Runner, shared: Path, name: str) -> None:
    changed = ENVIRONMENTS[name]
    if shared not in PLAIN:
        PLAIN[shared] = run(*READ_ONLY["prepare"], cwd=shared)
        assert "Über 漢字 🎉" in PLAIN[shared].out
    assert run(*READ_ONLY["prepare"], cwd=shared, env=changed) == PLAIN[shared]
    end = run("schedule", "nonsense", cwd=shared, env=changed)
    assert (end.code, end.out) == (2, "")
    end = run("schedule", "init", "--dry-run", cwd=shared, env=changed)
    assert (end.code, end.err) == (0, "nothing was written\n")


def test_help_can_be_read_in_every_encoding(env: dict[str, str]) -> None:
    script = """
import click, sys
from kaizen_schedule.cli import main, root

def walk(command, words):
    print(main([*words, "--help"]), file=sys.stderr)
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            walk(command.get_command(click.Context(command), name), [*words, name])

walk(root, [])
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**env, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii:strict"},
        capture_output=True,
        timeout=DEADLINE,
        check=True,
    )
    assert set(done.stderr.split()) == {b"0"}
    assert len(done.stderr.split()) > 15
    assert done.stdout.isascii()


def test_a_working_folder_that_is_gone(run: Runner, target: Path) -> None:
    gone = target.parent / "gone"
    gone.mkdir()
    shell = 'rmdir "$PWD"; "$@"'
    for name in ("validate", "prepare json", "memory"):
        words = READ_ONLY[name]
        gone.mkdir(exist_ok=True)
        end = run(*words, cwd=gone, shell=shell)
        assert (end.code, end.out) == (2, ""), name
        gone.mkdir(exist_ok=True)
        end = run(*words, "--target", ".", cwd=gone, shell=shell)
        assert (end.code, end.out) == (2, ""), name
    write_files(target, HEALTHY)
    gone.mkdir(exist_ok=True)
    assert run(*READ_ONLY["prepare"], "--target", target, cwd=gone, shell=shell).code == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


WRITING: dict[str, Sequence[str]] = {
    "init": ("schedule", "init", "--timezone", "UTC"),
    "force": ("schedule", "init", "--timezone", "Europe/Berlin", "--force"),
    "record": ("metrics", "record", "coach", "--outcome", "success", "--duration-s", "1"),
    "note": ("memory", "add", "coach", "--text", "x"),
    "install": ("agents", "install", "coach"),
    "output": ("schedule", "prepare", "coach", "-o", "out"),
}


def test_a_repository_that_may_only_be_read(run: Runner, disk: Path) -> None:
    write_files(disk, HEALTHY)
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    assert {end.code for end in check_all(run, disk).values()} == {0}
    for name in ("force", "record", "note", "output"):
        end = run(*WRITING[name], cwd=disk)
        assert (end.code, end.out) == (1, ""), name
        assert "read-only file system" in end.err


@pytest.mark.parametrize("name", [name for name in WRITING if name != "force"])
def test_a_full_disk_leaves_nothing_behind(run: Runner, disk: Path, name: str) -> None:
    with open(disk / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017
    before = snapshot(disk).keys()
    end = run(*WRITING[name], cwd=disk)
    assert (end.code, end.out) == (1, "")
    assert "no space left on device" in end.err
    assert snapshot(disk).keys() == before


# --- What writes ---------------------------------------------------------------------------------


def test_init_writes_one_file(run: Runner, target: Path) -> None:
    end = run(*WRITING["init"], cwd=target)
    assert (end.code, end.out) == (0, "")
    assert sorted(snapshot(target)) == [b".", b".kaizen", b".kaizen/schedule.yml"]
    assert run("schedule", "validate", "--strict", cwd=target).code == 0


def test_init_refuses_what_stands_there(run: Runner, target: Path) -> None:
    write_files(target, {".kaizen/schedule.yml": "mine\n"})
    before = snapshot(target)
    end = run(*WRITING["init"], cwd=target)
    assert (end.code, end.out) == (1, "")
    assert "already exists" in end.err
    assert "--force" in end.err
    assert snapshot(target) == before
    assert run(*WRITING["force"], cwd=target).code == 0
    assert "Europe/Berlin" in (target / ".kaizen" / "schedule.yml").read_text()
    assert sorted(snapshot(target)) == [b".", b".kaizen", b".kaizen/schedule.yml"]


def test_a_dry_run_writes_nothing(run: Runner, target: Path) -> None:
    before = snapshot(target)
    end = run(*WRITING["init"], "--dry-run", cwd=target)
    assert end.code == 0
    assert snapshot(target) == before
    assert run(*WRITING["init"], cwd=target).code == 0
    assert (target / ".kaizen" / "schedule.yml").read_text() == end.out


STATE_PATHS = {
    "init": (".kaizen", ".kaizen/schedule.yml"),
    "force": (".kaizen", ".kaizen/schedule.yml"),
    "record": (".kaizen", ".kaizen/metrics", ".kaizen/metrics/coach",
               ".kaizen/metrics/coach/executions.jsonl"),
    "note": (".kaizen", ".kaizen/agents", ".kaizen/agents/coach", ".kaizen/agents/coach/memory.md"),
    "install": ("agents", "agents/agent-coach.md"),
    "output": ("out",),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITING)
def test_nothing_is_written_through_a_link(run: Runner, tmp_path: Path, name: str) -> None:
    for number, place in enumerate(STATE_PATHS[name]):
        for inside in (True, False):
            target = tmp_path / f"{number}{inside}"
            outside = target / "elsewhere" if inside else tmp_path / f"{number}outside"
            is_file = place == STATE_PATHS[name][-1]
            if is_file:
                write_files(outside.parent, {outside.name: "theirs\n"})
            else:
                outside.mkdir(parents=True)
            link = target / place
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(outside)
            before = snapshot(outside.parent if is_file else outside), snapshot(target)
            end = run(*WRITING[name], cwd=target)
            assert (end.code, end.out) == (1, ""), end
            assert "link" in end.err
            assert (snapshot(outside.parent if is_file else outside), snapshot(target)) == before


@pytest.mark.parametrize("name", WRITING)
def test_nothing_is_written_where_a_link_leads_to_nothing(
    run: Runner, target: Path, name: str
) -> None:
    (target / STATE_PATHS[name][0]).symlink_to(target.parent / "nothing")
    before = snapshot(target)
    assert run(*WRITING[name], cwd=target).code == 1
    assert snapshot(target) == before
    assert not (target.parent / "nothing").exists()


@pytest.mark.parametrize("name", [name for name in WRITING if name != "output"])
def test_a_file_where_the_folder_must_be_is_left_alone(
    run: Runner, target: Path, name: str
) -> None:
    write_files(target, {STATE_PATHS[name][0]: "a file"})
    before = snapshot(target)
    end = run(*WRITING[name], cwd=target)
    assert (end.code, end.out) == (1, "")
    assert snapshot(target) == before


def test_of_two_inits_at_once_one_wins(env: dict[str, str], tmp_path: Path) -> None:
    for round_ in range(4):
        target = tmp_path / str(round_)
        target.mkdir()
        running = [
            subprocess.Popen(
                [*COMMAND, *WRITING["init"]], cwd=target, env=env, stderr=subprocess.DEVNULL
            )
            for _ in range(3)
        ]
        assert sorted(process.wait() for process in running) == [0, 1, 1]
        assert sorted(snapshot(target)) == [b".", b".kaizen", b".kaizen/schedule.yml"]


def test_records_made_at_once_are_all_kept(env: dict[str, str], target: Path) -> None:
    running = [
        subprocess.Popen(
            [*COMMAND, *WRITING["record"], "--note", f"note {number}"],
            cwd=target,
            env=env,
            stderr=subprocess.DEVNULL,
        )
        for number in range(6)
    ]
    assert {process.wait() for process in running} == {0}
    lines = (target / STATE_PATHS["record"][-1]).read_text().splitlines()
    assert sorted(json.loads(line)["note"] for line in lines) == [f"note {n}" for n in range(6)]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "BOM"])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_switching_changes_one_line(run: Runner, target: Path, mark: bytes, ending: bytes) -> None:
    text = mark + ending.join(
        [b"# head \xc3\xa9", b'version: "1" # v', b"agents:", b"  coach: # who", b"    # when",
         b"    cadence: weekly   # often", b"    review: none", b"  other: {cadence: daily}", b""]
    )  # fmt: skip
    path = target / ".kaizen" / "schedule.yml"
    write_files(target, {".kaizen/schedule.yml": text, "agents/agent-other.md": PROMPT})
    path.chmod(0o640)
    off = text.replace(b"# often" + ending, b"# often" + ending + b"    enabled: false" + ending)
    assert run("schedule", "disable", "coach", cwd=target).code == 0
    assert path.read_bytes() == off
    info = path.stat()
    assert stat.S_IMODE(info.st_mode) == 0o640
    assert run("schedule", "disable", "coach", cwd=target).code == 0  # already: nothing is written
    assert path.stat().st_ino == info.st_ino
    assert run("schedule", "enable", "coach", cwd=target).code == 0
    assert path.read_bytes() == off.replace(b"enabled: false", b"enabled: true")
    assert sorted(os.listdir(target / ".kaizen")) == ["schedule.yml"]


def test_switching_what_has_no_line_of_its_own_is_refused(run: Runner, target: Path) -> None:
    text = 'version: "1"\nagents:\n  coach: &a {cadence: weekly}\n  optimization: *a\n'
    write_files(target, {".kaizen/schedule.yml": text})
    before = snapshot(target)
    end = run("schedule", "disable", "optimization", cwd=target)
    assert (end.code, end.out) == (1, "")
    assert "no one line to change" in end.err
    for code, content in ((1, "x"), (2, None)):
        if content is not None:
            (target / ".kaizen" / "schedule.yml").write_text(content)
        else:
            (target / ".kaizen" / "schedule.yml").unlink()
        end = run("schedule", "disable", cwd=target)
        assert (end.code, end.out) == (code, "")
    assert before.keys() - snapshot(target).keys() == {b".kaizen/schedule.yml"}
