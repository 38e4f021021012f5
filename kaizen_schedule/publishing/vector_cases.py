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

from . import vector_texts as texts
from .vector_texts import COACH, manifest, prompt, timed
from .vectors import FLEET, Vector, VectorFile, VectorPrompt

HOST = "forge-1"
FIRES = datetime(2026, 11, 30, 8, tzinfo=UTC)
"""A Monday, 09:00 in Berlin: when the coach's definition fires."""
WEEK = Window(start=FIRES, end=FIRES + timedelta(days=7))
_METRICS = ".kaizen/metrics/coach/executions.jsonl"
_RUN = '{"timestamp": "2026-11-23T08:10:00Z", "outcome": "success", "duration_s": 60}\n'

Files = Mapping[str, "str | bytes | VectorFile"]


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _link(target: str) -> VectorFile:
    return VectorFile(link=target, mode="0777")


_GIT: Files = {".git/HEAD": "ref: refs/heads/main\n"}


def _chain(count: int) -> Files:
    """A manifest behind so many links, one after the other."""
    names = [MANIFEST_PATH, *(f".kaizen/{number}" for number in range(1, count))]
    links = {name: _link(f"{number}") for number, name in enumerate(names[:-1], 1)}
    return {**_GIT, **links, names[-1]: _link("../shared.yml"), "shared.yml": COACH}


