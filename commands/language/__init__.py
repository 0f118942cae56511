"""The command language: grammar, help, suggestions, forms."""
