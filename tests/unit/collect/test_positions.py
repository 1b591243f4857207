"""Promises of tables of positions: every usual spelling means the place that astropy says."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import Angle
from astropy.table import Table
from hypothesis import given
from hypothesis import strategies as st

from cosmic_morphology.collect.sources.positions import Positions
from cosmic_morphology.errors import InputError


def read(tmp_path, content, name="t.csv", columns=""):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(Positions(tmp_path / name, columns))


SPELLINGS = [
    "{h:02d}:{m:02d}:{s:05.2f}",
    "{h:02d} {m:02d} {s:05.2f}",
    "{h}h{m}m{s:.2f}s",
    "{h:02d}h {m:02d}m {s:05.2f}s",
    "{h} h {m} m {s:.2f} s",
    "{h:02d}ʰ{m:02d}ᵐ{s:05.2f}ˢ",
    "{h:02d}H{m:02d}M{s:05.2f}S",
]
DEGREES = [
    "{sign}{h:02d}:{m:02d}:{s:05.2f}",
    "{sign}{h:02d} {m:02d} {s:05.2f}",
    "{sign}{h}d{m}m{s:.2f}s",
    "{sign}{h}°{m:02d}′{s:05.2f}″",  # noqa: RUF001 - the signs of arc minutes
    "{sign}{h}° {m:02d}' {s:05.2f}\"",
]


@given(
    *(st.integers(0, 23), st.integers(0, 59), st.integers(0, 5999)),
    *(st.integers(0, 89), st.integers(0, 59), st.integers(0, 5999)),
    *(st.sampled_from(SPELLINGS), st.sampled_from(DEGREES)),
    st.sampled_from(["", "+", "-", "\u2212", "\u2013"]),
)
def test_every_spelling_means_what_astropy_says(
    tmp_path_factory, h, m, s, d, arcmin, arcsec, spelled, dec_spelled, sign
):
    ra = spelled.format(h=h, m=m, s=s / 100)
    dec = dec_spelled.format(sign=sign, h=d, m=arcmin, s=arcsec / 100)
    quoted = dec.replace('"', '""')
    (found,) = read(tmp_path_factory.mktemp("t"), f'ra,dec\n"{ra}","{quoted}"\n')
    expected_ra = Angle(f"{h}h{m}m{s / 100}s").deg
    expected_dec = Angle(f"{d}d{arcmin}m{arcsec / 100}s").deg
    if sign not in ("", "+"):
        expected_dec = -expected_dec
    assert found.ra_deg == pytest.approx(expected_ra, abs=1e-9)
    assert found.dec_deg == pytest.approx(expected_dec, abs=1e-9)
    assert found.is_on_the_sky


@pytest.mark.parametrize(
    ("header", "ra", "expected"),
    [
        ("ra", "12.5", 12.5),
        ("RA (h)", "12.5", 187.5),
        ("ra_hours", "12.5", 187.5),
        ("RA [deg]", "12:30:00", 12.5),
        ("ra_deg", "187.5", 187.5),
        ("ra", "12:30:00", 187.5),
        ("ra", "187.5d", 187.5),
        ("ra", "12.5h", 187.5),
        ("right_ascension", "187:30:00", None),
        ("RAJ2000", "12 30 00.0", 187.5),
        ("ra_rad", "3.0", 171.8873385),
    ],
)
def test_hours_and_degrees_are_told_apart_by_letters_names_and_parts(
    tmp_path, header, ra, expected
):
    content = f"{header},dec\n{ra},+01:00:00\n"
    if expected is None:
        with pytest.raises(InputError, match=f"'{ra}' in the column '{header}'"):
            read(tmp_path, content)
    else:
        assert read(tmp_path, content)[0].ra_deg == pytest.approx(expected)


def test_the_unit_of_a_fits_or_votable_column_counts(tmp_path):
    table = Table({"ra": [12.5], "dec": [1.0]}, units={"ra": "h", "dec": "deg"})
    table.write(tmp_path / "t.fits")
    table.write(tmp_path / "t.xml", format="votable")
    for name in ("t.fits", "t.xml"):
        assert [each.ra_deg for each in Positions(tmp_path / name)] == [187.5]
    Table({"ra": [b"12:30:00"], "dec": [b"-00:30:00"]}).write(tmp_path / "s.fits")
    (found,) = Positions(tmp_path / "s.fits")
    assert (found.ra_deg, found.dec_deg) == (187.5, -0.5)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_of_spreadsheets_are_read(tmp_path, delimiter, encoding):
    lines = ["OBJID RA DEC class", "0587 10.5 -2.5 spiral", "0588 11.5 3.5 edge"]
    text = "\r\n".join(line.replace(" ", delimiter) for line in lines)
    one, two = read(tmp_path, text.encode(encoding))
    assert (one.identifier, one.label, one.ra_deg, one.dec_deg) == ("0587", "spiral", 10.5, -2.5)
    assert (two.identifier, two.label) == ("0588", "edge")


def test_decimal_commas_are_read(tmp_path):
    (found,) = read(tmp_path, "ra;dec\n10,25;-2,5\n")
    assert (found.ra_deg, found.dec_deg) == (10.25, -2.5)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("ra,dec\n1 o'clock,x\n", "\"1 o'clock\" in the column 'ra'"),
        ("ra,dec\n12:61:00,1\n", "'12:61:00' in the column 'ra'"),
        ("ra,dec\n1,95\n2,96\n3,4\n", "2 of 3 rows are no positions: the first has '95'"),
        ("ra,dec\n1,05:12:33 S\n", "'05:12:33 S' in the column 'dec'"),
        ("ra,dec\n12:30:00,1\n187.5,1\n", "mixes '187.5' and '12:30:00'"),
        ("ra,dec,ra\n1,2,3\n", "several columns may be 'ra'"),
        ("ra,RA,dec\n1,2,3\n", "several columns may be 'ra'"),
        ("ra,dec\n", "no rows"),
        ("ra,dec\n,\n", "no rows"),
        ("ra,dec,id\n,,x\n", "1 of 1 rows are no positions"),
        ("id,ra,dec,label\n7,1,2,spiral\n7,1,2,edge\n", "labelled both 'spiral' and 'edge'"),
        (b"ra,dec,n\xe9\n1,2,3\n", "not a CSV table in UTF-8"),
    ],
)
def test_a_table_without_usable_positions_is_refused_with_column_and_cell(tmp_path, content, says):
    with pytest.raises(InputError, match=says) as caught:
        read(tmp_path, content)
    assert caught.value.exit_code == 2


def test_columns_may_be_named_as_the_command_line_gives_them(tmp_path):
    content = "alpha,delta\n1,2\n"
    with pytest.raises(InputError, match="no column for 'ra'") as caught:
        read(tmp_path, content)
    advised = caught.value.todo.partition("columns=")[2].partition(".")[0]
    filled = advised.replace("ra=NAME", "ra=alpha").replace("dec=NAME", "dec=delta")
    assert read(tmp_path, content, columns=filled) == read(
        tmp_path, content, columns={"ra": "alpha", "dec": "delta"}
    )


def test_a_few_rows_without_a_position_are_left_for_counting(tmp_path):
    found = read(tmp_path, "ra,dec\n1,2\n3,\n,4\n5,6\n7,8\n")
    assert [each.is_on_the_sky for each in found] == [True, False, False, True, True]
    assert np.isnan(found[2].ra_deg)
