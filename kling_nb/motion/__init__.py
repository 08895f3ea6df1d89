"""How pixels move between pictures: flow, features, tracking; shared by snap, preview, sandbox and scores."""
