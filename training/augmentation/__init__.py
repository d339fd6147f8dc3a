"""More training reports out of the annotated ones: with other names, and with posts' noise."""
