"""Chats of every kind that templates meet: what a template is rendered with, as keyword arguments of jinja2's render."""

import json

WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "Weather at a place, \"now\" <or> later & more.",
    "parameters": {"type": "object", "properties": {
        "city": {"type": "string", "description": "The city\u2019s name"}, "days": {"type": "integer", "default": 3, "minimum": 1},
        "unit": {"type": ["string", "null"], "enum": ["celsius", "fahrenheit"]}, "exact": {"type": "boolean", "default": False},
        "where": {"type": "object", "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}}, "required": ["lat"]},
        "tags": {"type": "array", "items": {"type": "string"}}, "any": {"anyOf": [{"type": "string"}, {"type": "number"}]}},
        "required": ["city"]},
    "return": {"type": "string", "description": "A text"}}}
CLOCK = {"type": "function", "function": {"name": "clock", "description": "", "parameters": {"type": "object", "properties": {}}}}
BARE = {"name": "bare", "description": "Without its wrapping", "parameters": {"type": "object", "properties": {"x": {"type": "number"}}}}
TOOLS = {"none": {}, "null": {"tools": None}, "empty": {"tools": []}, "one": {"tools": [WEATHER]}, "two": {"tools": [WEATHER, CLOCK]},
         "bare": {"tools": [BARE]}}


def call(name, arguments, ident=None, wrapped=True):
    function = {"name": name, "arguments": arguments}
    result = {"type": "function", "function": function} if wrapped else dict(function)
    return {**result, "id": ident} if ident else result


def user(text="Hello"):
    return {"role": "user", "content": text}


def assistant(text="Hi", **members):
    return {"role": "assistant", "content": text, **members}


def system(text="Be brief."):
    return {"role": "system", "content": text}


def tool(content="{\"t\": 21.5}", **members):
    return {"role": "tool", "content": content, **members}


ARGUMENTS = {"city": "K\u00f6ln \"am\" Rhein", "days": 2, "exact": True, "where": {"lat": 50.9, "lon": 7}, "tags": ["a", "b'c"], "any": None}
THOUGHT = "<think>\nhm, let me see\n</think>\n\nThe answer."


