"""The notebooks that ship with the project, on this machine as it is."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from notebook_executor import NotebookExecutor
from notebook_executor.lifecycle.registry import live_kernels
from notebook_executor.models import Event, ExecutionResult
from tests.integration.gated import own_base

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
FLEET = NOTEBOOKS / "fleet_health_check.ipynb"
ORDERS = NOTEBOOKS / "order_import.ipynb"
BROWSER = NOTEBOOKS / "headless_browser.ipynb"
ZOMBIES = 3

# The kernel that this starts says its number and holds the interpreter's lock in C, without letting
# go of it in between: the only way for a kernel to outlive its launcher's death unawares.
LAUNCHER = """
import signal, sys
from jupyter_client.manager import start_new_kernel

manager, client = start_new_kernel()
client.execute(
    "import ctypes, os\\n"
    f"library, told = ctypes.PyDLL(None), os.open({sys.argv[1]!r}, os.O_WRONLY)\\n"
    "number = f'{os.getpid()}\\\\n'.encode()\\n"
    "library.write(told, number, len(number)); library.sleep(1000)"
)
signal.pause()
"""


@contextmanager
def zombies(count: int) -> Iterator[None]:
    """Children that have exited and are not collected while this is open."""
    children = [subprocess.Popen([sys.executable, "-S", "-c", ""]) for _ in range(count)]
    try:
        for child in children:
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        yield
    finally:
        for child in children:
            child.wait()


@contextmanager
def orphaned_kernel(folder: Path) -> Iterator[int]:
    """A running kernel whose launcher was killed."""
    fifo = folder / "kernel"
    os.mkfifo(fifo)
    environment = {**os.environ, "JUPYTER_RUNTIME_DIR": str(folder)}
    command = [sys.executable, "-c", LAUNCHER, str(fifo)]
    launcher = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        with fifo.open(encoding="utf-8") as told:
            kernel = psutil.Process(int(told.readline()))
    finally:
        launcher.kill()
        launcher.wait()
    try:
        yield kernel.pid
    finally:
        kernel.kill()
        kernel.wait(timeout=60)


@contextmanager
def oddly_named_process(folder: Path) -> Iterator[None]:
    """A busy process whose name is no text, and a formula to matplotlib."""
    program = folder / os.fsdecode(b"$\\odd\xff\n|$")
    program.symlink_to(sys.executable)
    process = subprocess.Popen([program, "-S", "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def ill(tmp_path_factory: pytest.TempPathFactory) -> tuple[ExecutionResult, int]:
    """The health check of a machine with all of the above, and the orphan's number."""
    folder = tmp_path_factory.mktemp("ill")
    with (
        zombies(ZOMBIES),
        oddly_named_process(folder),
        orphaned_kernel(folder) as orphan,
        NotebookExecutor(folder) as executor,
    ):
        result = executor.execute(FLEET, parameters={"run_id": "ill", "window": 0.2}, timeout=200)
    assert result.status == "success", str(result)
    return result, orphan


def machine(result: ExecutionResult) -> dict[str, dict[str, Any]]:
    return {row["check"]: row for row in result.scraps["machine"]}


def orphans(result: ExecutionResult) -> set[int]:
    note = machine(result)["orphans"]["note"]
    return {int(number) for number in re.findall(r"(\d+) \(for", note)}


def executed_cell(result: ExecutionResult, cell_id: str) -> Any:
    assert result.notebook is not None
    return next(cell for cell in result.notebook.cells if cell["id"] == cell_id)


def sources(path: Path) -> dict[str, str]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return {cell["id"]: "".join(cell["source"]) for cell in cells}


@pytest.mark.parametrize("path", [FLEET, ORDERS], ids=lambda path: path.stem)
class TestStored:
    def test_valid(self, executor: NotebookExecutor, path: Path) -> None:
        report = executor.validate(path)

        assert report.valid, str(report)
        assert not report.issues

    def test_stripped_and_canonical(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text)
        code = [cell for cell in document["cells"] if cell["cell_type"] == "code"]

        assert text == json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
        assert document["metadata"]["kernelspec"]["name"] == "python3"
        assert all(cell["outputs"] == [] for cell in code)
        assert all(cell["execution_count"] is None for cell in code)
        assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", cell["id"]) for cell in document["cells"])

    def test_parameters_explain_themselves(self, executor: NotebookExecutor, path: Path) -> None:
        parameters = executor.inspect_parameters(path)

        assert len(parameters) >= 2
        assert all(parameter.type and parameter.help for parameter in parameters.values())


