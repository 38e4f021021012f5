"""Text made safe to show. Every sample of a secret is put together when the tests run."""

from __future__ import annotations

import json
import re
import shlex
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from detect_secrets.plugins import (
    aws,
    basic_auth,
    github_token,
    gitlab_token,
    jwt,
    npm,
    openai,
    private_key,
    pypi_token,
    sendgrid,
    slack,
    stripe,
    telegram_token,
)
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from kaizen_schedule.reading import safety
from kaizen_schedule.reading.safety import Redaction, Secret

ORACLES: list[Any] = [
    aws.AWSKeyDetector(),
    basic_auth.BasicAuthDetector(),
    github_token.GitHubTokenDetector(),
    gitlab_token.GitLabTokenDetector(),
    jwt.JwtTokenDetector(),
    npm.NpmDetector(),
    openai.OpenAIDetector(),
    private_key.PrivateKeyDetector(),
    pypi_token.PypiTokenDetector(),
    sendgrid.SendGridDetector(),
    slack.SlackDetector(),
    stripe.StripeDetector(),
    telegram_token.TelegramBotTokenDetector(),
]
COMMONMARK = MarkdownIt("commonmark")
ZWSP, SOFT_HYPHEN, TAG = "\u200b", "\u00ad", "\U000e0041"


# --- samples ---------------------------------------------------------------------------------


def mixed(
    length: int, alphabet: str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
) -> str:
    """Letters and digits without a repeated stretch of eight, the same every time."""
    state, text = 7, ""
    while len(text) < length:
        state = (state * 1103515245 + 12345) % 2**31
        text += str(state % 10) if len(text) % 5 == 3 else alphabet[(state >> 8) % len(alphabet)]
    return text


UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
HEX = mixed(64, "abcdef")


@dataclass(frozen=True)
class Sample:
    """A secret, what must not survive of it, and the text that makes it one."""

    kind: str
    secret: str
    before: str = ""
    after: str = ""
    hidden: str = ""

    @property
    def text(self) -> str:
        return self.before + self.secret + self.after

    @property
    def gone(self) -> str:
        return self.hidden or self.secret


def pem(name: str, *, end: bool = True, prefix: str = "", newline: str = "\n") -> str:
    body = mixed(206)
    lines = ["-----BEGIN " + name + "-----", *(body[at : at + 64] for at in range(0, 206, 64))]
    if end:
        lines.append("-----END " + name + "-----")
    return newline.join(prefix + line for line in lines)


def key(name: str = "RSA ", **how: object) -> Sample:
    text = pem(name + "PRIVATE" + " KEY", **how)  # type: ignore[arg-type]
    before = str(how.get("prefix", ""))
    return Sample("private-key", text.removeprefix(before), before, hidden=mixed(206)[-72:-14])


JWT_HEAD, JWT_BODY = "ey" + "JhbGciOiJIUzI1NiJ9", "ey" + "JzdWIiOiIxMjM0NTY3ODkwIn0"
AWS_ID, AWS_KEY = "AK" + "IA" + mixed(16, UPPER), mixed(18) + "/" + mixed(40)[19:39] + "+"
OPEN = "T3Blbk" + "FJ"

