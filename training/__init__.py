"""Fitting a token classifier on annotated reports, and measuring it. Imported by nobody."""
