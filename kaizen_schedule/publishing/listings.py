"""What operators read: the roster, one repository step by step, the runs of a window."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence

from kaizen_schedule.orienting.record import PilotStep, StepKind
from kaizen_schedule.planning.answers import (
    AgentReason,
    CheckedDefinition,
    Explanation,
    RosterAnswer,
    RosterRow,
    changes,
)
from kaizen_schedule.planning.reasons import Reason
from kaizen_schedule.planning.resolver import Resolution
from kaizen_schedule.reading import safety
from kaizen_schedule.reading.codec import instant

from .reporters import Styler, count_of, day_and_time, plain_style, render_table

WIDTH = 80
GROUPED_ABOVE = 40
"""A roster of more rows is grouped by reason."""
SHOWN = 15
"""So many rows of a group are shown; the rest are counted."""


def _name(slug: str) -> str:
    return safety.clip(safety.escape(safety.redact(slug)[0]), 40) or "(no slug)"


# --- The roster ------------------------------------------------------------------------------


def render_roster(
    answer: RosterAnswer,
    rows: Sequence[RosterRow],
    *,
    wide: bool = False,
    grouped: bool | None = None,
    style: Styler = plain_style,
) -> str:
    """Write the roster's answer.

    Args:
        answer: The answer, for its counts.
        rows: The rows to show.
        wide: Do not keep to 80 columns.
        grouped: Group rows by reason; where there are more than 40 if None.
        style: Colours text.
    """
    width = 0 if wide else WIDTH
    if grouped is None:
        grouped = len(rows) > GROUPED_ABOVE
    rows = [row for row in rows if not _elsewhere(row)]
    lines = _grouped(rows, width, style) if grouped else _each(rows, width, style)
    return "\n".join([*lines, _counts(answer)]) + "\n"


def _elsewhere(row: RosterRow) -> bool:
    return any(reason.reason == Reason.OTHER_HOST for reason in row.reasons)


def _each(rows: Sequence[RosterRow], width: int, style: Styler) -> list[str]:
    longest = min(max((len(_name(row.repo)) for row in rows), default=0), 24)
    column = longest + 2
    lines = []
    for row in rows:
        name = f"{_name(row.repo):<{longest}}  "  # a longer one moves what follows, in its own row
        pad = " " * column
        if not row.eligible and len(row.reasons) == 1 and row.reasons[0].agent is None:
            reason = row.reasons[0]
            text = safety.escape(f"{reason.reason}, {reason.detail}")
            head = name + style("excluded   ", "red")
            lines += _wrap(head, text, column + 11, width, shown=len(name) + 11)
            lines += _fix(reason, pad, width, style)
            continue
        state = "eligible   " if row.eligible else "excluded   "
        head = name + style(state, "green" if row.eligible else "red")
        agents = safety.escape(", ".join(row.agents)) or _NOTHING[row.eligible]
        lines += _wrap(head, agents, column + 11, width, shown=len(name) + 11)
        for reason in row.reasons:
            text = safety.escape(
                f"{reason.agent or 'repository'}: {reason.reason}, {reason.detail}"
            )
            lines += _wrap(pad, text, column, width, shown=column)
            lines += _fix(reason, pad, width, style)
    return lines


_NOTHING = {True: "as a whole", False: "no entry can run"}


def _fix(reason: AgentReason, pad: str, width: int, style: Styler) -> list[str]:
    if not reason.fix:
        return []
    # A command is copied: it is never broken over lines.
    broken = 0 if "kaizen-agentic " in reason.fix else width
    text = f"fix: {safety.escape(reason.fix)}"
    return [style(line, "green") for line in _wrap(pad, text, len(pad) + 5, broken)]


def _wrap(head: str, text: str, indent: int, width: int, *, shown: int | None = None) -> list[str]:
    if not width:
        return [head + text]
    # Colours take no room: the head is put before what was wrapped around its place.
    place = " " * (len(head) if shown is None else shown)
    found = textwrap.wrap(
        text,
        width,
        initial_indent=place,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
    )
    if not found:
        return [head.rstrip()]
    return [head + found[0][len(place) :], *found[1:]]


def _grouped(rows: Sequence[RosterRow], width: int, style: Styler) -> list[str]:
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for row in rows:
        if row.eligible:
            groups.setdefault("eligible", []).append((row.repo, ", ".join(row.agents), ""))
        for reason in row.reasons:
            who = f"{reason.agent}: " if reason.agent else ""
            item = (row.repo, f"{who}{reason.detail}", reason.fix)
            groups.setdefault(reason.reason.value, []).append(item)
    lines = []
    for name in ("eligible", *(reason.value for reason in Reason)):
        if name not in groups:
            continue
        found = groups[name]
        lines.append(style(f"{name} ({len(found):,})", "green" if name == "eligible" else "red"))
        for slug, detail, _ in found[:SHOWN]:
            text = f"  {_name(slug):<24}  {safety.escape(detail)}"
            lines.append(safety.clip(text, width) if width else text)
        if left := len(found) - SHOWN:
            flag = "--format json" if name == "eligible" else f"--reason {name}"
            if left > 0:
                lines.append(f"  and {left:,} more: {flag} shows them")
    return lines


def _counts(answer: RosterAnswer) -> str:
    counts = dict(answer.counts)
    registered, eligible = counts.pop("registered"), counts.pop("eligible")
    elsewhere = counts.pop(Reason.OTHER_HOST.value, 0)
    counts.pop(Reason.AGENT_NOT_SCHEDULED.value, 0)
    noun = "repository" if registered == 1 else "repositories"
    parts = [f"{eligible:,} eligible", *(f"{count:,} {name}" for name, count in counts.items())]
    if elsewhere:
        verb = "runs on another host" if elsewhere == 1 else "run on other hosts"
        parts.append(f"{elsewhere:,} {verb}")
    return "\n".join(_sentence(f"{registered:,} {noun}: ", parts))


def _sentence(head: str, parts: Iterable[str]) -> list[str]:
    """A list in lines; a number is never parted from its noun."""
    text = head + ", ".join(part.replace(" ", _TIE) for part in parts)
    found = textwrap.wrap(text, WIDTH, break_on_hyphens=False)
    return [line.replace(_TIE, " ") for line in found]


_TIE = "\N{NO-BREAK SPACE}"


def render_roster_csv(rows: Iterable[RosterRow]) -> str:
    """Write the roster as CSV, one line per repository and reason; nothing in it is a formula."""
    import csv
    import io

    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("repo", "eligible", "agents", "agent", "reason", "detail", "fix"))
    for row in rows:
        first = (row.repo, str(row.eligible).lower(), " ".join(row.agents))
        for reason in row.reasons or (None,):
            more = ("", "", "", "")
            if reason is not None:
                more = (reason.agent or "", reason.reason.value, reason.detail, reason.fix)
            writer.writerow([_cell(text) for text in (*first, *more)])
    return stream.getvalue()


def _cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, on one line.

    Source: OWASP, "CSV Injection".
    """
    text = safety.escape(text)
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") else text


