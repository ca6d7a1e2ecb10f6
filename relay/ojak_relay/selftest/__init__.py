"""What an outsider sees of a relay: its lines (`line`), what is found on them (`checks`)."""
