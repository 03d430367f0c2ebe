"""A host process that is there to be hurt; run by path, told by its argument what to do.

It says on standard output, a JSON object a line, how far it is, and waits for a line on standard
input before it begins and, once it has run a notebook, before it closes its executor.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

RLIMIT_LOCKS = 10  # Linux has not looked at it since 2.4, and every process inherits it.


def say(**words: Any) -> None:
    print(json.dumps(words), flush=True)


def run_notebook(wanted: dict[str, Any]) -> None:
    """Run the notebook; say each event, and the result once everything is closed."""
    from notebook_executor import Event, NotebookExecutor

    def tell(event: Event) -> None:
        if wanted.get("forks_at") == event.kind:
            say(event="copied", pid=_copy())
        say(event=event.kind, index=event.index)

    with NotebookExecutor(
        wanted["root"], warm=wanted["warm"], config=wanted["settings"]
    ) as executor:
        result = executor.execute(
            "notebook.ipynb",
            "out.ipynb",
            timeout=wanted["timeout"],
            host_view=wanted["host_view"],
            on_event=tell,
            **wanted["options"],
        )
        say(event="result", result=json.loads(result.to_json()))
        # Closing would end what the run's own end has missed, before anybody could see it.
        sys.stdin.readline()


def _copy() -> int:
    """Fork a copy of this process that holds all its descriptors and does nothing."""
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    return pid


def start_in_thread(wanted: dict[str, Any]) -> None:
    """Start guard and kernel on a thread that ends, and use the kernel on another one."""
    from notebook_executor.lifecycle.choice import Containment
    from notebook_executor.lifecycle.kernel import Graces, Kernel, start_kernel
    from notebook_executor.lifecycle.kernelspecs import find_launch_spec

    kernels: list[Kernel] = []
    with ExitStack() as stack:
        containment = stack.enter_context(Containment())
        spec = find_launch_spec(None, wanted="python3", language="python")
        starting = start_kernel(
            spec,
            containment,
            cwd=Path(wanted["root"]),
            env=os.environ,
            start_timeout=60,
            # What it has by default, a loaded machine may need for the polite exit alone.
            graces=Graces(shutdown=60),
            host_view=wanted["host_view"],
        )
        thread = threading.Thread(target=lambda: kernels.append(stack.enter_context(starting)))
        thread.start()
        thread.join()
        say(event="answered", status=_ask(kernels[0]))
    end = kernels[0].end
    assert end is not None
    say(event="ended", code=end.exit_code, left=end.processes_left, files=end.files_left)


def _ask(kernel: Any) -> str:
    content = {"code": "1 + 1", "silent": False, "store_history": True, "user_expressions": {}}
    sent = kernel.channels.send(
        "shell", "execute_request", {**content, "allow_stdin": False, "stop_on_error": True}
    )
    while not kernel.channels.dead:
        for message in kernel.channels.receive(1):
            if message.type == "execute_reply" and message.parent_id == sent:
                return str(message.content["status"])
    return "dead"


def soak(wanted: dict[str, Any]) -> None:
    """Run after run in one process, each with a fault, and say what the process holds meanwhile."""
    from notebook_executor import NotebookExecutor

    chance = random.Random(wanted["seed"])
    with NotebookExecutor(
        wanted["root"], warm=wanted["warm"], config=wanted["settings"]
    ) as executor:
        for number in range(wanted["runs"]):
            name = chance.choice(list(_SOAK))
            kind = _soak_once(executor, name, wanted["host_view"])
            say(event="ran", number=number, fault=name, kind=kind, holds=_holdings())
    say(event="soaked")


_SOAK = {
    "nothing": "print('fine')",
    "error": "1 / 0",
    "output": "for i in range(2000): print(i)",
    "exit": "import os; os._exit(3)",
    "suicide": "import os; os.kill(os.getpid(), 9)",
    "timeout": "import time; time.sleep(1000)",
    "daemon": "import subprocess; subprocess.Popen(['setsid', '-f', 'env', '-i', 'sleep', '1000'])",
    "keeper": "import time; time.sleep(1000)",
    "guard": "import time; time.sleep(1000)",
    "interrupt": "import time; time.sleep(1000)",
}


def _soak_once(executor: Any, name: str, host_view: bool) -> str | None:
    import nbformat
    import psutil

    def hurt(event: Any) -> None:
        if event.kind != "cell_started" or name not in ("keeper", "guard", "interrupt"):
            return
        if name == "interrupt":
            raise KeyboardInterrupt
        (guard,) = psutil.Process().children()
        for victim in [guard] if name == "guard" else guard.children():
            victim.kill()

    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(_SOAK[name])])
    timeout = 0.5 if name == "timeout" else 60
    try:
        result = executor.execute(node, False, timeout=timeout, host_view=host_view, on_event=hurt)
    except KeyboardInterrupt:
        return "cancelled"
    left = result.cleanup.processes_left + result.cleanup.files_left
    assert left == 0, result.cleanup
    return result.error.kind if result.error else None


def _holdings() -> dict[str, int]:
    import psutil

    me = psutil.Process()
    return {
        "processes": len(me.children(recursive=True)),
        "threads": threading.active_count(),
        "descriptors": me.num_fds(),
        "files": len(list(Path(os.environ["TMPDIR"]).glob("*nbx-*"))),
        "memory": me.memory_info().rss,
    }


_DOES = {"notebook": run_notebook, "thread": start_in_thread, "soak": soak}


def main(wanted: dict[str, Any]) -> None:
    resource.setrlimit(RLIMIT_LOCKS, (wanted["mark"], wanted["mark"]))
    if wanted["terminal"]:
        # For the leader of a session without one, the terminal it opens becomes its own.
        os.open(wanted["terminal"], os.O_RDWR)
    say(event="up")
    sys.stdin.readline()
    _DOES[wanted["does"]](wanted)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
