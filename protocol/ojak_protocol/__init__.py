"""What two Ojak clients and a relay must agree on, to the byte.

Everything here is a value or a pure function: no clock, no socket, no file, no hidden
randomness. `now` (Unix seconds) and `entropy` (a function from a length to random bytes) are
arguments. Import the module you need; this package imports none of them by itself, so that the
relay does not load what only a client uses.
"""
