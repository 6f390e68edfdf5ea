"""Reads Slack messages, one a line, into slack_sdk's own models of blocks, which know Slack's documented limits.

A line is a message for a webhook, or the list of an app's calls: `[{"chat.update": {...}}, {"chat.postMessage": {...}}]`.
"""

import inspect
import json
import sys

from slack_sdk import WebClient
from slack_sdk.models.attachments import BlockAttachment
from slack_sdk.models.blocks import Block
from slack_sdk.models.metadata import Metadata

METHODS = {
    # One argument is in none of Slack's lists of arguments; its lists of errors speak of it.
    "chat.postMessage": {*inspect.signature(WebClient.chat_postMessage).parameters, "client_msg_id"},
    "chat.update": {*inspect.signature(WebClient.chat_update).parameters},
}


def check_blocks(sent_blocks):
    blocks = Block.parse_all(sent_blocks)
    assert len(blocks) == len(sent_blocks) <= 50, len(blocks)
    for block, sent in zip(blocks, sent_blocks):
        # `to_dict` validates: lengths, required fields, types.
        read = block.to_dict()
        assert read["type"] == sent["type"], (read, sent)
        for key, value in sent.items():
            assert read.get(key) == value, (key, read.get(key), value)


def check(message):
    assert message["text"], "no text for notifications"
    if "blocks" in message:
        check_blocks(message["blocks"])
    for attachment in message.get("attachments", []):
        check_blocks(attachment["blocks"])
        blocks = Block.parse_all(attachment["blocks"])
        read = BlockAttachment(blocks=blocks, color=attachment["color"], fallback=attachment["fallback"])
        assert read.to_dict()["color"] == attachment["color"], attachment
    assert "blocks" in message or message["attachments"], "nothing to see"


count = 0
for line in sys.stdin:
    message = json.loads(line)
    if isinstance(message, dict):
        check(message)
    else:
        for call in message:
            ((method, arguments),) = call.items()
            assert set(arguments) <= METHODS[method], set(arguments) - METHODS[method]
            check(arguments)
            if "metadata" in arguments:
                metadata = Metadata(**arguments["metadata"])
                assert metadata.to_dict() == arguments["metadata"], metadata
    count += 1
print(count)
