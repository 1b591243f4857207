"""The catalogues of Galaxy Zoo: positions, identifiers and what volunteers answered."""

from __future__ import annotations

import pytest
from astropy.table import Table
from drawn_images import draw_jpeg

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.collect.import_folder import import_folder
from cosmic_morphology.collect.sources.galaxy_zoo import VolunteerColumns
from cosmic_morphology.collect.sources.positions import Positions
from cosmic_morphology.errors import InputError
from cosmic_morphology.taxonomy import load_taxonomy

GZ1 = (
    "OBJID,RA,DEC,NVOTE,P_EL,P_CW,P_ACW,P_EDGE,P_DK,P_MG,P_CS,P_EL_DEBIASED,P_CS_DEBIASED,"
    "SPIRAL,ELLIPTICAL,UNCERTAIN"
)
ID = "587000000000000123"
ROW = f"{ID},10:22:25.70,-00:30:00.5,50,0.5,0.1,0.1,0.2,0.06,0.04,0.4,0.5,0.4,0,0,1"
ELLIPTICAL = "shape_elliptical"


def gz2_header(part: str = "fraction", first: int = 1, last: int = 3) -> list[str]:
    names = {1: "smooth", 2: "features_or_disk", 3: "star_or_artifact"}
    return [f"t01_smooth_or_features_a0{at}_{names[at]}_{part}" for at in range(first, last + 1)]


def written(tmp_path, header: str, *rows: str):
    file = tmp_path / "catalogue.csv"
    file.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return file


def said(position) -> dict[str, tuple[float, int]]:
    return {each.answer: (each.fraction, each.people) for each in position.answers}


def test_galaxy_zoo_1_keeps_its_identifier_position_and_votes(tmp_path):
    (galaxy,) = Positions(written(tmp_path, GZ1, ROW))
    assert galaxy.identifier == ID
    assert galaxy.ra_deg == pytest.approx(15 * (10 + 22 / 60 + 25.7 / 3600))
    assert galaxy.dec_deg == pytest.approx(-(0.5 + 0.5 / 3600))
    assert said(galaxy)[ELLIPTICAL] == (0.5, 50)
    assert said(galaxy)["shape_anticlockwise-spiral"] == (0.1, 50)
    # The combined spiral and the debiased fractions are no further answers.
    assert len(galaxy.answers) == 6


def test_galaxy_zoo_2_counts_those_who_were_asked_a_question(tmp_path):
    header = ["dr7objid", "ra", "dec", *gz2_header("count"), *gz2_header()]
    row = f"{ID},120.5,3.25,10,30,0,0.25,0.75,0.0"
    (galaxy,) = Positions(written(tmp_path, ",".join(header), row))
    assert said(galaxy) == {
        "smooth-or-featured_smooth": (0.25, 40),
        "smooth-or-featured_featured-or-disk": (0.75, 40),
        "smooth-or-featured_artifact": (0.0, 40),
    }


DECALS = (
    ",Unnamed: 0,iauname,ra,dec,smooth-or-featured_smooth,smooth-or-featured_total-votes,"
    "smooth-or-featured_smooth_fraction,smooth-or-featured_featured-or-disk_fraction,"
    "smooth-or-featured_artifact_fraction,how-rounded_total-votes,"
    "how-rounded_completely_fraction,how-rounded_in-between_fraction,how-rounded_cigar_fraction"
)


def test_decals_has_each_questions_own_voters_and_a_first_column_without_a_name(tmp_path):
    row = "7,7,J132200.16+005202.0,200.5,0.87,18.0,40.0,0.45,0.475,0.075,18.0,0.5,0.5,0.0"
    (galaxy,) = Positions(written(tmp_path, DECALS, row))
    assert galaxy.identifier == "J132200.16+005202.0"
    assert said(galaxy)["smooth-or-featured_smooth"] == (0.45, 40)
    assert said(galaxy)["how-rounded_round"] == (0.5, 18)


