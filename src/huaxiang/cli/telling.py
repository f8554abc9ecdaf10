"""Evidence for people: trees of identifiers and links, tables of values, a timeline; times in the tenant's zone.

Takes the native wire's answers, prints them. What a person has to see at a glance comes first: the identifiers, and
under each pair that is joined the records that say so.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from huaxiang.cli.output import print_rich
from huaxiang.model import Identifier
from huaxiang.steward.names import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from huaxiang.dialects.native import evidence as wire

SHOWN_PAIRS, SHOWN_EVENTS, SHOWN_FACTS, SHOWN_GROUP, LONGEST_VALUE = 50, 30, 3, 8, 60
STRENGTHS = {"person": "a person's word", "verified": "verified", "stated": "stated", "nobody": "identifies nobody"}
REASONS = {
    "neighbours": "one end has too many neighbours: shared",
    "size": "all that is linked is too large for one customer",
    "apart": "a person keeps them apart",
    "limit": "the customer would have too many identifiers of a kind",
    "nobody": "one end identifies nobody",
}
EVENTS = {"began": "first seen, together", "grew": "grew", "joined": "joined", "parted": "parted"}


class Telling:
    """Prints evidence, with times in one zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        """Tell times in this zone."""
        self._zone = zone

    # ── why it is one ─────────────────────────────────────────────────────────────────────────────────────────────

    def explanation(self, told: wire.Explanation) -> None:
        """A customer whole."""
        counts = told.counts
        print_rich(
            f"[bold]Customer {told.id}[/bold]  {_counted(counts.identifiers, 'identifier')}, joined by "
            f"{_counted(counts.links, 'link')} between {_counted(counts.pairs, 'pair')}; "
            f"{_counted(counts.suspended_links, 'link')} suspended"
        )
        self._identifiers(told)
        self._joined(told)
        self._pairs("Suspended: these join nobody", told.suspended, counts.suspended_pairs)
        self._partings(told.apart)
        self._values(told.values)

    def _identifiers(self, told: wire.Explanation) -> None:
        table = Table(title="Identifiers", title_justify="left", box=None, pad_edge=False, header_style="bold")
        for heading in ("number", "identifier", "as written", "verified", "mentions", "first seen", "newest word from"):
            table.add_column(heading, overflow="fold")
        for one in told.identifiers[:SHOWN_PAIRS]:
            name = _name(one.identifier) + ("  [red]shared: joins nobody[/red]" if one.hub else "")
            newest = self._record(one.newest[0].by) if one.newest else "-"
            verified = f"yes, by {one.verified_by}" if one.verified else "no"
            spelling = escape(one.spelling or "-")
            seen = self._time(one.first_seen_at)
            table.add_row(str(one.identifier.number), name, spelling, verified, str(one.mentions), seen, newest)
        print_rich(table)
        _more(len(told.identifiers[:SHOWN_PAIRS]), told.counts.identifiers, "identifiers")

    def _joined(self, told: wire.Explanation) -> None:
        """A tree: from the oldest identifier along the links, each pair under the end that is met first."""
        if not told.links:
            return
        by_end: defaultdict[int, list[tuple[wire.NamedIdentifier, wire.LinkedPair]]] = defaultdict(list)
        for pair in told.links:
            by_end[pair.one.number].append((pair.other, pair))
            by_end[pair.other.number].append((pair.one, pair))
        root = told.identifiers[0].identifier
        tree = Tree(f"[bold]Why they are one[/bold]\n{_name(root)}")
        met, drawn, waiting = {root.number}, set[tuple[int, int]](), [(root.number, tree)]
        while waiting and len(drawn) < SHOWN_PAIRS:
            number, branch = waiting.pop(0)
            for other, pair in by_end[number]:
                key = (pair.one.number, pair.other.number)
                if key in drawn or len(drawn) >= SHOWN_PAIRS:
                    continue
                drawn.add(key)
                again = "  [dim](met above)[/dim]" if other.number in met else ""
                below = branch.add(f"{_name(other)}{again}")
                self._links(below, pair.records, pair.links)
                if not again:
                    met.add(other.number)
                    waiting.append((other.number, below))
        print_rich(tree)
        _more(len(drawn), told.counts.pairs, "linked pairs")

    def _pairs(self, title: str, pairs: Sequence[wire.LinkedPair], count: int) -> None:
        if not pairs:
            return
        tree = Tree(f"[bold]{title}[/bold]")
        for pair in pairs[:SHOWN_PAIRS]:
            self._links(tree.add(f"{_owned(pair.one)} ╌ {_owned(pair.other)}"), pair.records, pair.links)
        print_rich(tree)
        _more(min(len(pairs), SHOWN_PAIRS), count, "pairs")

    def _links(self, branch: Tree, links: Iterable[wire.CitedLink], count: int) -> None:
        shown = 0
        for link in list(links)[:SHOWN_FACTS]:
            branch.add(self._link(link))
            shown += 1
        if count > shown:
            branch.add(f"[dim]… {count} such links in all[/dim]")

    def _link(self, link: wire.CitedLink) -> str:
        words = [f"[cyan]{STRENGTHS[link.strength]}[/cyan]", self._record(link.by)]
        if link.author is not None:
            words.append(f"by [bold]{escape(link.author)}[/bold]")
        if link.reason:
            words.append(f"«{escape(link.reason)}»")
        if link.suspended is not None:
            words.append(f"[red]suspended: {REASONS[link.suspended]}[/red]")
        return "  ".join(words)

    def _partings(self, partings: Sequence[wire.CitedParting]) -> None:
        if not partings:
            return
        tree = Tree("[bold]Kept apart[/bold]")
        for one in partings:
            state = "" if one.holds else "  [dim](taken back by a newer join)[/dim]"
            branch = tree.add(f"{_few(one.identifiers)} ≠ {_few(one.apart_from)}{state}")
            author = f"by [bold]{escape(one.author)}[/bold]  " if one.author else ""
            reason = f"«{escape(one.reason)}»  " if one.reason else ""
            branch.add(f"{author}{reason}{self._record(one.by)}")
        print_rich(tree)

    # ── values ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _values(self, values: wire.ValuesEvidence) -> None:
        table = Table(title="What is served, and why", title_justify="left", box=None, pad_edge=False)
        for heading in ("value", "is", "from", "facts"):
            table.add_column(heading, overflow="fold", header_style="bold")
        if values.created_at is not None:
            how = "earliest creation told" if values.created_at.told else "earliest mention"
            by = self._record(values.created_at.by) if values.created_at.by else "-"
            table.add_row("created_at", self._time(values.created_at.at), f"{how}: {by}", "-")
        if values.origin is not None:
            self._row(table, "origin", values.origin.earliest, values.origin.facts, "earliest")
        for name, trait in values.traits.items():
            self._row(table, name, trait.newest, trait.facts, "newest")
        self._sums(table, values)
        for follow in values.follows:
            self._row(table, f"follows {follow.account}", follow.newest, follow.facts, "newest")
        for record in values.records:
            self._row(table, f"record {record.source} {record.record} deleted", record.newest, record.facts, "newest")
        if table.row_count:
            print_rich(table)

    def _row(self, table: Table, name: str, told: Sequence[wire.CitedValue], facts: int, how: str) -> None:
        beaten = ", ".join(_value(one.value) for one in told[1 : SHOWN_FACTS + 1])
        before = f"  [dim]beats {beaten}{' …' if facts > SHOWN_FACTS + 1 else ''}[/dim]" if beaten else ""
        table.add_row(escape(name), _value(told[0].value), f"{how}: {self._record(told[0].by)}{before}", str(facts))

    def _sums(self, table: Table, values: wire.ValuesEvidence) -> None:
        if values.calls.count:
            newest = values.calls.newest[0]
            table.add_row(
                "calls", str(values.calls.count), f"sum; newest: {self._record(newest.by)}", str(values.calls.count)
            )
        for mark in values.marks:
            call = mark.newest[0]
            by = f"; {call.words[0].said_by}: {self._record(call.words[0].by)}" if call.words else ""
            state = "deleted" if mark.deleted else "added" if mark.added else "checked"
            where = f"newest: {escape(call.call)}{by}"
            table.add_row(f"mark {escape(mark.type)}/{escape(mark.name)}", state, where, f"{mark.calls} calls")
        for one in values.activity:
            newest = f"; newest: {self._record(one.newest[0])}" if one.newest else ""
            name = f"{one.side} {escape(one.type)} {escape(one.account)}".rstrip()
            table.add_row(name, str(one.count), f"sum over {_counted(one.days, 'day')}{newest}", str(one.count))

    # ── what it was ───────────────────────────────────────────────────────────────────────────────────────────────

    def history(self, told: wire.History) -> None:
        """The joins and partings, newest first."""
        if not told.events:
            return
        tree = Tree("[bold]What it was[/bold]  newest first")
        for event in told.events[:SHOWN_EVENTS]:
            branch = tree.add(f"{self._time(event.at)}  [bold]{EVENTS[event.what]}[/bold]")
            for group in event.before:
                branch.add(f"before  {_group(group)}")
            for group in event.after:
                branch.add(f"after   {_group(group)}")
            for link in event.came:
                branch.add(f"[green]+[/green] {self._link(link)}")
            for link in event.gone:
                branch.add(f"[red]-[/red] {self._link(link)}")
        print_rich(tree)
        _more(min(len(told.events), SHOWN_EVENTS), told.count, "events")
        _incomplete(complete=told.complete)

    def moment(self, told: wire.PastMoment, asked: wire.NamedIdentifier) -> None:
        """Who was one customer then."""
        if told.customer is None:
            print_rich(f"{_name(asked)} was not known at {self._time(told.at)}.")
            return
        tree = Tree(f"At {self._time(told.at)}: [bold]customer {told.customer.id}[/bold]")
        for one in told.customer.identifiers:
            tree.add(_name(one))
        print_rich(tree)
        _more(len(told.customer.identifiers), told.customer.count, "identifiers")

    # ── the way between two ───────────────────────────────────────────────────────────────────────────────────────

    def path(self, told: wire.Path) -> None:
        """From one to the other, link by link."""
        if told.one is None or told.other is None:
            print_rich("One of the two is not known.")
            return
        if told.one_customer:
            print_rich(f"They are one customer, {told.one.customer}.")
        else:
            print_rich(f"They are two customers, {told.one.customer} and {told.other.customer}.")
        if told.steps:
            tree = Tree(_owned(told.one))
            for step in told.steps:
                self._links(tree.add(f"{'─' if step.stands else '╌'} {_owned(step.other)}"), step.records, step.links)
            print_rich(tree)
        elif not told.one_customer:
            print_rich("No chain of links, standing or suspended, leads from one to the other.")
        self._partings(told.apart)
        _incomplete(complete=told.complete)

    # ── words ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _record(self, by: wire.CitedRecord) -> str:
        enterprise = f"/{by.enterprise}" if by.enterprise else ""
        return escape(f"{by.kind} {by.source}{enterprise} {by.id}") + f" [dim]{self._time(by.at)}[/dim]"

    def _time(self, at: datetime | None) -> str:
        return "-" if at is None else f"{at.astimezone(self._zone):%Y-%m-%d %H:%M:%S}"


