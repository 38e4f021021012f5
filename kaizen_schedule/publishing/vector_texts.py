"""What stands in the files of the vectors: manifests, crons and prompts in all of their forms."""

from __future__ import annotations


def manifest(*entries: str, zone: str = "Europe/Berlin", head: str = "") -> str:
    """A manifest of entries on one line each."""
    lines = ['version: "1"', f"timezone: {zone}", *filter(None, [head])]
    lines.append("agents:" if entries else "agents: {}")
    return "\n".join([*lines, *(f"  {entry}" for entry in entries), ""])


def timed(cron: str, zone: str = "UTC") -> str:
    """A manifest of one entry with a cron of its own."""
    return manifest(f'coach: {{cadence: weekly, cron: "{cron}"}}', zone=zone)


COACH = manifest("coach: {cadence: weekly}")
_TOP = 'version: "1"\n'

WRONG: dict[str, str | bytes] = {
    "not-utf8": b"version: '1'\n# \xe9\n",
    "tag": 'version: !!str "1"\n',
    "merge-key": 'version: "1"\nagents:\n  a: &a {cadence: weekly}\n  coach: {<<: *a}\n',
    "duplicate-key": 'version: "1"\nversion: "1"\n',
    "several-documents": 'version: "1"\n---\nversion: "1"\n',
    "unquoted-version": "version: 1\n",
    "unknown-key": 'version: "1"\nagent: {}\n',
    "unknown-cadence": manifest("coach: {cadence: weely}"),
    "yes-is-text": 'version: "1"\nenabled: yes\n',
    "too-deep": 'version: "1"\nagents: ' + "[" * 17 + "]" * 17 + "\n",
    "line-separator": 'version: "1"\u2028\n',
    "unknown-zone": manifest(zone="Europe/Berln"),
    "zone-local": manifest(zone="localtime"),
    "cron-six-fields": manifest('coach: {cadence: weekly, cron: "0 0 9 * * 1"}'),
    "cron-macro": manifest('coach: {cadence: weekly, cron: "@weekly"}'),
    "cron-both-days": manifest('coach: {cadence: weekly, cron: "0 9 1 * 1"}'),
    "cron-never": manifest('coach: {cadence: weekly, cron: "0 9 31 2 *"}'),
    "cron-step": manifest('coach: {cadence: weekly, cron: "*/61 9 * * 1"}'),
    "case-twins": manifest("coach: {cadence: weekly}", "Coach: {cadence: weekly}"),
    "empty": "",
}
"""What a manifest may not hold."""

RIGHT: dict[str, str | bytes] = {
    "bom": b"\xef\xbb\xbf" + COACH.encode(),
    "crlf": COACH.replace("\n", "\r\n"),
    "anchors": 'version: "1"\ntimezone: Europe/Berlin\nagents:\n'
    "  coach: &w {cadence: weekly}\n  optimization: *w\n",
    "quoted": '"version": \'1\'\n"timezone": Europe/Berlin\n'
    'agents: {"coach": {"cadence": "weekly"}}\n',
    "comment": f"# who runs what\n{COACH}# end\n",
}
"""The same manifest, in other forms."""

# --- YAML ----------------------------------------------------------------------------------------

_FLOW = f"{{{_TOP[:-1]}, timezone: Europe/Berlin, agents: {{coach: {{cadence: weekly}}}}}}\n"
YAML_TAKEN: dict[str, str | bytes] = {
    "cr-alone": COACH.replace("\n", "\r"),
    "json": '{"version": "1", "timezone": "Europe/Berlin", "agents": '
    '{"coach": {"cadence": "weekly"}}}',
    "tabs": _FLOW.replace(" ", "\t").replace("{", "{\n\t"),
    "tabs-behind": COACH.replace("\n", "\t\n").replace(": ", ":\t"),
    "yaml-1.2": f"%YAML 1.2\n---\n{COACH}",
    "yaml-1.1": f"%YAML 1.1\n---\n{COACH}",
    "tag-directive": f"%TAG !x! tag:example,2026:\n---\n{COACH}",
    "end-mark": f"{COACH}...\n# x\n",
    "capitals": manifest("coach: {cadence: weekly, enabled: TRUE}", head="enabled: True"),
    "anchor-again": f"{_TOP}timezone: Europe/Berlin\nagents:\n"
    "  a: &x {cadence: daily}\n  b: &x {cadence: weekly}\n  coach: *x\n",
}
"""Texts that are read."""

