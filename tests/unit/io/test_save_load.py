"""Saved fits: equal after reading, and safe whatever a file holds."""

from __future__ import annotations

import io
import json
import math
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.fits import FITS, data_of, fit_of

import ilk
from ilk.errors import DataError, IlkError, ModelError
from ilk.family.base import AbstractFamily
from ilk.family.link import AbstractLink, Log

LOG = Log()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Paths of saved fits."""
    folder = tmp_path_factory.mktemp("fits")
    paths = {}
    for name in FITS:
        paths[name] = folder / f"{name}.ilk"
        fit_of(name).save(paths[name])
    return paths


@pytest.mark.parametrize("name", sorted(FITS))
def test_a_loaded_fit_answers_like_the_saved_one(saved, name):
    fit, again = fit_of(name), ilk.load(saved[name])
    assert str(again.summary()) == str(fit.summary())
    assert repr(again) == repr(fit)
    data = data_of(name)
    for estimand in ("conditional", "typical", "population"):
        pd.testing.assert_frame_equal(
            again.predict(data, estimand=estimand, interval="confidence"),
            fit.predict(data, estimand=estimand, interval="confidence"),
            rtol=1e-7,
        )
    np.testing.assert_array_equal(
        again.simulate(2, estimand="typical", seed=1), fit.simulate(2, estimand="typical", seed=1)
    )
    pd.testing.assert_frame_equal(again.tidy(), fit.tidy())
    pd.testing.assert_frame_equal(again.random_effects(), fit.random_effects(), rtol=1e-6)
    y = fit.simulate(1, seed=3)[:, 0]
    assert again.refit(y).loglik == pytest.approx(fit.refit(y).loglik, abs=1e-6)


def test_transforms_splines_and_factors_are_remembered(tmp_path):
    data = data_of("binary").assign(
        z=lambda d: np.exp(d.x), h=lambda d: pd.Categorical(np.where(d.x > 0, "p", "q"))
    )
    formulas = [
        "y ~ scale(x) + h + (1 | g)",
        "y ~ bs(x, df=4) + C(sex, contr.sum) + (1 | g)",
        "y ~ poly(x, 2) + log(z) + (1 + x || g)",
        "y ~ within(x, g) + between(x, g) + (1 | g:h)",
    ]
    for k, formula in enumerate(formulas):
        fit = ilk.fit(formula, data, family="binomial")
        fit.save(tmp_path / f"{k}.ilk")
        again = ilk.load(tmp_path / f"{k}.ilk")
        new = data.iloc[40:60]
        np.testing.assert_allclose(
            again.predict(new).estimate, fit.predict(new).estimate, rtol=1e-9
        )


@pytest.mark.parametrize(
    "labels",
    [
        list(range(2**62, 2**62 + 12)),
        [f"Zürich {i} <&>" for i in range(12)],
        [True, False] * 6,
        list(pd.date_range("2020-01-01", periods=12).to_pydatetime()),
        [0.5 * i for i in range(12)],
        [b"x%d" % i for i in range(12)],
    ],
)
def test_levels_of_all_types(tmp_path, labels):
    rng = np.random.default_rng(3)
    group = [labels[i] for i in np.repeat(np.arange(12), 6)]
    data = {"y": rng.normal(size=72) + np.repeat(rng.normal(size=12), 6), "g": group}
    fit = ilk.fit("y ~ 1 + (1 | g)", data)
    fit.save(tmp_path / "fit")
    again = ilk.load(tmp_path / "fit")
    pd.testing.assert_frame_equal(again.random_effects(), fit.random_effects(), rtol=1e-6)
    np.testing.assert_allclose(again.predict(data).estimate, fit.predict(data).estimate)


def test_the_flavor_and_the_verdict_are_kept(tmp_path):
    import polars as pl

    fit = ilk.fit("y ~ x + (1 | g)", pl.from_pandas(data_of("binary")), family="binomial")
    fit.save(tmp_path / "fit")
    assert isinstance(ilk.load(tmp_path / "fit").tidy(), pl.DataFrame)
    fit_of("dyestuff2").save(tmp_path / "fit")
    assert ilk.load(tmp_path / "fit").verdict == fit_of("dyestuff2").verdict


def test_equal_fits_give_equal_files(tmp_path, saved):
    fit_of("cbpp").save(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == saved["cbpp"].read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["a"]  # no partial file is left


def test_what_a_file_cannot_hold():
    @dataclass(frozen=True)
    class Own(AbstractFamily):
        name = "own"
        parameters = ("mean",)
        link: AbstractLink = LOG

        def log_density(self, y, trials, eta):
            return y * eta[0] - np.exp(eta[0]) if isinstance(eta[0], np.ndarray) else eta[0] * y

    from ilk.io.own import Own as Given
    from ilk.io.own import own_of
    from ilk.io.records import family_name, formula_texts, read_family

    written = family_name(Own())
    assert written == {"own": "own", "parameters": ("mean",), "link": "log"}
    with pytest.raises(DataError, match="family own of the fit is your own"):
        read_family(written)
    with pytest.raises(DataError, match="but family= is 'poisson'"):
        read_family(written, Given(ilk.families.poisson()))
    assert read_family(written, own_of(Own())) == Own()
    inflated = ilk.families.poisson()
    assert not own_of(ilk.families.zero_inflated(inflated)).given
    with pytest.raises(ModelError, match="is no family"):
        ilk.load("nowhere", family="own")
    with pytest.raises(ModelError, match="is no link"):
        ilk.load("nowhere", link="log")
    spec = ilk.fit("y ~ f(x) + (1 | g)", data_of("gamma"), functions={"f": lambda x: x**2}).formula
    with pytest.raises(ModelError, match="functions of your own"):
        formula_texts(spec)


def test_paths_that_cannot_be(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        ilk.load(tmp_path / "nothing")
    with pytest.raises(DataError, match="cannot be read"):
        ilk.load(tmp_path)
    with pytest.raises(DataError, match="cannot be written"):
        fit_of("cbpp").save(tmp_path / "no" / "such" / "folder")
    for content in (b"", b"PK", b"hello", b"\x80\x04\x95"):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(DataError, match="not a fit saved by ilk"):
            ilk.load(tmp_path / "bad")


# Crafted and mutated files


def entries(path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rebuild(path, parts: dict[str, bytes], compression=zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def npy(array: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def test_an_array_of_objects_is_not_read(saved, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "executed"), "w"))

    parts = entries(saved["cbpp"])
    for name in [n for n in parts if n.startswith("arrays/")]:
        bad = {**parts, name: npy(np.array([Bomb()], dtype=object), allow_pickle=True)}
        rebuild(tmp_path / "bad", bad)
        with pytest.raises(IlkError):
            ilk.load(tmp_path / "bad")
    assert not (tmp_path / "executed").exists()


def test_compressed_entries_are_refused(saved, tmp_path):
    rebuild(tmp_path / "bad", entries(saved["cbpp"]), zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="not stored plainly"):
        ilk.load(tmp_path / "bad")


def test_an_array_larger_than_its_entry_is_refused(saved, tmp_path):
    parts = entries(saved["cbpp"])
    header = npy(np.zeros(4)).replace(b"(4,)", b"(400000000000,)"[:4].ljust(4))
    huge = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        huge, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)}
    )
    for content in (huge.getvalue(), header[:20], b"\x93NUMPY", b""):
        rebuild(tmp_path / "bad", {**parts, "arrays/0.npy": content})
        with pytest.raises(IlkError):
            ilk.load(tmp_path / "bad")


def edit(path, out, change) -> None:
    parts = entries(path)
    manifest = json.loads(parts["fit.json"])
    change(manifest)
    rebuild(out, {**parts, "fit.json": json.dumps(manifest).encode()})


CRAFTED = {
    "later layout": lambda m: m.update(schema=99),
    "other format": lambda m: m.update(format="pickle"),
    "no content": lambda m: m.pop("content"),
    "injection": lambda m: m["content"]["formula"]["map"][0].__setitem__(
        1, "incidence / size ~ __import__('os').system('true') + (1 | herd)"
    ),
    "other formula": lambda m: m["content"]["formula"]["map"][0].__setitem__(
        1, "incidence / size ~ period + (1 | other)"
    ),
    "open function": lambda m: m["content"]["formula"]["map"][0].__setitem__(
        1, "incidence / size ~ open('x', 'w') + (1 | herd)"
    ),
    "other family": lambda m: m["content"]["family"]["map"][0].__setitem__(1, "poisson"),
    "family by path": lambda m: m["content"]["family"]["map"][0].__setitem__(1, "os.system"),
    "other link": lambda m: m["content"]["family"]["map"][1].__setitem__(1, "probit"),
    "unknown record": lambda m: m["content"]["design"].update(record="subprocess.Popen"),
    "unknown tag": lambda m: m["content"].update(loglik={"eval": "1"}),
    "other structure": lambda m: m["content"].update(structures={"list": ["diag"]}),
    "no structure": lambda m: m["content"].update(structures={"list": []}),
    "reml": lambda m: m["content"].update(reml="yes"),
    "nodes": lambda m: m["content"].update(nodes=10**9),
    "log-likelihood": lambda m: m["content"].update(loglik=-1.0),
    "no log-likelihood": lambda m: m["content"].update(loglik=None),
    "infinite log-likelihood": lambda m: m["content"].update(loglik=-math.inf),
    "status": lambda m: m["content"].update(status="GREAT"),
    "missing array": lambda m: m["content"].update(psi={"array": 999}),
    "negative array": lambda m: m["content"].update(psi={"array": -1}),
    "array by path": lambda m: m["content"].update(psi={"array": "../../etc/passwd"}),
    "wrong array": lambda m: m["content"].update(psi={"array": 0}),
    "deep nesting": lambda m: m["content"].update(
        reasons=json.loads('{"tuple":[' * 90 + "]}" * 90)
    ),
    "extra field": lambda m: m["content"]["design"]["fields"].update(extra=1),
    "wrong type": lambda m: m["content"]["design"]["fields"]["data"]["fields"].update(flavor=3),
    "no table": lambda m: m["content"]["design"]["fields"]["data"]["fields"].update(
        parts={"map": []}
    ),
    "long table": lambda m: m["content"]["design"]["fields"]["data"]["fields"].update(rows=3),
    "other flavor": lambda m: m["content"]["design"]["fields"].update(binomial=False),
    "no terms": lambda m: m["content"]["design"]["fields"].update(terms={"tuple": []}),
    "a list": lambda m: m.update(content=[1, 2]),
    "memory": lambda m: m["content"]["design"]["fields"].update(memory=[]),
}


@pytest.mark.parametrize("name", sorted(CRAFTED))
def test_crafted_files(saved, tmp_path, name):
    edit(saved["cbpp"], tmp_path / "bad", CRAFTED[name])
    with pytest.raises(IlkError):
        ilk.load(tmp_path / "bad")


def test_bottomless_nesting(saved, tmp_path):
    parts = entries(saved["cbpp"])
    rebuild(tmp_path / "bad", {**parts, "fit.json": b'{"content":' + b"[" * 10**6})
    with pytest.raises(DataError, match="RecursionError"):
        ilk.load(tmp_path / "bad")


def test_codes_out_of_range_never_reach_an_engine(saved, tmp_path):
    parts = entries(saved["cbpp"])
    for name, content in parts.items():
        if not name.endswith(".npy"):
            continue
        array = np.load(io.BytesIO(content))
        changes = [array[:-1], array[::-1] + 1, np.concatenate([array, array])]
        if array.dtype == np.int32:
            changes += [np.full_like(array, 10**6), np.full_like(array, -1), array.astype("<i8")]
        if array.dtype == np.float64:
            changes += [
                np.full_like(array, np.nan),
                array.astype("<f4"),
                np.full_like(array, 1e300),
            ]
        for changed in changes:
            rebuild(tmp_path / "bad", {**parts, name: npy(changed)})
            try:
                ilk.load(tmp_path / "bad")  # covariances and positions of rows may well differ
            except IlkError:
                continue


@pytest.mark.parametrize("name", ["cbpp", "sleepstudy", "salamanders"])
def test_mutated_files(saved, tmp_path, name):
    """Bytes flipped, cut, doubled: an error of ours, or a fit that agrees with its likelihood."""
    content = bytearray(saved[name].read_bytes())
    rng = np.random.default_rng(1)
    for _ in range(400):
        bad = bytearray(content)
        kind = rng.integers(4)
        position = int(rng.integers(len(bad)))
        if kind == 0:
            bad[position] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del bad[position : position + int(rng.integers(1, 200))]
        elif kind == 2:
            bad[position:position] = bad[: int(rng.integers(1, 200))]
        else:
            for p in rng.integers(len(bad), size=20):
                bad[int(p)] = int(rng.integers(256))
        (tmp_path / "bad").write_bytes(bytes(bad))
        try:
            ilk.load(tmp_path / "bad")
        except IlkError:
            continue


@pytest.mark.parametrize("name", ["cbpp", "sleepstudy"])
def test_mutated_manifests(saved, tmp_path, name):
    """The same inside a sound archive, so that no checksum stands guard."""
    parts = entries(saved[name])
    text = parts["fit.json"]
    rng = np.random.default_rng(2)
    for _ in range(400):
        bad = bytearray(text)
        for p in rng.integers(len(bad), size=int(rng.integers(1, 4))):
            bad[int(p)] = int(rng.choice(np.frombuffer(b'0123456789"{}[],:aetr-.', np.uint8)))
        rebuild(tmp_path / "bad", {**parts, "fit.json": bytes(bad)})
        try:
            fit = ilk.load(tmp_path / "bad")
        except IlkError:
            continue
        assert fit.loglik == pytest.approx(fit_of(name).loglik, rel=1e-7)
        str(fit.summary())
