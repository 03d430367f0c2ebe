"""What a proposal needs of a forge, of each kind, over its API as it is published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from notebook_executor.errors import ForgeError, UsageError
from notebook_executor.git.repository import Repository
from notebook_executor.review.forges.addresses import address_of
from notebook_executor.review.forges.choosing import Chosen, ForgeSettings, choose_forge
from notebook_executor.review.forges.protocol import Forge, Status
from tests.integration.forges.proposals import QUICK
from tests.integration.forges.server import TOKEN, Fault, ForgeState
from tests.integration.repositories import git

MARK = "<!-- mark -->"


@pytest.fixture
def forge(chosen: Chosen) -> Forge:
    return chosen.forge


@pytest.fixture
def branch(first: Path, bare: Path) -> str:
    git(first, "checkout", "--quiet", "-b", "nbx/change")
    (first / "README").write_text("second\n", "utf-8")
    git(first, "commit", "--quiet", "-am", "second")
    git(first, "push", "--quiet", str(bare), "nbx/change")
    return "nbx/change"


def opened(forge: Forge, branch: str) -> int:
    return forge.open_pull(branch, "main", "A title", "A body").number


def test_the_kind_is_found_out(chosen: Chosen, kind: str) -> None:
    assert chosen.forge.kind == kind


def test_a_repository(forge: Forge, server: ForgeState) -> None:
    found = forge.repository()

    assert (found.url, found.default_branch) == (server.web, "main")


@pytest.mark.parametrize(
    ("field", "value", "expected"), [("archived", True, "locked"), ("may_push", False, "forbidden")]
)
def test_a_repository_that_takes_nothing(
    forge: Forge, server: ForgeState, field: str, value: bool, expected: str
) -> None:
    setattr(server, field, value)

    with pytest.raises(ForgeError, match=r"team/fleet on 127\.0\.0\.1") as caught:
        forge.repository()

    assert (caught.value.kind, caught.value.settled) == (expected, True)


def test_a_pull_request_is_opened_once(forge: Forge, server: ForgeState, branch: str) -> None:
    first = forge.open_pull(branch, "main", "A title", "A body")
    again = forge.open_pull(branch, "main", "A title", "A body")

    assert first == again == forge.find_pull(branch, "main")
    assert (first.title, first.body, first.head, first.base) == (
        "A title",
        "A body",
        branch,
        "main",
    )
    assert len(server.pulls) == 1
    assert forge.find_pull(branch, "other") is None
    assert forge.find_pull("other", "main") is None


def test_a_closed_one_does_not_count(forge: Forge, server: ForgeState, branch: str) -> None:
    opened(forge, branch)
    server.pulls[0]["state"] = "closed"

    assert forge.find_pull(branch, "main") is None
    assert opened(forge, branch) == server.pulls[1]["number"]


def test_it_is_found_on_a_later_page(forge: Forge, server: ForgeState, branch: str) -> None:
    number = opened(forge, branch)
    others = [_like(server.pulls[0], n) for n in range(1000, 1012)]
    server.pulls[:0] = others
    server.page = 5

    found = forge.find_pull(branch, "main")

    assert found is not None
    assert found.number == number


def _like(pull: dict[str, Any], number: int) -> dict[str, Any]:
    head = {**pull["head"], "ref": f"other-{number}"}
    return {**pull, "number": number, "head": head}


def test_a_branch_of_a_fork_is_another_one(
    forge: Forge, server: ForgeState, branch: str, kind: str
) -> None:
    if kind == "github":
        server.pulls.append({"number": 1, "state": "open", "head": {"label": "fork:x"}})
        assert forge.find_pull(branch, "main") is None
        server.pulls.clear()
    number = opened(forge, branch)
    if kind == "gitea":
        server.pulls.insert(0, {**server.pulls[0], "number": 99})
        server.pulls[0]["head"] = {**server.pulls[0]["head"], "repo_id": 2}

    found = forge.find_pull(branch, "main")

    assert found is not None
    assert found.number == number


def test_its_text_is_replaced(forge: Forge, server: ForgeState, branch: str) -> None:
    number = opened(forge, branch)

    forge.update_pull(number, "Another body")

    assert (server.pulls[0]["body"], server.pulls[0]["title"]) == ("Another body", "A title")


def test_a_comment_is_written_once(forge: Forge, server: ForgeState, branch: str) -> None:
    number = opened(forge, branch)
    server.comments.append({"number": number, "id": 5, "body": "Of a person", "html_url": "u"})

    one = forge.comment(number, MARK, f"{MARK}\nfirst")
    two = forge.comment(number, MARK, f"{MARK}\nsecond")
    forge.comment(number, MARK, f"{MARK}\nsecond")

    assert one == two == server.comments[1]["html_url"]
    bodies = [comment["body"] for comment in server.comments]
    assert bodies == ["Of a person", f"{MARK}\nsecond"]
    assert len(server.calls("PATCH", "comments")) == 1


def test_a_comment_on_a_later_page(forge: Forge, server: ForgeState, branch: str) -> None:
    number = opened(forge, branch)
    for other in range(70):
        server.comments.append({"number": number, "id": 1000 + other, "body": "x", "html_url": "u"})

    forge.comment(number, MARK, f"{MARK}\nfirst")
    forge.comment(number, MARK, f"{MARK}\nsecond")

    assert [one["body"] for one in server.comments[70:]] == [f"{MARK}\nsecond"]


def test_a_status_is_said_once(forge: Forge, server: ForgeState, branch: str) -> None:
    commit = server.tip(branch)
    pending = Status("pending", "nbx/review", "on its way", server.web)
    done = Status("success", "nbx/review", "executes", server.web)

    for status in (pending, done, done):
        forge.set_status(commit, status)

    assert [one["sha"] for one in server.statuses] == [commit, commit]
    said = server.statuses[-1]
    assert said.get("status", said.get("state")) == "success"
    assert (said["context"], said["description"]) == ("nbx/review", "executes")


def test_a_file_is_kept_once(forge: Forge, server: ForgeState, branch: str, kind: str) -> None:
    number = opened(forge, branch)

    one = forge.attach(number, "review-1.zip", b"one", "review-")
    two = forge.attach(number, "review-2.zip", b"two", "review-")
    again = forge.attach(number, "review-2.zip", b"three", "review-")

    if kind == "github":
        assert one is two is again is None
        return
    assert two is not None
    assert two == again
    assert [asset["name"] for asset in server.assets] == ["review-2.zip"]
    assert server.files[server.assets[0]["id"]] == b"two"
    assert two.url == server.assets[0]["browser_download_url"]


def test_names_with_odd_characters_stay_names(
    repository: Repository, server: ForgeState, kind: str
) -> None:
    address = address_of(f"{server.url}/te%20am/fl%C3%A4che%3F.git")
    settings = ForgeSettings(kind=choose_kind(kind))
    environment = {"NBX_FORGE_TOKEN": TOKEN}

    with choose_forge(
        address, repository, settings, environment=environment, pace=QUICK
    ).forge as forge:
        with pytest.raises(ForgeError) as caught:
            forge.repository()
        url = forge.file_url("c0ffee", "notebooks/what is it?.ipynb")

    assert caught.value.kind == "not_found"
    assert server.seen[-1].path.endswith("/repos/te%20am/fl%C3%A4che%3F")
    assert url.endswith("c0ffee/notebooks/what%20is%20it%3F.ipynb")


def choose_kind(kind: str) -> Any:
    return kind


def test_no_forge_at_all(repository: Repository, server: ForgeState) -> None:
    server.faults.append(Fault("GET", "version", status=404))
    server.faults.append(Fault("GET", "meta", status=404))
    address = address_of(f"{server.url}/other/team/fleet.git")

    with pytest.raises(UsageError, match="does not say what it is"):
        choose_forge(address, repository, ForgeSettings(), environment={}, pace=QUICK)