def test_a_question_that_nobody_was_asked_has_no_answer(tmp_path):
    row = "7,7,J132200.16+005202.0,200.5,0.87,0.0,40.0,0.0,1.0,0.0,0.0,,nan,-9999"
    (galaxy,) = Positions(written(tmp_path, DECALS, row))
    assert {name.partition("_")[0] for name in said(galaxy)} == {"smooth-or-featured"}


def test_identifiers_of_18_digits_survive_fits(tmp_path):
    # As a float, both would be 587000000000000128.
    ids = [587000000000000123, 587000000000000124]
    Table({"objid": ids, "ra": [10.0, 11.0], "dec": [1.0, 2.0]}).write(tmp_path / "a.fits")
    assert [each.identifier for each in Positions(tmp_path / "a.fits")] == [*map(str, ids)]


def test_rows_that_are_there_twice_are_one_galaxy(tmp_path):
    galaxies = list(Positions(written(tmp_path, GZ1, ROW, ROW)))
    assert galaxies[0] == galaxies[1]


@pytest.mark.parametrize(
    ("header", "row", "told"),
    [
        (GZ1, ROW.replace(",0.5,0.1,", ",1.5,0.1,"), "P_EL is 1.5"),
        (GZ1, ROW.replace(",0.5,0.1,", ",-0.5,0.1,"), "P_EL is -0.5"),
        (GZ1, ROW.replace(",0.5,0.1,", ",half,0.1,"), "'half', which is no number"),
        (GZ1, ROW.replace(",0.5,0.1,", ",inf,0.1,"), "'inf', which is no number"),
        (GZ1, ROW.replace(",0.5,0.1,", ",0.9,0.1,"), "sum to 1.4, not to 1"),
        (GZ1, ROW.replace(",0.5,0.1,", ",nan,0.1,"), "sum to 0.5, not to 1"),
        (GZ1, ROW.replace(",50,", ",0,"), "no voters"),
        (GZ1, ROW.replace(",50,", ",-3,"), "-3 people"),
        (GZ1, ROW.replace(",50,", ",,"), "no voters"),
        (GZ1.replace("NVOTE", "N"), ROW, "no number of voters (NVOTE)"),
        (GZ1.replace("P_MG", "X"), ROW, "lacks P_MG"),
        (GZ1, ROW.replace(ID, "5.87E+17"), "'5.87E+17' in 'OBJID' has lost its last digits"),
        (GZ1.replace("RA,", "X,"), ROW, "no column for 'ra'"),
    ],
)
def test_a_wrong_catalogue_is_one_clear_line(tmp_path, header, row, told):
    file = written(tmp_path, header, row)
    with pytest.raises(InputError) as failed:
        Positions(file)
    text = str(failed.value)
    assert told in text
    assert str(file) in text
    assert "\n" not in text


def test_the_row_of_a_wrong_fraction_is_named(tmp_path):
    wrong = ROW.replace(ID, "587000000000000125").replace(",0.5,0.1,", ",1.5,0.1,")
    with pytest.raises(InputError, match="row 2: P_EL"):
        Positions(written(tmp_path, GZ1, ROW, wrong))


def test_one_galaxy_with_two_sets_of_votes_is_refused(tmp_path):
    other = ROW.replace(",0.5,0.1,", ",0.4,0.2,")
    with pytest.raises(InputError, match="two different sets of votes"):
        Positions(written(tmp_path, GZ1, ROW, other))


def test_a_position_outside_the_sky_is_no_position(tmp_path):
    beyond = ROW.replace("-00:30:00.5", "95.0").replace(ID, "587000000000000125")
    galaxies = list(Positions(written(tmp_path, GZ1, ROW, beyond)))
    assert [each.is_on_the_sky for each in galaxies] == [True, False]