SAMPLES = {
    "github-classic": Sample("github-token", "gh" + "p_" + mixed(36)),
    "github-longer": Sample("github-token", "gh" + "o_" + mixed(80)),
    "github-refresh": Sample("github-token", "gh" + "r_" + mixed(76)),
    "github-fine": Sample(
        "github-token", f"github{'_pat'}_{mixed(22)}_{mixed(59)}", hidden=mixed(59)
    ),
    "github-stateless": Sample(
        "github-token", f"gh{'s'}_123456_{JWT_HEAD}{mixed(20)}.{JWT_BODY}.{mixed(43)}"
    ),
    "gitlab": Sample("gitlab-token", "gl" + "pat-" + mixed(20)),
    "gitlab-routable": Sample("gitlab-token", "gl" + "pat-" + mixed(27) + ".01." + mixed(9)),
    "aws-id": Sample("aws-access-key-id", AWS_ID),
    "aws-id-session": Sample("aws-access-key-id", "AS" + "IA" + mixed(16, UPPER)),
    "aws-env": Sample("aws-secret-key", AWS_KEY, "AWS_SECRET_" + "ACCESS_KEY="),
    "aws-yaml": Sample("aws-secret-key", AWS_KEY, "aws_secret_" + "access_key: "),
    "aws-ini": Sample("aws-secret-key", AWS_KEY, "aws_secret_" + "access_key = "),
    "aws-json": Sample("aws-secret-key", AWS_KEY, '"Secret' + 'AccessKey": "', '"'),
    "aws-nested": Sample("aws-secret-key", AWS_KEY, '\\"secret' + 'AccessKey\\":\\"', '\\"'),
    "aws-option": Sample("aws-secret-key", AWS_KEY, "--secret-" + "access-key "),
    "aws-argument": Sample("aws-secret-key", AWS_KEY, "aws_secret_" + "access_key='", "')"),
    "aws-xml": Sample("aws-secret-key", AWS_KEY, "<Secret" + "AccessKey>", "</SecretAccessKey>"),
    "aws-folded": Sample("aws-secret-key", AWS_KEY, "aws-secret: " + ">-\n    "),
    "aws-words": Sample("aws-secret-key", AWS_KEY, "the AWS secret" + " access key is "),
    "aws-quoted": Sample("aws-secret-key", AWS_KEY, "aws_prod_" + 'password = "', '"'),
    "aws-session": Sample("aws-secret-key", f"{AWS_KEY}{mixed(300)}==", "aws_session_" + "token="),
    "slack-bot": Sample("slack-token", "xo" + "xb-123456789012-" + mixed(24)),
    "slack-rotated": Sample("slack-token", "xo" + "xe.xo" + "xp-1-" + mixed(80)),
    "slack-app": Sample("slack-token", "xa" + "pp-1-A012-345-" + mixed(40)),
    "slack-cookie": Sample("slack-token", "xo" + "xd-" + mixed(10) + "%2B" + mixed(30)[8:]),
    "slack-webhook": Sample(
        "slack-webhook",
        "T" + mixed(9) + "/B" + mixed(10) + "/" + mixed(24),
        "https://hooks.slack" + ".com/services/",
    ),
    "anthropic": Sample("anthropic-key", "sk-" + "ant-api03-" + mixed(60) + "-_" + mixed(31)),
    "openai-old": Sample("openai-key", "sk" + "-" + mixed(20) + OPEN + mixed(20)),
    "openai-project": Sample("openai-key", "sk" + "-proj-" + mixed(74) + OPEN + mixed(74)),
    "openai-service": Sample("openai-key", "sk" + "-svcacct-" + mixed(58) + OPEN + mixed(58)),
    "openai-admin": Sample("openai-key", "sk" + "-admin-" + mixed(58)),
    "openai-named": Sample("openai-key", "sk" + "-my-team-" + mixed(20) + OPEN + mixed(20)),
    "openai-like": Sample("openai-key", "sk" + "-" + HEX[:32]),
    "google": Sample("google-api-key", "AI" + "za" + mixed(33) + "-_"),
    "google-oauth": Sample("google-oauth-secret", "GOC" + "SPX-" + mixed(28)),
    "google-access": Sample("google-oauth-token", "ya" + "29.a0" + mixed(60)),
    "npm": Sample("npm-token", "np" + "m_" + mixed(36)),
    "npmrc": Sample("npm-token", "np" + "m_" + mixed(36), "//r.example.org/:_auth" + "Token="),
    "npmrc-uuid": Sample(
        "npm-token", "-".join([HEX[:8], HEX[8:12], HEX[12:16], HEX[16:20], HEX[20:32]]),
        "//npm.example/:_auth" + "Token=",
    ),
    "npmrc-basic": Sample("npm-token", mixed(26) + "==", "\n_au" + "th = "),
    "yarnrc": Sample("npm-token", mixed(40), "npmAuth" + 'Token: "', '"'),
    "pypi": Sample("pypi-token", "py" + "pi-AgEIcHlwaS5vcmc" + mixed(120)),
    "jwt": Sample("jwt", f"{JWT_HEAD}.{JWT_BODY}.{mixed(43)}"),
    "jwt-unsigned": Sample("jwt", f"{JWT_HEAD}.{JWT_BODY}."),
    "jwt-direct": Sample("jwt", f"{JWT_HEAD}..{mixed(16)}.{mixed(60)}.{mixed(22)}"),
    "stripe": Sample("stripe-key", "sk" + "_live_" + mixed(24)),
    "stripe-restricted": Sample("stripe-key", "rk" + "_live_" + mixed(99)),
    "huggingface": Sample("huggingface-token", "h" + "f_" + mixed(34)),
    "digitalocean": Sample("digitalocean-token", "do" + "p_v1_" + HEX),
    "sendgrid": Sample("sendgrid-key", "S" + "G." + mixed(22) + "." + mixed(43)),
    "telegram": Sample("telegram-token", "A" + "A" + mixed(33), "123456789" + ":"),
    "azure": Sample("azure-storage-key", mixed(86) + "==", "Account" + "Key=", ";Suffix=x"),
    "age": Sample("age-secret-key", "AGE-SECRET" + "-KEY-1" + mixed(58, UPPER)),
    "url": Sample("url-credentials", mixed(12), "postgres://app" + ":", "@db.example/app"),
    "url-short-host": Sample("url-credentials", mixed(12), "redis:/" + "/:", "@cache:6379/0"),
    "url-encoded": Sample("url-credentials", "p%40" + mixed(9), "ftp://a%40b" + ":", "@h.example"),
    "url-odd": Sample("url-credentials", "p@s/w?d#" + mixed(9), "https://me" + ":", "@h.example/x"),
    "url-at-path": Sample(
        "url-credentials", mixed(20), "git+https://me" + ":", "@h.example/me/x.git@v1.0#egg=x"
    ),
    "url-quotes": Sample("url-credentials", "it's\"" + mixed(9), "ftp://me" + ":", "@h.example"),
    "url-token": Sample("url-credentials", mixed(24), "https:/" + "/", "@h.example/x.git"),
    "url-token-user": Sample("url-credentials", HEX[:40] + ":oauth", "https:/" + "/", "@h.example"),
    "url-token-alone": Sample("url-credentials", HEX[:40] + ":", "https:/" + "/", "@h.example"),
    "url-dollar": Sample("url-credentials", "$" + mixed(12), "https://me" + ":", "@h.example"),
    "url-digits": Sample("url-credentials", "123456789", "https://me" + ":", "@h.example"),
    "key-rsa": key(),
    "key-openssh": key("OPENSSH "),
    "key-pkcs8": key(""),
    "key-encrypted": key("ENCRYPTED "),
    "key-open": key(end=False),
    "key-json": key(newline="\\n"),
    "key-json-open": key(newline="\\n", end=False),
    "key-quoted": key(prefix="> "),
    "key-indented": key(prefix="      "),
    "key-indented-open": key(prefix="    ", end=False),
    "key-joined": key(newline='\\n" +\n    "', end=False),
    "key-one-line": key(newline=" "),
    "key-narrow": Sample(
        "private-key",
        "\n~ ".join(
            ["-----BEGIN EC PRIVATE" + " KEY-----", *re.findall("." * 9, mixed(90)),
             "-----END EC PRIVATE" + " KEY-----"]
        ),
        hidden=mixed(90),
    ),
    "key-header": Sample(
        "private-key",
        pem("RSA PRIVATE" + " KEY", end=False).replace(
            "\n", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123\n\n", 1
        ),
        hidden=mixed(64 * 3),
    ),
    "key-pgp": Sample("private-key", pem("PGP PRIVATE" + " KEY BLOCK"), hidden=mixed(206)),
    "key-ssh2": Sample(
        "private-key",
        "---- BEGIN SSH2 ENCRYPTED PRIVATE" + f" KEY ----\nComment: me\n{mixed(64)}\n{mixed(9)}=\n"
        "---- END SSH2 ENCRYPTED PRIVATE" + " KEY ----",
        hidden=mixed(64),
    ),
    "key-putty": Sample(
        "private-key",
        "PuTTY-User-Key" + f"-File-3: ssh-ed25519\nEncryption: none\nComment: me\nPublic-Lines: 2\n"
        f"{mixed(64)}\n{mixed(10)}==\nPrivate-Lines: 1\n{mixed(44)}\nPrivate-MAC: {HEX}",
        hidden=mixed(64),
    ),
}  # fmt: skip

