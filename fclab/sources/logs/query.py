"""The query language: a small part of the product's search syntax, with its words and its precedence.

    query       = either
    either      = both { "or" both }
    both        = negated { ["and"] negated }
    negated     = "not" negated | condition
    condition   = "(" either ")" | field ":" term | field ( ">" | ">=" | "<" | "<=" | "=" ) number | term
    term        = word | word"*" | "*" | quoted text

An empty query and `*` find everything. Case does not matter. Texts are cut into words at white space and at the marks
, ' " ; = ( ) [ ] { } ? @ & < > / and : as the product's default index does. A term of several words (`/orders/7`, `"out of stock"`)
needs all of them, in any order; `err*` needs a word that begins so; `field:*` needs the field. A comparison is true of a field whose
whole text is such a number. `and`, `or` and `not` are quoted to be searched for.
"""

from __future__ import annotations

import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fclab.errors import SourceError

__all__ = ["Condition", "parse", "words"]

_DEEPEST = 100
"""Parentheses and nots inside one another."""
_LEXEMES = re.compile(r'\s*(?:(?P<mark>[():]|>=|<=|>|<|=)|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<word>[^\s():<>="]+))', re.DOTALL)
_CUT = re.compile(r"""[\s,'";=()\[\]{}?@&<>/:]+""")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "=": operator.eq,
}  # fmt: skip


def words(text: str) -> list[str]:
    """The words of a text, as the index has them."""
    return [word for word in _CUT.split(text.lower()) if word]


class Condition(ABC):
    """What a log may meet. `fields` are its texts by name."""

    @abstractmethod
    def meets(self, fields: Mapping[str, str]) -> bool:
        """True if a log with these fields is found."""


@dataclass(frozen=True, slots=True)
class Everything(Condition):
    def meets(self, fields: Mapping[str, str]) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Has(Condition):
    """The field `name`, or any field if it is None, has all of `needed`; the last of them is only a beginning if `begins`."""

    name: str | None
    needed: tuple[str, ...]
    begins: bool

    def meets(self, fields: Mapping[str, str]) -> bool:
        if self.name is None:
            there = {word for name, text in fields.items() if not name.startswith("__") for word in words(text)}
        elif self.name in fields:
            there = set(words(fields[self.name]))
        else:
            return False
        whole = self.needed[:-1] if self.begins else self.needed
        return there.issuperset(whole) and (not self.begins or any(word.startswith(self.needed[-1]) for word in there))


@dataclass(frozen=True, slots=True)
class Exists(Condition):
    name: str

    def meets(self, fields: Mapping[str, str]) -> bool:
        return self.name in fields


@dataclass(frozen=True, slots=True)
class Compares(Condition):
    name: str
    sign: str
    number: float

    def meets(self, fields: Mapping[str, str]) -> bool:
        text = fields.get(self.name, "")
        return _NUMBER.fullmatch(text) is not None and _COMPARE[self.sign](float(text), self.number)


@dataclass(frozen=True, slots=True)
class Not(Condition):
    part: Condition

    def meets(self, fields: Mapping[str, str]) -> bool:
        return not self.part.meets(fields)


