"""A clip against what was asked of it: measured motion, leaks, camera, ends and steadiness."""
