from __future__ import annotations

import dataclasses
import math

import pytest

from mobile_storage.core.claims import (
    Claim,
    Evidence,
    Finding,
    Rule,
    Verdict,
    judge,
    read_claims,
    verdict_frame,
    write_verdicts,
)
from mobile_storage.core.errors import InputError

NUMBER = Claim("P2-01", "b", "5", "Capacity", "number", "4986.83", "kWh", Rule.RELATIVE, 0.1, "")
ORDERING = Claim("P1-02", "a", "4", "Highest", "ordering", "", "", Rule.HOLDS, None, "")
TABLE = Claim("P1-09", "a", "4", "Table 1", "table", "", "", Rule.TABLE, None, "")


def found(claim: Claim, value=None, **details) -> Finding:
    return Finding(claim.id, value, "Because.", **details)


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (4986.83, Verdict.REPRODUCED),
        (4986.83 * 1.0099, Verdict.REPRODUCED),
        (4986.83 * 1.0101, Verdict.WITHIN_TOLERANCE),
        (4986.83 * 0.9001, Verdict.WITHIN_TOLERANCE),
        (4986.83 * 0.8999, Verdict.NOT_REPRODUCED),
        (-4986.83, Verdict.NOT_REPRODUCED),
        (None, Verdict.NOT_DETERMINABLE),
    ],
)
def test_numbers_are_judged_by_relative_distance(value, verdict):
    assert judge(NUMBER, found(NUMBER, value)) is verdict


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(11.5, Verdict.REPRODUCED), (12.5, Verdict.REPRODUCED), (12.6, Verdict.WITHIN_TOLERANCE)],
)
def test_a_number_that_rounds_to_the_published_one_is_reproduced(value, verdict):
    years = dataclasses.replace(NUMBER, published_value="12")
    assert judge(years, found(years, value)) is verdict


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ("0 to 11019.44", Verdict.REPRODUCED),
        ("500 to 11500", Verdict.WITHIN_TOLERANCE),
        ("3000 to 11019", Verdict.NOT_REPRODUCED),
    ],
)
def test_two_ends_are_judged_by_the_worse_one(value, verdict):
    ends = dataclasses.replace(NUMBER, published_value="0 to 11019.44")
    assert judge(ends, found(ends, value)) is verdict


def test_a_number_that_does_not_match_the_published_form_is_refused():
    with pytest.raises(ValueError, match="no match"):
        judge(NUMBER, found(NUMBER, "1 to 2"))


@pytest.mark.parametrize(
    ("holds", "holds_in", "verdict"),
    [
        (True, 4, Verdict.REPRODUCED),
        (True, 3, Verdict.QUALITATIVE),
        (False, 3, Verdict.NOT_REPRODUCED),
        (None, 0, Verdict.NOT_DETERMINABLE),
    ],
)
def test_statements_are_judged_by_default_and_variants(holds, holds_in, verdict):
    finding = found(ORDERING, holds=holds, holds_in=holds_in, out_of=4)
    assert judge(ORDERING, finding) is verdict


def test_a_table_that_the_text_lacks_cannot_be_judged_until_it_is_filled_in():
    finding = found(TABLE, holds=True, holds_in=1, out_of=1)
    assert judge(TABLE, finding) is Verdict.NOT_DETERMINABLE
    filled = dataclasses.replace(TABLE, published_value="data/raw/table1.csv")
    assert judge(filled, finding) is Verdict.REPRODUCED


def test_a_target_of_the_calibration_confirms_nothing():
    finding = found(NUMBER, 4986.83, calibrated=True)
    assert judge(NUMBER, finding) is Verdict.CALIBRATED


def test_a_finding_on_another_claim_does_not_count():
    with pytest.raises(ValueError, match="cannot judge"):
        judge(NUMBER, found(ORDERING))


@pytest.mark.parametrize(
    "details", [{"cause": " "}, {"holds_in": 3, "out_of": 2}, {"value": math.nan}]
)
def test_a_finding_has_a_cause_and_possible_numbers(details):
    with pytest.raises(ValueError, match="P1-01"):
        Finding(**{"claim": "P1-01", "value": None, "cause": "Because.", **details})