NEAR_MISSES = {
    "github-short": "gh" + "p_" + mixed(35),
    "github-case": "GH" + "P_" + mixed(36),
    "github-words": "although ghost_" + "x" * 40,
    "github-reference": "GITHUB_TOKEN: ${{ secrets.GITHUB_TOKEN }}",
    "gitlab-short": "gl" + "pat-" + mixed(10),
    "aws-id-short": "AK" + "IA" + mixed(15, UPPER),
    "aws-id-lower": "ak" + "ia" + mixed(16),
    "aws-no-name": f"digest: {AWS_KEY}",
    "aws-sha": "uses: aws-actions/configure-aws-credentials@" + HEX[:40],
    "aws-digest": "aws_secret" + "_key: " + HEX[:40],
    "aws-short": "aws_secret_" + f"access_key={AWS_KEY[1:]}",
    "aws-glued": "aws_secret_" + mixed(60),
    "aws-reference": "aws_secret_access_key: ${AWS_SECRET_ACCESS_KEY}",
    "slack-word": "xo" + "xb-your-token-goes-here",
    "slack-short": "xo" + "xb-1",
    "slack-docs": "https://hooks.slack.com/services/…",
    "anthropic-name": "sk-" + "ant-api03-…",
    "openai-word": "sk-" + "proj-example",
    "openai-inside": "task-" + mixed(30),
    "openai-kebab": "sk-something-long-without-digits-in-it",
    "google-short": "AI" + "za" + mixed(34),
    "npm-config": "np" + "m_config_registry_of_some_other_place_of_ours",
    "npmrc-reference": "//registry.example.org/:_authToken=${NPM_TOKEN}",
    "npm-type": "basic_auth=" + mixed(30),
    "pypi-name": "pypi-AgE",
    "jwt-one-part": JWT_HEAD + " and " + JWT_BODY,
    "jwt-empty": JWT_HEAD + ". Then",
    "jwt-short": "ey" + "J.x.y",
    "stripe-test": "sk" + "_test_" + mixed(24),
    "huggingface": "h" + "f_hub_download",
    "digitalocean": "do" + "x_v1_" + HEX,
    "sendgrid": "S" + "G.x." + mixed(43),
    "telegram": "1234567" + ":A" + "A" + mixed(33),
    "url-none": "https://example.com/path?mail=me@example.com",
    "url-port": "http://localhost:8080/@scope/name and http://localhost:3000",
    "url-json": '{"url":"http://localhost:3000","mail":"me@example.com"}',
    "url-scoped": "https://cdn.example/npm/@scope/name@1.0.0",
    "url-git": "git@github.com:me/x.git ssh://git@github.com/me/x.git",
    "url-user": "https://alice@example.com/x https://a-very-long-user-name@example.com/",
    "url-empty": "https://me:@example.com/",
    "url-variable": "https://x-access-token:${GITHUB_TOKEN}@github.com/ https://me:$PASS@h https://me:***@h",
    "url-form": "scheme://<user>:<password>@<host> postgres://{user}:{password}@{host}",
    "url-words": "https://example.com: write to me@example.com",
    "mail": "mailto:me@example.com, or Jane <jane@example.com>",
    "key-mention": "Look for `-----BEGIN RSA PRIVATE" + " KEY-----` in the history, then stop.",
    "key-public": pem("PUBLIC KEY"),
    "key-certificate": pem("CERTIFICATE"),
    "key-putty": "PuTTY-User-Key-File",
    "key-list": "-----BEGIN RSA PRIVATE" + " KEY-----\n-----BEGIN EC PRIVATE" + " KEY-----\n",
    "marker": "[redacted:github-token] https://me:[redacted:url-credentials]@h.example/",
}  # fmt: skip


def sprinkle(text: str, what: str) -> str:
    """Put something between the characters of each line but not into line breaks."""
    return re.sub(r"(?<=[^\n\\ ])(?=[^\n\\ ])", lambda _: what, text)


