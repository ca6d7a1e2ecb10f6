"""The relay: keeps sealed boxes for a while and forgets them."""
