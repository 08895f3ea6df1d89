from __future__ import annotations


def test_a_fresh_sandbox_is_empty_and_answers(sandbox):
    assert sandbox.tasks() == []
    assert sandbox.charges() == []
    sandbox.config(quota=7)


def test_switches_return_to_those_of_the_start(sandbox):
    assert sandbox.control("GET", "config")["quota"] == 5
