"""The questions of the vectors: at least one for each promise that a resolver makes."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kaizen_schedule.planning.agents import Prompt
from kaizen_schedule.planning.definitions import ActivityDefinition, Inputs, Policy, Trigger
from kaizen_schedule.planning.manifest import MANIFEST_PATH
from kaizen_schedule.planning.windows import Window

from .vectors import FLEET, Vector, VectorFile, VectorPrompt

HOST = "forge-1"
FIRES = datetime(2026, 11, 30, 8, tzinfo=UTC)
"""A Monday, 09:00 in Berlin: when the coach's definition fires."""
WEEK = Window(start=FIRES, end=FIRES + timedelta(days=7))
_METRICS = ".kaizen/metrics/coach/executions.jsonl"
_RUN = '{"timestamp": "2026-11-23T08:10:00Z", "outcome": "success", "duration_s": 60}\n'
_HIGH = "---\nname: coach\ndescription: Guides.\nrisk: high\n---\n# coach\n"
_LOW = "---\nname: painter\ndescription: Paints.\n---\n# painter\n"

Files = Mapping[str, "str | bytes | VectorFile"]


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _link(target: str) -> VectorFile:
    return VectorFile(link=target, mode="0777")


def _manifest(*entries: str, zone: str = "Europe/Berlin", head: str = "") -> str:
    """A manifest of entries on one line each."""
    lines = ['version: "1"', f"timezone: {zone}", *filter(None, [head])]
    lines.append("agents:" if entries else "agents: {}")
    return "\n".join([*lines, *(f"  {entry}" for entry in entries), ""])


_COACH = _manifest("coach: {cadence: weekly}")


def _checkout(manifest: str | bytes | None = _COACH, **more: str | bytes | VectorFile) -> Files:
    """A checkout that has opted in, with more files by their paths."""
    held: dict[str, str | bytes | VectorFile] = {".git/HEAD": "ref: refs/heads/main\n"}
    if manifest is not None:
        held[MANIFEST_PATH] = manifest
    return held | more


def _item(slug: str, path: str | None = None, *, host: str = HOST, **more: Any) -> dict[str, Any]:
    return {"slug": slug, "host_paths": {host: path or f"{FLEET}/{slug}"}, **more}


