"""The AceData dialect (``spec/gateways.md`` §2, ``spec/sandbox.md`` §9)."""
