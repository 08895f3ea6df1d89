"""What Kling is: requests, motion, capabilities, lint, cost and task states. Pure, no I/O."""
