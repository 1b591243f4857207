"""The classes, search words, text rules and AVM codes; nothing is wired to six classes."""

from __future__ import annotations

import hashlib
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cosmic_morphology.errors import TaxonomyError
from cosmic_morphology.reading import read_toml
from cosmic_morphology.suggest import suggest_names

_PACKAGE = resources.files("cosmic_morphology")


class SkyClass(BaseModel):
    """One class: its name, its search words, its AVM codes, and what its images look like.

    ``prompts`` are for the zero-shot voter; a class without any is described by its name.

    Examples
    --------
    >>> SkyClass(name="comet", search=("comet", "cometary nucleus")).search
    ('comet', 'cometary nucleus')
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, pattern=r"^[a-z0-9][a-z0-9 _-]*$")
    search: tuple[str, ...] = ()
    avm: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    answers: tuple[tuple[str, ...], ...] = Field(
        (), description="ways through the questions of volunteers that end at the class"
    )
    before_others: bool = Field(
        False, description="its share is taken first, as of a merger; the others share the rest"
    )
    mirror: str = Field("", description="the class that its mirror image shows, where another")


class Question(BaseModel):
    """A question of a decision tree, and the question that follows each answer (or none).

    Examples
    --------
    >>> Question(name="bar", text="Is there a bar?", answers={"yes": "", "no": ""}).answers["no"]
    ''
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    text: str
    answers: dict[str, str] = Field(min_length=2)


TextField = Literal["title", "lead", "text", "keywords", "name"]


