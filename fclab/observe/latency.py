"""How long requests took: the times themselves, and quantiles by nearest rank."""

from __future__ import annotations

from array import array
from fractions import Fraction

from fclab.errors import UsageError
from fclab.units import SECOND, seconds_text

__all__ = ["Latency"]


class Latency:
    """The times some requests took, in µs inside, in seconds outside. Quantiles by nearest rank, so each is a time that occurred."""

    def __init__(self, times: array[int] | list[int]) -> None:
        self.times = array("q", sorted(times))

    def __len__(self) -> int:
        return len(self.times)

    def quantile(self, share: float) -> float | None:
        """The smallest time that at least `share` (0 to 1) of the requests did not exceed, in seconds; None without requests."""
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
            raise UsageError(f"A quantile is a share from 0 to 1, not {share!r}.", hint="0.99 is p99")
        at = self._rank(Fraction(str(share)))
        return None if at is None else at / SECOND

    def _rank(self, share: Fraction) -> int | None:
        rank = share * len(self.times)
        return self.times[max(0, -(-rank.numerator // rank.denominator) - 1)] if self.times else None

    @property
    def p50(self) -> float | None:
        """The median, in seconds."""
        return self.quantile(0.5)

    @property
    def p90(self) -> float | None:
        """Nine of ten took no longer."""
        return self.quantile(0.9)

    @property
    def p99(self) -> float | None:
        """99 of 100 took no longer."""
        return self.quantile(0.99)

    @property
    def max(self) -> float | None:
        """The longest."""
        return self.quantile(1)

    @property
    def mean(self) -> float | None:
        """The average."""
        return sum(self.times) / (len(self.times) * SECOND) if self.times else None

    def texts(self) -> tuple[str, ...]:
        """p50, p90, p99 and max as exact seconds, '-' without requests."""
        ranks = [self._rank(share) for share in (Fraction(1, 2), Fraction(9, 10), Fraction(99, 100), Fraction(1))]
        return tuple("-" if rank is None else seconds_text(rank) for rank in ranks)

    def __repr__(self) -> str:
        p50, _, p99, top = self.texts()
        return f"Latency({len(self)} requests, p50 {p50} s, p99 {p99} s, max {top} s)"
