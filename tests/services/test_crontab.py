"""A crontab's text is read as crontab(5) has it."""

from checks.engine.probes.crontab import Line, lines_of


def test_a_crontab_is_lines_with_the_variables_above_them() -> None:
    found = lines_of('# x\nMAILTO="a@b"\n\n0 3 * * * /opt/a.sh --x\nA=1\n@daily /opt/b.sh\nnonsense\n')

    assert found == (
        Line("0 3 * * *", "/opt/a.sh --x", {"MAILTO": "a@b"}),
        Line("@daily", "/opt/b.sh", {"MAILTO": "a@b", "A": "1"}),
    )
