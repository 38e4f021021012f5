"""A small State Hub, built from nothing but the OpenAPI document that the hub's team is given.

It is a worked example: whoever builds the real one can read it in the order

- `contract`: reads the document; what it says of parameters, bodies and answers is checked, not
  repeated;
- `storage`: the tables, the order of slugs, and one state of the roster over several pages;
- `app`: the three operations, as an ASGI application.

The rest is for tests: `faults` spoils what the honest hub answers, `serve` runs it as a process
that can be killed and begun again on the same database, and `checks` belongs to Schemathesis, which
drives any hub from the document as `schemathesis.toml` has it. By hand this one runs as
``python -m conformance.hub.serve --database hub.db``.
"""