def test_another_column_may_say_how_many_voted(tmp_path):
    file = written(tmp_path, GZ1.replace("NVOTE", "people"), ROW)
    (galaxy,) = Positions(file, "voters=people")
    assert said(galaxy)[ELLIPTICAL] == (0.5, 50)
    with pytest.raises(InputError, match="no column 'nobody'"):
        Positions(file, "voters=nobody")


def test_gz2_without_one_of_the_answers_is_refused():
    with pytest.raises(InputError, match="lacks t01_…_a03_…_fraction"):
        VolunteerColumns(gz2_header(last=2), "gz2.csv")


def test_a_table_of_something_else_has_no_volunteers():
    assert not VolunteerColumns(["ra", "dec", "label", "p_value"], "a.csv")


def test_images_named_by_identifier_come_in_with_the_votes_beside_them(tmp_path):
    (tmp_path / "in").mkdir()
    for name in (ID, "587000000000000124"):
        (tmp_path / "in" / f"{name}.jpg").write_bytes(draw_jpeg(int(name[-1])))
    written(tmp_path / "in", GZ1, ROW)
    atlas = Atlas.create(str(tmp_path / "atlas"))
    done = import_folder(atlas, tmp_path / "in", name="zoo", taxonomy=load_taxonomy("galaxy-zoo-1"))
    assert done.stored == 1
    assert done.labels_from == f"volunteers' votes in {tmp_path / 'in' / 'catalogue.csv'}"
    assert done.skipped["not in the table"] == 1
    (row,) = atlas.read(["id", "answers"]).to_pylist()
    assert row["id"] == f"folder:zoo/{ID}.jpg"
    assert row["answers"][0] == {"answer": ELLIPTICAL, "fraction": 0.5, "people": 50}
    again = import_folder(
        atlas, tmp_path / "in", name="zoo", taxonomy=load_taxonomy("galaxy-zoo-1")
    )
    assert (again.stored, again.already_there) == (0, 1)


def test_a_wrong_catalogue_in_a_folder_is_told_and_nothing_comes_in(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / f"{ID}.jpg").write_bytes(draw_jpeg(1))
    atlas = Atlas.create(str(tmp_path / "atlas"))
    for wrong in (ROW.replace(",0.5,0.1,", ",1.5,0.1,"), ROW.replace(ID, "5.87E+17")):
        written(tmp_path / "in", GZ1, wrong)
        with pytest.raises(InputError, match=r"catalogue\.csv, line 2"):
            import_folder(atlas, tmp_path / "in", name="zoo")
    assert atlas.count("catalogue") == 0


# ---- a catalogue without a vote ----------------------------------------------------------------


@pytest.mark.parametrize("cell", ["nan", "NaN", "", "--", "-9999"])
def test_a_catalogue_of_which_no_row_holds_a_vote_is_refused_by_both_ways_in(tmp_path, cell):
    """It would come in as images without labels, and nothing would say why."""
    row = f"{ID},10.5,3.25,{cell}," + ",".join([cell] * 12)
    match = "none of 1 rows holds a vote: every cell of NVOTE, P_ACW, P_CW and 4 more"
    file = written(tmp_path, GZ1, row)
    with pytest.raises(InputError, match=match):
        Positions(file)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / f"{ID}.jpg").write_bytes(draw_jpeg(1))
    with pytest.raises(InputError, match=match):
        import_folder(Atlas.create(tmp_path / "atlas"), tmp_path / "images", csv=file)


def test_a_row_without_votes_among_others_comes_in_without_answers(tmp_path):
    empty = f"588000000000000123,10:23:00.00,-00:31:00.0,nan,{','.join(['nan'] * 12)}"
    first, second = Positions(written(tmp_path, GZ1, ROW, empty))
    assert first.answers
    assert second.answers == ()


def test_a_table_with_the_columns_and_no_row_says_that_it_has_no_rows(tmp_path):
    with pytest.raises(InputError, match="the table has no rows"):
        Positions(written(tmp_path, GZ1))
