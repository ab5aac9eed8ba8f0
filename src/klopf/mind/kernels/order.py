"""Order among numbers, in place: kernels have no memory of their own."""

from __future__ import annotations

from klopf.mind._jit import jit


@jit
def nth_smallest(numbers, count, n):  # type: ignore[no-untyped-def]
    """The ``n``-th smallest of the first ``count`` numbers, counted from 1, which are put in another order.

    Quickselect (Hoare 1961) with three parts, so that many equal numbers cost one pass.
    """
    low = 0
    high = count - 1
    while low < high:
        pivot = numbers[(low + high) // 2]
        less = low
        more = high
        k = low
        while k <= more:
            x = numbers[k]
            if x < pivot:
                numbers[k] = numbers[less]
                numbers[less] = x
                less += 1
                k += 1
            elif x > pivot:
                numbers[k] = numbers[more]
                numbers[more] = x
                more -= 1
            else:
                k += 1
        if n - 1 < less:
            high = less - 1
        elif n - 1 > more:
            low = more + 1
        else:
            return pivot
    return numbers[n - 1]
