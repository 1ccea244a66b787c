"""Is the report readable where people read it? Opened in a real browser: screen, phone, dark, on paper, by keyboard."""

from pathlib import Path
from typing import Any

import pytest

from expfam.report.sections import SECTIONS

PHONE, DESK, PAPER = (390, 844), (1440, 1100), (680, 960)

CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour, under) => {
    canvas.fillStyle = `rgb(${under.join(",")})`; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (c) => {
    const [r, g, b] = c.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = (at) => {
    if (!at) return [255, 255, 255];
    return rgb(getComputedStyle(at).backgroundColor, paper(at.parentElement));
  };
  const found = [];
  for (const at of document.body.querySelectorAll("*")) {
    const own = [...at.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !at.checkVisibility() || at.closest("script, style, defs")) continue;
    const style = getComputedStyle(at), behind = paper(at.parentElement && at);
    const drawn = at.closest("svg");
    const ink = rgb(drawn ? style.fill : style.color, behind);
    const share = drawn ? style.opacity * style.fillOpacity : 1;
    const mixed = ink.map((v, k) => share * v + (1 - share) * behind[k]);
    const [a, b] = [light(mixed), light(behind)].sort((x, y) => y - x);
    found.push({ ratio: (a + 0.05) / (b + 0.05), tag: at.tagName, text: at.textContent.trim().slice(0, 40) });
  }
  return found;
}"""


class Opened:
    """A page with all that it logged, asked of the network or popped up."""

    def __init__(self, browser: Any, path: Path, size: tuple[int, int], **options: Any) -> None:
        self.context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        self.page = self.context.new_page()
        self.logged: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.logged.append(message.text))
        self.page.on("pageerror", lambda error: self.logged.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.logged.append("dialog"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def __enter__(self) -> "Opened":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def column(self, caption: str, number: int) -> list[str]:
        """The cells of a column of a table as shown, the number from 1."""
        return self.table(caption).locator(f"tbody tr > :nth-child({number})").all_inner_texts()

    def table(self, caption: str) -> Any:
        return self.page.locator("table").filter(has=self.page.locator("caption", has_text=caption)).first


def numbers(cells: list[str]) -> list[float]:
    return [float(cell.replace(",", "").replace("< ", "")) for cell in cells if cell not in ("", "NA")]


def test_nothing_is_logged_and_nothing_is_asked_of_a_network(chromium: Any, report: Path) -> None:
    with Opened(chromium, report, DESK) as seen:
        assert seen.logged == []
        assert seen.asked == [report.as_uri()]


def test_every_section_is_there_and_the_contents_lead_to_it(chromium: Any, report: Path) -> None:
    with Opened(chromium, report, DESK) as seen:
        found = seen.page.locator("main > section").evaluate_all("all => all.map(at => at.id)")
        assert found == ["warnings", *(name for name, _ in SECTIONS)]
        links = seen.page.locator("nav a").evaluate_all("all => all.map(at => at.getAttribute('href'))")
        assert links == [f"#{name}" for name in found]
        assert seen.page.locator("main > section > h2").count() == len(found)
        assert seen.page.evaluate("new Set([...document.querySelectorAll('[id]')].map(at => at.id)).size") == (
            seen.page.locator("[id]").count()
        )


def test_markup_in_names_is_text(chromium: Any, report: Path) -> None:
    with Opened(chromium, report, DESK) as seen:
        body = seen.page.inner_text("main")
        for name in ("<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "{{ 7 * 7 }}", "a & b"):
            assert f"g[{name}]" in body or f"g: {name}" in body
        assert seen.page.locator("script").count() == 1
        assert seen.page.locator("img").count() == 0
        assert seen.logged == []


def test_markup_that_came_in_all_the_same_would_not_run(chromium: Any, report: Path, tmp_path: Path) -> None:
    """The policy of the page lets no script run but its own, were there a hole in the escaping."""
    broken = tmp_path / "broken.html"
    attack = "<script>window.broken = 1</script><img src=x onerror='window.broken = 1'>"
    broken.write_text(report.read_text("utf-8").replace("<main>", f"<main>{attack}"), "utf-8")
    with Opened(chromium, broken, DESK) as seen:
        assert seen.page.evaluate("window.broken") is None
        assert any("Content Security Policy" in line for line in seen.logged)


def test_a_table_sorts_by_numbers_and_by_text_and_back(chromium: Any, report: Path) -> None:
    with Opened(chromium, report, DESK) as seen:
        estimates, terms = seen.column("Coefficients", 2), seen.column("Coefficients", 1)
        assert numbers(estimates) != sorted(numbers(estimates))
        head = seen.table("Coefficients").locator("thead th").nth(1)
        for state, reverse in (("ascending", False), ("descending", True)):
            head.get_by_role("button").click()
            assert head.get_attribute("aria-sort") == state
            shown = seen.column("Coefficients", 2)
            assert numbers(shown) == sorted(numbers(estimates), reverse=reverse)
            assert shown[-1] in ("", "NA")  # the column that was left out has no estimate: below either way
        head.get_by_role("button").click()
        assert head.get_attribute("aria-sort") == "none"
        assert seen.column("Coefficients", 1) == terms
        first = seen.table("Coefficients").locator("thead th").first
        first.get_by_role("button").focus()
        seen.page.keyboard.press("Enter")
        assert first.get_attribute("aria-sort") == "ascending"
        assert sorted(terms) != terms
        wide = [term for term in seen.column("Coefficients", 1) if term.startswith("wide")]
        assert wide == sorted(wide)


def test_the_page_is_as_wide_as_a_phone(chromium: Any, report: Path) -> None:
    with Opened(chromium, report, PHONE) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
        wider = seen.page.evaluate(
            """() => [...document.querySelectorAll("main *, header *, nav *")].filter((at) =>
                 at.getBoundingClientRect().right > innerWidth + 1 && !at.closest(".scroll, .drawing"))
                 .map((at) => at.outerHTML.slice(0, 80))"""
        )
        assert wider == []
        small = seen.page.evaluate(
            """() => [...document.querySelectorAll("main p, main dd, main td, main th")]
                 .filter((at) => parseFloat(getComputedStyle(at).fontSize) < 12).length"""
        )
        assert small == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_keeps_its_contrast(chromium: Any, report: Path, scheme: str) -> None:
    with Opened(chromium, report, DESK, color_scheme=scheme) as seen:
        seen.page.evaluate("document.querySelectorAll('details').forEach((at) => { at.open = true; })")
        found = seen.page.evaluate(CONTRAST)
        assert len(found) > 300
        assert [text for text in found if text["ratio"] < 4.5] == []


def test_dark_is_dark_and_light_is_light(chromium: Any, report: Path) -> None:
    ground = {}
    for scheme in ("light", "dark"):
        with Opened(chromium, report, DESK, color_scheme=scheme) as seen:
            ground[scheme] = seen.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 29)"}


def test_paper_holds_everything(chromium: Any, report: Path) -> None:
    with Opened(chromium, report, PAPER, color_scheme="dark") as seen:
        seen.page.emulate_media(media="print")
        before = seen.page.evaluate("[...document.querySelectorAll('details')].map((at) => at.open)")
        seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        places = seen.page.evaluate("[...document.querySelectorAll('*')].map(at => getComputedStyle(at).position)")
        assert not {"fixed", "sticky"} & set(places)
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= PAPER[0]
        assert seen.page.evaluate("[...document.querySelectorAll('details')].every((at) => at.open)")
        assert seen.page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
        seen.page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert seen.page.evaluate("[...document.querySelectorAll('details')].map((at) => at.open)") == before
        assert not all(before)
        assert seen.page.pdf(format="A4")[:5] == b"%PDF-"


def test_without_scripts_everything_is_there(chromium: Any, report: Path) -> None:
    with Opened(chromium, report, DESK, java_script_enabled=False) as seen:
        assert len(seen.column("Coefficients", 2)) == 1 + 2 + 3 + 59
        assert seen.page.locator("thead button").count() == 0