class Rule(BaseModel):
    """Phrases that speak for a class where they are in a record.

    ``where`` names the fields: ``title``; ``lead`` (the first two sentences of the description);
    ``text`` (the rest of it); ``keywords``; ``name`` (folder and file name). ``weight`` is how
    often such a phrase is right, from 0 to 1. A word may end in ``*`` for any ending.
    ``lent`` is of rules for the reject class in the taxonomy that comes with the package: whether
    a taxonomy without such rules of its own takes them over (``also``, ``only``: they are for
    those alone). ``yields`` is of words that mean little beside an object's name: where the title
    names one, they count for half.

    Examples
    --------
    >>> Rule(label="comet", where=("title",), weight=0.8, phrases=("comet",)).weight
    0.8
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    where: tuple[TextField, ...] = Field(min_length=1)
    weight: float = Field(gt=0, lt=1)
    phrases: tuple[str, ...] = Field(min_length=1)
    lent: Literal["no", "also", "only"] = "no"
    yields: bool = False


class Taxonomy(BaseModel):
    """The classes of a data set, and the name of the class of everything else.

    Examples
    --------
    >>> classes = (SkyClass(name="spiral"), SkyClass(name="elliptical"))
    >>> mine = Taxonomy(classes=classes, reject="other")
    >>> mine.names_with_reject
    ('spiral', 'elliptical', 'other')
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = 1
    reject: str = "irrelevant"
    reject_avm: tuple[str, ...] = ()
    reject_prompts: tuple[str, ...] = ()
    reject_answers: tuple[tuple[str, ...], ...] = ()
    questions: tuple[Question, ...] = Field((), description="a decision tree, the root first")
    classes: tuple[SkyClass, ...] = Field(min_length=2)
    ignore: tuple[str, ...] = Field((), description="phrases that hide the words in them")
    rules: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _unique(self) -> Taxonomy:
        names = [each.name for each in self.classes]
        for name in names:
            if names.count(name) > 1 or name == self.reject:
                msg = f"the class {name!r} stands there twice"
                raise ValueError(msg)
        owners: dict[str, str] = {}
        for each in self.classes:
            for word in each.search:
                if owners.setdefault(word.lower(), each.name) != each.name:
                    msg = (
                        f"the search word {word!r} belongs to both "
                        f"{owners[word.lower()]!r} and {each.name!r}"
                    )
                    raise ValueError(msg)
        self._check_rules()
        self._check_mirrors()
        self._check_questions()
        return self

    def _check_rules(self) -> None:
        owners: dict[tuple[str, str], str] = {}
        known = {*(each.name for each in self.classes), self.reject}
        for rule in self.rules:
            if rule.label not in known:
                msg = f"a rule is for {rule.label!r}, which is not a class"
                raise ValueError(msg)
            for field in rule.where:
                for phrase in rule.phrases:
                    owner = owners.setdefault((field, phrase.lower()), rule.label)
                    if owner != rule.label:
                        msg = (
                            f"the phrase {phrase!r} in {field!r} speaks for both "
                            f"{owner!r} and {rule.label!r}"
                        )
                        raise ValueError(msg)

    def _check_mirrors(self) -> None:
        mirrors = {each.name: each.mirror for each in self.classes if each.mirror}
        for name, other in mirrors.items():
            if mirrors.get(other) != name:
                msg = f"{name!r} is mirrored by {other!r}, which is not mirrored by it"
                raise ValueError(msg)

    def _check_questions(self) -> None:
        """Ways to the classes follow the tree, where there is one."""
        after = {f"{q.name}_{a}": then for q in self.questions for a, then in q.answers.items()}
        names = {question.name for question in self.questions}
        for answer, then in after.items():
            if then and then not in names:
                msg = f"after {answer!r} comes {then!r}, which is no question"
                raise ValueError(msg)
        ways = [way for each in self.classes for way in each.answers]
        for way in (*ways, *self.reject_answers) if after else ():
            for answer, step in zip(("", *way), way, strict=False):
                if step not in after or (answer and after[answer] != step.rpartition("_")[0]):
                    msg = f"no way through the questions goes {' > '.join(way)}"
                    raise ValueError(msg)

    def ways_to(self, name: str) -> tuple[tuple[str, ...], ...]:
        """Ways through volunteers' questions that end at a class, or at the reject class."""
        if name == self.reject:
            return self.reject_answers
        return next(each.answers for each in self.classes if each.name == name)

    @cached_property
    def mirrors(self) -> dict[str, str]:
        """The class of the mirror image of each class, where it is another.

        Examples
        --------
        >>> load_taxonomy("galaxy-zoo-1").mirrors["clockwise spiral"]
        'anticlockwise spiral'
        """
        return {each.name: each.mirror for each in self.classes if each.mirror}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the file, without the reject class."""
        return tuple(each.name for each in self.classes)

    @cached_property
    def names_with_reject(self) -> tuple[str, ...]:
        """Names of the classes, then the reject class."""
        return (*self.names, self.reject)

    @cached_property
    def class_of_word(self) -> dict[str, str]:
        """Class of each search word, words in lower case.

        Examples
        --------
        >>> cosmic.load_taxonomy().class_of_word["galaxy"]
        'galaxy'
        """
        return {word.lower(): each.name for each in self.classes for word in each.search}

    @cached_property
    def _hash(self) -> int:
        # The same in every process: what is kept here goes along to workers.
        return int(hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:15], 16)

    def __hash__(self) -> int:
        # Kept, for voters look their phrases up by it for every text, and it has hundreds of parts.
        return self._hash

    def prompts_of(self, name: str) -> tuple[str, ...]:
        """What images of a class (or of the reject class) look like, in words.

        Examples
        --------
        >>> ring = SkyClass(name="ring", prompts=("a ring",))
        >>> mine = Taxonomy(classes=(SkyClass(name="spiral"), ring))
        >>> mine.prompts_of("ring")
        ('a ring',)
        """
        if name == self.reject:
            return self.reject_prompts or ("an image that shows no object of the sky",)
        own = next(each.prompts for each in self.classes if each.name == name)
        return own or (f"an astronomical image of a {name}",)

    def class_of_avm(self, code: str) -> str | None:
        """Class of an AVM ``Subject.Category`` code; the longest matching prefix decides.

        The leading letter of a code (``C.5.1`` for distance) carries no class and is dropped.

        Examples
        --------
        >>> cosmic.load_taxonomy().class_of_avm("2.2")
        'comet'
        >>> cosmic.load_taxonomy().class_of_avm("99") is None
        True
        """
        digits = ".".join(part for part in code.strip().split(".") if part.isdigit())
        while digits:
            if digits in self._class_of_code:
                return self._class_of_code[digits]
            digits = digits.rpartition(".")[0]
        return None

    @cached_property
    def _class_of_code(self) -> dict[str, str]:
        table = {avm: each.name for each in self.classes for avm in each.avm}
        return table | dict.fromkeys(self.reject_avm, self.reject)


def shipped_taxonomies() -> list[str]:
    """Names of the taxonomies that come with the package beside the usual one.

    Examples
    --------
    >>> shipped_taxonomies()
    ['galaxy-morphology', 'galaxy-zoo-1', 'galaxy-zoo-2']
    """
    files = (each.name for each in (_PACKAGE / "taxonomies").iterdir())
    return sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml"))


def load_taxonomy(path: Path | str | None = None) -> Taxonomy:
    """Read a taxonomy file, or one that comes with the package.

    Parameters
    ----------
    path : Path or str, optional
        A TOML file, or one of :func:`shipped_taxonomies`; without it the six classes of the sky.

    Returns
    -------
    Taxonomy
        Classes, search words and text rules, checked.

    Raises
    ------
    TaxonomyError
        The file is missing, is not TOML, or does not hold a valid taxonomy.

    Examples
    --------
    >>> load_taxonomy().names
    ('asteroid', 'comet', 'galaxy', 'nebula', 'planet', 'star')
    >>> load_taxonomy("galaxy-morphology").names[:2]
    ('elliptical', 'spiral')
    >>> load_taxonomy(Path("sky.toml"))
    Traceback (most recent call last):
        ...
    cosmic_morphology.errors.TaxonomyError: sky.toml: there is no such file. Check the path.
    """
    where = str(path) if path else "taxonomy.toml"
    own = _PACKAGE / (f"taxonomies/{path}.toml" if path else "taxonomy.toml")
    is_shipped = path is None or where in shipped_taxonomies()
    if not is_shipped and not Path(where).suffix:
        raise TaxonomyError(
            "there is no such taxonomy",
            where=where,
            todo=f"{suggest_names(where, shipped_taxonomies())} Or name a TOML file.",
        )
    try:
        with resources.as_file(own) as file:
            read = file if is_shipped else Path(where)
            return Taxonomy.model_validate(read_toml(read, TaxonomyError))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise TaxonomyError(
            f"{place or 'taxonomy'}: {first['msg'].removeprefix('Value error, ')}",
            where=where,
            todo="See src/cosmic_morphology/taxonomy.toml for a valid one.",
        ) from error
