"""What the cells of the faults do; each says by the file ``go`` that it has come to it."""

from __future__ import annotations

GO = "open('go', 'w').close()\n"

SLEEPS = GO + "import time\ntime.sleep(1000)\n"

# PyDLL keeps the interpreter's lock for the call: no thread of the kernel runs any more.
HOLDS_THE_LOCK = GO + "import ctypes\nctypes.PyDLL(None).sleep(1000)\n"

DAEMON = """
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "1000"])
    os._exit(0)
os.wait()
"""

# Nothing is left of it that says whose it is: no environment, no descriptor, no parent.
BARE_DAEMON = """
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 4096)
        os.execve("/bin/sleep", ["sleep", "1000"], {})
    os._exit(0)
os.wait()
"""

MANY_SESSIONS = """
import subprocess
for _ in range(200):
    subprocess.Popen(["setsid", "sleep", "1000"])
"""

# Always one process, never the same one for long.
CHAIN = """
import subprocess, sys
links = "import os\\nwhile True:\\n    if os.fork(): os._exit(0)"
subprocess.Popen([sys.executable, "-S", "-c", links], start_new_session=True)
"""

BOMB = """
import subprocess, sys
bomb = '''
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
'''
subprocess.Popen([sys.executable, "-S", "-c", bomb], start_new_session=True)
"""

# Where the parent can be killed the kernel goes a moment after it: too late for a cell that ends.
KILLS_ITS_PARENT = f"""
import os, signal
parent = os.getppid()
{GO}
os.kill(parent, 9)
if parent != 1:
    signal.pause()
"""


def kills_all(host_namespace: str) -> str:
    """A cell that signals every process it may; only ever where those are its own."""
    return f"""
import os, pathlib
assert os.readlink("/proc/self/ns/pid") != {host_namespace!r}
assert len([name for name in os.listdir("/proc") if name.isdigit()]) < 10
assert os.getppid() == 1
{GO}
os.kill(-1, 9)
print("still here")
"""


IGNORES = (
    GO + "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(1000)\n"
)
SWALLOWS = (
    GO + "import time\nwhile True:\n    try: time.sleep(1000)\n    except BaseException: pass\n"
)
IN_C = GO + "sum(range(10**12))"
READS_A_PIPE = "import os\nos.mkfifo('pipe')\n" + GO + "open('pipe').read()"
FINALLY = """
import time
try:
    open('go', 'w').close()
    time.sleep(1000)
finally:
    while True:
        try: time.sleep(1000)
        except KeyboardInterrupt: pass
"""
ASKS = GO + "input()"

FINISHED = "print('this cell has finished')"
STREAMS = "print('this has been streamed', flush=True)\n"