YAML_REFUSED: dict[str, str] = {
    "two-marks": f"\ufeff\ufeff{COACH}",
    "mark-inside": f"{COACH}# \ufeff\n",
    "control-character": f"{COACH}# \x07\n",
    "tab-as-indent": f"{_TOP}agents:\n\tcoach: {{cadence: weekly}}\n",
    "tab-alone": f"{_TOP}\t\n",
    "yaml-2.0": f"%YAML 2.0\n---\n{COACH}",
    "directive-alone": f"%YAML 1.2\n{COACH}",
    "end-mark-and-more": f"{COACH}...\n---\n",
    "merge-key-in-quotes": f'{COACH}"<<": {{}}\n',
    "number-as-key": f"{_TOP}agents: {{1: {{cadence: weekly}}}}\n",
    "undefined-alias": f"{_TOP}agents: *all\n",
    "alias-in-itself": f"{_TOP}agents: &all {{coach: *all}}\n",
    "null-agents": f"{_TOP}agents:\n",
    "null-zone": f"{_TOP}timezone: ~\n",
    "null-cron": manifest("coach: {cadence: weekly, cron: null}"),
    "null-review": manifest("coach: {cadence: weekly, review: }"),
    "true-as-text": f'{_TOP}enabled: "true"\n',
    "cadence-in-capitals": manifest("coach: {cadence: Weekly}"),
}
"""Texts that make a manifest invalid."""


def _of_values(flag: str, last: str) -> str:
    """A manifest of 19,997 values, by aliases, and what more it is given.

    The head has seven: the whole, three keys, two texts and the mapping of entries. Each of 1,999
    entries has ten: its name, its mapping, four keys and four values.
    """
    entry = '{cadence: weekly, cron: "0 9 * * 1", enabled: true, review: none}'
    names = "".join(f", a{number}: *e" for number in range(1_998))
    return f"{_TOP}{flag}timezone: UTC\nagents: {{coach: &e {entry}{names}{last}}}\n"


VALUES = {
    "at-most": _of_values("enabled: true\n", ""),
    "too-many": _of_values("", ", b: {cadence: weekly}"),
}
"""Manifests of 19,999 and of 20,001 values: no manifest has an even number of them."""

VERSIONS: dict[str, str] = {
    # newer
    "text": '"2"', "number": "2", "fraction": "2.5", "dots": '"10.0.3"', "zeros": '"02"',
    "word-behind": '"2.x"', "hexadecimal": "0x2", "exponent": "2e0",
    "twice": '"2"\nversion: "1"', "tag-behind": '"2"\nagents: !x 7',
    "second-document": '"2"\n---\nx: 1',
    # no newer ones
    "fraction-of-one": '"1.5"', "number-of-one": "1.5", "zeros-and-one": '"01"', "word": '"v2"',
    "blank": '"2 "', "negative": '"-2"', "dash": '"2-1"', "nothing": '""', "flag": "true",
    "large": "1e16", "twice-other": '"1"\nversion: "2"',
    # not read to the end
    "open": '"2"\nagents: [', "control": '"2" # \x07',
}  # fmt: skip
"""What stands behind `version:`."""

ZONES = (
    "CET", "US/Eastern", "Etc/GMT+5", "GMT0", "EST5EDT",
    "cet", "europe/berlin", "CEST", "+01:00", "Factory", "EST5EDT4", "posixrules", " UTC",
)  # fmt: skip
"""Names of time zones, then what is none."""

# --- Crons ---------------------------------------------------------------------------------------

CRONS_TAKEN = (
    "0   9 *  * 1", "000 0009 * * 0001", f"{'0' * 20} 9 * * 1", "*/59 9 * * 1", "10-50/40 9 * * 1",
    "0 */12 * * 1", "0 9 * * 5-7", "0 9 * * 0-7", "0,10-20/5,0 9 * * MON-3", "0 9 */10 DEC *",
    "0 9 * * 2-7", "0 9 * * 1-7/2",
)  # fmt: skip
CRONS_REFUSED = {
    "star-first": "*/15,1 9 * * 1", "star-last": "1,*/15 9 * * 1", "stars": "*/5,*/7 9 * * 1",
    "star-alone": "0 *,9 * * 1", "flat-range": "0 9 * * 1-1", "falling-range": "0 9 * * 5-1",
    "step-zero": "*/0 9 * * 1", "step-on-value": "5/10 9 * * 1", "step-beyond": "0-9/10 9 * * 1",
    "days-by-step": "0 9 */1 * 1", "days-by-range": "0 9 1 * 0-6", "question": "0 9 ? * 1",
    "blank-before": " 0 9 * * 1", "blank-in-list": "0, 9 * * 1", "tab": "0\\t9 * * 1",
    "small-name": "0 9 * * mon", "whole-week": "0 9 * * 1-7", "digits": f"{'0' * 21} 9 * * 1",
}  # fmt: skip