def chats():
    """Name and messages."""
    text = lambda value: [{"type": "text", "text": value}]
    yield "user", [user()]
    yield "system", [system(), user()]
    yield "system-only", [system()]
    yield "empty-system", [system(""), user(" x ")]
    yield "late-system", [user(), system("Later."), user("Again")]
    yield "two-systems", [system("A"), system("B"), user()]
    yield "developer", [{"role": "developer", "content": "Dev."}, user(), assistant(), user("More")]
    yield "turns", [system(" S \n"), user(" A\n"), assistant("\n B "), user("C"), assistant("D"), user("E")]
    yield "ends-with-assistant", [user(), assistant("Half an ans")]
    yield "starts-with-assistant", [assistant("First"), user()]
    yield "two-users", [user("A"), user("B")]
    yield "two-assistants", [user("A"), assistant("B"), assistant("C"), user("D")]
    yield "empty-user", [user("")]
    yield "unicode", [system("\u4f60\u597d \U0001f999"), user("Gr\u00fc\u00dfe \u0130stanbul \u03a3\u03a3 \u200d\u0301 \u2028end"), assistant("\u00a0nbsp\u3000"), user("ok")]
    yield "markup", [user("<|im_start|>{{ 1 }}{% if %}<b>&amp;</b> 'q' \"d\" \\n \t"), assistant("[INST] </s> {#x#}"), user("</think>")]
    yield "thinking-inline", [user("Q"), assistant(THOUGHT), user("Q2"), assistant(THOUGHT), user("Q3")]
    yield "thinking-last", [user("Q"), assistant(THOUGHT)]
    yield "reasoning", [user("Q"), assistant("A", reasoning_content="because\n"), user("Q2"), assistant("B", reasoning_content="")]
    yield "reasoning-then-user", [system(), user("Q"), assistant("A", reasoning_content="so", thinking="so", reasoning="so"), user("Q2")]
    yield "reasoning-null", [user("Q"), assistant("A", reasoning_content=None), user("Q2")]
    yield "null-content", [user("Q"), assistant(None), user("Q2")]
    yield "absent-content", [user("Q"), {"role": "assistant"}, user("Q2")]
    yield "absent-role", [{"content": "x"}]
    yield "parts", [{"role": "system", "content": text("S")}, {"role": "user", "content": text("A") + text("B")}, {"role": "assistant", "content": text("C")}, user("D")]
    yield "image-parts", [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What?"}, {"type": "image", "image": "x.png"}, {"type": "image_url", "image_url": {"url": "u"}}]}]
    yield "video-audio", [{"role": "user", "content": [{"type": "video"}, {"type": "audio", "audio": "y"}, {"type": "text", "text": "And?"}]}]
    yield "empty-parts", [{"role": "user", "content": []}]
    yield "odd-parts", [{"role": "user", "content": ["plain", {"type": "other", "x": 1}]}]
    yield "unknown-role", [user(), {"role": "critic", "content": "No."}, user("B")]
    yield "names", [{"role": "user", "name": "Ann", "content": "A"}, assistant("B", name="bot"), user("C")]
    yield "number-content", [user(5), assistant(True), user("x")]
    yield "dict-content", [{"role": "user", "content": {"a": [1, 2.5, None]}}]
    yield "prefix", [user("A"), assistant("So", prefix=True, partial=True)]
    for wrapped in (True, False):
        for as_text in (True, False):
            arguments = json.dumps(ARGUMENTS) if as_text else ARGUMENTS
            kind = f"{'wrapped' if wrapped else 'flat'}-{'text' if as_text else 'object'}"
            one = [call("get_weather", arguments, "call_abc12", wrapped)]
            two = one + [call("clock", "{}" if as_text else {}, "call_def34", wrapped)]
            results = [tool(tool_call_id="call_abc12", name="get_weather"), tool("12:00", tool_call_id="call_def34", name="clock")]
            yield f"call-{kind}", [user("W?"), assistant("", tool_calls=one)]
            yield f"call-null-{kind}", [system(), user("W?"), assistant(None, tool_calls=one), results[0], assistant("21.5"), user("Thanks")]
            yield f"call-two-{kind}", [user("W?"), assistant("Let me see.", tool_calls=two), *results]
            yield f"call-think-{kind}", [user("W?"), assistant("", reasoning_content="need it", tool_calls=one), results[0], assistant("Done", reasoning_content="fine"), user("B")]
            yield f"call-again-{kind}", [user("W?"), assistant(THOUGHT, tool_calls=one), results[0], assistant(None, tool_calls=two), *results, user("B")]
    nine = [call("get_weather", ARGUMENTS, "abcdefgh1")]
    yield "call-nine", [user("W?"), assistant("", tool_calls=nine), tool(tool_call_id="abcdefgh1", name="get_weather"), assistant("ok")]
    yield "call-no-id", [user("W?"), {"role": "assistant", "tool_calls": [call("get_weather", {})]}, tool()]
    yield "call-empty-list", [user("W?"), assistant("x", tool_calls=[]), user("B")]
    yield "call-null-list", [user("W?"), assistant("x", tool_calls=None), user("B")]
    yield "call-functions-id", [user("W?"), assistant("", tool_calls=[call("get_weather", ARGUMENTS, "functions.get_weather:0")]), tool(tool_call_id="functions.get_weather:0")]
    yield "tool-parts", [user("W?"), assistant("", tool_calls=nine), tool([{"type": "text", "text": "21"}], tool_call_id="abcdefgh1")]
    yield "tool-dict", [user("W?"), assistant("", tool_calls=nine), tool({"t": 1}, tool_call_id="abcdefgh1", name="get_weather")]
    yield "tool-first", [tool(), user()]
    yield "ipython", [user("W?"), {"role": "ipython", "content": {"output": "5"}}, assistant("5")]
    yield "function-role", [user("W?"), {"role": "function", "name": "f", "content": "5"}]
    yield "tool-responses", [user("W?"), assistant("", tool_calls=nine, tool_responses=[{"name": "get_weather", "response": {"t": 1}}]), user("B")]
    yield "many", [system()] + [user(f"q{i}") if i % 2 == 0 else assistant(f"a{i}", reasoning_content=f"r{i}") for i in range(7)]
    yield "citations", [user("A"), assistant("B", citations=[{"start": 0, "end": 1, "text": "B", "sources": []}], channel="final"), user("C")]
    yield "nothing", []


VARIABLES = [
    {}, {"add_generation_prompt": True}, {"add_generation_prompt": False, "enable_thinking": True},
    {"add_generation_prompt": True, "enable_thinking": False}, {"add_generation_prompt": True, "thinking": True, "reasoning_effort": "high"},
    {"add_generation_prompt": True, "enable_thinking": True, "date_string": "26 Jul 2024", "documents": [
        {"title": "T", "text": "Doc \u00e9", "content": "C", "url": "u"}, {"title": "T2", "text": "More", "doc_id": 2}]},
    {"add_generation_prompt": True, "add_system_prompt": False, "tools_in_user_message": False, "builtin_tools": ["code_interpreter", "brave_search"],
     "custom_tools": [WEATHER], "xml_tools": [WEATHER], "python_tools": ["f"], "model_identity": "Me", "reasoning_effort": "low", "thinking_budget": 512},
    {"add_generation_prompt": True, "documents": [], "keep_past_thinking": True, "preserve_thinking": True, "clear_thinking": False,
     "reasoning_effort": "none", "thinking_mode": "thinking", "add_vision_id": True, "truncate_history_thinking": False, "thinking_budget": 0,
     "safety_mode": "strict", "citation_options": "FAST", "grounding": "enabled", "functions": "[{\"name\": \"f\"}]", "datetime": "2025-03-07",
     "reasoning": True},
]
TOKENS = {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "pad_token": "<pad>"}


def cases():
    """Name and variables. Every chat with every set of variables without tools, and with every kind of tools."""
    for chat, messages in chats():
        for index, variables in enumerate(VARIABLES):
            for name, tools in TOOLS.items():
                # Every chat meets every kind of tools and all variables, not every pair of these.
                if name == "none" or index in (1, 3) or (index + len(chat)) % len(VARIABLES) == 0:
                    base = {} if index == 2 and name == "none" else TOKENS
                    yield f"{chat}/{index}/{name}", {"messages": messages, **base, **tools, **variables}
