"""How a model reads a report, and what it finds there. Imports annotation, never training."""
