"""docs/architecture.png: the rooms and their imports, read off the code.    python benchmarks/draw_architecture.py

A room stands above all that it imports; an arrow that follows from two others is left out.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.support.paths import ROOT
from tests.test_imports import FILES, ROOMS, imported, is_face, module_of, room_of

PICTURE = ROOT / "docs" / "architecture.png"
COLOURS = {"movinet": "#cfe3f2", "space": "#d5ecd9", "results": "#f6e3b8", "search": "#f3d3cf", "run_search": "#e3d7ee"}
ROOM, BEND = 1.3, 0.35  # width that a box and a line in passing take

Arrows = dict[str, set[str]]  # from a room to those that its files import
Node = tuple[str, int]  # a room on its floor, or the line to a room on a floor above it


def arrows_of_imports() -> Arrows:
    """Every room with the rooms that it imports."""
    arrows: Arrows = {room: set() for room in ROOMS}
    for path in [*(path for path in FILES if not is_face(path)), Path("run_search.py")]:
        room = room_of(module_of(path))
        assert room, path
        arrows[room] |= {other for name in imported(path) if (other := room_of(name)) and other != room}
    return arrows


def without_shortcuts(arrows: Arrows) -> Arrows:
    """The arrows without those that lead where others lead as well, over a room between."""
    reached: Arrows = {}
    for room in ROOMS:  # from the ground up
        reached[room] = arrows[room].union(*(reached[other] for other in arrows[room]))
    return {
        room: {other for other in others if not any(other in reached[between] for between in others)}
        for room, others in arrows.items()
    }


def floors_of(arrows: Arrows) -> dict[str, int]:
    """Each room's floor, one above the highest that it imports."""
    floors: dict[str, int] = {}
    for room in ROOMS:
        floors[room] = max((floors[other] + 1 for other in arrows[room]), default=0)
    return floors


def ways(arrows: Arrows) -> dict[Node, set[Node]]:
    """Arrows from floor to floor: where one spans several, it goes by bends, which those to the same room share."""
    floors, steps = floors_of(arrows), defaultdict(set)
    for room, others in arrows.items():
        for other in others:
            bends = [(other, floor) for floor in range(floors[room] - 1, floors[other], -1)]
            way = [(room, floors[room]), *bends, (other, floors[other])]
            for start, end in pairwise(way):
                steps[start].add(end)
    return steps


def places(steps: dict[Node, set[Node]], floors: dict[str, int]) -> dict[Node, float]:
    """x of each room and bend, near the middle of those that it is joined to; y is the floor."""
    near: dict[Node, set[Node]] = defaultdict(set)
    for start, ends in steps.items():
        for end in ends:
            near[start].add(end)
            near[end].add(start)
    rows: dict[int, list[Node]] = defaultdict(list)
    for node in sorted(near, key=lambda node: ([*COLOURS].index(node[0].split(".")[0]), ROOMS.index(node[0]))):
        rows[node[1]].append(node)
    x: dict[Node, float] = {}
    for _ in range(40):
        for row in rows.values():
            row.sort(key=lambda node: sum(x.get(other, 0) for other in near[node]) / len(near[node]))
            widths = [ROOM if floors[node[0]] == node[1] else BEND for node in row]
            left = -sum(widths) / 2
            for node, width in zip(row, widths, strict=True):
                x[node], left = left + width / 2, left + width
    return x


def draw(arrows: Arrows, path: Path) -> None:
    """Writes the picture; its text fields hold the rooms, so that a test sees whether it is of today's."""
    from matplotlib.figure import Figure

    axes = (figure := Figure(figsize=(10, 10))).add_axes((0, 0, 1, 1))
    steps, floors = ways(arrows), floors_of(arrows)
    x = places(steps, floors)
    for (room, floor), ends in steps.items():
        for end in sorted(ends):
            low, head = (_half_height(node[0]) if floors[node[0]] == node[1] else 0 for node in ((room, floor), end))
            line = {"arrowstyle": "-|>" if head else "-", "color": "#8a8a8a", "lw": 0.9, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", (x[end], end[1] + head), (x[room, floor], floor - low), arrowprops=line)
    for room, floor in floors.items():
        box = {"boxstyle": "round,pad=0.35", "fc": COLOURS[room.split(".")[0]], "ec": "#5a5a5a", "lw": 0.7}
        name = room.replace(".", "\n", 1)
        axes.text(x[room, floor], floor, name, ha="center", va="center", fontsize=9, bbox=box, linespacing=1.1)
    across = max(abs(place) for place in x.values()) + ROOM / 2
    axes.set(xlim=(-across, across), ylim=(-0.6, max(floors.values()) + 0.6))
    axes.axis("off")
    figure.savefig(path, dpi=100, metadata={"Software": None, "rooms": " ".join(sorted(ROOMS))})


def _half_height(room: str) -> float:
    return 0.25 if "." in room else 0.17  # two lines of text, or one


if __name__ == "__main__":
    draw(without_shortcuts(arrows_of_imports()), PICTURE)
