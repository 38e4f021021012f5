"""Whether a run is worked: every reason against it, in order; and what is only said by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kaizen_schedule.edges import packaged
from kaizen_schedule.orienting.admission import (
    Facts,
    Request,
    Surroundings,
    examine,
)
from kaizen_schedule.planning.agents import PROMPT_CAP, Risk
from kaizen_schedule.planning.manifest import MANIFEST_PATH
from kaizen_schedule.planning.windows import RunKey, parse_run_key
from kaizen_schedule.reading.document import SIZE_LIMIT
from kaizen_schedule.reading.errors import FaultReason, Refusal
from kaizen_schedule.reading.tree import MemoryTree

from ..support import MemoryZones

PROMPTS = packaged.prompts()
DEFINITIONS = packaged.definitions()
NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
DUE = "2026-11-30T08:00:00Z"
KEY = f"my-repo:coach:{DUE}"
MANIFEST = """\
version: "1"
timezone: Europe/Berlin
agents:
  coach:
    cadence: weekly
    cron: "0 9 * * 1"
  optimization:
    cadence: weekly
  tdd-workflow:
    cadence: monthly
    enabled: false
  releaseManager:
    cadence: weekly
    review: required
"""
RISKY = b"---\nname: own\ndescription: It can break things.\nrisk: high\n---\nBe careful.\n"
SURROUNDINGS = Surroundings(
    zones=MemoryZones.load(), prompts=PROMPTS, definitions=DEFINITIONS, tool_version="1.3.0"
)


def request(agent: str = "coach", **changes: Any) -> Request:
    plain = Request(agent=agent, target="/srv/my-repo", repository="my-repo", now=NOW)
    return replace(plain, **changes)


def ask(
    manifest: str | bytes | None = MANIFEST,
    *,
    agent: str = "coach",
    files: dict[str, bytes] | None = None,
    faults: dict[str, FaultReason] | None = None,
    **changes: Any,
) -> Facts:
    found = dict(files or {})
    if manifest is not None:
        found[MANIFEST_PATH] = manifest.encode() if isinstance(manifest, str) else manifest
    tree = MemoryTree(found, faults or {})
    return examine(tree, request(agent, **changes), SURROUNDINGS)


def refused(*words: Any, reason: str, **changes: Any) -> Refusal:
    changes.setdefault("run", f"my-repo:{changes.get('agent', 'coach')}:{DUE}")
    with pytest.raises(Refusal) as caught:
        ask(*words, **changes)
    assert caught.value.reason == reason
    assert caught.value.exit_code == 1
    assert caught.value.fix.startswith("do nothing; close the task as cancelled")
    return caught.value


class TestRunKey:
    @given(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=60),
        st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,63}", fullmatch=True),
        st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31, 23, 59, 59)),
    )
    def test_what_the_resolver_makes_is_read_back(
        self, slug: str, agent: str, moment: datetime
    ) -> None:
        moment = moment.replace(microsecond=0, tzinfo=UTC)
        key = f"{quote(slug, safe='')}:{agent}:{moment:%Y-%m-%dT%H:%M:%SZ}"
        assert parse_run_key(key) == RunKey(slug=slug, agent=agent, scheduled_for=moment)

    @given(st.text(st.sampled_from("aZ9:%F/2.~-_TZ \n"), max_size=40) | st.text(max_size=40))
    def test_nothing_makes_it_fail(self, text: str) -> None:
        parse_run_key(text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "coach",
            "my-repo:coach",
            f":coach:{DUE}",
            f"my-repo::{DUE}",
            f"my repo:coach:{DUE}",
            f"my/repo:coach:{DUE}",
            f"my-repo:coach:{DUE}\n",
            f" my-repo:coach:{DUE}",
            f"my-repo:1coach:{DUE}",
            f"my-repo:co_ach:{DUE}",
            f"my-repo:{'a' * 65}:{DUE}",
            f"my-repo:coach:extra:{DUE}",
            "my-repo:coach:2026-11-30T08:00:00+00:00",
            "my-repo:coach:2026-11-30T08:00Z",
            "my-repo:coach:2026-02-30T08:00:00Z",
            "my-repo:coach:2026-11-30T24:00:00Z",
            "my-repo:coach:2026-11-30T23:59:60Z",
            "my-repo:coach:٢٠٢٦-11-30T08:00:00Z",
            "my-repo:coach:0000-11-30T08:00:00Z",
            "my-repo:coach:0001-01-01T00:00:00Z",
            "my-repo:coach:1969-12-31T23:59:59Z",
            "my-repo:coach:2200-01-01T00:00:00Z",
            "my-repo:coach:9999-12-31T23:59:59Z",
            f"my%2frepo:coach:{DUE}",
            f"%6Dy-repo:coach:{DUE}",
            f"my%2:coach:{DUE}",
            f"%FF:coach:{DUE}",
            f"%ED%A0%80:coach:{DUE}",
            f"{'a' * 1000}:coach:{DUE}",
        ],
    )
    def test_what_is_none_is_a_mismatch(self, text: str) -> None:
        assert parse_run_key(text) is None
        error = refused(reason="run-mismatch", run=text)
        assert "is no idempotency key" in error.message
        assert len(error.message) < 200
        assert "\n" not in error.message

    def test_a_key_of_another_agent_is_a_mismatch(self) -> None:
        error = refused(reason="run-mismatch", run=f"my-repo:optimization:{DUE}")
        assert "is one of agent optimization, not coach" in error.message

    @pytest.mark.parametrize("moment", ["1970-01-01T00:00:00Z", "2199-12-31T23:59:59Z"])
    def test_the_ends_of_time_are_worked(self, moment: str) -> None:
        zone = "timezone: Pacific/Apia"
        facts = ask(MANIFEST.replace("timezone: Europe/Berlin", zone), run=f"x:coach:{moment}")
        assert facts.warnings[0].startswith("rescheduled:")


class TestExpiry:
    def test_exactly_at_its_end_it_is_over(self) -> None:
        error = refused(reason="expired", expires_at=NOW)
        assert error.message == "the run expired at 2026-11-30T09:00:00Z"
        refused(reason="expired", expires_at=NOW - timedelta(microseconds=1))

    def test_before_its_end_it_is_worked(self) -> None:
        assert ask(run=KEY, expires_at=NOW + timedelta(microseconds=1)).key is not None

    def test_it_counts_by_hand_too(self) -> None:
        refused(reason="expired", run=None, expires_at=NOW)

    def test_it_is_asked_first(self) -> None:
        refused(None, reason="expired", run="nonsense", expires_at=NOW)


class TestManifest:
    def test_missing(self) -> None:
        refused(None, reason="manifest-missing")

    @pytest.mark.parametrize(
        ("fault", "reason"),
        [
            (FaultReason.MISSING, "manifest-missing"),
            (FaultReason.TOO_LARGE, "manifest-invalid"),
            (FaultReason.OUTSIDE, "unreadable"),
            (FaultReason.NOT_REGULAR, "unreadable"),
            (FaultReason.LINK_LOOP, "unreadable"),
            (FaultReason.UNREADABLE, "unreadable"),
        ],
    )
    def test_one_that_cannot_be_had(self, fault: FaultReason, reason: str) -> None:
        faults = {MANIFEST_PATH: fault}
        refused(None, reason=reason, faults=faults)
        (warning,) = ask(None, faults=faults).warnings
        assert warning.startswith(f"{reason}: {MANIFEST_PATH} is {fault}")
        assert warning.endswith("nothing runs by itself here")

    def test_one_that_is_too_large(self) -> None:
        refused(b"#" * (SIZE_LIMIT + 1), reason="manifest-invalid")

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("", "KS"),
            ("- a\n", "KS201"),
            ("version: \x00\n", "KS1"),
            (b"version: \xff\n", "KS1"),
            ('version: "1"\nagents: {coach: {cadence: weekly}', "KS1"),
            (MANIFEST.replace("Berlin", "Berln"), "KS301"),
            (MANIFEST.replace("monthly", "montly"), "KS204"),
            (MANIFEST.replace('"1"', "1"), "KS205"),
        ],
    )
    def test_a_faulty_one_says_the_first_error(self, text: str | bytes, code: str) -> None:
        error = refused(text, reason="manifest-invalid")
        assert error.message.startswith(f"1 error, first at {MANIFEST_PATH}:")
        assert f": {code}" in error.message
        assert error.fix.endswith("for its owner: kaizen-agentic schedule validate /srv/my-repo")
        (warning, *_) = ask(text).warnings
        assert warning.startswith("manifest-invalid: 1 error, first at ")
        assert f": {code}" in warning

    def test_errors_are_counted_in_the_order_of_the_file(self) -> None:
        text = MANIFEST.replace("Berlin", "Berln").replace("monthly", "montly")
        error = refused(text, reason="manifest-invalid")
        assert error.message.startswith("2 errors, first at .kaizen/schedule.yml:2:11: KS301")

    def test_one_of_a_newer_version(self) -> None:
        text = MANIFEST.replace('"1"', '"2"')
        error = refused(text, reason="manifest-too-new")
        assert error.fix.endswith("for its owner: upgrade kaizen-schedule on this host")
        (warning, *_) = ask(text).warnings
        assert warning.startswith('manifest-too-new: version "2" is newer than this program')

    def test_one_that_is_switched_off(self) -> None:
        text = "enabled: false\n" + MANIFEST
        error = refused(text, reason="repository-disabled")
        assert error.fix.endswith(
            "for its owner: kaizen-agentic schedule enable --target /srv/my-repo"
        )
        facts = ask(text)
        assert facts.warnings == [f"repository-disabled: {error.message}"]
        assert facts.entry is not None

    def test_a_hostile_one_forges_no_line(self) -> None:
        text = 'version: "1"\nagents:\n  "a\\nEND": 1\n  ? "b\\e[31m"\n  : 2\n'
        for said in (refused(text, reason="manifest-invalid").message, *ask(text).warnings):
            assert said.isprintable()

    def test_a_name_that_looks_like_a_secret_is_not_told(self) -> None:
        name = "sk-" + "proj-" + "a1B2c3D4e5" * 4
        error = refused(f'version: "1"\nagents: {{{name}: 1}}', reason="manifest-invalid")
        assert "a1B2" not in error.message


class TestEntry:
    def test_none(self) -> None:
        error = refused(reason="agent-not-scheduled", agent="sys-medic")
        assert error.message == "sys-medic has no entry in .kaizen/schedule.yml"
        (warning,) = ask(agent="sys-medic").warnings
        assert warning == "agent-not-scheduled: sys-medic has no entry in .kaizen/schedule.yml"

    def test_one_that_is_off(self) -> None:
        error = refused(reason="agent-disabled", agent="tdd-workflow")
        assert error.fix.endswith("schedule enable tdd-workflow --target /srv/my-repo")
        (warning,) = ask(agent="tdd-workflow").warnings
        assert warning == "agent-disabled: enabled: false in the entry tdd-workflow"

    def test_a_faulty_one_by_hand_is_not_used(self) -> None:
        facts = ask(MANIFEST.replace("cron:", "corn:"))
        assert facts.entry is None
        assert len(facts.warnings) == 1
        assert facts.warnings[0].startswith("manifest-invalid:")

    def test_the_good_one_of_a_faulty_manifest_is_used_by_hand(self) -> None:
        facts = ask(MANIFEST.replace("monthly", "montly"))
        assert facts.timing is not None
        assert facts.timing.cron == "0 9 * * 1"

    def test_without_a_zone_there_is_no_time(self) -> None:
        facts = ask(MANIFEST.replace("Berlin", "Berln"))
        assert (facts.entry is not None, facts.timing) == (True, None)

    def test_without_a_prompt(self) -> None:
        manifest = 'version: "1"\nagents:\n  own:\n    cadence: weekly\n'
        error = refused(manifest, reason="agent-not-installed", agent="own")
        assert error.fix.endswith("put it at agents/agent-own.md")

    @pytest.mark.parametrize(
        ("data", "fault"),
        [
            (b"\xff", None),
            (b"a" * (PROMPT_CAP + 1), None),
            (None, FaultReason.OUTSIDE),
            (None, FaultReason.NOT_REGULAR),
        ],
    )
    def test_with_a_prompt_that_cannot_be_read(
        self, data: bytes | None, fault: FaultReason | None
    ) -> None:
        path = "agents/agent-coach.md"
        where: dict[str, Any] = {
            "files": {path: data} if data is not None else {},
            "faults": {path: fault} if fault is not None else {},
        }
        error = refused(reason="agent-not-installed", **where)
        assert error.message.startswith("the prompt of agent coach cannot be used: ")
        with pytest.raises(Refusal, match="cannot be used") as caught:
            ask(**where)
        assert caught.value.reason == "agent-not-installed"
        assert caught.value.fix
        assert "cancelled" not in caught.value.fix

    def test_high_risk_needs_review(self) -> None:
        manifest = 'version: "1"\nagents:\n  own:\n    cadence: weekly\n'
        files = {"agents/agent-own.md": RISKY}
        error = refused(manifest, reason="review-missing", agent="own", files=files)
        assert error.fix.endswith("add review: required to the entry")
        reviewed = manifest + "    review: required\n"
        assert ask(reviewed, agent="own", files=files, run=f"x:own:{DUE}").review
        assert ask(manifest, agent="own", files=files).review, (
            "by hand it is asked for all the same"
        )

    def test_a_packaged_risk_cannot_be_lowered(self) -> None:
        text = MANIFEST.replace("    review: required\n", "")
        low = {"agents/agent-releaseManager.md": RISKY.replace(b"high", b"low")}
        assert PROMPTS["releaseManager"].risk is Risk.HIGH
        refused(text, reason="review-missing", agent="releaseManager", files=low)

    def test_review_is_the_entrys_or_the_prompts(self) -> None:
        assert not ask(run=KEY).review
        assert ask(MANIFEST.replace("weekly", "weekly\n    review: required", 1), run=KEY).review


class TestDefinition:
    def test_of_another_agent(self) -> None:
        error = refused(reason="run-mismatch", definition="weekly-optimization-review")
        assert error.message.endswith("is for agent optimization, not coach")

    def test_of_another_cadence(self) -> None:
        text = MANIFEST.replace("weekly", "daily", 1)
        error = refused(text, reason="cadence-differs", definition="weekly-coach-orientation")
        assert error.message == (
            "definition weekly-coach-orientation is weekly, the entry is daily"
        )

    def test_the_templates_cadence_counts(self) -> None:
        assert ask(run=KEY, definition="weekly-agent-run").key is not None
        text = MANIFEST.replace("weekly", "daily", 1)
        refused(text, reason="cadence-differs", definition="weekly-agent-run")

    @pytest.mark.parametrize("definition", [None, "", "theirs", "weekly-coach-orientation"])
    def test_an_unknown_one_is_no_fault(self, definition: str | None) -> None:
        facts = ask(run=KEY, definition=definition)
        assert facts.warnings == []
        assert facts.timing is not None
        assert facts.timing.definition == "weekly-coach-orientation"


class TestRescheduled:
    def test_an_own_cron_that_moved_is_said(self) -> None:
        facts = ask(MANIFEST.replace("0 9 * * 1", "0 9 * * 2"), run=KEY)
        assert facts.warnings == [
            'rescheduled: cron "0 9 * * 2" no longer fires at 2026-11-30T08:00:00Z, '
            "when this run was handed out"
        ]

    def test_a_moved_zone_moves_the_cron(self) -> None:
        (warning,) = ask(MANIFEST.replace("Europe/Berlin", "UTC"), run=KEY).warnings
        assert warning.startswith("rescheduled:")

    def test_one_that_did_not_move_is_not(self) -> None:
        assert ask(run=KEY).warnings == []

    @pytest.mark.parametrize("seconds", [1, -1, 60])
    def test_a_second_beside_it_is_another_time(self, seconds: int) -> None:
        moment = datetime(2026, 11, 30, 8, tzinfo=UTC) + timedelta(seconds=seconds)
        (warning,) = ask(run=f"my-repo:coach:{moment:%Y-%m-%dT%H:%M:%SZ}").warnings
        assert warning.startswith("rescheduled:")

    def test_a_lent_cron_is_not_compared(self) -> None:
        lent = ask(agent="optimization", run="x:optimization:2026-11-29T23:11:00Z")
        assert lent.warnings == []
        by_cadence = MANIFEST.replace('weekly\n    cron: "0 9 * * 1"', "daily")
        assert ask(by_cadence, run=KEY).warnings == []

    def test_nor_is_anything_by_hand(self) -> None:
        assert ask(MANIFEST.replace("0 9 * * 1", "0 9 * * 2")).warnings == []


class TestPrompt:
    def test_an_unknown_agent_is_refused_with_what_is_near(self) -> None:
        for run in (None, f"x:coech:{DUE}"):
            with pytest.raises(Refusal) as caught:
                ask(MANIFEST.replace("coach", "coech"), agent="coech", run=run)
            assert caught.value.reason == "agent-not-installed"
        with pytest.raises(Refusal, match='there is no prompt for agent "coech"') as caught:
            ask(agent="coech")
        assert caught.value.fix.startswith("did you mean coach? known are coach, optimization, ")

    @pytest.mark.parametrize("name", ["", "../coach", "a\nb", "é", "x" * 5000, "\udcff", "-x"])
    def test_a_name_that_none_can_have_is_shown_safely(self, name: str) -> None:
        with pytest.raises(Refusal) as caught:
            ask(agent=name)
        assert caught.value.reason == "agent-not-installed"
        assert caught.value.message.isprintable()
        assert len(caught.value.message) < 200

    def test_what_is_odd_about_it_is_said_and_no_more_than_some(self) -> None:
        front = b"---\nname: coach\ndescription: x\n"
        odd = front + b"".join(b"key%d: 1\n" % n for n in range(5_000)) + b"---\nBe kind.\n"
        facts = ask(run=KEY, files={"agents/agent-coach.md": odd})
        assert len(facts.warnings) == 6
        assert facts.warnings[0].startswith("prompt-unknown-key: agents/agent-coach.md:4: ")
        assert facts.warnings[-1] == "prompt-unknown-key: 46 more of them"

    def test_what_counts_is_the_repositorys(self) -> None:
        files = {".claude/agents/coach.md": b"Be kind.\n"}
        facts = ask(run=KEY, files=files)
        assert (facts.prompt.text, facts.prompt.packaged) == ("Be kind.\n", False)
        assert ask(run=KEY).prompt.packaged
