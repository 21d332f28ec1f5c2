"""Candidate CPTS territories from patient flows.

From flows to poles of attraction, from poles to the concordance of specialties, from the attraction
graph and the borders of communes to territories in one piece, with their measures and maps.
"""

from typing import TYPE_CHECKING

from territories._cog_files import read_cog
from territories._compiled import lazily
from territories.communes import contiguity
from territories.comparison import Comparison, compare
from territories.concordance import Concordance, concordance, hospital_agreement
from territories.delineation import delineate, modularity
from territories.errors import (
    CodeError,
    ConstraintError,
    GeometryError,
    InputError,
    SecrecyError,
    TerritoriesError,
)
from territories.evaluation import evaluate, white_zones
from territories.export import export_csv, export_geojson, export_gpkg
from territories.flows import Flows
from territories.graph import AttractionNetwork, attraction_graph, attraction_network
from territories.hospital import read_hospital
from territories.poles import Poles, dominant_poles
from territories.read import read_bridges, read_communes, read_flows
from territories.reconciliation import Reconciliation
from territories.redrawing import redraw, sectors
from territories.revisions import Revision
from territories.scales import Scales, scales
from territories.secrecy import Secrecy
from territories.stability import Runs, runs_of, stability
from territories.zoning import Zoning

if TYPE_CHECKING:
    from territories import maps
else:
    maps = lazily("territories.maps")  # folium is a third of the time of all imports

__version__ = "0.1.0"

__all__ = [
    "AttractionNetwork",
    "CodeError",
    "Comparison",
    "Concordance",
    "ConstraintError",
    "Flows",
    "GeometryError",
    "InputError",
    "Poles",
    "Reconciliation",
    "Revision",
    "Runs",
    "Scales",
    "Secrecy",
    "SecrecyError",
    "TerritoriesError",
    "Zoning",
    "attraction_graph",
    "attraction_network",
    "compare",
    "concordance",
    "contiguity",
    "delineate",
    "dominant_poles",
    "evaluate",
    "export_csv",
    "export_geojson",
    "export_gpkg",
    "hospital_agreement",
    "maps",
    "modularity",
    "read_bridges",
    "read_cog",
    "read_communes",
    "read_flows",
    "read_hospital",
    "redraw",
    "runs_of",
    "scales",
    "sectors",
    "stability",
    "white_zones",
]
