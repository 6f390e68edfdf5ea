"""Verifies a webhook as a receiver with the reference library of Standard Webhooks does.

Reads {"secret", "headers", "body"} from standard input; prints the type that the message has, or fails.
"""

import json
import sys

from standardwebhooks.webhooks import Webhook

given = json.load(sys.stdin)
print(Webhook(given["secret"]).verify(given["body"], given["headers"])["type"])
