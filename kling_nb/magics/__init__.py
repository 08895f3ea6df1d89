"""``%kling`` and ``%%kling``: parse to a typed object, then call the session."""
