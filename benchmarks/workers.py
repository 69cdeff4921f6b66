"""Worker processes: one peer and one case each, asked line by line."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

from .cases import BenchmarkCase, base
from .data import STORE, load

ROOT = Path(__file__).parent.parent
R_PEERS = {"lme4", "glmmTMB", "ordinal"}
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "ILK_BENCHMARK_THREADS",
)


def python_for(peer: str) -> str:
    """Return the interpreter of a peer: ours, or that of the environment PEERS_PYTHON names."""
    others = os.environ.get("PEERS_PYTHON", sys.executable)
    return sys.executable if peer.startswith("ilk") else others


def installed(peer: str) -> bool:
    """Whether this machine has the peer."""
    if peer in R_PEERS:
        if shutil.which("Rscript") is None:
            return False
        command = ["Rscript", "-e", f"quit(status = !requireNamespace('{peer}', quietly = TRUE))"]
    else:
        module = base(peer)
        command = [python_for(peer), "-c", f"import {module}"]
    return (
        subprocess.run(command, capture_output=True, check=False, env=_environment(1)).returncode
        == 0
    )


def _environment(threads: int) -> dict[str, str]:
    paths = [str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    settings = dict.fromkeys(THREAD_VARIABLES, str(threads))
    return {**os.environ, **settings, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


class Worker:
    """A process that has loaded the data of a case and fits on command."""

    def __init__(self, peer: str, case: BenchmarkCase, threads: int) -> None:
        self.peer = peer
        if peer in R_PEERS:
            command = ["Rscript", str(ROOT / "benchmarks/peers/worker.R"), peer, _words_for_r(case)]
        else:
            module = "benchmarks.peers.worker"
            command = [python_for(peer), "-m", module, peer, case.name]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=_environment(threads),
            cwd=ROOT,
        )
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._process.stdout, selectors.EVENT_READ)
        self.version = str((self._read(120.0) or {}).get("version", "?"))

    def ask(self, seconds: float, **command: Any) -> dict[str, Any]:
        """Answer a command; ``{"timeout": s}`` when it takes more CPU time, and it is killed."""
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            return {"error": "the process has ended"}
        answer = self._read(seconds)
        if answer is None:
            self._process.kill()
            return {"timeout": seconds}
        return answer

    def _read(self, seconds: float) -> dict[str, Any] | None:
        """Read the next answer; None after so many CPU seconds, or twenty times as many others."""
        end = time.monotonic() + 20.0 * seconds
        limit = self._cpu_seconds() + seconds
        while time.monotonic() < end and self._cpu_seconds() < limit:
            if self._selector.select(0.5):
                line = self._process.stdout.readline()
                if not line:
                    return {"error": "the process has ended"}
                if line.startswith("{"):
                    return dict(json.loads(line))
        return None

    def _cpu_seconds(self) -> float:
        try:
            words = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8")
        except OSError:
            return 0.0
        fields = words.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def forget_peak(self) -> float:
        """Start a new record of the peak memory; the memory in use now, in MB."""
        try:
            Path(f"/proc/{self._process.pid}/clear_refs").write_text("5", encoding="ascii")
        except OSError:
            return float("nan")
        return self._memory("VmRSS")

    def peak(self) -> float:
        """Peak memory since `forget_peak`, in MB."""
        return self._memory("VmHWM")

    def _memory(self, field: str) -> float:
        try:
            lines = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        except OSError:
            return float("nan")
        values = [line.split()[1] for line in lines.splitlines() if line.startswith(field)]
        return float(values[0]) / 1024.0 if values else float("nan")

    def stop(self) -> None:
        """End the process."""
        try:
            self._process.stdin.write('{"do": "quit"}\n')
            self._process.stdin.close()
            self._process.wait(timeout=5)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def _words_for_r(case: BenchmarkCase) -> str:
    frame = load(case.table)
    used = [name for name in case.columns if isinstance(frame[name].dtype, pd.CategoricalDtype)]
    path = STORE / f"{case.name}.json"
    words = {
        "path": str(STORE / f"{case.table}.csv"),
        "formula": case.formula,
        "family": case.family,
        "reml": case.reml,
        "zero_inflation": case.zero_inflation,
        "factors": {name: list(frame[name].cat.categories) for name in used},
    }
    path.write_text(json.dumps(words), encoding="utf-8")
    return str(path)
