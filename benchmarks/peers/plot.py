"""Draw the bars for the docs: requests a second at 64 connections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pygal
from pygal.style import CleanStyle

from benchmarks.peers.results import Run

_OURS, _OTHERS = "#1a8a80", "#a3acae"


def draw(run: Run, path: Path) -> None:
    """Write an SVG: one bar a server, the fastest on top, from zero."""
    seen = [(found, found.at(64)) for found in run.peers]
    bars = sorted(
        ((at.requests_per_second, found) for found, at in seen if at), key=lambda bar: bar[0]
    )
    highest = bars[-1][0] if bars else 1.0
    chart = pygal.HorizontalBar(
        title="Predictions of one row, requests/s at 64 connections",
        range=(0, 1.1 * highest),
        show_legend=False,
        show_x_labels=False,
        show_x_guides=False,
        show_y_guides=False,
        style=CleanStyle(
            font_family="sans-serif",
            background="white",
            plot_background="white",
            opacity="1",
            label_font_size=12,
        ),
        js=(),
        disable_xml_declaration=True,
        width=900,
        height=520,
    )
    chart.x_labels = [f"{found.title} ({found.model})  {rate:,.0f}" for rate, found in bars]
    chart.add(
        "requests/s",
        [{"value": rate, "color": _OURS if found.is_ours else _OTHERS} for rate, found in bars],
    )
    chart.add_xml_filter(_without_scripts)
    path.write_text(chart.render(is_unicode=True) + "\n", encoding="utf-8")


def _without_scripts(root: Any) -> Any:
    """Leave a picture only: pages show it as an image, where no script runs."""
    for parent in list(root.iter()):
        for child in [each for each in parent if str(each.tag).endswith("script")]:
            parent.remove(child)
    return root
