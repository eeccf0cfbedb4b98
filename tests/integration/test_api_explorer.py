"""The page that explains the API, in a browser: it shows operations, signs in, and sends requests."""

import json

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from conftest import PASSWORD
from harness import openapi
from harness.browser import browser, complaints


@pytest.fixture
def driver(folder):
    with browser(folder) as driver:
        yield driver


def find(driver, selector: str):
    """The first that is there, once it is."""
    return WebDriverWait(driver, 20).until(lambda _: driver.find_elements(By.CSS_SELECTOR, selector))[0]


def wait_for_text(driver, selector: str, text: str):
    # An element may be replaced between being found and being read.
    wait = WebDriverWait(driver, 20, ignored_exceptions=[StaleElementReferenceException])
    wait.until(lambda _: text in find(driver, selector).text)


def sign_in(driver, user: str, password: str):
    find(driver, "#sign-in:not([hidden])")
    for field, value in (("username", user), ("password", password)):
        find(driver, f"#sign-in [name={field}]").clear()
        find(driver, f"#sign-in [name={field}]").send_keys(value)
    find(driver, "#sign-in button").click()


def send(driver) -> str:
    find(driver, "button.send").click()
    wait_for_text(driver, "[aria-live] .status", " ")
    return find(driver, "[aria-live] .status").text


def test_a_request_is_made_and_sent_from_the_page(server, driver):
    driver.get(f"https://{server.https.authority}/docs/api")
    wait_for_text(driver, "main h1", "Holdfast REST API")
    assert len(driver.find_elements(By.CSS_SELECTOR, "nav a")) == len(openapi.operations())
    # A stranger is told why, and a wrong password as well.
    driver.get(f"https://{server.https.authority}/docs/api#createAccessToken")
    wait_for_text(driver, "main h1", "Make an access token")
    assert send(driver) == "401 Unauthorized"
    sign_in(driver, "alice", "not her password")
    wait_for_text(driver, "#notice", "password")
    # What the console has so far are those two answers.
    assert all("401" in line for line in complaints(driver))
    sign_in(driver, "alice", PASSWORD)
    wait_for_text(driver, "#who", "Signed in as alice")
    body = find(driver, "textarea")
    body.clear()
    body.send_keys(json.dumps({"tokenLabel": "from the page"}))
    assert send(driver) == "200 OK"
    made = json.loads(find(driver, "pre[aria-label='Body of the answer']").text)
    assert made["tokenLabel"] == "from the page"
    # Parameters in the path and in the query.
    driver.get(f"https://{server.https.authority}/docs/api#deleteAccessToken")
    wait_for_text(driver, "main h1", "Delete an access token")
    find(driver, "[data-name=hashedtoken]").send_keys(made["hashedToken"])
    assert send(driver) == "200 OK"
    driver.get(f"https://{server.https.authority}/docs/api#listAccounts")
    wait_for_text(driver, "main h1", "Accounts")
    Select(find(driver, "[data-name=filter]")).select_by_visible_text("admins")
    find(driver, "[data-name=limit]").send_keys("1")
    assert send(driver) == "200 OK"
    listed = json.loads(find(driver, "pre[aria-label='Body of the answer']").text)
    assert [account["name"] for account in listed["accounts"]] == ["admin"]
    find(driver, "main .bar button:last-child").click()
    wait_for_text(driver, "main .bar + pre", "/enzi/v0/accounts?limit=1&filter=admins")
    assert complaints(driver) == []


def test_operations_are_found_by_words(server, driver):
    driver.get(f"https://{server.https.authority}/docs/api")
    find(driver, "nav a")
    driver.find_element(By.TAG_NAME, "body").send_keys("/")
    driver.switch_to.active_element.send_keys("delete token")
    shown = [entry.text for entry in driver.find_elements(By.CSS_SELECTOR, "nav a")]
    assert shown and all("DELETE" in entry and "token" in entry for entry in shown)
    # A stranger asks who they are, and is told.
    assert all("401" in line for line in complaints(driver))
