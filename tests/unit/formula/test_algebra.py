import pytest

from ilk.errors import FormulaError
from ilk.formula.algebra import check_order, expand_product
from ilk.formula.language import Name
from ilk.formula.scan import scan
from ilk.formula.spec import Factor


def expand(text):
    words = scan(text)
    check_order(words, text)
    factors = [Factor(w.text, Name(w.text)) for w in words if w.kind == "name"]
    return [term.text for term in expand_product(words, factors, text)]


def test_products():
    assert expand("a*b") == ["a", "b", "a:b"]
    assert expand("(a + b)**5") == ["a", "a:b", "b"]
    assert expand("a/b") == ["a", "a:b"]


def test_powers_stop_when_nothing_new_comes():
    assert len(expand("(a + b + c)**9999")) == 7


def test_growth_is_bounded():
    with pytest.raises(FormulaError, match="more than 10000 terms"):
        expand("*".join(f"x{k}" for k in range(20)))
    with pytest.raises(FormulaError, match="at most 1000"):
        expand(":".join(f"x{k}" for k in range(1001)))


def test_order_is_checked_with_a_caret():
    with pytest.raises(FormulaError, match=r"'\*' has nothing on its left"):
        check_order(scan("*a"), "*a")
