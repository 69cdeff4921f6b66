"""What the package knows of each data set: columns, truth, model, origin, fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ilk.datasets import truth

__all__ = ["CATALOG", "Column", "Dataset"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a data set.

    Attributes
    ----------
    name : str
        Name.
    kind : type
        ``str``, ``int`` or ``float``.
    meaning : str
        What was recorded, and its unit.
    """

    name: str
    kind: type
    meaning: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """Description of a data set; printing it shows all of it.

    Attributes
    ----------
    name : str
        Name for :func:`ilk.datasets.load`.
    title : str
        One line.
    story : str
        The question that the data are for.
    columns : tuple of Column
        Columns in the order of the file.
    rows : int
        Number of rows.
    model : str
        A call of :func:`ilk.fit` that suits the data.
    truth : mapping of str to float
        Parameters of the simulation.
    provenance : str
        Where the data come from.
    sha256 : str
        Fingerprint of the file.
    """

    name: str
    title: str
    story: str
    columns: tuple[Column, ...]
    rows: int
    model: str
    truth: Mapping[str, float]
    provenance: str
    sha256: str

    def __str__(self) -> str:
        width = max(len(column.name) for column in self.columns)
        lines = [f"{self.name}: {self.title} ({self.rows} rows)", "", self.story, ""]
        lines += [f"  {column.name:<{width}}  {column.meaning}" for column in self.columns]
        lines += ["", "Model:  " + self.model, ""]
        known = ", ".join(f"{name} = {value:g}" for name, value in self.truth.items())
        lines += ["Truth:  " + known, "Origin: " + self.provenance]
        return "\n".join(lines)


def _simulated(function: str) -> str:
    return (
        f"simulated by ilk.datasets.simulate.{function}(); no real person, place or animal is "
        "described. Public domain (CC0)."
    )


