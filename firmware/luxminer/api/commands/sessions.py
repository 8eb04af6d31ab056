"""The session, a courtesy among those who change things."""

from luxminer.api.codes import Code
from luxminer.api.commands.row import CommandRow, Dialect
from luxminer.api.fields.totals import SESSION_SECTION
from luxminer.api.handlers import session

__all__ = ["ROWS", "TITLE"]

TITLE = "The session"

ROWS = (
    CommandRow(
        name="logon",
        words="begins the session: its id is the first value of commands that need one",
        success=316,
        handler=session.logon,
        sections=(SESSION_SECTION,),
        dialect=Dialect.LUXMINER,
        write=True,
        joinable=True,
        also=(Code.OTHER_SESSION,),
    ),
    CommandRow(
        name="logoff",
        words="ends the session",
        success=317,
        handler=session.end,
        dialect=Dialect.LUXMINER,
        write=True,
        session=True,
    ),
    CommandRow(
        name="kill",
        words="ends the session of whoever has it",
        success=318,
        handler=session.end,
        dialect=Dialect.LUXMINER,
        write=True,
        joinable=True,
    ),
    CommandRow(
        name="session",
        words="the id of the session; empty when there is none",
        success=319,
        handler=session.session,
        sections=(SESSION_SECTION,),
        dialect=Dialect.LUXMINER,
        joinable=True,
    ),
)
