"""What a notebook leaves behind is completed when its forked kernel ends, wherever it is held."""

from __future__ import annotations

from pathlib import Path

from notebook_executor import NotebookExecutor
from tests.conftest import MakeNotebook

_FINALLY = """
def steps(write=open):
    try:
        yield
    finally:
        write('done', 'w').write('done')
"""
_DEL = """
class Thing:
    def __del__(self, write=open):
        write('done', 'w').write('done')
"""
# Each cell leaves "done" in the file of that name, by the end of its kernel alone.
_ENDS = {
    "a global": "file = open('done', 'w'); file.write('done')",
    "a result in Out": "file = open('done', 'w'); file.write('done')\nfile",
    "a closure": """
def make(file):
    return lambda text: file.write(text)
write = make(open('done', 'w'))
write('done')
""",
    "a module of the notebook's": """
source = "file = open('done', 'w'); file.write('done')"
open('mine.py', 'w').write(source)
import mine
""",
    "a class in such a module": """
source = "class Log: file = open('done', 'w')"
open('mine.py', 'w').write(source)
import mine
mine.Log.file.write('done')
""",
    "a module of Python's": "import json; json.mine = open('done', 'w'); json.mine.write('done')",
    "the built-in names": "import builtins as b; b.mine = open('done', 'w'); b.mine.write('done')",
    "standard output": "import sys; sys.stdout = open('done', 'w'); print('done', end='')",
    "a buffer": """
import io, json
json.mine = io.BufferedWriter(io.FileIO('done', 'w'))
json.mine.write(b'done')
""",
    "a traceback": """
def fail():
    file = open('done', 'w')
    file.write('done')
    1 / 0
import sys
try:
    fail()
except ZeroDivisionError as error:
    sys.last_traceback = error.__traceback__
""",
    "a generator": f"{_FINALLY}\nstep = steps()\nnext(step)",
    "a generator elsewhere": f"{_FINALLY}\nimport json; json.mine = steps(); next(json.mine)",
    "an exit stack": """
import contextlib
stack = contextlib.ExitStack()
stack.enter_context(open('done', 'w')).write('done')
""",
    "weakref.finalize": """
import weakref
class Thing: pass
thing = Thing()
weakref.finalize(thing, lambda: open('done', 'w').write('done'))
""",
    "__del__": f"{_DEL}\nthing = Thing()",
    "__del__ elsewhere": f"{_DEL}\nimport json; json.mine = {{'deep': [Thing()]}}",
    "__del__ unknown to the collector": f"{_DEL}    __slots__ = ()\n"
    "import json; json.mine = Thing()",
    "a thread": """
import threading, time
def work():
    time.sleep(0.1)
    open('done', 'w').write('done')
threading.Thread(target=work).start()
""",
    "a pool": """
import time
from concurrent.futures import ThreadPoolExecutor
ThreadPoolExecutor(1).submit(lambda: (time.sleep(0.1), open('done', 'w').write('done')))
""",
    "a coroutine": """
import asyncio
async def wait(write=open):
    try:
        await asyncio.Event().wait()
    finally:
        write('done', 'w').write('done')
task = asyncio.ensure_future(wait())
await asyncio.sleep(0)
""",
    "the C library": """
import ctypes
c = ctypes.CDLL(None)
c.fopen.restype = ctypes.c_void_p
c.fputs(b'done', ctypes.c_void_p(c.fopen(b'done', b'w')))
""",
    "logging": """
import logging.handlers
file = logging.FileHandler('done', delay=True)
file.terminator = ''
logging.getLogger('mine').addHandler(logging.handlers.MemoryHandler(9, target=file))
logging.getLogger('mine').warning('done')
""",
    "a temporary file": """
import json, tempfile
json.mine = tempfile.NamedTemporaryFile(dir='.', prefix='left')
open('done', 'w').write('done')
""",
}
_TELL_WHEN_TAKEN_APART = """
import os, sys
def note(event, args, write=os.write, fd=os.open("apart", os.O_WRONLY | os.O_CREAT)):
    if event == "cpython.PyInterpreterState_Clear":
        write(fd, b"x")
sys.addaudithook(note)
"""
# A loaded machine takes its time for a polite end, and who is killed completes nothing.
_PATIENT = {"shutdown_grace": 60}
# What Python's own end has nothing to do for, and what it has.
_NOTHING_LEFT = {
    "values": "import json, random; text = json.dumps([x * x for x in range(1000)])\ntext",
    "an error": "with open('file', 'w') as file:\n    file.write('x')\n1 / 0",
    "atexit": "import atexit; atexit.register(print, 'x')",
}
_SOMETHING_LEFT = {
    "a file": "import json; json.mine = open('file', 'w')",
    "a thread": "import threading\nstop = threading.Event()\n"
    "threading.Thread(target=stop.wait, daemon=True).start()",
    "native code": "import markupsafe._speedups",
}


def test_what_is_held_anywhere_is_completed(make_notebook: MakeNotebook, tmp_path: Path) -> None:
    lost = []
    with NotebookExecutor(tmp_path, warm=True, config=_PATIENT) as executor:
        for held, cell in _ENDS.items():
            place = tmp_path / held
            place.mkdir()
            result = executor.execute(make_notebook(cell), False, cwd=place)
            assert result.ok, (held, result)
            assert (result.kernel.warm, result.kernel.exit_code) == (True, 0), held
            done = place / "done"
            if not done.exists() or done.read_text() != "done" or list(place.glob("left*")):
                lost.append(held)

    assert not lost


def test_the_interpreter_is_taken_apart_only_where_something_is_left(
    make_notebook: MakeNotebook, tmp_path: Path
) -> None:
    apart = {}
    with NotebookExecutor(tmp_path, warm=True, config=_PATIENT) as executor:
        for name, cell in (_NOTHING_LEFT | _SOMETHING_LEFT).items():
            place = tmp_path / name
            place.mkdir()
            executor.execute(make_notebook(_TELL_WHEN_TAKEN_APART, cell), False, cwd=place)
            apart[name] = bool((place / "apart").read_bytes())

    assert apart == dict.fromkeys(_NOTHING_LEFT, False) | dict.fromkeys(_SOMETHING_LEFT, True)