_STATES = {True: "eligible", False: "excluded"}


def render_changes(old: RosterAnswer, new: RosterAnswer, *, style: Styler = plain_style) -> str:
    """Write what has changed since an earlier answer."""

    def state(row: RosterRow | None) -> str:
        if row is None:
            return "not registered"
        reasons = ", ".join(
            f"{r.agent}: {r.reason}" if r.agent else r.reason.value for r in row.reasons
        )
        what = f"eligible ({', '.join(row.agents)})" if row.agents else _STATES[row.eligible]
        return safety.escape(f"{what}; {reasons}" if reasons else what)

    lines = []
    found = changes(old, new)
    for change in found:
        was, now = state(change.before), state(change.after)
        lines.append(_name(change.repo))
        lines += _wrap("  - ", was, 4, WIDTH)
        lines += [style(line, "green") for line in _wrap("  + ", now, 4, WIDTH)]
    count = len(found)
    noun = "repository has" if count == 1 else "repositories have"
    return "\n".join([*lines, f"{count:,} {noun} changed"]) + "\n"


# --- One repository --------------------------------------------------------------------------


_DETAIL = 1_000
"""Characters of one step; JSON has them all."""


def render_explanations(found: Sequence[Explanation], *, style: Styler = plain_style) -> str:
    """Write why a repository, or its entries, run or do not."""
    blocks = []
    for item in found:
        agent = f" / {safety.escape(item.agent)}" if item.agent else ""
        who = f"{_name(item.repo)}{agent}"
        lines = [f"{who} on {safety.escape(item.host)}"]
        for step in item.steps:
            mark, colour = ("✓", "green") if step.ok else ("✗", "red")
            name = f"  {mark} {step.name:<15}"
            text = step.detail if step.ok else f"{step.reason}: {step.detail}"
            text = safety.clip(text, _DETAIL)
            # A path is copied, as a command is.
            width = 0 if step.ok and step.name == "path" else WIDTH
            wrapped = _wrap(style(name, colour), text, 19, width, shown=len(name))
            lines += wrapped
            if step.fix:
                broken = 0 if "kaizen-agentic " in step.fix else WIDTH
                lines += [style(line, "green") for line in _wrap("fix: ", step.fix, 5, broken)]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def render_checked(found: Iterable[CheckedDefinition]) -> str:
    """Write of each sound definition what differs from its draft, and its first window."""
    lines: list[str] = []
    for item in found:
        lines.append(item.id)
        if item.changes is None:
            lines.append("  no packaged draft has this id")
        else:
            shown = [f"  {safety.reveal(line)}" for line in item.changes]
            lines += shown or ["  as the draft"]
        if (window := item.first_window) is not None:
            lines.append(f"  first window: {instant(window.start)} until {instant(window.end)}")
        if item.hands_out is not None:
            lines.append(f"  it would hand out {count_of(len(item.hands_out), 'run')}")
            lines += [f"    {safety.clip(key, 74)}" for key in item.hands_out[:SHOWN]]
            if left := len(item.hands_out) - SHOWN:
                lines += [f"    and {left:,} more"] if left > 0 else []
    return "".join(f"{line}\n" for line in lines)


