# mypy: ignore-errors
# ruff: noqa
"""The source of a cell that tells all a kernel can tell of itself; executed, never imported."""

import datetime
import gc
import json
import locale
import logging
import os
import random
import resource
import signal
import sys
import tempfile
import threading
import warnings

shell = get_ipython()
main = sys.modules["__main__"]


def descriptors():
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:
            continue  # the listing itself
        # zmq makes eventfds when a thread first speaks: whether one did is a matter of chance.
        if target != "anon_inode:[eventfd]":
            found.append((number if int(number) < 3 else "", target.partition(":")[0]))
    return sorted(found)


def status():
    fields = [
        "Umask",
        "Uid",
        "Gid",
        "Groups",
        "SigBlk",
        "SigIgn",
        "SigCgt",
        "CapEff",
        "NoNewPrivs",
        "Seccomp",
    ]
    with open("/proc/self/status") as file:
        lines = dict(line.split(":", 1) for line in file)
    return {name: lines[name].strip() for name in fields}


def settings(configurable):
    values = configurable.trait_values(config=True)
    values.pop("parent_handle", None)
    return [type(configurable).__qualname__, sorted((name, str(values[name])) for name in values)]


def began():
    """The history's session began in this process."""
    with open("/proc/self/stat") as file:
        ticks = int(file.read().rsplit(")", 1)[1].split()[19])
    with open("/proc/uptime") as file:
        age = float(file.read().split()[0]) - ticks / os.sysconf("SC_CLK_TCK")
    start = shell.history_manager.get_session_info()[1]
    return (datetime.datetime.now() - start).total_seconds() < age + 0.5


def backend():
    import matplotlib

    return matplotlib.get_backend()


kernel = shell.kernel
app = kernel.parent
facts = {
    "environment": dict(os.environ),
    "working directory": os.getcwd(),
    "sys.argv": sys.argv,
    "sys.orig_argv": sys.orig_argv,
    "sys.path": sys.path,
    "sys.flags": [sys.flags, sys.warnoptions, sys._xoptions, sys.getrecursionlimit()],
    "sys hooks": [sys.excepthook.__qualname__, type(sys.displayhook), sys.breakpointhook.__name__],
    "sys streams": [sys.stdin, type(sys.stdout), type(sys.stderr), sys.stdout.encoding],
    "sys.meta_path": [getattr(finder, "__name__", type(finder)) for finder in sys.meta_path],
    "interpreter": [sys.executable, sys.prefix, sys.version],
    "__main__": sorted(vars(main)),
    "__main__ itself": [main.__name__, main.__spec__, main.__loader__, main.__doc__],
    "__main__ is the user's": vars(main) is shell.user_ns,
    "modules of the host's package": [name for name in sys.modules if "notebook_exec" in name],
    "signal dispositions": {
        number: getattr(signal.getsignal(number), "__qualname__", signal.getsignal(number))
        for number in sorted(signal.valid_signals())
    },
    "process status": status(),
    "resource limits": {
        name: resource.getrlimit(getattr(resource, name))
        for name in dir(resource)
        if name.startswith("RLIMIT_")
    },
    "descriptors": descriptors(),
    "threads": [len(os.listdir("/proc/self/task")), [type(t) for t in threading.enumerate()]],
    "parent": os.getppid(),
    "group leader": os.getpgid(0) == os.getsid(0) == os.getpid(),
    "priority": [os.nice(0), sorted(os.sched_getaffinity(0))],
    "IPython": [
        shell.ipython_dir,
        shell.profile_dir.location,
        shell.execution_count,
        shell.starting_dir,
        sorted(shell.extension_manager.loaded),
        sorted(shell.magics_manager.magics["line"]),
        shell.config,
    ],
    "IPython's namespace": [sorted(shell.user_ns), sorted(shell.user_ns_hidden)],
    "history": [
        shell.history_manager.hist_file,
        shell.history_manager.session_number,
        [str(path) for path in shell.user_ns["_dh"]],
    ],
    "history began with the kernel": began(),
    "configurables": sorted(map(settings, [app, kernel, *shell.configurables])),
    "configurables in order": [type(found).__qualname__ for found in shell.configurables],
    "configuration": [app.config, app.cli_config, kernel.config, app.connection_file],
    "who belongs to whom": [
        shell.parent is shell.kernel is app.kernel,
        app.shell is kernel.shell is shell,
        shell.display_pub.session is shell.displayhook.session is kernel.session is app.session,
        shell.display_pub.pub_socket is shell.displayhook.pub_socket is kernel.iopub_socket,
        [type(state) for state in shell._orig_sys_module_state.values()],
        [type(stream) for stream in (kernel._stdout, kernel._stderr)],
        type(shell.compile),
        app.parent_handle == os.getppid(),
    ],
    "lists of modules": [
        {"IPython", "zmq", "comm"} <= shell._sys_modules_keys <= sys.modules.keys(),
        {sys.modules[name].__file__ for name in ("IPython", "zmq")} <= set(kernel._kernel_modules),
        [name for name in shell._sys_modules_keys if "notebook_exec" in name],
        [name for name in kernel._kernel_modules if "notebook_exec" in name],
    ],
    "modules that are called sys": [
        getattr(sys.modules[name], "sys", sys) is sys
        for name in ("ipykernel.ipkernel", "IPython.core.shellapp")
    ],
    "garbage collection": [gc.isenabled(), gc.get_threshold()],
    "tracing": [sys.gettrace(), sys.getprofile()],
    "locale": [locale.setlocale(locale.LC_ALL), sys.getfilesystemencoding()],
    "logging": [logging.root.level, [type(handler) for handler in logging.root.handlers]],
    "warning filters": warnings.filters,
    "temporary directory": tempfile.gettempdir(),
    "randomness": random.random(),
    "identity": os.getpid(),
    "matplotlib's backend": backend(),
}
print(json.dumps(facts, default=str))