@dataclass(frozen=True, slots=True)
class Every(Condition):
    parts: tuple[Condition, ...]

    def meets(self, fields: Mapping[str, str]) -> bool:
        return all(part.meets(fields) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Some(Condition):
    parts: tuple[Condition, ...]

    def meets(self, fields: Mapping[str, str]) -> bool:
        return any(part.meets(fields) for part in self.parts)


@dataclass(frozen=True, slots=True)
class _Lexeme:
    """A piece of a query, and where it begins. kind: "mark", "word", "quoted", or "end"."""

    kind: str
    text: str
    at: int

    def says(self, word: str) -> bool:
        return self.kind == "word" and self.text.lower() == word

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else f"{self.text!r} at character {self.at + 1}"


def parse(query: str) -> Condition:
    """The condition that a query states. Raises `SourceError` ("ParameterInvalid") that says what is wrong, and where."""
    parser = _Parser(query)
    if parser.next.kind == "end":
        return Everything()
    found = parser.either(0)
    if parser.next.kind != "end":
        raise parser.wrong("the query could end")
    return found


class _Parser:
    def __init__(self, query: str) -> None:
        self.query = query
        self.lexemes = self._cut(query)
        self.at = 0

    @property
    def next(self) -> _Lexeme:
        return self.lexemes[self.at]

    def take(self) -> _Lexeme:
        self.at += 1
        return self.lexemes[self.at - 1]

    def wrong(self, due: str) -> SourceError:
        hint = 'a query is such as: status:500 and (error or "timed out") and not latency < 100'
        return SourceError("ParameterInvalid", f"In the query {self.query!r}, {due} where {self.next} is.", hint=hint)

    def _cut(self, query: str) -> list[_Lexeme]:
        found, at = [], 0
        while query[at:].strip():
            match = _LEXEMES.match(query, at)
            if match is None:
                begin = query.index('"', at)
                raise SourceError("ParameterInvalid", f"In the query {query!r}, the quotation at character {begin + 1} does not end.",
                                  hint='close it with ", and write \\" for a quotation mark inside')  # fmt: skip
            kind = match.lastgroup or ""
            text = match[kind]
            found.append(_Lexeme(kind, re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL) if kind == "quoted" else text, match.start(kind)))
            at = match.end()
        return [*found, _Lexeme("end", "", len(query))]

    def either(self, depth: int) -> Condition:
        parts = [self.both(depth)]
        while self.next.says("or"):
            self.take()
            parts.append(self.both(depth))
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def both(self, depth: int) -> Condition:
        parts = [self.negated(depth)]
        while self.next.kind != "end" and not self.next.says("or") and (self.next.kind, self.next.text) != ("mark", ")"):
            if self.next.says("and"):
                self.take()
            parts.append(self.negated(depth))
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def negated(self, depth: int) -> Condition:
        if depth > _DEEPEST:
            raise SourceError("ParameterInvalid", f"The query is nested deeper than {_DEEPEST}.", hint="write it with fewer parentheses")
        if self.next.says("not"):
            self.take()
            return Not(self.negated(depth + 1))
        return self.condition(depth)

    def condition(self, depth: int) -> Condition:
        if self.next.kind == "mark":
            if self.next.text != "(":
                raise self.wrong("a word, a field or ( is due")
            self.take()
            inner = self.either(depth + 1)
            if self.next.text != ")" or self.next.kind != "mark":
                raise self.wrong("a ) is due")
            self.take()
            return inner
        if self.next.kind == "end" or any(map(self.next.says, ("and", "or"))):
            raise self.wrong("a word, a field or ( is due")
        after = self.lexemes[self.at + 1]
        if after.kind == "mark" and after.text == ":":
            name = self.take().text
            self.take()
            return self.term(name)
        if after.kind == "mark" and after.text in _COMPARE:
            name, sign = self.take().text, self.take().text
            if not _NUMBER.fullmatch(self.next.text):
                raise self.wrong(f"a number is due after {sign} (a word goes with :, as in {name}:word)")
            return Compares(name, sign, float(self.take().text))
        return self.term(None)

    def term(self, name: str | None) -> Condition:
        if self.next.kind not in ("word", "quoted"):
            raise self.wrong("a word is due")
        text, quoted = self.next.text, self.next.kind == "quoted"
        begins = not quoted and text.endswith("*")
        if text == "*" and begins:
            self.take()
            return Everything() if name is None else Exists(name)
        if not quoted and re.search(r"[*?]", text[:-1] if begins else text):
            raise self.wrong("* may only end a word, and ? is not known,")
        needed = tuple(words(text[:-1] if begins else text))
        if not needed:
            raise self.wrong("something with a letter or digit is due")
        self.take()
        return Has(name, needed, begins)
