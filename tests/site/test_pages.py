"""What a strict build does not see: raw links, images, edit links, lost pages, missing content."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import click
import pytest
from mkdocs.config import load_config

from kaizen_schedule import RULES
from kaizen_schedule.cli import root
from kaizen_schedule.planning.reasons import Reason
from kaizen_schedule.reading.diagnostics import SITE

from ..support import ROOT
from .built import DOCS, Html, Site, read_html

pytestmark = pytest.mark.slow
PATH = urlsplit(SITE).path
LOST = "404.html"


def target_of(site: Site, page: str, link: str) -> tuple[Path, str] | None:
    """The file and the place that a link of a page leads to; None where it leaves the site."""
    whole = urlsplit(urljoin(SITE + page, link))
    if f"{whole.scheme}://{whole.netloc}{whole.path}".startswith(SITE):
        file = site.folder / unquote(whole.path.removeprefix(PATH))
        return (file / "index.html" if whole.path.endswith("/") else file), unquote(whole.fragment)
    return None


def faults(site: Site, page: str, html: Html) -> list[str]:
    found = []
    for link in (*html.links, *html.sources):
        target = target_of(site, page, link)
        if target is None:
            continue
        file, place = target
        if not file.is_file():
            found.append(f"{page or 'home'}: {link} leads to no file")
        elif place and file.suffix == ".html" and place not in read_html(file).places:
            found.append(f"{page or 'home'}: {link} leads to no such place")
    return found


def test_every_link_leads_somewhere(site: Site, pages: dict[str, Path]) -> None:
    found = [fault for page, file in pages.items() for fault in faults(site, page, read_html(file))]
    assert found == []


def test_a_raw_link_that_leads_nowhere_is_found(site: Site) -> None:
    html = Html()
    html.feed('<a href="../never/">x</a><a href="#nowhere">y</a><a href="./">z</a>')
    html.feed('<img src="no.png"><img src="../assets/logo.svg" alt="the logo">')
    assert [fault.split()[1] for fault in faults(site, "reasons/", html)] == [
        "../never/",
        "#nowhere",
        "no.png",
    ]
    assert html.nameless == ["no.png"]


def test_every_image_says_what_it_shows(pages: dict[str, Path]) -> None:
    nameless = {page: read_html(file).nameless for page, file in pages.items()}
    assert {page: names for page, names in nameless.items() if names} == {}


def test_nothing_comes_from_another_host(pages: dict[str, Path]) -> None:
    strange = {
        (page, source)
        for page, file in pages.items()
        for source in read_html(file).sources
        if urlsplit(source).netloc and not source.startswith(SITE)
    }
    assert strange == set()


def test_every_page_can_be_reached_from_the_first(site: Site, pages: dict[str, Path]) -> None:
    seen, waiting = {""}, [""]
    while waiting:
        page = waiting.pop()
        for link in read_html(pages[page]).links:
            target = target_of(site, page, link)
            if target is None or target[0].suffix != ".html":
                continue
            path = site.path_of(target[0])
            if path in pages and path not in seen:
                seen.add(path)
                waiting.append(path)
    assert set(pages) - seen == {LOST}


def test_every_edit_link_leads_to_a_file_of_the_repository(pages: dict[str, Path]) -> None:
    base = (load_config(str(ROOT / "mkdocs.yml")).edit_uri or "").removesuffix("docs/")
    edited = {page: read_html(file).edits for page, file in pages.items() if page != LOST}
    for page, links in edited.items():
        for link in links:
            assert link.startswith(base), (page, link)
            assert (ROOT / link.removeprefix(base)).exists(), (page, link)
    assert edited["rules/KS204/"] == [f"{base}kaizen_schedule/data/rules/KS204.md"]
    assert edited["changelog/"] == [f"{base}CHANGELOG.md"]


def test_a_page_that_the_navigation_does_not_list_shows_the_way_up(site: Site) -> None:
    listed = load_config(str(ROOT / "mkdocs.yml")).not_in_nav
    assert listed is not None
    for file in sorted(DOCS.rglob("*.md")):
        path = file.relative_to(DOCS)
        built = site.folder / path.with_suffix("") / "index.html"
        if listed.match_file(path.as_posix()) and path.name != "index.md":
            up = "../../" if path.parent.name == "fields" else "../"
            text = built.read_text("utf-8")
            assert f'<nav class="way-up" aria-label="Up"><a href="{up}">' in text, path


def test_a_definition_is_shown_whole(site: Site) -> None:
    name = "weekly-coach-orientation"
    page = site.folder / "integrations" / "activity-definitions" / name / "index.md"
    text = page.read_text("utf-8")
    written = (ROOT / f"kaizen_schedule/data/definitions/{name}.md").read_text("utf-8")
    assert written.strip() in text


def test_every_published_file_is_served_as_it_is(site: Site) -> None:
    published = [
        file
        for file in sorted((DOCS / "contracts").rglob("*"))
        if file.suffix in (".json", ".yaml")
    ]
    assert published
    for file in (*published, DOCS / "examples" / ".kaizen" / "schedule.yml"):
        served = site.folder / file.relative_to(DOCS)
        assert served.read_bytes() == file.read_bytes(), file
        if file.name.endswith(".schema.json"):
            address = json.loads(file.read_text("utf-8"))["$id"]
            assert address == SITE + file.relative_to(DOCS).as_posix()


def test_every_rule_and_reason_has_its_place(site: Site) -> None:
    for rule in RULES:
        target = target_of(site, "", rule.url)
        assert target is not None, rule.code
        assert target[0].is_file(), rule.code
        assert rule.name in target[0].read_text("utf-8"), rule.code
    assert {str(reason) for reason in Reason} <= read_html(
        site.folder / "reasons/index.html"
    ).places


# --- the command line --------------------------------------------------------------------------


def commands() -> dict[str, click.Command]:
    """Every command that is no group, by its full name."""
    found: dict[str, click.Command] = {}
    waiting: list[tuple[str, click.Command]] = [("kaizen-agentic", root)]
    while waiting:
        name, command = waiting.pop()
        if isinstance(command, click.Group):
            context = click.Context(command)
            for word in command.list_commands(context):
                child = command.get_command(context, word)
                assert child is not None
                waiting.append((f"{name} {word}", child))
        else:
            found[name] = command
    return found


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_and_option_is_on_its_page(site: Site, name: str) -> None:
    command = commands()[name]
    _, group, *_ = name.split()
    html = read_html(site.folder / "cli" / group / "index.html")
    text = html.sections.get(name.replace(" ", "-"))
    assert text is not None, f"docs/cli/{group}.md does not name {name}"
    with click.Context(command, info_name=name) as context:
        for parameter in command.get_params(context):
            if isinstance(parameter, click.Option) and not parameter.hidden:
                for option in (*parameter.opts, *parameter.secondary_opts):
                    assert re.search(rf"(^|\s){re.escape(option)}\b", text), (name, option)
            elif isinstance(parameter, click.Argument):
                assert parameter.make_metavar(context) in text, (name, parameter.name)
    for example in getattr(command, "examples", ()):
        assert example in text, (name, example)


def test_the_program_itself_is_on_the_first_page(site: Site) -> None:
    text = read_html(site.folder / "cli" / "index.html").sections["kaizen-agentic"]
    assert "--version" in text
    assert "--help" in text
    assert "COMMAND [ARGS]" in text
    assert "init" not in text  # its groups have pages of their own


# --- for programs that read --------------------------------------------------------------------


def test_the_index_for_programs_names_every_page(site: Site, pages: dict[str, Path]) -> None:
    config = load_config(str(ROOT / "mkdocs.yml"))
    text = (site.folder / "llms.txt").read_text("utf-8")
    sections = config.plugins["llmstxt"].config["sections"]
    assert re.findall(r"^## (.+)$", text, re.M) == list(sections)
    named = set()
    for link in re.findall(r"\]\((\S+?)\)", text):
        target = target_of(site, "", link)
        assert target is not None, link
        assert target[0].is_file(), link
        assert target[0].read_text("utf-8").strip(), link
        named.add(site.path_of(target[0].with_suffix(".html")))
    assert named == set(pages) - {LOST}


def test_the_whole_text_for_programs_holds_the_rules(site: Site) -> None:
    text = (site.folder / "llms-full.txt").read_text("utf-8")
    for rule in RULES:
        written = (ROOT / f"kaizen_schedule/data/rules/{rule.code}.md").read_text("utf-8")
        assert f"\n# {rule.code} {rule.name}\n" in text, rule.code
        first = re.sub(r"[\s`*_\\]+", " ", written.split("\n## ")[0].split("\n", 1)[1]).strip()
        assert first in re.sub(r"[\s`*_\\]+", " ", text), rule.code
    assert '```yaml\nversion: "1"\nagents:\n  coach:\n    cadence: weely\n```' in text
    assert "¶" not in text
    for name in commands():
        assert f"# {name}\n" in text, name
