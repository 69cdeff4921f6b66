from ilk.design.levels import label_texts, match_levels, type_hint


def test_exact_labels_come_first():
    assert match_levels((1, True, "1"), ("1", True, 1)).tolist() == [2, 1, 0]
    assert match_levels((False, True), (0, 1)).tolist() == [-1, -1]
    assert match_levels((0, 1), (False, True)).tolist() == [-1, -1]
    assert match_levels((10**18, 10**18 + 1), (float(10**18),)).tolist() == [0]
    assert match_levels(("a",), ()).tolist() == []


def test_a_difference_in_type_is_explained():
    assert "'1' (str); here it is int" in type_hint(("1", "2"), 1)
    assert type_hint(("1", "2"), 3) == ""


def test_texts_of_labels():
    assert label_texts((1, 2)) == ["1", "2"]
    assert label_texts((1, "1")) == ["1", "'1'"]
