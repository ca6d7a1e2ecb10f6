"""The client: the command `ojak`."""
