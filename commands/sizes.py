"""Sizes in bytes as people read them, and how full something is."""

from adapters.phrase import Phrase

KB, MB, GB, TB = 2**10, 2**20, 2**30, 2**40


def size_of(number: int) -> Phrase:
    """In the unit that suits it, a thousand of which are 1024, as Windows and `df -h` count."""
    if number >= TB:
        return Phrase("{size} TB", size=_rounded(number / TB))
    if number >= GB:
        return Phrase("{size} GB", size=_rounded(number / GB))
    if number >= MB:
        return Phrase("{size} MB", size=_rounded(number / MB))
    if number >= KB:
        return Phrase("{size} kB", size=_rounded(number / KB))
    return Phrase("{size} bytes", size=number)


def _rounded(number: float) -> int | float:
    """One digit behind the point, none from ten on; never rounded up to look larger than a limit that it is below."""
    return int(number) if number >= 10 else int(number * 10) / 10


def percent_of(used: int, free: int) -> int | None:
    """Whole percent in use of what can be used, rounded down; None where nothing can."""
    return used * 100 // (used + free) if used + free > 0 else None
