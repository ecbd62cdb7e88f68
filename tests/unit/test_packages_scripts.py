"""What learners write in cells, as scripts: each handler returns the same in its script and packed, in a bare interpreter."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.packages_kit import run_here_and_packed

SCRIPTS: dict[str, str] = {
    "singledispatch": """
        from functools import singledispatch
        @singledispatch
        def f(x): return "any"
        @f.register
        def _(x: int): return "int"
        @f.register(list)
        def _(x): return ["list", *[f(i) for i in x]]
        def g(x): return "gstr"
        f.register(str, g)
        def handler(event, context): return [f(1), f([1, None]), f("a"), f(2.0)]
    """,
    "attributes given later": """
        def f(): return f.calls
        f.calls = 10
        class C:
            __slots__ = ("q",)
            __hidden = 1
            def m(self):
                tag = 3
                return tag
        C.tag = "x"
        def fn(self=None): return "plug"
        C.plug = fn
        C.st = staticmethod(lambda: "st")
        C.pr = property(fn)
        C.__repr__ = lambda self: "repr"
        f.helper = fn
        def handler(event, context): return [f(), C.tag, C().plug(), f.helper(), C.st(), C().pr, repr(C())]
    """,
    "attributes changed later": """
        import enum
        from dataclasses import dataclass
        class C:
            n = 1
            l = []
        C.n = 5
        C.l.append(3)
        def meth(self): return "new"
        class D:
            def m(self): return "old"
        D.m = meth
        @dataclass
        class E:
            x: int = 3
        E.limit = 5
        E.m = meth
        class Colour(enum.Enum):
            RED = 1
        Colour.m = meth
        def handler(event, context): return [C.n, C.l, D().m(), E().limit, E().m(), Colour.RED.m()]
    """,
    "a decorator's own attributes": """
        import functools, threading
        def counted(f):
            @functools.wraps(f)
            def inner(*args):
                with inner.lock:
                    inner.calls += 1
                return f(*args)
            inner.lock = threading.Lock()
            inner.calls = 0
            return inner
        @counted
        def f(x): return x
        def handler(event, context): return f(1) + f.calls * 0
    """,
    "data class with a factory": """
        from dataclasses import dataclass, field
        @dataclass
        class D:
            l: list = field(default_factory=list)
        def handler(event, context): return D().l
    """,
    "frozen data class with slots": """
        from dataclasses import dataclass, field
        def mk(): return [1]
        @dataclass(order=True, frozen=True, slots=True)
        class D:
            l: list = field(default_factory=mk)
            x: int = 3
            def total(self): return sum(self.l) + self.x
        def handler(event, context): return D().total()
    """,
    "data class of a function": """
        from dataclasses import dataclass, field
        def outer():
            k = 5
            @dataclass
            class D:
                l: list = field(default_factory=list)
                def m(self): return k
            return D
        D = outer()
        def handler(event, context): return D().m()
    """,
    "data class below another": """
        from dataclasses import dataclass, field, KW_ONLY, InitVar
        from typing import ClassVar
        @dataclass
        class A:
            a: int
            n: ClassVar[int] = 0
            _: KW_ONLY
            b: list = field(default_factory=lambda: [1])
        @dataclass
        class B(A):
            i: InitVar[int] = 0
            def __post_init__(self, i): self.c = i
            @property
            def p(self): return self.a
            @classmethod
            def make(cls): return cls(1)
            @staticmethod
            def s(): return 4
        def handler(event, context): return [B.make().p, B(1, 2).c, B.s(), B(1).b]
    """,
    "generic data class": """
        from typing import Generic, TypeVar
        T = TypeVar("T")
        from dataclasses import dataclass, field
        @dataclass
        class Box(Generic[T]):
            item: T
            tags: dict = field(default_factory=dict)
        def handler(event, context): return [Box(1).item, Box[int](2).item]
    """,
    "objects of data classes": """
        from dataclasses import dataclass, field
        @dataclass
        class D:
            l: list = field(default_factory=list)
            x: int = 3
        E = D([1])
        @dataclass(frozen=True)
        class Fz:
            a: int
            b: str = "q"
        CFG = Fz(3)
        def handler(event, context): return [E.l, CFG.a, CFG.b, E.x]
    """,
    "NamedTuple with a method": """
        from typing import NamedTuple
        class P(NamedTuple):
            x: int
            y: int = 2
            def s(self): return self.x + self.y
        Q = P(4)
        def handler(event, context): return [P(1).s(), Q.x, isinstance(Q, P)]
    """,
    "NamedTuple": """
        from typing import NamedTuple
        class P(NamedTuple):
            x: int
        def handler(event, context): return [P(1).x]
    """,
    "type variables": """
        from typing import TypeVar, Generic, ParamSpec, NewType, TypedDict, Protocol, Callable
        T = TypeVar("T"); K = TypeVar("K", bound=int); N = TypeVar("N", int, str); C = TypeVar("C", covariant=True)
        P = ParamSpec("P")
        UserId = NewType("UserId", int)
        class G(Generic[T]):
            def __init__(self, x: T) -> None: self.x = x
        class Pr(Protocol[C]):
            def go(self) -> C: ...
        class M(TypedDict, total=False):
            a: int
        F = TypedDict("F", {"b": int})
        class I(G[int]):
            pass
        def deco(f: Callable[P, T]) -> Callable[P, T]:
            def inner(*a: P.args, **k: P.kwargs) -> T: return f(*a, **k)
            return inner
        class Impl:
            def go(self) -> int: return 3
        def use(p: Pr[int], n: N, k: K) -> int: return p.go()
        def handler(event, context) -> M:
            m: M = {"a": 1}
            f = F(b=1)
            return [G[int](3).x, m, UserId(4), f, use(Impl(), 1, 2), I(2).x, UserId.__name__]
    """,
    "enumerations": """
        from enum import Enum, IntEnum, Flag, auto, StrEnum
        class Co(Enum):
            RED = auto()
            BLUE = auto()
            @property
            def low(self): return self.name.lower()
        class Fl(Flag):
            A = auto()
            B = auto()
        class S(StrEnum):
            X = auto()
        class I(IntEnum):
            ONE = 1
        Fn = Enum("Fn", "P Q")
        DEF = Co.BLUE
        BOTH = Fl.A | Fl.B
        NONE = Fl(0)
        L = [Co.RED, Fl.A, S.X, I.ONE]
        FP = Fn.P
        def handler(event, context): return [DEF.low, BOTH.value, NONE.value, str(L), FP.name]
    """,
    "named tuples and partials": """
        from collections import namedtuple
        from functools import partial
        from typing import NamedTuple
        P = namedtuple("P", "x y")
        Q = NamedTuple("Q", [("a", int), ("b", str)])
        O = P(1, 2)
        R = Q(1, "x")
        def add(a, b): return a + b
        inc = partial(add, 1)
        pr = partial(P, 1)
        def handler(event, context): return [O.x, inc(4), R.b, pr(2).y, repr(Q(1, 2))]
    """,
    "types and collections": """
        from typing import Optional, Union, Callable, Literal, Any
        from collections import defaultdict, OrderedDict, Counter, deque
        A = Optional[int]
        B = Union[int, str]
        C = Callable[[int], str]
        D = Literal["a", 1]
        E = int | None
        F = dict[str, list[int]]
        G = list[Any]
        H = Callable[..., int]
        dd = defaultdict(list, {"a": [1]})
        od = OrderedDict(a=1)
        co = Counter("aab")
        de = deque([1, 2], maxlen=2)
        class K:
            xs = [i for i in range(3)]
        def handler(event, context): return [str(x) for x in (A, B, C, D, E, F, G, H, dd, od, co, de, K.xs)]
    """,
    "abstract class": """
        from abc import ABC, abstractmethod
        class A(ABC):
            @abstractmethod
            def f(self): ...
        class B(A):
            x = 1
            def f(self): return self.x
        def handler(event, context): return B().f()
    """,
    "context manager": """
        from contextlib import contextmanager
        @contextmanager
        def cm():
            yield 3
        class E(Exception):
            pass
        def handler(event, context):
            with cm() as x:
                try: raise E("a")
                except E as e: return [x, str(e)]
    """,
    "decorators of functools": """
        from functools import lru_cache, cache, wraps, cached_property, total_ordering
        @lru_cache
        def a(x): return x + 1
        @lru_cache(maxsize=None)
        def b(x): return x + 2
        @cache
        def c(x): return x + 3
        def deco(f):
            @wraps(f)
            def inner(*a, **k): return f(*a, **k) + 10
            return inner
        def times(n):
            def deco(f):
                @wraps(f)
                def inner(*a): return f(*a) * n
                return inner
            return deco
        @deco
        def d(x): return x
        @times(3)
        @deco
        def e(x): return x
        @total_ordering
        class O:
            def __init__(self, n): self.n = n
            def __eq__(self, o): return self.n == o.n
            def __lt__(self, o): return self.n < o.n
            @cached_property
            def cp(self): return self.n
        def handler(event, context): return [a(1), b(1), c(1), d(1), e(1), O(1) >= O(0), O(4).cp, a.cache_info().hits]
    """,
    "singledispatchmethod": """
        from functools import singledispatchmethod
        class C:
            @singledispatchmethod
            def f(self, x): return "any"
            @f.register
            def _(self, x: int): return "int"
        def handler(event, context): return [C().f(1), C().f("")]
    """,
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_clause_2_a_handler_does_packed_what_it_does_in_its_script(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = run_here_and_packed(script, tmp_path, monkeypatch)
    assert there == here
