"""What machine code over bytes needs and Numba does not offer: reads without index checks, vector compares and copies.

Each function is inlined into the kernel that uses it. They trust their caller: positions must lie inside the buffer,
and the vector ones read or write ``WIDTH`` bytes from there. LLVM turns them into whatever the processor has.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

WIDTH = 32
"""Bytes looked at or copied at once: a register of AVX2, two of SSE2 or NEON."""

_VECTOR = ir.VectorType(ir.IntType(8), WIDTH)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, array).data, [place])


@intrinsic  # type: ignore[untyped-decorator]
def at(_: Any, buf: Any, place: Any) -> Any:
    """``buf[place]`` for a position that is never negative."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_pointer(context, builder, signature.args[0], args[0], args[1]))

    return types.uint8(buf, types.int64), code


def _load(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    where = builder.bitcast(_pointer(context, builder, kind, array, place), _VECTOR.as_pointer())
    return builder.load(where, align=1)


def _all(builder: Any, byte: Any) -> Any:
    """A vector of this byte throughout."""
    one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), byte, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), None)
    return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), zeros)


def _bits(builder: Any, flags: Any) -> Any:
    return builder.zext(builder.bitcast(flags, ir.IntType(WIDTH)), ir.IntType(64))


def _constant(byte: int) -> Any:
    return ir.Constant(_VECTOR, [byte] * WIDTH)


@intrinsic  # type: ignore[untyped-decorator]
def matches(_: Any, buf: Any, place: Any, byte: Any) -> Any:
    """Which of the next ``WIDTH`` bytes equal ``byte``, as bits, the first one lowest."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        here = _load(context, builder, signature.args[0], *args[:2])
        return _bits(builder, builder.icmp_unsigned("==", here, _all(builder, args[2])))

    return types.int64(buf, types.int64, types.uint8), code


@intrinsic  # type: ignore[untyped-decorator]
def equals(_: Any, buf: Any, place: Any, other: Any) -> Any:
    """Which of the next ``WIDTH`` bytes equal those from ``other``, as ``matches`` says it."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = signature.args[0]
        here, there = (_load(context, builder, kind, args[0], where) for where in args[1:])
        return _bits(builder, builder.icmp_unsigned("==", here, there))

    return types.int64(buf, types.int64, types.int64), code


@intrinsic  # type: ignore[untyped-decorator]
def ends_json_text(_: Any, buf: Any, place: Any) -> Any:
    """Which of the next ``WIDTH`` bytes are quotes, backslashes or control bytes, as ``matches`` says it."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        here = _load(context, builder, signature.args[0], *args)
        quote, slash = (builder.icmp_unsigned("==", here, _constant(byte)) for byte in b'"\\')
        return _bits(builder, builder.or_(builder.or_(quote, slash), builder.icmp_unsigned("<", here, _constant(32))))

    return types.int64(buf, types.int64), code


@intrinsic  # type: ignore[untyped-decorator]
def unprintable(_: Any, buf: Any, place: Any, byte: Any) -> Any:
    """Which of the next ``WIDTH`` bytes are not printable ASCII or equal ``byte``, as ``matches`` says it."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        here = _load(context, builder, signature.args[0], *args[:2])
        same = builder.icmp_unsigned("==", here, _all(builder, args[2]))
        moved = builder.sub(here, _constant(32))
        return _bits(builder, builder.or_(same, builder.icmp_unsigned(">", moved, _constant(126 - 32))))

    return types.int64(buf, types.int64, types.uint8), code


@intrinsic  # type: ignore[untyped-decorator]
def lowest(_: Any, bits: Any) -> Any:
    """The number of the lowest bit that is set; some bit must be."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), code


@intrinsic  # type: ignore[untyped-decorator]
def eight(_: Any, buf: Any, place: Any) -> Any:
    """The 8 bytes from ``place`` as one number, the first one lowest."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        where = builder.bitcast(_pointer(context, builder, signature.args[0], *args), ir.IntType(64).as_pointer())
        return builder.load(where, align=1)

    return types.uint64(buf, types.int64), code


@intrinsic  # type: ignore[untyped-decorator]
def copy(_: Any, target: Any, to: Any, source: Any, place: Any) -> Any:
    """Copy ``WIDTH`` bytes."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        write = builder.bitcast(_pointer(context, builder, signature.args[0], *args[:2]), _VECTOR.as_pointer())
        builder.store(_load(context, builder, signature.args[2], *args[2:]), write, align=1)
        return context.get_dummy_value()

    return types.void(target, types.int64, source, types.int64), code
