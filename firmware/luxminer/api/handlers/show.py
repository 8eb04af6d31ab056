"""The handler of commands that show what their section tables say, which need none of their own."""

from typing import Any

from luxminer.api.columns import make_row
from luxminer.api.handlers.context import Context, Handler, Outcome, each
from luxminer.api.params import Args
from luxminer.api.replies import Section, one, rows
from luxminer.api.sections import SectionTable
from luxminer.telemetry.model import MinerSnapshot

__all__ = ["done", "show"]


def show(tables: tuple[SectionTable[Any], ...]) -> Handler:
    """Make the handler for these tables. ``count`` in its text is that of the first one's rows."""
    assert all(table.items is not None for table in tables), [table.key for table in tables]

    async def handle(context: Context, _: Args) -> Outcome:
        made = [await _section(table, context.miner) for table in tables]
        return Outcome(sections=tuple(made), facts={"count": len(made[0].rows)})

    return handle


async def done(_context: Context, _: Args) -> Outcome:
    """Answer with the status alone; where that of the row is an error, the command is refused."""
    return Outcome()


async def _section(table: SectionTable[Any], miner: MinerSnapshot) -> Section:
    items = table.items(miner) if table.items is not None else ()
    if table.is_single:
        return one(table.key, make_row(table.columns, miner, items[0]))
    return rows(table.key, await each(lambda item: make_row(table.columns, miner, item), items))
