"""How amounts of money are written."""

from __future__ import annotations

from decimal import Decimal


def plain_decimal(value: Decimal) -> str:
    """Write a decimal without exponent and trailing zeros."""
    written = format(value, "f")
    return written.rstrip("0").rstrip(".") if "." in written else written


def dollars_text(value: Decimal) -> str:
    """Write dollars with at least two decimals, more where the amount has them."""
    whole, _, cents = plain_decimal(value).partition(".")
    return f"${whole}.{cents.ljust(2, '0')}"
