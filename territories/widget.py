"""The workshop in a notebook: the page of `save_editor` where Python follows each decision."""

from __future__ import annotations

import functools
import html
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import anywidget
import pandas as pd
import traitlets

from territories._assets import asset, enclosed_leaflet, joined, leaflet
from territories._history import (
    History,
    exact_figures,
    following,
    plain_shares,
    read_line,
    touched,
)
from territories._words import Language, say, using
from territories.errors import ConstraintError, InputError, TerritoriesError, fault, of_kind
from territories.exchanges import cells
from territories.graph import attraction_network
from territories.redrawing import redraw
from territories.revisions import Revision
from territories.workshop import line, payload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from territories.flows import Flows
    from territories.graph import AttractionNetwork
    from territories.poles import Poles
    from territories.secrecy import Secrecy
    from territories.stability import Runs
    from territories.zoning import Zoning

# Decisions that say where a commune is: those that the borders are drawn again around.
_PLACING: Final = ("move", "release", "share")
_SHEETS: Final = ("map.css", "editor.css", "editor_modes.css", "panels.css", "widget.css")


@dataclass(frozen=True, repr=False)
class Move:
    """A change of the draft of a `TerritoryEditor`, as its callbacks are told of it.

    Parameters
    ----------
    revisions
        Decisions that were added to the log.
    withdrawn
        Decisions that were taken off its end: by undo, or to make place for the log of another
        scenario.
    before, after
        The draft before and after.
    territories
        Those whose communes changed.
    figures
        Exact, for the user's own eyes: indexed by (`territory`, `moment`), the latter ``"before"``
        or ``"after"``: `name`, `communes`, `population`, `aci_size`, `next_bound`, `pieces` and,
        where the editor has flows, `li` and `leakage`, as `evaluate`.
    """

    revisions: tuple[Revision, ...]
    withdrawn: tuple[Revision, ...]
    before: Zoning
    after: Zoning
    territories: tuple[str, ...]
    figures: pd.DataFrame

    def __repr__(self) -> str:
        """Return what was decided, without figures: it may stay in a notebook that is sent."""
        return (
            f"<Move: {len(self.revisions)} decisions, {len(self.withdrawn)} withdrawn, "
            f"{len(self.territories)} territories touched>"
        )


