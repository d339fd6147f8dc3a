"""What an evaluation is made of, a file a question: how sure, which errors, where, how honest."""
