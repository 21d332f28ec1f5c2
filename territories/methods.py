"""The methods of division and their options; territories of published methods are mended here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from territories.communities import kernels
from territories.containment import self_containment
from territories.dartmouth import dartmouth
from territories.errors import fault
from territories.hierarchy import intramax, ward
from territories.plurality import plurality

if TYPE_CHECKING:
    from collections.abc import Mapping

    from territories._words import Sentence
    from territories.communities import Problem
    from territories.network import Ints, Network


class _Named(BaseModel):
    """What is common to the options of all methods: no other than those named."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    hierarchy: ClassVar[bool] = False


class Leiden(_Named):
    """Communities of greatest modularity (see `communities`)."""

    null: Literal["directed", "undirected", "population"] = "directed"
    steps: int = Field(default=1_000, ge=0)


class Published(_Named, ABC):
    """A method that was published, with its options."""

    @abstractmethod
    def draw(self, network: Network, *, number: int | None, contiguous: bool) -> Ints:
        """Divide a network as the method was published; −1: in no territory yet."""


class Plurality(Published):
    """The place where most patients go (see `plurality.plurality`)."""

    def draw(self, network: Network, *, number: int | None, contiguous: bool) -> Ints:  # noqa: ARG002
        """Divide a network by plurality."""
        return plurality(network)


class Dartmouth(Published):
    """Refined Dartmouth (see `dartmouth.dartmouth`)."""

    min_localisation: float = Field(default=0.0, ge=0.0, le=1.0)

    def draw(self, network: Network, *, number: int | None, contiguous: bool) -> Ints:  # noqa: ARG002
        """Divide a network by the refined Dartmouth method."""
        return dartmouth(network, min_localisation=self.min_localisation, contiguous=contiguous)


class Ward(Published):
    """Ward's hierarchy of profiles (see `hierarchy.ward`)."""

    hierarchy = True

    def draw(self, network: Network, *, number: int | None, contiguous: bool) -> Ints:
        """Divide a network by Ward's method."""
        return ward(network, number or 1, contiguous=contiguous)


class Intramax(Published):
    """Masser and Brown's hierarchy of interactions (see `hierarchy.intramax`)."""

    hierarchy = True

    def draw(self, network: Network, *, number: int | None, contiguous: bool) -> Ints:
        """Divide a network by intramax."""
        return intramax(network, number or 1, contiguous=contiguous)


class SelfContainment(Published):
    """Coombes and Bond's self-containment (see `containment.self_containment`)."""

    min_size: float = 1_000
    min_containment: float = 0.6667
    target_size: float = 10_000
    target_containment: float = 0.75

    def draw(self, network: Network, *, number: int | None, contiguous: bool) -> Ints:  # noqa: ARG002
        """Divide a network by self-containment."""
        return self_containment(network, contiguous=contiguous, **self.model_dump())


Options = Leiden | Published

METHODS: Final[dict[str, type[Options]]] = {
    "leiden": Leiden,
    "plurality": Plurality,
    "dartmouth": Dartmouth,
    "ward": Ward,
    "intramax": Intramax,
    "self_containment": SelfContainment,
}


def options_of(
    method: str, options: Mapping[str, object] | None
) -> tuple[Options | None, list[Sentence]]:
    """Check the options of a method; return them, or what is wrong with them."""
    if method not in METHODS:
        return None, [fault("method_unknown", value=str(method), known=", ".join(METHODS))]
    try:
        return METHODS[method].model_validate(dict(options or {})), []
    except ValidationError as problem:
        known = ", ".join(METHODS[method].model_fields) or "–"
        return None, [
            fault(
                "method_option",
                method=method,
                option=".".join(map(str, each["loc"])),
                value=repr(each["input"]),
                known=known,
            )
            for each in problem.errors()
        ]


def mended(network: Network, problem: Problem, label: Ints, number: int | None) -> Ints:
    """Make the territories of a published method one piece each, within bounds and in number.

    1. The most populated piece of each territory is kept; what has no territory, and other pieces,
    the least populated first, go to the territory beside them with most flow (none: the least
    populated). 2. Territories under the minimum, or without a place of care, go the same way.
    3. Where a number is wanted, neighbours with most flow for their size merge. 4. What is still
    under the minimum takes communes from its neighbours.
    """
    level = problem.level
    own = np.where(label < 0, label.max() + 1 + np.arange(len(label)), label).astype(np.int32)
    piece, many = kernels.pieces(
        level, kernels.numbered_labels(np.unique(own, return_inverse=True)[1].astype(np.int32))[0]
    )
    people = np.bincount(piece, network.population, many)
    of_piece = np.full(many, -1)
    of_piece[piece] = label
    # The main piece of each territory: most people, then the first.
    order = np.lexsort((np.arange(many), -people, of_piece))
    first = np.ones(many, dtype=bool)
    first[1:] = of_piece[order][1:] != of_piece[order][:-1]
    main = np.zeros(many, dtype=bool)
    main[order] = first
    main &= of_piece >= 0
    kept = level._replace(poles=main[piece].astype(np.int32))
    division = kernels.merged_small(kept, 0.0, problem.limits._replace(minimum=0, poles=1), piece)
    division = kernels.merged_small(level, 0.0, problem.limits, division)
    if number is not None:
        scale = problem.scale(1.0)
        division = kernels.merged_to(level, scale, problem.limits, division, number)
    division = kernels.pulled(level, 0.0, problem.limits, division, number is not None)
    return kernels.numbered_labels(division)[0]  # type: ignore[no-any-return]


def drawn(
    options: Published, network: Network, problem: Problem, *, number: int | None, contiguous: bool
) -> Ints:
    """Divide a network by a published method, mended unless `contiguous` is False."""
    label = options.draw(network, number=number, contiguous=contiguous)
    if contiguous:
        division = mended(network, problem, label, number)
        finer = number
        # Bounds merge some of the territories of a hierarchy: a finer cut of it has enough.
        while options.hierarchy and finer and number and len(np.unique(division)) < number:
            finer += 1 + finer // 10
            if finer > len(label):
                break
            label = options.draw(network, number=finer, contiguous=True)
            division = mended(network, problem, label, number)
        return division
    alone = np.where(label < 0, label.max() + 1 + np.arange(len(label)), label)
    named = np.unique(alone, return_inverse=True)[1].astype(np.int32)
    return kernels.numbered_labels(named)[0]  # type: ignore[no-any-return]
