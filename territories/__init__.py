"""Candidate CPTS territories from patient flows.

From flows to poles of attraction, from poles to the concordance of specialties, from the attraction
graph and the borders of communes to territories in one piece, with their measures and maps.
"""

from territories import maps
from territories._cog_files import read_cog
from territories.communes import contiguity
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
from territories.graph import attraction_graph
from territories.hospital import read_hospital
from territories.poles import Poles, dominant_poles
from territories.read import read_bridges, read_communes, read_flows
from territories.reconciliation import Reconciliation
from territories.revisions import Revision
from territories.secrecy import Secrecy
from territories.zoning import Zoning

__version__ = "0.1.0"

__all__ = [
    "CodeError",
    "Concordance",
    "ConstraintError",
    "Flows",
    "GeometryError",
    "InputError",
    "Poles",
    "Reconciliation",
    "Revision",
    "Secrecy",
    "SecrecyError",
    "TerritoriesError",
    "Zoning",
    "attraction_graph",
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
    "white_zones",
]