CATALOG: Mapping[str, Dataset] = {
    "hospital_infections": Dataset(
        name="hospital_infections",
        title="infections in 60 hospitals over 24 months",
        story=(
            "A hand-hygiene policy begins in different hospitals at different months. Does it\n"
            "lower the infection rate, and which hospitals do well? The hospitals differ in size\n"
            "by a factor of two hundred, so some of the smallest saw no infection at all."
        ),
        columns=(
            Column("hospital", str, "hospital"),
            Column("beds", int, "number of beds"),
            Column("month", int, "month of observation, 0 to 23"),
            Column("policy", int, "1 from the month in which the policy began, else 0"),
            Column("severity", float, "mean severity of the patients (0: average case mix)"),
            Column("age", float, "mean age of the patients, years (without effect)"),
            Column("patient_days", int, "patient days at risk in that month: the exposure"),
            Column("infections", int, "infections acquired in hospital"),
        ),
        rows=1440,
        model=(
            'ilk.fit("infections ~ policy + severity + month + (1 + month | hospital)", data, '
            'family="poisson", exposure="patient_days")'
        ),
        truth=truth.HOSPITAL_INFECTIONS,
        provenance=_simulated("hospital_infections"),
        sha256="05fda665331211140b7d92c31e6b27ff260974bf7a4d18a296d559331967ea9c",
    ),
    "classroom_scores": Dataset(
        name="classroom_scores",
        title="test scores of students in classrooms in schools",
        story=(
            "Half of the classrooms are taught with a new method. Students of a classroom, and\n"
            "classrooms of a school, resemble each other, so the students are not so many\n"
            "independent observations."
        ),
        columns=(
            Column("school", str, "school (30)"),
            Column("classroom", str, "classroom within the school (100)"),
            Column("method", str, "teaching method of the classroom: new or usual"),
            Column("prior", float, "score before the term"),
            Column("score", float, "score after the term"),
        ),
        rows=1348,
        model='ilk.fit("score ~ method + prior + (1 | school/classroom)", data)',
        truth=truth.CLASSROOM_SCORES,
        provenance=_simulated("classroom_scores"),
        sha256="f3546e0ebfd3743d3922c79a2d8c12fefafa5d12790cf99fd1efb941f3a2b8a2",
    ),
    "essay_marks": Dataset(
        name="essay_marks",
        title="essays marked by raters, partially crossed",
        story=(
            "Each of 150 essays was read by 4 of 25 raters, who ticked up to 12 points. Essays\n"
            "differ in quality and raters in severity: two crossed grouping factors."
        ),
        columns=(
            Column("essay", str, "essay (150)"),
            Column("rater", str, "rater (25)"),
            Column("prompt", str, "task of the essay: argue or describe"),
            Column("experience", int, "experience of the rater, years"),
            Column("points", int, "points given"),
            Column("items", int, "points that could be given: the number of trials"),
        ),
        rows=600,
        model=(
            'ilk.fit("points ~ prompt + experience + (1 | essay) + (1 | rater)", data, '
            'family="binomial", trials="items")'
        ),
        truth=truth.ESSAY_MARKS,
        provenance=_simulated("essay_marks"),
        sha256="534300c0e4a80410bec3fe813915941794b11c01717a4082f6f23198a66ba10a",
    ),
    "eczema_trial": Dataset(
        name="eczema_trial",
        title="a randomized trial with a yes/no outcome at five visits",
        story=(
            "Is the skin clear? 240 patients were asked at weeks 0, 2, 4, 8 and 12; some visits\n"
            "were missed. Patients differ much, so the effect within a patient and the effect in\n"
            "the population are different numbers, and the Laplace approximation is strained."
        ),
        columns=(
            Column("patient", int, "patient (240)"),
            Column("treatment", str, "randomized arm: active or placebo"),
            Column("severity", float, "severity at the start (standardized)"),
            Column("week", int, "week of the visit"),
            Column("clear", int, "1 if the skin is clear, else 0"),
        ),
        rows=1154,
        model=(
            'ilk.fit("clear ~ week + week:treatment + severity + (1 | patient)", data, '
            'family="binomial", quadrature=15)'
        ),
        truth=truth.ECZEMA_TRIAL,
        provenance=_simulated("eczema_trial"),
        sha256="0c7e6122510d08716cdd05fb24b8dcdd2804b425c96b9fd5c226d7702bfec280",
    ),
    "pond_newts": Dataset(
        name="pond_newts",
        title="newts counted in ponds, with many zeros",
        story=(
            "Counts from 70 ponds, six visits each, of 20 to 60 minutes. They vary more than a\n"
            "Poisson model allows, and ponds with fish are often empty for good."
        ),
        columns=(
            Column("pond", str, "pond (70)"),
            Column("visit", int, "visit, 1 to 6"),
            Column("fish", str, "are there fish in the pond: yes or no"),
            Column("cover", float, "share of the surface covered by plants"),
            Column("depth", float, "depth, m"),
            Column("minutes", int, "minutes spent counting: the exposure"),
            Column("newts", int, "newts seen"),
        ),
        rows=420,
        model=(
            'ilk.fit("newts ~ cover + depth + (1 | pond)", data, family="negative_binomial_2", '
            'zero_inflation="~ fish", exposure="minutes")'
        ),
        truth=truth.POND_NEWTS,
        provenance=_simulated("pond_newts"),
        sha256="2bb4db5be7a42a773906cecbc2e24a3d9f14ce5d9afd4afafb2e89637596da7c",
    ),
    "gull_mass": Dataset(
        name="gull_mass",
        title="mass of gulls over their lives, which end early for light ones",
        story=(
            "400 gulls were weighed every year from age 4 to their death or the end of the study.\n"
            "Every gull loses mass as it ages, and more in its last year. Light gulls die young,\n"
            "so the mean mass by age rises at first: those left are the heavy ones."
        ),
        columns=(
            Column("gull", str, "gull (400)"),
            Column("year", int, "year of the record, 1990 to 2010"),
            Column("age", int, "age in years"),
            Column("alive", int, "1 if the gull was alive when the study ended, else 0"),
            Column("mass", int, "body mass, g"),
        ),
        rows=2097,
        model=(
            'made = ilk.within_between(data, "age", "gull", alive="alive"); '
            'ilk.fit(made.formula("mass"), made.data)'
        ),
        truth=truth.GULL_MASS,
        provenance=_simulated("gull_mass"),
        sha256="2a486a2c64a86e40277890dea5a1141273df547bd41640ead0d928bc673de28e",
    ),
    "counseling_rates": Dataset(
        name="counseling_rates",
        title="counseling by 60 clinicians over 12 months",
        story=(
            "Clinicians see very different numbers of smokers, more in some months than in\n"
            "others, and a visit can have several sessions. Who counsels more often than others,\n"
            "and whose rate improves? The clinicians were trained in different months."
        ),
        columns=(
            Column("clinician", str, "clinician"),
            Column("month", int, "month of observation, 0 to 11"),
            Column("training", int, "1 from the month in which the clinician was trained, else 0"),
            Column("opportunities", int, "visits by smokers in that month: the exposure"),
            Column("counseled", int, "counseling sessions"),
        ),
        rows=720,
        model=(
            'ilk.fit("counseled ~ training + month + (1 + month | clinician)", data, '
            'family="poisson", exposure="opportunities")'
        ),
        truth=truth.COUNSELING_RATES,
        provenance=_simulated("counseling_rates"),
        sha256="296f7c7de5215212e6fc59a56ba2f057e56cad992fce404035a1b5ede5661166",
    ),
}
