"""The lab itself, held to what it promises."""
