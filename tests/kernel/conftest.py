"""Kernels of the supported ipykernel versions, one for each test module, beside one quick sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from kernels import Kernel, interpreter, running_kernel
from PIL import Image

VERSIONS = [
    "newest",
    pytest.param("7.0.1", marks=pytest.mark.drill),
    pytest.param("6.29.5", marks=pytest.mark.drill),
]


@pytest.fixture(scope="module", params=VERSIONS)
def shared_kernel(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _quick_server
) -> Iterator[Kernel]:
    """A kernel in a folder with a photograph-sized picture, the extension loaded."""
    cache = Path(request.config.cache.mkdir("kernels"))
    folder = tmp_path_factory.mktemp("notebook")
    picture = np.random.default_rng(7).integers(0, 255, (12, 16, 3), np.uint8)
    Image.fromarray(picture).resize((640, 480)).save(folder / "boat.png")
    environment = {"KLING_NB_SANDBOX_HOME": str(_quick_server.home)}
    with running_kernel(interpreter(request.param, cache), folder, **environment) as kernel:
        kernel.folder = folder
        kernel.ok("%load_ext kling_nb\nimport kling_nb as kn")
        yield kernel


@pytest.fixture
def kernel(shared_kernel: Kernel, sandbox) -> Kernel:
    """The kernel, with a sandbox that has forgotten everything."""
    shared_kernel.published.clear()
    return shared_kernel
