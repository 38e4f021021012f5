"""The roster: what is wrong with one item is told of that item, and of no other."""

from __future__ import annotations

import random
from typing import Any

import pytest

from kaizen_schedule.planning.roster import (
    RosterRepo,
    is_selected,
    load_roster,
    owner_of,
    same_place,
)

from .fleets import item


def test_what_is_read_of_an_item() -> None:
    roster = load_roster(
        [
            item("sundial", kaizen_schedule_enabled=True, colour="blue"),
            {
                "slug": "ledger",
                "host_paths": {"forge-2": "/b", "forge-1": "/a"},
                "kaizen_schedule_enabled": None,
            },
        ]
    )
    assert roster.repos == (
        RosterRepo(slug="ledger", host_paths={"forge-1": "/a", "forge-2": "/b"}),
        RosterRepo(
            slug="sundial", host_paths={"forge-1": "/srv/sundial"}, kaizen_schedule_enabled=True
        ),
    )
    assert roster.faulty == ()
    assert roster.hosts == ("forge-1", "forge-2")


FAULTY: list[tuple[Any, str, str]] = [
    (7, "", "the item is the number 7, not a mapping"),
    (None, "", "the item is nothing, not a mapping"),
    ([], "", "the item is a list, not a mapping"),
    ("ledger", "", 'the item is "ledger", not a mapping'),
    ({}, "", "slug is missing"),
    ({"slug": 7, "host_paths": {}}, "", "slug is the number 7, not text"),
    ({"slug": True, "host_paths": {}}, "", "slug is true, not text"),
    ({"slug": "", "host_paths": {}}, "", "slug is empty"),
    ({"slug": " \n", "host_paths": {}}, "", "slug is empty"),
    ({"slug": "a\0b", "host_paths": {}}, "", 'slug "a\\x00b" holds a null character'),
    ({"slug": "a\ud800", "host_paths": {}}, "", 'slug "a\\ud800" is no Unicode text'),
    ({"slug": "é" * 101, "host_paths": {}}, "", "longer than 200 bytes"),
    ({"slug": "ledger"}, "ledger", "host_paths is missing"),
    ({"slug": "ledger", "host_paths": None}, "ledger", "host_paths is nothing, not a mapping"),
    ({"slug": "ledger", "host_paths": "/a"}, "ledger", 'host_paths is "/a", not a mapping'),
    ({"slug": "ledger", "host_paths": {"": "/a"}}, "ledger", "host is empty"),
    ({"slug": "ledger", "host_paths": {7: "/a"}}, "ledger", "a host is the number 7, not text"),
    (
        {"slug": "ledger", "host_paths": {"h": "/a", 7: "/a"}},
        "ledger",
        "a host is the number 7, not text",
    ),
    ({"slug": "ledger", "host_paths": {"h" * 201: "/a"}}, "ledger", "longer than 200 bytes"),
    ({"slug": "ledger", "host_paths": {"h": 7}}, "ledger", 'the path on "h" is the number 7'),
    ({"slug": "ledger", "host_paths": {"h": ""}}, "ledger", "path is empty"),
    ({"slug": "ledger", "host_paths": {"h": "a/b"}}, "ledger", '"a/b", is not absolute'),
    ({"slug": "ledger", "host_paths": {"h": "~/b"}}, "ledger", '"~/b", is not absolute'),
    ({"slug": "ledger", "host_paths": {"h": "/a\0"}}, "ledger", "holds a null character"),
    ({"slug": "ledger", "host_paths": {"h": "/" + "a" * 4096}}, "ledger", "longer than 4,096"),
    (
        item("ledger", kaizen_schedule_enabled="no"),
        "ledger",
        'kaizen_schedule_enabled is "no", neither true, false nor null',
    ),
    (
        item("ledger", kaizen_schedule_enabled=0),
        "ledger",
        "kaizen_schedule_enabled is the number 0, neither true, false nor null",
    ),
]


TOKEN = "ghp_" + "a1B2" * 9


