"""The evidence worked out again from METHOD.md: slow loops over plain lists, exact fractions.

Written from the method and the public docstrings, apart from the package, of which nothing is
used. What is undefined is None. A row of flows is (residence, activity, place, patients, masked
cells); `weights` gives, by commune, the part that is in each of its territories.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from fractions import Fraction

MASK, LEAST, MOST = 5, 1, 10
ACI = (40_000, 80_000, 175_000)


def ratio(part, whole):
    """Divide exactly; None where there is nothing to divide by, or one is not known."""
    return Fraction(part) / Fraction(whole) if whole and part is not None else None


def plus(values):
    """Add up; None as soon as one is not known."""
    values = list(values)
    return None if any(each is None for each in values) else sum(values, Fraction(0))


def first_of(found):
    """Return the key of the greatest value, the lowest key of equals; None without any."""
    return min(found, key=lambda key: (-found[key], key)) if found else None


def main_of(weights):
    """Return the territory of each commune: the greatest weight, then the first name."""
    return {code: first_of(own) for code, own in weights.items()}


def part(weights, code, territory):
    """Return the part of a commune in a territory."""
    return weights.get(code, {}).get(territory, Fraction(0))


# --- Territories ---------------------------------------------------------------------------------


def people_in(weights, people, territory):
    """Add the inhabitants up, by weight: None where one commune's are not known."""
    return plus(
        None if people[code] is None else own[territory] * people[code]
        for code, own in weights.items()
        if territory in own
    )


def exchanged(weights, rows, territory):
    """Return inside, sent, received."""
    inside = sent = received = Fraction(0)
    for residence, _, place, patients, _ in rows:
        ends = part(weights, residence, territory), part(weights, place, territory)
        inside += patients * min(ends)
        sent += patients * ends[0]
        received += patients * ends[1]
    return inside, sent, received


def bounds(weights, rows, territory):
    """Try the ends of all masked cells: least and most li, least and most msi."""
    hidden = [row for row in rows if row[4]]
    found = []
    for ends in itertools.product((LEAST, MOST), repeat=len(hidden)):
        tried = [row for row in rows if not row[4]]
        for row, end in zip(hidden, ends, strict=True):
            tried.append((*row[:3], row[3] + (end - MASK) * row[4], 0))
        inside, sent, received = exchanged(weights, tried, territory)
        found.append((ratio(inside, sent), ratio(inside, received)))
    return [
        pick((each[side] for each in found), default=None) if found[0][side] is not None else None
        for side in (0, 1)
        for pick in (min, max)
    ]


def share_of_people(weights, people, territory, chosen):
    """Return the share of a territory's people who live in the chosen communes."""
    total = people_in(weights, people, territory)
    if not total:
        return None
    return ratio(
        sum(
            own[territory] * people[code]
            for code, own in weights.items()
            if code in chosen and territory in own
        ),
        total,
    )


def aci(people):
    """Return size, what lacks to the next bound, what is over the last one."""
    over = [bound for bound in ACI if people >= bound]
    under = [bound for bound in ACI if people < bound]
    return len(over) + 1, under[0] - people if under else None, people - max(over, default=0)


def pole(weights, people, rows, territory):
    """Return the commune that receives most: then with more people, then the first."""
    received = defaultdict(Fraction)
    for _, _, place, patients, _ in rows:
        received[place] += patients * part(weights, place, territory)
    received = {code: number for code, number in received.items() if number}
    return min(received, key=lambda c: (-received[c], -people[c], c), default=None)


def mean_minutes(weights, rows, territory, minutes, towards=None):
    """Average minutes over a territory's patients, and the share whom the table lacks."""
    spent = timed = every = Fraction(0)
    for residence, _, place, patients, _ in rows:
        weight = patients * part(weights, residence, territory)
        target = towards or place
        taken = minutes.get((residence, target), 0 if residence == target else None)
        every += weight
        if taken is not None:
            spent, timed = spent + weight * Fraction(taken), timed + weight
    return ratio(spent, timed), ratio(every - timed, every)


def candidates(weights, rows, distances, reasons, most=3):
    """List (commune, reasons, rank, pole, territory of the pole, patients, share)."""
    main, found = main_of(weights), []
    for commune in sorted(reasons):
        seen = defaultdict(Fraction)
        for residence, _, place, patients, _ in rows:
            if residence == commune and patients:
                seen[place] += patients
        far = {place: distances.get((commune, place)) for place in seen}
        order = sorted(
            seen, key=lambda p: (-seen[p], far[p] is None, 0 if far[p] is None else far[p], p)
        )
        for rank, place in enumerate(order[:most], 1):
            share = ratio(seen[place], sum(seen.values()))
            found.append(
                (commune, reasons[commune], rank, place, main.get(place), seen[place], share)
            )
        if not seen:
            found.append((commune, reasons[commune], None, None, None, None, None))
    return found


