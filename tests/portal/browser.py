"""A browser without scripts: it follows redirects, keeps cookies, and sends a page's own forms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urlencode

import httpx2

from tests.http.served import Served
from tests.mcp.wire import TIMEOUT


@dataclass(slots=True)
class Form:
    """A form as the page fills it in, and its buttons."""

    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict[str, str])
    names: set[str] = field(default_factory=set[str])
    buttons: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])


class Page(HTMLParser):
    """What a response shows: its text, its links, its forms, and every tag with its attributes."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__()
        self.response = response
        self.text = ""
        self.links: dict[str, str] = {}
        self.forms: list[Form] = []
        self.tags: list[tuple[str, Mapping[str, str]]] = []
        self._form: Form | None = None
        self._link = self._select = self._option = ""
        self._button: tuple[str, str] | None = None
        self._area = ""
        self.feed(response.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.tags.append((tag, named))
        form = self._form
        if form and named.get("name"):
            form.names.add(named["name"])
        match tag:
            case "a":
                self._link = named.get("href", "")
            case "form":
                self._form = Form(named.get("method", "get"), named.get("action", ""))
                self.forms.append(self._form)
            case "input" if form and named.get("name"):
                kind = named.get("type", "text")
                if kind not in ("checkbox", "radio") or "checked" in named:
                    form.fields[named["name"]] = named.get("value", "")
            case "textarea" if form:
                self._area = named["name"]
                form.fields[self._area] = ""
            case "select":
                self._select = named["name"]
            case "option" if form:
                value = named.get("value")
                self._option = self._select if value is None else ""
                if value is not None and (self._select not in form.fields or "selected" in named):
                    form.fields[self._select] = value
            case "button":
                self._button = named.get("name", ""), named.get("value", "")
            case _:
                pass

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "form":
                self._form = None
            case "a":
                self._link = ""
            case "textarea":
                self._area = ""
            case "button":
                self._button = None
            case "option":
                self._option = ""
            case _:
                pass

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._link:
            self.links.setdefault(data.strip(), self._link)
        if self._area and self._form:
            self._form.fields[self._area] += data
        if self._option and self._form:
            self._form.fields.setdefault(self._option, data.strip())
        if self._button and self._form:
            self._form.buttons.append((data.strip(), *self._button))


class Browser:
    """Somebody at a page."""

    def __init__(self, served: Served) -> None:
        self.http = httpx2.Client(base_url=served.url, timeout=TIMEOUT, follow_redirects=True)
        self.page = Page(httpx2.Response(204, text=""))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def visit(self, address: str) -> Page:
        """Open a page."""
        self.page = Page(self.http.get(address))
        return self.page

    def submit(self, button: str, action: str = "", **filled: str | list[str]) -> Page:
        """Fill in the first form that has a button of this name and these fields, and press it."""
        form, name, value = next(
            (form, name, value)
            for form in self.page.forms
            for shown, name, value in form.buttons
            if shown == button and form.action.endswith(action) and filled.keys() <= form.names
        )
        return self.send(form, **filled, **({name: value} if name else {}))

    def press_move(self, ticket: str, stage: str) -> Page:
        """Press a button of a card's menu on the board."""
        [move] = [form for form in self.page.forms if form.action == "/moves"]
        [to] = [
            named["value"]
            for tag, named in self.page.tags
            if tag == "button" and named.get("value", "").startswith(f"{ticket} {stage} ")
        ]
        return self.send(move, to=to)

    def send(self, form: Form, **filled: str | list[str]) -> Page:
        """Fill in a form and send it."""
        sent: dict[str, str | list[str]] = {**form.fields, **filled}
        address = form.action or str(self.page.response.url.copy_with(query=None))
        if form.method == "get":
            self.page = Page(self.http.get(address, params=sent))
        else:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            body = urlencode(sent, doseq=True)
            self.page = Page(self.http.post(address, content=body, headers=headers))
        return self.page

    def sign_in(self, token: str, address: str = "/") -> Page:
        """Go to a page, by way of signing in with a token."""
        self.visit(address)
        return self.submit("Sign in", token=token)
