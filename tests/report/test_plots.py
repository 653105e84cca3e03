"""Pictures: the same every time, nothing overlaps, and what is missing is said."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest

from kanaria import knowledge
from kanaria.core.errors import ConfigError, MissingExtra
from kanaria.core.types import LANGUAGES, Analysis, Incident, Series, Severity, Stage, Text
from kanaria.report import html, plots, plots_style, plots_timeline
from kanaria.report.plots_series import draw_surprise
from kanaria.report.plots_sheet import sheet
from kanaria.report.plots_style import THEMES, darkened, style
from tests.programs import japanese_font
from tests.report.report_samples import START, analysis, dns_server, finding, fragment, incident, scanner, series

STAGES: tuple[Stage | None, ...] = (None, "reconnaissance", "execution", "impact")
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical", "informational")


def full() -> Analysis:
    return replace(analysis(dns_server(), *(scanner(day) for day in (-6, -2, 4))), series=series())


def busy(count: int = 120) -> Incident:
    title = Text(
        en="A model with quite a long name that goes on and on $x$",
        ja="とても長い名前のモデルが検知した事柄について" * 2,
    )
    return incident(
        tuple(
            finding(
                f"rule_{n % 17}",
                (n * n * 37) % 2000,
                f"203.0.113.{n}",
                severity=SEVERITIES[n % 5],
                stage=STAGES[n % 4],
                title=title,
            )
            for n in range(count)
        )
    )


def test_every_picture_there_is_something_to_draw_for() -> None:
    run = full()
    assert [made.id for made in plots.pictures(run.incidents[0], run, "en")] == [
        "timeline",
        "counts",
        "surprise",
        "volume",
        "messages",
    ]
    assert [made.id for made in plots.pictures(run.incidents[1], run, "en")] == ["counts"]
    assert list(plots.pictures(fragment(), analysis(fragment()), "en")) == []


@pytest.mark.parametrize("language", ["en", "ja"])
def test_pictures_are_the_same_every_time_and_carry_no_date(language: Any) -> None:
    run = full()
    for made in plots.pictures(run.incidents[0], run, language):
        drawn = made.svg()
        assert drawn == made.svg()
        ElementTree.fromstring(drawn)  # noqa: S314  (our own text)
        assert "dc:date" not in drawn and "Matplotlib v" not in drawn


def test_png_is_png() -> None:
    run = full()
    first = next(plots.pictures(run.incidents[0], run, "en"))
    assert first.png().startswith(b"\x89PNG")
    assert first.png() == first.png()


def test_dark_is_light_in_other_colours() -> None:
    run = full()
    first = next(plots.pictures(run.incidents[0], run, "en"))
    colours = {
        theme: set(re.findall("#[0-9a-f]{6}", text))
        for theme, text in (("light", darkened(first.svg())), ("dark", first.svg("dark")))
    }
    assert colours["light"] == colours["dark"]
    assert THEMES["light"].paper not in colours["dark"]


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("story", [dns_server(), busy(), busy(7), incident((finding(minutes=0), finding("other", 0)))])
def test_labels_and_markers_do_not_overlap(language: Any, story: Incident) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    chosen = style(language)
    with plots_style._settings(chosen):
        figure = Figure(figsize=(plots_style.WIDTH, 3), dpi=plots_style.SCREEN_DPI)
        canvas = FigureCanvasAgg(figure)
        plots_timeline.draw(figure, chosen, story)
        canvas.draw()
        axes = figure.axes[0]
        boxes = [text.get_window_extent() for text in axes.texts if text.get_text()]
        page = figure.bbox
    assert boxes
    for number, box in enumerate(boxes):
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1
        for other in boxes[number + 1 :]:
            width = min(box.x1, other.x1) - max(box.x0, other.x0)
            height = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert width <= 0 or height <= 4, "two labels on one another (4 px: room above and below glyphs)"


def test_one_event_per_model_with_its_remotes_and_times() -> None:
    shown = plots_timeline.events(dns_server().findings)
    incoming = next(event for event in shown if event.title.en == "Incoming Remote Desktop")
    assert len(incoming.times) == 4 == len(incoming.remotes)
    assert incoming.first == START + timedelta(minutes=4)
    assert [event.first for event in shown] == sorted(event.first for event in shown)


def test_too_many_models_keep_the_worst() -> None:
    many = tuple(finding(f"r{n}", n, severity="critical" if n == 59 else "low") for n in range(60))
    shown = plots_timeline.events(many)
    assert len(shown) == plots_timeline.EVENTS_SHOWN
    assert shown[-1].severity == "critical"


@pytest.mark.parametrize(
    "text", ["$\\frac{1}{0}$", "a\x1bb\u202e", "\U0001f4a9 emoji", "\ud800", "日本語 x", "", "\n\n"]
)
def test_any_title_can_be_drawn(text: str) -> None:
    two = incident((finding(title=Text(en=text, ja=text)), finding("b", 5, text, text)))
    for language in LANGUAGES:
        assert "<svg" in next(plots.pictures(two, analysis(two), language)).svg()


def test_extreme_times_can_be_drawn() -> None:
    for minutes in (0.00001, 0.5, 60 * 24 * 365 * 30):
        two = incident((finding(), finding("b", minutes)))
        assert "<svg" in next(plots.pictures(two, analysis(two), "en")).svg()


def test_without_a_japanese_font_labels_are_english_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots_style, "japanese_font", lambda: None)
    assert style("ja").language == "en"
    note = plots.note(full(), "ja")
    assert note is not None and "日本語フォント" in note.ja
    assert plots.note(full(), "en") is None


def test_without_the_library_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "matplotlib" else real(name, *more)
    )
    page = html.render(full(), knowledge.load(), "en")
    assert "<img" not in page and "matplotlib is not installed" in page
    with pytest.raises(MissingExtra, match=r"install .*matplotlib"):
        style("en")


def test_the_page_holds_pictures_for_both_papers() -> None:
    page = html.render(replace(full(), series=()), knowledge.load(), "ja")
    assert page.count("<figure>") == 2 == page.count('prefers-color-scheme: dark)" srcset="data:image/svg+xml;base64,')
    assert "インシデントの時系列" in page
    assert not re.search(r"(src|href|srcset)=\"(?!data:|#)", page)


def test_noise_of_the_internet_gets_no_pictures() -> None:
    quiet = analysis(scanner(1), scanner(2))
    assert plots.embedded(quiet, "en") == {}
    assert plots.note(quiet, "ja") is None


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("ja", "dark")])
def test_a_sheet_shows_every_picture_below_its_caption(language: Any, theme: Any) -> None:
    run = full()
    drawn = sheet(run.incidents[0], run, language, theme=theme)
    assert drawn == sheet(run.incidents[0], run, language, theme=theme)
    root = ElementTree.fromstring(drawn)  # noqa: S314  (our own text)
    parts = [element.get("id") or "" for element in root.iter() if (element.get("id") or "").startswith("axes_")]
    assert len(parts) == len(list(plots.pictures(run.incidents[0], run, language))) == 5
    height = float((root.get("height") or "0pt").removesuffix("pt")) / 72
    assert height > 5 * 2.7, "as tall as its pictures together"
    assert THEMES[theme].paper in drawn.decode() and THEMES[theme].ink in drawn.decode()


def test_a_sheet_as_png_and_with_nothing_to_draw() -> None:
    run = full()
    assert sheet(run.incidents[0], run, "en", png=True).startswith(b"\x89PNG")
    with pytest.raises(ConfigError, match="carry no time"):
        sheet(fragment(), analysis(fragment()), "en")


def test_surprise_is_drawn_against_the_threshold_of_its_time() -> None:
    from matplotlib.figure import Figure

    japanese_font()
    bits = next(one for one in series() if one.kind == "surprise")
    times = [time for time, _ in bits.points]
    limits = Series(kind="threshold", device=bits.device, unit="bits", points=tuple((time, 5.0) for time in times[40:]))
    figure = Figure()
    draw_surprise(figure, style("ja"), bits, limits, dns_server())
    axes: Any = figure.axes[0]
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert list(lines) == ["その時間で最も意外なもの", "その時点の通知のしきい値(1日の通知数から決定)", "しきい値以上"]
    _, limit, above = lines.values()
    assert (list(limit.get_xdata()), set(limit.get_ydata())) == (times[40:], {5.0})
    assert list(above.get_ydata()) == [value for time, value in bits.points if time >= times[40] and value >= 5.0]
    assert len(axes.get_legend().get_texts()) == 3


def test_a_certificate_does_not_press_the_other_messages_flat() -> None:
    lengths = tuple((time, value if value > 0 else -9_000.0 if n == 1 else value)
                    for n, (time, value) in enumerate(series()[3].points))  # fmt: skip
    long = replace(series()[3], points=lengths)
    figures: list[Any] = []

    def draw(figure: Any, chosen: Any) -> None:
        plots.plots_series.draw_messages(figure, chosen, long)
        figures.append(figure.axes[0].get_ylim())

    plots_style.svg(draw, style("en"))
    assert figures == [pytest.approx((-1518.0, 759.0))]
