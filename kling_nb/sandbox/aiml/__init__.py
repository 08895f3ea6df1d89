"""The AI/ML API dialect (``spec/gateways.md`` §3, ``spec/sandbox.md`` §9)."""
