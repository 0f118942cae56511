"""What an operator can ask for: words to operations, operations to reports and plans."""
