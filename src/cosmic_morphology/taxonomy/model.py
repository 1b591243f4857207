"""A taxonomy: its classes, what speaks for each, and what it means by words and codes."""

from __future__ import annotations

import hashlib
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cosmic_morphology.taxonomy.parts import Phrase, Question, Rule, SkyClass


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
    ignore: tuple[Phrase, ...] = Field((), description="phrases that hide the words in them")
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
        >>> from cosmic_morphology.taxonomy import load_taxonomy
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
