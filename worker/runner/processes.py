"""The two processes of a run: how they are started, how they are ended."""

import contextlib
import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import worker
from worker.examiner.layout import Memory
from worker.runner.data import write_files
from worker.runner.kernels import FOLDER, lend_kernels
from worker.runner.output import ProgramOutput
from worker.runner.records import RunRequest
from worker.runner.sandbox import confine, find_bubblewrap

FILE_BYTES = 2 * 2**30  # of any one file that a program writes
RUN_MARK = "SWARMLAB_RUN"


class Pair:
    """A program and its examiner, joined by a socket and a shared memory; a context manager.

    Attributes:
        program: ``None`` until ``start_program``.
        output: what the program prints.
    """

    program: subprocess.Popen[bytes]
    output: ProgramOutput

    def __init__(self, request: RunRequest, take_event: Callable[[dict[str, Any]], None]) -> None:
        self._request = request
        self._mark = uuid.uuid4().hex
        self._take_event = take_event
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def _start(self) -> None:
        request = self._request
        run_dir = request.run_dir.absolute()
        run_dir.mkdir(parents=True, exist_ok=True)
        lend_kernels(request)
        private = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="swarmlab-")))
        write_files(private, request.harness_files)
        ours, theirs = socket.socketpair()
        self._open.enter_context(ours)
        self._open.enter_context(theirs)
        memory = self._open.enter_context(_shared_memory(Memory().size))
        self._start_examiner(private, ours, memory.fileno())
        lab: dict[str, object] = {
            "seed": request.seed,
            "channel_fd": theirs.fileno(),
            "memory_fd": memory.fileno(),
            "logits_offset": Memory().logits_offset,
            "is_confined": find_bubblewrap() is not None,
        }
        if request.num_threads:
            lab["num_threads"] = request.num_threads
        files = {**request.harness_files, "train.py": request.source, "lab.json": json.dumps(lab)}
        write_files(run_dir, files)
        command = confine(
            [sys.executable, "-u", "train.py"],
            run_dir=run_dir,
            read_only=[run_dir / name for name in files],
        )
        self.program = subprocess.Popen(
            command,
            cwd=run_dir,
            env=self._environment(run_dir),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(theirs.fileno(), memory.fileno()),
            start_new_session=True,
        )
        resource.prlimit(self.program.pid, resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
        theirs.close()  # so that its end is seen when the program is gone
        assert self.program.stdout is not None
        self.output = ProgramOutput(self.program.stdout)

    def _start_examiner(self, private: Path, channel: socket.socket, memory_fd: int) -> None:
        request = self._request
        settings = {
            "harness": str(private / "prepare.py"),
            "data_dir": str(request.data_dir.absolute()),
            "seed": request.seed,
            "num_threads": request.num_threads,
            "channel_fd": channel.fileno(),
            "memory_fd": memory_fd,
        }
        self._complaint = self._open.enter_context(_unnamed_file(private))
        self.examiner = subprocess.Popen(
            [sys.executable, "-m", "worker.examiner"],
            cwd=Path(worker.__file__).parents[1],
            env=self._environment(private),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaint,
            pass_fds=(channel.fileno(), memory_fd),
            start_new_session=True,  # Ctrl-C is for the worker, which decides what becomes of a run
        )
        assert self.examiner.stdin is not None
        assert self.examiner.stdout is not None
        self.examiner.stdin.write(json.dumps(settings).encode() + b"\n")
        self.examiner.stdin.flush()  # left open: its end tells the examiner that we are gone
        channel.close()
        self._events = threading.Thread(
            target=self._read_events, args=(self.examiner.stdout,), daemon=True
        )
        self._events.start()

    def _read_events(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._take_event(json.loads(line))
        self._take_event({"event": "end", "at": time.monotonic()})

    def examiner_complaint(self) -> str:
        """Return what the examiner wrote when it failed."""
        self._complaint.seek(0)
        return self._complaint.read()[-4000:].decode(errors="replace")

    def _environment(self, home: Path) -> dict[str, str]:
        request = self._request
        kernels = request.run_dir.absolute() / FOLDER
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(home),
            "TMPDIR": str(home),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
            "TORCHINDUCTOR_CACHE_DIR": str(kernels / "inductor"),
            "TRITON_CACHE_DIR": str(kernels / "triton"),
            # glibc gives large tensors back to the kernel at once and faults them in again at the
            # next step; keeping them makes the demo's steps a fifth faster.
            "MALLOC_MMAP_THRESHOLD_": "4294967296",
            "MALLOC_TRIM_THRESHOLD_": "4294967296",
            "MALLOC_TOP_PAD_": "67108864",
            # Threads that spin while they wait starve each other on a machine that does other
            # work too: 29 steps where sleeping ones made 46.
            "OMP_WAIT_POLICY": "PASSIVE",
            RUN_MARK: self._mark,
        }
        if request.num_threads:
            environment["OMP_NUM_THREADS"] = str(request.num_threads)
        return environment | request.gpu_variables

    def _end(self) -> None:
        for name in ("program", "examiner"):
            process: subprocess.Popen[bytes] | None = getattr(self, name, None)
            if process is not None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        self._kill_marked()
        for name in ("program", "examiner"):
            process = getattr(self, name, None)
            if process is not None:
                process.wait()
        for name in ("output", "_events"):
            thread: threading.Thread | None = getattr(self, name, None)
            if thread is not None:
                thread.join(5)
        for name in ("program", "examiner"):
            process = getattr(self, name, None)
            for stream in (process.stdin, process.stdout) if process is not None else ():
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
        self._open.close()

    def _kill_marked(self) -> None:
        """Kill what the program left behind: a mark in the environment survives every fork.

        In the sandbox the kernel has done it already, with the first process of its own tree.
        """
        mark = f"{RUN_MARK}={self._mark}".encode()
        found = True
        while found:  # until a whole pass finds nothing: what is killed late may have forked
            found = False
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):  # gone, or not ours
                    if mark in (process / "environ").read_bytes().split(b"\0"):
                        os.kill(int(process.name), signal.SIGKILL)
                        found = True


def _unnamed_file(folder: Path | None) -> IO[bytes]:
    file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - the caller's stack
    return file


def _shared_memory(size: int) -> IO[bytes]:
    """Return a file in memory that keeps its size, whoever holds it.

    Who could shrink it would end the examiner, which reads there.
    """
    if sys.platform != "linux":
        file = _unnamed_file(None)
        file.truncate(size)
        return file
    file = os.fdopen(os.memfd_create("swarmlab", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "w+b")
    file.truncate(size)
    fcntl.fcntl(
        file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    )
    return file