# --- Runs ------------------------------------------------------------------------------------


def render_runs(found: Resolution, *, wide: bool = False, style: Styler = plain_style) -> str:
    """Write the runs of a window, the load by hour, and what is excluded."""
    rows: list[tuple[str, ...]] = []
    for run in found.scheduled_runs:
        local = f"{day_and_time(run.scheduled_for)} {run.timezone}"
        row = (local, _name(run.repo), run.agent)
        rows.append((*row, run.definition, instant(run.scheduled_for)) if wide else row)
    for whole in found.repos:
        zone = getattr(whole.scheduled_for.tzinfo, "key", f"{whole.scheduled_for:%Z}")
        row = (f"{day_and_time(whole.scheduled_for)} {zone}", _name(whole.repo), "-")
        rows.append((*row, whole.definition, instant(whole.scheduled_for)) if wide else row)
    header: tuple[str, ...] = ("WHEN", "REPOSITORY", "AGENT")
    if wide:
        header = (*header, "DEFINITION", "UTC")
    lines = []
    if rows:
        lines.append(render_table(header, rows[:_RUNS], width=0 if wide else WIDTH).rstrip("\n"))
    if len(rows) > _RUNS:
        lines.append(f"and {len(rows) - _RUNS:,} more: --format json has them all")
    lines += _load(found, style)
    reasons = [f"{count:,} {name}" for name, count in found.counts.reasons.items()]
    text = count_of(len(rows), "run")
    lines += _sentence(f"{text}; excluded: ", reasons) if reasons else [text]
    return "\n".join(lines) + "\n"


