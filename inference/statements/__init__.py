"""Statements: who did what to whom, where, when, and how many, a row a number."""

from inference.statements.reader import StatementReader
from inference.statements.same_toll import number_groups
from inference.statements.statement import Day, Party, Statement, Tie

__all__ = ["Day", "Party", "Statement", "StatementReader", "Tie", "number_groups"]
