"""A real browser, without a window: Debian's Chromium, driven by its own driver."""

import contextlib
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service


@contextlib.contextmanager
def browser(folder: Path, width: int = 1280, height: int = 900):
    """One that keeps what it must in `folder`, and takes any certificate: tests look at pages, not at TLS."""
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--ignore-certificate-errors",
                     f"--window-size={width},{height}", f"--user-data-dir={folder / 'chromium'}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    try:
        yield driver
    finally:
        driver.quit()


def complaints(driver) -> list[str]:
    """What the page's console has of errors: also what its content security policy refused."""
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
