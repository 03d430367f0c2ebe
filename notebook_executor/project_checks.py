"""What proves a project's notebooks by running them; it only delegates."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from notebook_executor.config import Limits, Settings
from notebook_executor.errors import UsageError
from notebook_executor.kernel_supply import KernelSupply
from notebook_executor.models import ExecutionResult
from notebook_executor.project_documents import ProjectDocuments, StrPath

if TYPE_CHECKING:
    from notebook_executor.documents.editing import EditsGiven
    from notebook_executor.documents.output_comparison import RegressionRules
    from notebook_executor.documents.validation import ValidationReport
    from notebook_executor.execution.request import RunRequest
    from notebook_executor.lifecycle.containment import Tier
    from notebook_executor.review.models import NotebookReview, Review
    from notebook_executor.review.proposal import Proposal


class ProjectChecks(ProjectDocuments, ABC):
    """Validates, reviews and proposes changes of the notebooks of one project.

    Args:
        root: The project's folder.
        settings: The operator's.
        kernels: Where kernels come from.
        kernel_name: The kernelspec for all runs that do not name one.
        python: The interpreter for all runs that do not name one.
        require_containment: The least containment that will do.

    Raises:
        UsageError: ``root`` is not a folder, or there is no such containment.
    """

    def __init__(
        self,
        root: StrPath,
        settings: Settings,
        kernels: KernelSupply,
        kernel_name: str | None,
        python: StrPath | None,
        require_containment: Tier | None,
    ) -> None:
        super().__init__(root, settings)
        if require_containment not in (None, "namespace", "subreaper", "best_effort"):
            raise UsageError(
                f"require_containment {require_containment!r} names no containment",
                hint="Use 'namespace', 'subreaper' or 'best_effort'.",
            )
        self._kernels = kernels
        self.kernel_name = kernel_name
        self.python = python
        self.require_containment = require_containment

    @abstractmethod
    def run(self, request: RunRequest) -> ExecutionResult:
        """Run what a request asks for."""

    def validate(
        self,
        notebook_path: StrPath,
        *,
        regression: bool | RegressionRules | Mapping[str, Any] = False,
        reference: StrPath | None = None,
        accept: bool = False,
        parameters: Mapping[str, Any] | StrPath | None = None,
        timeout: float | None = 300,
        run_timeout: float | None = None,
        replay: StrPath | bool | None = None,
        fix: bool = False,
        upgrade: bool = False,
    ) -> ValidationReport:
        """What is wrong with a notebook file, each with its place; a file that is none, too.

        With ``regression`` the notebook is run as well, recorded as ``execute`` records, and its
        outputs are compared with a reference by nbval's markers; blocks until the run is over.

        Args:
            notebook_path: The file.
            regression: Compare, by the default rules; or ``RegressionRules``, or a mapping of some
                of them, such as ``{"lax": True, "relative_tolerance": 1e-6}``.
            reference: An executed notebook, or a revision in git that has one; None for
                ``runs/reference/<path below root>``, else the notebook's own outputs.
            accept: When it executes, write its outputs as the new reference.
            parameters: Of the run, as ``execute`` takes them.
            timeout: Seconds a cell may take; None for no limit.
            run_timeout: Seconds the run may take; None for no limit.
            replay: A recording that answers the run's tool calls, as ``execute`` takes it; None
                for the executor's tools.
            fix: First put right in the file what can be without guessing; the report tells what.
            upgrade: Rewrite a notebook of an older format as nbformat 4.5; implies ``fix``.

        Raises:
            DocumentError: The file cannot be written (``fix``); the reference is not there.
            UsageError: The rules, the reference or ``accept`` make no sense.
        """
        from notebook_executor.documents.validation import repair_file, validate_notebook

        path = self._below_root(notebook_path)
        report = repair_file(path, upgrade=upgrade) if fix or upgrade else validate_notebook(path)
        if regression is False:
            if reference is not None or accept or replay not in (None, False):
                raise UsageError(
                    "reference, accept and replay are of a regression", hint="Ask for one."
                )
            return report
        from notebook_executor.documents.output_comparison import RegressionRules
        from notebook_executor.execution.regression import check_regression
        from notebook_executor.execution.request import RunRequest

        request = RunRequest(
            notebook=path,
            output_path=False,
            parameters=parameters,
            timeout=timeout,
            run_timeout=run_timeout,
            replay=replay,
        )
        rules = RegressionRules.of(regression)
        found = check_regression(
            request, self.root, self.run, rules, reference=reference, accept=accept
        )
        return report.model_copy(update={"regression": found})

    def review(
        self,
        base: str = "main",
        head: str | None = None,
        *,
        index: bool = False,
        paths: Iterable[StrPath] = (),
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
        rerun_base: bool = False,
        accept: bool = False,
        timeout: float | None = 300,
        run_timeout: float | None = None,
        limits: Limits | Mapping[str, Any] | None = None,
        max_workers: int | None = None,
        on_notebook: Callable[[NotebookReview], None] | None = None,
    ) -> Review:
        """What a change does to the project's notebooks: each is checked, run, and compared.

        Compares with the commit that the head has in common with the base. Each notebook runs in
        a kernel of its own, among a private copy of the files that its side has; nothing of the
        checkout, the index and the objects is written. Blocks until all is done.

        Args:
            base: A commit, branch or tag.
            head: Likewise; None for the working tree, with what is not ignored in it.
            index: Of what is not committed, what the next commit would have.
            paths: Files and folders below the root; None of them means all.
            parameters: For notebooks, by their path below the root; else what
                ``[tool.notebook_executor.review."path"]`` in pyproject.toml says, else what the
                schedule gives that runs it, else its defaults.
            rerun_base: Also run what the base has, to compare numbers of the same moment.
            accept: Write what they put out as the new references, below ``runs/reference``.
            timeout: Seconds a cell may take; None for no limit.
            run_timeout: Seconds a run may take; None for no limit.
            limits: What each kernel and all it starts may use, as ``execute`` takes them.
            max_workers: How many notebooks at a time; None for as many as there are cores.
            on_notebook: Called with what became of each one as soon as it is done, on a thread of
                the review's, one at a time.

        Raises:
            UsageError: The root is in no git working tree, there is no such commit, or what
                pyproject.toml says of reviews makes no sense.
            GitError: git fails.
            TypeError: An argument has a type that can mean nothing.
        """
        from notebook_executor.execution.cancelling import Cancellation
        from notebook_executor.review.options import ReviewOptions
        from notebook_executor.review.pipeline import review_changes
        from notebook_executor.review.running import Runner

        options = ReviewOptions.of(
            self.root,
            paths=paths,
            parameters=parameters,
            rerun_base=rerun_base,
            accept=accept,
            timeout=timeout,
            run_timeout=run_timeout,
            limits=Limits.of(limits),
            max_workers=max_workers,
            on_notebook=on_notebook,
        )
        supply = self._kernels
        runner = Runner(
            self.root, self.settings, supply.backend_for, Cancellation(), self._with_kernel
        )
        return review_changes(
            base, head, index=index, options=options, runner=runner, crew=supply.crew()
        )

    def propose(
        self,
        path: StrPath,
        edits: EditsGiven,
        *,
        title: str,
        base: str = "main",
        branch: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        body: str | None = None,
        allow_failing: bool = False,
        attach: bool = True,
        rerun_base: bool = False,
        timeout: float | None = 300,
        run_timeout: float | None = None,
        limits: Limits | Mapping[str, Any] | None = None,
    ) -> Proposal:
        """Make edits of a notebook a pull request on Gitea, Forgejo or GitHub.

        The remote's base is edited, reviewed as ``review`` does it, stripped, committed and pushed
        to a branch of its own; the pull request has the report, the executed notebook and a commit
        status. Called again with the same title, it renews what is there. The checkout, the index
        and all branches of this clone stay as they are, and no hook of git's is run. Blocks until
        all is done.

        Args:
            path: The notebook, which the base has.
            edits: As ``edit`` takes them.
            title: Of the pull request, and of the commit.
            base: The remote's branch that it is for.
            branch: The remote's branch that it is on; None for one named by path and title.
            parameters: Of the run; None for those that ``review`` would take.
            body: The text above the report, when the pull request is opened.
            allow_failing: Propose it even if a step of the review fails, with the status that it
                has failed; else nothing is pushed, and the proposal's state is ``failed``.
            attach: Whether the forge is to keep the executed notebook and the report's page.
            rerun_base: Also run what the base has, to compare numbers of the same moment.
            timeout: Seconds a cell may take; None for no limit.
            run_timeout: Seconds a run may take; None for no limit.
            limits: What each kernel and all it starts may use, as ``execute`` takes them.

        Raises:
            UsageError: It cannot be proposed like this; nothing was pushed.
            GitError: git, or the remote, refuses.
            ForgeError: The forge refuses, or cannot be reached; called again, it goes on.
            TypeError: An argument has a type that can mean nothing.
        """
        from notebook_executor.review import proposing

        request = proposing.ProposalRequest(
            path=self._below_root(path),
            edits=edits,
            title=title,
            base=base,
            branch=branch,
            body=body or "",
            allow_failing=allow_failing,
            attach=attach,
        )

        def reviewer(old: str, new: str) -> Review:
            return self.review(
                old,
                new,
                paths=(path,),
                parameters=None if parameters is None else {os.fspath(path): parameters},
                rerun_base=rerun_base,
                timeout=timeout,
                run_timeout=run_timeout,
                limits=limits,
            )

        return proposing.propose(request, self.root, reviewer)

    def _with_kernel(self, request: RunRequest) -> RunRequest:
        """The request with the executor's kernel where it names none."""
        from dataclasses import replace

        if request.kernel_name is None and request.python is None:
            request = replace(request, kernel_name=self.kernel_name, python=self.python)
        if request.require_containment is None:
            request = replace(request, require_containment=self.require_containment)
        return request
