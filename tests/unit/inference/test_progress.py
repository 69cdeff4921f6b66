"""The line of progress: on terminals only, after a moment, wiped at the end."""

from __future__ import annotations

import sys

import pytest

from ilk.inference import progress


class Screen:
    def __init__(self, terminal):
        self.text, self.terminal = "", terminal

    def isatty(self):
        return self.terminal

    def write(self, text):
        self.text += text

    def flush(self):
        pass


@pytest.mark.parametrize("terminal", [True, False])
def test_it_counts_on_a_terminal(monkeypatch, terminal):
    screen = Screen(terminal)
    monkeypatch.setattr(sys, "stderr", screen)
    clock = iter([0.0, 0.5, 3.0, 3.1, 4.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.Progress("bootstrap", 100, 10) as line:
        for _ in range(4):
            line.add(20)
    if not terminal:
        assert screen.text == ""
        return
    shown = [part for part in screen.text.split("\r") if part.strip()]
    assert shown == ["bootstrap: 50 of 100 refits", "bootstrap: 90 of 100 refits"]
    assert screen.text.endswith(" " * 27 + "\r")


def test_short_work_shows_nothing(monkeypatch):
    screen = Screen(True)
    monkeypatch.setattr(sys, "stderr", screen)
    with progress.Progress("bootstrap", 3) as line:
        line.add(3)
    assert screen.text == ""
