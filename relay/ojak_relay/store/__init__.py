"""Where boxes lie: one contract (`base`), one file for each store that keeps it."""
