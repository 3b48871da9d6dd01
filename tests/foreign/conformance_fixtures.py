"""What the conformance suite asks every server to have: tools, resources and prompts that do as its
scenarios say. Their names and texts are the suite's (npm: @modelcontextprotocol/conformance)."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    ClientCapabilities,
    ContentBlock,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    EmbeddedResource,
    ImageContent,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    MissingRequiredClientCapabilityErrorData,
    SamplingCapability,
    SamplingMessage,
    TextContent,
    TextResourceContents,
)

Ctx = Context[Any, Any]

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
"""A PNG of one pixel, in base64."""

SILENCE = base64.b64encode(
    b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x40\x1f\x00\x00"
    b"\x01\x00\x08\x00data\x00\x00\x00\x00"
).decode()
"""A WAV file without a sample, in base64."""

PAUSE_SECONDS = 0.05
"""How long a scenario has a tool work before it says more."""

SAID = "Does as a scenario says."

WATCHED = "test://watched-resource"


def add_fixtures(server: MCPServer[Any]) -> None:
    """Add all of them to a server."""
    for name, tool in FIXTURE_TOOLS.items():
        server.tool(name=name, description=SAID, structured_output=False)(tool)
    for name, prompt in FIXTURE_PROMPTS.items():
        server.prompt(name=name, description=SAID)(prompt)
    server.resource("test://static-text", mime_type="text/plain")(_static_text)
    server.resource("test://static-binary", mime_type="image/png")(_static_binary)
    server.resource("test://template/{id}/data", mime_type="application/json")(_template_data)
    server.resource(WATCHED, mime_type="text/plain")(_static_text)


def _simple_text() -> str:
    return "This is a simple text response for testing."


def _image() -> ImageContent:
    return ImageContent(type="image", data=PIXEL, mime_type="image/png")


def _audio() -> AudioContent:
    return AudioContent(type="audio", data=SILENCE, mime_type="audio/wav")


def _embedded(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    contents = TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return EmbeddedResource(type="resource", resource=contents)


def _embedded_resource() -> EmbeddedResource:
    text = "This is an embedded resource content."
    return _embedded("test://embedded-resource", "text/plain", text)


def _mixed() -> list[ContentBlock]:
    return [
        TextContent(type="text", text="Multiple content types test:"),
        _image(),
        _embedded(
            "test://mixed-content-resource", "application/json", '{"test":"data","value":123}'
        ),
    ]


def _failing() -> str:
    raise RuntimeError("This tool intentionally returns an error for testing")


async def _logging(ctx: Ctx) -> str:
    for said in ("execution started", "processing data", "execution completed"):
        await ctx.info(f"Tool {said}")  # pyright: ignore[reportDeprecated] - the handshake revisions have it
        await anyio.sleep(PAUSE_SECONDS)
    return "Done."


async def _reporting(ctx: Ctx) -> str:
    for percent in (0, 50, 100):
        await ctx.report_progress(percent, 100)
        await anyio.sleep(PAUSE_SECONDS)
    return "Done."


async def _sampling(prompt: str, ctx: Ctx) -> str:
    messages = [SamplingMessage(role="user", content=TextContent(type="text", text=prompt))]
    sampled = await ctx.session.create_message(messages=messages, max_tokens=100)  # pyright: ignore[reportDeprecated] - the handshake revisions have it
    return f"LLM response: {_text_of(sampled)}"


async def _eliciting(message: str, ctx: Ctx) -> str:
    return await _elicit(
        ctx, message, {"username": {"type": "string"}, "email": {"type": "string"}}
    )


async def _eliciting_defaults(ctx: Ctx) -> str:
    choices = {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"}
    fields: dict[str, Any] = {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": choices,
        "verified": {"type": "boolean", "default": True},
    }
    return await _elicit(ctx, "Who is it?", fields)


async def _eliciting_enums(ctx: Ctx) -> str:
    plain = {"type": "string", "enum": ["option1", "option2", "option3"]}
    titled = [
        {"const": "value1", "title": "First Option"},
        {"const": "value2", "title": "Second Option"},
        {"const": "value3", "title": "Third Option"},
    ]
    names = ["Option One", "Option Two", "Option Three"]
    fields: dict[str, Any] = {
        "untitledSingle": plain,
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": names},
        "untitledMulti": {"type": "array", "items": plain},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    }
    return await _elicit(ctx, "Which ones?", fields)


async def _elicit(ctx: Ctx, message: str, fields: Mapping[str, Any]) -> str:
    """Ask the client in the middle of a call, as the handshake revisions do."""
    schema = {"type": "object", "properties": dict(fields), "required": list(fields)}
    answer = await ctx.session.elicit_form(message, schema, related_request_id=ctx.request_id)
    return f"Elicitation completed: action={answer.action}, content={json.dumps(answer.content)}"


def _needing_sampling(ctx: Ctx) -> str:
    if ctx.client_capabilities is None or ctx.client_capabilities.sampling is None:
        needed = ClientCapabilities(sampling=SamplingCapability())
        data = MissingRequiredClientCapabilityErrorData(required_capabilities=needed)
        told = data.model_dump(by_alias=True, exclude_none=True)
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "This needs sampling.", told)
    return "Done."


_TOOLS: Mapping[str, Callable[..., Any]] = {
    "test_simple_text": _simple_text,
    "test_image_content": _image,
    "test_audio_content": _audio,
    "test_embedded_resource": _embedded_resource,
    "test_multiple_content_types": _mixed,
    "test_error_handling": _failing,
    "test_tool_with_logging": _logging,
    "test_logging_tool": _logging,
    "test_tool_with_progress": _reporting,
    "test_sampling": _sampling,
    "test_elicitation": _eliciting,
    "test_elicitation_sep1034_defaults": _eliciting_defaults,
    "test_elicitation_sep1330_enums": _eliciting_enums,
    "test_missing_capability": _needing_sampling,
}


def _form(message: str, **fields: str) -> ElicitRequest:
    properties = {name: {"type": kind} for name, kind in fields.items()}
    schema = {"type": "object", "properties": properties, "required": list(fields)}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _sample(text: str, tokens: int) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(type="text", text=text))
    params = CreateMessageRequestParams(messages=[message], max_tokens=tokens)
    return CreateMessageRequest(params=params)


_NAME = _form("What is your name?", name="string")


def _unanswered(
    ctx: Ctx, asked: Mapping[str, InputRequest], state: str | None = None
) -> InputRequiredResult | None:
    """Return what asks the client for all of this, None once it has answered it."""
    given = ctx.input_responses or {}
    if all(name in given for name in asked):
        return None
    return InputRequiredResult(input_requests=dict(asked), request_state=state)


def _answer(ctx: Ctx, name: str) -> Any:
    return (ctx.input_responses or {})[name]


def _asking_name(ctx: Ctx) -> str | InputRequiredResult:
    if asked := _unanswered(ctx, {"user_name": _NAME}):
        return asked
    answer = _answer(ctx, "user_name")
    if not isinstance(answer, ElicitResult) or not (answer.content or {}).get("name"):
        return InputRequiredResult(input_requests={"user_name": _NAME})
    return f"Hello, {(answer.content or {})['name']}!"


def _asking_model(ctx: Ctx) -> str | InputRequiredResult:
    question = _sample("What is the capital of France?", 100)
    return _unanswered(ctx, {"capital_question": question}) or _text_of(
        _answer(ctx, "capital_question")
    )


def _asking_roots(ctx: Ctx) -> str | InputRequiredResult:
    if asked := _unanswered(ctx, {"client_roots": ListRootsRequest()}):
        return asked
    return f"Roots: {', '.join(str(root.uri) for root in _answer(ctx, 'client_roots').roots)}"


def _asking_with_state(ctx: Ctx) -> str | InputRequiredResult:
    question = _form("Please confirm", ok="boolean")
    if asked := _unanswered(ctx, {"confirm": question}, "waiting"):
        return asked
    return "state-ok" if ctx.request_state == "waiting" else f"state {ctx.request_state}"


def _asking_thrice(ctx: Ctx) -> str | InputRequiredResult:
    greeting = _sample("Generate a greeting", 50)
    roots = ListRootsRequest()
    asked = {"user_name": _NAME, "greeting": greeting, "client_roots": roots}
    return _unanswered(ctx, asked, "waiting") or "Done."


def _asking_in_rounds(ctx: Ctx) -> str | InputRequiredResult:
    if ctx.request_state is None:
        first = _form("Step 1: What is your name?", name="string")
        return InputRequiredResult(input_requests={"step1": first}, request_state="named")
    color = _form("Step 2: What is your favorite color?", color="string")
    return _unanswered(ctx, {"step2": color}, "colored") or "Done."


def _asking_what_is_declared(ctx: Ctx) -> str | InputRequiredResult:
    declared, asked = ctx.client_capabilities, dict[str, InputRequest]()
    if declared and declared.sampling is not None:
        asked["capital_question"] = _sample("What is the capital of France?", 100)
    if declared and declared.elicitation is not None:
        asked["user_name"] = _NAME
    return _unanswered(ctx, asked) or "Done."


_ASKING_TOOLS: Mapping[str, Callable[..., Any]] = {
    "test_input_required_result_elicitation": _asking_name,
    "test_streaming_elicitation": _asking_name,
    "test_input_required_result_sampling": _asking_model,
    "test_input_required_result_list_roots": _asking_roots,
    "test_input_required_result_request_state": _asking_with_state,
    "test_input_required_result_tampered_state": _asking_with_state,
    "test_input_required_result_multiple_inputs": _asking_thrice,
    "test_input_required_result_multi_round": _asking_in_rounds,
    "test_input_required_result_capabilities": _asking_what_is_declared,
}

FIXTURE_TOOLS: Mapping[str, Callable[..., Any]] = {**_TOOLS, **_ASKING_TOOLS}


def _text_of(sampled: CreateMessageResult) -> str:
    return sampled.content.text if isinstance(sampled.content, TextContent) else ""


def _static_text() -> str:
    return "This is the content of the static text resource."


def _static_binary() -> bytes:
    return base64.b64decode(PIXEL)


def _template_data(id: str) -> str:  # noqa: A002 - the template's name for it
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


def _simple_prompt() -> str:
    return "This is a simple prompt for testing."


def _prompt_with_arguments(arg1: str, arg2: str) -> str:
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


def _prompt_with_resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803 - the suite's name
    text = "Embedded resource content for testing."
    return [
        UserMessage(_embedded(resourceUri, "text/plain", text)),
        UserMessage("Please process the embedded resource above."),
    ]


def _prompt_with_image() -> list[UserMessage]:
    return [UserMessage(_image()), UserMessage("Please analyze the image above.")]


def _asking_prompt(ctx: Ctx) -> str | InputRequiredResult:
    question = _form("What context should the prompt use?", context="string")
    if asked := _unanswered(ctx, {"user_context": question}):
        return asked
    return f"In this context: {_answer(ctx, 'user_context').content}"


FIXTURE_PROMPTS: Mapping[str, Callable[..., Any]] = {
    "test_simple_prompt": _simple_prompt,
    "test_prompt_with_arguments": _prompt_with_arguments,
    "test_prompt_with_embedded_resource": _prompt_with_resource,
    "test_prompt_with_image": _prompt_with_image,
    "test_input_required_result_prompt": _asking_prompt,
}
