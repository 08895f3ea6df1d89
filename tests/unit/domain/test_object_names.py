"""What painted objects are called where they stand beside each other."""

from __future__ import annotations

from kling_nb.domain.objectnames import object_names


def test_empty_and_repeated_names_are_told_apart_by_their_number() -> None:
    assert object_names(["cup", "", "cup", "kite"]) == ("cup (1)", "object 2", "cup (3)", "kite")
    assert object_names([""]) == ("object 1",)
    assert object_names([]) == ()
