"""Likely annotation mistakes: what models that had not seen a report are sure is otherwise."""
