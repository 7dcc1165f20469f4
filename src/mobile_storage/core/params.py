"""Declaration of the sections of ``params.yaml``, and checks of their values.

Some texts of ``params.yaml`` become part of a command or a path, and a reader's folder may have its
own ``params.yaml``. Therefore every text must be one of a list of existing names: the names below,
the notebooks of a paper, or the symbols of its ledgers. Numbers must have the kind and the range
that the stages need. The stages and `tools.workspace` read through this module. `InputError`
reports a wrong value in one sentence before anything starts.

The sections ``verify`` and ``flip`` belong to runs of the repository itself (`tools.receipt`,
`mobile_storage.flip`). A reader's folder cannot change them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import PydanticCustomError

from mobile_storage.core.errors import InputError, did_you_mean
from mobile_storage.core.io import read_text
from mobile_storage.core.papers import MMBES, PAPERS, PRICING

__all__ = [
    "CASES",
    "FAMILIES",
    "OBJECTIVES",
    "REPOSITORY_SECTIONS",
    "SECTIONS",
    "SETS",
    "case_pair",
    "check_choices",
    "load_yaml",
    "read_section",
]

SETS = ("literature", "calibrated")
OBJECTIVES = ("prospect", "net_profit")
FAMILIES = ("load_rate", "weights", "cognition", "reference", "extreme")
_FIELDS = ("tariff", "follower", "participation", "investment")
_VARIANTS = (("opt_out", "all"), ("with_trading", "emergency_only"))
#: Every case by its name, which lists its variant; with one price there is no grade to choose.
CASES: Mapping[str, Mapping[str, str]] = {
    "_".join([start, *end]): dict(zip(_FIELDS, (*chosen, *end), strict=True))
    for start, chosen in (
        ("case1_self_select", ("multi_grade", "self_select")),
        ("case1_fixed_grade", ("multi_grade", "fixed_grade")),
        ("case2", ("single_price", "fixed_grade")),
    )
    for end in product(*_VARIANTS)
}


def case_pair(follower: str, participation: str, investment: str) -> tuple[str, str]:
    """Return the names of case 1 and case 2 in a variant; with one price nobody chooses a grade.

    Parameters
    ----------
    follower : {"self_select", "fixed_grade"}
    participation : {"opt_out", "all"}
    investment : {"with_trading", "emergency_only"}

    Raises
    ------
    ValueError
        If there is no such variant.
    """
    pair = (f"case1_{follower}_{participation}_{investment}", f"case2_{participation}_{investment}")
    if unknown := set(pair) - set(CASES):
        raise ValueError(f"no case is {min(unknown)}, expected one of {', '.join(CASES)}")
    return pair


#: Largest number of characters of a file that is read, ten times the size of ``params.yaml``.
_LONGEST = 100_000


def _each_once(values: list) -> list:
    twice = next((value for k, value in enumerate(values) if value in values[:k]), None)
    if twice is not None:
        raise PydanticCustomError("expected", "each only once", {"found": twice})
    return values


def _exactly(names: tuple[str, ...]) -> AfterValidator:
    def check(values: list) -> list:
        if tuple(values) != names:
            said = f"[{', '.join(names)}], all of which the tables and claims of a paper read"
            raise PydanticCustomError("expected", said)
        return values

    return AfterValidator(check)


T = TypeVar("T")
AnyNumber = Annotated[list[T], Field(max_length=1000), AfterValidator(_each_once)]
Several = Annotated[list[T], Field(min_length=1, max_length=1000), AfterValidator(_each_once)]
Sets = Annotated[list[Any], _exactly(SETS)]
Objectives = Annotated[list[Any], _exactly(OBJECTIVES)]
Families = Annotated[list[Any], _exactly(FAMILIES)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Positive = Annotated[float, Field(gt=0, le=1e12)]
Share = Annotated[float, Field(gt=0, lt=1)]
#: Windows allows at most this number of processes in a pool.
Processes = Annotated[int, Field(ge=1, le=61)]
Nodes = Annotated[int, Field(ge=4, le=2000)]
Points = Annotated[int, Field(ge=2, le=10_000)]
Exponent = Annotated[float, Field(gt=0, le=1)]
#: Below 0.28 the weights of Eq. (8, 9) of paper 2 no longer rise with the probability.
Bend = Annotated[float, Field(ge=0.28, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Limits(_Part):
    gap: Annotated[float, Field(ge=0, lt=1)]
    node_limit: Annotated[int, Field(ge=1, lt=2**31)]


class _Default(_Part):
    follower: Literal["self_select", "fixed_grade"]
    participation: Literal["opt_out", "all"]
    investment: Literal["with_trading", "emergency_only"]


class _Case(_Default):
    tariff: Literal["multi_grade", "single_price"]
    intervals: bool


class _Ties(_Part):
    margins_yuan_per_year: Several[Positive]


class _Iteration(_Part):
    rounds: Count


class _BlindEvolution(_Part):
    population: Annotated[int, Field(ge=1, le=10_000)]
    generations: Count


class _Search(_Part):
    processes: Processes
    seeds: Several[Seed]
    evolution: _BlindEvolution


class _Sensitivity(_Part):
    processes: Processes
    only: AnyNumber[str]
    most_customers: Annotated[int, Field(ge=0, le=1_000_000)]


class _Pricing(_Part):
    solver: Literal["auto", "gurobi", "highs", "scip"]
    limits: _Limits
    default: _Default
    cases: dict[str, _Case]
    formulations: Several[str]
    ties: _Ties
    iteration: _Iteration
    search: _Search
    sensitivity: _Sensitivity


class _Readings(_Part):
    repair_law: Literal["exponential", "fixed"] = "exponential"
    soc_law: Literal["joint", "marginal", "constant"] = "joint"
    added_load: Literal["constant", "scaled"] = "constant"
    rank_dependent: bool = True
    storage_failures: Literal["faults", "everywhere"] = "faults"


class _Size(_Part):
    energy_kwh: Positive
    power_kw: Positive


class _Evolution(_Part):
    # SciPy needs a multiple of the two decisions, and at least five members.
    population: Annotated[int, Field(ge=6, le=10_000)]
    iterations: Count
    seed: Seed


class _Convergence(_Part):
    seeds: Annotated[int, Field(ge=1, le=1000)]
    settled: Share
    tolerance: Annotated[float, Field(ge=0, lt=1)]


class _Grid(_Part):
    energy: Nodes
    power: Nodes


class _Refinement(_Grid):
    starts: Annotated[int, Field(ge=1, le=1000)]


class _Direct(_Part):
    evaluations: Count


class _MonteCarlo(_Part):
    seed: Seed
    precision: Share


class _LoadRate(_Part):
    lowest: Positive
    highest: Positive
    count: Points


class _Weights(_Part):
    raised: Share
    lowered: Share


class _Cognition(_Part):
    alpha_beta: Several[Exponent]
    loss_aversion: Several[Positive]
    gamma_delta: Several[Bend]


class _Reference(_Part):
    count: Points


class _Scenarios(_Part):
    load_rate: _LoadRate
    weights: _Weights
    cognition: _Cognition
    reference: _Reference


class _Calibration(_Part):
    targets: Several[Literal["P2-01", "P2-02", "P2-03", "P2-04", "P2-06", "P2-08"]]
    implied: dict[str, Positive]
    readings: _Readings
    values: Several[str]
    generations: Count
    population: Annotated[int, Field(ge=5, le=10_000)]
    starts: Annotated[int, Field(ge=0, le=1000)]
    members: Annotated[int, Field(ge=0, le=1000)]
    as_good: Annotated[float, Field(ge=1, le=1e12)]
    evaluations: Count
    seed: Seed


class _Independence(_Part):
    refinement: _Refinement
    seeds: Several[Seed]
    first_seed: Seed


class _Mmbes(_Part):
    processes: Processes
    sets: Sets
    objectives: Objectives
    model: _Readings
    bounds: _Size
    evolution: _Evolution
    convergence: _Convergence
    grid: _Grid
    direct: _Direct
    published_size: _Size
    monte_carlo: _MonteCarlo
    tolerance: Annotated[float, Field(ge=0, lt=1)]
    scenarios: _Scenarios
    calibration: _Calibration
    families: Families
    independence: _Independence


_notebook_fields: dict[str, Any] = dict.fromkeys(PAPERS, Several[str])
_Notebooks = create_model("_Notebooks", __base__=_Part, **_notebook_fields)


_SECTIONS: Mapping[str, type[_Part]] = {
    "pricing": _Pricing,
    "mmbes": _Mmbes,
    "notebooks": _Notebooks,
}
#: The sections that a reader's folder may change, and those that it may not.
SECTIONS = tuple(_SECTIONS)
REPOSITORY_SECTIONS = ("verify", "flip")

Place = tuple[str | int, ...]
Layers = list[tuple[Path, Mapping[str, Any]]]


def read_section(path: str | Path, name: str) -> dict[str, Any]:
    """Check a section of ``params.yaml`` and return it.

    Raises
    ------
    InputError
        If the file is not YAML, or the section is missing or wrong.
    """
    content = load_yaml(Path(path))
    check_choices({name: content.get(name)}, [(Path(path), content)])
    return content[name]


def check_choices(
    params: Mapping[str, Any],
    layers: Layers,
    notebooks: Mapping[str, list[str]] | None = None,
    symbols: Mapping[str, list[str]] | None = None,
) -> None:
    """Check the values of ``params.yaml`` that a run would use.

    Parameters
    ----------
    params : mapping
        All values, with those of the layers applied. Sections that this module does not declare are
        ignored.
    layers : list of (path, mapping)
        The files of the values; later files override earlier ones. An error names the file that
        sets the value.
    notebooks : mapping, optional
        Names of the existing notebooks, by paper.
    symbols : mapping, optional
        Names of the ledgers' values, by paper: ``k_exp``, ``network.T1.rating``.

    Raises
    ------
    InputError
        At the first wrong value.
    """
    for place, value, expected in _faults(params, notebooks or {}, symbols or {}):
        said = [path for path, content in layers if _says(content, place)]
        raise InputError(
            file=(said or [layers[0][0]])[-1], where=_shown(place), value=value, expected=expected
        )


def _faults(
    params: Mapping[str, Any],
    notebooks: Mapping[str, list[str]],
    symbols: Mapping[str, list[str]],
) -> Iterator[tuple[Place, object, str]]:
    """Yield place, value and expectation of everything wrong; kinds and ranges come first."""
    for name, model in _SECTIONS.items():
        if name in params:
            try:
                model.model_validate(params[name])
            except ValidationError as error:
                yield from (_fault(name, one) for one in error.errors(include_url=False))
                return
    yield from _case_faults(params.get("pricing"))
    yield from _order_faults(params.get("mmbes"))
    for place, values, known in _references(params, notebooks, symbols):
        for k, value in enumerate(values):
            if value not in known:
                yield (*place, k), value, f"one of {_few(known)}{did_you_mean(value, known)}"


def _fault(section: str, error: Mapping[str, Any]) -> tuple[Place, object, str]:
    """Translate an error of pydantic."""
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    place = (section, *error["loc"])
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", context["expected"])
        hint = did_you_mean(value, known) if isinstance(value, str) else ""
        return place, value, f"one of {', '.join(known)}{hint}"
    if kind == "missing":
        return place, None, "a value here as well"
    if kind == "expected":
        return place, context.get("found", value), error["msg"]
    if kind == "extra_forbidden":
        return place, error["loc"][-1], "no such name"
    words = {
        "int_type": "a whole number",
        "int_from_float": "a whole number",
        "float_type": "a number",
        "finite_number": "a finite number",
        "bool_type": "true or false",
        "string_type": "a text",
        "list_type": "a list",
        "dict_type": "names and values",
        "model_type": "names and values",
        "greater_than": "a number above {gt:g}",
        "greater_than_equal": "at least {ge:g}",
        "less_than": "a number below {lt:g}",
        "less_than_equal": "at most {le:g}",
        "too_short": "at least {min_length} of them",
        "too_long": "at most {max_length} of them",
    }
    return place, value, words.get(kind, error["msg"]).format(**context)


def _case_faults(pricing: Mapping[str, Any] | None) -> Iterator[tuple[Place, object, str]]:
    """Check that every case has the values in its name; results and claims rely on both."""
    if pricing is None:
        return
    for name in pricing["cases"]:
        if name not in CASES:
            known = f"one of {', '.join(CASES)}{did_you_mean(str(name), CASES)}"
            yield ("pricing", "cases"), name, known
    for name, wanted in CASES.items():
        if name not in pricing["cases"]:
            yield ("pricing", "cases", name), None, "this case as well: others are compared with it"
            continue
        for field, value in wanted.items():
            found = pricing["cases"][name][field]
            if found != value:
                yield ("pricing", "cases", name, field), found, f"{value}, as the case's name says"


def _order_faults(mmbes: Mapping[str, Any] | None) -> Iterator[tuple[Place, object, str]]:
    if mmbes is None:
        return
    for family, low, high in (
        ("load_rate", "lowest", "highest"),
        ("weights", "lowered", "raised"),
    ):
        values = mmbes["scenarios"][family]
        if not values[low] < values[high]:
            place = ("mmbes", "scenarios", family, low)
            yield place, values[low], f"less than {high}, {values[high]:g}"


def _references(
    params: Mapping[str, Any],
    notebooks: Mapping[str, list[str]],
    symbols: Mapping[str, list[str]],
) -> Iterator[tuple[Place, list[str], list[str]]]:
    """Yield the place of each list of names, the list, and the existing names."""
    if pricing := params.get("pricing"):
        yield ("pricing", "formulations"), pricing["formulations"], list(CASES)
        if PRICING.key in symbols:
            only = pricing["sensitivity"]["only"]
            yield ("pricing", "sensitivity", "only"), only, symbols[PRICING.key]
    # Without starts nothing is calibrated, and a reader's own network need not have these names.
    if (mmbes := params.get("mmbes")) and mmbes["calibration"]["starts"] and MMBES.key in symbols:
        place = ("mmbes", "calibration")
        yield (*place, "values"), mmbes["calibration"]["values"], symbols[MMBES.key]
        yield (*place, "implied"), list(mmbes["calibration"]["implied"]), symbols[MMBES.key]
    for paper, names in (params.get("notebooks") or {}).items():
        if paper in notebooks:
            yield ("notebooks", paper), names, notebooks[paper]


def _says(content: Mapping[str, Any], place: Place) -> bool:
    """Return whether a file sets the value at a place, or a plain value above it."""
    inner: Any = content
    for name in place:
        if not isinstance(inner, Mapping):
            return True
        if name not in inner:
            return False
        inner = inner[name]
    return True


def _shown(place: Place) -> str:
    words = "".join(f", item {part + 1}" if isinstance(part, int) else f".{part}" for part in place)
    return words.removeprefix(".")


def _few(names: list[str]) -> str:
    """List names, or a few of them if there are many, as in a ledger."""
    return ", ".join(names) if len(names) <= 30 else f"{', '.join(names[:5])} and so on"


# ---- YAML ------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """Loader of plain values.

    It refuses a name that occurs twice on one level, where YAML would silently take the last one.
    It also refuses ``*name``, which repeats the value marked by ``&name``, because a few such lines
    can expand to more values than fit into memory.
    """

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.constructor.ConstructorError(
                problem=f"*{event.anchor}, which repeats values", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        names: list[object] = []
        for key, _ in node.value:
            names.append(self.construct_object(key, deep=True))
            if names[-1] in names[:-1]:
                raise yaml.constructor.ConstructorError(
                    problem=f"{names[-1]} twice", problem_mark=key.start_mark
                )
        return super().construct_mapping(node, deep)


def load_yaml(path: Path) -> dict[str, Any]:
    """Return the names and values of a YAML file.

    Raises
    ------
    InputError
        If the file is not YAML in UTF-8, or has more than plain names and values, such as a tag, an
        alias or a name that occurs twice.
    """
    text = read_text(path, "YAML")
    if len(text) > _LONGEST:
        raise InputError(
            file=path,
            where="the file",
            value=f"{len(text)} characters",
            expected=f"at most {_LONGEST}",
        )
    try:
        content = yaml.load(text, _Loader)
    except (ValueError, RecursionError) as error:  # a date that is none, a deep nest
        raise InputError(
            file=path, where="the file", value=str(error), expected="valid YAML"
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(
            file=path,
            where=f"line {mark.line + 1}" if mark else "the file",
            value=getattr(error, "problem", None) or str(error),
            expected="valid YAML with plain values",
        ) from None
    if not isinstance(content, dict):
        raise InputError(
            file=path, where="the file", value=content, expected="names and values as in YAML"
        )
    return content
