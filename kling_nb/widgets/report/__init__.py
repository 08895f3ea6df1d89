"""A report: runs as one HTML file that opens anywhere, with nothing but a browser."""
