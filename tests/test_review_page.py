"""The review page in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import time

import pyogrio
import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.actions import interaction
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from road_extract import Outputs, VectorizeOptions, extract_roads, write_report
from road_extract.cli import run
from tests.helpers.browser import open_chromium, requested
from tests.helpers.review import four_lines, line_feature, page_data, write_decisions, write_lines
from tests.helpers.scenes import roads_in, write_geotiff

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def chrome(tmp_path_factory):
    yield from open_chromium(tmp_path_factory.mktemp("chromium"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Four lines over a scene; the order of their doubt is 3, 2, 1, 4."""
    folder = tmp_path_factory.mktemp("made")
    scene = write_geotiff(folder / "scene.tif", roads_in(300, 260))
    write_report(scene, four_lines(folder / "roads.gpkg"), folder / "page.html")
    return folder


@pytest.fixture
def page(made, tmp_path):
    """A copy for one test, with its roads beside it."""
    return shutil.copytree(made, tmp_path, dirs_exist_ok=True) / "page.html"


def visit(chrome, page, *, afresh=True):
    if afresh:
        chrome.get(page.as_uri())
        chrome.execute_script("localStorage.clear()")
    errors(chrome)
    requested(chrome)
    chrome.get(page.as_uri())
    wait(chrome, lambda: chrome.execute_script("return document.documentElement.dataset.ready === 'yes'"))
    wait(chrome, lambda: view(chrome) is not None)


def errors(chrome):
    """What the console has said since the last call, except for advice about the tests' own way to read pixels."""
    return [entry["message"] for entry in chrome.get_log("browser") if "willReadFrequently" not in entry["message"]]


def wait(chrome, condition):
    WebDriverWait(chrome, 60, poll_frequency=0.05).until(lambda _: condition())


def view(chrome):
    """Scale and upper left corner of the map when it was last drawn."""
    text = chrome.find_element(By.ID, "map").get_attribute("data-view")
    return None if text is None else json.loads(text)


def settled(chrome):
    """The view when nothing moves any more."""
    before = None
    while (now := view(chrome)) != before:
        before = now
        time.sleep(0.25)
    return now


def pixel(chrome, x, y):
    """Colour of a place of the scene on the screen."""
    return chrome.execute_script(
        """const map = roadReview.map; map.moving = false; map.paint();
        const k = map.scale * map.density;
        const at = [(arguments[0] - map.left) * k, (arguments[1] - map.top) * k];
        return [...map.context.getImageData(Math.round(at[0]), Math.round(at[1]), 1, 1).data];""",
        x, y,
    )  # fmt: skip


def rows(chrome):
    return chrome.find_elements(By.CSS_SELECTOR, "#list button")


def title(chrome):
    return chrome.find_element(By.ID, "piece-title").text


def click(chrome, name):
    chrome.find_element(By.ID, name).click()


def keys(chrome, *pressed):
    ActionChains(chrome).send_keys(*pressed).perform()


def decisions(chrome):
    return json.loads(chrome.execute_script("return roadReview.store.toText()"))["decisions"]


def test_a_page_loads_without_errors_and_asks_for_nothing(chrome, page):
    visit(chrome, page)
    assert errors(chrome) == []
    assert requested(chrome) == [page.as_uri()]
    assert chrome.execute_script("return document.getElementById('scene').naturalWidth") == 260
    assert [row.text.split("\n")[0] for row in rows(chrome)] == [
        "Bridged gap 3", "Road line 2", "Road line 1", "Road line 4",
    ]  # fmt: skip
    assert "0.7 km (4)" in chrome.find_element(By.ID, "figures").text


def test_nothing_can_be_loaded_or_sent_even_by_a_script(chrome, page):
    """The policy holds against what might slip in."""
    visit(chrome, page)
    done = chrome.execute_async_script(
        """const done = arguments[0], seen = [];
        addEventListener("securitypolicyviolation", (event) => seen.push(event.effectiveDirective));
        fetch("https://example.org/").catch(() => {});
        const image = new Image(); image.src = "https://example.org/a.png";
        const script = document.createElement("script");
        script.textContent = "window.slipped = true";
        document.body.append(script);
        setTimeout(() => done([seen.sort(), window.slipped ?? false]), 500);"""
    )
    assert done == [["connect-src", "img-src", "script-src-elem"], False]


def test_the_map_shows_scene_and_roads_where_they_are(chrome, page):
    visit(chrome, page)
    settled(chrome)
    red, _, blue, _ = pixel(chrome, 60, 30)  # on line 1, far from its nodes
    assert blue > 200 > 100 > red
    assert max(pixel(chrome, 60, 60)[:3]) < 40  # the dark ground of the scene
    assert min(pixel(chrome, 60, 104)[:3]) > 200  # a bright road of the scene