def once(text: str, what: str) -> str:
    middle = len(text) // 2
    return text[:middle] + what + text[middle:]


CONTEXTS: dict[str, Callable[[str], str]] = {
    "bare": lambda t: t,
    "assigned": lambda t: f"KEY={t}",
    "yaml": lambda t: f"key: {t} # note\n",
    "json": lambda t: json.dumps({"key": t, "next": "value"}),
    "backticks": lambda t: f"see `{t}` there",
    "parentheses": lambda t: f"see ({t})",
    "start": lambda t: f"{t} and more",
    "end": lambda t: f"before\nthe end {t}",
    "colour": lambda t: f"\x1b[31m{t}\x1b[0m",
    "split by zero width space": lambda t: once(t, ZWSP),
    "split by zero width spaces": lambda t: sprinkle(t, ZWSP),
    "split by soft hyphens": lambda t: sprinkle(t, SOFT_HYPHEN),
    "split by tag characters": lambda t: sprinkle(t, TAG),
    "split by control characters": lambda t: sprinkle(t, "\x00\x7f"),
    "split by colour": lambda t: sprinkle(t, "\x1b[1;31m"),
    "split by 8-bit colour": lambda t: sprinkle(t, "\x9b0m"),
    "split by titles": lambda t: sprinkle(t, "\x1b]0;title\x07"),
    "split by links": lambda t: sprinkle(t, "\x1b]8;;https://h.example\x1b\\"),
    "split by short sequences": lambda t: sprinkle(t, "\x1b(B"),
    "split by both": lambda t: once(sprinkle(t, ZWSP + SOFT_HYPHEN), "\x1b[0m"),
}


@cache
def in_context(name: str, context: str) -> tuple[Sample, str]:
    sample = SAMPLES[name]
    text = CONTEXTS[context](sample.text)
    if context in {"assigned", "json"} and sample.before.startswith("\n"):
        text = CONTEXTS["end"](sample.text)  # a line of its own, as in an .npmrc
    return sample, text


def visible(text: str) -> str:
    """The letters that a reader sees, JSON's escapes undone."""
    text = re.sub(r"\x1b\[[0-9;]*m|\x9b0m|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\(B", "", text)
    return "".join(c for c in text if c == "\n" or safety.printable(c)).replace("\\", "")


# --- secrets ---------------------------------------------------------------------------------


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_of_a_secret_survives(name: str, context: str) -> None:
    sample, text = in_context(name, context)
    redacted, redactions = safety.redact(text)
    assert f"[redacted:{sample.kind}]" in redacted
    assert sample.kind in {redaction.kind for redaction in redactions}
    left, gone = visible(redacted), sample.gone.replace("\\", "")
    assert not [at for at in range(len(gone) - 7) if gone[at : at + 8] in left]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_secret_is_found_from_its_first_to_its_last_character(name: str) -> None:
    sample = SAMPLES[name]
    found = safety.find_secrets(f"(\n{sample.text}")
    start = 2 + len(sample.before)
    assert found[0] == Secret(kind=sample.kind, start=start, end=start + len(sample.secret))


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_what_only_resembles_a_secret_stays(name: str) -> None:
    assert safety.redact(NEAR_MISSES[name]) == (NEAR_MISSES[name], ())


def flagged(text: str) -> Iterator[str]:
    for oracle in ORACLES:
        for line in text.split("\n"):
            yield from oracle.analyze_string(line)


@pytest.mark.parametrize("context", [c for c in CONTEXTS if not c.startswith("split")])
@pytest.mark.parametrize("name", SAMPLES)
def test_detect_secrets_finds_nothing_that_is_not_covered(name: str, context: str) -> None:
    text = in_context(name, context)[1]
    spans = safety.find_secrets(text)
    for value in flagged(text):
        starts = [match.start() for match in re.finditer(re.escape(value), text)]
        assert any(s.start < at + len(value) and at < s.end for s in spans for at in starts), value
    assert not list(flagged(safety.redact(text)[0]))


def test_detect_secrets_is_a_witness_for_most_kinds() -> None:
    seen = {sample.kind for sample in SAMPLES.values() if any(flagged(sample.text))}
    assert len(seen) >= 12


def test_credentials_next_to_their_id_need_no_name() -> None:
    redacted, redactions = safety.redact(f"Access key ID,Secret\n{AWS_ID},{AWS_KEY}\n")
    assert (
        redacted == "Access key ID,Secret\n[redacted:aws-access-key-id],[redacted:aws-secret-key]\n"
    )
    assert {redaction.line for redaction in redactions} == {2}


def test_user_and_host_stay_readable() -> None:
    assert safety.redact(SAMPLES["url-at-path"].text)[0] == (
        "git+https://me:[redacted:url-credentials]@h.example/me/x.git@v1.0#egg=x"
    )
    assert safety.redact(SAMPLES["url-token"].text)[0] == (
        "https://[redacted:url-credentials]@h.example/x.git"
    )


def test_every_url_in_a_stretch_without_blanks_is_looked_at() -> None:
    one = SAMPLES["url"].text
    assert safety.redact(f"https://proxy.example/{one},{one}")[0].count("[redacted:") == 2


def test_of_overlapping_secrets_one_span_is_left() -> None:
    token = SAMPLES["github-classic"].secret
    url = "https://x" + f":{token}@github.com/"
    assert [s.kind for s in safety.find_secrets(url)] == ["github-token"]
    url = "https://x" + f":0{token}@github.com/"
    assert [s.kind for s in safety.find_secrets(url)] == ["url-credentials"]
    head = "https://x:0" + f"@{AWS_ID}"
    longer = safety.find_secrets("gl" + f"pat-{mixed(9)}{AWS_ID}/{AWS_KEY[:3]}")
    assert [s.kind for s in longer] == ["gitlab-token"]
    assert [s.kind for s in safety.find_secrets(head)] == ["url-credentials", "aws-access-key-id"]


