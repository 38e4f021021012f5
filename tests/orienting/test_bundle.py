"""The bundle as markdown and within its budget, on bundles made by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from kaizen_schedule.orienting.bundle import (
    REDACTIONS_SHOWN,
    SIZE_LIMIT,
    Bundle,
    Close,
    CloseCommand,
    Section,
    Trust,
    clean,
    digest_of,
    estimate_tokens,
    fit_bundle,
    render_bundle,
    render_name,
    sha256,
)
from kaizen_schedule.reading.codec import dumps
from kaizen_schedule.reading.errors import Refusal, UsageError
from kaizen_schedule.reading.safety import Redaction

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
COMMONMARK = MarkdownIt("commonmark")
NAMES = ("task", "agent", "schedule", "metrics", "memory", "repository", "close")
TOKEN = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"


def section(name: str, content: str, **changes: object) -> Section:
    ours = name in ("task", "close")
    plain = Section(
        name=name,
        title=name.capitalize(),
        source=f"{name}.md",
        sha256=sha256(content),
        trust=Trust.PACKAGED if ours else Trust.REPOSITORY_DATA,
        content=content,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def make(**contents: str) -> Bundle:
    command = CloseCommand(purpose="always", choose_one_of=None, argv=("true",), command="true")
    return Bundle(
        tool_version="1.3.0",
        agent="coach",
        repository="my-repo",
        target="/srv/my-repo",
        prepared_at=NOW,
        digest="d" * 64,
        close=Close(commands=(command,)),
        sections=tuple(section(name, contents.get(name, f"The {name}.")) for name in NAMES),
    )


def content(bundle: Bundle, name: str) -> str:
    return next(s.content for s in bundle.sections if s.name == name)


def fences(text: str) -> list[str]:
    return [token.content for token in COMMONMARK.parse(text) if token.type == "fence"]


def lines(word: str, count: int) -> str:
    return "\n".join(f"{word} {number}" for number in range(count))


class TestRender:
    def test_headings_stand_in_order_and_only_ours_is_unfenced(self) -> None:
        tokens = COMMONMARK.parse(render_bundle(make()))
        headings = [
            (token.tag, tokens[at + 1].content)
            for at, token in enumerate(tokens)
            if token.type == "heading_open"
        ]
        assert headings == [
            ("h1", "coach in my-repo"),
            *(("h2", f"{at} {name.capitalize()}") for at, name in enumerate(NAMES, 1)),
        ]
        assert fences(render_bundle(make())) == [f"The {name}.\n" for name in NAMES[1:-1]]

    def test_begin_and_end_name_trust_source_and_digest(self) -> None:
        shown = render_bundle(make(memory="Ask first."))
        label = f"repository-data `memory.md` sha256 {sha256('Ask first.')[:16]}"
        assert shown.count(f"\n\nBEGIN {label}\n\n```text\nAsk first.\n```\n\nEND {label}\n\n") == 1

    def test_what_was_cut_and_redacted_is_said_before_the_text(self) -> None:
        bundle = make()
        found = tuple(Redaction(kind="jwt", line=n) for n in range(1, REDACTIONS_SHOWN + 2_000))
        memory = section("memory", "Text.", truncated=True, redactions=found)
        shown = render_bundle(replace(bundle, sections=(*bundle.sections[:4], memory)))
        assert "- truncated: not all of it is shown\n- redacted: jwt at line 1\n" in shown
        assert f"- redacted: jwt at line {REDACTIONS_SHOWN}\n- redacted: 1,999 more\n" in shown
        assert shown.count("- redacted: ") == REDACTIONS_SHOWN + 1

    def test_the_foot_names_instant_version_estimate_and_digest(self) -> None:
        shown = render_bundle(replace(make(), estimated_tokens=12_345))
        assert shown.endswith(
            "\n---\n\nPrepared at 2026-11-30T09:00:00Z by kaizen-agentic 1.3.0; "
            f"about 12,345 tokens (an estimate); sha256 {'d' * 64}.\n"
        )

    @given(st.text(st.sampled_from("`~ \n\t>-#<[a"), max_size=60))
    @example("```\n````\n`````")
    @example("~~~\n<!--")
    @example("")
    def test_no_text_leaves_its_fence(self, text: str) -> None:
        shown = render_bundle(make(agent=text))
        assert fences(shown)[0] == text.rstrip("\n") + "\n"
        assert len(fences(shown)) == 5
        assert COMMONMARK.parse(shown)[-2].content.startswith("Prepared at ")

    @pytest.mark.parametrize("name", ["my-repo", "kaizen", "a.b-c.d", "7", "a" * 200])
    def test_an_ordinary_name_stays_as_it_is(self, name: str) -> None:
        assert render_name(name) == name

    @pytest.mark.parametrize(
        "name",
        ["www.example.com", "WWW.example.com", "a b", "_a_", "-a", "a--b", "1.", "é", "", "a\n#b"],
    )
    def test_any_other_name_is_escaped(self, name: str) -> None:
        shown = render_name(name)
        assert "\n" not in shown
        if name.isascii() and name.strip() == name and name.isprintable() and name != "a b":
            assert shown != name or not name
        (_, inline, _) = COMMONMARK.parse(f"# x {shown}")
        assert inline.children is not None
        assert {child.type for child in inline.children} <= {"text"}

    def test_a_long_name_is_cut(self) -> None:
        assert render_name("a" * 201) == "a" * 199 + "…"


class TestEstimate:
    @given(st.text())
    def test_it_is_a_quarter_of_the_bytes_rounded_up(self, text: str) -> None:
        size = len(text.encode("utf-8", "replace"))
        assert 4 * estimate_tokens(text) - 4 < size <= 4 * estimate_tokens(text)

    def test_it_counts_bytes_not_characters(self) -> None:
        assert estimate_tokens("漢" * 4) == 3


class TestClean:
    def test_secrets_are_replaced_before_anything_is_made_visible(self) -> None:
        split = TOKEN[:8] + "\u200b" + TOKEN[8:]
        shown, redactions = clean(f"a\r\nb \x1b {split}\n")
        assert shown == "a\nb \\x1b [redacted:github-token]\n"
        assert redactions == (Redaction(kind="github-token", line=2),)

    def test_other_text_stays(self) -> None:
        assert clean("né à\t漢字\n") == ("né à\t漢字\n", ())


def states(bundle: Bundle) -> Iterator[Bundle]:
    """Every state on the way from the whole bundle to the least, one line less each time."""
    yield bundle
    for name in ("repository", "metrics", "memory"):
        index = NAMES.index(name)
        whole = bundle.sections[index]
        rows = whole.content.split("\n")
        best = bundle
        for kept in range(len(rows) - 1, -1, -1):
            gone = len(rows) - kept
            mark = f"[truncated: {gone} line{'' if gone == 1 else 's'} left out]"
            part = [mark, *rows[gone:]] if name == "memory" else [*rows[:kept], mark]
            cut = replace(whole, content="\n".join(part), truncated=True)
            sections = (*bundle.sections[:index], cut, *bundle.sections[index + 1 :])
            best = replace(bundle, sections=sections)
            yield best
        if len(render_bundle(best)) < len(render_bundle(bundle)):
            bundle = best


def cost(bundle: Bundle) -> int:
    return estimate_tokens(render_bundle(replace(bundle, estimated_tokens=10_000_000)))


class TestBudget:
    def test_what_fits_is_left_whole(self) -> None:
        bundle = make()
        for budget in (0, cost(bundle), 16_000):
            fitted = fit_bundle(bundle, token_budget=budget)
            assert fitted == replace(bundle, estimated_tokens=cost(bundle))

    @given(
        st.integers(1, 12),
        st.integers(1, 12),
        st.integers(1, 12),
        st.integers(min_value=200, max_value=800),
    )
    def test_the_first_state_that_fits_is_taken(
        self, repository: int, metrics: int, memory: int, budget: int
    ) -> None:
        bundle = make(
            repository=lines("a rather long name of a file", repository),
            metrics=lines("a rather long row of a table", metrics),
            memory=lines("a rather long line of a note", memory),
        )
        every = list(states(bundle))
        expected = next((state for state in every if cost(state) <= budget), None)
        if expected is None:
            least = min(map(cost, every))
            with pytest.raises(Refusal) as caught:
                fit_bundle(bundle, token_budget=budget)
            assert caught.value.reason == "token-budget"
            assert caught.value.fix == f"pass --token-budget {least}, or shorten the prompt"
            assert f"need about {least} tokens, more than the budget of {budget}" in str(
                caught.value
            )
            assert cost(fit_bundle(bundle, token_budget=least)) == least
        else:
            fitted = fit_bundle(bundle, token_budget=budget)
            assert fitted == replace(expected, estimated_tokens=cost(expected))
            assert estimate_tokens(render_bundle(fitted)) <= fitted.estimated_tokens <= budget

    def test_they_give_way_in_order(self) -> None:
        bundle = make(
            repository=lines("repository", 50),
            metrics=lines("metrics", 50),
            memory=lines("memory", 50),
        )
        order: list[list[str]] = []
        for budget in range(cost(bundle), 0, -1):
            try:
                fitted = fit_bundle(bundle, token_budget=budget)
            except Refusal:
                break
            cut = [s.name for s in fitted.sections if s.truncated]
            if not order or order[-1] != cut:
                order.append(cut)
            for name in ("task", "agent", "schedule", "close"):
                assert content(fitted, name) == f"The {name}."
        assert order == [
            [],
            ["repository"],
            ["metrics", "repository"],
            ["metrics", "memory", "repository"],
        ]

    def test_the_oldest_memory_goes_and_the_newest_stays(self) -> None:
        bundle = make(memory=lines("note", 500))
        fitted = fit_bundle(bundle, token_budget=cost(bundle) - 500)
        first, *kept = content(fitted, "memory").split("\n")
        assert first == f"[truncated: {500 - len(kept)} lines left out]"
        assert kept == [f"note {number}" for number in range(500 - len(kept), 500)]
        assert content(fitted, "repository") == "The repository.", "a mark would be longer"

    def test_a_cut_that_gains_nothing_is_not_made(self) -> None:
        bundle = make()
        with pytest.raises(Refusal) as caught:
            fit_bundle(bundle, token_budget=cost(bundle) - 1)
        assert f"--token-budget {cost(bundle)}," in caught.value.fix

    def test_sections_that_are_not_there_cannot_give_way(self) -> None:
        bundle = make()
        few = replace(bundle, sections=bundle.sections[:3])
        with pytest.raises(Refusal, match="token"):
            fit_bundle(few, token_budget=1)

    def test_a_cut_closes_its_fence_whatever_ticks_are_left(self) -> None:
        bundle = make(memory=lines("`" * 40, 100) + "\n" + lines("note", 100))
        for budget in range(cost(bundle) // 2, cost(bundle), 97):
            fitted = fit_bundle(bundle, token_budget=budget)
            shown = render_bundle(fitted)
            assert fences(shown) == [f"{content(fitted, name)}\n" for name in NAMES[1:-1]]

    @pytest.mark.parametrize("budget", [-1, -16_000])
    def test_a_negative_one_is_wrong_use(self, budget: int) -> None:
        with pytest.raises(UsageError, match="is negative") as caught:
            fit_bundle(make(), token_budget=budget)
        assert caught.value.exit_code == 2


class TestSize:
    @pytest.mark.parametrize("character", ["a", "é", "漢", "\U0001f600", "\\", '"'])
    def test_memory_gives_way_until_both_formats_are_small(self, character: str) -> None:
        big = "\n".join([character * 100] * 20_000)
        fitted = fit_bundle(make(memory=big), token_budget=0)
        sizes = len(render_bundle(fitted).encode()), len(dumps(fitted))
        assert SIZE_LIMIT - 2_000 < max(sizes) < SIZE_LIMIT

    @pytest.mark.parametrize(
        ("text", "needed"), [("a" * SIZE_LIMIT, "1,05"), ("\U0001f600" * 100_000, "1,20")]
    )
    def test_a_prompt_that_is_too_large_is_refused(self, text: str, needed: str) -> None:
        for budget in (0, 5_000_000):
            with pytest.raises(Refusal) as caught:
                fit_bundle(make(agent=text), token_budget=budget)
            assert caught.value.reason == "token-budget"
            assert f"need about {needed}" in caught.value.message
            assert caught.value.message.endswith("bytes; a bundle is smaller than 1 MiB")
            assert caught.value.fix == "shorten the prompt"


class TestDigest:
    def digest(self, bundle: Bundle) -> str:
        return digest_of(bundle, close=bundle.sections[-1], commands=bundle.close)

    def test_it_is_sha256_in_hexadecimal(self) -> None:
        assert sha256("é") == sha256("é".encode()) == hashlib.sha256("é".encode()).hexdigest()
        assert len(self.digest(make())) == 64

    def test_neither_itself_nor_the_time_of_preparation_counts(self) -> None:
        bundle = make()
        later = replace(bundle, digest="e" * 64, prepared_at=NOW.replace(year=2027))
        assert self.digest(later) == self.digest(bundle)

    def test_everything_else_counts(self) -> None:
        bundle = make()
        seen = {self.digest(bundle)}
        changes: list[dict[str, object]] = [
            {"schema_version": "1.1"},
            {"tool_version": "1.3.1"},
            {"agent": "other"},
            {"repository": "other"},
            {"target": "/other"},
            {"run": "x"},
            {"definition": "x"},
            {"scheduled_for": NOW},
            {"expires_at": NOW},
            {"estimated_tokens": 1},
            {"warnings": ("x",)},
            {"close": Close(commands=())},
        ]
        for change in changes:
            seen.add(self.digest(replace(bundle, **change)))  # type: ignore[arg-type]
        for name in NAMES:
            seen.add(self.digest(make(**{name: "other"})))
        assert len(seen) == 1 + len(changes) + len(NAMES)

    def test_close_counts_as_handed_in(self) -> None:
        bundle = make()
        other = section("close", "without the time")
        changed = digest_of(bundle, close=other, commands=bundle.close)
        assert changed != self.digest(bundle)
        timed = replace(bundle, sections=(*bundle.sections[:-1], section("close", "at nine")))
        assert digest_of(timed, close=other, commands=bundle.close) == changed
