"""A bar plot of speeds as SVG."""

from html import escape

WIDTH, LABEL, BAR, GAP = 720, 210, 18, 8


def svg(title, panels):
    """panels: {heading: {contender: (median, lowest, highest)}}, all ratios to 1."""
    largest = max(high for bars in panels.values() for _, _, high in bars.values())
    scale = (WIDTH - LABEL - 70) / max(largest, 1)
    parts, y = [text(10, 22, title, "font-weight='bold'")], 44
    for heading, bars in panels.items():
        parts.append(text(10, y + 12, heading, "font-style='italic'"))
        y += 24
        top = y
        for name, (median, low, high) in bars.items():
            middle = y + BAR / 2
            color = "#d2691e" if name.startswith("torchlayers") else "#7a8ca0"
            parts += [
                text(10, y + 13, name),
                f"<rect x='{LABEL}' y='{y}' width='{median * scale:.1f}' height='{BAR}' fill='{color}'/>",
                f"<path d='M{LABEL + low * scale:.1f} {middle}H{LABEL + high * scale:.1f}' stroke='black'/>",
                text(LABEL + max(median, high) * scale + 6, y + 13, f"{median:.2f}"),
            ]
            y += BAR + GAP
        one = LABEL + scale
        parts.append(f"<path d='M{one:.1f} {top - 4}V{y - 4}' stroke='black' stroke-dasharray='3 3'/>")
        y += 14
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{y}' font-family='sans-serif' "
        f"font-size='13'>\n<rect width='100%' height='100%' fill='white'/>\n" + "\n".join(parts) + "\n</svg>\n")


def text(x, y, words, style=""):
    return f"<text x='{x:.1f}' y='{y}' {style}>{escape(words)}</text>"
