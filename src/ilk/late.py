"""Modules that are imported when they are first used, so that `import ilk` is quick."""

from __future__ import annotations

from importlib import import_module
from typing import Any, final

__all__ = ["Late"]


@final
class Late:
    """Stands for a module until an attribute of it is wanted.

    Parameters
    ----------
    name : str
        Full name of the module.

    Examples
    --------
    >>> from ilk.late import Late
    >>> Late("math").floor(2.5)
    2
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)

    def __repr__(self) -> str:
        return f"<module {self._name!r}, when it is used>"
