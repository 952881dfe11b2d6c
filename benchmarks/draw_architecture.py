"""docs/architecture.png: the rooms and their imports, read off the code.    python benchmarks/draw_architecture.py

A room stands above all that it imports; an arrow that follows from two others is left out.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.support.paths import ROOT
from tests.test_imports import FILES, ROOMS, imported, is_face, module_of, room_of

PICTURE = ROOT / "docs" / "architecture.png"
COLOURS = {"movinet": "#cfe3f2", "space": "#d5ecd9", "results": "#f6e3b8", "search": "#f3d3cf", "run_search": "#e3d7ee"}
WIDTH, GAP = 1.0, 1.28  # of a box, and from one to the next

Arrows = dict[str, set[str]]  # from a room to those that its files import


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


def places(arrows: Arrows) -> dict[str, tuple[float, int]]:
    """x and floor of each room: a floor above the highest that it imports, near the middle of its neighbours."""
    floors: dict[str, int] = {}
    for room in ROOMS:
        floors[room] = max((floors[other] + 1 for other in arrows[room]), default=0)
    rows: dict[int, list[str]] = defaultdict(list)
    for room in sorted(ROOMS, key=lambda room: list(COLOURS).index(room.split(".")[0])):
        rows[floors[room]].append(room)
    x = {room: _middle(place, len(row)) for row in rows.values() for place, room in enumerate(row)}
    near = {room: {*arrows[room], *(other for other in ROOMS if room in arrows[other])} for room in ROOMS}
    for _ in range(20):
        for row in rows.values():
            row.sort(key=lambda room: sum(x[other] for other in near[room]) / max(1, len(near[room])))
            x |= {room: _middle(place, len(row)) for place, room in enumerate(row)}
    return {room: (x[room], floors[room]) for room in ROOMS}


def _middle(place: int, places: int) -> float:
    return GAP * (place - (places - 1) / 2)


def draw(arrows: Arrows, path: Path) -> None:
    """Writes the picture; its text fields hold the rooms, so that a test sees whether it is of today's."""
    from matplotlib.figure import Figure

    axes = (figure := Figure(figsize=(9, 10))).add_axes((0, 0, 1, 1))
    at = places(arrows)
    for room, others in arrows.items():
        for other in sorted(others):
            (x, y), (to_x, to_y) = at[room], at[other]
            shape = {"arrowstyle": "-|>", "color": "#8a8a8a", "lw": 0.8, "shrinkA": 0, "shrinkB": 1}
            axes.annotate("", (to_x, to_y + 0.24), (x, y - 0.24), arrowprops=shape)
    for room, (x, y) in at.items():
        colour = COLOURS[room.split(".")[0]]
        box = {"boxstyle": "round,pad=0.35", "fc": colour, "ec": "#5a5a5a", "lw": 0.7}
        axes.text(x, y, room.replace(".", "\n", 1), ha="center", va="center", fontsize=9, bbox=box, linespacing=1.1)
    across = max(abs(x) for x, _ in at.values()) + WIDTH
    axes.set(xlim=(-across, across), ylim=(-0.6, max(y for _, y in at.values()) + 0.6))
    axes.axis("off")
    figure.savefig(path, dpi=110, metadata={"Software": None, "rooms": " ".join(sorted(ROOMS))})


if __name__ == "__main__":
    draw(without_shortcuts(arrows_of_imports()), PICTURE)