class Cases:
    """Makes the questions.

    Args:
        definitions: The packaged drafts.
        prompts: The packaged prompts.
        tzdata_version: The release of the time zone rules.
    """

    def __init__(
        self,
        definitions: Sequence[ActivityDefinition],
        prompts: Mapping[str, Prompt],
        tzdata_version: str,
    ) -> None:
        self.drafts = tuple(definitions)
        self.by_id = {item.id: item for item in definitions}
        self.coach = self.by_id["weekly-coach-orientation"]
        self.prompts = tuple(VectorPrompt(name=n, risk=p.risk) for n, p in prompts.items())
        self.tzdata_version = tzdata_version
        self.questions: list[Vector] = []

    def add(
        self,
        name: str,
        title: str,
        checkouts: Mapping[str, Files],
        *,
        roster: Sequence[Any] | None = None,
        **asked: Any,
    ) -> None:
        """Add a question about checkouts; what is not said is as usual."""
        files: dict[str, VectorFile] = {}
        for slug, held in checkouts.items():
            for path, content in held.items():
                if isinstance(content, VectorFile):
                    files[f"{FLEET}/{slug}/{path}"] = content
                else:
                    data = content.encode() if isinstance(content, str) else content
                    text = base64.b64encode(data).decode()
                    files[f"{FLEET}/{slug}/{path}"] = VectorFile(base64=text)
        usual: dict[str, Any] = {
            "definition": self.coach,
            "definitions": self.drafts,
            "prompts": self.prompts,
            "hosts": (HOST,),
            "host": HOST,
            "now": FIRES,
            "window": WEEK,
            "tzdata_version": self.tzdata_version,
            "roster": tuple(roster or [_item(slug) for slug in checkouts]),
            "files": files,
        }
        self.questions.append(Vector(name=name, title=title, **(usual | asked)))

    def changed(self, **inputs: Any) -> ActivityDefinition:
        """The coach's definition, asking for something else."""
        context = self.coach.context
        held = {"agent": "coach", "cadence": self.coach.cadence, **inputs}
        return replace(self.coach, context=replace(context, inputs=Inputs(**held)))

    def all(self) -> tuple[Vector, ...]:
        """Every question, by name."""
        self._registered()
        self._checkouts()
        self._manifests()
        self._entries()
        self._timetable()
        self._clocks()
        self._windows()
        self._answers()
        return tuple(sorted(self.questions, key=lambda question: question.name))

    def _registered(self) -> None:
        add = self.add
        good = {"ledger": _checkout()}
        faulty = [
            {"slug": 7, "host_paths": {HOST: f"{FLEET}/seven"}},
            {"slug": "", "host_paths": {}},
            "no mapping",
            {"slug": "berth", "host_paths": {HOST: "relative/path"}},
            {"slug": "flagged", "host_paths": {}, "kaizen_schedule_enabled": "no"},
            {"slug": "x" * 201, "host_paths": {}},
            _item("ledger"),
        ]
        add("roster-entry-invalid", "Faulty items are each told; the others run.", good,
            roster=faulty)  # fmt: skip
        add("duplicate-slug", "A slug that stands twice runs nowhere.", good,
            roster=[_item("ledger"), _item("ledger", f"{FLEET}/other")])  # fmt: skip
        add("hub-opted-out", "The hub's false excludes; null, true and absent do not.",
            {slug: _checkout() for slug in ("a", "b", "c", "d")},
            roster=[_item("a", kaizen_schedule_enabled=False), _item("b"),
                    _item("c", kaizen_schedule_enabled=None),
                    _item("d", kaizen_schedule_enabled=True)])  # fmt: skip
        add("not-selected", "Include and exclude are globs of slugs, of exact case.",
            {slug: _checkout() for slug in ("docs-a", "docs-b", "Docs-c", "tools")},
            definition=self.changed(include=("docs-*",), exclude=("*-b",)))  # fmt: skip
        add("no-host-path", "A repository without a path runs nowhere.", {},
            roster=[{"slug": "almanac", "host_paths": {}}, {"slug": "bare"}])  # fmt: skip
        add("host-unreachable", "No participating host has a path; this may pass by itself.", {},
            roster=[_item("lantern", host="attic-1")])  # fmt: skip
        both = {"slug": "ledger", "host_paths": {HOST: f"{FLEET}/ledger", "anvil": "/fleet/x"}}
        add("other-host", "The owner is the smallest participating name; others say whose it is.",
            good, roster=[both], hosts=("anvil", HOST))  # fmt: skip
        add("owner-among-hosts", "A host that does not take part owns nothing.", good,
            roster=[both], hosts=(HOST,))  # fmt: skip
        add("owner-by-bytes", "The smallest name is the smallest in UTF-8 bytes.", good,
            roster=[{"slug": "ledger",
                     "host_paths": {"\U0001f98a": "/fleet/f", "\uff5e": f"{FLEET}/ledger"}}],
            hosts=("\U0001f98a", "\uff5e"), host="\uff5e")  # fmt: skip
        add("duplicate-path", "Of several slugs with one path the smallest has it.",
            {"ledger": _checkout()},
            roster=[_item("zebra", f"{FLEET}/ledger"), _item("ledger", f"{FLEET}//ledger/.")],
            )  # fmt: skip

    def _checkouts(self) -> None:
        add = self.add
        add("path-missing", "Nothing stands at the path; this may pass by itself.", {},
            roster=[_item("quarry")])  # fmt: skip
        add("not-a-repository", "Neither .git nor a manifest.", {"plain": {"README.md": "# x\n"}})
        add("git-may-be-a-file", "A worktree's .git is a file, and a manifest alone is enough.",
            {"worktree": {".git": "gitdir: /elsewhere\n", MANIFEST_PATH: _COACH},
             "bare-manifest": {MANIFEST_PATH: _COACH}})  # fmt: skip
        loop: Files = {".git/HEAD": "ref: x\n", MANIFEST_PATH: _link("schedule.yml")}
        add("unreadable", "A manifest that is a link to itself cannot be read.", {"loop": loop})
        out: Files = {
            ".git/HEAD": "ref: x\n",
            MANIFEST_PATH: _link("../../ledger/.kaizen/schedule.yml"),
        }
        add("link-that-leaves", "A link that leaves the checkout is not followed.",
            {"ledger": _checkout(), "thief": out})  # fmt: skip
        inside: Files = {".git/HEAD": "ref: x\n", MANIFEST_PATH: _link("../shared.yml")}
        add("link-inside", "A link that stays inside the checkout is followed.",
            {"ledger": {**inside, "shared.yml": _COACH}})  # fmt: skip
        add("manifest-missing", "A repository that has not opted in.", {"bare": _checkout(None)})
        add("broken-beside-good", "One broken repository changes nothing for another.",
            {"a-broken": _checkout(b"\xff\xfe"), "b-good": _checkout(), "c-loop": loop},
            )  # fmt: skip

    def _manifests(self) -> None:
        add = self.add
        wrong: dict[str, str | bytes] = {
            "not-utf8": b"version: '1'\n# \xe9\n",
            "tag": 'version: !!str "1"\n',
            "merge-key": 'version: "1"\nagents:\n  a: &a {cadence: weekly}\n  coach: {<<: *a}\n',
            "duplicate-key": 'version: "1"\nversion: "1"\n',
            "several-documents": 'version: "1"\n---\nversion: "1"\n',
            "unquoted-version": "version: 1\n",
            "unknown-key": 'version: "1"\nagent: {}\n',
            "unknown-cadence": _manifest("coach: {cadence: weely}"),
            "yes-is-text": 'version: "1"\nenabled: yes\n',
            "too-deep": 'version: "1"\nagents: ' + "[" * 17 + "]" * 17 + "\n",
            "line-separator": 'version: "1"\u2028\n',
            "unknown-zone": _manifest(zone="Europe/Berln"),
            "zone-local": _manifest(zone="localtime"),
            "cron-six-fields": _manifest('coach: {cadence: weekly, cron: "0 0 9 * * 1"}'),
            "cron-macro": _manifest('coach: {cadence: weekly, cron: "@weekly"}'),
            "cron-both-days": _manifest('coach: {cadence: weekly, cron: "0 9 1 * 1"}'),
            "cron-never": _manifest('coach: {cadence: weekly, cron: "0 9 31 2 *"}'),
            "cron-step": _manifest('coach: {cadence: weekly, cron: "*/61 9 * * 1"}'),
            "case-twins": _manifest("coach: {cadence: weekly}", "Coach: {cadence: weekly}"),
            "empty": "",
        }
        add("manifest-invalid", "What a manifest may not hold; nothing of such a one runs.",
            {slug: _checkout(text) for slug, text in wrong.items()})  # fmt: skip
        right: dict[str, str | bytes] = {
            "bom": b"\xef\xbb\xbf" + _COACH.encode(),
            "crlf": _COACH.replace("\n", "\r\n"),
            "anchors": 'version: "1"\ntimezone: Europe/Berlin\nagents:\n'
            "  coach: &w {cadence: weekly}\n  optimization: *w\n",
            "quoted": '"version": \'1\'\n"timezone": Europe/Berlin\n'
            'agents: {"coach": {"cadence": "weekly"}}\n',
            "comment": f"# who runs what\n{_COACH}# end\n",
        }
        add("manifest-forms", "The same manifest in other forms of YAML.",
            {slug: _checkout(text) for slug, text in right.items()})  # fmt: skip
        newer = 'version: "2"\nagents: 7\n'
        add("manifest-too-new", "A newer version is no error of the file.",
            {"next": _checkout(newer)})  # fmt: skip
        add("repository-disabled", "The manifest switches the whole repository off.",
            {"ledger": _checkout(_manifest("coach: {cadence: weekly}", head="enabled: false"))},
            )  # fmt: skip
        whole = self.by_id["weekly-metrics-optimize"]
        add("no-metrics", "A definition about repositories asks for recorded runs.",
            {"with": _checkout(**{_METRICS: _RUN}), "without": _checkout()},
            definition=whole)  # fmt: skip
        start = WEEK.start - timedelta(days=21)
        add("repositories-after-an-outage",
            "A repository has one run for each firing of an outage, or it is told as missed.",
            {"with": _checkout(**{_METRICS: _RUN})}, definition=whole,
            window=Window(start=start, end=WEEK.end))  # fmt: skip

    def _entries(self) -> None:
        add = self.add
        entries = {
            "agent-not-scheduled": "optimization: {cadence: weekly}",
            "agent-disabled": "coach: {cadence: weekly, enabled: false}",
            "cadence-differs": "coach: {cadence: monthly}",
        }
        for name, entry in entries.items():
            add(name, f"The entry reads {entry}.", {"ledger": _checkout(_manifest(entry))})
        unknown = self.changed(agent="painter")
        painter = _manifest("painter: {cadence: weekly}")
        add("agent-not-installed", "There is no prompt for the agent.",
            {"ledger": _checkout(painter)}, definition=unknown,
            definitions=(unknown, *self.drafts))  # fmt: skip
        add("agent-of-the-repository", "Prompts of the repository, in their two places.",
            {"agents-folder": _checkout(painter, **{"agents/agent-painter.md": _LOW}),
             "claude-folder": _checkout(painter, **{".claude/agents/painter.md": _LOW})},
            definition=unknown, definitions=(unknown, *self.drafts))  # fmt: skip
        mechanic = self.changed(agent="sys-medic")
        add("review-missing", "An agent of high risk needs review: required.",
            {"careless": _checkout(_manifest("sys-medic: {cadence: weekly}")),
             "careful": _checkout(_manifest("sys-medic: {cadence: weekly, review: required}"))},
            definition=mechanic, definitions=(mechanic, *self.drafts))  # fmt: skip
        add("shadow-raises-risk", "A repository's own prompt may raise the risk of a packaged one.",
            {"ledger": _checkout(**{"agents/agent-coach.md": _HIGH})})  # fmt: skip
        low = _HIGH.replace("coach", "sys-medic").replace("high", "low")
        add("shadow-never-lowers-risk", "It may not lower it.",
            {"ledger": _checkout(_manifest("sys-medic: {cadence: weekly}"),
                                 **{"agents/agent-sys-medic.md": low})},
            definition=mechanic, definitions=(mechanic, *self.drafts))  # fmt: skip
        add("no-definition", "In a preview, an entry that no definition fires.",
            {"ledger": _checkout(_manifest("coach: {cadence: daily}", "tdd-workflow: "
                                           "{cadence: monthly}", "optimization: "
                                           "{cadence: weekly}"))},
            definition=None)  # fmt: skip
        often = _manifest('coach: {cadence: weekly, cron: "*/15 * * * *"}')
        add("too-frequent", "More than 48 times on some day.", {"ledger": _checkout(often)})
        edge = _manifest('coach: {cadence: weekly, cron: "*/30 * * * *"}', zone="UTC")
        add("forty-eight-a-day", "48 times a day is not too often.", {"ledger": _checkout(edge)},
            window=Window(start=FIRES, end=FIRES + timedelta(hours=2)))  # fmt: skip
        add("missed", "What has expired by now is told, beside what is handed out.",
            {"ledger": _checkout(_manifest('coach: {cadence: weekly, cron: "0 9 * * *"}'))},
            now=FIRES + timedelta(days=9), window=WEEK)  # fmt: skip
        add("not-due", "The window holds no time of the entry's cron.",
            {"ledger": _checkout(_manifest('coach: {cadence: weekly, cron: "0 9 29 2 *"}'))},
            )  # fmt: skip

    def _timetable(self) -> None:
        add = self.add
        add("lent-cron-and-zone", "An entry without a cron has the definition's cron and zone.",
            {"ledger": _checkout(_manifest("coach: {cadence: weekly}", zone="America/New_York"))},
            )  # fmt: skip
        own = _manifest('coach: {cadence: weekly, cron: "0 10 * * 4"}', zone="America/New_York")
        add("own-cron", "An entry's own cron is read in the manifest's zone; Thursday's run is "
            "handed out on Monday.", {"ledger": _checkout(own)})  # fmt: skip
        disabled = replace(
            self.coach, enabled=False, trigger=Trigger(cron="30 7 * * 2", timezone="Asia/Kolkata")
        )
        add("another-trigger", "Where the trigger moves, what it lends moves with it.",
            {"ledger": _checkout()}, definition=disabled,
            definitions=(disabled, *(d for d in self.drafts if d.id != disabled.id)))  # fmt: skip
        words = _manifest('coach: {cadence: weekly, cron: "05 09 * JAN,DEC MON-FRI"}', zone="UTC")
        add("cron-names", "Names of months and weekdays, and leading zeros.",
            {"ledger": _checkout(words)})  # fmt: skip
        sunday = _manifest('coach: {cadence: weekly, cron: "15 8-10/2 * * 0,7"}', zone="UTC")
        add("cron-lists", "Lists, ranges with steps, and both numbers of Sunday.",
            {"ledger": _checkout(sunday)})  # fmt: skip

    def _clocks(self) -> None:
        zones = {
            "berlin": ("Europe/Berlin", "2026-10-24", "2027-03-27"),
            "new-york": ("America/New_York", "2026-10-31", "2027-03-13"),
            "lord-howe": ("Australia/Lord_Howe", "2027-04-03", "2026-10-03"),
            "santiago": ("America/Santiago", "2027-04-03", "2026-09-05"),
        }
        crons = {
            "fixed": ("30 2 * * *", "a fixed time that is skipped runs once, after the gap; one "
                                    "that is repeated runs once"),
            "midnight": ("0 0 * * *", "midnight, which some zones skip or repeat"),
            "hourly": ("15 * * * *", "every hour follows real time"),
            "half-hours": ("*/30 1-2 * * *", "a minute that begins with a star follows real time"),
        }  # fmt: skip
        for place, (zone, autumn, spring) in zones.items():
            for season, day in (("autumn", autumn), ("spring", spring)):
                start = _utc(f"{day}T12:00:00")
                held = {
                    kind: _checkout(_manifest(f'coach: {{cadence: weekly, cron: "{cron}"}}',
                                              zone=zone))
                    for kind, (cron, _) in crons.items()
                }  # fmt: skip
                said = "; ".join(text for _, text in crons.values())
                self.add(f"clocks-{place}-{season}", f"{zone}: {said}.", held, now=start,
                         window=Window(start=start, end=start + timedelta(hours=30)))  # fmt: skip

    def _windows(self) -> None:
        add = self.add
        daily = {"ledger": _checkout(_manifest('coach: {cadence: weekly, cron: "0 9 * * *"}',
                                               zone="UTC"))}  # fmt: skip
        nine = _utc("2026-12-01T09:00:00")
        add("window-takes-its-start", "A run at the window's start is in it.", daily, now=nine,
            window=Window(start=nine, end=nine + timedelta(hours=1)))  # fmt: skip
        add("window-leaves-its-end", "A run at the window's end is in the next.", daily, now=nine,
            window=Window(start=nine - timedelta(hours=1), end=nine))  # fmt: skip
        add("window-after-an-outage", "A window over three weeks hands out each run once, or "
            "tells it as missed.", daily, now=FIRES + timedelta(days=21),
            window=Window(start=FIRES, end=FIRES + timedelta(days=28)))  # fmt: skip
        add("asked-early", "A run belongs to the window by its scheduled time alone.", daily,
            now=FIRES - timedelta(days=30))  # fmt: skip
        slow = self._policy(stagger_window="PT0S", expires_after="PT1H")
        add("no-stagger", "A stagger window of nothing delays nothing.", daily, definition=slow,
            now=nine + timedelta(hours=1))  # fmt: skip
        wide = self._policy(stagger_window="PT6H")
        add("stagger", "Slug and agent say how late a run is, the same everywhere.",
            {slug: _checkout() for slug in ("a", "ledger", "the-custodian")},
            definition=wide)  # fmt: skip

    def _policy(self, **durations: str) -> ActivityDefinition:
        held = {name: getattr(self.coach.policy, name) for name in Policy.__dataclass_fields__}
        return replace(self.coach, policy=Policy(**(held | durations)))

    def _answers(self) -> None:
        add = self.add
        odd = ("caf\u00e9", "a b", "x:y", "100%", "tilde~dot.dash-under_", "$(touch x)", "-rf")
        add("keys", "Slugs are percent-encoded in keys, and stand exactly in argv.",
            {f"r{n}": _checkout() for n in range(len(odd))},
            roster=[_item(slug, f"{FLEET}/r{n}") for n, slug in enumerate(odd)])  # fmt: skip
        add("paths", "Paths stand exactly in argv, whatever they hold.",
            {"with blank": _checkout(), "quo'te": _checkout(), 'dou"ble': _checkout()},
            roster=[_item("a", f"{FLEET}/with blank"), _item("b", f"{FLEET}/quo'te"),
                    _item("c", f'{FLEET}/dou"ble')])  # fmt: skip
        many = _manifest('coach: {cadence: weekly, cron: "0 9 * * 1-5"}', zone="UTC")
        add("order", "Runs are sorted by instant, repository and agent, by UTF-8 bytes.",
            {slug: _checkout(many) for slug in ("b", "a", "B", "_", "aa")})  # fmt: skip
        add("preview", "A preview hands out every entry that a definition fires.",
            {"ledger": _checkout(_manifest("coach: {cadence: weekly}",
                                           "optimization: {cadence: weekly}"))},
            definition=None)  # fmt: skip
        add("empty-roster", "No repository, no run, no exclusion.", {}, roster=[])


def build_questions(
    definitions: Sequence[ActivityDefinition],
    prompts: Mapping[str, Prompt],
    tzdata_version: str,
) -> tuple[Vector, ...]:
    """Every question, by name.

    Args:
        definitions: The packaged drafts.
        prompts: The packaged prompts.
        tzdata_version: The release of the time zone rules.
    """
    return Cases(definitions, prompts, tzdata_version).all()
