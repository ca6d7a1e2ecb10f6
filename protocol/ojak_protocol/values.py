"""`dataclass` and `replace` for frozen values: the standard library's, without compiling.

The standard one writes the source of each method and compiles it while the class is made; for all
classes that was a third of a whole `ojak sync`. Here `__init__` is compiled once some values were
made, and the other methods are shared. What holds of a frozen dataclass with slots holds: fields,
`replace`, `match`, `FrozenInstanceError`, equality and hash by the fields, and a repr without those
of `repr=False`. All fields are of the plain kind: arguments of `__init__`, compared, and none of a
base. The standard library's `Field`s are there once they are asked for.

See docs/decisions/0120 and 0184.
"""

import dataclasses
from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

__all__ = ["dataclass", "replace"]

if TYPE_CHECKING:
    from dataclasses import dataclass, replace
else:

    def dataclass(*, frozen: bool, slots: bool, repr: bool = True) -> Callable[[type], type]:  # noqa: A002 - as it is called in the one it stands for
        """Return a decorator that makes a frozen dataclass with slots, and no other kind."""
        if not (frozen and slots):
            raise TypeError("a value is frozen and has slots")
        return lambda declared: _made(declared, shows_fields=repr)

    def replace(value: object, /, **changes: object) -> object:
        """Return a value of the same class with *changes*: *value* itself if they change nothing.

        What is the same object is compared with itself at once, however much it holds.
        """
        names = value.__match_args__
        for name, after in changes.items():
            before = getattr(value, name) if name in names else _NOT_GIVEN
            if before is not after and before != after:
                break
        else:
            return value
        return type(value)(**{name: getattr(value, name) for name in names} | changes)


_NOT_GIVEN: Final = object()

MADE_BEFORE_COMPILING: Final = 8
"""Values of one class. To compile its `__init__` takes as long as to make some fifty without."""


def _made(declared: type, *, shows_fields: bool) -> type:
    names = tuple(declared.__annotations__)
    # Before the fields are asked for, which takes away what was declared.
    given = {name: vars(declared)[name] for name in names if name in vars(declared)}
    body = _shared(names)
    if shows_fields:
        body["__repr__"] = _repr_of(tuple(name for name in names if _is_shown(given.get(name))))
    # As the standard one does: slots come only with a new class, where a default would hide its
    # slot. Whatever the class declares itself stays.
    left_out = {*names, "__dict__", "__weakref__"}
    body |= {name: value for name, value in vars(declared).items() if name not in left_out}
    body |= {"__slots__": names, "__match_args__": names, "__qualname__": declared.__qualname__}
    body["__dataclass_fields__"] = _Fields(declared)
    body["__init__"] = _first_init(names, given, lambda: made)
    made = type(declared)(declared.__name__, declared.__bases__, body)
    return made


class _Fields:
    """`__dataclass_fields__` of a class: what the standard one finds, when somebody asks."""

    def __init__(self, declared: type) -> None:
        self._declared = declared
        self._found: dict[str, dataclasses.Field[Any]] | None = None

    def __get__(self, _: object, owner: type) -> dict[str, dataclasses.Field[Any]]:
        if self._found is None:
            # Asked for no method, it compiles nothing.
            dataclasses.dataclass(init=False, repr=False, eq=False)(self._declared)
            found = tuple(one.name for one in dataclasses.fields(self._declared))
            if found != vars(owner)["__match_args__"]:
                raise TypeError("a value has fields of the plain kind, and none of a base")
            self._found = vars(self._declared)["__dataclass_fields__"]
        return self._found


def _is_shown(default: object) -> bool:
    return default.repr if isinstance(default, dataclasses.Field) else True


def _shared(names: tuple[str, ...]) -> dict[str, Any]:
    """Return the methods that need not be compiled for fields of these *names*."""
    values: Callable[[Any], Any] = attrgetter(*names) if names else type

    def __eq__(self: object, other: object) -> bool:  # noqa: N807 - it becomes a method
        if other.__class__ is not self.__class__:
            return NotImplemented
        return bool(values(self) == values(other))

    def __hash__(self: object) -> int:  # noqa: N807 - it becomes a method
        return hash(values(self))

    return {
        "__eq__": __eq__,
        "__hash__": __hash__,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
    }


def _refuse(*_: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError("a value is frozen")


def _repr_of(names: tuple[str, ...]) -> Callable[[object], str]:
    def __repr__(self: object) -> str:  # noqa: N807 - it becomes a method
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({shown})"

    return __repr__


def _first_init(
    names: tuple[str, ...], given: Mapping[str, object], made: Callable[[], type]
) -> Callable[..., None]:
    """Return what makes the first values, and gives way to what is compiled for the others."""
    left = MADE_BEFORE_COMPILING

    def __init__(self: object, *at: object, **named: object) -> None:  # noqa: N807 - it becomes a method
        nonlocal left
        left -= 1
        defaults, factories = parted()
        values = defaults | dict(zip(names, at, strict=False)) | named
        values |= {name: make() for name, make in factories.items() if name not in values}
        twice = not named.keys().isdisjoint(names[: len(at)])
        if left < 0 or len(at) > len(names) or twice or values.keys() != set(names):
            # What is compiled says, of what does not fit, what Python says of any function.
            init = _compiled_init(names, given, made())
            type.__setattr__(made(), "__init__", init)
            init(self, *at, **named)
            return
        for name in names:
            object.__setattr__(self, name, values[name])
        if hasattr(self, "__post_init__"):
            self.__post_init__()

    parted = cache(lambda: _defaults(given))
    return __init__


def _defaults(
    given: Mapping[str, object],
) -> tuple[dict[str, object], dict[str, Callable[[], object]]]:
    """Return what stands for an argument that is missing, and what makes it anew each time."""
    defaults, factories = {}, {}
    for name, default in given.items():
        if not isinstance(default, dataclasses.Field):
            defaults[name] = default
        elif default.default is not dataclasses.MISSING:
            defaults[name] = default.default
        elif default.default_factory is not dataclasses.MISSING:
            factories[name] = default.default_factory
    return defaults, factories


def _compiled_init(
    names: tuple[str, ...], given: Mapping[str, object], of: type
) -> Callable[..., None]:
    """Return what the standard one compiles, but that it sets each slot without looking for it."""
    known: dict[str, object] = {"not_given": _NOT_GIVEN}
    defaults, factories = _defaults(given)
    parameters, lines = ["self"], []
    for n, name in enumerate(names):
        parameter = value = name
        if name in defaults:
            known[f"default_{n}"] = defaults[name]
            parameter = f"{name}=default_{n}"
        elif name in factories:
            known[f"make_{n}"] = factories[name]
            parameter = f"{name}=not_given"
            value = f"make_{n}() if {name} is not_given else {name}"
        known[f"set_{n}"] = vars(of)[name].__set__
        parameters.append(parameter)
        lines.append(f"set_{n}(self, {value})")
    if hasattr(of, "__post_init__"):
        lines.append("self.__post_init__()")
    source = f"def __init__({', '.join(parameters)}):\n {'; '.join(lines) or 'pass'}\n"
    exec(source, known)  # noqa: S102 - of names that stand in a class of ours, and nothing else
    return cast("Callable[..., None]", known["__init__"])