def test_a_span_grows_over_one_that_begins_inside_it() -> None:
    # The JWT begins within the GitHub token and reaches further.
    text = f"gh{'s'}_{mixed(30)}{JWT_HEAD}.{mixed(6)}/{mixed(9)}"
    assert safety.find_secrets(text) == (Secret(kind="github-token", start=0, end=len(text)),)


def test_lines_are_counted_from_one() -> None:
    token = SAMPLES["npm"].secret
    text = f"{token}\n\n{token} {token}\r\n{key().text}\n{token}"
    lines = [redaction.line for redaction in safety.redact(text)[1]]
    assert lines == [1, 3, 3, 4, 10]
    assert safety.redact(token) == ("[redacted:npm-token]", (Redaction(kind="npm-token", line=1),))


def test_invisible_characters_go_with_the_secret_they_split() -> None:
    token = SAMPLES["npm"].secret
    assert safety.redact(f"{ZWSP}{once(token, ZWSP * 3)}{ZWSP}!")[0] == (
        f"{ZWSP}[redacted:npm-token]{ZWSP}!"
    )


def test_a_secret_inside_a_terminal_sequence_is_found() -> None:
    assert safety.redact(f"\x1b]8;;{SAMPLES['url'].text}\x1b\\link\x1b]8;;\x1b\\")[1]
    assert safety.redact(f"\x1b]8;;{sprinkle(SAMPLES['url'].text, ZWSP)}\x07link")[1]


def test_blanks_that_can_be_seen_do_not_join_what_they_part() -> None:
    text = once(SAMPLES["github-classic"].text, "\u00a0")
    assert safety.redact(text) == (text, ())


def test_an_open_key_takes_no_prose_with_it() -> None:
    text = key(end=False).text + "\n\nThen go on: the rest matters.\nother: value\n"
    assert safety.redact(text)[0] == (
        "[redacted:private-key]\n\nThen go on: the rest matters.\nother: value\n"
    )


def test_two_keys_are_two_secrets() -> None:
    text = f"{key(end=False).text}\n{key('EC ').text}"
    assert safety.redact(text)[0] == "[redacted:private-key]\n[redacted:private-key]"


FRAGMENTS = st.sampled_from(
    [sample.text for sample in SAMPLES.values()]
    + list(NEAR_MISSES.values())
    + ["\n", " ", "@", ":", "https://me" + ":", ZWSP, "\x1b[0m", "[redacted:", "]", "@h.example"]
    + ["-----END RSA PRIVATE" + " KEY-----", "-----BEGIN EC PRIVATE" + " KEY-----", "A" * 20]
    + ["_au" + "th=", "aws_secret_key=", AWS_KEY, AWS_ID, "//npm.example/:_auth" + "Token="]
)
hostile = st.lists(FRAGMENTS | st.text(max_size=4), max_size=8).map("".join)


@given(hostile)
@example(AWS_ID + SAMPLES["openai-admin"].text)
def test_redacting_again_changes_nothing(text: str) -> None:
    redacted = safety.redact(text)[0]
    assert safety.redact(redacted)[0] == redacted


@given(hostile | st.text())
def test_spans_are_in_order_and_in_range(text: str) -> None:
    found = safety.find_secrets(text)
    edges = [edge for secret in found for edge in (secret.start, secret.end)]
    assert edges == sorted(edges)
    assert all(secret.start < secret.end for secret in found)
    assert not edges or (edges[0] >= 0 and edges[-1] <= len(text))
    redacted, redactions = safety.redact(text)
    assert len(redactions) == len(found)
    assert all(1 <= redaction.line <= 1 + text.count("\n") for redaction in redactions)
    if not found:
        assert redacted == text


@given(st.text(st.characters(codec="utf-8", exclude_characters=":_-=.")))
def test_text_without_secrets_is_unchanged(text: str) -> None:
    assert safety.redact(text) == (text, ())


HOSTILE = [
    "gh" + "p_", "gh", "gl", "ey" + "J", "ey" + "J.", "ey" + "Jaaaaaa.b.", "https://a" + ":",
    "https://a" + ":@", "://", "://a" + ":$X@", "aws_secret", "aws", "awskey", "secretaccess",
    "secret access key ", "AK" + "IA", "xo" + "x", "sk" + "-", OPEN, "S" + "G.", ":A" + "A",
    "-----BEGIN RSA PRIVATE" + " KEY-----\n", "-----BEGIN A A A A ", "-", "=", " ", "\n", "\\n",
    "\x1b", "\x1b[", "\x1b]", "\x9d", "\x9b0", "a" + ZWSP, ZWSP, "\0", "`", '"', "@a.", "A", "0",
    "https://u" + ":p@a.", "\u0301", "漢", "\ud800", "[redacted:", "MIIE" * 5 + "\n",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE, ids=ascii)
