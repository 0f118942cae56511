"""Changes and people's decisions on them."""
