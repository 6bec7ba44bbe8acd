"""Draw the bars for the docs: requests a second at 64 connections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pygal
from pygal.style import LightSolarizedStyle

from benchmarks.peers.results import Run


def draw(run: Run, path: Path) -> None:
    """Write an SVG: one bar a server, on a logarithmic axis since they differ so."""
    chart = pygal.HorizontalBar(
        title="Predictions of one row a second, 64 connections",
        x_title="requests/s, logarithmic",
        logarithmic=True,
        show_legend=False,
        print_values=True,
        print_values_position="top",
        value_formatter=lambda value: f"{value:,.0f}",
        style=LightSolarizedStyle(font_family="sans-serif", value_font_size=12),
        js=(),
        disable_xml_declaration=True,
        width=900,
        height=520,
        min_scale=1,
    )
    seen = [(found, found.at(64)) for found in run.peers]
    bars = sorted(
        ((at.requests_per_second, found) for found, at in seen if at), key=lambda bar: bar[0]
    )
    chart.x_labels = [f"{found.title} ({found.model})" for _, found in bars]
    chart.add(
        "requests/s",
        [
            {"value": rate, "color": "#2aa198" if found.is_ours else "#93a1a1"}
            for rate, found in bars
        ],
    )
    chart.add_xml_filter(_without_scripts)
    path.write_text(chart.render(is_unicode=True) + "\n", encoding="utf-8")


def _without_scripts(root: Any) -> Any:
    """Leave a picture only: pages show it as an image, where no script runs."""
    for parent in list(root.iter()):
        for child in [each for each in parent if str(each.tag).endswith("script")]:
            parent.remove(child)
    return root
