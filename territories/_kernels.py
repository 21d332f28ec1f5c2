"""The compiled inner loops of the engine under one name, which `communities` loads when needed."""

from territories._draws import drawn_again, shuffled
from territories._levels import (
    Level,
    Limits,
    Sums,
    numbered_labels,
    part_of,
    pieces,
    quality,
    summed,
)
from territories._limits import deficits, merged_small, merged_to, pulled
from territories._moves import border_moves
from territories._repair import repaired, within_limits
from territories._search import communities, settled

__all__ = [
    "Level",
    "Limits",
    "Sums",
    "border_moves",
    "communities",
    "deficits",
    "drawn_again",
    "merged_small",
    "merged_to",
    "numbered_labels",
    "part_of",
    "pieces",
    "pulled",
    "quality",
    "repaired",
    "settled",
    "shuffled",
    "summed",
    "within_limits",
]