def test_a_mebibyte_of_anything_is_no_hang(piece: str) -> None:
    text = (piece * (2**20 // len(piece) + 1))[: 2**20]
    redacted, _ = safety.redact(text)
    assert len(redacted) <= len(text) + 30
    for shown in (safety.show(text), safety.code_span(text), safety.plain(text)):
        assert len(shown) <= 800
    shown, carets = safety.excerpt(text, start=2**19, end=2**19 + 3)
    assert len(shown) <= 600
    assert len(carets) <= 71
    assert safety.printable(safety.escape(text))
    assert len(safety.fence(text)) >= 3


# --- one line, many lines --------------------------------------------------------------------

# DerivedCoreProperties, Default_Ignorable_Code_Point, stable since Unicode 16.
IGNORABLE = [
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
]  # fmt: skip


@pytest.mark.parametrize(("first", "last"), IGNORABLE, ids=lambda code: f"{code:x}")
def test_no_default_ignorable_code_point_is_shown(first: int, last: int) -> None:
    text = "".join(map(chr, range(first, last + 1)))
    for shown in (safety.escape(text), safety.reveal(text)):
        assert shown.isascii()
        assert shown.count("\\") == len(text)


def test_every_code_point_is_shown_or_escaped_by_what_it_is() -> None:
    ranges = (range(0x20000), range(0xE0000, 0xE1000), range(0xF0000, 0xF0100), [0x10FFFF])
    everything = [chr(code) for codes in ranges for code in codes]
    kept = {c for c in everything if safety.printable(c)}
    hidden = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"}
    assert " " in kept
    assert not {c for c in kept if c != " " and unicodedata.category(c) in hidden}
    lost = set(everything) - kept
    unusual = {c for c in lost if unicodedata.category(c) not in hidden}
    assert len(unusual) == 268  # fillers, selectors, joiners, the blank Braille pattern
    assert safety.escape("".join(everything)) == "".join(
        c if c in kept else ascii(c)[1:-1] for c in everything
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain ~", "plain ~"),
        ("C:\\new", "C:\\new"),
        ("é 漢字 😀 e\u0301", "é 漢字 😀 e\u0301"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x00\x1b[31m\x7f\x85\xa0", "\\x00\\x1b[31m\\x7f\\x85\\xa0"),
        ("\u202eevil\u2066\u200b\ufeff", "\\u202eevil\\u2066\\u200b\\ufeff"),
        ("\u2028\u2029\u3000\u2003", "\\u2028\\u2029\\u3000\\u2003"),
        ("\ud800\ue000\uffff", "\\ud800\\ue000\\uffff"),
        ("\U000e0041\U000f0000", "\\U000e0041\\U000f0000"),
        ("❤\ufe0f", "❤\\ufe0f"),
        ("\u3164\u2800", "\\u3164\\u2800"),
        ("".join(map(chr, range(20))), "".join(ascii(chr(c))[1:-1] for c in range(20))),
    ],
)
def test_escape(text: str, shown: str) -> None:
    assert safety.escape(text) == shown
    assert safety.printable(text) is (text == shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("a\n\tb\n", "a\n\tb\n"),
        ("a\r\nb\r\n", "a\nb\n"),
        ("over\rwritten\r\r\n", "over\\rwritten\\r\n"),
        ("1\u00a0000 « x\u202f» 漢\u3000字\n", "1\u00a0000 « x\u202f» 漢\u3000字\n"),
        ("a\u2003b\u2028c", "a\\u2003b\\u2028c"),
        ("\x1b[2J\u202e\u200b\U000e0041\n", "\\x1b[2J\\u202e\\u200b\\U000e0041\n"),
        ("\x0b\x0c\x1c\x85", "\\x0b\\x0c\\x1c\\x85"),
    ],
)
def test_reveal(text: str, shown: str) -> None:
    assert safety.reveal(text) == shown


anything = st.text() | st.text(st.characters()) | hostile


@given(anything)
def test_escaped_text_is_one_visible_line(text: str) -> None:
    shown = safety.escape(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    assert safety.printable(shown)
    assert safety.escape(shown) == shown
    assert safety.printable(text) is (shown == text)


@given(anything)
def test_revealed_text_differs_from_escaped_in_breaks_and_blanks_only(text: str) -> None:
    shown = safety.reveal(text)
    assert safety.reveal(shown) == shown
    kept = text.replace("\r\n", "\n").split("\n")
    assert [safety.escape(line) for line in shown.split("\n")] == [safety.escape(x) for x in kept]


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("abcd", 1, "…"),
        ("abcd", 0, ""),
        ("abcd", -1, ""),
        ("a\\u200b", 7, "a\\u200b"),
        ("a\\u200b", 6, "a…"),
        ("a\\u200bc", 7, "a…"),
        ("a\\u200bcd", 8, "a\\u200b…"),
        ("a\\U000e0041b", 10, "a…"),
        ("C:\\dir\\other", 8, "C:\\dir\\…"),
        ("\\nn", 2, "…"),
    ],
)
def test_clip(text: str, limit: int, shown: str) -> None:
    assert safety.clip(text, limit) == shown


@given(anything, st.integers(1, 30))
def test_clipped_text_fits_and_holds_whole_escapes(text: str, limit: int) -> None:
    shown = safety.clip(safety.escape(text), limit)
    assert len(shown) <= limit
    whole = (safety.escape(text[:n]) for n in range(len(text) + 1))
    assert shown.removesuffix("…") in whole or "\\" in text or "…" in text


# --- values in messages ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("", 60, '""'),
        ("weely", 60, '"weely"'),
        ('a "b"', 60, '"a \\"b\\""'),
        ("x\n\x1b[31m:1:1: KS101 forged", 60, '"x\\n\\x1b[31m:1:1: KS101 forged"'),
        ("a" * 61, 60, '"' + "a" * 59 + '…"'),
        ("a" * 2**20, 60, '"' + "a" * 59 + '…"'),
        (" " * 2**20, 4, '"   …"'),
        (SAMPLES["npm"].text + " x", 60, '"[redacted:npm-token] x"'),
        (SAMPLES["npm"].text + " x" * 2**19, 24, '"[redacted:npm-token] x …"'),
        ("abc", 0, '""'),
    ],
)
def test_show(text: str, limit: int, shown: str) -> None:
    assert safety.show(text, limit) == shown


