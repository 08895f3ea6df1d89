"""HTTP: the background loop, credentials, retry rules and downloads; knows no dialect."""
