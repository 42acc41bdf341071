"""Validates a document against its JSON Schema, and shows that the schema refuses what is made of it by one change.

    pip install -r reports/interop/requirements.txt
    python reports/interop/validate.py reports/schema/coverage-profile-v1.json profile.json

Of a statement in an envelope the predicate is validated.
"""
import json, sys
from base64 import b64decode
from jsonschema import Draft202012Validator

# Their members are free to be there or not.
FREE = (".crates", ".extensions")


def changes(value, put, place="$"):
    """Puts other values at every place in turn; of a list, at the first. In the end all is as it was."""
    if type(value) is int:
        others = {"is a fraction": value + 0.5, "is negative": -1}
    elif isinstance(value, str):
        others = {"ends its line": value + "\n", "is a number": 1}
    elif isinstance(value, dict):
        others = {"has an unknown member": {**value, "unknown": 0.5}}
        for name in [] if place.endswith(FREE) else value:
            others[f"has no {name}"] = {other: value[other] for other in value if other != name}
    elif isinstance(value, float):
        others = {"is a text": "0.5"}
    elif value is None:
        others = {"is some object": {"unknown": 0.5}}
    else:
        others = {"is a fraction": 0.5}
    for change, other in others.items():
        put(other)
        yield f"{place} {change}"
    put(value)
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, member in inner:
        yield from changes(member, lambda other: value.__setitem__(key, other), f"{place}.{key}")


schema, document = (json.load(open(path, "rb")) for path in sys.argv[1:])
if "payload" in document:
    document = json.loads(b64decode(document["payload"]))["predicate"]
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
validator.validate(document)

root = [document]
refused = 0
for change in changes(document, lambda other: root.__setitem__(0, other)):
    assert not validator.is_valid(root[0]), f"accepted: {change}"
    refused += 1
validator.validate(root[0])
print(f"valid: jsonschema, which refuses it with any of {refused} changes")
