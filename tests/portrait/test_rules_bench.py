"""The benchmark of the rules runs, at a small size, and tells what its table shows."""

from __future__ import annotations

import runpy
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench" / "rules.py"


def test_the_figures_of_the_benchmark_are_there_to_be_called_for() -> None:
    figures = runpy.run_path(str(BENCH))["figures"](200)
    assert figures["rules"] == 1_000
    assert figures["utterances"] == 200
    assert figures["hits"] > 0
    assert {"check_utterances_s", "python_re_utterances_s", "check_to_python_re"} <= figures.keys()
