"""The vectors: JSON files for whoever writes Ojak anew, and the script that makes them.

`python -m tests.vectors` writes the files; `test_vectors.py` fails when one differs from what the
script makes, when a file has no reader, and when a reader finds anything but what a vector expects.
"""