# --- Prompts -------------------------------------------------------------------------------------


def prompt(risk: str, name: str = "coach") -> str:
    """A prompt that says what its risk is; nothing where that is empty."""
    said = f"risk: {risk}\n" if risk else ""
    return f"---\nname: {name}\ndescription: Guides.\n{said}---\n# {name}\n"


def _fronted(fronts: dict[str, str]) -> dict[str, str]:
    return {key: f"---\nname: coach\n{text}\n---\n" for key, text in fronts.items()}


RISK_IS_CLEAR = _fronted({
    # low
    "silent": "model: x", "low": "risk: low", "in-quotes": "'risk': \"low\"",
    "comment": "# risk: high", "nested": "metadata: {risk: high}", "other": "effort: high",
    "body": "model: x\n---\nrisk: high", "behind-blanks": "risk: low \n--- \t\u2003",
    "capital-low": "Risk: low", "slip-medium": "riks: medium",
    # high
    "high": "risk: high", "capital-value": "risk: High", "capital-value-low": "risk: Low",
    "another-value": "risk: medium", "no-value": "risk:", "list": "risk: [low]",
    "alias": "model: &r high\nrisk: *r", "escaped": '"r\\x69sk": high',
    "capital-key": "Risk: high", "capital-key-medium": "RISK: medium",
    "both": "risk: low\nRisk: high", "slip": "riks: High", "longer": "risk-level: high",
}) | {
    "byte-order-mark": f"\ufeff{prompt('high')}",
    "cr-alone": prompt("high").replace("\n", "\r"),
    "blank-lines-before": f"\r\n \t\n{prompt('high')}",
    "no-front-matter": f" {prompt('high')}",
}  # fmt: skip
"""Prompts whose front matter is sound, or that have none."""

_COLON = "tools: a: b\n"
RISK_IS_UNCLEAR = _fronted({
    # low
    "colon": _COLON, "colon-low": f"{_COLON}risk: low # x", "prose": f"{_COLON}x: no risk",
    "twice-low": "risk: low\nrisk: low", "merge-low": "<<: {risk: low}",
    # high
    "colon-high": f"{_COLON}risk: high", "colon-medium": f"{_COLON}'risk' : medium",
    "colon-null": f"{_COLON}risk:\n  low", "colon-more": f"{_COLON}risk: low or high",
    "colon-comment": f"{_COLON}# risk: high", "colon-slip": f"{_COLON}riks: 'high'",
    "twice-high": "risk: low\nrisk: high", "twice-medium": "risk: low\nrisk: medium",
    "merge-key": "<<: {risk: high}", "tag": "risk: !!str high", "no-alias": "risk: *nothing",
    "in-flow": "x: [{risk: no}", "line-separator": "x: a\u2028risk: high",
}) | {
    "list": "---\n- risk: high\n---\n",
    "open": "---\nname: coach\n# Coach\n",
    "open-low": "---\nname: coach\nrisk: low\n",
    "open-high": "---\nname: coach\nrisk: high\n",
    "open-far": "---\nname: coach\n" + "Guides.\n" * 99 + "risk: high\n",
}  # fmt: skip
"""Prompts whose front matter is faulty, or not closed."""

# --- Names ---------------------------------------------------------------------------------------

UNSEEN = (
    "a\tb", "nb\u00a0sp", "soft\u00ad", "rtl\u202e", "own\ue000", "tag\U000e0041", "vs\ufe0f",
    "braille\u2800", "hangul\u3164", "caf\u00e9", "fox\U0001f98a", "back\\slash", "'quoted'",
    "{{ run.agent }}",
)  # fmt: skip
"""Slugs with what cannot be seen, and with what is kept."""
