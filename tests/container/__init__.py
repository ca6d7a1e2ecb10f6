"""The image, built and run as far as that goes without an engine: `make container-check`."""
