"""Reads Slack messages, one a line, into slack_sdk's own models of blocks, which know Slack's documented limits."""

import json
import sys

from slack_sdk.models.blocks import Block

count = 0
for line in sys.stdin:
    message = json.loads(line)
    blocks = Block.parse_all(message["blocks"])
    assert len(blocks) == len(message["blocks"]) <= 50, len(blocks)
    for block, sent in zip(blocks, message["blocks"]):
        # `to_dict` validates: lengths, required fields, types.
        read = block.to_dict()
        assert read["type"] == sent["type"], (read, sent)
        for key, value in sent.items():
            assert read.get(key) == value, (key, read.get(key), value)
    assert message["text"], "no text for notifications"
    count += 1
print(count)
