"""Notebooks are executed by kernels of their own, whose ports stay theirs."""

from __future__ import annotations

import kept_ports

kept_ports.keep()
