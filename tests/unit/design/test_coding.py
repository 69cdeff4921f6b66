from ilk.design.coding import code_terms


def parts(coded):
    return [[subterm.parts for subterm in term] for term in coded]


def test_a_factor_beside_the_intercept_is_reduced():
    assert parts(code_terms(((), (0,)), (True,))) == [[()], [((0, True),)]]


def test_a_factor_without_intercept_is_full():
    assert parts(code_terms(((0,),), (True,))) == [[((0, False),)]]


def test_an_interaction_without_its_margin_is_full_in_that_factor():
    coded = code_terms(((), (0,), (0, 1)), (False, True))
    assert parts(coded)[2] == [((0, False), (1, True))]
    coded = code_terms(((), (0, 1)), (False, True))
    assert parts(coded)[1] == [((0, False), (1, False))]


def test_vectors_are_never_reduced():
    assert parts(code_terms(((), (0, 1)), (False, False)))[1] == [((0, False), (1, False))]