@pytest.mark.parametrize("name", SAMPLES)
def test_a_secret_cut_at_the_border_is_not_shown(name: str) -> None:
    sample = SAMPLES[name]
    # Invisible characters and other secrets bring the border close to what is shown.
    for where in range(1, len(sample.text), 3):
        head = sample.text[:where]
        for text in (
            head + ZWSP * 2**16 + sample.text[where:],
            "A" * 4100 + " " + sample.text,
            SAMPLES["jwt"].text + mixed(4000)[: 4150 - len(SAMPLES["jwt"].text) - where - 1] + " "
            + sample.text + "x" * 200,
        ):  # fmt: skip
            shown = safety.show(text)
            gone = sample.gone
            assert not [at for at in range(len(gone) - 7) if gone[at : at + 8] in shown], shown


@pytest.mark.parametrize("limit", [20, 60, 200])
def test_a_key_cut_before_its_end_is_not_shown(limit: int) -> None:
    text = SAMPLES["key-narrow"].text.replace("\n~ ", "\n~ " + ZWSP * 700)
    assert (
        safety.show("see " + text, limit)
        == f'"{safety.clip("see [redacted:private-key]…", limit)}"'
    )


def test_nothing_is_taken_for_a_border_that_ends_in_a_blank() -> None:
    assert safety.show(ZWSP * 4059 + "a" * 9 + " " * 99, 60).startswith('"\\u200b')


@given(anything, st.integers(0, 80))
def test_a_shown_value_is_one_bounded_line(text: str, limit: int) -> None:
    shown = safety.show(text, limit)
    assert safety.printable(shown)
    assert shown[0] == shown[-1] == '"'
    assert len(shown.replace('\\"', '"')) <= limit + 2
    assert not re.search(r'(?<!\\)"', shown[1:-1])


# --- markdown and shell ----------------------------------------------------------------------


def inline(markdown: str) -> list[tuple[str, str]]:
    tokens = COMMONMARK.parse(markdown)
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    return [(token.type, token.content) for token in tokens[1].children or []]


@given(anything | st.text("` a\\<&"))
@example("`")
@example(" ")
@example("  ")
@example(" a")
@example("` ")
@example("```")
@example("")
def test_a_code_span_is_one_whatever_it_holds(text: str) -> None:
    content = safety.clip(safety.escape(text), 200) or " "
    assert inline(safety.code_span(text)) == [("code_inline", content)]


MARKUP = st.text("\\`*_{}[]()<>#+-.!|&~=:@$'\"; 1a\n\t/?")
LITERAL = [
    "# x", "1. x", "1) x", "- x", "+ x", "* x", "---", "===", "> x", "    x", "~~~", "a  ", "\\",
    "&amp;", "&#32;", "<b>", "<a@b.c>", "[a](b)", "![a](b)", "*a*", "__a__", "`a`", "a\\", "  ",
    "[a]: b", "https://a.example", "|a|b|", "<!-- x -->",
]  # fmt: skip


@given(anything | MARKUP | st.sampled_from(LITERAL))
@example(" ")
@example("-")
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    content = safety.clip(safety.escape(text), 200)
    if not content:
        assert safety.plain(text) == ""
        return
    assert "".join(part for kind, part in inline(safety.plain(text))) == content
    assert {kind for kind, _ in inline(safety.plain(text))} <= {"text", "text_special"}


@given(anything | MARKUP | st.sampled_from(LITERAL))
def test_plain_text_stays_within_heading_list_and_cell(text: str) -> None:
    content = safety.clip(safety.escape(text), 200)
    assert not re.search(r"(?<!\\)(?:\\\\)*\|", safety.plain(text))
    for before, kind in (
        ("# ", "heading_open"),
        ("- x ", "bullet_list_open"),
        ("x\n", "paragraph_open"),
    ):
        tokens = COMMONMARK.parse(f"{before}x {safety.plain(text)} x")
        assert tokens[0].type == kind
        (found,) = [token for token in tokens if token.type == "inline"]
        assert "".join(part.content for part in found.children or []).endswith(f"x {content} x")


def test_what_other_markdowns_would_link_is_broken_up() -> None:
    assert safety.plain("www.a.example a@b.c http://x") == (r"www\.a\.example a\@b\.c http\://x")


@given(anything | st.text("`~\n a"))
@example("````\n```")
def test_a_fence_holds_the_text(text: str) -> None:
    shown = safety.reveal(text)
    fence = safety.fence(shown)
    tokens = COMMONMARK.parse(f"{fence}text\n{shown}\n{fence}\nafter")
    assert [token.type for token in tokens][:2] == ["fence", "paragraph_open"]
    assert tokens[0].content == f"{shown}\n"
    assert safety.fence("") == "```"


@given(st.lists(anything))
def test_a_shell_reads_back_the_arguments(argv: list[str]) -> None:
    assert shlex.split(safety.shell_line(argv)) == argv


# --- excerpts --------------------------------------------------------------------------------


def wide(text: str) -> str:
    """The characters that take a column."""
    return "".join(c for c in text if unicodedata.category(c) not in ("Mn", "Me"))


def columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in wide(text))