# --- Poles ---------------------------------------------------------------------------------------


def winner(rows, minimum=11):
    """Return the one place that gets most of some rows, whatever the masked cells hide."""
    if sum(row[3] + (LEAST - MASK) * row[4] for row in rows) < minimum:
        return None  # there may be too few
    low, high, now = defaultdict(Fraction), defaultdict(Fraction), defaultdict(Fraction)
    for _, _, place, patients, masked in rows:
        now[place] += patients
        low[place] += patients + (LEAST - MASK) * masked
        high[place] += patients + (MOST - MASK) * masked
    best = first_of(now)
    others = [place for place in now if place != best]
    return best if all(low[best] > high[other] for other in others) else None


def poles_by_activity(rows, communes, minimum=11):
    """Return, by commune, the dominant pole of each activity that has one."""
    found = {}
    for commune in communes:
        own = [row for row in rows if row[0] == commune]
        named = {
            activity: winner([row for row in own if row[1] == activity], minimum)
            for activity in sorted({row[1] for row in own})
        }
        found[commune] = {activity: place for activity, place in named.items() if place}
    return found


def class_of(matched, activities, *, unique=True, minimum=3):
    """Class m of k as whole numbers."""
    if activities < minimum:
        return "insufficient"
    if not unique:
        return "none"
    if matched == activities:
        return "always"
    if matched * 100 >= activities * 66:
        return "all_but_one"
    return "majority" if matched * 2 >= activities else "relative"


def modal(own):
    """Return the pole of most activities, how many, and whether no other has as many."""
    counts = defaultdict(int)
    for place in own.values():
        counts[place] += 1
    best = first_of(counts)
    most = counts[best] if best else 0
    return best, most, sum(number == most for number in counts.values()) == 1


def concordance(own, minimum=3):
    """Return class and pole of one commune."""
    best, most, unique = modal(own)
    named = class_of(most, len(own), unique=unique, minimum=minimum)
    return named, None if named in {"none", "insufficient"} else best


def attainable(own, here, minimum=3):
    """Return (pole, present, lacking, class) of one commune; `here`: activities of each place."""
    named, chosen = concordance(own, minimum)
    if not own:
        return None, 0, None, named
    counts = defaultdict(int)
    for place in own.values():
        counts[place] += 1
    if chosen is None:
        top = max(counts.values())
        modes = [place for place in counts if counts[place] == top]
        chosen = modes[0] if len(modes) == 1 else None
    if chosen is None:
        chosen = min(counts, key=lambda p: (-len(here[p] & set(own)), -counts[p], p))
    lacking = sorted(set(own) - here[chosen])
    present = len(own) - len(lacking)
    unique = present > 1 or not lacking
    reached = class_of(present, len(own), unique=unique, minimum=minimum)
    return chosen, present, ", ".join(lacking), reached


def basin(stays, share):
    """Return the residences, by decreasing stays, that first supply the share."""
    wanted, total, found = Fraction(str(share)) * sum(stays.values()), Fraction(0), []
    for code in sorted(stays, key=lambda code: (-stays[code], code)):
        if total >= wanted:
            break
        total += stays[code]
        found.append(code)
    return found


def followed(rows, start, order):
    """Follow the patients of a place: {(profession, place): share}; rows (a, from, to, b, n)."""
    stock = {order[0]: {start: Fraction(1)}}
    reached = [order[0]]
    for to in order[1:]:
        pairs = [
            (before, [row for row in rows if row[1] == before and row[2] == to])
            for before in reversed(reached)
        ]
        before, used = next(((b, found) for b, found in pairs if found), (None, []))
        arrived = defaultdict(Fraction)
        for place, share in stock.get(before, {}).items():
            own = [row for row in used if row[0] == place]
            total = sum(row[4] for row in own)
            for row in own:
                if row[4]:
                    arrived[row[3]] += share * Fraction(row[4]) / Fraction(total)
        if arrived:
            stock[to] = dict(arrived)
            reached.append(to)
    return {(step, place): share for step, own in stock.items() for place, share in own.items()}


# --- Comparison ----------------------------------------------------------------------------------


def held(one, two, people):
    """Return the inhabitants (by the lesser weight) and communes of each pair of zones."""
    found = {}
    for code in sorted(set(one) & set(two)):
        for a, b in itertools.product(one[code], two[code]):
            size, number = found.get((a, b), (Fraction(0), 0))
            found[a, b] = size + people[code] * min(one[code][a], two[code][b]), number + 1
    return found