class TestFleetHealthCheck:
    def test_counts_planted_zombies(self, ill: tuple[ExecutionResult, int]) -> None:
        row = machine(ill[0])["zombies"]

        assert row["value"] >= ZOMBIES
        assert re.search(rf"not collected by process .*\b{os.getpid()}\b", row["note"])

    def test_finds_an_orphaned_kernel(self, ill: tuple[ExecutionResult, int]) -> None:
        result, orphan = ill

        assert orphan in orphans(result)
        assert machine(result)["orphans"]["value"] == len(orphans(result))

    def test_takes_no_owned_kernel_for_an_orphan(
        self, ill: tuple[ExecutionResult, int], executor: NotebookExecutor
    ) -> None:
        """The kernel that runs the notebook is one; others may be orphaned and end meanwhile."""
        result, orphan = ill
        owned: set[int | None] = set()

        def look(event: Event) -> None:
            if event.kind == "cell_started":
                owned.update(kernel.kernel_pid for kernel in live_kernels(own_base()))

        parameters = {"window": 0.1, "alert_threshold": 0}
        well = executor.execute(FLEET, parameters=parameters, timeout=60, on_event=look)

        assert owned
        assert not orphans(well) & (owned | {orphan})
        assert (well.scraps["alert_count"], well.scraps["alerts"]) == (0, [])
        schema = executed_cell(well, "table-schema")["outputs"]
        assert schema == executed_cell(result, "table-schema")["outputs"]

    def test_score_and_alerts_follow_from_the_table(self, ill: tuple[ExecutionResult, int]) -> None:
        scraps = ill[0].scraps
        scores = {row["check"]: row["score"] for row in scraps["machine"]}
        taken = [score for score in scores.values() if score is not None]
        low = {check for check, score in scores.items() if score is not None and score < 0.9}

        assert scraps["health_score"] == pytest.approx(statistics.fmean(taken), abs=0.001)
        assert {"zombies", "orphans"} <= low
        assert {alert["check"] for alert in scraps["alerts"]} - {"health_score"} == low
        assert ("health_score" in str(scraps["alerts"])) == (scraps["health_score"] < 0.9)
        assert scraps["alert_count"] == len(scraps["alerts"])

    def test_measures_this_machine(self, ill: tuple[ExecutionResult, int]) -> None:
        rows = machine(ill[0])
        total = psutil.virtual_memory().total / 2**30

        assert f"of {total:.1f} GiB" in rows["memory"]["note"]
        assert f"on {psutil.cpu_count()} cores" in rows["load"]["note"]
        # Other tests write to it meanwhile.
        assert rows["disk"]["value"] >= psutil.disk_usage("/").percent - 10
        assert (rows["services"]["value"] is None) == (not Path("/run/systemd/system").is_dir())
        assert all(row["note"] for row in rows.values())

    def test_draws_one_plot(self, ill: tuple[ExecutionResult, int]) -> None:
        images = [
            base64.b64decode(output["data"]["image/png"])
            for output in executed_cell(ill[0], "plot")["outputs"]
            if "image/png" in output.get("data", {})
        ]

        assert len(images) == 1
        assert images[0].startswith(b"\x89PNG")

    def test_survives_an_odd_process_name(self, ill: tuple[ExecutionResult, int]) -> None:
        assert "$\\odd��|$" in [row["name"] for row in ill[0].scraps["heaviest"]]

    def test_asks_to_see_the_host(self) -> None:
        document = json.loads(FLEET.read_text(encoding="utf-8"))

        assert document["metadata"]["nbx"] == {"host_view": True}

    @pytest.mark.parametrize(
        ("name", "value"), [("alert_threshold", 1.5), ("window", 0), ("window", 3600)]
    )
    def test_refuses_senseless_parameters(
        self, executor: NotebookExecutor, name: str, value: float
    ) -> None:
        result = executor.execute(FLEET, parameters={name: value}, timeout=60)

        assert result.failed_cell is not None
        assert result.failed_cell.id == "check-parameters"
        assert result.failed_cell.evalue.startswith(f"{name} is {value}")


