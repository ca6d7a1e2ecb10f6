"""prctl(2) of Linux as `ffi.dlopen(None).prctl`.

What cffi writes for the declaration that stands in the test of this file, in its "ABI level,
out-of-line" form: <https://cffi.readthedocs.io/en/stable/overview.html>. PyNaCl has loaded what it
needs; ctypes, which can do the same, is loaded for nothing else and takes 1 ms of each start.
"""

import _cffi_backend

ffi = _cffi_backend.FFI(
    "ojak_client.prctl",
    _version=0x2601,
    _types=b"\x00\x00\x01\x0d\x00\x00\x07\x01\x00\x00\x0a\x01\x00\x00\x0a\x01\x00\x00\x0a\x01\x00\x00\x0a\x01\x00\x00\x00\x0f",
    _globals=(b"\x00\x00\x00\x23prctl", 0),
)
