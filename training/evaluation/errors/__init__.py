"""What kind of mistake each error is: a closed list of classes, and the rules that decide."""
