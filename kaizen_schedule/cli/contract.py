"""``kaizen-agentic contract``: the published contract, for other teams to build against."""

from __future__ import annotations

import click

from kaizen_schedule.api import contracts
from kaizen_schedule.publishing.reporters import count_of, to_json
from kaizen_schedule.reading import safety

from .commands import Command, SectionedGroup
from .output import emit, format_option, quiet_option, say, styler

_SHOWN = 400
"""So many lines of differences are printed; the rest are counted."""


@click.group(
    cls=SectionedGroup,
    sections={"For other teams": ("export", "conformance", "answer")},
    elsewhere={"conformance": "conformance", "answer": "conformance"},
)
def command() -> None:
    """Schemas, interfaces, vectors and documents that other teams build against."""


@command.command(
    "export",
    cls=Command,
    examples=(
        "kaizen-agentic contract export docs",
        "kaizen-agentic contract export docs --check",
    ),
)
@click.argument("folder", metavar="DIR", type=click.Path())
@click.option(
    "--check", is_flag=True, help="Write nothing; end with 1 and a diff where DIR has drifted."
)
@format_option("text", "json")
@quiet_option
def export(folder: str, *, check: bool, form: str, quiet: bool) -> int:
    """Write every contract file beneath DIR, or compare what stands there.

    Schemas, AsyncAPI, OpenAPI, vectors, definitions, rules and reference pages.
    """
    from .fleet import answer_of  # `answer` is begun once for each vector, and has no need of it

    operands = ("--", folder) if folder.startswith("-") else (folder,)
    again = safety.shell_line(("kaizen-agentic", "contract", "export", *operands))
    if not check:
        written = contracts.export_contracts(folder)
        if form == "json":
            emit(to_json(answer_of(ok=True, written=written)))
        else:
            total = len(contracts.list_contracts())
            say(f"{count_of(len(written), 'file')} written, {total - len(written)} were right "
                "already", quiet=quiet)  # fmt: skip
        return 0
    drifts = contracts.compare_contracts(folder)
    if form == "json":
        emit(to_json(answer_of(ok=not drifts, drifts=drifts)))
        return int(bool(drifts))
    style = styler()
    colours = {"+": "green", "-": "red"}
    lines: list[str] = []
    for drift in drifts:
        if drift.missing:
            lines.append(style(f"{drift.path} is missing", "red"))
        lines += (style(line, colours.get(line[:1], "")) for line in drift.diff.splitlines())
    shown = lines[:_SHOWN]
    if len(lines) > _SHOWN:
        shown.append(f"… {len(lines) - _SHOWN:,} more lines")
    emit("".join(f"{line}\n" for line in shown))
    total = len(contracts.list_contracts())
    if drifts:
        say(
            f"{len(drifts)} of {count_of(total, 'file')} drifted; mend it with: {again}",
            quiet=quiet,
        )
    else:
        say(f"{count_of(total, 'file')}, none has drifted", quiet=quiet)
    return int(bool(drifts))
