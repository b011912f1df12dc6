# SPDX-License-Identifier: Apache-2.0
"""A confusion matrix as an SVG picture."""
from xml.sax.saxutils import escape

CELL, LEFT, TOP = 120, 190, 80


def text(x, y, what, size=15, anchor="middle", fill="#222"):
    return (f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{fill}" '
            f'font-family="sans-serif">{escape(str(what))}</text>')


def confusion(path, names, counts, title):
    """counts[i][j]: flows that are names[i] and were called names[j]."""
    n = len(names)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + n * CELL + 20}" height="{TOP + n * CELL + 60}">',
           '<rect width="100%" height="100%" fill="white"/>', text(LEFT + n * CELL / 2, 28, title, 17),
           text(LEFT + n * CELL / 2, TOP + n * CELL + 44, "called"), text(14, TOP - 12, "is", anchor="start")]
    for i, name in enumerate(names):
        whole = sum(counts[i]) or 1
        out.append(text(LEFT - 10, TOP + i * CELL + CELL / 2 + 5, name, anchor="end"))
        out.append(text(LEFT + i * CELL + CELL / 2, TOP + n * CELL + 22, name, 13))
        for j in range(n):
            share = counts[i][j] / whole
            shade = f"rgb({int(255 - 205 * share)},{int(255 - 140 * share)},{int(255 - 65 * share)})"
            out.append(f'<rect x="{LEFT + j * CELL}" y="{TOP + i * CELL}" width="{CELL}" height="{CELL}" '
                       f'fill="{shade}" stroke="white" stroke-width="2"/>')
            out.append(text(LEFT + j * CELL + CELL / 2, TOP + i * CELL + CELL / 2 + 6, counts[i][j], 18,
                            fill="white" if share > 0.6 else "#222"))
    out.append("</svg>\n")
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(out))