# ---- the ledger ------------------------------------------------------------------------------

HEAD = "id,paper,section,statement,kind,published_value,unit,rule,tolerance,note"
ROW = "P2-01,fu2024,5.2,Capacity,number,4986.83,kWh,relative,0.1,"


@pytest.fixture
def ledger(tmp_path):
    def write(*rows: str):
        path = tmp_path / "claims.csv"
        path.write_text("\n".join([HEAD, *rows]) + "\n")
        return path

    return write


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW.replace("P2-01", "2-1"), "line 2, column id: found '2-1'"),
        (ROW.replace("Capacity", ""), "line 2, column statement: found nothing"),
        (ROW.replace("number", "numbr"), "did you mean number"),
        (ROW.replace("relative", "absolute"), "column rule: found 'absolute'"),
        (ROW.replace("0.1", ""), "column tolerance: found nothing, expected a share"),
        (ROW.replace("0.1", "nan"), "column tolerance: found 'nan'"),
        (ROW.replace("0.1", "10"), "column tolerance: found '10'"),
        (ROW.replace("4986.83", "five"), "column published_value: found 'five'"),
        (ROW.replace("relative", "holds"), "column tolerance: found '0.1', expected nothing"),
    ],
)
def test_a_bad_row_is_refused(ledger, row, message):
    with pytest.raises(InputError) as error:
        read_claims(ledger(row))
    assert message in str(error.value)


def test_an_id_twice_is_refused(ledger):
    with pytest.raises(InputError, match="line 3, column id"):
        read_claims(ledger(ROW, ROW))


def test_claims_of_one_paper(ledger):
    path = ledger(ROW)
    assert [claim.id for claim in read_claims(path, "fu2024")] == ["P2-01"]
    with pytest.raises(InputError, match="did you mean fu2024"):
        read_claims(path, "fu2023")


def test_verdicts_come_in_the_order_of_the_ledger(tmp_path):
    evidence = Evidence(notebook="n.ipynb", parameters="k_exp")
    findings = [
        found(ORDERING, "case 1", holds=True, holds_in=3, out_of=4, evidence=evidence),
        found(NUMBER, 5000.0 + 1e-9),
    ]
    worlds = {"P1-02": "63 % of 2,048"}
    frame = write_verdicts([NUMBER, ORDERING], findings, tmp_path / "claims.csv", worlds)
    assert frame["id"].tolist() == ["P2-01", "P1-02"]
    assert frame["verdict"].tolist() == ["reproduced", "qualitatively reproduced"]
    text = (tmp_path / "claims.csv").read_text().splitlines()
    assert text[1].startswith("P2-01,b,5,Capacity,4986.83,5000,kWh,relative,0.1,,,reproduced,")
    assert text[2].endswith(
        ',3 of 4,"63 % of 2,048",qualitatively reproduced,Because.,n.ipynb,,,k_exp'
    )


@pytest.mark.parametrize(
    "findings", [[], [found(NUMBER), found(NUMBER)], [found(NUMBER), found(ORDERING)]]
)
def test_every_claim_has_exactly_one_finding(findings):
    with pytest.raises(ValueError, match="finding"):
        verdict_frame([NUMBER], findings)


def test_worlds_of_a_claim_that_is_not_in_the_ledger_are_refused():
    with pytest.raises(ValueError, match=r"worlds without a claim: \['P1-02'\]"):
        verdict_frame([NUMBER], [found(NUMBER)], {"P1-02": "1 % of 9"})


# ---- the ledger that is committed ------------------------------------------------------------


def test_the_committed_ledger_has_every_claim_and_a_reason_for_each_tolerance(repository):
    claims = read_claims(repository / "data/raw/claims.csv")
    ids = [claim.id for claim in claims]
    assert ids == [f"P1-{n:02}" for n in range(1, 10)] + [f"P2-{n:02}" for n in range(1, 19)]
    numbers = [claim for claim in claims if claim.rule is Rule.RELATIVE]
    assert {claim.kind for claim in numbers} == {"number"}
    assert [claim.id for claim in numbers if "tolerance: " not in claim.note] == []
