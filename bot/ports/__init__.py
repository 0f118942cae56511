"""The context of a request, which every handler gets."""
