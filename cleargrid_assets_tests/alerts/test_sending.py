"""Messages arrive at a real webhook and a real mailbox, and nothing shows a URL."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from cleargrid_assets.alerts.sending import AlertError, check_urls, send
from cleargrid_assets.alerts.urls import split_urls
from cleargrid_assets_tests.alerts.receivers import Mailbox, Received, mailbox, webhook

NOBODY = "json://127.0.0.1:9/hush-token"


@pytest.fixture(scope="module")
def hook() -> Iterator[Received]:
    with webhook() as received:
        yield received


@pytest.fixture(scope="module")
def mail() -> Iterator[Mailbox]:
    with mailbox() as received:
        yield received


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("slack://a/b/c", ["slack://a/b/c"]),
        ("json://a?x=1,2, mailto://u@h?to=a@x,b@y;slack://a/b/c\n\tntfy://t ", None),
        (" ,json://a,", ["json://a"]),
        ("json://a, no-scheme", ["json://a", "no-scheme"]),
        ("", []),
    ],
)
def test_urls_are_separated_where_apprise_separates_them(text: str, urls: list[str] | None) -> None:
    assert split_urls(text) == (
        urls if urls is not None else ["json://a?x=1,2", "mailto://u@h?to=a@x,b@y", "slack://a/b/c", "ntfy://t"]
    )


def test_message_arrives_at_webhook_and_mailbox_with_its_file(hook: Received, mail: Mailbox, tmp_path: Path) -> None:
    page = tmp_path / "page ?&.html"
    page.write_text("<p>hello</p>")
    text = "2 < 3 & *bold* :smile:\n\nhttps://dagster.example/assets/a?view=checks&checkDetail=b"
    send(SecretStr(f"{hook.url}, {mail.url}"), "A title", text, page)
    assert hook.titles[-1] == "A title"
    assert hook.texts[-1] == text
    assert hook.bodies[-1]["type"] == "info"
    assert [each["filename"] for each in hook.bodies[-1]["attachments"]] == [page.name]
    [mailed] = mail.mails
    assert mailed["subject"] == "A title"
    assert mailed["x-application"] == "ClearGrid alerts"
    plain = mailed.get_body(("plain",))
    assert plain
    assert plain.get_content().replace("\r\n", "\n").strip() == text
    assert [part.get_content() for part in mailed.iter_attachments()] == ["<p>hello</p>"]


def test_failing_urls_are_named_without_secrets_and_others_get_the_message(
    hook: Received, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "urllib3")
    before = len(hook.bodies)
    urls = SecretStr(f"{NOBODY} {hook.url} slak://hush-token/x hush-token,slack://hush-token")
    with pytest.raises(AlertError) as caught:
        send(urls, "title", "body")
    said = str(caught.value)
    assert said.startswith(
        "URL 1 (json://) did not take the message (Connection refused). URL 3 (slak://) is unusable. URL 4 (no scheme)"
    )
    assert "URL 5 (slack://) is unusable. Correct CLEARGRID_ALERTS" in said
    assert said.endswith("`cleargrid check --alerts` tries it.")
    assert "cleargrid check" not in caught.value.advice
    assert caught.value.unsent == (1, 3, 4, 5)
    assert len(hook.bodies) == before + 1
    with pytest.raises(AlertError) as caught:
        check_urls(urls)
    assert caught.value.unsent == (3, 4, 5)
    shown = said + str(caught.value) + caplog.text + "".join(capfd.readouterr())
    assert "hush" not in shown
    assert check_urls(SecretStr(f"{NOBODY},{hook.url}")) == 2


def test_message_is_sent_again_only_where_it_did_not_arrive(hook: Received) -> None:
    before = len(hook.bodies)
    send(SecretStr(f"{hook.url} {NOBODY}"), "title", "body", only=[1])
    # A URL that has been removed from the variable is not missed.
    send(SecretStr(hook.url), "title", "body", only=[2])
    assert len(hook.bodies) == before + 1


def test_text_that_is_too_long_for_a_service_is_split(hook: Received, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apprise.plugins.custom_json.NotifyJSON.body_maxlen", 1000)
    before = len(hook.bodies)
    send(SecretStr(hook.url), "title", 150 * "sentence. ")
    send(SecretStr(f"{hook.url}?overflow=truncate"), "title", 150 * "sentence. ")
    assert len(hook.bodies) == before + 3


def test_missing_apprise_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    for attempt in (check_urls, lambda urls: send(urls, "title", "body")):
        with pytest.raises(AlertError, match=r"pip install --editable '.\[alerts\]'") as caught:
            attempt(SecretStr(f"{NOBODY} slak://x"))
        assert caught.value.unsent == (1, 2)
