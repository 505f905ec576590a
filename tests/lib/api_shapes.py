"""The form of the answers of the providers' APIs: tests/api/NAME.json, in words of our own.

    shapes = read_shapes("calendly")
    faults_of(shapes["GET /users/me"], value)       sentences; none where the form is right

Such a file has `shapes` by name and `answers` by call. A shape is an object of members, a list with the
shape of its items, "@Name" of another shape, or the types that a value may have: "string|null", or the words
of an enumeration. Marks before a member: "?" it may be absent, "+" the compared document lacks it and the
facts have it. A mark before a type: "!" the document says otherwise, and the facts are followed.
tests/bin/api-shapes compares such a file with the provider's own OpenAPI document, which is not kept here.
"""

import json
import os

from bookspool import TOP


def faults_of(shape, value, where="answer"):
    """What contradicts a shape, as a list of sentences."""
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{where} is no list"]
        return [fault for i, one in enumerate(value) for fault in faults_of(shape[0], one, f"{where}[{i}]")]
    if isinstance(shape, str):
        return [] if _is_of(shape.lstrip("!"), value) else [f"{where} is {value!r}, not {shape}"]
    if value is None and isinstance(shape, Nullable):
        return []
    if not isinstance(value, dict):
        return [f"{where} is no object"]
    names = {name.lstrip("?+"): name for name in shape}
    found = [f"{where} has {name}, which is documented nowhere" for name in value if name not in names]
    for name, marked in names.items():
        if name in value:
            found += faults_of(shape[marked], value[name], f"{where}.{name}")
        elif "?" not in marked:
            found.append(f"{where} lacks {name}")
    return found


def _is_of(kinds, value):
    types = {"string": str, "number": (int, float), "boolean": bool, "object": dict, "null": type(None),
             "list": list}
    for kind in kinds.split("|"):
        if kind not in types:  # one of the words of an enumeration
            if value == kind:
                return True
        elif isinstance(value, types[kind]) and not (kind == "number" and isinstance(value, bool)):
            return True
    return False


def read_shapes(name):
    """tests/api/NAME.json, with its named shapes put in their places."""
    with open(os.path.join(TOP, "tests/api", name + ".json"), encoding="utf-8") as file:
        given = json.load(file)

    def put_in(shape):
        if isinstance(shape, dict):
            return {key: put_in(one) for key, one in shape.items()}
        if isinstance(shape, list):
            return [put_in(one) for one in shape]
        if not shape.startswith("@"):
            return shape
        found = put_in(given["shapes"][shape[1:].removesuffix("|null")])
        return Nullable(found) if shape.endswith("|null") else found
    return {call: put_in(shape) for call, shape in given["answers"].items()}


class Nullable(dict):
    """The shape of an object that may be null."""
