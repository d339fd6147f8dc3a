"""Statements: who did what to whom, where, when, and how many.

A row a number, or an event that is told without one.
"""

from inference.statements.reader import StatementReader
from inference.statements.same_toll import number_groups
from inference.statements.statement import Day, Event, Party, Statement, Tie

__all__ = ["Day", "Event", "Party", "Statement", "StatementReader", "Tie", "number_groups"]
