"""What then: title and action of each item of the operators' guide, and actions of single checks, in two languages.

Read from guide.toml by the catalogue; asked by the plugin for each result.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import Field

from checks.engine.environment.secrets import Model


class Words(Model):
    """Title and action of one guide item in one language."""

    title: str
    action: str


class GuideItem(Model):
    """One item of guide.toml."""

    en: Words
    pt_br: Annotated[Words, Field(alias="pt-BR")]


class OwnAction(Model):
    """What to do of one check, where that of its guide item does not fit."""

    en: Annotated[str, Field(min_length=1)]
    pt_br: Annotated[str, Field(alias="pt-BR", min_length=1)]


class Guide(Model):
    """The whole of guide.toml: an item by the id that the guide's inventory gives it, actions by the id of a check."""

    item: dict[str, GuideItem]
    check: dict[str, OwnAction] = Field(default_factory=dict)

    def action(self, check: str, guide: Iterable[str], language: str) -> str:
        """Return what to do in `language`: of the check itself, else of the first guide item that says so."""
        own = self.check.get(check)
        if own is not None:
            return own.pt_br if language == "pt-BR" else own.en
        return next((words.action for words in self._words(guide, language) if words.action != ""), "")

    def title(self, guide: Iterable[str], language: str) -> str:
        """Return the title of the first guide item in `language`, "" where a check has none."""
        return next((words.title for words in self._words(guide, language)), "")

    def _words(self, guide: Iterable[str], language: str) -> Iterator[Words]:
        for item in guide:
            if item in self.item:
                yield self.item[item].pt_br if language == "pt-BR" else self.item[item].en
