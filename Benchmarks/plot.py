"""Speeds relative to PyTorch eager as an SVG picture: a line for each workload, a dot for each contender."""

import math
import statistics
from html import escape

from peers import COMPILED, CPP, EAGER, EXACT, FUSED, JAX, LAST, ONNX, OURS, TENSORFLOW

COLORS = {OURS: "#e4572e", EXACT: "#f2a07b", EAGER: "#222222", FUSED: "#777777", LAST: "#aaaaaa", COMPILED: "#4f86c6",
          CPP: "#2e9e6b", ONNX: "#b07aa1", JAX: "#c9a227", TENSORFLOW: "#17becf"}
LEFT, WIDTH, GAP, LINE, TOP = 190, 360, 40, 7, 96


def svg(speeds):
    """speeds: what compare.py keeps of each workload."""
    points = {part: [] for part in ("train", "infer")}
    for part, found in points.items():
        for one in speeds:
            base = one["runs"][EAGER][part]
            found.append({name: [a / b for a, b in zip(parts[part], base)]
                          for name, parts in one["runs"].items() if parts[part]})
    every = [value for found in points.values() for row in found for values in row.values() for value in values]
    low, high = min(0.5, *every), max(2, *every)
    names = [name for name in COLORS if any(name in row for found in points.values() for row in found)]
    height_of_row = LINE * len(names) + 14
    total = (LEFT + 2 * WIDTH + GAP + 20, TOP + height_of_row * len(speeds) + 30)
    parts = [text(10, 24, "Speed relative to PyTorch eager: median, and the spread over the rounds", "bold")]
    for index, name in enumerate(names):
        x, y = 16 + index % 5 * 185, 46 + index // 5 * 18
        parts += [dot(x, y - 4, COLORS[name]), text(x + 9, y, name)]
    for panel, (part, heading) in enumerate((("train", "training"), ("infer", "inference"))):
        left = LEFT + panel * (WIDTH + GAP)

        def position(ratio):
            return left + WIDTH * math.log(ratio / low) / math.log(high / low)

        bottom = TOP + height_of_row * len(speeds)
        parts.append(text(left, TOP - 8, heading, "bold"))
        for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50):
            if low <= tick <= high:
                x = position(tick)
                stroke = "#222" if tick == 1 else "#ddd"
                parts += [f"<path d='M{x:.1f} {TOP}V{bottom}' stroke='{stroke}'/>",
                          text(x - 6, bottom + 16, f"{tick:g}")]
        for row, found in enumerate(points[part]):
            y = TOP + row * height_of_row
            parts.append(f"<path d='M{left} {y}H{left + WIDTH}' stroke='#ddd'/>")
            if panel == 0:
                parts.append(text(10, y + height_of_row / 2 + 4, speeds[row]["title"]))
            for index, name in enumerate(names):
                if name in found:
                    values, at = found[name], y + 10 + index * LINE
                    parts.append(
                        f"<path d='M{position(min(values)):.1f} {at}H{position(max(values)):.1f}' "
                        f"stroke='{COLORS[name]}' stroke-width='2'/>")
                    parts.append(dot(position(statistics.median(values)), at, COLORS[name]))
    return (f"<svg xmlns='http://www.w3.org/2000/svg' width='{total[0]}' height='{total[1]}' font-family='sans-serif' "
            "font-size='12'>\n<rect width='100%' height='100%' fill='white'/>\n" + "\n".join(parts) + "\n</svg>\n")


def dot(x, y, color):
    return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3.5' fill='{color}'/>"


def text(x, y, words, weight="normal"):
    return f"<text x='{x:.1f}' y='{y:.1f}' font-weight='{weight}'>{escape(words)}</text>"
