"""Serve one program. Started by the runner: settings on stdin, events on stdout."""

import importlib.util
import json
import os
import socket
import sys
import threading
from pathlib import Path
from types import ModuleType

import torch

from worker.examiner.serving import Session, event


def load_harness(path: Path, data_dir: Path) -> ModuleType:
    """Return the campaign's prepare.py as a module that reads its data from ``data_dir``."""
    spec = importlib.util.spec_from_file_location("harness", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.LAB = {"data_dir": str(data_dir)}  # type: ignore[attr-defined]
    module.DEFAULT_DATA_DIR = data_dir  # type: ignore[attr-defined]
    return module


def leave_with_parent() -> None:
    """Wait until the parent is gone, then leave at once: the program ends for want of answers."""
    sys.stdin.read()
    os._exit(1)


def main() -> None:
    """Serve until the program is done, then leave."""
    settings = json.loads(sys.stdin.readline())
    threading.Thread(target=leave_with_parent, daemon=True).start()
    if settings["num_threads"]:
        torch.set_num_threads(settings["num_threads"])
    with socket.socket(fileno=settings["channel_fd"]) as channel:
        session = Session(
            harness=load_harness(Path(settings["harness"]), Path(settings["data_dir"])),
            seed=settings["seed"],
            stream=channel.makefile("rwb"),
            memory_fd=settings["memory_fd"],
            tell=lambda name, **details: print(event(name, **details), flush=True),  # noqa: T201
        )
        print(event("ready"), flush=True)  # noqa: T201
        session.serve()


if __name__ == "__main__":
    main()
