"""The part of the App's driver that fills in the forms of operators."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, TimeoutError as PlaywrightTimeout

#: Patience in seconds: two shared cores can be slow.
PATIENCE = 90


class FormDriver:
    """Mixed into :class:`app_driver.App`, which has the page.

    Attributes:
        asked: requests for forms that the server has not answered yet
    """

    page: Page
    until: Callable[..., Any]
    wait: Callable[[float], None]
    asked: set[Any]

    def open_form(self, label: str) -> Locator:
        """Open an operator's form from the operator browser."""
        browser = self.page.locator('[data-cy="operators-browser"]')
        entry = browser.get_by_text(label, exact=True).first
        deadline = time.monotonic() + PATIENCE
        while True:  # a page that is still loading takes the key but lists no operator
            self.page.mouse.move(5, 5)
            self.page.locator("body").click(position={"x": 3, "y": 3}, force=True)
            self.page.keyboard.press("`")
            self.page.locator('[data-cy="operators-browser-search"]').wait_for()
            self.page.keyboard.type(label)
            try:
                entry.wait_for(timeout=5000)
                break
            except PlaywrightTimeout:
                assert time.monotonic() < deadline, f"no operator {label!r} is listed"
                self.page.keyboard.press("Escape")
                browser.wait_for(state="hidden")
        entry.click()
        form = self.page.locator('[data-cy="operators-prompt-modal"]')
        form.wait_for()
        form.locator("input, textarea").first.wait_for()
        return form

    def press_button(self, label: str, icon: str) -> Locator:
        """Open an operator's form by its button above the grid, which shows the label if hovered.

        Where panels leave it no room, it is in a menu, and this does not find it.
        """
        icons = self.page.locator(".MuiIcon-root, .material-icons")
        button = icons.filter(has_text=re.compile(f"^{icon}$")).first
        button.hover()
        self.page.get_by_text(label, exact=True).first.wait_for()
        button.click()
        form = self.page.locator('[data-cy="operators-prompt-modal"]')
        form.locator("input, textarea").first.wait_for()
        return form

    def show_grid(self) -> None:
        """Bring the grid to the front of its panels."""
        self.page.locator('[data-cy="panel-tab-samples"]').first.click()

    def filter(self, field: str, value: str) -> None:
        """Choose a value of a field in the sidebar, or let it go again."""
        box = self.page.locator(f'[data-cy="checkbox-{value}"]').first
        search = self.page.get_by_placeholder(f"+ filter by {field}").first
        if not box.count() and not search.count():
            self.page.locator(f'[data-cy="sidebar-field-arrow-enabled-{field}"]').first.click()
            self.until("the filter", lambda: box.count() or search.count())
        if not box.count():  # an indexed field is searched, not listed
            search.click()
            found = f'[data-cy="selector-results-container-sidebar-search-{field}"]'
            box = self.page.locator(found).get_by_text(value, exact=True)
        box.click()

    def fill(self, form: Locator, label: str, value: str) -> None:
        """Type into the field with this label; the form resolves itself again."""
        self.fill_all(form, {label: value})

    def fill_all(self, form: Locator, values: dict[str, str]) -> None:
        """Type into the fields with these labels.

        An answer that was under way when a text was typed sets the field back, so it is typed until
        all stay.
        """
        deadline = time.monotonic() + PATIENCE
        quiet = 0
        while quiet < 2:
            for label, value in values.items():
                field = self._labelled(form, label, "input or .//textarea").locator(
                    "input, textarea"
                )
                if field.first.input_value() != value:
                    assert time.monotonic() < deadline, f"{label!r} does not keep {value!r}"
                    field.first.fill(value)
                    quiet = 0
            self.wait(0.5)
            quiet = 0 if self.asked else quiet + 1

    def _labelled(self, form: Locator, label: str, what: str) -> Locator:
        """The smallest part of a form with this label that holds ``what``, an XPath."""
        title = form.locator(f"xpath=.//*[normalize-space(text())={json.dumps(label)}]").first
        return title.locator(f"xpath=ancestor::*[.//{what}][1]")

    def pick(self, form: Locator, label: str, option: str) -> None:
        """Choose the option of the drop-down with this label; it may be chosen already."""
        box = self._labelled(form, label, "*[@role='combobox']")
        field = box.locator("[role=combobox]").first

        def picked() -> bool:
            if option not in field.inner_text():  # an answer that was late put it back
                field.click()
                self.page.locator("[role=option]").filter(has_text=option).first.click()
                self.wait(0.6)
            return not self.asked and option in field.inner_text()

        self.until(f"{label!r} is {option!r}", picked)

    def unfold(self, form: Locator) -> None:
        """Show the fields that few people change."""
        form.get_by_text("More", exact=True).first.click()

    def press(self, form: Locator, text: str) -> None:
        """Press the form's button with this text."""
        form.get_by_role("button", name=text, exact=True).first.click()

    def close_form(self) -> None:
        """Close the window of a form or of its result, once it has one."""
        window = self.page.locator(".MuiDialog-root")
        button = window.get_by_role("button", name=re.compile("^(Close|Done|Cancel)$"))
        gone = 0

        def closed() -> bool:
            nonlocal gone
            gone = 0 if window.count() else gone + 1
            if button.count():
                button.first.click()
            return gone > 3

        self.until("no window", closed)
