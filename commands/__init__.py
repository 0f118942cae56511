"""Operations of an operator: words to operations, operations to reports and plans."""