@pytest.mark.parametrize(
    ("faulty", "slug", "detail"),
    [
        (item(TOKEN), "", "slug looks like a secret: github token"),
        (item(f"our-{TOKEN}"), "", "slug looks like a secret: github token"),
        (item("gh\u200b" + TOKEN[2:]), "", "slug looks like a secret: github token"),
        (
            {"slug": "ledger", "host_paths": {TOKEN: "/a"}},
            "ledger",
            "host looks like a secret: github token",
        ),
    ],
    ids=["slug", "part", "split", "host"],
)
def test_a_name_that_looks_like_a_secret_is_told_without_it(
    faulty: Any, slug: str, detail: str
) -> None:
    (fault,) = load_roster([faulty]).faulty
    assert (fault.slug, fault.detail) == (slug, detail)


@pytest.mark.parametrize(("faulty", "slug", "detail"), FAULTY, ids=lambda v: str(v)[:40])
def test_a_faulty_item_is_told_and_no_other_suffers(faulty: Any, slug: str, detail: str) -> None:
    roster = load_roster([item("sundial"), faulty])
    assert [repo.slug for repo in roster.repos] == ["sundial"]
    assert [fault.slug for fault in roster.faulty] == [slug]
    told = roster.faulty[0].detail
    assert detail in told
    assert told.isprintable()
    assert roster.digest != load_roster([item("sundial")]).digest


def test_an_item_nested_deeply_is_faulty_like_any_other() -> None:
    nested: list[Any] = []
    for _ in range(5_000):
        nested = [nested]
    roster = load_roster([item("sundial"), nested, {"slug": "ledger", "host_paths": nested}])
    assert [repo.slug for repo in roster.repos] == ["sundial"]
    assert [fault.slug for fault in roster.faulty] == ["", "ledger"]


def test_limits_are_of_bytes_and_inclusive() -> None:
    paths = {"h" * 200: "/" + "a" * 4095}
    roster = load_roster([{"slug": "é" * 100, "host_paths": paths}])
    assert roster.faulty == ()


def test_the_order_of_a_source_changes_nothing() -> None:
    items: list[Any] = [7, item("b"), item("a"), {"slug": "a"}, item("b", "/x"), {}, None]
    first = load_roster(items)
    for seed in range(10):
        random.Random(seed).shuffle(items)
        assert load_roster(items) == first


def test_the_digest_names_known_fields_alone() -> None:
    digest = load_roster([item("a"), item("b")]).digest
    assert len(digest) == 64
    assert load_roster([item("a", colour="red"), item("b")]).digest == digest
    others: list[list[Any]] = [
        [item("a")],
        [item("a"), item("b"), item("b")],
        [item("a"), item("b", "/elsewhere")],
        [item("a"), item("b", host="forge-2")],
        [item("a"), item("b", kaizen_schedule_enabled=False)],
        [item("a"), item("b"), 7],
    ]
    assert len({digest, *(load_roster(other).digest for other in others)}) == len(others) + 1


@pytest.mark.parametrize(
    ("hosts", "owner"),
    [
        (("a", "b", "c"), "b"),
        (("c",), "c"),
        (("a",), None),
        ((), None),
    ],
)
def test_the_owner_is_the_smallest_host_that_takes_part(
    hosts: tuple[str, ...], owner: str | None
) -> None:
    repo = RosterRepo(slug="ledger", host_paths={"c": "/c", "b": "/b"})
    assert owner_of(repo, hosts) == owner


@pytest.mark.parametrize(
    "path", ["/srv/a", "/srv/a/", "//srv//a", "/srv/./a", "/srv/b/../a", "/../srv/a"]
)
def test_one_place_has_one_spelling(path: str) -> None:
    assert same_place(path) == "/srv/a"
    assert same_place("/srv/A") != same_place(path)


@pytest.mark.parametrize(
    ("include", "exclude", "taken"),
    [
        (("*",), (), True),
        ((), (), False),
        (("led*",), (), True),
        (("Led*",), (), False),
        (("*",), ("*r",), False),
        (("x", "[k-m]edger"), ("ledge",), True),
    ],
)
def test_globs(include: tuple[str, ...], exclude: tuple[str, ...], taken: bool) -> None:
    assert is_selected("ledger", include, exclude) is taken