def test_layers_can_be_switched_off_and_on(chrome, page):
    visit(chrome, page)
    settled(chrome)
    click(chrome, "layer-line")
    assert max(pixel(chrome, 60, 30)[:3]) < 40
    click(chrome, "layer-scene")
    assert pixel(chrome, 60, 104) == pixel(chrome, 60, 60)
    click(chrome, "layer-line")
    assert pixel(chrome, 60, 30)[2] > 200
    click(chrome, "layer-scene")
    assert chrome.find_element(By.ID, "status").get_attribute("textContent") == "Scene shown"
    assert min(pixel(chrome, 60, 104)[:3]) > 200


def test_the_mouse_moves_and_zooms_the_map_and_chooses_roads(chrome, page):
    visit(chrome, page)
    before = settled(chrome)
    canvas = chrome.find_element(By.ID, "map")
    ActionChains(chrome).move_to_element(canvas).click_and_hold().move_by_offset(60, 25).release().perform()
    moved = settled(chrome)
    assert moved["left"] == pytest.approx(before["left"] - 60 / before["scale"], abs=0.5)
    assert moved["top"] == pytest.approx(before["top"] - 25 / before["scale"], abs=0.5)
    assert not chrome.find_element(By.ID, "piece").is_displayed()
    ActionChains(chrome).scroll_from_origin(_origin(canvas), 0, -300).perform()
    zoomed = settled(chrome)
    assert zoomed["scale"] > 1.4 * moved["scale"]
    middle = [v["left"] + canvas.size["width"] / 2 / v["scale"] for v in (moved, zoomed)]
    assert middle[0] == pytest.approx(middle[1], abs=0.5)  # the place under the pointer stays
    click(chrome, "zoom-all")
    now = settled(chrome)
    x, y = ((at - now[side]) * now["scale"] for at, side in ((220, "left"), (200, "top")))
    ActionChains(chrome).move_to_element_with_offset(
        canvas, round(x - canvas.size["width"] / 2), round(y - canvas.size["height"] / 2)
    ).click().perform()
    assert title(chrome) == "Road line 4"
    assert "0.95" in chrome.find_element(By.ID, "attributes").text


def _origin(canvas):
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    return ScrollOrigin.from_element(canvas)


def test_two_fingers_zoom_the_map(chrome, page):
    visit(chrome, page)
    before = settled(chrome)
    canvas = chrome.find_element(By.ID, "map")
    x, y = (round(canvas.rect[a] + canvas.rect[b] / 2) for a, b in (("x", "width"), ("y", "height")))
    first = PointerInput(interaction.POINTER_TOUCH, "one")
    fingers = ActionBuilder(chrome, mouse=first)
    second = fingers.add_pointer_input(interaction.POINTER_TOUCH, "two")
    for pointer, side in ((first, -1), (second, 1)):
        pointer.create_pointer_move(0, x + side * 40, y)
        pointer.create_pointer_down(button=0)
        pointer.create_pointer_move(200, x + side * 120, y)
        pointer.create_pointer_up(0)
    fingers.perform()
    assert settled(chrome)["scale"] > 2 * before["scale"]


def test_the_list_leads_to_its_roads(chrome, page):
    visit(chrome, page)
    settled(chrome)
    rows(chrome)[1].click()
    now = settled(chrome)
    canvas = chrome.find_element(By.ID, "map")
    middle = (
        now["left"] + canvas.size["width"] / 2 / now["scale"],
        now["top"] + canvas.size["height"] / 2 / now["scale"],
    )
    assert middle == (pytest.approx(110, abs=10), pytest.approx(150, abs=10))
    assert title(chrome) == "Road line 2"
    assert rows(chrome)[1].get_attribute("aria-current") == "true"
    status = chrome.find_element(By.ID, "status")
    assert "Road line 2" in status.get_attribute("textContent")
    assert (status.aria_role, status.get_attribute("aria-live")) == ("status", "polite")  # it is read aloud
    Select(chrome.find_element(By.ID, "filter")).select_by_visible_text("bridged gaps")
    assert [row.text.split("\n")[0] for row in rows(chrome)] == ["Bridged gap 3"]


def test_the_keyboard_does_everything(chrome, page):
    visit(chrome, page)
    before = settled(chrome)
    chrome.execute_script("document.getElementById('map').focus()")
    keys(chrome, Keys.ARROW_RIGHT)
    assert settled(chrome)["left"] > before["left"]
    keys(chrome, "+")
    assert settled(chrome)["scale"] > before["scale"]
    keys(chrome, "0")
    assert settled(chrome)["scale"] == pytest.approx(before["scale"])
    keys(chrome, "n")
    assert title(chrome) == "Bridged gap 3"
    keys(chrome, "r")
    assert title(chrome) == "Road line 2"  # it goes on by itself
    keys(chrome, "a")
    keys(chrome, "t")
    keys(chrome, "a field track")
    keys(chrome, Keys.ESCAPE)
    assert chrome.switch_to.active_element.get_attribute("id") == "map"
    assert decisions(chrome) == [
        {"layer": "road_lines", "id": 3, "decision": "rejected", "note": ""},
        {"layer": "road_lines", "id": 2, "decision": "accepted", "note": ""},
        {"layer": "road_lines", "id": 1, "decision": None, "note": "a field track"},
    ]
    keys(chrome, "p", "p", "u")
    assert [entry["id"] for entry in decisions(chrome)] == [2, 1]


