"""What Gitea and GitHub answer, as far as it is asked for."""

from __future__ import annotations

from typing import Any

from tests.integration.forges.server import Answer, ForgeState, RefusedError, Routes, Seen, form_of
from tests.integration.repositories import git


class GiteaRoutes(Routes):
    base = "/api/v1"
    word = "token"

    def answer(self, operation: str, found: tuple[str, ...], seen: Seen) -> Answer:
        state = self.state
        if operation == "getVersion":
            return Answer(200, {"version": "1.23.0"})
        if found[:2] != (state.owner, state.name):
            raise RefusedError(404, "GetRepositoryByName")
        handler = {
            "repoGet": self._repository,
            "repoListPullRequests": self._pulls,
            "repoCreatePullRequest": self._open,
            "repoEditPullRequest": self._edit,
            "issueGetComments": self._comments,
            "issueCreateComment": self._comment,
            "issueEditComment": self._edit_comment,
            "issueListIssueAttachments": self._assets,
            "issueCreateIssueAttachment": self._attach,
            "issueDeleteIssueAttachment": self._remove,
            "repoListStatuses": self._statuses,
            "repoCreateStatus": self._status,
        }[operation]
        return handler(found[2:], seen)

    def _repository(self, found: tuple[str, ...], seen: Seen) -> Answer:
        state = self.state
        value = {
            "id": 1,
            "full_name": f"{state.owner}/{state.name}",
            "html_url": state.web,
            "default_branch": "main",
            "archived": state.archived,
            "permissions": {"admin": False, "push": state.may_push, "pull": True},
        }
        return Answer(200, value)

    def _pulls(self, found: tuple[str, ...], seen: Seen) -> Answer:
        wanted = seen.query.get("base_branch")
        shown = [
            one
            for one in self.state.pulls
            if one["state"] == seen.query.get("state", "open")
            and wanted in (None, one["base"]["ref"])
        ]
        return self.state.paged(shown, seen, "limit")

    def _open(self, found: tuple[str, ...], seen: Seen) -> Answer:
        head, base = seen.body["head"], seen.body["base"]
        check_new(self.state, head, base, there=409, missing=404)
        number = self.state.number()
        pull = {
            "number": number,
            "html_url": f"{self.state.web}/pulls/{number}",
            "title": seen.body["title"],
            "body": seen.body.get("body", ""),
            "state": "open",
            "merged": False,
            "head": self._branch(head),
            "base": self._branch(base),
        }
        self.state.pulls.append(pull)
        return Answer(201, pull)

    def _branch(self, name: str) -> dict[str, Any]:
        return {"ref": name, "label": name, "sha": self.state.tip(name), "repo_id": 1}

    def _edit(self, found: tuple[str, ...], seen: Seen) -> Answer:
        pull = numbered(self.state, found[0])
        pull.update(seen.body)
        return Answer(201, pull)

    def _comments(self, found: tuple[str, ...], seen: Seen) -> Answer:
        numbered(self.state, found[0])
        return Answer(200, shown_comments(self.state, found[0]))

    def _comment(self, found: tuple[str, ...], seen: Seen) -> Answer:
        return Answer(201, add_comment(self.state, found[0], seen, "#issuecomment-"))

    def _edit_comment(self, found: tuple[str, ...], seen: Seen) -> Answer:
        return Answer(200, edit_comment(self.state, found[0], seen))

    def _assets(self, found: tuple[str, ...], seen: Seen) -> Answer:
        numbered(self.state, found[0])
        return Answer(200, self.state.assets)

    def _attach(self, found: tuple[str, ...], seen: Seen) -> Answer:
        name, content = form_of(seen)["attachment"]
        if len(content) > self.state.largest:
            raise RefusedError(413, "the attachment is too large")
        if not name.endswith((".zip", ".png", ".txt")):
            raise RefusedError(422, "This file cannot be uploaded or modified")
        identity = self.state.number()
        asset = {
            "id": identity,
            "name": seen.query.get("name", name),
            "size": len(content),
            "browser_download_url": f"{self.state.url}/attachments/{self.state.number()}",
        }
        self.state.assets.append(asset)
        self.state.files[identity] = content
        return Answer(201, asset)

    def _remove(self, found: tuple[str, ...], seen: Seen) -> Answer:
        kept = [one for one in self.state.assets if one["id"] != int(found[1])]
        if len(kept) == len(self.state.assets):
            raise RefusedError(404, "no such attachment")
        self.state.assets[:] = kept
        return Answer(204)

    def _statuses(self, found: tuple[str, ...], seen: Seen) -> Answer:
        shown = [one for one in self.state.statuses if one["sha"] == found[0]]
        answers = [{k: v for k, v in one.items() if k != "sha"} for one in shown]
        return self.state.paged(answers, seen, "limit")

    def _status(self, found: tuple[str, ...], seen: Seen) -> Answer:
        given = {key: seen.body[key] for key in ("context", "description", "target_url")}
        value = {"id": self.state.number(), "status": seen.body["state"], **given}
        check_commit(self.state, found[0], 404)
        self.state.statuses.append({"sha": found[0], **value})
        return Answer(201, value)