def under(shown: str, carets: str) -> str:
    """What stands above the carets."""
    start, end = carets.index("^"), len(carets)
    assert carets == " " * start + "^" * (end - start)
    return "".join(c for at, c in enumerate(shown) if start <= columns(shown[:at]) < end)


@pytest.mark.parametrize(
    ("line", "start", "end", "shown", "marked"),
    [
        ("    cadence: weely", 13, 18, "    cadence: weely", "weely"),
        ("週間: 毎日 # x", 4, 6, "週間: 毎日 # x", "毎日"),
        ("e\u0301te\u0301: x", 7, 8, "e\u0301te\u0301: x", "x"),
        ("\tkey: \u202ex", 6, 8, "\\tkey: \\u202ex", "\\u202ex"),
        ("abc", 0, 3, "abc", "abc"),
        ("abc", 1, 1, "abc", "b"),
        ("abc", 3, 3, "abc", ""),
        ("abc", 9, 12, "abc", ""),
        ("abc", -5, 1, "abc", "a"),
        ("abc", 2, 1, "abc", "c"),
        ("", 0, 0, "", ""),
        ("x" * 70, 0, 70, "x" * 70, "x" * 70),
    ],
)
def test_excerpt(line: str, start: int, end: int, shown: str, marked: str) -> None:
    found, carets = safety.excerpt(line, start=start, end=end)
    assert found == shown
    assert under(found, carets) == marked
    assert carets.count("^") == max(columns(marked), 1)


def test_a_long_line_is_cut_around_the_offending_part() -> None:
    line = "".join(f"{number:04}" for number in range(1000))
    shown, carets = safety.excerpt(line, start=2000, end=2004)
    assert under(shown, carets) == "0500"
    assert shown[0] == shown[-1] == "…"
    assert len(shown) == 70
    assert shown[1:-1] in line
    for start in (0, 4, 3900, 3996):
        shown, carets = safety.excerpt(line, start=start, end=start + 4)
        assert under(shown, carets) == line[start : start + 4]
        assert len(shown) == 70
        assert (shown[0] == "…", shown[-1] == "…") == (start > 50, start < 3950)


def test_of_a_long_offending_part_the_beginning_is_shown() -> None:
    line = "agents: " + "x" * 500
    shown, carets = safety.excerpt(line, start=8, end=508)
    assert shown == "agents: " + "x" * 61 + "…"
    assert under(shown, carets) == "x" * 61
    shown, carets = safety.excerpt("k" * 99 + ": " + "x" * 500, start=101, end=601)
    assert shown.startswith("…k")
    assert shown.endswith("x…")
    assert len(shown) == 70


def test_secrets_are_replaced_and_can_be_pointed_at() -> None:
    token = SAMPLES["npm"].secret
    line = f"a: {token} b: {token} c"
    secrets = safety.find_secrets(line)
    marker = "[redacted:npm-token]"
    assert safety.excerpt(line, start=0, end=1, secrets=secrets)[0] == f"a: {marker} b: {marker} c"
    for start, end in ((3, 43), (10, 12), (40, 41), (10, 10)):
        shown, carets = safety.excerpt(line, start=start, end=end, secrets=secrets)
        assert under(shown, carets) in (marker, marker[:1])
        assert shown == f"a: {marker} b: {marker} c"
    shown, carets = safety.excerpt(line, start=44, end=45, secrets=secrets)
    assert under(shown, carets) == "b"


@pytest.mark.parametrize(("start", "end"), [(-9, 99), (0, 3), (-9, 3), (0, 99)])
def test_secrets_may_reach_beyond_the_line(start: int, end: int) -> None:
    secrets = (Secret(kind="private-key", start=start, end=end),)
    for at in (0, 1, 3):
        shown, carets = safety.excerpt("abc", start=at, end=at + 1, secrets=secrets)
        assert shown == "[redacted:private-key]"
        assert set(carets.strip()) == {"^"}
    assert safety.excerpt("", start=0, end=0, secrets=secrets) == ("", "^")


def test_any_number_of_marks_on_a_letter_stays_short() -> None:
    line = "a" + "\u0301" * 10_000 + "b"
    for start in (0, 5_000, 10_001):
        shown, carets = safety.excerpt(line, start=start, end=start + 1, width=20)
        assert len(shown) <= 200
        assert columns(shown) <= 20
        assert carets.count("^") == 1


lines = anything | st.text("ab漢\u0301\u200b\t", max_size=200)


@given(lines, st.integers(-2, 210), st.integers(0, 210), st.integers(8, 90))
def test_carets_stand_under_what_they_mean(line: str, start: int, length: int, width: int) -> None:
    secrets = safety.find_secrets(line)
    shown, carets = safety.excerpt(
        line, start=start, end=start + length, secrets=secrets, width=width
    )
    assert safety.printable(shown)
    assert columns(shown) <= width
    assert re.fullmatch(r" *\^+", carets)
    assert len(carets) <= columns(shown) + 1
    plain, _ = safety.redact(line)
    if columns(safety.escape(plain)) <= width:
        assert shown == safety.escape(plain)
    end = min(max(start + length, 0), len(line))
    start = min(max(start, 0), len(line))
    marked = safety.escape(line[start:end])
    if not secrets and columns(safety.escape(line)) <= width and columns(marked):
        assert carets == " " * columns(safety.escape(line[:start])) + "^" * columns(marked)
    elif not secrets and end > start and columns(safety.escape(line[start])):
        above = under(shown, carets).replace("…", "")
        assert wide(safety.escape(line[start:end])).startswith(wide(above))