class TestOrderImport:
    def test_fails_at_the_bad_row_and_keeps_what_it_found(self, executor: NotebookExecutor) -> None:
        result = executor.execute(ORDERS, timeout=60)
        failed = result.failed_cell
        known = sources(ORDERS)

        assert result.error is not None
        assert failed is not None
        assert (result.status, result.error.kind) == ("error", "cell_error")
        assert (failed.id, failed.index) == ("price-orders", list(known).index("price-orders"))
        assert failed.line is not None
        assert "raise ValueError" in known["price-orders"].splitlines()[failed.line - 1]
        assert failed.evalue.startswith("the sample, line 7: order A-1006 has quantity 'seven'")
        assert result.scraps == {
            "orders_read": 8,
            "orders_by_region": {"north": 3, "south": 3, "west": 2},
        }

    def test_leaves_the_bad_row_out_when_asked_to(self, executor: NotebookExecutor) -> None:
        result = executor.execute(ORDERS, parameters={"strict": False}, timeout=60)

        assert result.status == "success", str(result)
        assert result.scraps["revenue"] == {"north": 359.7, "south": 365.5, "west": 179.0}
        assert result.scraps["revenue_total"] == 904.2
        assert [row.split(" has ")[0] for row in result.scraps["left_out"]] == [
            "the sample, line 7: order A-1006"
        ]

    def test_reads_a_file_of_the_callers(self, executor: NotebookExecutor, tmp_path: Path) -> None:
        orders = tmp_path / "orders.csv"
        orders.write_text("order,region,quantity,unit_price\nB-1,east,2,1.50\n", encoding="utf-8")

        result = executor.execute(ORDERS, parameters={"orders_file": str(orders)}, timeout=60)

        assert result.status == "success", str(result)
        assert result.scraps["revenue"] == {"east": 3.0}

    def test_refuses_a_file_without_its_columns(
        self, executor: NotebookExecutor, tmp_path: Path
    ) -> None:
        orders = tmp_path / "orders.csv"
        orders.write_text("order,amount\nB-1,2\n", encoding="utf-8")

        result = executor.execute(ORDERS, parameters={"orders_file": str(orders)}, timeout=60)

        assert result.failed_cell is not None
        assert result.failed_cell.id == "read-orders"
        assert result.failed_cell.evalue.endswith("no column quantity, region, unit_price")


class TestHeadlessBrowser:
    @pytest.mark.skipif(
        shutil.which("chromium") is None, reason="the package chromium is not installed"
    )
    def test_reads_a_title_that_a_script_made_and_takes_a_picture(
        self, executor: NotebookExecutor
    ) -> None:
        result = executor.execute(BROWSER, parameters={"hosts": 5}, timeout=200)

        assert result.status == "success", str(result)
        assert result.scraps["page_title"] == "Fleet: 5 hosts"
        assert (result.scraps["processes_left"], result.scraps["files_left"]) == (0, 0)
        assert (result.cleanup.processes_left, result.cleanup.files_left) == (0, 0)
        *_, image = executed_cell(result, "take-picture")["outputs"]
        picture = base64.b64decode(image["data"]["image/png"])
        assert picture.startswith(b"\x89PNG")
        assert len(picture) == result.scraps["picture_bytes"]

    def test_says_what_is_missing_where_there_is_no_browser(
        self, executor: NotebookExecutor
    ) -> None:
        result = executor.execute(BROWSER, parameters={"browser": "no-such-browser"}, timeout=60)

        assert result.failed_cell is not None
        assert result.failed_cell.evalue == (
            "'no-such-browser' is not there: install the package chromium, or pass browser="
        )