def largest(pairs, side):
    """Return, for each zone of a side, the other that holds most of it: people, communes, name."""
    found = {}
    for pair, value in pairs.items():
        found.setdefault(pair[side], {})[pair[1 - side]] = value
    return {
        zone: min(others, key=lambda b: (-others[b][0], -others[b][1], b))
        for zone, others in found.items()
    }


def differing(one, two, people):
    """Return the communes that neither zoning explains by the other."""
    pairs = held(one, two, people)
    there, back = largest(pairs, 0), largest(pairs, 1)
    main = main_of(one), main_of(two)
    return [
        code
        for code in sorted(set(one) & set(two))
        if there[main[0][code]] != main[1][code] and back[main[1][code]] != main[0][code]
    ]


def cut(one, two, people):
    """Return, for each zone of the first: how many it meets, the share held, the share of none."""
    found = {}
    for zone in sorted({name for own in one.values() for name in own}):
        parts = {b: size for (a, b), (size, _) in held(one, two, people).items() if a == zone}
        total = people_in(one, people, zone)
        bare = sum(
            own[zone] * people[code] for code, own in one.items() if zone in own and code not in two
        )
        share = ratio(max(parts.values()), total) if parts else None
        found[zone] = len(parts), share, ratio(bare, total)
    return found


# --- Supply and recourse -------------------------------------------------------------------------


def zone_people(members, people):
    """Add inhabitants up by zone; `members`: {zone: {code: weight}}."""
    return {
        zone: plus(None if people[c] is None else people[c] * w for c, w in own.items())
        for zone, own in members.items()
    }


def density(rows, own, activity):
    """Return (professionals, mean age, share over 60) of a zone: rows (code, activity, n, a, s)."""
    used = [(own[r[0]] * r[2], r[3], r[4]) for r in rows if r[1] == activity and r[0] in own]

    def mean(at):
        known = [(row[0], row[at]) for row in used if row[at] is not None]
        return ratio(sum(n * value for n, value in known), sum(n for n, _ in known))

    return sum(row[0] for row in used), mean(1), mean(2)


def recourse(rows, own, activity, extra=0):
    """Add the patients of a zone up; `extra` to each masked cell."""
    return sum(
        (own[row[0]] * (row[3] + extra * row[4]) for row in rows
         if row[1] == activity and row[0] in own),
        Fraction(0),
    )  # fmt: skip


def nearest(rows, communes, distances, activity):
    """Return, by commune, the least distance to a place of the layer where any is seen."""
    places = {row[2] for row in rows if row[1] == activity and row[3] and row[2] in communes}
    return {
        code: min((distances[code, place] for place in places), default=None) for code in communes
    }


def travelled(rows, distances, own, activity):
    """Return the mean distance of a zone's patients to the places of the layer they go to."""
    used = [
        (own[row[0]] * row[3], Fraction(distances[row[0], row[2]]))
        for row in rows
        if row[1] == activity and row[0] in own and (row[0], row[2]) in distances
    ]
    return ratio(sum(n * far for n, far in used), sum(n for n, _ in used))


def zone_mean(values, own, people):
    """Average a measure over a zone's people; unknown aside; a zone of one commune has its own."""
    if len(own) == 1:
        value = values[next(iter(own))]
        return None if value is None else Fraction(value)
    used = [
        (own[code] * people[code], Fraction(values[code]))
        for code in own
        if values[code] is not None and people[code] is not None
    ]
    return ratio(sum(n * value for n, value in used), sum(n for n, _ in used))


def gaps(zones, share):
    """Rank zones that are far and see few: {(zone, activity): (people, far, rate, region)}.

    Returns [(rank, zone, activity)], ranks from 1, equals alike.
    """
    found = {}
    for activity in sorted({key[1] for key in zones}):
        here = {
            key: each
            for key, each in zones.items()
            if key[1] == activity and each[0] and None not in each[1:]
        }
        total = sum(each[0] for each in here.values())
        mean = ratio(sum(each[0] * each[1] for each in here.values()), total)
        for key, (people, far, rate, region) in here.items():
            beyond = sum(each[0] for each in here.values() if each[1] > far)
            under = sum(each[0] for each in here.values() if each[2] < rate)
            limit = Fraction(str(share)) * total
            if far > mean and beyond < limit and rate < region and under < limit:
                found[key] = people * far
    order = sorted(found, key=lambda key: (-found[key], key))
    return [(1 + sum(v > found[key] for v in found.values()), *key) for key in order]


def priority(own, classes, people):
    """Return the share of a zone's people in each class; `classes`: {code: {class: weight}}."""
    sizes = {code: weight * people[code] for code, weight in own.items()}
    if not sum(sizes.values()):
        sizes = own
    found = defaultdict(Fraction)
    for code, size in sizes.items():
        for name, weight in classes.get(code, {}).items():
            found[name] += size * weight
    return {name: size / sum(sizes.values()) for name, size in found.items()}
