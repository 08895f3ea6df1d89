"""kling_nb: the prompt lab for Kling image-to-video in Jupyter."""

__version__ = "0.1.0"
