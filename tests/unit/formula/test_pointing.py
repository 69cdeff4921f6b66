from ilk.formula.pointing import pointed


def test_the_caret_stands_under_the_culprit():
    lines = pointed("Bad.", "y ~ x + oops", 8, 4).split("\n")
    assert lines[1].index("oops") == lines[2].index("^^^^")
    assert lines[2].endswith("position 8")


def test_long_formulas_are_cut_around_it():
    text = "y ~ " + "x + " * 200 + "!" + " + z" * 200
    position = text.index("!")
    _, shown, carets = pointed("Bad.", text, position).split("\n")
    assert shown[carets.index("^")] == "!"
    assert len(shown) < 110


def test_line_breaks_do_not_move_it():
    _, shown, carets = pointed("Bad.", "y ~\n x\t+ !", 9).split("\n")
    assert shown[carets.index("^")] == "!"


def test_no_position_no_caret():
    assert pointed("Bad.", "y ~ x", None) == "Bad."