def _checkout(manifest: str | bytes | None = COACH, **more: str | bytes | VectorFile) -> Files:
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
                place = f"{FLEET}/{slug}/{path}".removesuffix("/")  # of none, the checkout itself
                if isinstance(content, VectorFile):
                    files[place] = content
                else:
                    data = content.encode() if isinstance(content, str) else content
                    files[place] = VectorFile(base64=base64.b64encode(data).decode())
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
        self._links()
        self._manifests()
        self._forms()
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
        add("path-is-free", "A slug that is excluded before has no path; the next one takes it.",
            good, definition=self.changed(exclude=("b",)),
            roster=[_item("a", f"{FLEET}/ledger", kaizen_schedule_enabled=False),
                    _item("b", f"{FLEET}/ledger"), _item("c", f"{FLEET}/ledger", host="attic-1"),
                    _item("ledger")])  # fmt: skip
        add("path-with-dots", "Paths are compared without .. and opened with it.",
            {"docs": _checkout(), "ledger": _checkout(), "tools": _checkout()},
            roster=[_item("above", f"{FLEET}/docs/../ledger"), _item("ledger"),
                    _item("astray", f"{FLEET}/void/../tools")])  # fmt: skip
        add("slug-of-blanks", "A slug of nothing but blank characters is none.", good,
            roster=[_item("\u00a0\u2003\t", f"{FLEET}/a"), _item("\x1c\x85\u3000", f"{FLEET}/b"),
                    _item("\u200b", f"{FLEET}/ledger")])  # fmt: skip

    def _checkouts(self) -> None:
        add = self.add
        add("path-missing", "Nothing stands at the path; this may pass by itself.", {},
            roster=[_item("quarry")])  # fmt: skip
        add("not-a-repository", "Neither .git nor a manifest.", {"plain": {"README.md": "# x\n"}})
        add("git-may-be-a-file", "A worktree's .git is a file, and a manifest alone is enough.",
            {"worktree": {".git": "gitdir: /elsewhere\n", MANIFEST_PATH: COACH},
             "bare-manifest": {MANIFEST_PATH: COACH}})  # fmt: skip
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
            {"ledger": {**inside, "shared.yml": COACH}})  # fmt: skip
        add("manifest-missing", "A repository that has not opted in.", {"bare": _checkout(None)})
        add("broken-beside-good", "One broken repository changes nothing for another.",
            {"a-broken": _checkout(b"\xff\xfe"), "b-good": _checkout(), "c-loop": loop},
            )  # fmt: skip

    def _links(self) -> None:
        add = self.add
        kinds: dict[str, Files] = {
            "forty": _chain(40),
            "forty-one": _chain(41),
            "folder": {**_GIT, ".kaizen": _link("conf"), "conf/schedule.yml": COACH},
            "folder-without": {**_GIT, ".kaizen": _link("conf"), "conf/README.md": "# x\n"},
            "folder-to-nothing": {**_GIT, ".kaizen": _link("conf")},
            "to-nothing": {**_GIT, MANIFEST_PATH: _link("shared.yml")},
            "out-and-back": {**_GIT, MANIFEST_PATH: _link("../../out-and-back/shared.yml"),
                             "shared.yml": COACH},
            "absolute": {**_GIT, MANIFEST_PATH: _link("/elsewhere/schedule.yml")},
            "is-a-folder": {**_GIT, f"{MANIFEST_PATH}/README.md": "# x\n"},
            "beneath-a-file": {**_GIT, ".kaizen": "no folder\n"},
        }  # fmt: skip
        add("manifest-behind-links", "Forty links on a path are followed; one that leads out, or "
            "to nothing, is not the same as no manifest.", kinds)  # fmt: skip
        add("checkout-behind-a-link", "A checkout's own path may hold links, wherever they lead.",
            {"ledger": _checkout(), "alias": {"": _link("ledger")}, "astray": {"": _link("void")},
             "circle": {"": _link("circle")}, "notes": {"": "no folder\n"},
             "shortcut": {"": _link("notes")}},
            roster=[*map(_item, ("ledger", "alias", "astray", "circle", "notes", "shortcut")),
                    _item("within", f"{FLEET}/notes/within")])  # fmt: skip
        add("git-behind-a-link", "Without a manifest .git counts by what it is, links inside "
            "followed.", {
                "inside": {".git": _link("store"), "store/HEAD": "ref: x\n"},
                "file": {".git": _link("pointer"), "pointer": "gitdir: /elsewhere\n"},
                "outside": {".git": _link("../inside/store"), "README.md": "# x\n"},
                "to-nothing": {".git": _link("store"), "README.md": "# x\n"}})  # fmt: skip
        runs, far = "executions.jsonl", "../../../with/metrics"
        near = _link("../../metrics")
        held: dict[str, Files] = {
            "with": {"metrics/executions.jsonl": _RUN, ".kaizen/metrics/coach": near},
            "any-name": {f".kaizen/metrics/.not an agent/{runs}": _RUN},
            "empty": {_METRICS: ""},
            "folder": {f"{_METRICS}/x": _RUN},
            "name-leads-out": {".kaizen/metrics/coach": _link(far)},
            "no-folder": {".kaizen/metrics": "no folder\n"},
            "leads-out": {".kaizen/metrics": _link("../../with/metrics")},
            "to-nothing": {".kaizen/metrics": _link("void")},
        }  # fmt: skip
        add("metrics-behind-links", "Recorded runs count behind links that stay inside; a name "
            "that leads out is passed over, a folder that does is unreadable.",
            {slug: {**_checkout(), **more} for slug, more in held.items()},
            definition=self.by_id["weekly-metrics-optimize"])  # fmt: skip
        first, second = "agents/agent-coach.md", ".claude/agents/coach.md"
        high = prompt("high")
        odd: dict[str, Files] = {
            "inside": {first: _link("../coach.md"), "coach.md": high},
            "second": {"agents": "no folder\n", second: high},
            "folder": {f"{first}/x": "", second: high},
            "leads-out": {first: _link("../../inside/coach.md"), second: high},
            "to-nothing": {first: _link("coach.md"), second: high},
            "through-a-file": {first: _link("../m/coach.md"), "m": "x\n", second: high},
            "not-utf8": {first: b"---\nname: coach\n---\n\xff\n", second: high},
        }
        add("prompt-behind-a-link", "A prompt that stands there and cannot be read is not passed "
            "over for the next.", {slug: {**_checkout(), **more} for slug, more in odd.items()},
            )  # fmt: skip

    def _forms(self) -> None:
        def told(name: str, title: str, forms: Mapping[str, str | bytes]) -> None:
            self.add(name, title, {slug: _checkout(text) for slug, text in forms.items()})

        told("yaml-taken", "What YAML allows, and a manifest may hold.", texts.YAML_TAKEN)
        told("yaml-refused", "What a manifest may not hold as YAML; null is not left out.",
             texts.YAML_REFUSED)  # fmt: skip
        told("values-are-counted", "Keys, lists, mappings and the whole are values too, and so is "
             "what an alias repeats: 20,000 at most.", texts.VALUES)  # fmt: skip
        told("versions", "Which versions are newer; what ends the reading comes before them.",
             {slug: f"version: {text}\n" for slug, text in texts.VERSIONS.items()})  # fmt: skip
        told("zone-names", "Names are those of tzdata, old ones included, in their exact case.",
             {f"z{n}": timed("0 9 * * 1", f'"{zone}"')
              for n, zone in enumerate(texts.ZONES)})  # fmt: skip
        told("cron-forms", "Forms that a cron may have; in a run it stands as it is written.",
             {f"c{n}": timed(cron) for n, cron in enumerate(texts.CRONS_TAKEN)})  # fmt: skip
        told("cron-refused", "Crons that are not of the portable subset.",
             {slug: timed(cron) for slug, cron in texts.CRONS_REFUSED.items()})  # fmt: skip
        for name, title, prompts in (
            ("risk-is-clear", "Low is what says low, or nothing. The key counts in any case, and "
             "with one slip where it says high.", texts.RISK_IS_CLEAR),
            ("risk-is-unclear", "Where front matter is faulty, all that it says of risk has to be "
             "low; silence is low.", texts.RISK_IS_UNCLEAR),
        ):  # fmt: skip
            self.add(name, title, {slug: _checkout(**{"agents/agent-coach.md": text})
                                   for slug, text in prompts.items()})  # fmt: skip

    def _manifests(self) -> None:
        add = self.add
        add("manifest-invalid", "What a manifest may not hold; nothing of such a one runs.",
            {slug: _checkout(text) for slug, text in texts.WRONG.items()})  # fmt: skip
        add("manifest-forms", "The same manifest in other forms of YAML.",
            {slug: _checkout(text) for slug, text in texts.RIGHT.items()})  # fmt: skip
        newer = 'version: "2"\nagents: 7\n'
        add("manifest-too-new", "A newer version is no error of the file.",
            {"next": _checkout(newer)})  # fmt: skip
        add("repository-disabled", "The manifest switches the whole repository off.",
            {"ledger": _checkout(manifest("coach: {cadence: weekly}", head="enabled: false"))},
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
            add(name, f"The entry reads {entry}.", {"ledger": _checkout(manifest(entry))})
        unknown = self.changed(agent="painter")
        painter = manifest("painter: {cadence: weekly}")
        add("agent-not-installed", "There is no prompt for the agent.",
            {"ledger": _checkout(painter)}, definition=unknown,
            definitions=(unknown, *self.drafts))  # fmt: skip
        low = prompt("", "painter")
        add("agent-of-the-repository", "Prompts of the repository, in their two places.",
            {"agents-folder": _checkout(painter, **{"agents/agent-painter.md": low}),
             "claude-folder": _checkout(painter, **{".claude/agents/painter.md": low})},
            definition=unknown, definitions=(unknown, *self.drafts))  # fmt: skip
        mechanic = self.changed(agent="sys-medic")
        add("review-missing", "An agent of high risk needs review: required.",
            {"careless": _checkout(manifest("sys-medic: {cadence: weekly}")),
             "careful": _checkout(manifest("sys-medic: {cadence: weekly, review: required}"))},
            definition=mechanic, definitions=(mechanic, *self.drafts))  # fmt: skip
        add("shadow-raises-risk", "A repository's own prompt may raise the risk of a packaged one.",
            {"ledger": _checkout(**{"agents/agent-coach.md": prompt("high")})})  # fmt: skip
        add("shadow-never-lowers-risk", "It may not lower it.",
            {"ledger": _checkout(manifest("sys-medic: {cadence: weekly}"),
                                 **{"agents/agent-sys-medic.md": prompt("low", "sys-medic")})},
            definition=mechanic, definitions=(mechanic, *self.drafts))  # fmt: skip
        add("no-definition", "In a preview, an entry that no definition fires.",
            {"ledger": _checkout(manifest("coach: {cadence: daily}", "tdd-workflow: "
                                           "{cadence: monthly}", "optimization: "
                                           "{cadence: weekly}"))},
            definition=None)  # fmt: skip
        often = manifest('coach: {cadence: weekly, cron: "*/15 * * * *"}')
        add("too-frequent", "More than 48 times on some day.", {"ledger": _checkout(often)})
        edge = manifest('coach: {cadence: weekly, cron: "*/30 * * * *"}', zone="UTC")
        add("forty-eight-a-day", "48 times a day is not too often.", {"ledger": _checkout(edge)},
            window=Window(start=FIRES, end=FIRES + timedelta(hours=2)))  # fmt: skip
        add("missed", "What has expired by now is told, beside what is handed out.",
            {"ledger": _checkout(manifest('coach: {cadence: weekly, cron: "0 9 * * *"}'))},
            now=FIRES + timedelta(days=9), window=WEEK)  # fmt: skip
        add("not-due", "The window holds no time of the entry's cron.",
            {"ledger": _checkout(manifest('coach: {cadence: weekly, cron: "0 9 29 2 *"}'))},
            )  # fmt: skip

    def _timetable(self) -> None:
        add = self.add
        add("lent-cron-and-zone", "An entry without a cron has the definition's cron and zone.",
            {"ledger": _checkout(manifest("coach: {cadence: weekly}", zone="America/New_York"))},
            )  # fmt: skip
        own = manifest('coach: {cadence: weekly, cron: "0 10 * * 4"}', zone="America/New_York")
        add("own-cron", "An entry's own cron is read in the manifest's zone; Thursday's run is "
            "handed out on Monday.", {"ledger": _checkout(own)})  # fmt: skip
        disabled = replace(
            self.coach, enabled=False, trigger=Trigger(cron="30 7 * * 2", timezone="Asia/Kolkata")
        )
        add("another-trigger", "Where the trigger moves, what it lends moves with it.",
            {"ledger": _checkout()}, definition=disabled,
            definitions=(disabled, *(d for d in self.drafts if d.id != disabled.id)))  # fmt: skip
        others = tuple(
            replace(self.coach, id=name, trigger=Trigger(cron=cron, timezone="UTC"))
            for name, cron in (("second", "0 7 * * 2"), ("first", "0 6 * * 3"))
        )
        add("first-of-two-definitions", "Of two for one agent and cadence the first counts.",
            {"ledger": _checkout()}, definition=None, definitions=others)  # fmt: skip
        add("asking-comes-first", "The asking definition lends its trigger before any other.",
            {"ledger": _checkout()}, definition=others[1],
            definitions=(*self.drafts, *others))  # fmt: skip
        words = manifest('coach: {cadence: weekly, cron: "05 09 * JAN,DEC MON-FRI"}', zone="UTC")
        add("cron-names", "Names of months and weekdays, and leading zeros.",
            {"ledger": _checkout(words)})  # fmt: skip
        sunday = manifest('coach: {cadence: weekly, cron: "15 8-10/2 * * 0,7"}', zone="UTC")
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
                    kind: _checkout(manifest(f'coach: {{cadence: weekly, cron: "{cron}"}}',
                                              zone=zone))
                    for kind, (cron, _) in crons.items()
                }  # fmt: skip
                said = "; ".join(text for _, text in crons.values())
                self.add(f"clocks-{place}-{season}", f"{zone}: {said}.", held, now=start,
                         window=Window(start=start, end=start + timedelta(hours=30)))  # fmt: skip

        start = _utc("2027-03-26T12:00:00")
        named = {"abidjan": "Africa/Abidjan", "london": "Europe/London", "utc": "UTC"}
        self.add("offset-zero", "Where the offset is zero, local time too is written with Z.",
                 {slug: _checkout(timed("0 9 * * *", zone)) for slug, zone in named.items()},
                 now=start, window=Window(start=start, end=start + timedelta(days=3)),
                 )  # fmt: skip

    def _windows(self) -> None:
        add = self.add
        daily = {"ledger": _checkout(manifest('coach: {cadence: weekly, cron: "0 9 * * *"}',
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
        exact = self._policy(stagger_window="P1WT0S", expires_after="P2W1DT2H3M4S")
        add("durations", "Weeks, days, hours, minutes and seconds stand together.", daily,
            definition=exact)  # fmt: skip
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
        signs = ("$(x)", "`x`", "x;y", "*", "x && y", "~", "#x", "back\\slash", "$HOME", "x>y")
        add("paths-with-signs", "A shell neither expands nor runs what a path holds.",
            {sign: _checkout() for sign in signs},
            roster=[_item(f"r{n}", f"{FLEET}/{sign}") for n, sign in enumerate(signs)],
            )  # fmt: skip
        said = ("kaizen", "in {{ run.repo }}", "{{ run.idempotency_key }}",
                "{{ run.scheduled_for }}", "\u00a0{{ run.host }}{{ run.path }}")  # fmt: skip
        labelled = replace(self.coach, task=replace(self.coach.task, labels=said))
        add("labels", "In labels what cannot be seen in a value stands as an escape; what a value "
            "holds is not looked at again.",
            {f"r{n}": _checkout() for n in range(len(texts.UNSEEN))}, definition=labelled,
            roster=[_item(slug, f"{FLEET}/r{n}") for n, slug in enumerate(texts.UNSEEN)],
            )  # fmt: skip
        many = manifest('coach: {cadence: weekly, cron: "0 9 * * 1-5"}', zone="UTC")
        add("order", "Runs are sorted by instant, repository and agent, by UTF-8 bytes.",
            {slug: _checkout(many) for slug in ("b", "a", "B", "_", "aa")})  # fmt: skip
        add("preview", "A preview hands out every entry that a definition fires.",
            {"ledger": _checkout(manifest("coach: {cadence: weekly}",
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
