"""The command line: the only place that wires the parts together.

    serve, demo               run.py       the server, and a tenant to try it with
    tenant …, key …           tenants.py   who is served, and who may ask
    company …                 companies.py the sub-enterprises under a tenant
    webhook …                 webhooks.py  apps that are told when tags change
    import                    imports.py   files of anybody's records, on their way in
    rebuild, generate         load.py      what is made from what came in, and records to try it with
    explain, export           evidence.py  why a customer is one, and all of it to take away
    erase, erasures           erasure.py   a person gone from everywhere, and the register of that
    join, part, apart, undo, decisions, cut, cuts, review
                              decisions.py a person's word on who is who, and what waits for it
    rules …                   rules.py     the quality check's rules, tried on history, put in force
    dictionary …              dictionary.py what the ids of a CRM's sources, industries and grades mean
    step …                    steps.py     what persons do about a CRM's customers, and the public pool
    suggest, suggestion …     suggest.py   customers that look like one, for a person to answer
    rehearse                  rehearsal.py what a change would do, before it is done
    changes, id               changes.py   what became of customers, and where an id leads
    doctor                    doctor.py    how things stand

Rule 1: every command takes `--database URL` or `--data DIR`, and `--json` for machines.
Rule 2: an error of the house is one line on stderr, and exit status 2; answers go to stdout, progress to stderr.
"""

from __future__ import annotations

import gc
import signal
import sys

from cyclopts import App

from huaxiang import __version__
from huaxiang.cli import (
    changes,
    companies,
    decisions,
    dictionary,
    doctor,
    erasure,
    evidence,
    imports,
    load,
    rehearsal,
    rules,
    run,
    steps,
    suggest,
    tenants,
    webhooks,
)
from huaxiang.cli.output import fail
from huaxiang.errors import HuaxiangError

COLLECT = (100_000, 20, 100)
"""How seldom garbage is collected: a batch makes objects by the hundred thousand, and hardly ever a cycle."""

app = App(
    name="huaxiang",
    version=__version__,
    help="One resolved customer out of many systems, served through the APIs that your clients already speak.\n\n"
    "画像：把多个系统里的客户合成一个，用客户端已经会说的接口提供服务。",
)
app.command(run.serve)
app.command(run.demo)
app.command(tenants.tenant)
app.command(tenants.key)
app.command(companies.company)
app.command(webhooks.webhook)
app.command(imports.import_, name="import")
app.command(load.rebuild)
app.command(load.generate)
app.command(evidence.explain)
app.command(evidence.export)
app.command(erasure.erase)
app.command(erasure.erasures)
app.command(decisions.join)
app.command(decisions.part)
app.command(decisions.apart)
app.command(decisions.undo)
app.command(decisions.decisions)
app.command(decisions.cut)
app.command(decisions.cuts)
app.command(decisions.review)
app.command(rehearsal.rehearse)
app.command(rules.rules)
app.command(dictionary.dictionary)
app.command(steps.step)
app.command(suggest.suggest)
app.command(suggest.suggestion)
app.command(changes.changes)
app.command(changes.id_, name="id")
app.command(doctor.doctor)


def main() -> None:
    """Run the command of `sys.argv`."""
    # Told to end, a command still leaves the embedded server as it should; `serve` has its own way to hear it.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    gc.freeze()
    gc.set_threshold(*COLLECT)
    try:
        app()
    except HuaxiangError as error:
        fail(error)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(1)
