"""Candidate CPTS territories from patient flows.

From flows to poles of attraction, from poles to the concordance of specialties, from the attraction
graph and the borders of communes to territories in one piece, with their measures and maps.
"""

from typing import TYPE_CHECKING

from territories._card_view import Card
from territories._cog_files import read_cog
from territories._compiled import lazily
from territories._flow_files import write_flows
from territories._log_files import read_revisions, write_revisions
from territories._selection_view import Selection
from territories._version import __version__
from territories.accessibility import accessibility, read_times
from territories.aci import AciTable, read_aci
from territories.audit import Audit, audit
from territories.basins import recruitment_basin, recruitment_basins
from territories.card import explain
from territories.chains import chains, followed, read_chains
from territories.changes import Changes, changes
from territories.communes import contiguity
from territories.comparison import Comparison, compare, comparisons
from territories.concordance import (
    AgreementFigures,
    Concordance,
    agreement_figures,
    concordance,
    hospital_agreement,
)
from territories.delineation import delineate, modularity
from territories.dominance import pole_hierarchy
from territories.drafts import read_draft
from territories.errors import (
    CodeError,
    ConstraintError,
    GeometryError,
    InputError,
    SecrecyError,
    TerritoriesError,
)
from territories.evaluation import evaluate, evaluate_by_activity
from territories.events import events_to_flows, yearly_flows
from territories.exchanges import candidates, exchanges
from territories.export import export_csv, export_geojson, export_gpkg
from territories.flows import Flows
from territories.form import white_zones
from territories.graph import AttractionNetwork, attraction_graph, attraction_network
from territories.hospital import read_hospital
from territories.ledger import read_ledger
from territories.odds import odds_ratios
from territories.plates import export_plate
from territories.poles import Poles, dominant_poles
from territories.read import read_bridges, read_communes, read_flows
from territories.reconciliation import Reconciliation
from territories.recourse import care_distance, gaps, priority_shares, recourse
from territories.redrawing import redraw, sectors
from territories.replay import Replay, replay
from territories.revisions import Revision
from territories.scales import Scales, scales
from territories.secrecy import Secrecy
from territories.selection import selection
from territories.sensitivity import LeaveOneOut, leave_one_out
from territories.sharing import shared_patients
from territories.specialties import activity_scale, attainable, presence
from territories.spreadsheet import export_lists, export_xlsx
from territories.stability import Runs, runs_of, stability
from territories.stays import stays_to_flows
from territories.superposition import Superposition, superposition
from territories.supply import Supply, density, read_supply
from territories.supply_tables import gap_table, recourse_table, supply_table
from territories.zoning import Zoning, crossing
from territories.zonings import read_zoning

if TYPE_CHECKING:
    from territories import maps
    from territories.widget import TerritoryEditor
else:
    maps = lazily("territories.maps")  # folium is a third of the time of all imports

    def __getattr__(name: str) -> object:
        """Load the widget when it is first asked for: few sessions are in a notebook."""
        if name != "TerritoryEditor":
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        from territories.widget import TerritoryEditor  # noqa: PLC0415 - see above

        return TerritoryEditor

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "AciTable",
    "AgreementFigures",
    "AttractionNetwork",
    "Audit",
    "Card",
    "Changes",
    "CodeError",
    "Comparison",
    "Concordance",
    "ConstraintError",
    "Flows",
    "GeometryError",
    "InputError",
    "LeaveOneOut",
    "Poles",
    "Reconciliation",
    "Replay",
    "Revision",
    "Runs",
    "Scales",
    "Secrecy",
    "SecrecyError",
    "Selection",
    "Superposition",
    "Supply",
    "TerritoriesError",
    "TerritoryEditor",
    "Zoning",
    "__version__",
    "accessibility",
    "activity_scale",
    "agreement_figures",
    "attainable",
    "attraction_graph",
    "attraction_network",
    "audit",
    "candidates",
    "care_distance",
    "chains",
    "changes",
    "compare",
    "comparisons",
    "concordance",
    "contiguity",
    "crossing",
    "delineate",
    "density",
    "dominant_poles",
    "evaluate",
    "evaluate_by_activity",
    "events_to_flows",
    "exchanges",
    "explain",
    "export_csv",
    "export_geojson",
    "export_gpkg",
    "export_lists",
    "export_plate",
    "export_xlsx",
    "followed",
    "gap_table",
    "gaps",
    "hospital_agreement",
    "leave_one_out",
    "maps",
    "modularity",
    "odds_ratios",
    "pole_hierarchy",
    "presence",
    "priority_shares",
    "read_aci",
    "read_bridges",
    "read_chains",
    "read_cog",
    "read_communes",
    "read_draft",
    "read_flows",
    "read_hospital",
    "read_ledger",
    "read_revisions",
    "read_supply",
    "read_times",
    "read_zoning",
    "recourse",
    "recourse_table",
    "recruitment_basin",
    "recruitment_basins",
    "redraw",
    "replay",
    "runs_of",
    "scales",
    "sectors",
    "selection",
    "shared_patients",
    "stability",
    "stays_to_flows",
    "superposition",
    "supply_table",
    "white_zones",
    "write_flows",
    "write_revisions",
    "yearly_flows",
]