def test_letters_do_nothing_outside_of_map_and_list(chrome, page):
    visit(chrome, page)
    rows(chrome)[0].click()
    chrome.execute_script("document.getElementById('save').focus()")
    keys(chrome, "a")
    assert decisions(chrome) == []


def test_everything_can_be_reached_by_tab_in_the_order_of_the_page(chrome, page):
    visit(chrome, page)
    rows(chrome)[0].click()
    chrome.execute_script("document.activeElement.blur(); scrollTo(0, 0)")
    reached = []
    for _ in range(45):
        keys(chrome, Keys.TAB)
        active = chrome.switch_to.active_element
        reached.append(active.get_attribute("id") or active.text.split("\n")[0])
    wanted = [
        "Skip to the list of roads", "save", "load", "map", "zoom-in", "zoom-out", "zoom-all", "layer-scene",
        "layer-line", "colour-by", "accept", "reject", "next", "go-on", "note", "filter", "undecided",
    ]  # fmt: skip
    places = [reached.index(name) for name in wanted]
    assert places == sorted(places)


def test_everything_has_a_name_for_screen_readers(chrome, page):
    visit(chrome, page)
    rows(chrome)[0].click()
    nodes = chrome.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = {"button", "checkbox", "combobox", "textbox", "application", "progressbar", "image"}
    found = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"] and node.get("role", {}).get("value") in roles
    ]
    assert {role for role, _ in found} >= {"button", "checkbox", "combobox", "textbox", "progressbar"}
    assert [(role, name) for role, name in found if not re.search(r"\w\w", name)] == []  # "+" is a sign, not a name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(chrome, page, scheme):
    """WCAG 2.2, success criterion 1.4.3: at least 4.5 to 1."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    visit(chrome, page)
    rows(chrome)[0].click()
    ratios = chrome.execute_script(
        """
        const numbers = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
        const luminance = (rgb) => {
          const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
          const [r, g, b] = rgb.map((v) => linear(v / 255));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ground = (element) => {
          for (let e = element; e; e = e.parentElement) {
            const [r, g, b, a = 1] = numbers(getComputedStyle(e).backgroundColor);
            if (a > 0.99) return [r, g, b];
          }
          return [255, 255, 255];
        };
        const found = {};
        for (const e of document.querySelectorAll("h1,h2,p,button,summary,label,dt,dd,td,th,li,span,a")) {
          const hasText = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
          if (!hasText || !e.checkVisibility()) continue;
          if (e.closest(".map") && !e.closest(".layers,.zoom")) continue;  // the scale lies on imagery
          const pair = [numbers(getComputedStyle(e).color).slice(0, 3), ground(e)];
          const [a, b] = pair.map(luminance).sort((x, y) => y - x);
          found[`${e.tagName} ${e.textContent.trim().slice(0, 30)}`] = (a + 0.05) / (b + 0.05);
        }
        return found;"""
    )
    assert len(ratios) > 20
    assert {text: ratio for text, ratio in ratios.items() if ratio < 4.5} == {}
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_decisions_survive_a_reload_and_belong_to_their_result(chrome, page, write_scene, tmp_path):
    visit(chrome, page)
    rows(chrome)[0].click()
    click(chrome, "accept")
    chrome.find_element(By.ID, "note").send_keys("sure?")
    visit(chrome, page, afresh=False)
    expected = [
        {"layer": "road_lines", "id": 3, "decision": "accepted", "note": ""},
        {"layer": "road_lines", "id": 2, "decision": None, "note": "sure?"},
    ]
    assert decisions(chrome) == expected
    assert "1 of 4 roads reviewed" in chrome.find_element(By.ID, "progress-text").text
    other = write_lines(tmp_path / "other.gpkg", [line_feature(3, [(5, 5), (90, 90)])])  # an id with a decision here
    write_report(write_scene(roads_in(300, 260)), other, tmp_path / "other.html")
    visit(chrome, tmp_path / "other.html", afresh=False)
    assert decisions(chrome) == []


def test_saved_decisions_go_through_the_review_command(chrome, page, tmp_path, capsys):
    chrome.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    visit(chrome, page)
    rows(chrome)[0].click()
    click(chrome, "reject")
    click(chrome, "accept")
    chrome.find_element(By.ID, "note").send_keys('a "quoted" ümlaut </script>')
    click(chrome, "save")
    saved = tmp_path / "decisions.json"
    wait(chrome, saved.exists)
    for row, expected in ((0, ("false", "true")), (1, ("true", "false")), (2, ("false", "false"))):
        rows(chrome)[row].click()
        pressed = [chrome.find_element(By.ID, name).get_attribute("aria-pressed") for name in ("accept", "reject")]
        assert tuple(pressed) == expected
    args = ["review", str(tmp_path / "roads.gpkg"), str(saved), str(tmp_path / "out.gpkg"), "--keep", "all"]
    assert run(args) == 0
    out = pyogrio.read_dataframe(tmp_path / "out.gpkg").set_index("id")
    assert out.review.fillna("").to_dict() == {1: "", 2: "accepted", 3: "rejected", 4: ""}
    assert out.review_note[1] == 'a "quoted" ümlaut </script>'
    assert "1 accepted, 1 rejected, 2 undecided" in capsys.readouterr().out


def test_decisions_of_others_can_be_loaded_and_wrong_files_are_explained(chrome, page, tmp_path):
    visit(chrome, page)
    data = page_data(page)
    good = write_decisions(tmp_path / "good.json", data, ("road_lines", 2, "accepted", "seen"))
    other = write_decisions(tmp_path / "other.json", {**data, "fingerprint": "x"})
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text("[1]")
    for name, words in (("bad", "not JSON"), ("list", "not a decisions file"), ("other", "another result")):
        chrome.find_element(By.ID, "load-file").send_keys(str(tmp_path / f"{name}.json"))
        wait(chrome, lambda words=words: words in chrome.find_element(By.ID, "notice").text)
        assert decisions(chrome) == []
    assert other.exists()
    assert chrome.find_element(By.ID, "notice").aria_role == "alert"
    chrome.find_element(By.ID, "load-file").send_keys(str(good))
    wait(chrome, lambda: "1 decisions loaded" in chrome.find_element(By.ID, "notice").text)
    assert decisions(chrome) == [{"layer": "road_lines", "id": 2, "decision": "accepted", "note": "seen"}]


def test_attributes_and_names_stay_text(chrome, write_scene, tmp_path):
    evil = "</script><img src=x onerror='window.slipped=true'>"
    roads = write_lines(tmp_path / "<b>r.gpkg", [line_feature(1, [(5, 5), (90, 90)], note=evil)], note=str)
    write_report(write_scene(roads_in(300, 260)), roads, tmp_path / "p.html", made={evil: evil})
    visit(chrome, tmp_path / "p.html")
    rows(chrome)[0].click()
    assert evil in chrome.find_element(By.ID, "attributes").text
    assert chrome.find_element(By.TAG_NAME, "h1").text == "<b>r.gpkg"
    assert chrome.execute_script("return window.slipped ?? false") is False
    assert errors(chrome) == []


def test_a_page_of_a_whole_extraction_shows_all_layers(chrome, write_scene, tmp_path, identity_model):
    scene = write_scene(roads_in(300, 260))
    both = VectorizeOptions(geometry="both")
    extract_roads(scene, Outputs(tmp_path / "r.gpkg", report=tmp_path / "r.html"), vectorize=both)
    visit(chrome, tmp_path / "r.html")
    labels = [label.text for label in chrome.find_elements(By.CSS_SELECTOR, "#layers label")]
    assert labels == ["Scene", "Probability", "Polygons", "Lines"]
    settled(chrome)
    for name in ("layer-area", "layer-line"):
        click(chrome, name)
    before = pixel(chrome, 60, 104)
    click(chrome, "layer-probability")
    assert pixel(chrome, 60, 104) != before
    assert errors(chrome) == []


def test_an_empty_result_says_so(chrome, write_scene, tmp_path):
    roads = write_lines(tmp_path / "r.gpkg", [])
    write_report(write_scene(roads_in(300, 260)), roads, tmp_path / "p.html")
    visit(chrome, tmp_path / "p.html")
    assert "No roads were found" in chrome.find_element(By.ID, "list-help").text
    assert errors(chrome) == []


def test_ten_thousand_roads_are_listed_in_steps(chrome, write_scene, tmp_path):
    lines = [
        line_feature(n, [(n % 250, n / 40), (n % 250 + 5, n / 40)], probability=(n % 997) / 997) for n in range(10_000)
    ]
    roads = write_lines(tmp_path / "r.gpkg", lines)
    write_report(write_scene(roads_in(300, 260)), roads, tmp_path / "p.html")
    visit(chrome, tmp_path / "p.html")
    assert settled(chrome)["pieces"] == 10_000
    assert len(rows(chrome)) == 100
    click(chrome, "more")
    assert len(rows(chrome)) == 200
    assert "10,000 in this list" in chrome.find_element(By.ID, "list-help").text
