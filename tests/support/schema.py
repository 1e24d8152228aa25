"""A validator for the JSON Schemas of docs/schemas: the part of draft-07 that they use.

A keyword that it does not know is an error, so that no rule is passed over in silence."""
import json
import os
import re

ROOT = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "schemas")
WORDS = {"$schema", "title", "description", "default", "definitions", "format"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
loaded = {}


def load(name):
    """The schema of docs/schemas/<name>, which ends in .json."""
    if name not in loaded:
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            loaded[name] = json.load(file)
    return loaded[name]


def names():
    return sorted(name for name in os.listdir(ROOT) if name.endswith(".json"))


def complaints(value, name, strict=False):
    """What is wrong with `value` by docs/schemas/<name>, one line each. `strict`: a member that the
    schema does not name is wrong too."""
    return list(walk(value, load(name), name, "$", strict))


def is_type(value, word):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if word == "number":
        return number
    if word == "integer":
        return number and float(value).is_integer()
    return isinstance(value, TYPES[word])


def length(value):
    return len(value.encode()) if isinstance(value, str) else len(value)


LIMITS = {
    "minimum": ((int, float), lambda v, w: v >= w),
    "maximum": ((int, float), lambda v, w: v <= w),
    "exclusiveMinimum": ((int, float), lambda v, w: v > w),
    "minLength": (str, lambda v, w: length(v) >= w),
    "maxLength": (str, lambda v, w: length(v) <= w),
    "minItems": (list, lambda v, w: len(v) >= w),
    "maxItems": (list, lambda v, w: len(v) <= w),
    "maxProperties": (dict, lambda v, w: len(v) <= w),
    "pattern": (str, lambda v, w: re.search(w, v) is not None),
}


def follow(ref, file):
    target, _, pointer = ref.partition("#")
    schema = load(target or file)
    for step in pointer.split("/")[1:]:
        schema = schema[step]
    return schema, target or file


def walk_object(value, schema, file, at, strict):
    properties, rest = schema.get("properties", {}), schema.get("additionalProperties")
    for key in schema.get("required", []):
        if key not in value:
            yield f"{at}: {key} is missing"
    for key, member in value.items():
        if "propertyNames" in schema:
            yield from walk(key, schema["propertyNames"], file, f"{at}.{key} (name)", strict)
        if key in properties:
            yield from walk(member, properties[key], file, f"{at}.{key}", strict)
        elif isinstance(rest, dict):
            yield from walk(member, rest, file, f"{at}.{key}", strict)
        elif strict and properties:
            yield f"{at}: {key} is not documented"


def walk_any(value, options, file, at, strict):
    tried = [list(walk(value, option, file, at, strict)) for option in options]
    if all(tried):
        yield f"{at}: none of {len(options)} forms fits; the nearest: {min(tried, key=len)[0]}"


def walk(value, schema, file, at, strict):
    if "$ref" in schema:
        target, where = follow(schema["$ref"], file)
        yield from walk(value, target, where, at, strict)
        return
    for word, wanted in schema.items():
        if word in WORDS or word in ("properties", "required", "additionalProperties",
                                     "propertyNames"):
            continue
        if word == "type":
            if not is_type(value, wanted):
                yield f"{at}: {json.dumps(value)[:60]} is no {wanted}"
        elif word == "const":
            if value != wanted:
                yield f"{at}: {json.dumps(value)[:60]} is not {json.dumps(wanted)}"
        elif word == "enum":
            if value not in wanted:
                yield f"{at}: {json.dumps(value)[:60]} is none of {wanted}"
        elif word == "items":
            for i, item in enumerate(value if isinstance(value, list) else []):
                yield from walk(item, wanted, file, f"{at}[{i}]", strict)
        elif word == "anyOf":
            yield from walk_any(value, wanted, file, at, strict)
        elif word == "allOf":
            for part in wanted:
                yield from walk(value, part, file, at, strict)
        elif word in LIMITS:
            kind, holds = LIMITS[word]
            if isinstance(value, kind) and not isinstance(value, bool) and not holds(value, wanted):
                yield f"{at}: {json.dumps(value)[:60]} breaks {word} {wanted}"
        else:
            raise ValueError(f"docs/schemas/{file}: the keyword {word} is not known here")
    if isinstance(value, dict):
        yield from walk_object(value, schema, file, at, strict)
