"""Territories of the communes that send most to the same pole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from territories.network import Network

NONE: Final = -1


def plurality(network: Network) -> NDArray[np.int32]:
    """Put each commune with the pole to which it sends most, itself not excepted.

    Nothing holds the territories in one piece, and a pole that sends most to another is not in
    its own. Places outside the layer, which are no nodes, are no poles.

    Parameters
    ----------
    network
        Flows of the communes; borders are not read.

    Returns
    -------
    ndarray of int32
        For each commune, the number of its pole; -1 where two poles receive exactly as much, or
        where the commune sends nothing to any.

    References
    ----------
    Navinel (2020), dominant poles.
    """
    most = np.zeros(len(network))
    np.maximum.at(most, network.source, network.weight)
    largest = (network.weight == most[network.source]) & (network.weight > 0)
    source, target = network.source[largest], network.target[largest]
    pole = np.full(len(network), NONE, dtype=np.int32)
    pole[source] = target
    pole[np.bincount(source, minlength=len(network)) > 1] = NONE
    return pole
