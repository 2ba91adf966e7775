"""Constant expressions, evaluated without running the program and without growing anything.

`2**18`, `1 << 18` and `262144` are one value; `9**9**9` and `"a" * 10**9` stay as they are written.
A folded value is exactly what Python would compute, type included.
"""

import ast
import operator
from collections.abc import Callable
from typing import TypeAlias

ConstantValue: TypeAlias = (
    "bool | int | float | str | list[ConstantValue] | tuple[ConstantValue, ...] | None"
)
_Number: TypeAlias = bool | int | float

MAX_INT_BITS = 4096  # far beyond any setting, far below what costs time
MAX_STR_LENGTH = 65_536

_BINARY: dict[type[ast.operator], Callable[..., object]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
}
_UNARY: dict[type[ast.unaryop], Callable[..., object]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}


class NotConstantError(ValueError):
    """The expression depends on something that only running the program would tell."""


def fold(node: ast.expr) -> ConstantValue:
    """The value of a constant expression: scalars, and lists and tuples of them.

    Raises:
        NotConstantError: the expression names, calls or indexes something, fails, or would grow
            beyond `MAX_INT_BITS` or `MAX_STR_LENGTH`.
    """
    match node:
        case ast.Tuple(elts=elements):
            return tuple(fold(element) for element in elements)
        case ast.List(elts=elements):
            return [fold(element) for element in elements]
        case _:
            return fold_scalar(node)


def fold_scalar(node: ast.expr) -> bool | int | float | str | None:
    """The value of a constant expression that is not a list or tuple.

    Raises:
        NotConstantError: as for `fold`.
    """
    match node:
        case ast.Constant(value=None | bool() | int() | float() | str() as value):
            if isinstance(value, int) and value.bit_length() > MAX_INT_BITS:
                raise NotConstantError("too large")  # `0xFF…`; Python refuses to print it
            return value
        case ast.UnaryOp(op=op, operand=operand):
            value = fold_scalar(operand)
            if not isinstance(value, int | float):
                raise NotConstantError("not a number")
            if isinstance(op, ast.Invert) and isinstance(value, bool):
                raise NotConstantError("deprecated: ~bool")
            return _bounded(_UNARY[type(op)], value)
        case ast.BinOp(left=left, op=op, right=right):
            return _fold_binary(op, fold_scalar(left), fold_scalar(right))
        case _:
            raise NotConstantError(type(node).__name__)


def _fold_binary(op: ast.operator, left: object, right: object) -> bool | int | float | str:
    if isinstance(left, str) and isinstance(right, str) and isinstance(op, ast.Add):
        if len(left) + len(right) > MAX_STR_LENGTH:
            raise NotConstantError("string too long")
        return left + right
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        raise NotConstantError("not a number")
    if type(op) not in _BINARY or _bits_of_result(op, left, right) > MAX_INT_BITS:
        raise NotConstantError("too large")
    return _bounded(_BINARY[type(op)], left, right)


def _bits_of_result(op: ast.operator, left: _Number, right: _Number) -> int:
    """An upper bound, so that nothing large is computed in order to find out that it is large."""
    if isinstance(left, float) or isinstance(right, float):
        return 64
    if isinstance(op, ast.Pow):
        return max(1, left.bit_length()) * max(0, right)
    if isinstance(op, ast.LShift):
        return left.bit_length() + max(0, right)
    return left.bit_length() + right.bit_length()


def _bounded(compute: Callable[..., object], *operands: _Number) -> bool | int | float:
    try:
        value = compute(*operands)
    except (ArithmeticError, ValueError, TypeError) as error:  # 1/0, 1<<-1, 2.0 << 1
        raise NotConstantError(str(error)) from error
    if isinstance(value, int):
        if value.bit_length() <= MAX_INT_BITS:
            return value
    elif isinstance(value, float):
        return value
    raise NotConstantError("too large or not real")  # (-1)**0.5 is complex