class GitHubRoutes(Routes):
    base = "/api/v3"
    word = "Bearer"

    def answer(self, operation: str, found: tuple[str, ...], seen: Seen) -> Answer:
        state = self.state
        if operation == "meta/get":
            value = {"verifiable_password_authentication": True}
            return Answer(200, value, {"X-GitHub-Request-Id": "C0:FFEE"})
        if found[:2] != (state.owner, state.name):
            raise RefusedError(404, "Not Found")
        handler = {
            "repos/get": self._repository,
            "pulls/list": self._pulls,
            "pulls/create": self._open,
            "pulls/update": self._edit,
            "issues/list-comments": self._comments,
            "issues/create-comment": self._comment,
            "issues/update-comment": self._edit_comment,
            "repos/list-commit-statuses-for-ref": self._statuses,
            "repos/create-commit-status": self._status,
        }[operation]
        return handler(found[2:], seen)

    def _repository(self, found: tuple[str, ...], seen: Seen) -> Answer:
        state = self.state
        value = {
            "full_name": f"{state.owner}/{state.name}",
            "html_url": state.web,
            "default_branch": "main",
            "archived": state.archived,
            "permissions": {"admin": False, "push": state.may_push, "pull": True},
        }
        return Answer(200, value)

    def _pulls(self, found: tuple[str, ...], seen: Seen) -> Answer:
        head, base = seen.query.get("head"), seen.query.get("base")
        shown = [
            one
            for one in self.state.pulls
            if one["state"] == seen.query.get("state", "open")
            and head in (None, one["head"]["label"])
            and base in (None, one["base"]["ref"])
        ]
        return self.state.paged(shown, seen, "per_page")

    def _open(self, found: tuple[str, ...], seen: Seen) -> Answer:
        head, base = seen.body["head"], seen.body["base"]
        check_new(self.state, head, base, there=422, missing=422)
        number = self.state.number()
        pull = {
            "number": number,
            "html_url": f"{self.state.web}/pull/{number}",
            "title": seen.body["title"],
            "body": seen.body.get("body"),
            "state": "open",
            "head": self._branch(head),
            "base": self._branch(base),
        }
        self.state.pulls.append(pull)
        return Answer(201, pull)

    def _branch(self, name: str) -> dict[str, Any]:
        return {"ref": name, "label": f"{self.state.owner}:{name}", "sha": self.state.tip(name)}

    def _edit(self, found: tuple[str, ...], seen: Seen) -> Answer:
        pull = numbered(self.state, found[0])
        pull.update(seen.body)
        return Answer(200, pull)

    def _comments(self, found: tuple[str, ...], seen: Seen) -> Answer:
        numbered(self.state, found[0])
        return self.state.paged(shown_comments(self.state, found[0]), seen, "per_page")

    def _comment(self, found: tuple[str, ...], seen: Seen) -> Answer:
        return Answer(201, add_comment(self.state, found[0], seen, "#issuecomment-"))

    def _edit_comment(self, found: tuple[str, ...], seen: Seen) -> Answer:
        return Answer(200, edit_comment(self.state, found[0], seen))

    def _statuses(self, found: tuple[str, ...], seen: Seen) -> Answer:
        shown = [one for one in reversed(self.state.statuses) if one["sha"] == found[0]]
        answers = [{k: v for k, v in one.items() if k != "sha"} for one in shown]
        return self.state.paged(answers, seen, "per_page")

    def _status(self, found: tuple[str, ...], seen: Seen) -> Answer:
        value = {"id": self.state.number(), **seen.body}
        check_commit(self.state, found[0], 422)
        self.state.statuses.append({"sha": found[0], **value})
        return Answer(201, value)


def check_new(state: ForgeState, head: str, base: str, *, there: int, missing: int) -> None:
    """Refuse a pull request that a forge refuses."""
    if state.archived:
        raise RefusedError(423 if there == 409 else 403, "Repository was archived so is read-only.")
    if not state.tip(head) or not state.tip(base):
        raise RefusedError(missing, "no such branch")
    if state.open_pull(head, base):
        raise RefusedError(there, f"A pull request already exists for {state.owner}:{head}.")
    if git(state.bare, "rev-list", "--count", f"{base}..{head}") == "0":
        raise RefusedError(422, f"No commits between {base} and {head}")


def check_commit(state: ForgeState, commit: str, status: int) -> None:
    if not git(state.bare, "rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}", check=False):
        raise RefusedError(status, f"No commit found for SHA: {commit}")


def numbered(state: ForgeState, number: str) -> dict[str, Any]:
    for pull in state.pulls:
        if pull["number"] == int(number):
            return pull
    raise RefusedError(404, "no such pull request")


def shown_comments(state: ForgeState, number: str) -> list[dict[str, Any]]:
    shown = [one for one in state.comments if one["number"] == int(number)]
    return [{k: v for k, v in one.items() if k != "number"} for one in shown]


def add_comment(state: ForgeState, number: str, seen: Seen, mark: str) -> dict[str, Any]:
    pull = numbered(state, number)
    identity = state.number()
    url = f"{pull['html_url']}{mark}{identity}"
    comment = {"id": identity, "body": seen.body["body"], "html_url": url}
    state.comments.append({"number": int(number), **comment})
    return comment


def edit_comment(state: ForgeState, identity: str, seen: Seen) -> dict[str, Any]:
    for comment in state.comments:
        if comment["id"] == int(identity):
            comment["body"] = seen.body["body"]
            return {key: value for key, value in comment.items() if key != "number"}
    raise RefusedError(404, "no such comment")
