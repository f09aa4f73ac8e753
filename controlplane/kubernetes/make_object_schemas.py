#!/usr/bin/env python3
"""Makes object_schemas.json: what the OpenAPI documents of an API server say about the objects
that objects.cpp writes, without descriptions, one schema a line.

    make_object_schemas.py FOLDER > object_schemas.json

FOLDER holds openapi-v3-apps-v1.json and openapi-v3-core-v1.json.gz as the server publishes them.
"""
import gzip
import json
import pathlib
import sys

START = ["io.k8s.api.apps.v1.StatefulSet", "io.k8s.api.core.v1.Service"]
KEPT = ["type", "enum", "required", "minimum", "maximum"]


def short(name):
    return name.rsplit(".", 1)[-1]


def reduced(schema, found):
    """The schema without what only people read; the schemas it refers to go into `found`."""
    out = {key: schema[key] for key in KEPT if key in schema}
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        found.append(name)
        out["$ref"] = short(name)
    if "properties" in schema:
        out["properties"] = {k: reduced(v, found) for k, v in schema["properties"].items()}
    for key in ["items", "additionalProperties"]:
        if isinstance(schema.get(key), dict):
            out[key] = reduced(schema[key], found)
    for key in ["allOf", "oneOf"]:
        if key in schema:
            out[key] = [reduced(part, found) for part in schema[key]]
    return out


def main(folder):
    core = json.loads(gzip.open(folder / "openapi-v3-core-v1.json.gz").read())
    apps = json.loads((folder / "openapi-v3-apps-v1.json").read_text())
    schemas = core["components"]["schemas"] | apps["components"]["schemas"]
    results = {}
    waiting = list(START)
    while waiting:
        name = waiting.pop()
        if short(name) not in results:
            results[short(name)] = reduced(schemas[name], waiting)
    lines = [f"{json.dumps(name)}:{json.dumps(results[name], separators=(',', ':'))}"
             for name in sorted(results)]
    print("{" + ",\n".join(lines) + "}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
