"""`dataclass` and `replace` for frozen values: the standard library's, without compiling.

The standard one writes the source of each method and compiles it while the class is made; for all
classes that was a third of a whole `ojak sync`. Here the first values are made by a loop over the
fields, `__init__` is compiled only for a class of which many are made, and the other methods are
shared. What holds of a frozen dataclass with slots holds: fields,
`replace`, `match`, `FrozenInstanceError`, equality and hash by the fields, and a repr without those
of `repr=False`. All fields are of the plain kind: arguments of `__init__`, and compared.

See docs/decisions/0120 and 0209.
"""

import dataclasses
from collections.abc import Callable
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


_Field = dataclasses.Field[Any]

_NOT_GIVEN: Final = object()
_MANY: Final = 30
"""Values of one class whose loops take together about as long as compiling takes."""


def _made(declared: type, *, shows_fields: bool) -> type:
    # Where none is, the standard one puts the signature, and reads much to know it.
    declared.__doc__ = declared.__doc__ or declared.__name__
    # It finds the fields; asked for no method, it compiles nothing.
    dataclasses.dataclass(init=False, repr=False, eq=False)(declared)
    fields = dataclasses.fields(declared)
    names = tuple(one.name for one in fields)
    body = _shared(names)
    if shows_fields:
        body["__repr__"] = _repr_of(tuple(one.name for one in fields if one.repr))
    # As the standard one does: slots come only with a new class, where a default would hide its
    # slot. Whatever the class declares itself stays.
    left_out = {*names, "__dict__", "__weakref__"}
    body |= {name: value for name, value in vars(declared).items() if name not in left_out}
    body |= {"__slots__": names, "__qualname__": declared.__qualname__}
    body["__init__"] = _first_init(lambda: made, fields)
    made = type(declared)(declared.__name__, declared.__bases__, body)
    return made


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


def _first_init(made: Callable[[], type], fields: tuple[_Field, ...]) -> Callable[..., None]:
    """Return the `__init__` of the first values; after those it puts the compiled one there."""
    to_make = _MANY
    names = tuple(one.name for one in fields)

    def __init__(self: object, /, *given: object, **named: object) -> None:  # noqa: N807 - it becomes a method
        nonlocal to_make
        to_make -= 1
        arguments = _arguments(fields, names, given, named) if to_make >= 0 else None
        if arguments is None:
            # Called wrongly, the compiled one says how.
            init = _compiled_init(made())
            type.__setattr__(made(), "__init__", init)
            init(self, *given, **named)
            return
        for name, value in arguments.items():
            object.__setattr__(self, name, value)
        if hasattr(self, "__post_init__"):
            self.__post_init__()

    return __init__


def _arguments(
    fields: tuple[_Field, ...],
    names: tuple[str, ...],
    given: tuple[object, ...],
    named: dict[str, object],
) -> dict[str, object] | None:
    """Return the value of each of *fields*, or None where the arguments are not theirs."""
    arguments = dict(zip(names, given, strict=False)) | named
    if len(arguments) < len(given) + len(named):
        # One too many, or one field given twice.
        return None
    if len(arguments) < len(names):
        for one in fields:
            if one.name in arguments:
                continue
            if one.default is not dataclasses.MISSING:
                arguments[one.name] = one.default
            elif one.default_factory is not dataclasses.MISSING:
                arguments[one.name] = one.default_factory()
    return arguments if arguments.keys() == set(names) else None


def _compiled_init(of: type) -> Callable[..., None]:
    """Return what the standard one compiles, but that it sets each slot without looking for it."""
    known: dict[str, object] = {"not_given": _NOT_GIVEN}
    parameters, lines = ["self"], []
    for n, one in enumerate(dataclasses.fields(of)):
        parameter = value = one.name
        if one.default is not dataclasses.MISSING:
            known[f"default_{n}"] = one.default
            parameter = f"{one.name}=default_{n}"
        elif one.default_factory is not dataclasses.MISSING:
            known[f"make_{n}"] = one.default_factory
            parameter = f"{one.name}=not_given"
            value = f"make_{n}() if {one.name} is not_given else {one.name}"
        known[f"set_{n}"] = vars(of)[one.name].__set__
        parameters.append(parameter)
        lines.append(f"set_{n}(self, {value})")
    if hasattr(of, "__post_init__"):
        lines.append("self.__post_init__()")
    source = f"def __init__({', '.join(parameters)}):\n {'; '.join(lines) or 'pass'}\n"
    exec(source, known)  # noqa: S102 - of names that stand in a class of ours, and nothing else
    return cast("Callable[..., None]", known["__init__"])