def _name(one: wire.NamedIdentifier) -> str:
    since = f" [dim](its holder since {one.held_since:%Y-%m-%d})[/dim]" if one.held_since else ""
    return f"[bold]{escape(name_of(Identifier(one.kind, one.value, one.scope)))}[/bold]{since}"


def _owned(one: wire.NamedIdentifier) -> str:
    return f"{_name(one)} [dim]of customer {one.customer}[/dim]"


def _few(identifiers: Sequence[wire.NamedIdentifier]) -> str:
    return ", ".join(map(_name, identifiers[:SHOWN_GROUP])) + (" …" if len(identifiers) > SHOWN_GROUP else "")


def _group(group: wire.PastGroup) -> str:
    more = f" and {group.count - SHOWN_GROUP} more" if group.count > SHOWN_GROUP else ""
    return f"{group.id}: {', '.join(map(_name, group.identifiers[:SHOWN_GROUP]))}{more}"


def _value(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return escape(text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _more(shown: int, count: int, nouns: str) -> None:
    if count > shown:
        print_rich(f"[dim]… {shown:,} of {count:,} {nouns}; --json tells more[/dim]")


def _incomplete(*, complete: bool) -> None:
    if not complete:
        print_rich("[red]So much is linked here that not all of it was followed.[/red]")
