"""Browsing in the browser: keys turn pages, the address reproduces them, a click on a value filters."""

import re
from contextlib import suppress

from playwright.sync_api import Page, expect

from tests.browser.conftest import press, settled, visit

PRODUCTS = "/data?c=public.products.embedding"
ROW_PX, HEADER_PX = 34, 36
FACET_ROW_PX = 30
CLICKS, MARKED_MS = 3, 5_000


def row(page: Page, line: int) -> None:
    """Select a row of the table by the box before it; ``line`` counts from 0.

    A table that is still being laid out lets a click pass, and marks a row at once that was clicked on.
    """
    table = page.locator("[class*=st-key-rows] .dvn-scroller").first
    table.wait_for()
    marked = page.locator(f"[class*=st-key-rows] tr[aria-rowindex='{line + 2}'][aria-selected=true]")
    for _ in range(CLICKS):
        table.click(position={"x": 16, "y": HEADER_PX + ROW_PX * line + ROW_PX / 2})
        with suppress(AssertionError):
            expect(marked).to_be_attached(timeout=MARKED_MS)
            return
    raise AssertionError(f"Row {line} is not marked after {CLICKS} clicks.")


def open_products(page: Page) -> None:
    """Open the demo's rows, and wait until the page is drawn down to its last chart."""
    visit(page, PRODUCTS, "Data")
    page.locator("[class*=st-key-histogram] .nsewdrag").first.wait_for()


def choose_second_category(page: Page) -> None:
    """Click on a value of the facet."""
    facet = page.locator("[class*=st-key-facet-category] .dvn-scroller").first
    facet.click(position={"x": 40, "y": 2.5 * FACET_ROW_PX})


def place(page: Page, first: int) -> None:
    """Expect the page that begins with a key."""
    expect(page.get_by_text(f"100 from id {first}")).to_be_visible()


def test_keys_turn_pages_and_the_address_reproduces_them(page: Page) -> None:
    open_products(page)
    place(page, 10_000)
    press(page, "ArrowRight")
    place(page, 9_900)
    press(page, "ArrowRight")
    place(page, 9_800)
    press(page, "ArrowLeft")
    place(page, 9_900)
    page.reload()
    settled(page, "Data")
    place(page, 9_900)
    page.go_back()
    place(page, 9_800)


def test_the_first_and_the_last_page_are_one_click_away(page: Page) -> None:
    open_products(page)
    page.get_by_role("button", name="Last", exact=True).click()
    place(page, 100)
    expect(page.get_by_role("button", name=re.compile("^Next"))).to_be_disabled()
    page.get_by_role("button", name="First", exact=True).click()
    place(page, 10_000)


def test_a_jump_is_typed_and_its_letters_are_no_shortcuts(page: Page) -> None:
    open_products(page)
    jump = page.get_by_label("Jump to")
    jump.press_sequentially("fen")
    jump.press("ArrowLeft")
    expect(page.get_by_role("combobox", name=re.compile("Condition"))).to_have_count(0)
    jump.fill("4321")
    jump.press("Enter")
    place(page, 4_321)


def test_a_filter_is_built_by_the_keyboard_and_its_link_filters_again(page: Page) -> None:
    open_products(page)
    press(page, "f")
    page.get_by_role("combobox", name=re.compile("Condition")).wait_for()
    page.get_by_role("combobox", name=re.compile("^Column")).last.click()
    page.get_by_role("option", name="rating").click()
    settled(page, "Data")
    page.get_by_role("combobox", name=re.compile("Condition")).click()
    page.get_by_role("option", name="is at least").click()
    page.get_by_label("Value", exact=True).fill("4.5")
    press(page, "Control+Enter")
    chip = page.get_by_role("button", name="rating is at least 4.5")
    expect(chip).to_be_visible()
    expect(page).to_have_url(re.compile("f=.*rating"))
    counted = page.get_by_text(re.compile("rows of 10,000"))
    before = counted.inner_text()
    page.reload()
    settled(page, "Data")
    expect(counted).to_have_text(before)
    chip.click()
    expect(page.get_by_text("10,000 rows", exact=True)).to_be_visible()


def test_a_click_on_a_value_of_a_facet_filters_by_it_and_a_second_one_no_more(page: Page) -> None:
    open_products(page)
    choose_second_category(page)
    chip = page.get_by_role("button", name=re.compile("^category is "))
    expect(chip).to_be_visible()
    expect(page).to_have_url(re.compile("f=.*category"))
    expect(page.get_by_text(re.compile("rows of 10,000"))).to_be_visible()
    choose_second_category(page)
    expect(page).not_to_have_url(re.compile("f="))


def test_bars_of_the_histogram_filter_by_their_range(page: Page) -> None:
    open_products(page)
    bars = page.locator("[class*=st-key-histogram] .nsewdrag").first
    bars.wait_for()
    bars.scroll_into_view_if_needed()
    box = bars.bounding_box()
    assert box
    page.mouse.move(box["x"] + 2, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 40, box["y"] + 70, steps=5)
    page.mouse.up()
    expect(page.get_by_role("button", name=re.compile("price is at least"))).to_be_visible()


def test_a_chosen_row_opens_as_an_item_and_finds_its_neighbours(page: Page) -> None:
    open_products(page)
    row(page, 0)
    expect(page.get_by_text("1 row selected")).to_be_visible()
    press(page, "n")
    settled(page, "Search")
    expect(page).to_have_url(re.compile("q=10000"))
    page.go_back()
    settled(page, "Data")
    expect(page.get_by_text("1 row selected")).to_be_visible()
    page.get_by_role("button", name="Open item").click()
    expect(page).to_have_url(re.compile(r"/item\?.*id=10000"))


def test_rows_chosen_on_two_pages_are_shown_alone(page: Page) -> None:
    open_products(page)
    row(page, 1)
    expect(page.get_by_text("1 row selected")).to_be_visible()
    press(page, "ArrowRight")
    place(page, 9_900)
    row(page, 0)
    expect(page.get_by_text("2 rows selected")).to_be_visible()
    page.get_by_role("button", name="Only these").click()
    expect(page.get_by_text("2 from id 9999")).to_be_visible()


def test_the_link_is_copied_and_the_export_opens_by_their_keys(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit(page, f"{PRODUCTS}&s=-price", "Data")
    page.locator("[class*=st-key-histogram] .nsewdrag").first.wait_for()  # drawn last of all
    press(page, "Shift+L")
    expect(page.get_by_text("Link copied")).to_be_visible()
    page.wait_for_function(
        "async () => (await navigator.clipboard.readText())"
        ".includes('/data?c=public.products.embedding&s=-price')"
    )
    press(page, "e")
    expect(page.get_by_text("CSV", exact=True)).to_be_visible()
