"""A base for values that hold secrets: their repr shows the type and nothing else."""


class Hidden:
    """Mix in before `@dataclass(repr=False)`, so that no log or traceback can show a field."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"
