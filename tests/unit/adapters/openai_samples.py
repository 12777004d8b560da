"""Items as the Responses API and its SDK write them, and strategies for more."""

from typing import Any

from hypothesis import strategies as st

from tests.unit.adapters.test_natives import json_values, texts

__all__ = ["SAMPLES", "conversations", "items"]

LONG = "Which of the two environments do you mean, staging or production? Both are up."

#: One of each type, with a text that is worth to be stored once.
SAMPLES: list[dict[str, Any]] = [
    {"content": LONG, "role": "user"},
    {"role": "user", "content": [{"type": "input_text", "text": LONG}, {"type": "input_image", "image_url": "data:"}]},
    {"type": "message", "role": "system", "content": LONG},
    {
        "id": "__fake_id__",
        "content": [{"annotations": [], "text": LONG, "type": "output_text", "logprobs": []}],
        "role": "assistant",
        "status": "completed",
        "type": "message",
    },
    {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": LONG}], "status": "completed"},
    {"id": "rs_1", "summary": [{"text": LONG, "type": "summary_text"}], "type": "reasoning", "encrypted_content": "g"},
    {
        "arguments": '{"question": "' + LONG + '"}',
        "call_id": "call_1",
        "name": "ask_user",
        "type": "function_call",
        "id": "__fake_id__",
    },
    {"call_id": "call_1", "output": LONG, "type": "function_call_output"},
    {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": LONG}]},
    {"type": "custom_tool_call", "call_id": "call_2", "name": "sql", "input": "SELECT '" + LONG + "'"},
    {"type": "custom_tool_call_output", "call_id": "call_2", "output": LONG},
    {"type": "computer_call", "id": "cu_1", "call_id": "call_3", "action": {"type": "type", "text": LONG}},
    {
        "type": "computer_call_output",
        "call_id": "call_3",
        "output": {"type": "computer_screenshot", "image_url": f"data:{LONG}"},
    },
    {"type": "shell_call", "call_id": "call_4", "action": {"commands": [LONG]}, "status": "completed"},
    {"type": "shell_call_output", "call_id": "call_4", "output": [{"stdout": LONG, "stderr": "", "outcome": {}}]},
    {"type": "apply_patch_call", "call_id": "call_5", "operation": {"type": "update_file", "diff": LONG}},
    {"type": "apply_patch_call_output", "call_id": "call_5", "status": "completed", "output": LONG},
    {"type": "local_shell_call", "id": "ls_1", "call_id": "call_6", "action": {"command": [LONG], "env": {}}},
    {"type": "local_shell_call_output", "id": "call_6", "output": LONG},
    {"type": "file_search_call", "id": "fs_1", "queries": [LONG], "status": "completed", "results": None},
    {"type": "web_search_call", "id": "ws_1", "action": {"type": "search", "query": LONG}, "status": "failed"},
    {"type": "code_interpreter_call", "id": "ci_1", "code": LONG, "container_id": "c", "outputs": None},
    {"type": "image_generation_call", "id": "ig_1", "result": LONG, "status": "completed"},
    {"type": "mcp_list_tools", "id": "ml_1", "server_label": "s", "tools": [{"name": "t", "description": LONG}]},
    {"type": "mcp_call", "id": "mc_1", "name": "t", "arguments": "{}", "output": LONG, "server_label": "s"},
    {
        "type": "mcp_approval_request",
        "id": "ma_1",
        "name": "t",
        "arguments": '{"a":"' + LONG + '"}',
        "server_label": "s",
    },
    {"type": "mcp_approval_response", "approval_request_id": "ma_1", "approve": False, "reason": LONG},
    {"type": "compaction", "id": "cm_1", "encrypted_content": LONG},
    {"type": "item_reference", "id": "msg_1"},
    {"type": "of_a_later_release", "call_id": "call_7", "what": {"it": [LONG, LONG]}},
    {"__enc__": 1, "v": 1, "kid": "hkdf-v1", "payload": LONG},
    {},
]

_ids = st.sampled_from(["call_1", "call_2", "call_3", "__fake_id__"]) | texts
_types = st.sampled_from([str(sample["type"]) for sample in SAMPLES if "type" in sample]) | texts
_names = st.sampled_from(
    ["type", "role", "content", "id", "call_id", "name", "arguments", "output", "summary", "action", "approve", "input"]
)
_roles = st.sampled_from(["user", "assistant", "system", "developer", "tool"]) | texts
_parts = st.lists(
    st.fixed_dictionaries({"type": st.sampled_from(["input_text", "output_text"]), "text": texts}) | json_values,
    max_size=3,
)

#: Of realistic shape, of a known type with anything in its place, and anything at all.
items = st.one_of(
    st.sampled_from(SAMPLES),
    st.fixed_dictionaries({"role": _roles, "content": texts | _parts}),
    st.fixed_dictionaries(
        {"type": _types}, optional={"call_id": _ids, "id": _ids, "output": texts | _parts, "name": texts}
    ),
    st.dictionaries(_names | texts, _types | json_values, max_size=5),
)
conversations = st.lists(items, max_size=8)