class TerritoryEditor(anywidget.AnyWidget):
    """Draw borders of territories together, in a notebook (JupyterLab, Voilà), with no network.

    The page is that of `save_editor`; each decision in it is known to Python at once, by the same
    rules, and each one from Python is shown in the page. What is saved with the notebook is what
    the page may show: the exact figures of the territories that a decision touches go to the page
    when it is taken, and stay nowhere.

    Parameters
    ----------
    zoning
        The draft.
    flows
        Located flows: their cells that may be shown go to the page, for the bounds of leakage;
        Python tells the exact ones, and `redraw` follows them.
    agreement, poles, hospital, stability
        As for `maps.territory_map`.
    outlines
        Other zonings by name, whose borders can be laid over.
    drafts
        Further drafts of the same layer by name, to switch between.
    revisions
        Decisions that were taken already: the log goes on after them.
    overlaps
        Whether communes may be shared.
    secrecy
        The rule of what may be shown.
    title, note, language
        As for `maps.territory_map`.
    height
        Of the page, in pixels.

    Raises
    ------
    InputError
        If the zoning or the flows cannot be used.
    ConstraintError
        With the decisions of `revisions` that do not apply.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    # As text: nothing goes through it value by value on its way.
    _data = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        zoning: Zoning,
        flows: Flows | None = None,
        *,
        agreement: pd.DataFrame | None = None,
        poles: Poles | None = None,
        hospital: pd.DataFrame | None = None,
        stability: Runs | None = None,
        outlines: Mapping[str, Zoning] | None = None,
        drafts: Mapping[str, Zoning] | None = None,
        revisions: Iterable[Revision] = (),
        overlaps: bool = True,
        secrecy: Secrecy | None = None,
        title: str | None = None,
        note: str | None = None,
        language: Language = "fr",
        height: int = 760,
    ) -> None:
        of_kind("Zoning", zoning=zoning)
        self._bases = (zoning, *(drafts or {}).values())
        self._flows, self._language, self._overlaps = flows, language, overlaps
        self._cells = None if flows is None else cells(flows)
        self._network: AttractionNetwork | None = None
        self._callbacks: list[Callable[[Move], object]] = []
        self._draft, self._scenario = 0, zoning.name
        self._history = History(zoning, overlaps=overlaps)
        zoning = self._history.base
        data = payload(
            zoning,
            flows,
            agreement=agreement,
            poles=poles,
            hospital=hospital,
            stability=stability,
            outlines=outlines,
            drafts=drafts,
            overlaps=overlaps,
            secrecy=secrecy,
            title=title,
            note=note,
            language=language,
        )
        taken = self._history.change(0, following(revisions, after=0))
        if taken.faults:
            raise ConstraintError(*taken.faults)
        super().__init__(_esm=_script(), _css=_style(), _data=json.dumps(data, ensure_ascii=False))
        self.layout.height = f"{height}px"
        self.layout.width = "100%"
        self.on_msg(self._heard)

    @property
    def zoning(self) -> Zoning:
        """The draft as it is now."""
        return self._history.zoning

    @property
    def revisions(self) -> tuple[Revision, ...]:
        """The log: all decisions but those that were withdrawn by the undo of the page.

        Lines that did not apply are in it (see `replay`), as they are in the page's.
        """
        return self._history.lines

    def on_move(self, callback: Callable[[Move], object], *, remove: bool = False) -> None:
        """Call a function after each change, from the page or from Python.

        Parameters
        ----------
        callback
            Called with a `Move`. What it raises does not undo the change: for a change from Python
            it goes up to the caller, for one from the page it is shown in the notebook's log, and
            its kind is told in the page.
        remove
            Call it no longer.
        """
        if remove:
            self._callbacks.remove(callback)
        else:
            self._callbacks.append(callback)

    def revise(self, revisions: Iterable[Revision], *, force: bool = False) -> Zoning:
        """Take decisions from Python; the page shows them.

        Parameters
        ----------
        revisions
            As for `Zoning.revise`. They are numbered after those of the log, lines of one order
            being one step.
        force
            Accept steps that leave a territory in more pieces than before.

        Returns
        -------
        Zoning
            The draft after them.

        Raises
        ------
        ConstraintError
            With all that cannot be applied; the draft is then as before.
        """
        lines = self.revisions
        added = following(revisions, after=lines[-1].order if lines else 0)
        if force:
            added = tuple(replace(each, force=True) for each in added)
        self._change(len(lines), added, strict=True)
        return self.zoning

    def undo(self) -> Zoning:
        """Take the last step off the log, as the page's undo does; nothing where there is none.

        Returns
        -------
        Zoning
            The draft after it.
        """
        if self._history.last:
            self._change(len(self.revisions) - self._history.last, ())
        return self.zoning

    def redraw(self, around: Iterable[str] | None = None, **options: Any) -> Zoning:  # noqa: ANN401
        """Settle the borders again around communes (see `territories.redraw`), as one step.

        Communes of locked territories stay, and so do those of `around`.

        Parameters
        ----------
        around
            Codes; default: the communes that the log moved.
        **options
            Of `territories.redraw`; codes in `locked` stay too.

        Returns
        -------
        Zoning
            The draft after it; the same where no border moves.

        Raises
        ------
        InputError
            If the editor has no flows.
        ConstraintError
            As `territories.redraw`, or if nothing was moved and `around` is not given.
        """
        zoning = self.zoning
        lines = self.revisions
        placed = (each.code for each in lines if each.action in _PLACING)
        codes = list(dict.fromkeys(placed) if around is None else around)
        if self._flows is None:
            raise InputError(fault("editor_without_flows"))
        if not codes:
            raise ConstraintError(fault("editor_around"))
        if self._network is None:
            self._network = attraction_network(
                self._flows, zoning.communes, pairs=self._history.base.borders
            )
        member = zoning.membership
        closed = member.loc[member["territory"].isin(zoning.locked), "code"]
        still = sorted({*options.pop("locked", ()), *closed})
        found = redraw(zoning, self._network, around=codes, locked=still, **options).labels
        moved = found.index[found.notna() & (found != zoning.labels)]
        with using(self._language):
            author, reason = say("editor.engine"), say("editor.redrawn")
            if not len(moved):
                self.send({"type": "told", "view": None, "told": [say("editor.redrawn_same")]})
        return self.revise(
            Revision("move", code, found[code], order=1, author=author, reason=reason)
            for code in moved
        )

    def _change(
        self,
        keep: int,
        lines: Sequence[Revision],
        *,
        view: str | None = None,
        given: tuple[int, str] | None = None,
        strict: bool = False,
    ) -> None:
        """Change the log from some line on, tell the views and those who asked to be called."""
        before, log = self.zoning, self.revisions
        if given is not None:
            if given[0] != self._draft:
                self._history = History(self._bases[given[0]], overlaps=self._overlaps)
            self._draft, self._scenario = given
        elif keep == len(log) and not lines:
            return
        taken = self._history.change(keep, lines)
        if strict and taken.faults:
            self._history.change(keep, log[keep:])
            raise ConstraintError(*taken.faults)
        after = self.zoning
        territories = touched(before, after)
        figures = {
            moment: exact_figures(zoning, self._cells, territories)
            for moment, zoning in (("before", before), ("after", after))
        }
        self.send(
            {
                "type": "change",
                "view": view,
                "of": len(log),
                "keep": keep,
                "lines": [line(each) for each in lines],
                "results": list(taken.results),
                "exact": plain_shares(figures["after"]),
                **self._said(*taken.faults),
                **self._place(),
            }
        )
        move = Move(
            revisions=tuple(lines),
            withdrawn=log[keep:],
            before=before,
            after=after,
            territories=tuple(territories),
            figures=_beside(figures),
        )
        self._call(move)

    def _call(self, move: Move) -> None:
        """Call the functions of `on_move`: all of them, whatever one of them raises."""
        errors = []
        for callback in list(self._callbacks):
            try:
                callback(move)
            except Exception as error:  # noqa: BLE001 - raised again below
                errors.append(error)
        if not errors:
            return
        with using(self._language):
            text = say("editor.callback_failed", error=type(errors[0]).__name__)
        self.send({"type": "told", "view": None, "told": [text]})
        for other in errors[1:]:
            errors[0].add_note(f"{type(other).__name__}: {other}")
        raise errors[0]

    # ---------------------------------------------------------------- what the page says

    def _heard(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Answer a view of the page."""
        view = str(content.get("view", ""))
        try:
            if content.get("type") == "open":
                self._tell_all(view)
            elif content.get("type") == "redraw":
                self.redraw([str(code) for code in content["around"]])
            elif content.get("type") == "change":
                self._follow(view, content)
        except TerritoriesError as error:
            self.send({"type": "told", "view": view, **self._said(*error.faults)})

    def _follow(self, view: str, content: Mapping[str, Any]) -> None:
        """Do what was done in a view, unless the log is no longer what that view had."""
        draft = int(content["draft"])
        if int(content["of"]) != len(self.revisions) or not 0 <= draft < len(self._bases):
            with using(self._language):
                self._tell_all(view, say("editor.overtaken"))
            return
        given = (draft, str(content["scenario"]))
        keep = int(content["keep"]) if draft == self._draft else 0
        self._change(keep, [read_line(each) for each in content["lines"]], view=view, given=given)

    def _tell_all(self, view: str, *told: str) -> None:
        """Give a view the whole log, and the exact figures of all territories."""
        lines = self.revisions
        everywhere = sorted(set(self.zoning.membership["territory"]))
        self.send(
            {
                "type": "state",
                "view": view,
                "lines": [line(each) for each in lines],
                "exact": plain_shares(exact_figures(self.zoning, self._cells, everywhere)),
                "told": list(told),
                **self._place(),
            }
        )

    def _place(self) -> dict[str, object]:
        return {"draft": self._draft, "scenario": self._scenario}

    def _said(self, *faults: object) -> dict[str, list[str]]:
        with using(self._language):
            return {"told": [str(each) for each in faults]}

    def __repr__(self) -> str:
        """Return what matters of the draft."""
        return f"<TerritoryEditor of {self.zoning!r}, {len(self.revisions)} decisions>"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:  # noqa: ANN401
        """Show the page; where there is no kernel any more, say what it was."""
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            with using(self._language):
                text = say("editor.widget_static", draft=self.zoning.name)
            bundle[0]["text/html"] = f"<p>{html.escape(text)}</p>"
        return bundle


@functools.cache
def _script() -> str:
    """Return the module of the page: it holds all that it needs."""
    return (
        f"{enclosed_leaflet()}\n{joined('widget.js')}\nexport default {{ render: renderWidget }};\n"
    )


@functools.cache
def _style() -> str:
    sheets = (asset(name) for name in _SHEETS)
    return "\n".join([leaflet("leaflet.css"), *sheets])


def _beside(figures: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Put the figures of each territory before and after under one another."""
    found = pd.concat(figures, names=["moment"]).swaplevel()
    order = sorted(found.index, key=lambda each: (each[0], each[1] != "before"))
    return found.loc[order]