_RUNS = 200


def _load(found: Resolution, style: Styler) -> list[str]:
    """The busiest hours, so that a pile-up is seen."""
    hours = Counter(f"{day_and_time(run.not_before)[:-2]}00Z" for run in found.scheduled_runs)
    if len(found.scheduled_runs) < _PILE:
        return []
    busiest = hours.most_common(5)
    most = busiest[0][1]
    lines = ["busiest hours, by not_before:"]
    for hour, count in busiest:
        bar = "#" * max(1, round(40 * count / most))
        lines.append(style(f"  {hour}  {count:>6,}  {bar}", "yellow"))
    return lines


_PILE = 10


# --- The pilot -------------------------------------------------------------------------------


class PilotPrinter:
    """Makes lines of the steps of a smoke run: one for each run, and the exclusions counted.

    Args:
        style: Colours text.
    """

    def __init__(self, *, style: Styler = plain_style) -> None:
        self.style = style
        self.run: list[str] = []
        self.odd: list[str] = []
        self.reasons: Counter[str] = Counter()

    def line(self, step: PilotStep) -> str:
        """The line that is complete with this step; empty where none is."""
        opens = step.step in (StepKind.FIRE, StepKind.TASK, StepKind.END)
        excluded = self._excluded() if opens else ""
        mark = self.style("✓", "green") if step.ok else self.style("✗", "red")
        if not step.ok and step.step is not StepKind.END:
            who = _name(step.repo or "") if step.repo else ""
            text = f"{step.step} {who}: {safety.escape(step.detail)}"
            broken = 0 if "kaizen-agentic " in text else WIDTH
            wrapped = _wrap("    ✗ ", text, 6, broken)
            self.odd.append("\n".join(self.style(line, "red") for line in wrapped))
        match step.step:
            case StepKind.FIRE:
                return f"{excluded}{step.definition or '':<27}  {step.detail}"
            case StepKind.RESOLVE:
                return self._odd()
            case StepKind.EXCLUDED:
                self.reasons[step.reason or ""] += 1
                return ""
            case StepKind.TASK:
                name = safety.clip(_name(step.repo or ""), 18)
                self.run = [f"{excluded}  {name:<15}  task {mark}"]
                return "" if step.ok else self._run()
            case StepKind.PREPARE:
                self.run.append(f"prepare {mark} {step.duration_s or 0:.2f} s")
            case StepKind.BUNDLE:
                tokens = f" {step.tokens:,} tokens" if step.tokens is not None else ""
                self.run.append(f"bundle {mark}{tokens}")
            case StepKind.EVENT:
                self.run.append(f"event {mark}")
            case StepKind.UNCHANGED:
                return self._run()  # told where it does not hold
            case StepKind.END:
                colour = "green" if step.ok else "red"
                found = _wrap("pilot: ", step.detail, 7, WIDTH)
                verdict = "\n".join(self.style(line, colour) for line in found)
                return f"{excluded}{verdict}"
        return ""

    def _run(self) -> str:
        return "  ".join(self.run) + self._odd(before="\n")

    def _odd(self, *, before: str = "") -> str:
        text = "\n".join(self.odd)
        self.odd = []
        return f"{before}{text}" if text else ""

    def _excluded(self) -> str:
        """How many exclusions there were since this was last said."""
        reasons, self.reasons = self.reasons, Counter()
        if not reasons:
            return ""
        count = sum(reasons.values())
        noun = "exclusion" if count == 1 else "exclusions"
        kinds = "reason" if len(reasons) == 1 else "reasons"
        odd = self._odd(before="\n")
        return f"  excluded: {count:,} {noun}, {len(reasons)} {kinds}{odd}\n"
